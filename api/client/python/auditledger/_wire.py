"""Strict readers: protobuf's wire format, and layouts of big-endian numbers.

Stricter than protobuf is, so that two programs cannot read a sealed event differently.
"""
from .errors import malformed

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_MAX_FIELD = 2**29 - 1


def _varint(data, at):
    value = shift = 0
    while True:
        if at == len(data):
            raise malformed("truncated varint")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if value >= 2**64 or shift > 70:
            raise malformed("varint over 64 bits")
        if byte < 0x80:
            break
    if byte == 0 and shift > 7:
        raise malformed("varint is not minimal")
    return value, at


def fields(data):
    """Yields (number, wire type, value, record) of each field of a message.

    A value is an int of a varint, else bytes; a record has tag and length too.
    """
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 1 <= number <= _MAX_FIELD:
            raise malformed("tag: field number out of range")
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind == BYTES or kind in _FIXED_SIZES:
            size = _FIXED_SIZES.get(kind)
            if size is None:
                size, at = _varint(data, at)
            if size > len(data) - at:
                raise malformed(f"field {number}: truncated")
            value, at = data[at:at + size], at + size
        else:
            raise malformed(f"field {number}: wire type is a group or unknown")
        yield number, kind, value, data[start:at]


def singular(what, data, wanted):
    """{number: value} of the fields ``wanted`` as {number: wire type}; none may occur twice."""
    found = {}
    for number, kind, value, _ in fields(data):
        if number not in wanted:
            continue
        if kind != wanted[number]:
            raise malformed(f"{what}: field {number} has the wrong wire type")
        if number in found:
            raise malformed(f"{what}: field {number} occurs twice")
        found[number] = value
    return found


class LayoutReader:
    """Takes parts of a layout from front to back."""

    def __init__(self, what, data):
        self._what, self._data, self._at = what, data, 0

    def raw(self, size):
        if len(self._data) - self._at < size:
            raise malformed(f"{self._what}: truncated")
        self._at += size
        return self._data[self._at - size:self._at]

    def number(self, size):
        return int.from_bytes(self.raw(size), "big")

    def bytes16(self):
        return self.raw(self.number(2))

    def version(self, known):
        version = self.number(1)
        if version != known:
            raise malformed(f"{self._what} version: {version} is unknown")

    def finish(self):
        if self._at != len(self._data):
            raise malformed(f"{self._what}: trailing bytes")
