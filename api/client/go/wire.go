package auditledger

import "encoding/binary"

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

const maxField = 1<<29 - 1

// wireField is one field of a message.
type wireField struct {
	number uint32
	kind   uint8
	scalar uint64 // of a varint
	value  []byte // of the others
	record []byte // tag, length and value
}

// wireReader reads protobuf's wire format strictly: minimal varints, no groups, no overrun, so that
// two programs cannot read a sealed event differently.
type wireReader struct{ rest []byte }

func (r *wireReader) varint() (uint64, error) {
	var value uint64
	for i := 0; i < 10; i++ {
		if i == len(r.rest) {
			return 0, malformed("truncated varint")
		}
		b := r.rest[i]
		if i == 9 && b > 1 {
			break
		}
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				return 0, malformed("varint is not minimal")
			}
			r.rest = r.rest[i+1:]
			return value, nil
		}
	}
	return 0, malformed("varint over 64 bits")
}

func (r *wireReader) take(size uint64) ([]byte, error) {
	if size > uint64(len(r.rest)) {
		return nil, malformed("truncated value")
	}
	value := r.rest[:size]
	r.rest = r.rest[size:]
	return value, nil
}

func (r *wireReader) next() (wireField, error) {
	start := r.rest
	tag, err := r.varint()
	if err != nil {
		return wireField{}, err
	}
	number := tag >> 3
	if number == 0 || number > maxField {
		return wireField{}, malformed("tag: field number out of range")
	}
	field := wireField{number: uint32(number), kind: uint8(tag & 7)}
	switch field.kind {
	case wireVarint:
		field.scalar, err = r.varint()
	case wireFixed64:
		field.value, err = r.take(8)
	case wireFixed32:
		field.value, err = r.take(4)
	case wireBytes:
		var size uint64
		if size, err = r.varint(); err == nil {
			field.value, err = r.take(size)
		}
	default:
		err = malformed("field %d: wire type is a group or unknown", number)
	}
	field.record = start[:len(start)-len(r.rest)]
	return field, err
}

// wireFields are all fields of a message.
func wireFields(message []byte) ([]wireField, error) {
	var out []wireField
	for r := (wireReader{message}); len(r.rest) > 0; {
		field, err := r.next()
		if err != nil {
			return nil, err
		}
		out = append(out, field)
	}
	return out, nil
}

// wireSingular gives the fields of a message that are wanted, by number with their wire types;
// none of them may occur twice.
func wireSingular(what string, message []byte, wanted map[uint32]uint8) (map[uint32]wireField, error) {
	fields, err := wireFields(message)
	if err != nil {
		return nil, err
	}
	found := map[uint32]wireField{}
	for _, field := range fields {
		kind, ok := wanted[field.number]
		if !ok {
			continue
		}
		if kind != field.kind {
			return nil, malformed("%s: field %d has the wrong wire type", what, field.number)
		}
		if _, twice := found[field.number]; twice {
			return nil, malformed("%s: field %d occurs twice", what, field.number)
		}
		found[field.number] = field
	}
	return found, nil
}

// layoutReader takes parts of a big-endian layout from front to back. After the first error it
// gives zeros, and finish tells the error.
type layoutReader struct {
	what string
	rest []byte
	err  error
}

func (r *layoutReader) raw(size int) []byte {
	if r.err == nil && size > len(r.rest) {
		r.err = malformed("%s: truncated", r.what)
	}
	if r.err != nil {
		return make([]byte, size)
	}
	out := r.rest[:size]
	r.rest = r.rest[size:]
	return out
}

func (r *layoutReader) u8() uint8       { return r.raw(1)[0] }
func (r *layoutReader) u16() int        { return int(binary.BigEndian.Uint16(r.raw(2))) }
func (r *layoutReader) u64() uint64     { return binary.BigEndian.Uint64(r.raw(8)) }
func (r *layoutReader) bytes16() []byte { return r.raw(r.u16()) }

func (r *layoutReader) version(known uint8) {
	if version := r.u8(); r.err == nil && version != known {
		r.err = malformed("%s version: %d is unknown", r.what, version)
	}
}

func (r *layoutReader) finish() error {
	if r.err == nil && len(r.rest) > 0 {
		r.err = malformed("%s: trailing bytes", r.what)
	}
	return r.err
}
