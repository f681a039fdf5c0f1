"""Protobuf's wire format, strictly, and units cut from it: the base of vectorgen.py."""

MAX_UNITS = 4096
MAX_EVENT = 65536
CUT_DEEPER = (13, 14, 17, 18, 19, 25)


class Refused(Exception):
    """The bytes are not of the form; the argument says why."""


def be(size, value):
    return value.to_bytes(size, "big")


def b16(data):
    return be(2, len(data)) + data


class Reader:
    """Reads a big-endian layout from front to back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, size):
        if len(self.data) - self.at < size:
            raise Refused("truncated")
        self.at += size
        return self.data[self.at - size:self.at]

    def u(self, size):
        return int.from_bytes(self.raw(size), "big")

    def b16(self):
        return self.raw(self.u(2))

    def version(self):
        if self.u(1) != 1:
            raise Refused("version")

    def flag(self):
        value = self.u(1)
        if value > 1:
            raise Refused("neither 0 nor 1")
        return value

    def end(self, *result):
        if self.at != len(self.data):
            raise Refused("trailing bytes")
        return result


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def vi(number, value):
    return varint(number << 3) + varint(value)


def ld(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def take_varint(data, at):
    value = shift = 0
    while True:
        if at == len(data):
            raise Refused("truncated varint")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    if value >= 2**64 or varint(value) != data[at - shift // 7:at]:
        raise Refused("varint too large or not minimal")
    return value, at


def records(data):
    """(number, wire type, value, whole record) of each record of a message."""
    at = 0
    while at < len(data):
        start = at
        tag, at = take_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number < 2**29:
            raise Refused("field number")
        if wire_type == 0:
            value, at = take_varint(data, at)
        elif wire_type in (1, 2, 5):
            size = {1: 8, 5: 4}.get(wire_type)
            if size is None:
                size, at = take_varint(data, at)
            if size > len(data) - at:
                raise Refused("truncated value")
            value, at = data[at:at + size], at + size
        else:
            raise Refused("wire type")
        yield number, wire_type, value, data[start:at]


def once(data, wanted):
    """{number: value} of the `wanted` {number: wire type}, none of which may occur twice."""
    found = {}
    for number, wire_type, value, _ in records(data):
        if number not in wanted:
            continue
        if wire_type != wanted[number]:
            raise Refused("wrong wire type")
        if number in found:
            raise Refused("occurs twice")
        found[number] = value
    return found


def cut(event):
    """The units [(field, occurrence, subfield, bytes)] of an event."""
    if len(event) > MAX_EVENT:
        raise Refused("event too long")
    units, field, occurrence = [], 0, 0
    for number, wire_type, value, record in records(event):
        if number < field:
            raise Refused("fields do not ascend")
        occurrence = occurrence + 1 if number == field else 0
        field = number
        if field not in CUT_DEEPER:
            units.append((field, occurrence, 0, record))
            continue
        if wire_type != 2:
            raise Refused("cut field is no message")
        groups = {}
        for subfield, _, _, inner in records(value):
            if groups and subfield < max(groups):
                raise Refused("subfields do not ascend")
            groups[subfield] = groups.get(subfield, b"") + inner
        units += [(field, occurrence, s, b) for s, b in (groups or {0: b""}).items()]
    if len(units) > MAX_UNITS:
        raise Refused("too many units")
    return units


def join(units):
    """The event whose units these are."""
    elements = {}
    for field, occurrence, _, data in units:
        elements[field, occurrence] = elements.get((field, occurrence), b"") + data
    event = b"".join(ld(field, data) if field in CUT_DEEPER else data
                     for (field, _), data in elements.items())
    if cut(event) != [tuple(u) for u in units]:
        raise Refused("not the units of an event")
    return event
