#!/usr/bin/env python3
"""Writes tests/testdata/bundle: evidence bundles, and how each section of them is tampered with.

    python3 tools/vectorgen_bundles.py && git diff --exit-code tests/testdata/bundle

`bundles.json` names the files with what each claim about them must come to; a row of `tampered` is
a file with `splices`, done in order: [at, count, hex], there count bytes make way for others.
"""
import difflib
import json
import pathlib

import vectorgen_bundle_cases as cases
import vectorgen_bundle_answers
from vectorgen_bundle_format import (
    CONTEXT, MAGIC, MATCH, NUMBER, b32, compact, consistency_record, container, inclusion_path,
    inclusion_records, manifest, note, vkey)
from vectorgen_bundle_cases import (
    CLAIMS, REDACTED, SOUND, Bundle, clinic, flipped, outcome, patient_tags, rehash, rotated_clinic,
    scope_with)
from vectorgen_formats import sha
from vectorgen_keys import key_change, key_changes, public_key
from vectorgen_wire import be

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "testdata" / "bundle"
SEEDS = ROOT / "tests" / "fuzz" / "corpus" / "bundle"


def whole():
    b = Bundle(clinic(), {"kind": "all"})
    for index in range(cases.SIZE):
        b.entry(index)
    b.close()
    b.sections.update(consistency=[consistency_record(b.log, n, cases.SIZE) for n in (5, 8)],
                      coverage=list(cases.STREAMS), glossary=list(cases.GLOSSARY),
                      certificate=[cases.CERTIFICATE])
    return b.finish().custody(2)


def range_of():
    b = Bundle(clinic(), {"kind": "range", "begin": 6, "end": 10})
    for index in range(6, 10):
        b.entry(index)
    return b.close().finish().custody()


def window():
    """By recorded time, with the neighbours that show its edges."""
    b = Bundle(clinic(), {"kind": "recorded", "from_us": (cases.START + 1500 * 6) * 10**6,
                          "to_us": (cases.START + 1500 * 8) * 10**6})
    for index in range(5, 9):
        b.entry(index, MATCH if 6 <= index < 8 else CONTEXT,
                whole_rule=0 if 6 <= index < 8 else cases.NOT_ASKED)
    b.entry(14, CONTEXT)  # the erasure, which names entry 5
    return b.close().finish().custody()


def by_tag(number, all_leaves, rules=()):
    tags = patient_tags(number)
    b = Bundle(clinic(), {"kind": "tag", "about": f"patient {cases.MRN}|{number}",
                          "tags": [t.hex() for t in tags], "from_us": 0, "to_us": 0})
    for index, data in enumerate(b.log.leaves):
        if any(t in data for t in tags):
            b.entry(index, only=number, rules=rules)
        elif all_leaves or index == 14:
            b.entry(index, CONTEXT, whole_rule=cases.NOT_ASKED)
    b.close()
    b.sections["coverage"] = list(cases.STREAMS)
    return b.finish().custody()


def opaque():
    """With a proof of a type that this version does not know."""
    b = by_tag(4711, False)
    b.sections["completeness"] = [be(2, 13) + b"example/map/9" + b"\1\2\3"]
    del b.sections["custody"]
    return b.finish().custody()


def rotated():
    """The log's key was followed by another before its head."""
    size = cases.SIZE + 2
    b = Bundle(rotated_clinic(), {"kind": "all"}, size)
    for index in range(size):
        b.entry(index)
    b.close()
    b.sections["key-changes"] = [b.log.key_changes(size)]
    b.sections["consistency"] = [consistency_record(b.log, n, size) for n in (8, cases.SIZE + 1)]
    return b.finish().custody(1, rotated_clinic)


def bundles():
    listed = SOUND + ("completeness", "custody")
    yield "whole", whole(), outcome(listed + ("consistency", "senders"))
    yield "range", range_of(), outcome(listed)
    yield "window", window(), outcome(listed)
    yield "patient", by_tag(4711, True, REDACTED), outcome(listed + ("senders",))
    yield "sparse", by_tag(4711, False, REDACTED), outcome(SOUND + ("custody", "senders"))
    yield "none", by_tag(777, True), outcome(listed)
    yield "opaque", opaque(), outcome(SOUND + ("custody", "senders"))
    yield from vectorgen_bundle_answers.bundles(listed)
    yield "rotated", rotated(), outcome(listed + ("consistency", "senders"))
    yield "unrecorded", strip_custody(range_of()), outcome(SOUND + ("completeness",))


def strip_custody(bundle):
    del bundle.sections["custody"]
    return bundle


# --- tampering --------------------------------------------------------------------------------


def with_record(sections, name, at, change):
    records = list(sections[name])
    records[at] = change(records[at])
    return {**sections, name: records}


def flips(sections):
    """One byte of one record of each section, the manifest left as it was."""
    # The claims that look at it, beside the file itself.
    blamed = {"scope": ["scope"], "head": ["head"], "entries": [], "inclusion": [],
              "consistency": ["consistency"], "coverage": [],
              "glossary": [], "certificate": [], "manifest": ["custody"], "custody": ["custody"]}
    where = {"scope": b"6,", "head": b"6\n", "consistency": b"5\n", "coverage": b"his",
             "glossary": b"TREAT", "certificate": b"lawyer", "manifest": b"case 12",
             "custody": b"index"}
    for name, claims in blamed.items():
        record = sections[name][0]
        at = record.index(where[name]) if name in where else len(record) - 1
        yield f"{name}: a flipped byte", name, with_record(
            sections, name, 0, lambda r: flipped(r, at)), claims


def about_with(sections, **changes):
    old = json.loads(sections["manifest"][0])
    return {**sections, "manifest": [compact({**old, **changes})]}


def entry_at(sections, index):
    return next(i for i, r in enumerate(sections["entries"])
                if int.from_bytes(r[1:9], "big") == index)


def entry_with(sections, index, change):
    return rehash(with_record(sections, "entries", entry_at(sections, index), change))


def without_entry(sections, log, index):
    left = [r for r in sections["entries"] if int.from_bytes(r[1:9], "big") != index]
    indices = [int.from_bytes(r[1:9], "big") for r in left]
    return rehash({**sections, "entries": left,
                   "inclusion": inclusion_records(log, indices, cases.SIZE)})


def forged_entries(sections):
    """Rows (name, sections, failing claims), the manifest made to fit: custody then fails."""
    yield "entries: a value shown is another", entry_with(
        sections, 1, lambda r: r.replace(b"Nele", b"Mila")), ["contents"]
    yield "entries: a leaf's time is another", entry_with(
        sections, 1, lambda r: flipped(r, 9 + 2 + 9)), ["entries"]
    yield "entries: a salt is another", entry_with(
        sections, 1, lambda r: flipped(r, r.index(b"his-1") - 30)), ["contents"]
    yield "entries: the sender is another", entry_with(
        sections, 1, lambda r: r.replace(b"clinic.example/his", b"clinic.example/her")), [
            "contents"]
    yield "inclusion: of another head", rehash(with_record(
        sections, "inclusion", 0, lambda r: r[:16] + be(1, 1) + bytes(32))), ["entries"]


def forged(sections, log):
    yield from forged_entries(sections)
    yield "entries: one is left out", scope_with(
        without_entry(sections, log, 3), matched=15), ["completeness"]
    yield "scope: counts more than there are", scope_with(sections, matched=17), ["scope"]
    yield "scope: of another head", scope_with(sections, size=17), ["scope"]
    yield "scope: withholds what nobody withheld", scope_with(sections, rules=[
        {"rule": 1, "name": "x", "why": "y", "entries": 0, "headers": 0, "units": 1}]), ["scope"]
    yield "scope: a narrower query", scope_with(
        sections, query={"kind": "range", "begin": 0, "end": 9}), ["scope"]
    thief = sha(b"thief")
    yield "head: by another key", rehash({**sections, "head": [note(
        cases.ORIGIN, log.hashes[:cases.SIZE], thief)]}), ["head"]
    yield "head: of another log", rehash({**sections, "head": [note(
        b"audit.example.org/other", log.hashes[:cases.SIZE], cases.LOG_SEED)]}), ["head"]
    yield "consistency: of no prefix", rehash(with_record(
        sections, "consistency", 0, lambda r: flipped(r, len(r) - 1))), ["consistency"]
    yield "consistency: by another key", rehash(with_record(
        sections, "consistency", 0, lambda r: b32(note(cases.ORIGIN, log.hashes[:5], thief))
        + r[4 + int.from_bytes(r[:4], "big"):])), ["consistency"]
    yield "coverage: a number that arrived is a gap", rehash(with_record(
        sections, "coverage", 0, lambda r: r.replace(b"[[5,5]]", b"[[7,7]]"))), ["coverage"]
    yield "manifest: another requester", about_with(sections, requester="C. Curious"), []
    yield "certificate: other words", rehash({**sections, "certificate": [b"I swear."]}), []
    yield "glossary: another meaning", rehash({**sections, "glossary": [compact(
        {"system": "s", "code": "TREAT", "meaning": "curiosity"})]}), []


def custody_forged(sections, log):
    first, second = sections["custody"]
    yield "custody: in another order", {**sections, "custody": [second, first]}
    yield "custody: begins with a hand-over", {**sections, "custody": [second]}
    yield "custody: one twice", {**sections, "custody": [first, first]}
    yield "custody: another event", with_record(
        sections, "custody", 0, lambda r: r.replace(b"p.officer", b"q.officer"))
    yield "custody: no link to the head", with_record(
        sections, "custody", 0, lambda r: flipped(r, len(r) - 1))
    yield "custody: of another bundle", {
        **sections, "custody": range_of().sections["custody"]}


def malformed(sections):
    """Files that are not well formed; what blames says is part of the reason."""
    data = container(sections)
    scope = sections["scope"][0]
    yield "nothing", "magic", b""
    yield "another magic", "magic", flipped(data, 0)
    yield "a later version", "magic", data.replace(b"/v1\n", b"/v2\n", 1)
    yield "cut short", "truncated", data[:-1]
    yield "a byte too many", "section", data + b"\0"
    yield "an unknown section", "section", data + be(1, 14) + be(4, 0)
    yield "section 0", "section", MAGIC + be(1, 0) + be(4, 0) + data[len(MAGIC):]
    yield "a record too long", "record", MAGIC + be(1, 1) + be(4, 2**20 + 1)
    yield "no scope", "scope", container({**sections, "scope": []})
    yield "two scopes", "scope", container({**sections, "scope": [scope, scope]})
    yield "no head", "head", container({**sections, "head": []})
    yield "no manifest", "manifest", container({**sections, "manifest": []})
    rest = data[len(MAGIC):]
    size = 5 + len(scope)
    yield "sections in another order", "section", MAGIC + (
        be(1, NUMBER["head"]) + b32(sections["head"][0])) + rest[:size] + rest[
            size + 5 + len(sections["head"][0]):]
    for name, text in (("spaces", scope.replace(b":", b": ", 1)),
                       ("a name twice", scope[:-1] + b',"size":16}'),
                       ("a name too many", scope[:-1] + b',"more":1}'),
                       ("not UTF-8", scope.replace(b"all", b"\xff")),
                       ("a byte order mark", b"\xef\xbb\xbf" + scope),
                       ("a fraction", scope.replace(b'"size":16', b'"size":16.5')),
                       ("a number too large", scope.replace(b":16,", b":9007199254740992,", 1)),
                       ("nested too deeply", b"[" * 9 + b"]" * 9), ("nothing", b"")):
        yield f"scope: {name}", "scope", container(rehash({**sections, "scope": [text]}))
    yield from malformed_records(sections)


def malformed_records(sections):
    entries, runs = sections["entries"], sections["inclusion"]

    def entries_of(records):
        return container(rehash({**sections, "entries": records}))

    yield "entries descend", "entries", entries_of([entries[1], entries[0]] + entries[2:])
    yield "an entry twice", "entries", entries_of([entries[0]] + entries)
    yield "an entry with a byte too many", "entries", entries_of([entries[0] + b"\0"] + entries[1:])
    yield "an entry of a role unknown", "entries", entries_of([b"\2" + entries[0][1:]]
                                                              + entries[1:])
    yield "content of a form unknown", "entries", entries_of([entries[0][:-1] + b"\4"]
                                                             + entries[1:])
    yield "rule 0 for a whole entry", "entries", entries_of([entries[0][:-1] + b"\2\0"]
                                                            + entries[1:])
    yield "a run that covers no entry", "inclusion", container(rehash(
        {**sections, "inclusion": runs + [be(8, 16) + be(8, 17) + b"\0"]}))
    yield "a run of nothing", "inclusion", container(rehash(
        {**sections, "inclusion": [be(8, 0) + be(8, 0) + b"\0"] + runs}))
    yield "entries without a run", "inclusion", container(rehash({**sections, "inclusion": []}))
    yield "a proof with a byte too many", "inclusion", container(rehash(
        {**sections, "inclusion": [runs[0] + b"\0"]}))


def tampered():
    """(name, base, the file, what each claim comes to, words that reasons hold)"""
    base = whole()
    sections, log = base.sections, base.log
    good = outcome(SOUND + ("completeness", "custody", "consistency", "senders"))

    def but(failed, cannot=()):
        return {c: "FAIL" if c in failed else "CANNOT TELL" if c in cannot else good[c]
                for c in CLAIMS}

    for name, section, changed, claims in flips(sections):
        blames = {} if section in ("manifest", "custody") else {"file": section}
        yield name, "whole", container(changed), None, blames, claims
    for name, changed, claims in forged(sections, log):
        cannot = ["completeness"] if "entries" in claims else []
        cannot += ["senders"] if "contents" in claims else []
        yield name, "whole", container(changed), but(claims + ["custody"], cannot), {}, claims
    for name, changed in custody_forged(sections, log):
        yield name, "whole", container(changed), but(["custody"]), {}, ["custody"]
    for name, blames, data in malformed(sections):
        yield name, "whole", data, outcome((), ("file",)), {"file": blames}, ["file"]
    yield from tampered_answers()
    yield from vectorgen_bundle_answers.tampered(range_of().sections)
    yield from tampered_keys()


def tampered_answers():
    """Of the answer about a patient."""
    sound = outcome(SOUND + ("completeness", "custody", "senders"))
    sections = by_tag(4711, True, REDACTED).sections

    def hide(record):
        """An entry that the query finds is passed off as one that it does not."""
        size = 11 + int.from_bytes(record[9:11], "big")
        return be(1, CONTEXT) + record[1:size] + b"\2" + be(1, cases.NOT_ASKED)
    hidden = entry_with(sections, 4, hide)
    scope = json.loads(hidden["scope"][0])
    hidden = scope_with(hidden, matched=scope["matched"] - 1, context=scope["context"] + 1)
    yield ("tag: an entry is passed off as another's", "patient", container(hidden), None, {},
           ["scope", "completeness", "custody"])
    at = entry_at(sections, 1)
    record = sections["entries"][at]
    marker = be(4, 17) + be(4, 0) + be(4, 5) + be(1, cases.STAFF_NAMES)
    where = record.index(marker) + len(marker)
    yield ("tag: another hash of a withheld unit", "patient", container(entry_with(
        sections, 1, lambda r: flipped(r, where))),
        {**sound, "contents": "FAIL", "senders": "CANNOT TELL", "custody": "FAIL"}, {},
        ["contents"])
    yield ("tag: withheld under another rule", "patient", container(entry_with(
        sections, 1, lambda r: r[:where - 1] + be(1, cases.NETWORK) + r[where:])),
        {**sound, "scope": "FAIL", "custody": "FAIL"}, {}, ["scope"])


def tampered_keys():
    """Of the bundle of a log whose key was followed by another."""
    bundle = rotated()
    sections, log = bundle.sections, bundle.log
    size = len(log.leaves)
    retired = note(cases.ORIGIN, log.hashes, cases.LOG_SEED)
    none = {k: v for k, v in sections.items() if k != "key-changes"}
    index, data = size - 2, log.leaves[size - 2]
    foreign = key_changes(cases.ORIGIN, size, [(index, leaf_of_thief(data))],
                          inclusion_path(log.hashes, index))
    moved = key_changes(cases.ORIGIN, size, [(index - 1, data)], inclusion_path(log.hashes, index))
    for name, changed, claims in (
            ("by the retired key", {**sections, "head": [retired]}, ["head", "custody"]),
            ("not told", none, ["head", "custody"]),
            ("to a thief's", {**sections, "key-changes": [foreign]},
             ["head", "consistency", "custody"]),
            ("elsewhere", {**sections, "key-changes": [moved]},
             ["head", "consistency", "custody"])):
        yield f"keys: {name}", "rotated", container(rehash(changed)), None, {}, claims


def leaf_of_thief(data):
    """A key change that the thief alone signed."""
    thief = sha(b"thief")
    body = key_change(cases.ORIGIN, thief, sha(b"another"))[1]
    return data[:-2 - len(body)] + be(2, len(body)) + body


def records_of(data):
    """Magic and records, as far as they go; put together they are the data."""
    parts, at = [data[:len(MAGIC)]], len(MAGIC)
    while at < len(data):
        size = 5 + int.from_bytes(data[at + 1:at + 5], "big")
        parts.append(data[at:at + size])
        at += size
    return parts


def trimmed(at, old, new):
    """[at, count, hex] of what of `old` makes way for what of `new`."""
    begin = 0
    while begin < min(len(old), len(new)) and old[begin] == new[begin]:
        begin += 1
    end = 0
    while end < min(len(old), len(new)) - begin and old[-1 - end] == new[-1 - end]:
        end += 1
    return [at + begin, len(old) - begin - end, new[begin:len(new) - end].hex()]


def splices(base, data):
    """The edits that turn `base` into `data`, the last first."""
    old, new = records_of(base), records_of(data)
    starts = [0]
    for part in old:
        starts.append(starts[-1] + len(part))
    edits = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    out = [trimmed(starts[i], b"".join(old[i:j]), b"".join(new[k:m]))
           for what, i, j, k, m in reversed(edits) if what != "equal"]
    changed = base
    for at, count, text in out:
        changed = changed[:at] + bytes.fromhex(text) + changed[at + count:]
    assert changed == data
    return out


def fuzz_seeds():
    """Bundles of the log whose key tests/fuzz/fuzz_log.h pins: mutation gets past the signature."""
    cases.ORIGIN, cases.LOG_SEED, cases.INDEX_KEY = b"ledger.test/clinic", b"\1" * 32, b"i" * 32
    SEEDS.mkdir(parents=True, exist_ok=True)
    for name, bundle in (("range", range_of()), ("window", window()), ("whole", whole()),
                         ("patient", by_tag(4711, True, REDACTED)),
                         ("answered", vectorgen_bundle_answers.answered())):
        (SEEDS / name).write_bytes(bundle.bytes())


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    files, rows = {}, []
    for name, bundle, expected in bundles():
        files[name] = bundle.bytes()
        (OUT / f"{name}.bundle").write_bytes(files[name])
        rows.append({"name": name, "bytes": len(files[name]), "claims": expected})
    changed = []
    for name, base, data, claims, blames, failing in tampered():
        assert data != files[base], name
        changed.append({"name": name, "base": base, "splices": splices(files[base], data),
                        "claims": claims, "failing": failing, "blames": blames})
    document = {"about": "Evidence bundles and what each claim about them comes to.",
                "generated_by": "tools/vectorgen_bundles.py", "origin": cases.ORIGIN.decode(),
                "vkey": vkey(cases.ORIGIN, public_key(cases.LOG_SEED)),
                "witness": vkey(cases.WITNESS, public_key(cases.WITNESS_SEED), 4),
                "second_vkey": vkey(cases.ORIGIN, public_key(sha(b"log, the second key"))),
                "index_key": cases.INDEX_KEY.hex(), "bundles": rows, "tampered": changed}
    (OUT / "bundles.json").write_text(json.dumps(document, indent=1) + "\n")
    fuzz_seeds()


if __name__ == "__main__":
    main()
