package auditledger

import (
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "auditledger.test/client/auditledgerpb"
)

// PinnedLog is a log by what must reach you by another way than its server: origin and verifier
// key.
type PinnedLog struct {
	origin string
	keys   []*verifierKey
}

// NewPinnedLog takes others as well: the key that is to follow when the log's is rotated.
func NewPinnedLog(origin, vkey string, others ...string) (*PinnedLog, error) {
	log := &PinnedLog{origin: origin}
	for _, text := range append([]string{vkey}, others...) {
		key, err := parseVkey(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		log.keys = append(log.keys, key)
	}
	return log, nil
}

// OpenHead gives the Head of a note that is signed by a pinned key.
func (l *PinnedLog) OpenHead(note string) (*Head, error) {
	var first error
	for _, key := range l.keys {
		head, err := l.openBy(key, note)
		if err == nil {
			return head, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func (l *PinnedLog) openBy(key *verifierKey, note string) (*Head, error) {
	text, err := openNote(note, key)
	if err != nil {
		return nil, err
	}
	head, err := parseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	if head.Origin != l.origin {
		return nil, &ReceiptError{Code: codes.FailedPrecondition,
			Message: "checkpoint: origin is not " + l.origin}
	}
	head.Note = note
	return head, nil
}

func differByStarsAlone(sealed, sent []byte) bool {
	if len(sealed) != len(sent) {
		return false
	}
	for i := range sent {
		if sealed[i] != sent[i] && sealed[i] != '*' {
			return false
		}
	}
	return true
}

var eventDescriptor = (&pb.AuditEvent{}).ProtoReflect().Descriptor()

// isMasked says whether `sealed` is `sent` but for stars in its texts; an event's identity is the
// same.
func isMasked(descriptor protoreflect.MessageDescriptor, sealed, sent []byte) bool {
	theirs, err := wireFields(sealed)
	if err != nil {
		return false
	}
	ours, err := wireFields(sent)
	if err != nil || len(ours) != len(theirs) {
		return false
	}
	for i, mine := range ours {
		its := theirs[i]
		if mine.number != its.number || mine.kind != its.kind || len(mine.record) != len(its.record) {
			return false
		}
		field := descriptor.Fields().ByNumber(protoreflect.FieldNumber(mine.number))
		isIdentity := descriptor == eventDescriptor &&
			(mine.number == fieldEventID || mine.number == fieldSource)
		same := false
		switch {
		case mine.kind != wireBytes || isIdentity:
			same = string(mine.record) == string(its.record)
		case field != nil && field.Message() != nil:
			same = isMasked(field.Message(), its.value, mine.value)
		default:
			same = differByStarsAlone(its.value, mine.value)
		}
		if !same {
			return false
		}
	}
	return true
}

// sealedEvent is what was sealed for the bytes `event`: themselves, or the same with secrets
// masked.
func sealedEvent(opening *pb.Opening, event []byte) ([]byte, error) {
	head, err := parseHeader(opening.Header)
	if err != nil {
		return nil, err
	}
	if head.flags&flagSecretsMasked == 0 {
		return event, nil
	}
	if !isMasked(eventDescriptor, opening.Event, event) {
		return nil, differs("receipt: what was sealed is another event, not this one with secrets masked")
	}
	return opening.Event, nil
}

func checkReceiptUnder(head *Head, receipt *pb.Receipt, event []byte) error {
	inclusion := receipt.GetInclusion()
	if inclusion.GetLeafIndex() != receipt.Index || inclusion.GetTreeSize() != head.Size {
		return differs("receipt: its proof is for another index or head")
	}
	err := verifyInclusion(receipt.Index, head.Size, leafHash(receipt.Leaf), inclusion.GetHashes(),
		head.Root)
	if err != nil {
		return err
	}
	leaf, err := parseLeaf(receipt.Leaf)
	if err != nil {
		return err
	}
	if leaf.kind != kindEvent {
		return differs("receipt: the entry is not an event")
	}
	if receipt.Opening == nil {
		return differs("receipt: no opening, so it may be another event's")
	}
	sealed, err := sealedEvent(receipt.Opening, event)
	if err != nil {
		return err
	}
	return verifyOpening(leaf, receipt.Opening.Seed, receipt.Opening.Header, sealed)
}

// withEvidence puts the receipt into the error that tells of it.
func withEvidence(err error, receipt *pb.Receipt) error {
	var refused *ReceiptError
	if errors.As(err, &refused) {
		refused.Receipt = receipt
	}
	return err
}

// encode gives an event's bytes as the ledger seals them.
func encode(event *pb.AuditEvent) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(event)
}

// CheckReceipt is what an emitter checks of a receipt before it believes it: the head is signed by
// the pinned key for the pinned origin, the leaf is in that head's tree at that index, and the leaf
// commits to the very event sent; or, where the ledger says SECRETS_MASKED, to that event with bytes
// of its texts overwritten by '*' and nothing else changed. The receipt then carries what was sealed
// (receipt.Opening.Event): look at it, for a ledger that lies may hide by '*' what should have been
// kept. A *ReceiptError says what is wrong.
func CheckReceipt(receipt *pb.Receipt, event *pb.AuditEvent, log *PinnedLog) (*Head, error) {
	data, err := encode(event)
	if err != nil {
		return nil, err
	}
	return checkReceiptBytes(receipt, data, log)
}

func checkReceiptBytes(receipt *pb.Receipt, event []byte, log *PinnedLog) (*Head, error) {
	head, err := log.OpenHead(receipt.GetCheckpoint().GetNote())
	if err == nil {
		err = checkReceiptUnder(head, receipt, event)
	}
	if err != nil {
		return nil, withEvidence(err, receipt)
	}
	return head, nil
}

// CheckExtension checks that the log of the head `after` begins with that of `before`, by a
// consistency proof.
func CheckExtension(before, after *Head, proof [][]byte) error {
	return verifyConsistency(before.Size, before.Root, after.Size, after.Root, proof)
}
