"""Whole receipts for vectorgen: what a client has to believe of an acknowledgement and what not,
with the code by which it refuses (api/client/receipt_check.h), and heads that follow each other."""
import base64

from vectorgen_cases import HEADER, recorded, text_field
from vectorgen_formats import commit, event_time, header, leaf, sha
from vectorgen_keys import public_key, sign
from vectorgen_wire import be, cut, ld, records, vi

ORIGIN = b"ledger.example.org/clients"
OTHER_ORIGIN = b"ledger.example.org/elsewhere"
KEY, NEXT_KEY, STRANGER = sha(b"client log key"), sha(b"next client log key"), sha(b"stranger")
RECORDED_AT = 1_767_225_600_000_000
MASKED = 1 << 10
SIZE, INDEX = 11, 6


# --- notes ------------------------------------------------------------------------------------


def key_id(name, key):
    return sha(name, b"\n\1", public_key(key))[:4]


def vkey(name, key):
    return (name + b"+" + key_id(name, key).hex().encode() + b"+"
            + base64.b64encode(b"\1" + public_key(key)))


def line(name, key, signed):
    return "\u2014 ".encode() + name + b" " + base64.b64encode(key_id(name, key) + signed) + b"\n"


def head_text(origin, size, root, extension=b""):
    return origin + b"\n%d\n" % size + base64.b64encode(root) + b"\n" + extension


def note(text, key=KEY, name=ORIGIN):
    return text + b"\n" + line(name, key, sign(key, text))


# --- the tree, by its definition --------------------------------------------------------------


def split(width):
    k = 1
    while 2 * k < width:
        k *= 2
    return k


def root(hashes):
    if not hashes:
        return sha()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return sha(b"\1", root(hashes[:k]), root(hashes[k:]))


def inclusion(index, hashes):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion(index, hashes[:k]) + [root(hashes[k:])]
    return inclusion(index - k, hashes[k:]) + [root(hashes[:k])]


def consistency(old, hashes, whole=True):
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return consistency(old, hashes[:k], whole) + [root(hashes[k:])]
    return consistency(old - k, hashes[k:], False) + [root(hashes[:k])]


# --- entries ----------------------------------------------------------------------------------


def event(number=6, query=b"", note_text=b"", more=b""):
    agent = ld(17, ld(1, ld(2, note_text)) + ld(5, b"Dr. A")) if note_text else b""
    entity = ld(19, ld(8, query)) if query else b""
    return (ld(1, b"e-%d" % number) + vi(2, 1) + recorded(1_767_225_590 + number)
            + ld(14, text_field(1, "Patient/1")) + agent
            + ld(18, ld(8, b"his-1") + vi(9, number)) + entity + more)


def head_of(number=6, flags=0):
    return header(HEADER[0], flags, HEADER[2], b"his-1", b"e-%d" % number, number, None)


class Log:
    """A log whose entry INDEX has this leaf, with the receipt of it."""

    def __init__(self, sealed, head, **changes):
        seed = sha(b"seed of receipts")
        units = cut(sealed)
        fields = {"kind": 1, "recorded_at": RECORDED_AT + INDEX,
                  "event_time_us": event_time(units), "tags": [],
                  "commitment": commit(seed, head, units)[3], "body": b"", **changes}
        self.leaves = [leaf(1, RECORDED_AT + i, 0, [], sha(b"another", be(1, i)), b"")
                       for i in range(SIZE)]
        self.leaves[INDEX] = leaf(**fields)
        self.hashes = [sha(b"\0", one) for one in self.leaves]
        self.receipt = {"index": INDEX, "leaf": self.leaves[INDEX], "leaf_index": INDEX,
                        "tree_size": SIZE, "hashes": inclusion(INDEX, self.hashes),
                        "note": note(self.head()), "seed": seed, "header": head, "event": b""}

    def head(self, size=SIZE, origin=ORIGIN, extension=b""):
        return head_text(origin, size, root(self.hashes[:size]), extension)

    def but(self, **changes):
        return {**self.receipt, **changes}


def number_field(number, value):
    return vi(number, value) if value else b""


def encode(r):
    """auditledger.v1.Receipt."""
    path = (number_field(1, r["leaf_index"]) + number_field(2, r["tree_size"])
            + b"".join(ld(3, h) for h in r["hashes"]))
    opening = b"" if r["seed"] is None else ld(5, ld(1, r["seed"]) + ld(2, r["header"]) + (
        ld(3, r["event"]) if r["event"] else b""))
    return (number_field(1, r["index"]) + ld(2, r["leaf"]) + ld(3, path)
            + ld(4, ld(1, r["note"])) + opening)


# --- cases ------------------------------------------------------------------------------------


def rows_of_heads(log):
    text = log.head()
    signature = sign(KEY, text)
    yield "another key", "UNAUTHENTICATED", log.but(note=note(text, STRANGER))
    yield "the next key, which is pinned too", "OK", log.but(note=note(text, NEXT_KEY))
    yield "a stranger's line beside the log's", "OK", log.but(
        note=note(text) + line(b"witness.example", STRANGER, be(8, 1) + sign(STRANGER, text)))
    yield "a signature with a flipped bit", "DATA_LOSS", log.but(
        note=text + b"\n" + line(ORIGIN, KEY, bytes([signature[0] ^ 1]) + signature[1:]))
    yield "a signature cut short", "DATA_LOSS", log.but(
        note=text + b"\n" + line(ORIGIN, KEY, signature[:-1]))
    yield "a signature over another head", "DATA_LOSS", log.but(
        note=text + b"\n" + line(ORIGIN, KEY, sign(KEY, log.head(7))))
    yield "another origin, by the key", "FAILED_PRECONDITION", log.but(
        note=note(log.head(origin=OTHER_ORIGIN)))
    yield "a signature under another name", "UNAUTHENTICATED", log.but(
        note=note(text, KEY, OTHER_ORIGIN))
    yield "an extension line", "OK", log.but(note=note(log.head(extension=b"more\n")))
    yield "an empty extension line", "INVALID_ARGUMENT", log.but(
        note=note(log.head(extension=b"\nmore\n")))
    yield "a size with a leading zero", "INVALID_ARGUMENT", log.but(
        note=note(text.replace(b"\n11\n", b"\n011\n")))
    yield "a size over 2^63 - 1", "INVALID_ARGUMENT", log.but(
        note=note(text.replace(b"\n11\n", b"\n9223372036854775808\n")))
    yield "no empty line", "INVALID_ARGUMENT", log.but(note=note(text).replace(b"\n\n", b"\n"))
    yield "no signature", "INVALID_ARGUMENT", log.but(note=text + b"\n")
    yield "no head", "INVALID_ARGUMENT", log.but(note=b"")
    yield "base64 of another form", "INVALID_ARGUMENT", log.but(
        note=note(text)[:-1] + b"=\n")
    yield "a control character", "INVALID_ARGUMENT", log.but(note=note(text + b"x\ty\n"))
    yield "the last line without its end", "INVALID_ARGUMENT", log.but(note=note(text)[:-1])
    yield "a root of 31 bytes", "INVALID_ARGUMENT", log.but(
        note=note(head_text(ORIGIN, SIZE, root(log.hashes)[1:])))


def rows_of_proofs(log):
    hashes = log.receipt["hashes"]
    yield "another index", "DATA_LOSS", log.but(index=INDEX - 1)
    yield "another index, in the proof", "DATA_LOSS", log.but(leaf_index=INDEX - 1)
    yield "another index in both", "DATA_LOSS", log.but(index=INDEX + 1, leaf_index=INDEX + 1)
    yield "an index beyond the tree", "INVALID_ARGUMENT", log.but(index=SIZE, leaf_index=SIZE)
    yield "an index of 64 bits", "INVALID_ARGUMENT", log.but(
        index=2**64 - 1, leaf_index=2**64 - 1)
    yield "a proof for another size", "DATA_LOSS", log.but(tree_size=SIZE + 1)
    yield "an older head, and its size", "DATA_LOSS", log.but(
        note=note(log.head(9)), tree_size=9)
    yield "a head before the entry", "INVALID_ARGUMENT", log.but(
        note=note(log.head(INDEX)), tree_size=INDEX)
    yield "a root that was made up", "DATA_LOSS", log.but(
        note=note(head_text(ORIGIN, SIZE, sha(b"no tree"))))
    yield "another's leaf", "DATA_LOSS", log.but(leaf=log.leaves[3])
    yield "a proof cut short", "INVALID_ARGUMENT", log.but(hashes=hashes[:-1])
    yield "a proof too long", "INVALID_ARGUMENT", log.but(hashes=hashes + [sha(b"x")])
    yield "no proof", "INVALID_ARGUMENT", log.but(hashes=[])
    yield "a hash of 31 bytes", "INVALID_ARGUMENT", log.but(hashes=[hashes[0][1:], *hashes[1:]])
    yield "hashes in another order", "DATA_LOSS", log.but(hashes=hashes[::-1])


def rows_of_openings(log):
    yield "no opening", "DATA_LOSS", log.but(seed=None)
    yield "another seed", "DATA_LOSS", log.but(seed=sha(b"another"))
    yield "a seed of 31 bytes", "INVALID_ARGUMENT", log.but(seed=log.receipt["seed"][1:])
    yield "another's header", "DATA_LOSS", log.but(header=head_of(7))
    yield "a header with a trailing byte", "INVALID_ARGUMENT", log.but(
        header=head_of() + b"\0")
    yield "no header", "INVALID_ARGUMENT", log.but(header=b"")
    yield "an event that nobody asked for", "OK", log.but(event=event(7))


def whole_log_rows():
    """Logs that were made to deceive: their trees hold what the receipt says."""
    good, head = event(), head_of()
    for name, verdict, log in (
            ("a refused event kept as evidence", "DATA_LOSS",
             Log(good, head, kind=6, body=b"\1" + be(8, 3))),
            ("a kind nobody knows", "DATA_LOSS", Log(good, head, kind=42)),
            ("an event with a body", "INVALID_ARGUMENT", Log(good, head, body=b"x")),
            ("no commitment", "INVALID_ARGUMENT", Log(good, head, commitment=None)),
            ("another time", "DATA_LOSS", Log(good, head, event_time_us=1)),
            ("a header that names another event", "DATA_LOSS", Log(good, head_of(7)))):
        yield name, verdict, good, log.receipt
    other = Log(event(7), head_of(7))
    yield "the receipt of another event", "DATA_LOSS", good, other.receipt
    not_canonical = ld(2, b"") + ld(1, b"")
    yield "an event that is not in canonical form", "INVALID_ARGUMENT", not_canonical, (
        Log(good, head).receipt)


SENT = {"query": b"user=x&password=hunter2", "note_text": b"token ghp_0123"}
SEALED = {"query": b"user=x&password=*******", "note_text": b"token ********"}


def masked_rows():
    sent, sealed = event(**SENT), event(**SEALED)
    head = head_of(flags=MASKED)
    log = Log(sealed, head)
    yield "secrets masked", "OK", sent, log.but(event=sealed)
    yield "masked, of an event sent masked", "OK", sealed, log.but(event=sealed)
    yield "masked, without the event", "DATA_LOSS", sent, log.receipt
    yield "masked, with the event that was sent", "DATA_LOSS", sent, log.but(event=sent)
    yield "masked, for an event that was not", "DATA_LOSS", event(), log.but(event=sealed)
    yield "masked without the flag", "DATA_LOSS", sent, Log(sealed, head_of()).but(event=sealed)
    for name, changed in (
            ("another letter", event(query=b"user=y&password=*******",
                                     note_text=SEALED["note_text"])),
            ("a secret shortened", event(query=b"user=x&password=******",
                                         note_text=SEALED["note_text"])),
            ("a field left out", event(query=SEALED["query"])),
            ("a number changed", sealed.replace(vi(2, 1), vi(2, 2), 1)),
            ("a time changed", event(7, **SEALED).replace(b"e-7", b"e-6")),
            ("the event id", sealed.replace(b"e-6", b"e-*")),
            ("the stream", sealed.replace(b"his-1", b"his-*")),
            ("bytes of the encoding", sealed[:-1] + b"\xff"),
            ("a field more", event(**SEALED, more=ld(41, b"more")))):
        yield "masked, and " + name, "DATA_LOSS", sent, log.but(event=changed)
    for name, verdict, mine, its in (
            ("masked in a field nobody knows", "OK", b"secret", b"******"),
            ("masked in a field nobody knows, and changed", "DATA_LOSS", b"secret", b"*****x")):
        mine, its = event(more=ld(41, mine)), event(more=ld(41, its))
        yield name, verdict, mine, Log(its, head).but(event=its)


def receipt_rows():
    log = Log(event(), head_of())
    yield "a receipt", "OK", event(), log.receipt
    for source in (rows_of_heads, rows_of_proofs, rows_of_openings):
        for name, verdict, receipt in source(log):
            yield name, verdict, event(), receipt
    yield from whole_log_rows()
    yield from masked_rows()


def head_rows():
    log, fork = Log(event(), head_of()), Log(event(7), head_of(7))
    hashes = log.hashes
    for old, new in ((1, 11), (4, 8), (6, 11), (8, 11), (10, 11)):
        yield f"{old} to {new}", "OK", log, old, log, new, consistency(old, hashes[:new])
    yield "the same head", "OK", log, 11, log, 11, []
    yield "another root of the size", "DATA_LOSS", log, 11, fork, 11, []
    yield "a proof where none is due", "INVALID_ARGUMENT", log, 11, log, 11, [hashes[0]]
    yield "a fork", "DATA_LOSS", log, 8, fork, 11, consistency(8, fork.hashes)
    yield "a fork, with the true log's proof", "DATA_LOSS", log, 8, fork, 11, (
        consistency(8, hashes))
    yield "a proof cut short", "INVALID_ARGUMENT", log, 6, log, 11, (
        consistency(6, hashes)[:-1])
    yield "no proof", "INVALID_ARGUMENT", log, 6, log, 11, []
    yield "a proof of other sizes", "DATA_LOSS", log, 5, log, 11, consistency(7, hashes)
    yield "a smaller head", "INVALID_ARGUMENT", log, 11, log, 8, consistency(8, hashes)


def receipt_vectors(text):
    for name, verdict, sent, receipt in receipt_rows():
        assert verdict in ("OK", "INVALID_ARGUMENT", "DATA_LOSS", "UNAUTHENTICATED",
                           "FAILED_PRECONDITION"), name
        assert list(records(encode(receipt)))
    return {"pinned": {"origin": ORIGIN.decode(), "vkey": vkey(ORIGIN, KEY).decode(),
                       "other_vkeys": [vkey(ORIGIN, NEXT_KEY).decode()],
                       "stranger_vkey": vkey(ORIGIN, STRANGER).decode()},
            "receipts": [{"name": name, "verdict": verdict, "event": text(sent),
                          "receipt": text(encode(receipt))}
                         for name, verdict, sent, receipt in receipt_rows()],
            "heads": [{"name": name, "verdict": verdict,
                       "old_note": note(old_log.head(old)).decode(),
                       "new_note": note(new_log.head(new)).decode(),
                       "proof": [h.hex() for h in proof]}
                      for name, verdict, old_log, old, new_log, new, proof in head_rows()]}
