#!/usr/bin/env python3
"""Writes tests/testdata/seal/*.json: the published vectors of the entry formats.

A second implementation of cutting, committing, tagging and of every layout, in Python's standard
library alone and sharing no code with merkle/, so that the two check each other. (One author wrote
both: they catch slips, not a shared misreading of the design.) The formats are described in
tests/testdata/seal/README.md. Output is a pure function of this file:

    python3 tools/vectorgen.py && git diff --exit-code tests/testdata/seal
"""
import hashlib
import hmac
import json
import pathlib

import vectorgen_cases as cases
from vectorgen_wire import MAX_EVENT, Reader, Refused, be, b16, cut, join, ld, once, records

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "testdata" / "seal"
MAX_LEAF = 65535
MAX_TAGS = 1024
ORIGIN = b"ledger.example.org/audit/2026"
INDEX_KEY = bytes(range(32))


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def domain(label):
    return b"auditledger/" + label + b"/v1\0"


# --- commitment -------------------------------------------------------------------------------


def salt(seed, label, i):
    return sha(seed, label, be(4, i))[:16]


def commit(seed, header, units):
    unit_hashes = [sha(domain(b"unit"), salt(seed, b"u", i), u[3]) for i, u in enumerate(units)]
    listed = b"".join(be(4, f) + be(4, o) + be(4, s) + h
                      for (f, o, s, _), h in zip(units, unit_hashes))
    event = sha(domain(b"event"), be(2, len(units)), listed)
    head = sha(domain(b"header"), salt(seed, b"h", 0), header)
    return unit_hashes, event, head, sha(domain(b"entry"), head, event)


def emit_message(origin, stream, event_id, event_commitment):
    return domain(b"emit") + b16(origin) + b16(stream) + b16(event_id) + event_commitment


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
            keys += key(b"override", b"", once(once(subfields[0], {13: 2})[13], {4: 2}).get(4, b""))
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


def conflict(first_index):
    return b"\1" + be(8, first_index)


def read_conflict(data):
    r = Reader(data)
    r.version()
    return r.end(r.u(8))


def operator(what, principal):
    return b"\1" + b16(what) + b16(principal)


def read_operator(data):
    r = Reader(data)
    r.version()
    return r.end(r.b16(), r.b16())


def clock(before, after):
    return b"\1" + be(8, before) + be(8, after)


def read_clock(data):
    r = Reader(data)
    r.version()
    return r.end(r.u(8), r.u(8))


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


# --- text -------------------------------------------------------------------------------------


def text(data):
    """Hex; what repeats is written once, with its count: 'ab 61*65000 cd'."""
    tokens, plain, i = [], "", 0
    while i < len(data):
        for period in (1, 2, 4):
            unit, count = data[i:i + period], 1
            while data[i + count * period:i + (count + 1) * period] == unit:
                count += 1
            if count * period >= 256:
                tokens += ([plain] if plain else []) + [f"{unit.hex()}*{count}"]
                plain, i = "", i + count * period
                break
        else:
            plain, i = plain + data[i:i + 1].hex(), i + 1
    return " ".join(tokens + ([plain] if plain else []))


def header_json(fields):
    received_at, flags, principal, stream, event_id, sequence, signature = fields
    out = {"received_at_us": received_at, "flags": flags, "principal": text(principal),
           "stream_id": text(stream), "event_id": text(event_id), "stream_sequence": sequence}
    if signature:
        out["signature"] = {"public_key": text(signature[0]), "signature": text(signature[1])}
    return out


def event_vector(number, name, event, fields):
    seed = sha(b"seed of vector ", name.encode())
    units = cut(event)
    assert join(units) == event
    head = header(*fields)
    hashes, event_commitment, header_hash, commitment = commit(seed, head, units)
    keys = tag_keys(units)
    tags, time = tags_of(INDEX_KEY, keys), event_time(units)
    recorded_at = 1_767_225_600_000_000 + number
    leaf_bytes = leaf(1, recorded_at, time, tags, commitment, b"")
    out = {"name": name, "event": text(event), "seed": text(seed), "unit_count": len(units),
           "event_time_us": time, "header_fields": header_json(fields), "header": text(head),
           "header_salt": text(salt(seed, b"h", 0)), "header_hash": text(header_hash),
           "event_commitment": text(event_commitment), "commitment": text(commitment),
           "tag_keys": [{"kind": k.decode(), "system": text(s), "id": text(v)}
                        for k, s, v in keys[:64]],
           "tag_count": len(tags), "tags": [text(t) for t in tags[:64]],
           "recorded_at_us": recorded_at, "leaf": text(leaf_bytes),
           "leaf_hash": text(sha(b"\0", leaf_bytes)),
           "opening": text(opening(seed, head, event)),
           "emit_message": text(emit_message(ORIGIN, fields[3], fields[4], event_commitment))}
    if len(units) <= 64:
        out["receipt_extra"] = text(receipt(leaf_bytes, (seed, head)))
        out["receipt_extra_without_opening"] = text(receipt(leaf_bytes, None))
        out["units"] = [{"path": [f, o, s], "bytes": text(data),
                         "salt": text(salt(seed, b"u", i)), "hash": text(hashes[i])}
                        for i, (f, o, s, data) in enumerate(units)]
    return out


def system_vectors():
    log_key = bytes(range(100, 132))
    log_key_hash = sha(domain(b"log-key"), b"\1", log_key)
    index_key_hash = sha(domain(b"index-key"), INDEX_KEY)
    old_note = b"ledger.example.org/audit/2025\n7\n" + b"A" * 43 + b"=\n\n"
    bodies = {"genesis": [(ORIGIN, b""), (ORIGIN, old_note),
                          ("büro.example/ledger".encode(), b"")],
              "conflict": [(0,), (2**64 - 1,)],
              "operator": [(b"accept_clock", b"local:flag"), (b"", b"")],
              "clock": [(1, 2), (2**64 - 1, 0)]}
    out, kinds = {}, {"genesis": 2, "conflict": 6, "operator": 8, "clock": 9}
    for kind, rows in bodies.items():
        out[kind] = []
        for row in rows:
            if kind == "genesis":
                body = genesis(row[0], log_key_hash, index_key_hash, row[1])
            else:
                body = {"conflict": conflict, "operator": operator, "clock": clock}[kind](*row)
            leaf_bytes = leaf(kinds[kind], 1_767_225_600_000_000, 0, [], None, body)
            out[kind].append({"fields": [text(f) if isinstance(f, bytes) else f for f in row],
                              "body": text(body), "leaf": text(leaf_bytes),
                              "leaf_hash": text(sha(b"\0", leaf_bytes))})
    out["keys"] = {"log_key_type": 1, "log_key": text(log_key), "log_key_hash": text(log_key_hash),
                   "index_key": text(INDEX_KEY), "index_key_hash": text(index_key_hash)}
    return out


def leaf_vectors():
    low, high = b"\0" * 32, b"\xff" * 32
    rows = [(0, 0, 0, [], None, b""), (1, 5, 6, [low, high], low, b""),
            (255, 2**64 - 1, 2**64 - 1, [], high, b"of a kind nobody knows yet"),
            (2, 1, 0, [], None, b"b" * (MAX_LEAF - 23))]
    names = ["smallest, kind 0", "tags and commitment", "unknown kind", "longest body"]
    return [{"name": n, "kind": r[0], "recorded_at_us": r[1], "event_time_us": r[2],
             "tags": text(b"".join(r[3])), "commitment": None if r[4] is None else text(r[4]),
             "body": text(r[5]), "leaf": text(leaf(*r)), "leaf_hash": text(sha(b"\0", leaf(*r)))}
            for n, r in zip(names, rows)]


def bundle_vectors():
    head, seed = header(*cases.HEADER), sha(b"bundle")
    one = opening(seed, head, ld(1, b"event 1"))
    without = opening(seed, head, b"")
    rows = [[one], [b""], [one, b"", without], [b""] * 256]
    return [{"width": len(r), "openings": [text(o) for o in r] if len(r) < 256 else [],
             "bundle": text(bundle(r))} for r in rows]


def hostile_vectors():
    parsers = {"units": cut, "tags": lambda b: tag_keys(cut(b)),
               "time": lambda b: event_time(cut(b)),
               "leaf": read_leaf, "header": read_header, "genesis": read_genesis,
               "conflict": read_conflict, "operator": read_operator, "clock": read_clock,
               "opening": read_opening, "receipt": read_receipt}
    out = []
    for parser, name, blames, data in cases.hostile(
            leaf, header, genesis, conflict, operator, clock, opening, receipt):
        refuse(lambda: parsers[parser](data), name)
        out.append({"parser": parser, "name": name, "blames": blames, "bytes": text(data)})
    for name, blames, units in cases.hostile_units():
        refuse(lambda: join(units), name)
        out.append({"parser": "join", "name": name, "blames": blames,
                    "units": [{"path": u[:3], "bytes": text(u[3])} for u in units]})
    one = opening(sha(b"bundle"), header(*cases.HEADER), b"")
    for name, blames, width, data in cases.hostile_bundles(one):
        refuse(lambda: read_bundle(data, width), name)
        out.append({"parser": "bundle", "name": name, "blames": blames, "width": width,
                    "bytes": text(data)})
    return out


def refuse(call, name):
    try:
        call()
    except Refused:
        return
    raise AssertionError("not refused: " + name)


def write(name, about, content):
    document = {"about": about, "generated_by": "tools/vectorgen.py", **content}
    (OUT / name).write_text(json.dumps(document, indent=1) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    events = [event_vector(i, *row) for i, row in enumerate(cases.events())]
    write("events.json", "An event from its bytes to its leaf.",
          {"origin": text(ORIGIN), "index_key": text(INDEX_KEY), "vectors": events})
    write("headers.json", "Headers alone.",
          {"vectors": [{"fields": header_json(f), "header": text(header(*f))}
                       for f in cases.headers()]})
    write("leaves.json", "Leaves alone.", {"vectors": leaf_vectors()})
    write("system_entries.json", "Bodies of the ledger's own entries.", system_vectors())
    write("bundles.json", "Payload bundles.", {"vectors": bundle_vectors()})
    write("hostile.json", "What must be refused, and the part that is to blame.",
          {"vectors": hostile_vectors()})


if __name__ == "__main__":
    main()
