"""Leaves with their openings, and partial disclosures: what holds, and each way it does not."""
from vectorgen_cases import HEADER, identifier, ordinary, recorded, text_field
from vectorgen_erasures import erasure, hold, request
from vectorgen_formats import (
    Differs, commit, conflict, entry_commitment, event_commitment, event_time, header, header_hash,
    identity, leaf, opening, salt, sha, tag_keys, tags_of, unit_hash, verify_opening)
from vectorgen_wire import Refused, cut, ld, vi

RECORDED_AT = 1_767_225_600_000_000
SEED = sha(b"seed of openings")


def event_of(event_id=b"e-1", stream=b"his-1", sequence=7):
    return (ld(1, event_id) + vi(2, 1) + recorded(1_767_225_599)
            + ld(14, text_field(1, "Patient/1") + ld(3, identifier("urn:mrn", "1")))
            + ld(18, ld(8, stream) + vi(9, sequence)))


def header_of(event_id=b"e-1", stream=b"his-1", sequence=7):
    return header(*HEADER[:3], stream, event_id, sequence, None)


def sealed(index_key, head, event, **changes):
    """A leaf that commits to header and event, but for the `changes`; and the opening."""
    units = cut(event)
    fields = {"kind": 1, "recorded_at": RECORDED_AT, "event_time_us": event_time(units),
              "tags": tags_of(index_key, tag_keys(units)),
              "commitment": commit(SEED, head, units)[3], "body": b"", **changes}
    return leaf(**fields), opening(SEED, head, event)


def verified(index_key):
    yield "an event", sealed(index_key, header_of(), event_of())
    yield "a conflict", sealed(index_key, header_of(), event_of(), kind=6, body=conflict(7))
    for name, kind, body in (("an erasure", 5, erasure(1, [(3, 4)], 7)),
                             ("a legal hold", 11, hold([])),
                             ("an erasure request", 12, request(1, [(3, 4)]))):
        yield name, sealed(index_key, header_of(), event_of(), kind=kind, body=body)
    yield "neither says an identity", sealed(index_key, header_of(b"", b"", 0), vi(2, 1))
    yield "flags and time of arrival are the ledger's own", sealed(
        index_key, header(1, 2**64 - 1, b"", b"his-1", b"e-1", 7, None), event_of())


def other_commitments(index_key):
    good, opened = sealed(index_key, header_of(), event_of())
    blames = "commitment"
    yield "another seed", blames, (good, opening(sha(b"another"), header_of(), event_of()))
    yield "another header", blames, (good, opening(SEED, header_of(b"e-2"), event_of()))
    yield "another event", blames, (good, opening(SEED, header_of(), event_of(b"e-2")))
    yield "header and event of another entry", blames, (
        good, opening(SEED, header_of(b"e-2"), event_of(b"e-2")))
    yield "another leaf", blames, (leaf(1, RECORDED_AT, 0, [], sha(b"x"), b""), opened)


def other_identities(index_key):
    none = vi(2, 1)
    for name, blames, head, event in (
            ("another event id", "event id", header_of(b"e-2"), event_of()),
            ("no event id in the header", "event id", header_of(b""), event_of()),
            ("no event id in the event", "event id", header_of(b"e-1", b"", 0), none),
            ("a longer event id", "event id", header_of(b"e-1\0"), event_of()),
            ("event id in another case", "event id", header_of(b"E-1"), event_of()),
            ("another stream", "stream", header_of(stream=b"his-2"), event_of()),
            ("no stream in the header", "stream", header_of(stream=b""), event_of()),
            ("no stream in the event", "stream", header_of(b"", b"his-1", 0), none),
            ("another sequence", "sequence", header_of(sequence=8), event_of()),
            ("no sequence in the header", "sequence", header_of(sequence=0), event_of()),
            ("no sequence in the event", "sequence", header_of(b"", b"", 7), none),
            ("event id and stream changed places", "event id", header_of(b"his-1", b"e-1"),
             event_of())):
        yield name, f"header: its {blames}", sealed(index_key, head, event)


def other_times_and_tags(index_key):
    head, event = header_of(), event_of()
    tags = tags_of(index_key, tag_keys(cut(event)))
    for time in (0, 1, 1_767_225_599_000_001):
        yield f"event time {time}", "event time", sealed(index_key, head, event, event_time_us=time)
    for name, changed in (("no tags", []), ("a tag too few", tags[1:]),
                          ("a tag too many", sorted(tags + [sha(b"tag")])),
                          ("another tag", sorted(tags[1:] + [sha(b"tag")])),
                          ("tags under another key", tags_of(bytes(32), tag_keys(cut(event))))):
        yield name, "tags", sealed(index_key, head, event, tags=changed)


def malformed(index_key):
    head, event = header_of(), event_of()
    for kind in (0, 2, 3, 4, 7, 8, 9, 42):
        yield f"a leaf of kind {kind}", "leaf kind", sealed(index_key, head, event, kind=kind)
    yield "an event with a body", "leaf body", sealed(index_key, head, event, body=b"hidden")
    yield "no commitment", "leaf commitment", sealed(index_key, head, event, commitment=None)
    yield "a conflict without a body", "conflict", sealed(index_key, head, event, kind=6)
    for name, kind in (("erasure", 5), ("legal hold", 11), ("erasure request", 12)):
        yield f"a {name} without a body", name, sealed(index_key, head, event, kind=kind)
    yield "a conflict with too long a body", "conflict", sealed(
        index_key, head, event, kind=6, body=conflict(7) + b"\0")
    yield "a header with a trailing byte", "header", sealed(index_key, head + b"\0", event)
    bare = {"tags": [], "event_time_us": 0, "commitment": sha(b"x")}
    not_canonical = opening(SEED, head, vi(2, 1) + ld(1, b"e-1"))
    yield "fields descend", "not ascending", (leaf(1, RECORDED_AT, **bare, body=b""), not_canonical)
    no_identity = header_of(b"", b"", 0)
    for name, blames, data in (
            ("event id twice", "event_id", ld(1, b"e-1") + ld(1, b"e-1")),
            ("source twice", "source", ld(18, b"") + ld(18, b"")),
            ("stream is a number", "source", ld(18, vi(8, 1))),
            ("seconds are a string", "recorded", ld(4, ld(1, ld(1, b"1")))),
            ("a patient that is not UTF-8", "UTF-8", ld(14, ld(1, b"\xff")))):
        units = cut(data)
        bare["commitment"] = commit(SEED, no_identity, units)[3]
        yield name, blames, (leaf(1, RECORDED_AT, **bare, body=b""),
                             opening(SEED, no_identity, data))


def verdict(leaf_bytes, opening_bytes, index_key):
    try:
        verify_opening(leaf_bytes, opening_bytes, index_key)
    except Differs:
        return "differs"
    except Refused:
        return "malformed"
    return "verified"


def opening_vectors(text, index_key):
    rows = [("verified", name, "", pair) for name, pair in verified(index_key)]
    for source in (other_commitments, other_identities, other_times_and_tags):
        rows += [("differs", *row) for row in source(index_key)]
    rows += [("malformed", *row) for row in malformed(index_key)]
    for expected, name, _, pair in rows:
        assert verdict(*pair, index_key) == expected, name
    return [{"name": name, "verdict": expected, "blames": blames, "leaf": text(pair[0]),
             "opening": text(pair[1])} for expected, name, blames, pair in rows]


# --- partial disclosure -----------------------------------------------------------------------


def disclosure(shown, header_shown):
    """What is shown of an ordinary access: the units of the fields `shown`, maybe the header."""
    units = cut(ordinary())
    head = header(*HEADER[:3], *identity(units), None)
    hashes, _, hashed, commitment = commit(SEED, head, units)
    listed = [[u[:3], h, (salt(SEED, b"u", i), u[3]) if u[0] in shown else None]
              for i, (u, h) in enumerate(zip(units, hashes))]
    return [commitment, (salt(SEED, b"h", 0), head) if header_shown else hashed, listed]


def holds(commitment, head, listed):
    if not isinstance(head, bytes):
        head = header_hash(*head)
    salts_fit = all(part is None or len(part[0]) == 16 for _, _, part in listed)
    return (salts_fit and all(part is None or unit_hash(*part) == h for _, h, part in listed)
            and entry_commitment(head, event_commitment([(p, h) for p, h, _ in listed]))
            == commitment)


def changed(change):
    commitment, head, listed = disclosure({1, 4}, True)
    change(listed)
    return [commitment, head, listed]


def disclosure_rows():
    every = set(range(1, 30))
    yield "nothing but the list", True, disclosure(set(), False)
    yield "id and time", True, disclosure({1, 4}, False)
    yield "id and time, and the header", True, disclosure({1, 4}, True)
    yield "the header alone", True, disclosure(set(), True)
    yield "the whole event without its seed", True, disclosure(every, True)

    def another_value(listed):
        listed[0][2] = (listed[0][2][0], ld(1, b"e-2"))

    def another_salt(listed):
        listed[0][2] = (salt(SEED, b"u", 1), listed[0][2][1])

    def longer_salt(listed):  # the same bytes are hashed
        shown_salt, data = listed[0][2]
        listed[0][2] = (shown_salt + data[:1], data[1:])

    def shorter_salt(listed):
        shown_salt, data = listed[0][2]
        listed[0][2] = (shown_salt[:-1], shown_salt[-1:] + data)

    def another_hash(listed):
        listed[1][1] = sha(b"another")

    def another_path(listed):
        listed[-1][0] = (21, 0, 0)

    def one_hidden(listed):
        del listed[-1]

    def one_more(listed):
        listed.append([(21, 0, 0), sha(b"more"), None])

    def swapped(listed):
        listed[-1][1], listed[-2][1] = listed[-2][1], listed[-1][1]

    for name, change in (
            ("another value", another_value), ("the salt of another unit", another_salt),
            ("a byte moved into the salt", longer_salt), ("a byte moved out of it", shorter_salt),
            ("another hash of a withheld unit", another_hash), ("another path", another_path),
            ("a unit left out", one_hidden), ("a unit too many", one_more),
            ("two withheld values changed places", swapped)):
        yield name, False, changed(change)
    commitment, _, listed = disclosure({1}, False)
    yield "another header", False, [commitment, (salt(SEED, b"h", 0), header(*HEADER)), listed]
    yield "the salt of a unit for the header", False, [
        commitment, (salt(SEED, b"u", 0), disclosure({1}, True)[1][1]), listed]


def disclosure_vectors(text):
    out = []
    for name, expected, (commitment, head, listed) in disclosure_rows():
        assert holds(commitment, head, listed) == expected, name
        units = [{"path": path, "hash": text(h), **({} if part is None else
                  {"salt": text(part[0]), "bytes": text(part[1])})} for path, h, part in listed]
        shown = ({"header_hash": text(head)} if isinstance(head, bytes) else
                 {"header_salt": text(head[0]), "header": text(head[1])})
        out.append({"name": name, "holds": expected, "commitment": text(commitment), **shown,
                    "units": units})
    return out
