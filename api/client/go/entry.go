package auditledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// The formats to the byte, and vectors: tests/testdata/seal/README.md of the audit ledger.
const (
	kindEvent         = 1
	flagSecretsMasked = 1 << 10
	maxLeafBytes      = 65535
	maxEventBytes     = 65536
	maxUnits          = 4096

	fieldEventID        = 1
	fieldRecorded       = 4
	fieldSource         = 18
	fieldStreamID       = 8 // of source
	fieldStreamSequence = 9

	maxSeconds = 253402300799 // 9999-12-31T23:59:59Z
)

type hash [sha256.Size]byte

func sha(parts ...[]byte) hash { return sha256.Sum256(bytes.Join(parts, nil)) }

// leaf is what the tree hashes of an entry.
type leaf struct {
	kind         uint8
	recordedAtUs uint64
	eventTimeUs  uint64
	tags         [][]byte
	commitment   []byte // nil where it has none
	body         []byte
}

func parseLeaf(data []byte) (*leaf, error) {
	if len(data) > maxLeafBytes {
		return nil, malformed("leaf: has %d bytes, at most %d", len(data), maxLeafBytes)
	}
	r := &layoutReader{what: "leaf", rest: data}
	r.version(1)
	out := &leaf{kind: r.u8(), recordedAtUs: r.u64(), eventTimeUs: r.u64()}
	for n := r.u16(); n > 0 && r.err == nil; n-- {
		tag := r.raw(32)
		if last := len(out.tags) - 1; last >= 0 && bytes.Compare(out.tags[last], tag) >= 0 {
			return nil, malformed("leaf tags: not strictly ascending")
		}
		out.tags = append(out.tags, tag)
	}
	switch present := r.u8(); present {
	case 0:
	case 1:
		out.commitment = r.raw(32)
	default:
		return nil, malformed("leaf has_commitment: neither 0 nor 1")
	}
	out.body = r.bytes16()
	return out, r.finish()
}

// header is what the ledger itself says of an event.
type header struct {
	receivedAtUs   uint64
	flags          uint64
	principal      []byte
	streamID       []byte
	eventID        []byte
	streamSequence uint64
}

func parseHeader(data []byte) (*header, error) {
	r := &layoutReader{what: "header", rest: data}
	r.version(1)
	out := &header{receivedAtUs: r.u64(), flags: r.u64(), principal: r.bytes16(),
		streamID: r.bytes16(), eventID: r.bytes16(), streamSequence: r.u64()}
	switch algorithm := r.u8(); algorithm {
	case 0:
	case 1:
		r.raw(32 + 64) // public key and signature of the emitter
	default:
		return nil, malformed("header signature_algorithm: %d is unknown", algorithm)
	}
	return out, r.finish()
}

// unit is a piece of an event that is committed to by itself.
type unit struct {
	field, occurrence, subfield uint32
	bytes                       []byte
}

func isCutDeeper(field uint32) bool {
	switch field {
	case 13, 14, 17, fieldSource, 19, 25:
		return true
	}
	return false
}

func cutElement(units []unit, field, occurrence uint32, element []byte) ([]unit, error) {
	fields, err := wireFields(element)
	if err != nil {
		return nil, err
	}
	current := unit{field: field, occurrence: occurrence}
	for _, f := range fields {
		if f.number < current.subfield {
			return nil, malformed("field %d: field %d after %d: not ascending", field, f.number,
				current.subfield)
		}
		if f.number == current.subfield {
			current.bytes = append(current.bytes, f.record...)
			continue
		}
		if current.subfield != 0 {
			units = append(units, current)
		}
		current.subfield, current.bytes = f.number, bytes.Clone(f.record)
	}
	return append(units, current), nil
}

// cutUnits cuts a canonical encoding into its units.
func cutUnits(event []byte) ([]unit, error) {
	if len(event) > maxEventBytes {
		return nil, malformed("event: has %d bytes, at most %d", len(event), maxEventBytes)
	}
	var units []unit
	var field, occurrence uint32
	for r := (wireReader{event}); len(r.rest) > 0; {
		f, err := r.next()
		if err != nil {
			return nil, err
		}
		if f.number < field {
			return nil, malformed("field %d after field %d: not ascending", f.number, field)
		}
		if f.number == field {
			occurrence++
		} else {
			field, occurrence = f.number, 0
		}
		if !isCutDeeper(field) {
			units = append(units, unit{field: field, occurrence: occurrence, bytes: f.record})
		} else if f.kind != wireBytes {
			return nil, malformed("field %d: wrong wire type for a message", field)
		} else if units, err = cutElement(units, field, occurrence, f.value); err != nil {
			return nil, err
		}
		if len(units) > maxUnits {
			return nil, malformed("event: more than %d units", maxUnits)
		}
	}
	return units, nil
}

func bytesOf(units []unit, field uint32) []byte {
	var out []byte
	for _, u := range units {
		if u.field == field {
			out = append(out, u.bytes...)
		}
	}
	return out
}

// eventTimeUs is that of the event's `recorded`, what is finer cut off; 0 without.
func eventTimeUs(units []unit) (uint64, error) {
	message := bytesOf(units, fieldRecorded)
	for _, number := range []uint32{fieldRecorded, 1} { // recorded, then its `at`
		found, err := wireSingular("recorded", message, map[uint32]uint8{number: wireBytes})
		if err != nil {
			return 0, err
		}
		field, ok := found[number]
		if !ok {
			return 0, nil
		}
		message = field.value
	}
	found, err := wireSingular("recorded.at", message, map[uint32]uint8{1: wireVarint, 2: wireVarint})
	if err != nil {
		return 0, err
	}
	seconds, nanos := found[1].scalar, found[2].scalar
	if seconds > maxSeconds || nanos > 999_999_999 {
		return 0, malformed("recorded.at: out of range")
	}
	return seconds*1_000_000 + nanos/1000, nil
}

// identity is which event it is, in which stream, at which number there.
type identity struct {
	eventID, streamID string
	streamSequence    uint64
}

func eventIdentity(units []unit) (identity, error) {
	for _, u := range units {
		if u.field == fieldSource && u.occurrence > 0 {
			return identity{}, malformed("source: occurs twice")
		}
	}
	own, err := wireSingular("event_id", bytesOf(units, fieldEventID),
		map[uint32]uint8{fieldEventID: wireBytes})
	if err != nil {
		return identity{}, err
	}
	source, err := wireSingular("source", bytesOf(units, fieldSource),
		map[uint32]uint8{fieldStreamID: wireBytes, fieldStreamSequence: wireVarint})
	return identity{string(own[fieldEventID].value), string(source[fieldStreamID].value),
		source[fieldStreamSequence].scalar}, err
}

func domain(label string) []byte { return []byte("auditledger/" + label + "/v1\x00") }

func salt(seed []byte, label string, position int) []byte {
	full := sha(seed, []byte(label), binary.BigEndian.AppendUint32(nil, uint32(position)))
	return full[:16]
}

// commitment is what the leaf carries: it binds header and every unit under one random seed.
func commitment(seed, header []byte, units []unit) hash {
	listed := binary.BigEndian.AppendUint16(nil, uint16(len(units)))
	for i, u := range units {
		for _, number := range []uint32{u.field, u.occurrence, u.subfield} {
			listed = binary.BigEndian.AppendUint32(listed, number)
		}
		digest := sha(domain("unit"), salt(seed, "u", i), u.bytes)
		listed = append(listed, digest[:]...)
	}
	event := sha(domain("event"), listed)
	headerHash := sha(domain("header"), salt(seed, "h", 0), header)
	return sha(domain("entry"), headerHash[:], event[:])
}

// verifyOpening checks that a leaf of an event commits to these, and that they agree.
func verifyOpening(l *leaf, seed, headerBytes, event []byte) error {
	if len(l.body) > 0 {
		return malformed("leaf body: an event has none")
	}
	if l.commitment == nil {
		return malformed("leaf commitment: is absent")
	}
	if len(seed) != 32 {
		return malformed("opening seed: needs 32 bytes")
	}
	head, err := parseHeader(headerBytes)
	if err != nil {
		return err
	}
	units, err := cutUnits(event)
	if err != nil {
		return err
	}
	if made := commitment(seed, headerBytes, units); !bytes.Equal(made[:], l.commitment) {
		return differs("commitment: seed, header or event is not what the leaf commits to")
	}
	time, err := eventTimeUs(units)
	if err != nil {
		return err
	}
	if time != l.eventTimeUs {
		return differs("event time: the leaf's is not the event's")
	}
	own, err := eventIdentity(units)
	if err != nil {
		return err
	}
	if own != (identity{string(head.eventID), string(head.streamID), head.streamSequence}) {
		return differs("header: its event id, stream or sequence is not the event's")
	}
	return nil
}
