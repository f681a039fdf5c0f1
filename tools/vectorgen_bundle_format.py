"""The evidence bundle (verifier/README.md, "The evidence bundle"), written: container, records,
proofs. A second implementation, in Python's standard library alone."""
import base64
import json

from vectorgen_formats import (
    emit_message, event_time, header, identity, leaf, receipt, salt, sha, tag_keys, tags_of,
    commit)
from vectorgen_keys import key_change, key_changes, public_key, sign
from vectorgen_wire import b16, be, cut

MAGIC = b"auditledger/bundle/v1\n"
SECTIONS = ("scope", "head", "key-changes", "entries", "inclusion", "consistency", "completeness",
            "timestamps", "coverage", "glossary", "certificate", "manifest", "custody")
NUMBER = {name: number for number, name in enumerate(SECTIONS, 1)}
LISTED = SECTIONS[:11]  # by the manifest; custody comes after it
MATCH, CONTEXT = 0, 1


def compact(value):
    """The one form of JSON in a bundle."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def b32(data):
    return be(4, len(data)) + data


# --- the tree ---------------------------------------------------------------------------------


def split(n):
    return 1 << ((n - 1).bit_length() - 1)


def tree_root(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha()
    k = split(len(hashes))
    return sha(b"\1", tree_root(hashes[:k]), tree_root(hashes[k:]))


def leaf_hash(data):
    return sha(b"\0", data)


def range_proof(hashes, begin, end, at=0):
    """RangeProof of proto/auditledger/v1/proof.proto."""
    n = len(hashes)
    if end <= at or at + n <= begin:
        return [tree_root(hashes)]
    if n == 1:
        return []
    k = split(n)
    return range_proof(hashes[:k], begin, end, at) + range_proof(hashes[k:], begin, end, at + k)


def inclusion_path(hashes, index):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion_path(hashes[:k], index) + [tree_root(hashes[k:])]
    return inclusion_path(hashes[k:], index - k) + [tree_root(hashes[:k])]


def consistency_path(hashes, size, whole=True):
    if size == len(hashes):
        return [] if whole else [tree_root(hashes)]
    k = split(len(hashes))
    if size <= k:
        return consistency_path(hashes[:k], size, whole) + [tree_root(hashes[k:])]
    return consistency_path(hashes[k:], size - k, False) + [tree_root(hashes[:k])]


# --- notes ------------------------------------------------------------------------------------


def key_id(name, key_type, key):
    return sha(name, b"\n", bytes([key_type]), key)[:4]


def vkey(name, key, key_type=1):
    return (name + b"+" + key_id(name, key_type, key).hex().encode() + b"+"
            + base64.b64encode(bytes([key_type]) + key)).decode()


def note_line(name, data):
    return "\u2014 ".encode() + name + b" " + base64.b64encode(data) + b"\n"


def note(origin, hashes, seed, witnesses=()):
    """A checkpoint over `hashes`; `witnesses` are (name, seed, time)."""
    text = b"%s\n%d\n%s\n" % (origin, len(hashes), base64.b64encode(tree_root(hashes)))
    key = public_key(seed)
    lines = note_line(origin, key_id(origin, 1, key) + sign(seed, text))
    for name, witness_seed, time in witnesses:
        message = b"cosignature/v1\ntime %d\n" % time + text
        lines += note_line(name, key_id(name, 4, public_key(witness_seed)) + be(8, time)
                           + sign(witness_seed, message))
    return text + b"\n" + lines


# --- the log ----------------------------------------------------------------------------------


class Log:
    """Entries as they are sealed; leaves, and of those that carry an event what opens them."""

    def __init__(self, origin, seed, index_key):
        self.origin, self.seed, self.index_key = origin, seed, index_key
        self.leaves, self.opened, self.hashes = [], [], []
        self.change = None  # (index, seed of the key that signs from there on)

    def add_leaf(self, data, opened=None):
        self.leaves.append(data)
        self.opened.append(opened)
        self.hashes.append(leaf_hash(data))
        return len(self.leaves) - 1

    def add_event(self, at_us, event, principal, kind=1, body=b"", flags=0, emitter=None):
        units = cut(event)
        seed = sha(b"seed of entry ", be(8, len(self.leaves)))
        fields = [at_us - 1000, flags, principal, *identity(units), None]
        if emitter:
            message = emit_message(self.origin, fields[3], fields[4], commit(seed, b"", units)[1])
            fields[6] = (public_key(emitter), sign(emitter, message))
        head = header(*fields)
        tags = tags_of(self.index_key, tag_keys(units))
        data = leaf(kind, at_us, event_time(units), tags, commit(seed, head, units)[3], body)
        return self.add_leaf(data, (seed, head, units, event))

    def rotate(self, at_us, seed):
        body = key_change(self.origin, self.seed, seed)[1]
        self.change = (self.add_leaf(leaf(3, at_us, 0, [], None, body)), seed)

    def key_changes(self, size):
        index = self.change[0]
        return key_changes(self.origin, size, [(index, self.leaves[index])],
                           inclusion_path(self.hashes[:size], index))

    def head(self, size, witnesses=()):
        rotated = self.change is not None and size > self.change[0] + 1
        seed = self.change[1] if rotated else self.seed
        return note(self.origin, self.hashes[:size], seed, witnesses)

    def receipt(self, index, size):
        """A tlog-proof with leaf and opening, as an emitter keeps it."""
        seed, head, _, _ = self.opened[index]
        extra = base64.b64encode(receipt(self.leaves[index], (seed, head)))
        path = b"".join(base64.b64encode(h) + b"\n"
                        for h in inclusion_path(self.hashes[:size], index))
        return (b"c2sp.org/tlog-proof@v1\nextra " + extra + b"\nindex %d\n" % index + path + b"\n"
                + self.head(size))


# --- records ----------------------------------------------------------------------------------


def entry_record(log, index, role, rule_of=lambda path, data: 0, header_rule=0, whole_rule=0,
                 gone=False):
    """`rule_of` gives for a unit 0 (shown) or the number of the rule that withholds it."""
    start = be(1, role) + be(8, index) + b16(log.leaves[index])
    if log.opened[index] is None:
        return start + b"\0"
    if gone:
        return start + b"\3"
    if whole_rule:
        return start + b"\2" + be(1, whole_rule)
    seed, head, units, _ = log.opened[index]
    hashes, _, head_hash, _ = commit(seed, head, units)
    out = start + b"\1"
    out += (be(1, header_rule) + head_hash if header_rule
            else b"\0" + salt(seed, b"h", 0) + b16(head))
    out += be(2, len(units))
    for i, (field, occurrence, subfield, data) in enumerate(units):
        rule = rule_of((field, occurrence, subfield), data)
        out += be(4, field) + be(4, occurrence) + be(4, subfield) + be(1, rule)
        out += hashes[i] if rule else salt(seed, b"u", i) + b32(data)
    return out


def inclusion_records(log, indices, size):
    runs = []
    for index in sorted(indices):
        if runs and runs[-1][1] == index:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    return [be(8, b) + be(8, e) + hash_list(range_proof(log.hashes[:size], b, e)) for b, e in runs]


def hash_list(hashes):
    return be(1, len(hashes)) + b"".join(hashes)


def consistency_record(log, old, size):
    return b32(log.head(old)) + hash_list(consistency_path(log.hashes[:size], old))


def custody_record(log, size, index, at):
    """Entry `index`, under the head of size `at`, which extends the bundle's."""
    return (b32(log.receipt(index, at)) + b32(log.opened[index][3])
            + hash_list(consistency_path(log.hashes[:at], size)))


def manifest(about, sections):
    listed = [{"section": name, "records": len(sections[name]),
               "bytes": sum(map(len, sections[name])),
               "root": tree_root([leaf_hash(r) for r in sections[name]]).hex()}
              for name in LISTED if sections.get(name)]
    return compact({"format": "auditledger/bundle/v1", **about, "sections": listed})


def container(sections):
    """{section: [record]} as a file; the order is that of SECTIONS."""
    return MAGIC + b"".join(be(1, NUMBER[name]) + b32(record)
                            for name in SECTIONS for record in sections.get(name, []))
