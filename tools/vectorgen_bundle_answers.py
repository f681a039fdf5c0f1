"""Published bundles that rest on complete answers, and how those are tampered with."""
import json

import vectorgen_bundle_cases as cases
from vectorgen_answers import NO_END, answer, answer_records, tags_in
from vectorgen_bundle_cases import (
    REDACTED, SOUND, Bundle, flipped, outcome, patient_tags, rehash, scope_with)
from vectorgen_bundle_format import CONTEXT, container, inclusion_records
from vectorgen_wire import Reader, be


def in_window(data, begin, end):
    return begin <= int.from_bytes(data[2:10], "big") < end


def answered(number=4711, window=(0, 0), context=(), answers=None, liar=None):
    """With complete answers in place of the other leaves; `answers` makes each tag's, or none."""
    log = cases.indexed_clinic(liar)
    size, tags = len(log.leaves), patient_tags(number)
    begin, end = window[0], window[1] or NO_END
    b = Bundle(log, {"kind": "tag", "about": f"patient {cases.MRN}|{number}",
                     "tags": [t.hex() for t in tags], "from_us": window[0], "to_us": window[1]},
               size)
    for index, data in enumerate(log.leaves):
        if set(tags) & set(tags_in(data)) and in_window(data, begin, end):
            b.entry(index, only=number, rules=REDACTED)
        elif index in context:
            b.entry(index, CONTEXT, whole_rule=cases.NOT_ASKED)
    b.close()
    make = answers or (lambda tag: answer(log, size, tag, begin, end))
    b.sections["completeness"] = [r for t in tags for r in answer_records(make(t), 1500)]
    return b.finish().custody(1, lambda: cases.indexed_clinic(liar))


def indexed():
    log = cases.indexed_clinic()
    return log, len(log.leaves)


def stopping(tag):
    """At its index head."""
    return answer(*indexed(), tag, tail=False)


WINDOW = ((cases.START + 1500 * 3) * 10**6, (cases.START + 1500 * 7) * 10**6)


def bundles(listed):
    yield "answered", answered(), outcome(listed + ("senders",))
    yield "answered-none", answered(777), outcome(listed)
    yield "answered-window", answered(window=WINDOW), outcome(listed)
    yield "answered-stops", answered(answers=stopping), outcome(SOUND + ("custody", "senders"))
    yield "answered-behind", answered(answers=stopping, context=(0, 18, 19)), outcome(
        listed + ("senders",))
    yield "answered-half", answered(
        answers=lambda t: answer(*indexed(), t) if t == patient_tags(4711)[0] else b""), outcome(
            SOUND + ("custody", "senders"))


def false_answers():
    """(name, the records of section 7), about a patient of two tags."""
    log, size = indexed()
    first, second = patient_tags(4711)
    good = [answer(log, size, t) for t in (first, second)]
    note_end = 5 + int.from_bytes(good[0][1:5], "big")
    for at in [0, *range(note_end, len(good[0]), 83), len(good[0]) - 1]:
        yield f"byte {at} of one is another", [flipped(good[0], at), good[1]]
    yield "one has a byte too many", [good[0], good[1] + b"\0"]
    yield "one is cut", [good[0], good[1][:-1]]
    yield "in another order", good[::-1]
    yield "one too many", [*good, good[1]]
    yield "the same twice", [good[0], good[0]]
    for name, changes in (
            ("hides an entry", {"drop": (4,)}), ("rests on an old index head", {"head_index": 16}),
            ("is about another window", {"begin": WINDOW[0]}),
            ("ends before now", {"end": WINDOW[1]}), ("is of a map without an entry",
                                                      {"without": 4})):
        yield f"one {name}", [answer(log, size, first, **changes), good[1]]
    yield "one is under an older head", [answer(log, size - 1, first), good[1]]


def tampered(range_sections):
    """Of the bundle that rests on complete answers."""
    sections = answered().sections
    good = outcome(SOUND + ("completeness", "custody", "senders"))
    failed = ["completeness", "custody"]

    def row(name, changed, claims=failed):
        return (f"answers: {name}", "answered", container(changed),
                {**good, **{c: "FAIL" for c in claims}}, {}, claims)

    for name, answers in false_answers():
        yield row(name, rehash({**sections, "completeness": [
            r for a in answers for r in answer_records(a)]}))
    parts = sections["completeness"]
    head = 2 + int.from_bytes(parts[0][:2], "big")
    for name, records in (
            ("the last part is missing", parts[:-1]),
            ("a part is missing in the midst", parts[:1] + parts[2:]),
            ("the last part says that it goes on",
             [*parts[:-1], parts[-1][:head] + b"\1" + parts[-1][head + 1:]]),
            ("a part of a form unknown",
             [parts[0][:head] + b"\2" + parts[0][head + 1:], *parts[1:]]),
            ("a part without a form", [parts[0][:head], *parts[1:]]),
            ("another proof stands between their parts",
             [parts[0], be(2, 7) + b"another", *parts[1:]])):
        yield row(name, rehash({**sections, "completeness": records}))
    scope = json.loads(sections["scope"][0])
    left = [r for r in sections["entries"] if int.from_bytes(r[1:9], "big") != 17]
    log, size = indexed()
    yield row("an entry of them is left out", scope_with(
        {**sections, "entries": left, "inclusion": inclusion_records(
            log, [int.from_bytes(r[1:9], "big") for r in left], size)},
        matched=scope["matched"] - 1, rules=counted(left, scope["rules"])))
    for which in (4, 17):
        liar = answered(liar=which, answers=lambda t: answer(
            cases.indexed_clinic(which), size, t, without=which))
        yield row(f"the map lies about entry {which}", liar.sections, ["completeness"])
    ranged = {**range_sections, "completeness": parts}
    yield ("answers: nobody asked for a tag", "range", container(rehash(ranged)),
           {**outcome(SOUND), "completeness": "FAIL", "custody": "FAIL"}, {}, failed)


def counted(records, rules):
    """What each rule withholds in these entries, all of which are opened."""
    counts = {}
    for record in records:
        r = Reader(record)
        r.raw(9)
        r.raw(r.u(2))
        assert r.u(1) == 1 and r.u(1) == 0, "opened, with its header"
        r.raw(16)
        r.raw(r.u(2))
        for _ in range(r.u(2)):
            r.raw(12)
            rule = r.u(1)
            if rule:
                counts[rule] = counts.get(rule, 0) + 1
                r.raw(32)
            else:
                r.raw(16)
                r.raw(r.u(4))
    return [{**rule, "units": counts[rule["rule"]]} for rule in rules if rule["rule"] in counts]
