"""An entry of the log: its leaf, its header, and what the leaf commits to.

The formats to the byte, and vectors: tests/testdata/seal/README.md of the audit ledger.
"""
import hashlib
from dataclasses import dataclass
from typing import List, Optional

from . import _wire
from .errors import differs, malformed

KIND_EVENT = 1
FLAG_SECRETS_MASKED = 1 << 10
MAX_LEAF_BYTES = 65535
MAX_EVENT_BYTES = 65536
MAX_UNITS = 4096

_EVENT_ID, _RECORDED, _SOURCE = 1, 4, 18
_STREAM_ID, _STREAM_SEQUENCE = 8, 9  # of source
_CUT_DEEPER = frozenset((13, 14, 17, _SOURCE, 19, 25))
_MAX_SECONDS = 253402300799  # 9999-12-31T23:59:59Z


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


@dataclass
class Leaf:
    kind: int
    recorded_at_us: int
    event_time_us: int
    tags: List[bytes]
    commitment: Optional[bytes]
    body: bytes


def parse_leaf(data):
    if len(data) > MAX_LEAF_BYTES:
        raise malformed(f"leaf: has {len(data)} bytes, at most {MAX_LEAF_BYTES}")
    reader = _wire.LayoutReader("leaf", data)
    reader.version(1)
    kind, recorded_at, event_time = reader.number(1), reader.number(8), reader.number(8)
    tags = [reader.raw(32) for _ in range(reader.number(2))]
    if any(a >= b for a, b in zip(tags, tags[1:])):
        raise malformed("leaf tags: not strictly ascending")
    present = reader.number(1)
    if present > 1:
        raise malformed("leaf has_commitment: neither 0 nor 1")
    commitment = reader.raw(32) if present else None
    leaf = Leaf(kind, recorded_at, event_time, tags, commitment, reader.bytes16())
    reader.finish()
    return leaf


@dataclass
class Header:
    received_at_us: int
    flags: int
    principal: bytes
    stream_id: bytes
    event_id: bytes
    stream_sequence: int


def parse_header(data):
    reader = _wire.LayoutReader("header", data)
    reader.version(1)
    header = Header(reader.number(8), reader.number(8), reader.bytes16(), reader.bytes16(),
                    reader.bytes16(), reader.number(8))
    algorithm = reader.number(1)
    if algorithm > 1:
        raise malformed(f"header signature_algorithm: {algorithm} is unknown")
    if algorithm == 1:
        reader.raw(32 + 64)  # public key and signature of the emitter
    reader.finish()
    return header


def _cut_element(field, occurrence, element):
    subfield, group = 0, b""
    for number, _, _, record in _wire.fields(element):
        if number < subfield:
            raise malformed(f"field {field}: field {number} after {subfield}: not ascending")
        if number == subfield:
            group += record
            continue
        if subfield:
            yield (field, occurrence, subfield), group
        subfield, group = number, record
    yield (field, occurrence, subfield), group


def cut_units(event):
    """[(path, bytes)] of a canonical encoding: the pieces that are committed to one by one."""
    if len(event) > MAX_EVENT_BYTES:
        raise malformed(f"event: has {len(event)} bytes, at most {MAX_EVENT_BYTES}")
    units, field, occurrence = [], 0, 0
    for number, kind, value, record in _wire.fields(event):
        if number < field:
            raise malformed(f"field {number} after field {field}: not ascending")
        occurrence = occurrence + 1 if number == field else 0
        field = number
        if field not in _CUT_DEEPER:
            units.append(((field, occurrence, 0), record))
        elif kind != _wire.BYTES:
            raise malformed(f"field {field}: wrong wire type for a message")
        else:
            units += _cut_element(field, occurrence, value)
        if len(units) > MAX_UNITS:
            raise malformed(f"event: more than {MAX_UNITS} units")
    return units


def event_time_us(units):
    """Of the event's ``recorded``, what is finer cut off; 0 without."""
    data = b"".join(unit for (field, _, _), unit in units if field == _RECORDED)
    time = _wire.singular("recorded", data, {_RECORDED: _wire.BYTES}).get(_RECORDED, b"")
    at = _wire.singular("recorded", time, {1: _wire.BYTES}).get(1)
    if at is None:
        return 0
    found = _wire.singular("recorded.at", at, {1: _wire.VARINT, 2: _wire.VARINT})
    seconds, nanos = found.get(1, 0), found.get(2, 0)
    if seconds > _MAX_SECONDS or nanos > 999_999_999:
        raise malformed("recorded.at: out of range")
    return seconds * 1_000_000 + nanos // 1000


def event_identity(units):
    """(event id, stream id, stream sequence) as the event says them itself."""
    own = b"".join(unit for (field, _, _), unit in units if field == _EVENT_ID)
    if any(field == _SOURCE and occurrence for (field, occurrence, _), _ in units):
        raise malformed("source: occurs twice")
    source = b"".join(unit for (field, _, _), unit in units if field == _SOURCE)
    event_id = _wire.singular("event_id", own, {_EVENT_ID: _wire.BYTES})
    found = _wire.singular(
        "source", source, {_STREAM_ID: _wire.BYTES, _STREAM_SEQUENCE: _wire.VARINT})
    return event_id.get(_EVENT_ID, b""), found.get(_STREAM_ID, b""), found.get(_STREAM_SEQUENCE, 0)


def _domain(label):
    return b"auditledger/" + label + b"/v1\0"


def _salt(seed, label, position):
    return sha256(seed, label, position.to_bytes(4, "big"))[:16]


def commitment(seed, header, units):
    """What the leaf carries: it binds header and every unit under one random seed."""
    listed = bytearray(len(units).to_bytes(2, "big"))
    for i, (path, unit) in enumerate(units):
        for number in path:
            listed += number.to_bytes(4, "big")
        listed += sha256(_domain(b"unit"), _salt(seed, b"u", i), unit)
    event = sha256(_domain(b"event"), bytes(listed))
    header_hash = sha256(_domain(b"header"), _salt(seed, b"h", 0), header)
    return sha256(_domain(b"entry"), header_hash, event)


def verify_opening(leaf, seed, header_bytes, event):
    """That a leaf of an event commits to these, and that they agree with each other."""
    if leaf.body:
        raise malformed("leaf body: an event has none")
    if leaf.commitment is None:
        raise malformed("leaf commitment: is absent")
    if len(seed) != 32:
        raise malformed("opening seed: needs 32 bytes")
    header, units = parse_header(header_bytes), cut_units(event)
    if commitment(seed, header_bytes, units) != leaf.commitment:
        raise differs("commitment: seed, header or event is not what the leaf commits to")
    if event_time_us(units) != leaf.event_time_us:
        raise differs("event time: the leaf's is not the event's")
    named = (header.event_id, header.stream_id, header.stream_sequence)
    for what, its, own in zip(("event id", "stream", "sequence"), named, event_identity(units)):
        if its != own:
            raise differs(f"header: its {what} is not the event's")
