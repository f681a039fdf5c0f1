"""The entry formats: commitment, what is read out of an event, layouts. Used by vectorgen.py."""
import hashlib
import hmac

from vectorgen_wire import MAX_EVENT, Reader, Refused, b16, be, cut, once, records

MAX_LEAF = 65535
MAX_TAGS = 1024


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def domain(label):
    return b"auditledger/" + label + b"/v1\0"


# --- commitment -------------------------------------------------------------------------------


def salt(seed, label, i):
    return sha(seed, label, be(4, i))[:16]


def unit_hash(unit_salt, data):
    return sha(domain(b"unit"), unit_salt, data)


def header_hash(header_salt, head):
    return sha(domain(b"header"), header_salt, head)


def event_commitment(paths_and_hashes):
    listed = b"".join(be(4, f) + be(4, o) + be(4, s) + h for (f, o, s), h in paths_and_hashes)
    return sha(domain(b"event"), be(2, len(paths_and_hashes)), listed)


def entry_commitment(hash_of_header, event):
    return sha(domain(b"entry"), hash_of_header, event)


def commit(seed, head, units):
    hashes = [unit_hash(salt(seed, b"u", i), u[3]) for i, u in enumerate(units)]
    event = event_commitment([(u[:3], h) for u, h in zip(units, hashes)])
    hashed = header_hash(salt(seed, b"h", 0), head)
    return hashes, event, hashed, entry_commitment(hashed, event)


def emit_message(origin, stream, event_id, commitment):
    return domain(b"emit") + b16(origin) + b16(stream) + b16(event_id) + commitment


# --- what is read out of the event ------------------------------------------------------------


def event_time(units):
    recorded = [u for u in units if u[0] == 4]
    if not recorded:
        return 0
    if len(recorded) > 1:
        raise Refused("recorded twice")
    at = once(once(recorded[0][3], {4: 2})[4], {1: 2}).get(1)
    if at is None:
        return 0
    found = once(at, {1: 0, 2: 0})
    seconds, nanos = found.get(1, 0), found.get(2, 0)
    if seconds > 253402300799 or nanos > 999999999:
        raise Refused("recorded out of range")
    return seconds * 10**6 + nanos // 1000


def identity(units):
    """(stream_id, event_id, stream_sequence) as the event itself has them."""
    stream, event_id, sequence = b"", b"", 0
    for field, occurrence, subfield, data in units:
        if field in (1, 18) and occurrence:
            raise Refused("occurs twice")
        if field == 1:
            event_id = once(data, {1: 2})[1]
        elif field == 18 and subfield == 8:
            stream = once(data, {8: 2})[8]
        elif field == 18 and subfield == 9:
            sequence = once(data, {9: 0})[9]
    return stream, event_id, sequence


def key(kind, system, value):
    try:
        system.decode("utf-8"), value.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None
    return [(kind, system, value)] if value else []


def identifier_keys(kind, identifier):
    found = once(identifier, {3: 2, 4: 2})
    return key(kind, found.get(3, b""), found.get(4, b""))


def reference_keys(kind, reference):
    found = once(reference, {1: 2, 3: 2})
    keys = key(kind, b"", found.get(1, b""))
    return keys + (identifier_keys(kind, found[3]) if 3 in found else [])


def agent_keys(subfields):
    keys, requestor = [], 0
    if 3 in subfields:
        keys += reference_keys(b"agent", once(subfields[3], {3: 2})[3])
    if 6 in subfields:
        requestor = once(subfields[6], {6: 0})[6]
        if requestor > 1:
            raise Refused("requestor is no bool")
    for _, wire_type, value, _ in records(subfields.get(18, b"")):
        if wire_type != 2:
            raise Refused("other_id is no message")
        keys += identifier_keys(b"agent", value)
    return keys if requestor else []


def tag_keys(units):
    elements = {}
    for field, occurrence, subfield, data in units:
        elements.setdefault((field, occurrence), {})[subfield] = data
    keys = []
    for (field, occurrence), subfields in elements.items():
        if field == 13:
            if occurrence:
                raise Refused("emergency_access twice")
            keys += key(b"override", b"", once(subfields.get(4, b""), {4: 2}).get(4, b""))
        elif field == 14:
            for subfield in (1, 3):
                keys += reference_keys(b"patient", subfields.get(subfield, b""))
        elif field == 17:
            keys += agent_keys(subfields)
    if len(keys) > MAX_TAGS:
        raise Refused("too many keys")
    return keys


def tags_of(index_key, keys):
    return sorted({hmac.digest(index_key, be(1, len(k)) + k + b16(s) + b16(v), "sha256")
                   for k, s, v in keys})


# --- layouts ----------------------------------------------------------------------------------


def leaf(kind, recorded_at, event_time_us, tags, commitment, body):
    present = b"\0" if commitment is None else b"\1" + commitment
    return (be(1, 1) + be(1, kind) + be(8, recorded_at) + be(8, event_time_us)
            + be(2, len(tags)) + b"".join(tags) + present + b16(body))


def read_leaf(data):
    if len(data) > MAX_LEAF:
        raise Refused("leaf too long")
    r = Reader(data)
    r.version()
    kind, recorded_at, time = r.u(1), r.u(8), r.u(8)
    tags = [r.raw(32) for _ in range(r.u(2))]
    if any(a >= b for a, b in zip(tags, tags[1:])):
        raise Refused("tags do not ascend")
    commitment = r.raw(32) if r.flag() else None
    return r.end(kind, recorded_at, time, tags, commitment, r.b16())


def header(received_at, flags, principal, stream, event_id, sequence, signature):
    return (be(1, 1) + be(8, received_at) + be(8, flags) + b16(principal) + b16(stream)
            + b16(event_id) + be(8, sequence)
            + (b"\0" if signature is None else b"\1" + signature[0] + signature[1]))


def read_header(data):
    r = Reader(data)
    r.version()
    fields = [r.u(8), r.u(8), r.b16(), r.b16(), r.b16(), r.u(8)]
    signature = (r.raw(32), r.raw(64)) if r.flag() else None
    return r.end(*fields, signature)


def genesis(origin, log_key_hash, index_key_hash, predecessor):
    return b"\1" + b16(origin) + b"\1\1\1" + log_key_hash + index_key_hash + b16(predecessor)


def read_genesis(data):
    r = Reader(data)
    r.version()
    origin = r.b16()
    if r.raw(3) != b"\1\1\1":
        raise Refused("unknown suite")
    return r.end(origin, r.raw(32), r.raw(32), r.b16())


def freeze(confirmed_size, origin, key_hash):
    return (b"\1" + be(8, confirmed_size) + b16(origin)
            + (b"\1" + key_hash if key_hash else b"\0"))


def read_freeze(data):
    r = Reader(data)
    r.version()
    size, origin = r.u(8), r.b16()
    key_hash = r.raw(32) if r.flag() else None
    if key_hash and not origin:
        raise Refused("a key without an origin")
    return r.end(size, origin, key_hash)


def conflict(first_index):
    return b"\1" + be(8, first_index)


def read_conflict(data):
    r = Reader(data)
    r.version()
    return r.end(r.u(8))


def operator(what):
    return b"\1" + b16(what)


def read_operator(data):
    r = Reader(data)
    r.version()
    return r.end(r.b16())


def clock(before, after):
    return b"\1" + be(8, before) + be(8, after)


def read_clock(data):
    r = Reader(data)
    r.version()
    return r.end(r.u(8), r.u(8))


def anchor(size, root, token_hash, time_us):
    return b"\1" + be(8, size) + root + token_hash + be(8, time_us)


def read_anchor(data):
    r = Reader(data)
    r.version()
    size = r.u(8)
    if not 0 < size < 2**63:
        raise Refused("size")
    return r.end(size, r.raw(32), r.raw(32), r.u(8))


def opening(seed, head, event):
    return b"\1" + seed + b16(head) + be(4, len(event)) + event


def read_opening(data):
    r = Reader(data)
    r.version()
    seed, head, event = r.raw(32), r.b16(), r.raw(r.u(4))
    if len(event) > MAX_EVENT:
        raise Refused("event too long")
    return r.end(seed, head, event)


def receipt(leaf_bytes, seed_and_header):
    if seed_and_header is None:
        return b"\1" + b16(leaf_bytes) + b"\0"
    seed, head = seed_and_header
    return b"\1" + b16(leaf_bytes) + b"\1" + seed + b16(head)


def read_receipt(data):
    r = Reader(data)
    r.version()
    leaf_bytes = r.b16()
    return r.end(leaf_bytes, (r.raw(32), r.b16()) if r.flag() else None)


def bundle(openings):
    return b"".join(be(4, len(o)) + o for o in openings)


def read_bundle(data, width):
    if not 1 <= width <= 256:
        raise Refused("width")
    r = Reader(data)
    openings = [r.raw(r.u(4)) for _ in range(width)]
    for o in openings:
        if o:
            read_opening(o)
    return r.end(*openings)


# --- whether an opening is what a leaf commits to ---------------------------------------------


# By kind, what stands in the leaf beside the event; vectorgen_erasures adds its own.
BODY_READERS = {6: read_conflict}


class Differs(Exception):
    """Every part is well formed, yet they do not belong together."""


def verify_opening(leaf_bytes, opening_bytes, index_key):
    kind, _, time, tags, commitment, body = read_leaf(leaf_bytes)
    seed, head, event = read_opening(opening_bytes)
    if kind in BODY_READERS:
        BODY_READERS[kind](body)
    elif kind != 1 or body:
        raise Refused("no leaf of an event")
    if commitment is None:
        raise Refused("no commitment")
    fields, units = read_header(head), cut(event)
    if commit(seed, head, units)[3] != commitment:
        raise Differs("commitment")
    if event_time(units) != time:
        raise Differs("event time")
    for mine, its, name in zip(fields[3:6], identity(units), ("stream", "event id", "sequence")):
        if mine != its:
            raise Differs(name)
    if tags_of(index_key, tag_keys(units)) != tags:
        raise Differs("tags")
