#!/usr/bin/env python3
"""A bundle of some hundred accesses for the page's tests: make_day.py OUT [--hostile]

Four days at a clinic, about one patient, redacted; with --hostile, names that try to be markup.
"""
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))
import vectorgen_bundle_cases as cases  # noqa: E402
from vectorgen_bundle_format import (  # noqa: E402
    CONTEXT, compact, consistency_record, custody_record)
from vectorgen_formats import sha  # noqa: E402

ACCESSES = 420
NAMES = ["Nele Jansen", "Michael Okafor", "Tilda Weiss", "Amara Diallo", "Jonas Brandt",
         "Ines Ferreira", "Yuki Tanaka", "Lea Hoffmann", "Omar Haddad", "Sofia Lindqvist"]
PLACES = [("cardiology", "nurse"), ("emergency", "physician"), ("billing", "clerk"),
          ("radiology", "technician"), ("cardiology", "physician")]
PURPOSES = ["TREAT"] * 8 + ["HPAYMT", "HOPERAT"]
HOSTILE = ["<script>window.hostile = 1</script>", "<img src=x onerror='window.hostile = 1'>",
           "</script><script>window.hostile = 1</script>", "\"><svg onload=window.hostile=1>",
           "javascript:window.hostile=1", "\u202eevil\u202c \u0000 \ufeff", "]]><!--",
           "{{constructor.constructor('window.hostile=1')()}}"]


def fill(log, hostile):
    """Accesses in the log; more of them by day, one in thirty under break-glass."""
    dice = random.Random(7)
    day = 86_400
    times = sorted(cases.START + (1 + dice.randrange(4)) * day
                   + int(min(day - 1, max(0, dice.gauss(5 * 3600, 2.6 * 3600))))
                   for _ in range(ACCESSES))
    at = log_end(log)
    for n, time in enumerate(times, 14):
        at = max(at + 1, time * 10**6)
        who = min(dice.randrange(10), dice.randrange(10))
        place, role = PLACES[who % 5]
        name = HOSTILE[n % 8] if hostile and n % 3 == 0 else NAMES[who]
        cases.STAFF[0] = (f"user.{who}", name, name if hostile and n % 5 == 0 else place, role,
                          f"10.0.{who}.{n % 250}")
        number = 4711 if dice.random() < 0.6 else 800 + dice.randrange(40)
        log.add_event(at, cases.access(n, time, 0, number, btg=n % 30 == 0,
                                       purpose=dice.choice(PURPOSES)),
                      b"spiffe://clinic.example/his")


def log_end(log):
    return int.from_bytes(log.leaves[-1][2:10], "big")


def main():
    out, hostile = pathlib.Path(sys.argv[1]), "--hostile" in sys.argv
    log = cases.clinic()
    fill(log, hostile)
    size = len(log.leaves)
    tags = cases.patient_tags(4711)
    query = {"kind": "tag", "about": "patient urn:oid:1.2.3|4711",
             "tags": [t.hex() for t in tags], "from_us": 0, "to_us": 0}
    b = cases.Bundle(log, query, size)
    for index, data in enumerate(log.leaves):
        if any(t in data for t in tags):
            b.entry(index, only=4711, rules=(cases.FREE_TEXT, cases.NETWORK))
        else:
            b.entry(index, CONTEXT, whole_rule=cases.NOT_ASKED)
    b.close()
    row = {"kind": "stream", "principal": "spiffe://clinic.example/his", "stream": "his-1",
           "received": size - 4, "last": size, "gaps": [[5, 5]], "more": False}
    other = {**row, "stream": HOSTILE[0] if hostile else "lab-2", "received": 0, "last": 0,
             "gaps": []}
    b.sections.update(consistency=[consistency_record(log, 16, size)],
                      coverage=[compact(row), compact(other)], glossary=list(cases.GLOSSARY),
                      certificate=[cases.CERTIFICATE + (HOSTILE[2].encode() if hostile else b"")])
    b.finish(**({"case": HOSTILE[1], "requester": HOSTILE[0]} if hostile else {}))
    at = log_end(log) // 10**6 + 100
    for n, (code, to) in enumerate([("export", "Device/auditctl"),
                                    ("hand-over", "Organization/court")]):
        index = log.add_event((at + n) * 10**6, cases.handing(
            n + 1, at + n, code, "p.officer", to, cases.ABOUT["package"],
            sha(b.sections["manifest"][0])), b"spiffe://clinic.example/officer")
        b.sections.setdefault("custody", []).append(custody_record(log, size, index, index + 1))
    out.write_bytes(b.bytes())


if __name__ == "__main__":
    main()
