"""The ledger behind the published bundles, the bundles, and how each of them is tampered with."""
import json

from vectorgen_answers import add_index_head
from vectorgen_bundle_format import (
    CONTEXT, MATCH, Log, compact, container, custody_record, entry_record, inclusion_records,
    manifest, vkey)
from vectorgen_cases import coding, concept, identifier, recorded, reference, text_field
from vectorgen_erasures import erasure, request
from vectorgen_formats import clock, domain, genesis, leaf, sha, tags_of
from vectorgen_keys import public_key
from vectorgen_wire import ld, vi

ORIGIN = b"audit.example.org/clinic"
LOG_SEED, WITNESS_SEED, EMITTER_SEED = sha(b"log"), sha(b"witness"), sha(b"emitter")
WITNESS = b"witness.example.org/w1"
INDEX_KEY = bytes(range(32, 64))
START = 1_772_438_400  # 2026-03-02T08:00:00Z
MRN = "urn:oid:1.2.3"
SIZE = 16

# Staff: id, name, department, role, address.
STAFF = [("n.jansen", "Nele Jansen", "cardiology", "nurse", "10.0.7.12"),
         ("m.okafor", "Michael Okafor", "emergency", "physician", "10.0.3.4"),
         ("t.weiss", "Tilda Weiss", "billing", "clerk", "10.0.9.77")]

# What each rule withholds: (field, subfield); subfield 0 is the whole record.
OTHER_PATIENTS, STAFF_NAMES, FREE_TEXT, NETWORK, NOT_ASKED = 1, 2, 3, 4, 5
RULES = {OTHER_PATIENTS: ("other-patients", "they are not whom this answer is about"),
         STAFF_NAMES: ("staff-names", "dates and purposes are asked for, not names"),
         FREE_TEXT: ("free-text", "typed text may name anybody"),
         NETWORK: ("network", "addresses are not needed for this answer"),
         NOT_ASKED: ("not-asked-for", "the entry has none of the tags asked for")}
UNIT_RULES = {(17, 3): STAFF_NAMES, (17, 4): STAFF_NAMES, (17, 5): STAFF_NAMES,
              (17, 18): STAFF_NAMES, (13, 3): FREE_TEXT, (17, 10): NETWORK, (17, 17): NETWORK,
              (18, 6): NETWORK}


def patient(number):
    return ld(14, text_field(1, f"Patient/{number}") + text_field(2, "Patient")
              + ld(3, identifier(MRN, str(number))))


def patient_tags(number):
    return tags_of(INDEX_KEY, [(b"patient", b"", f"Patient/{number}".encode()),
                               (b"patient", MRN.encode(), str(number).encode())])


def access(sequence, at, who, number, btg=False, purpose="TREAT", name=None):
    """An access to a chart, as an emitter records it."""
    user, full_name, department, role, address = STAFF[who]
    agent = (ld(2, concept("urn:roles", role))
             + ld(3, reference(f"Practitioner/{user}", identifier("urn:staff", user)))
             + text_field(5, name or full_name) + vi(6, 1)
             + ld(10, text_field(1, address) + vi(2, 2)) + vi(13, 1) + text_field(15, department))
    source = ld(1, reference("Device/his")) + text_field(8, "his-1") + vi(9, sequence)
    entity = (ld(1, reference(f"Observation/{sequence}")) + ld(2, coding("urn:entity-type", "2"))
              + text_field(6, "laboratory results"))
    override = (ld(13, vi(1, 2) + text_field(3, "patient unconscious")
                   + text_field(4, f"btg-{sequence}")) if btg else b"")
    return (text_field(1, f"e-{sequence}") + vi(2, 1) + recorded(at, 0, 60)
            + ld(7, concept("urn:category", "rest")) + ld(8, concept("urn:code", "read"))
            + vi(9, 2) + ld(11, vi(1, 1))
            + ld(12, concept("http://terminology.hl7.org/CodeSystem/v3-ActReason", purpose))
            + override + patient(number) + ld(17, agent) + ld(18, source) + ld(19, entity))


def erasing(sequence, at, who, why):
    agent = ld(3, reference(f"Practitioner/{who}")) + vi(6, 1)
    source = ld(1, reference("Device/ledger")) + text_field(8, "erasures") + vi(9, sequence)
    return (text_field(1, f"x-{sequence}") + vi(2, 1) + recorded(at)
            + ld(8, concept("urn:code", "erase")) + ld(11, vi(1, 1) + text_field(4, why))
            + ld(17, agent) + ld(18, source))


def handing(sequence, at, code, who, to, package, digest):
    """An entry of the chain of custody: it names the manifest by its hash."""
    agent = ld(3, reference(f"Practitioner/{who}")) + vi(6, 1)
    receiver = ld(3, reference(to)) + vi(6, 0)
    source = ld(1, reference("Device/ledger")) + text_field(8, "custody") + vi(9, sequence)
    entity = (ld(1, ld(3, identifier("urn:auditledger:bundle", package)))
              + ld(12, digest))
    return (text_field(1, f"c-{sequence}") + vi(2, 1) + recorded(at)
            + ld(7, concept("http://dicom.nema.org/resources/ontology/DCM", "110106"))
            + ld(8, concept("urn:auditledger:custody", code)) + vi(9, 2) + ld(11, vi(1, 1))
            + ld(12, concept("urn:purpose", "HLEGAL"))
            + ld(17, agent) + ld(17, receiver) + ld(18, source) + ld(19, entity))


def clinic():
    """16 entries: a day, an entry that is erased, and the ledger's own."""
    log = Log(ORIGIN, LOG_SEED, INDEX_KEY)
    log_key = public_key(LOG_SEED)
    log.add_leaf(leaf(2, START * 10**6, 0, [], None, genesis(
        ORIGIN, sha(domain(b"log-key"), b"\1", log_key), sha(domain(b"index-key"), INDEX_KEY),
        b"")))
    rows = [(0, 4711, {}), (1, 4711, {"btg": True, "purpose": "BTG"}), (0, 815, {}), (2, 4711, {}),
            (1, 1234, {}), (0, 4711, {}), (2, 815, {"purpose": "HPAYMT"}), (1, 4711, {}),
            (0, 1234, {})]
    for n, (who, number, more) in enumerate(rows, 1):
        at = START + 1500 * n
        sequence = n if n < 5 else n + 1  # 5 never arrived
        log.add_event(at * 10**6 + 250_000, access(sequence, at, who, number, **more),
                      b"spiffe://clinic.example/his", emitter=EMITTER_SEED if n == 2 else None)
    late = (START + 15_000) * 10**6
    log.add_leaf(leaf(9, late, 0, [], None, clock(late - 3_000_000, late)))
    for n in (11, 12):
        at = START + 1500 * n
        log.add_event(at * 10**6 + 250_000, access(n, at, n % 3, 4711 if n == 12 else 99),
                      b"spiffe://clinic.example/his")
    at = START + 20_000
    log.add_event(at * 10**6, erasing(1, at, "p.officer", "asked for by the patient"),
                  b"spiffe://clinic.example/officer", kind=12, body=request(1, [(5, 5)]))
    log.add_event((at + 60) * 10**6, erasing(2, at + 60, "q.officer", "checked"),
                  b"spiffe://clinic.example/officer-2", kind=5, body=erasure(1, [(5, 5)], 13))
    at = START + 22_000
    log.add_event(at * 10**6, access(13, at, 0, 4711), b"spiffe://clinic.example/his")
    assert len(log.leaves) == SIZE
    return log


def rotated_clinic():
    """The same, whose key was followed by another."""
    log = clinic()
    at = (START + 22_500) * 10**6
    log.rotate(at, sha(b"log, the second key"))
    log.add_event(at + 1_000_000, access(14, START + 22_501, 1, 4711),
                  b"spiffe://clinic.example/his")
    return log


def indexed_clinic(liar=None):
    """The same with index heads, and entries that none of them covers; `liar` makes the map of the
    last one without an entry."""
    log = clinic()

    def event(n, number):
        at = START + 22_500 + n
        log.add_event(at * 10**6, access(n, at, n % 3, number), b"spiffe://clinic.example/his")

    add_index_head(log, (START + 22_500) * 10**6)
    event(14, 4711)
    add_index_head(log, (START + 22_520) * 10**6, without=liar)
    event(25, 815)
    event(26, 4711)
    return log


ERASED = 5
WITNESSES = [(WITNESS, WITNESS_SEED, START + 23_000)]
STREAMS = [compact({"kind": "stream", "principal": "spiffe://clinic.example/his",
                    "stream": "his-1", "received": 12, "last": 13, "gaps": [[5, 5]],
                    "more": False}),
           compact({"kind": "stream", "principal": "spiffe://clinic.example/officer",
                    "stream": "erasures", "received": 1, "last": 1, "gaps": [], "more": False}),
           compact({"kind": "stream", "principal": "spiffe://clinic.example/officer-2",
                    "stream": "erasures", "received": 1, "last": 2, "gaps": [[1, 1]],
                    "more": False})]
GLOSSARY = [compact({"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                     "code": "TREAT", "meaning": "treatment"}),
            compact({"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                     "code": "BTG", "meaning": "break the glass"})]
CERTIFICATE = b"""DRAFT. For a lawyer to review before anybody signs it.

Certification of records of a regularly conducted activity and of data copied from an electronic
device, in the manner of Federal Rules of Evidence 902(11), 902(13) and 902(14).

I, ____________________, am the custodian of the audit ledger audit.example.org/clinic.
"""
ABOUT = {"package": "6f9b3a52-0d5c-4a7e-9a41-2f6f0f5f4a01", "case": "case 12",
         "legal_basis": "45 CFR 164.308(a)(1)(ii)(D)", "purpose": "complaint of a patient",
         "requester": "A. Privacy Officer", "approver": "B. Counsel", "exporter": "auditctl",
         "tool": "vectorgen", "tool_version": "1", "created_at": "2026-03-02T14:30:00Z",
         "origin": ORIGIN.decode(), "vkey": vkey(ORIGIN, public_key(LOG_SEED))}


class Bundle:
    """The sections of one bundle, put together step by step."""

    def __init__(self, log, query, size=SIZE):
        self.log, self.query, self.size = log, query, size
        self.sections, self.indices, self.roles, self.counts = {}, [], [], {}

    def count(self, rule, place):
        if rule:
            self.counts.setdefault(rule, [0, 0, 0])[place] += 1
        return rule

    def entry(self, index, role=MATCH, only=None, rules=(), whole_rule=0):
        """`only`: the patient whose own units stay; `rules`: those that apply."""
        def rule_of(path, data):
            field, _, subfield = path
            rule = UNIT_RULES.get((field, subfield), 0)
            if field == 14 and only is not None and b"%d" % only not in data and subfield != 2:
                rule = OTHER_PATIENTS
            return self.count(rule if rule in rules else 0, 2)
        gone = index == ERASED
        if whole_rule and not gone and self.log.opened[index] is not None:
            self.count(whole_rule, 0)
        self.sections.setdefault("entries", []).append(entry_record(
            self.log, index, role, rule_of, 0, whole_rule, gone))
        self.indices.append(index)
        self.roles.append(role)

    def close(self, **changes):
        rules = [{"rule": r, "name": RULES[r][0], "why": RULES[r][1], "entries": c[0],
                  "headers": c[1], "units": c[2]} for r, c in sorted(self.counts.items())]
        scope = {"query": self.query, "size": self.size, "examined": self.size,
                 "matched": self.roles.count(MATCH), "context": self.roles.count(CONTEXT),
                 "rules": rules, **changes}
        self.sections["scope"] = [compact(scope)]
        self.sections["head"] = [self.log.head(self.size, WITNESSES)]
        if self.indices:
            self.sections["inclusion"] = inclusion_records(self.log, self.indices, self.size)
        return self

    def finish(self, **about):
        self.sections["manifest"] = [manifest({**ABOUT, **about}, self.sections)]
        return self

    def custody(self, times=1, make_log=clinic):
        """On a log of its own, so that each bundle's entry stands right behind its head."""
        log = make_log()
        digest = sha(self.sections["manifest"][0])
        at = START + 24_000
        rows = [("export", "p.officer", "Device/auditctl"),
                ("hand-over", "p.officer", "Organization/court")][:times]
        for n, (code, who, to) in enumerate(rows):
            index = log.add_event((at + n) * 10**6, handing(
                n + 1, at + n, code, who, to, ABOUT["package"], digest),
                b"spiffe://clinic.example/officer")
            self.sections.setdefault("custody", []).append(
                custody_record(log, self.size, index, index + 1))
        return self

    def bytes(self):
        return container(self.sections)


# --- what is expected, and how it is tampered with ----------------------------------------------

CLAIMS = ("file", "head", "witnesses", "entries", "contents", "tags", "senders", "scope",
          "completeness", "consistency", "timestamps", "coverage", "custody")
REDACTED = (OTHER_PATIENTS, STAFF_NAMES, FREE_TEXT, NETWORK)
SOUND = ("file", "head", "entries", "contents", "scope")


def outcome(passed, failed=()):
    """What each claim comes to, checked with the pinned key and nothing else."""
    return {claim: "FAIL" if claim in failed else "PASS" if claim in passed else "CANNOT TELL"
            for claim in CLAIMS}


def flipped(data, at, mask=1):
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1:]


def rehash(sections):
    """As by somebody who makes the manifest fit."""
    old = json.loads(sections["manifest"][0])
    about = {k: v for k, v in old.items() if k not in ("format", "sections")}
    return {**sections, "manifest": [manifest(about, sections)]}


def scope_with(sections, **changes):
    scope = json.loads(sections["scope"][0])
    return rehash({**sections, "scope": [compact({**scope, **changes})]})
