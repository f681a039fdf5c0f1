#!/usr/bin/env python3
"""Writes tests/testdata/seal/*.json: the published vectors of the entry formats.

A second implementation of cutting, committing, tagging and of every layout, in Python's standard
library alone and sharing no code with merkle/, so that the two check each other. (One author wrote
both: they catch slips, not a shared misreading of the design.) The formats are described in
tests/testdata/seal/README.md. Output is a pure function of these vectorgen files:

    python3 tools/vectorgen.py && git diff --exit-code tests/testdata/seal
"""
import json
import pathlib

import vectorgen_cases as cases
import vectorgen_erasures as erasures
import vectorgen_keys as keys
import vectorgen_openings as openings
import vectorgen_receipts as receipts
from vectorgen_formats import (
    MAX_LEAF, anchor, bundle, clock, commit, conflict, domain, emit_message, event_time, freeze,
    genesis, header, identity, leaf, opening, operator, read_anchor, read_bundle, read_clock,
    read_conflict, read_freeze, read_genesis, read_header, read_leaf, read_opening, read_operator,
    read_receipt, receipt, salt, sha, tag_keys, tags_of, verify_opening)
from vectorgen_wire import Refused, cut, join, ld

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "testdata" / "seal"
ORIGIN = b"ledger.example.org/audit/2026"
INDEX_KEY = bytes(range(32))


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
    fields = fields[:3] + identity(units) + fields[6:]  # the header says what the event says
    head = header(*fields)
    hashes, event_commitment, header_hash, commitment = commit(seed, head, units)
    keys = tag_keys(units)
    tags, time = tags_of(INDEX_KEY, keys), event_time(units)
    recorded_at = 1_767_225_600_000_000 + number
    leaf_bytes = leaf(1, recorded_at, time, tags, commitment, b"")
    verify_opening(leaf_bytes, opening(seed, head, event), INDEX_KEY)
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
              "freeze": [(0, b"", b""), (7, b"ledger.example.org/audit/2027", b""),
                         (2**64 - 1, b"ledger.example.org/audit/2027", log_key_hash)],
              "operator": [(b"accept_clock",), (b"",)],
              "clock": [(1, 2), (2**64 - 1, 0)],
              "anchor": [(1, sha(b"root"), sha(b"token"), 1_767_225_599_000_000),
                         (2**63 - 1, b"\0" * 32, b"\xff" * 32, 2**64 - 1)]}
    out, kinds = {}, {"genesis": 2, "conflict": 6, "freeze": 7, "operator": 8, "clock": 9,
                      "anchor": 10}
    for kind, rows in bodies.items():
        out[kind] = []
        for row in rows:
            if kind == "genesis":
                body = genesis(row[0], log_key_hash, index_key_hash, row[1])
            else:
                body = {"conflict": conflict, "freeze": freeze, "operator": operator,
                        "clock": clock,
                        "anchor": anchor}[kind](*row)
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
               "time": lambda b: event_time(cut(b)), "identity": lambda b: identity(cut(b)),
               "leaf": read_leaf, "header": read_header, "genesis": read_genesis,
               "conflict": read_conflict, "freeze": read_freeze, "operator": read_operator,
               "clock": read_clock,
               "anchor": read_anchor,
               "opening": read_opening, "receipt": read_receipt}
    out = []
    for parser, name, blames, data in cases.hostile(
            leaf, header, genesis, conflict, freeze, operator, clock, anchor, opening,
            receipt):
        refuse(lambda: parsers[parser](data), name)
        out.append({"parser": parser, "name": name, "blames": blames, "bytes": text(data)})
    for parser, name, blames, data in erasures.hostile():
        refuse(lambda: erasures.PARSERS[parser](data), name)
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
    write("erasures.json", "Bodies of entries by which content is erased, and their leaves.",
          erasures.vectors(text))
    write("key_changes.json", "Entries by which a log's key is followed by another.",
          keys.key_change_vectors(text, ORIGIN))
    write("bundles.json", "Payload bundles.", {"vectors": bundle_vectors()})
    write("openings.json", "Leaf and opening, and whether one is what the other commits to.",
          {"index_key": text(INDEX_KEY), "vectors": openings.opening_vectors(text, INDEX_KEY)})
    write("disclosures.json", "Parts of an entry, shown without its seed, and whether they hold.",
          {"vectors": openings.disclosure_vectors(text)})
    write("receipts.json", "Whole receipts, and what a client that pins the log says of them.",
          receipts.receipt_vectors(text))
    write("hostile.json", "What must be refused, and the part that is to blame.",
          {"vectors": hostile_vectors()})


if __name__ == "__main__":
    main()
