// The program that README.md shows; a test runs it where `auditctl dev-certs` wrote certs/.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	"google.golang.org/protobuf/types/known/timestamppb"

	auditledger "auditledger.test/client"
	pb "auditledger.test/client/auditledgerpb"
)

func main() {
	address := cmp.Or(os.Getenv("AUDITLEDGER"), "localhost:7443")
	// snippet-begin: quickstart
	vkey, err0 := os.ReadFile("certs/clinic.vkey")
	pin, err1 := auditledger.NewPinnedLog("audit.example.org/clinic", string(vkey))
	conn, err2 := auditledger.Dial(address, auditledger.TLS{CA: "certs/ca.pem", Cert: "certs/ehr.pem", Key: "certs/ehr.key"})
	event := &pb.AuditEvent{EventId: rand.Text(), SchemaVersion: 1, Recorded: &pb.Time{At: timestamppb.Now()},
		Agent: []*pb.Agent{{Name: "Dr. A"}}, Outcome: &pb.Outcome{Indicator: pb.Outcome_INDICATOR_SUCCESS},
		Source: &pb.Source{Observer: &pb.Reference{Display: "EHR"}, StreamId: "ehr-1"}}
	must(err0, err1, err2)
	receipt, err := auditledger.NewClient(conn, "clinic", pin).Append(context.Background(), event)
	must(err)
	fmt.Println("recorded as entry", receipt.Index)
	// snippet-end: quickstart
}

func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			log.Fatal(err)
		}
	}
}
