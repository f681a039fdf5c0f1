package auditledger

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "auditledger.test/client/auditledgerpb"
)

type receiptVectors struct {
	Pinned struct {
		Origin, Vkey string
		Others       []string `json:"other_vkeys"`
		Stranger     string   `json:"stranger_vkey"`
	}
	Receipts []struct{ Name, Verdict, Event, Receipt string }
	Heads    []struct {
		Name, Verdict string
		Old           string `json:"old_note"`
		New           string `json:"new_note"`
		Proof         []string
	}
}

var codeNames = map[string]codes.Code{"OK": codes.OK, "INVALID_ARGUMENT": codes.InvalidArgument,
	"DATA_LOSS": codes.DataLoss, "UNAUTHENTICATED": codes.Unauthenticated,
	"FAILED_PRECONDITION": codes.FailedPrecondition}

func pinned(t *testing.T, v receiptVectors) *PinnedLog {
	t.Helper()
	log, err := NewPinnedLog(v.Pinned.Origin, v.Pinned.Vkey, v.Pinned.Others...)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func parseReceipt(t *testing.T, text string) *pb.Receipt {
	t.Helper()
	receipt := &pb.Receipt{}
	if err := proto.Unmarshal(unhex(t, text), receipt); err != nil {
		t.Fatal(err)
	}
	return receipt
}

func TestEveryReceiptIsJudgedAsItShouldBe(t *testing.T) {
	vectors := seal[receiptVectors](t, "receipts.json")
	log := pinned(t, vectors)
	for _, v := range vectors.Receipts {
		_, err := checkReceiptBytes(parseReceipt(t, v.Receipt), unhex(t, v.Event), log)
		expect(t, v.Name, codeNames[v.Verdict], err)
	}
	if len(vectors.Receipts) < 60 {
		t.Errorf("%d receipts", len(vectors.Receipts))
	}
}

func TestEveryPairOfHeadsIsJudgedAsItShouldBe(t *testing.T) {
	vectors := seal[receiptVectors](t, "receipts.json")
	log := pinned(t, vectors)
	for _, v := range vectors.Heads {
		before, err := log.OpenHead(v.Old)
		expect(t, v.Name, codes.OK, err)
		after, err := log.OpenHead(v.New)
		expect(t, v.Name, codes.OK, err)
		var proof [][]byte
		for _, one := range v.Proof {
			raw, _ := hex.DecodeString(one)
			proof = append(proof, raw)
		}
		expect(t, v.Name, codeNames[v.Verdict], CheckExtension(before, after, proof))
	}
}

func TestAFlippedBitAnywhereIsNoticed(t *testing.T) {
	vectors := seal[receiptVectors](t, "receipts.json")
	log, event := pinned(t, vectors), unhex(t, vectors.Receipts[0].Event)
	good := parseReceipt(t, vectors.Receipts[0].Receipt)
	check := func(what string, at int, change func(*pb.Receipt)) {
		receipt := proto.CloneOf(good)
		change(receipt)
		if _, err := checkReceiptBytes(receipt, event, log); err == nil {
			t.Errorf("%s: byte or bit %d is flipped and nobody noticed", what, at)
		}
	}
	fields := map[string]func(*pb.Receipt) []byte{
		"leaf":   func(r *pb.Receipt) []byte { return r.Leaf },
		"seed":   func(r *pb.Receipt) []byte { return r.Opening.Seed },
		"header": func(r *pb.Receipt) []byte { return r.Opening.Header },
	}
	for i := range good.Inclusion.Hashes {
		fields["hash "+string(rune('0'+i))] = func(r *pb.Receipt) []byte { return r.Inclusion.Hashes[i] }
	}
	for name, field := range fields {
		for i := range field(good) {
			check(name, i, func(r *pb.Receipt) { field(r)[i] ^= 1 })
		}
	}
	for i := range len(good.Checkpoint.Note) {
		check("note", i, func(r *pb.Receipt) {
			note := []byte(r.Checkpoint.Note)
			note[i] ^= 1
			r.Checkpoint.Note = string(note)
		})
	}
	for bit := range 64 {
		check("index", bit, func(r *pb.Receipt) { r.Index ^= 1 << bit })
		check("leaf index", bit, func(r *pb.Receipt) { r.Inclusion.LeafIndex ^= 1 << bit })
		check("tree size", bit, func(r *pb.Receipt) { r.Inclusion.TreeSize ^= 1 << bit })
	}
	for i := range event {
		changed := bytes.Clone(event)
		changed[i] ^= 1
		if _, err := checkReceiptBytes(good, changed, log); err == nil {
			t.Errorf("byte %d of the event is flipped and nobody noticed", i)
		}
	}
}

// Whatever a server sends is refused by a *ReceiptError, or holds; it never ends the program.
func FuzzReceipt(f *testing.F) {
	t := &testing.T{}
	vectors := seal[receiptVectors](t, "receipts.json")
	log := pinned(t, vectors)
	for _, v := range vectors.Receipts {
		f.Add(unhex(t, v.Receipt), unhex(t, v.Event))
	}
	f.Fuzz(func(t *testing.T, data, event []byte) {
		receipt := &pb.Receipt{}
		if proto.Unmarshal(data, receipt) != nil {
			return
		}
		if _, err := checkReceiptBytes(receipt, event, log); codeOf(err) == codes.Unknown {
			t.Error(err)
		}
	})
}

func TestAnotherKeyAndAnotherOriginAreEvidence(t *testing.T) {
	vectors := seal[receiptVectors](t, "receipts.json")
	event := &pb.AuditEvent{}
	if err := proto.Unmarshal(unhex(t, vectors.Receipts[0].Event), event); err != nil {
		t.Fatal(err)
	}
	receipt := parseReceipt(t, vectors.Receipts[0].Receipt)
	for want, log := range map[codes.Code][2]string{
		codes.OK:                 {vectors.Pinned.Origin, vectors.Pinned.Vkey},
		codes.Unauthenticated:    {vectors.Pinned.Origin, vectors.Pinned.Stranger},
		codes.FailedPrecondition: {"ledger.example.org/elsewhere", vectors.Pinned.Vkey},
	} {
		pinned, err := NewPinnedLog(log[0], log[1])
		expect(t, log[1], codes.OK, err)
		_, err = CheckReceipt(receipt, event, pinned)
		expect(t, log[0], want, err)
		var refused *ReceiptError
		if errors.As(err, &refused) && refused.Receipt != receipt {
			t.Error("the error does not hold the receipt")
		}
	}
}
