package auditledger

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "auditledger.test/client/auditledgerpb"
)

const origin = "audit.example.org/clinic"

func certs(name string) string { return filepath.Join(os.Getenv("AUDITLEDGER_CERTS"), name) }

func theLog(t *testing.T) *PinnedLog {
	t.Helper()
	if os.Getenv("AUDITLEDGER") == "" {
		t.Skip("tests/clients/rig.py runs this")
	}
	vkey, err := os.ReadFile(certs("clinic.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := NewPinnedLog(origin, string(vkey))
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func connect(t *testing.T, log *PinnedLog, where string, files TLS) *Client {
	t.Helper()
	files.CA = certs("ca.pem")
	conn, err := Dial(os.Getenv(where), files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	client := NewClient(conn, "clinic", log)
	client.Timeout = time.Minute // a busy machine's
	return client
}

func ehr() TLS { return TLS{Cert: certs("ehr.pem"), Key: certs("ehr.key")} }

func rig(t *testing.T, command string) {
	t.Helper()
	conn, err := net.Dial("tcp", os.Getenv("AUDITLEDGER_RIG"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, command)
	if answer, err := bufio.NewReader(conn).ReadString('\n'); answer != "ok\n" {
		t.Fatal(answer, err)
	}
}

var sequence uint64

func newEvent() *pb.AuditEvent {
	sequence++
	return &pb.AuditEvent{EventId: rand.Text(), SchemaVersion: 1,
		Recorded: &pb.Time{At: timestamppb.Now()}, Agent: []*pb.Agent{{Name: "Dr. A"}},
		Outcome: &pb.Outcome{Indicator: pb.Outcome_INDICATOR_SUCCESS},
		Source: &pb.Source{Observer: &pb.Reference{Display: "EHR"}, StreamId: "go",
			StreamSequence: sequence}}
}

func newEvents(count int) []*pb.AuditEvent {
	out := make([]*pb.AuditEvent, count)
	for i := range out {
		out[i] = newEvent()
	}
	return out
}

func size(t *testing.T, c *Client) uint64 {
	t.Helper()
	response, err := c.Stub.GetLedger(t.Context(), &pb.GetLedgerRequest{Name: "ledgers/clinic"})
	if err != nil {
		t.Fatal(err)
	}
	return response.Ledger.Size
}

// appendStream gives the entries' indexes, sorted.
func appendStream(t *testing.T, c *Client, events []*pb.AuditEvent) []uint64 {
	t.Helper()
	var out []uint64
	err := c.AppendStream(t.Context(), events, func(position int, receipt *pb.Receipt, err error) {
		if err != nil {
			t.Errorf("%d: %v", position, err)
		}
		out = append(out, receipt.GetIndex())
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func checkIndexes(t *testing.T, got []uint64, first uint64, count int) {
	t.Helper()
	for i, index := range got {
		if index != first+uint64(i) {
			t.Fatalf("entry %d where %d is due", index, first+uint64(i))
		}
	}
	if len(got) != count {
		t.Fatalf("%d entries, not %d", len(got), count)
	}
}

func indexesOf(receipts []*pb.Receipt) []uint64 {
	var out []uint64
	for _, receipt := range receipts {
		out = append(out, receipt.Index)
	}
	return out
}

func TestTheQuickstartRuns(t *testing.T) {
	theLog(t)
	program := filepath.Join(t.TempDir(), "quickstart")
	if out, err := exec.Command("go", "build", "-o", program, "./quickstart").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := exec.Command(program)
	command.Dir = filepath.Dir(os.Getenv("AUDITLEDGER_CERTS"))
	if out, err := command.CombinedOutput(); err != nil || !strings.Contains(string(out), "recorded as entry") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestHeadsFollowEachOther(t *testing.T) {
	client := connect(t, theLog(t), "AUDITLEDGER", ehr())
	var head *Head
	for range 5 {
		receipt, err := client.Append(t.Context(), newEvent())
		if err != nil {
			t.Fatal(err)
		}
		newer, err := client.Follow(t.Context(), head, receipt)
		if err != nil || (head != nil && newer.Size <= head.Size) {
			t.Fatalf("%v after %v: %v", newer, head, err)
		}
		head = newer
	}
}

func TestBatchesAndStreams(t *testing.T) {
	client := connect(t, theLog(t), "AUDITLEDGER", ehr())
	before := size(t, client)
	receipts, err := client.AppendBatch(t.Context(), newEvents(50))
	if err != nil {
		t.Fatal(err)
	}
	checkIndexes(t, indexesOf(receipts), before, 50)
	checkIndexes(t, appendStream(t, client, newEvents(700)), before+50, 700)
}

func TestTheSameEventAgainGetsTheFirstReceipt(t *testing.T) {
	client, event := connect(t, theLog(t), "AUDITLEDGER", ehr()), newEvent()
	first, err := client.Append(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Append(t.Context(), event)
	if err != nil || again.Index != first.Index || first.RepeatedEvent || !again.RepeatedEvent {
		t.Errorf("%v, %v, %v", first, again, err)
	}
	event.Agent[0].Name = "Dr. B"
	_, err = client.Append(t.Context(), event)
	var refused *Error
	if !errors.Is(err, ErrConflict) || !errors.As(err, &refused) || refused.Reason != "EVENT_ID_CONFLICT" {
		t.Error(err)
	}
}

func TestRefusalsHaveReasons(t *testing.T) {
	auditor := connect(t, theLog(t), "AUDITLEDGER", TLS{Cert: certs("auditor.pem"), Key: certs("auditor.key")})
	_, err := auditor.Append(t.Context(), newEvent())
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != codes.PermissionDenied || refused.Reason != "NOT_PERMITTED" {
		t.Error(err)
	}
}

func TestSecretsAreMaskedAndTheReceiptStillHolds(t *testing.T) {
	client, event := connect(t, theLog(t), "AUDITLEDGER", ehr()), newEvent()
	event.Entity = []*pb.Entity{{Query: []byte("/login?user=ann&password=x1")}}
	receipt, err := client.Append(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	sealed := &pb.AuditEvent{}
	if err := proto.Unmarshal(receipt.Opening.Event, sealed); err != nil || !slices.Contains(receipt.Flags, "SECRETS_MASKED") ||
		string(sealed.Entity[0].Query) != "/login?user=ann&password=**" {
		t.Errorf("%v, %v, %v", receipt.Flags, sealed, err)
	}
}

func TestAnotherKeyIsNotBelieved(t *testing.T) {
	theLog(t)
	stranger, err := NewPinnedLog(origin, peter)
	expect(t, "peter", codes.OK, err)
	_, err = connect(t, stranger, "AUDITLEDGER", ehr()).Append(t.Context(), newEvent())
	expect(t, "a receipt by another key", codes.Unauthenticated, err)
}

func TestATokenIsEnoughWhereTokensAreAskedFor(t *testing.T) {
	client := connect(t, theLog(t), "AUDITLEDGER_TOKEN", TLS{TokenFile: certs("token")})
	if receipt, err := client.Append(t.Context(), newEvent()); err != nil || receipt.RepeatedEvent {
		t.Errorf("%v, %v", receipt, err)
	}
}

func TestAnAnswerThatWasLostMakesNoSecondEntry(t *testing.T) {
	log := theLog(t)
	direct, client := connect(t, log, "AUDITLEDGER", ehr()), connect(t, log, "AUDITLEDGER_PROXY", ehr())
	if _, err := client.Append(t.Context(), newEvent()); err != nil {
		t.Fatal(err)
	}
	before := size(t, direct)
	rig(t, "lose-answer")
	receipt, err := client.Append(t.Context(), newEvent())
	if err != nil || !receipt.RepeatedEvent || receipt.Index != before {
		t.Errorf("%v, %v", receipt, err)
	}
	rig(t, "lose-answer")
	receipts, err := client.AppendBatch(t.Context(), newEvents(20))
	if err != nil || !receipts[0].RepeatedEvent {
		t.Fatalf("%v", err)
	}
	checkIndexes(t, indexesOf(receipts), before+1, 20)
	rig(t, "lose-answer")
	checkIndexes(t, appendStream(t, client, newEvents(700)), before+21, 700)
	if now := size(t, direct); now != before+721 {
		t.Errorf("%d entries more, not 721", now-before)
	}
}

func TestALedgerThatWasRolledBackIsNoticed(t *testing.T) {
	client := connect(t, theLog(t), "AUDITLEDGER", ehr())
	appendOne := func() *pb.Receipt {
		receipt, err := client.Append(t.Context(), newEvent())
		if err != nil {
			t.Fatal(err)
		}
		return receipt
	}
	rig(t, "snapshot")
	var head *Head
	for range 3 {
		seen, err := client.Follow(t.Context(), nil, appendOne())
		expect(t, "a first head", codes.OK, err)
		head = seen
	}
	rig(t, "rollback")
	for range 4 { // smaller than what was seen, as large but another, larger
		_, err := client.Follow(t.Context(), head, appendOne())
		expect(t, "after the rollback", codes.DataLoss, err)
	}
}
