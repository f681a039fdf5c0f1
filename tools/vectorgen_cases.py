"""The inputs of vectorgen.py: events and headers worth publishing, and bytes to be refused."""
from vectorgen_wire import ld, varint, vi

HEADER = (1_767_225_600_123_456, 0, b"spiffe://hospital.example/his", b"his-1", b"e-1", 1, None)
SIGNATURE = (bytes(range(32)), bytes(range(64)))


def text_field(number, value):
    return ld(number, value.encode() if isinstance(value, str) else value)


def identifier(system, value):
    return text_field(3, system) + text_field(4, value)


def reference(literal=None, ident=None, display=None):
    return ((text_field(1, literal) if literal is not None else b"")
            + (ld(3, ident) if ident is not None else b"")
            + (text_field(4, display) if display is not None else b""))


def coding(system, code):
    return text_field(1, system) + text_field(3, code)


def concept(system, code):
    return ld(1, coding(system, code))


def recorded(seconds, nanos=0, offset_minutes=None):
    at = (vi(1, seconds) if seconds else b"") + (vi(2, nanos) if nanos else b"")
    zone = b"" if offset_minutes is None else vi(2, offset_minutes * 2)  # zigzag
    return ld(4, ld(1, at) + zone)


ID_AND_VERSION = ld(1, b"e-1") + vi(2, 1)
MRN = "urn:oid:1.2.36.146.595.217.0.1"


def ordinary():
    """A nurse opens a chart under break-the-glass: 40 units."""
    dcm = "http://dicom.nema.org/resources/ontology/DCM"
    agent = (ld(1, concept(dcm, "110153")) + ld(2, concept("urn:roles", "nurse"))
             + ld(2, concept("urn:roles", "ward-7"))
             + ld(3, reference("Practitioner/77", identifier("urn:staff", "n.jansen"), "N. Jansen"))
             + text_field(4, "AE7") + text_field(5, "Nele Jansen") + vi(6, 1)
             + ld(10, text_field(1, "10.0.7.12") + vi(2, 2)) + vi(13, 1)
             + text_field(15, "cardiology") + text_field(17, "ward-ui/4.2 " + "x" * 300)
             + ld(18, identifier("urn:npi", "1234567893")) + ld(18, identifier("urn:saml", "nj@x")))
    service = ld(3, reference("Device/his")) + vi(6, 0) + ld(10, text_field(1, "10.0.0.2"))
    patient = (text_field(1, "Patient/4711") + text_field(2, "Patient")
               + ld(3, identifier(MRN, "8003608166690503")) + text_field(4, "Peter James Chalmers"))
    source = (ld(1, reference("Device/his")) + ld(2, reference("Location/main"))
              + ld(3, concept("urn:source-type", "4")) + text_field(4, "his")
              + text_field(5, "12.1") + text_field(8, "his-1") + vi(9, 42))
    entity = (ld(1, reference("Observation/9")) + ld(2, coding("urn:entity-type", "2"))
              + ld(3, concept("urn:object-role", "4")) + text_field(6, "blood pressure")
              + ld(8, b"GET /Observation/9?_format=json"))
    return (ID_AND_VERSION + recorded(1_767_225_599, 987_654_321, 60)
            + ld(7, concept("urn:category", "rest")) + ld(8, concept("urn:code", "read"))
            + vi(9, 2) + vi(10, 7) + ld(11, vi(1, 1)) + ld(12, concept("urn:purpose", "ETREAT"))
            + ld(13, vi(1, 2) + text_field(3, "patient unconscious") + text_field(4, "btg-2026-01"))
            + ld(14, patient) + ld(17, agent) + ld(17, service) + ld(18, source) + ld(19, entity)
            + ld(20, text_field(1, "req-1")))


def element(number, *parts):
    return ld(number, b"".join(parts))


def requestor(*parts):
    return element(17, *parts)


def time_events():
    return [("time: none", ID_AND_VERSION, HEADER),
            ("time: recorded is empty", ld(4, b""), HEADER),
            ("time: a zone and no instant", ld(4, vi(2, 120)), HEADER),
            ("time: an empty instant is 1970", ld(4, ld(1, b"")), HEADER),
            ("time: below a microsecond is cut off", recorded(1, 1_999), HEADER),
            ("time: the last there is", recorded(253402300799, 999_999_999), HEADER),
            ("time: unknown fields beside it", ld(4, ld(1, vi(1, 3) + vi(9, 1)) + ld(70, b"x")),
             HEADER)]


def source(*parts):
    return element(18, *parts)


def identity_events():
    flagged = (1, 0x3FF, b"local:dev", b"", b"", 0, None)
    return [("identity: none", vi(2, 1), HEADER),
            ("identity: empty is as absent", ld(1, b"") + source(ld(8, b""), vi(9, 0)), HEADER),
            ("identity: the largest sequence", ld(1, b"e-1") + source(
                text_field(8, "str\u00f6m-1"), vi(9, 2**64 - 1)), flagged),
            ("identity: a sequence alone", source(vi(9, 1)), HEADER),
            ("identity: a stream alone, beside unknown fields", source(
                text_field(8, "his-1"), vi(90, 1)), HEADER),
            ("identity: bytes, whatever they spell", ld(1, b"\xff\0") + source(ld(8, b"\0")),
             HEADER)]


def tag_events():
    twice = element(14, ld(3, identifier("urn:mrn", "1")))
    decomposed, composed = "Mu\u0308ller", "M\u00fcller"
    return [("tags: unicode is not normalised",
             element(14, text_field(1, decomposed)) + element(14, text_field(1, composed))
             + element(14, ld(3, identifier("urn:\u6f22\u5b57", "\U0001f3e5 7\u0000end"))), HEADER),
            ("tags: one for the same key twice", twice + twice, HEADER),
            ("tags: none of an empty id", ld(13, text_field(4, ""))
             + element(14, text_field(1, ""), ld(3, identifier("u", ""))), HEADER),
            ("tags: system and id do not run together",
             element(14, ld(3, identifier("ab", "c"))) + element(14, ld(3, identifier("a", "bc"))),
             HEADER),
            ("tags: agent who did not ask has none",
             requestor(ld(3, reference("Device/1")), vi(6, 0)) + requestor(ld(3, reference("D/2"))),
             HEADER),
            ("tags: patient and agent of one name differ",
             element(14, text_field(1, "Patient/1"))
             + requestor(ld(3, reference("Patient/1")), vi(6, 1)), HEADER),
            ("tags: 1024 keys", b"".join(element(14, text_field(1, "%04d" % i))
                                         for i in range(1024)), HEADER)]


def events():
    signed = HEADER[:6] + (SIGNATURE,)
    flagged = (1, 0x3FF, b"local:dev", b"", b"", 0, None)
    largest = ID_AND_VERSION + ld(25, ld(3, b"o" * (65536 - 7 - 9)))
    assert len(largest) == 65536
    # Event id, stream and sequence of these headers give way to what the event says of itself.
    return [("no units at all", b"", HEADER),
            ("id and version", ID_AND_VERSION, flagged),
            ("an ordinary access", ordinary(), signed),
            ("empty patient element", ID_AND_VERSION + element(14)
             + element(14, ld(1, b"Patient/1")) + element(14), HEADER),
            ("empty agent, source and entity", element(17) + element(18) + element(19), HEADER),
            ("repeated subfields are one unit",
             requestor(ld(2, b""), ld(2, concept("r", "a")), ld(2, concept("r", "b")), vi(6, 1),
                       ld(18, identifier("s", "1")), ld(18, identifier("s", "2"))), HEADER),
            ("unknown fields", ID_AND_VERSION + element(14, vi(900, 1), ld(2**29 - 1, b"z"))
             + vi(26, 7) + varint(100 << 3 | 5) + b"\1\2\3\4" + varint(101 << 3 | 1) + b"\xff" * 8
             + ld(2**29 - 1, b"last"), HEADER),
            ("negative enum and largest number", vi(9, 2**64 - 1) + vi(21, 2**64 - 1), HEADER),
            ("field numbers either side of the cut ones", ld(12, b"") + element(13) + element(14)
             + ld(15, b"") + ld(16, b"") + element(17) + element(18) + element(19) + ld(20, b"")
             + ld(24, b"") + element(25) + ld(26, b""), HEADER),
            ("largest event", largest, HEADER),
            ("most units", ld(12, b"") * 4096, HEADER),
            *time_events(), *identity_events(), *tag_events()]


def headers():
    longest = b"p" * 65535
    return [HEADER, (0, 0, b"", b"", b"", 0, None),
            (2**64 - 1, 2**64 - 1, b"a", b"b", b"c", 2**64 - 1, SIGNATURE),
            (1, 2, longest, b"", b"", 3, None), (1, 2, b"", longest, longest, 3, SIGNATURE)]


# --- hostile ----------------------------------------------------------------------------------


def hostile_wire():
    """(name, blames, bytes) that no strict reader takes, at the top of an event."""
    eleven = b"\x08" + b"\xff" * 10 + b"\x01"
    return [("tag varint not minimal", "tag", b"\x8a\x00\x01a"),
            ("length not minimal", "field 1", b"\x0a\x81\x00a"),
            ("value not minimal", "field 2", b"\x10\x81\x00"),
            ("value zero in two bytes", "field 2", b"\x10\x80\x00"),
            ("varint of eleven bytes", "field 1", eleven),
            ("varint over 64 bits", "field 1", b"\x08" + b"\xff" * 9 + b"\x02"),
            ("field number 0", "tag", b"\x02\x00"),
            ("field number 2^29", "tag", varint(2**29 << 3) + b"\x00"),
            ("start group", "field 1", b"\x0b\x0c"), ("end group", "field 1", b"\x0c"),
            ("wire type 6", "field 1", b"\x0e\x00"), ("wire type 7", "field 1", b"\x0f\x00"),
            ("tag cut short", "tag", b"\x80"), ("value missing", "field 2", b"\x10"),
            ("value cut short", "field 2", b"\x10\xff"), ("length missing", "field 1", b"\x0a"),
            ("content cut short", "field 1", b"\x0a\x05abcd"),
            ("length of 2^64 - 1", "field 1", b"\x0a" + b"\xff" * 9 + b"\x01"),
            ("fixed32 cut short", "field 5", b"\x2d\x00\x00\x00"),
            ("fixed64 cut short", "field 5", b"\x29" + b"\x00" * 7),
            ("trailing byte", "tag", ld(1, b"a") + b"\x00")]


def hostile_events():
    yield from hostile_wire()
    for name, _, data in hostile_wire():
        if b"\x2d" not in data[:1] and len(data) > 1:
            yield "in a patient: " + name, "field 14", ld(14, data)
    yield "fields descend", "field 1 after field 2", vi(2, 1) + ld(1, b"a")
    yield "repeated element not contiguous", "field 14", ld(14, b"") + ld(17, b"") + ld(14, b"")
    yield "subfields descend", "field 1 after field 2", ld(14, ld(2, b"t") + ld(1, b"r"))
    yield "repeated subfield not contiguous", "field 2 after field 3", ld(
        17, ld(2, b"") + ld(3, b"") + ld(2, b""))
    for field in (13, 14, 17, 18, 19, 25):
        yield f"cut field {field} is a number", f"field {field}: wrong", vi(field, 1)
        yield f"cut field {field} is a fixed32", f"field {field}: wrong", varint(
            field << 3 | 5) + b"\0" * 4
    yield "65,537 bytes", "65537 bytes", ld(1, b"a" * 65533)
    yield "4,097 units", "4096 units", ld(12, b"") * 4097
    yield "4,097 units in one element", "4096 units", ld(19, b"".join(
        vi(i, 0) for i in range(1, 4098)))


def hostile_times():
    yield "seconds twice", "field 1", ld(4, ld(1, vi(1, 1) + vi(1, 2)))
    yield "instant twice", "field 1", ld(4, ld(1, b"") + ld(1, b""))
    yield "recorded twice", "twice", ld(4, b"") + ld(4, b"")
    yield "recorded is a number", "recorded", vi(4, 1)
    yield "instant is a number", "recorded", ld(4, vi(1, 1))
    yield "seconds are a string", "recorded.at", ld(4, ld(1, ld(1, b"1")))
    yield "before 1970", "1970", ld(4, ld(1, vi(1, 2**64 - 1)))
    yield "after 9999", "9999", ld(4, ld(1, vi(1, 253402300800)))
    yield "nanos of a second", "nanos", ld(4, ld(1, vi(2, 10**9)))
    yield "nanos negative", "nanos", ld(4, ld(1, vi(2, 2**64 - 1)))
    yield "nanos over 32 bits", "nanos", ld(4, ld(1, vi(2, 2**32)))
    yield "seconds not minimal", "recorded.at", ld(4, ld(1, b"\x08\x81\x00"))


def hostile_identities():
    yield "event_id twice", "event_id", ld(1, b"a") + ld(1, b"b")
    yield "event_id twice, the same", "event_id", ld(1, b"a") + ld(1, b"a")
    yield "event_id is a number", "event_id", vi(1, 1)
    yield "event_id is a fixed64", "event_id", varint(1 << 3 | 1) + b"\0" * 8
    yield "source twice", "source", ld(18, ld(8, b"a")) + ld(18, vi(9, 1))
    yield "source twice, both empty", "source", ld(18, b"") + ld(18, b"")
    yield "stream_id twice", "source", ld(18, ld(8, b"a") + ld(8, b"b"))
    yield "stream_id is a number", "source", ld(18, vi(8, 1))
    yield "stream_sequence twice", "source", ld(18, vi(9, 1) + vi(9, 2))
    yield "stream_sequence is a string", "source", ld(18, ld(9, b"1"))
    yield "stream_sequence is a fixed64", "source", ld(18, varint(9 << 3 | 1) + b"\0" * 8)


def hostile_keys():
    two = ld(1, b"a") + ld(1, b"b")
    who = ld(3, ld(1, b"Practitioner/1"))
    yield "literal reference twice", "patient", ld(14, two)
    yield "identifier twice", "patient", ld(14, ld(3, b"") + ld(3, b""))
    yield "identifier system twice", "patient", ld(14, ld(3, ld(3, b"a") + ld(3, b"b")))
    yield "identifier value twice", "patient", ld(14, ld(3, ld(4, b"a") + ld(4, b"b")))
    yield "reference is a number", "patient", ld(14, vi(1, 1))
    yield "identifier is a number", "patient", ld(14, vi(3, 1))
    yield "identifier value is fixed32", "patient", ld(14, ld(3, varint(4 << 3 | 5) + b"\0" * 4))
    yield "identifier is no message", "patient", ld(14, ld(3, b"\xff"))
    yield "who twice", "agent", ld(17, who + who + vi(6, 1))
    yield "reference in who twice", "agent", ld(17, ld(3, two) + vi(6, 1))
    yield "who is a number", "agent", ld(17, vi(3, 1))
    yield "keys of an agent who did not ask are read as strictly", "agent", ld(17, ld(3, two))
    yield "requestor is 2", "requestor", ld(17, who + vi(6, 2))
    yield "requestor twice", "agent", ld(17, who + vi(6, 1) + vi(6, 0))
    yield "requestor is a string", "agent", ld(17, who + ld(6, b"\x01"))
    yield "other_id is a number", "agent", ld(17, vi(6, 1) + vi(18, 1))
    yield "other_id value twice", "agent", ld(17, vi(6, 1) + ld(18, ld(4, b"a") + ld(4, b"b")))
    yield "emergency_access twice", "override", ld(13, b"") + ld(13, b"")
    yield "override_id is a number", "override", ld(13, vi(4, 1))
    yield "override_id twice", "override", ld(13, ld(4, b"a") + ld(4, b"b"))
    for name, raw in (("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"),
                      ("above U+10FFFF", b"\xf4\x90\x80\x80"), ("lone continuation", b"\x80"),
                      ("cut short", b"\xe2\x82")):
        yield "UTF-8: " + name, "UTF-8", ld(14, ld(1, raw))
    yield "UTF-8: in a system, though the id is empty", "UTF-8", ld(14, ld(3, ld(3, b"\xff")))
    yield "UTF-8: in an override", "override", ld(13, ld(4, b"\xff"))
    yield "1,025 keys", "1024", b"".join(ld(14, ld(1, b"%d" % i)) for i in range(1025))
    yield "1,025 keys with the agent's", "1024", b"".join(
        ld(14, ld(1, b"%d" % i)) for i in range(1024)) + ld(17, who + vi(6, 1))


def truncations(parser, name, data):
    """Every proper prefix, and one byte more."""
    for size in sorted({0, 1, len(data) // 4, len(data) // 2, len(data) - 1}):
        yield parser, f"{name}: first {size} bytes", name, data[:size]
    yield parser, f"{name}: trailing byte", name, data + b"\0"


def hostile_layouts(leaf, header, genesis, conflict, freeze, operator, clock, anchor, opening,
                    receipt):
    low, high, some = b"\0" * 32, b"\1" * 32, b"\x22" * 32
    good = leaf(1, 1, 2, [low, high], some, b"")
    yield from truncations("leaf", "leaf", good)
    yield "leaf", "tags descend", "tags", leaf(1, 1, 2, [high, low], some, b"")
    yield "leaf", "tag twice", "tags", leaf(1, 1, 2, [low, low], some, b"")
    yield "leaf", "more tags than bytes", "tags", good[:18] + b"\xff\xff" + good[20:]
    for value in (2, 255):
        yield ("leaf", f"has_commitment is {value}", "has_commitment",
               good[:84] + bytes([value]) + good[85:])
    yield "leaf", "65,536 bytes", "65536", leaf(1, 1, 2, [], None, b"b" * (65536 - 23))
    head = header(*HEADER[:6], SIGNATURE)
    yield from truncations("header", "header", head)
    for value in (2, 255):
        yield ("header", f"signature_algorithm is {value}", "signature_algorithm",
               head[:-97] + bytes([value]) + head[-96:])
    yield "header", "announces a signature", "public_key", header(*HEADER)[:-1] + b"\1"
    first = genesis(b"origin.example", some, low, b"note")
    yield from truncations("genesis", "genesis", first)
    for at, name in enumerate(("hash_suite", "tag_suite", "commitment_suite"), 3 + 14):
        for value in (0, 2):
            yield ("genesis", f"{name} is {value}", name,
                   first[:at] + bytes([value]) + first[at + 1:])
    yield from truncations("conflict", "conflict", conflict(7))
    last = freeze(7, b"next.example", some)
    yield from truncations("freeze", "freeze", last)
    for value in (2, 255):
        yield ("freeze", f"has_key is {value}", "has_key", last[:23] + bytes([value]) + last[24:])
    yield "freeze", "a key without an origin", "successor_key_hash", freeze(7, b"", some)
    yield from truncations("operator", "operator", operator(b"accept_clock"))
    yield "operator", "who acted has no place in a leaf", "operator", (
        operator(b"accept_clock") + b"\0\x0alocal:flag")
    yield from truncations("clock", "clock", clock(1, 2))
    yield from truncations("anchor", "anchor", anchor(1, some, low, 2))
    for size in (0, 2**63):
        yield "anchor", f"size {size}", "size", anchor(size, some, low, 2)
    opened = opening(some, head, b"\x10\x01")
    yield from truncations("opening", "opening", opened)
    yield "opening", "event of 65,537 bytes", "event", opening(some, head, b"e" * 65537)
    received = receipt(good, (some, head))
    yield from truncations("receipt", "receipt", received)
    yield ("receipt", "has_opening is 2", "has_opening",
           receipt(good, None)[:-1] + b"\2" + some + b"\0\0")
    for parser, data in (("leaf", good), ("header", head), ("genesis", first),
                         ("conflict", conflict(7)), ("freeze", last), ("operator", operator(b"a")),
                         ("clock", clock(1, 2)),
                         ("anchor", anchor(1, some, low, 2)),
                         ("opening", opened), ("receipt", received)):
        for version in (0, 2, 255):
            yield parser, f"version {version}", "version", bytes([version]) + data[1:]


def hostile(*layouts):
    for parser, source in (("units", hostile_events), ("time", hostile_times),
                           ("identity", hostile_identities), ("tags", hostile_keys)):
        for name, blames, data in source():
            yield parser, name, blames, data
    yield from hostile_layouts(*layouts)


def hostile_units():
    one, two = (1, 0, 0, ld(1, b"a")), (2, 0, 0, vi(2, 1))
    literal = ld(1, b"Patient/1")
    yield "paths descend", "unit 1", [two, one]
    yield "path twice", "unit 1", [one, one]
    yield "occurrence does not start at 0", "unit 0", [(1, 1, 0, ld(1, b"a"))]
    yield "occurrence left out", "unit 1", [(14, 0, 1, literal), (14, 2, 1, literal)]
    yield "path of another field", "unit 0", [(2, 0, 0, ld(1, b"a"))]
    yield "field 0", "unit 0", [(0, 0, 0, b"")]
    yield "a unit without bytes", "unit", [(1, 0, 0, b"")]
    yield "two records in a unit", "unit 0", [(1, 0, 0, ld(1, b"a") + ld(1, b"b"))]
    yield "half a record, continued in the next", "unit 0", [(1, 0, 0, b"\x0a\x03a"),
                                                             (2, 0, 0, b"bc")]
    yield "subfield where the field is not cut", "unit 0", [(1, 0, 1, ld(1, b"a"))]
    yield "no subfield where the field is cut", "unit 0", [(14, 0, 0, literal)]
    yield "whole element as a unit", "unit 0", [(14, 0, 0, ld(14, literal))]
    yield "empty subfield beside another", "unit 0", [(14, 0, 0, b""), (14, 0, 1, literal)]
    yield "empty subfield unit", "unit 0", [(14, 0, 1, b"")]
    yield "subfield of another number", "unit 0", [(14, 0, 2, literal)]
    yield "two subfields in a unit", "unit 0", [(14, 0, 1, literal + ld(2, b"t"))]
    yield "subfield not minimal", "field 14", [(14, 0, 1, b"\x0a\x81\x00a")]
    yield "bytes over the limit", "65536", [(1, 0, 0, ld(1, b"a" * 65533))]


def hostile_bundles(one):
    four = len(one).to_bytes(4, "big") + one
    yield "no entries", "width", 0, b""
    yield "257 entries", "width", 257, b"\0\0\0\0" * 257
    yield "one entry too few", "bundle", 2, four
    yield "one entry too many", "bundle", 1, four + b"\0\0\0\0"
    yield "length beyond the end", "bundle", 1, b"\xff\xff\xff\xff" + one
    yield "opening cut short", "opening", 1, (len(one) - 1).to_bytes(4, "big") + one[:-1]
    yield "opening of another version", "version", 1, four[:4] + b"\2" + four[5:]
