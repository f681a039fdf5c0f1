"""Entries by which content is erased: layouts, vectors, hostile ones. Used by vectorgen.py."""
from vectorgen_cases import truncations
from vectorgen_formats import BODY_READERS, leaf, sha
from vectorgen_wire import Reader, Refused, be

MAX_RANGES = 2000
KINDS = {"erasure": 5, "legal_hold": 11, "erasure_request": 12}


def ranges_bytes(ranges):
    return be(2, len(ranges)) + b"".join(be(8, first) + be(8, last) for first, last in ranges)


def read_ranges(r):
    ranges = [(r.u(8), r.u(8)) for _ in range(r.u(2))]
    if len(ranges) > MAX_RANGES:
        raise Refused("too many ranges")
    if any(last < first for first, last in ranges):
        raise Refused("ends before it begins")
    if any(b[0] < a[1] + 2 for a, b in zip(ranges, ranges[1:])):
        raise Refused("no gap between two")
    return ranges


def read_scope(r):
    r.version()
    reason, ranges = r.u(1), read_ranges(r)
    if not 1 <= reason <= 5 or not ranges:
        raise Refused("scope")
    return reason, ranges


def request(reason, ranges):
    return b"\1" + be(1, reason) + ranges_bytes(ranges)


def erasure(reason, ranges, of_request):
    return request(reason, ranges) + be(8, of_request)


def hold(ranges):
    return b"\1\1" + ranges_bytes(ranges)


def lift(placed):
    return b"\1\2" + be(8, placed)


def read_request(data):
    r = Reader(data)
    scope = read_scope(r)
    return r.end(*scope)


def read_erasure(data):
    r = Reader(data)
    scope = read_scope(r)
    return r.end(*scope, r.u(8))


def read_hold(data):
    r = Reader(data)
    r.version()
    action = r.u(1)
    if action not in (1, 2):
        raise Refused("action")
    return r.end(action, r.u(8) if action == 2 else read_ranges(r))


PARSERS = {"erasure": read_erasure, "erasure_request": read_request, "legal_hold": read_hold}
BODY_READERS.update({kind: PARSERS[name] for name, kind in KINDS.items()})


def vectors(text):
    """Bodies with their fields, and the leaf around each, which carries an event."""
    some, top = [(1, 1), (3, 9)], 2**64 - 1
    rows = {"erasure": [((1, some, 12), erasure(1, some, 12)),
                        ((5, [(0, top)], top), erasure(5, [(0, top)], top))],
            "erasure_request": [((2, some), request(2, some)),
                                ((4, [(7, 7)]), request(4, [(7, 7)]))],
            "legal_hold": [((1, some), hold(some)), ((1, []), hold([])), ((2, 40), lift(40))]}
    out = {}
    for name, bodies in rows.items():
        out[name] = []
        for fields, body in bodies:
            PARSERS[name](body)
            made = leaf(KINDS[name], 1_767_225_600_000_000, 5, [sha(b"tag")], sha(b"commitment"),
                        body)
            out[name].append({"fields": list(fields), "body": text(body), "leaf": text(made),
                              "leaf_hash": text(sha(b"\0", made))})
    return out


def hostile():
    some = [(1, 1), (3, 9)]
    good = {"erasure": erasure(1, some, 12), "erasure_request": request(1, some),
            "legal_hold": hold(some)}
    blamed = {"erasure": "erasure", "erasure_request": "erasure", "legal_hold": "legal hold"}
    for name, data in good.items():
        yield from truncations(name, blamed[name], data)
        for version in (0, 2, 255):
            yield name, f"version {version}", "version", bytes([version]) + data[1:]
        tail = data[len(hold(some)):]
        for about, bad in (("one range ends before it begins", [(2, 1)]),
                           ("ranges touch", [(1, 2), (3, 4)]),
                           ("ranges overlap", [(1, 3), (3, 4)]),
                           ("ranges descend", [(5, 6), (1, 2)]),
                           ("the last number and the first", [(2**64 - 1, 2**64 - 1), (0, 0)]),
                           ("2,001 ranges", [(0, 0)] * (MAX_RANGES + 1))):
            yield name, about, "ranges", data[:2] + ranges_bytes(bad) + tail
        yield name, "more ranges than bytes", "ranges", data[:2] + b"\xff\xff" + data[4:]
    for name in ("erasure", "erasure_request"):
        tail = good[name][len(hold(some)):]
        for reason in (0, 6, 255):
            yield name, f"reason {reason}", "reason", b"\1" + bytes([reason]) + good[name][2:]
        yield name, "no range", "ranges", b"\1\1" + ranges_bytes([]) + tail
    yield from truncations("legal_hold", "legal hold", lift(7))
    for action in (0, 3, 255):
        yield ("legal_hold", f"action {action}", "action",
               b"\1" + bytes([action]) + good["legal_hold"][2:])
