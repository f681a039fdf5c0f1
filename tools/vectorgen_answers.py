"""Complete answers (merkle/complete_answer.h) and the map they rest on (merkle/patricia.h), written
a second time, in Python's standard library alone."""
from vectorgen_bundle_format import b32, leaf_hash, range_proof, split, tree_root
from vectorgen_formats import leaf, read_leaf, sha
from vectorgen_wire import b16, be

NO_END = 2**64 - 1
PART = 2**20 - 33  # of an answer in a record: what type and flag leave


def tags_in(data):
    return read_leaf(data)[3]


# --- the map ----------------------------------------------------------------------------------


def varint(n):
    return bytes([n]) if n < 128 else bytes([n % 128 + 128, n >> 7])


def bit_of(key, bit):
    return key[bit // 8] >> (7 - bit % 8) & 1


def map_leaf(key, value):
    return sha(b"\0", varint(len(key)), key, varint(len(value)), value)


def fork_bit(keys):
    """The first bit in which they differ; all of one length."""
    return next(bit for bit in range(8 * len(keys[0])) if len({bit_of(k, bit) for k in keys}) == 2)


def map_root(items):
    if not items:
        return sha()
    if len(items) == 1:
        return map_leaf(*next(iter(items.items())))
    bit = fork_bit(list(items))
    sides = [map_root({k: v for k, v in items.items() if bit_of(k, bit) == s}) for s in (0, 1)]
    return sha(b"\1", varint(bit), *sides)


def way_to(items, key):
    """The key that is found where `key` would be, and the steps from it up."""
    if len(items) == 1:
        return next(iter(items)), b""
    bit = fork_bit(list(items))
    side = bit_of(key, bit)
    near = {k: v for k, v in items.items() if bit_of(k, bit) == side}
    far = {k: v for k, v in items.items() if bit_of(k, bit) != side}
    found, steps = way_to(near, key)
    return found, steps + varint(bit) + map_root(far)


def map_proof(items, key):
    if not items:
        return b""
    found, steps = way_to(items, key)
    if found == key:
        return steps
    value = items[found]
    return varint(len(found)) + found + varint(len(value)) + value + steps


# --- the index --------------------------------------------------------------------------------


def tag_log(log, tag, covered, without=None):
    """What the index has about a tag: (index, recorded at, event time, leaf hash) of each entry;
    but for `without`, where it lies."""
    out = []
    for index, data in enumerate(log.leaves[:covered]):
        _, at, time, tags, _, _ = read_leaf(data)
        if tag in tags and index != without:
            out.append((index, at, time, leaf_hash(data)))
    return out


def tag_entry(index, at, time, hashed):
    return be(8, index) + be(8, at) + be(8, time) + hashed


def index_map(log, covered, without=None):
    tags = {t for i, data in enumerate(log.leaves[:covered]) for t in tags_in(data) if i != without}
    out = {}
    for tag in tags:
        hashes = [leaf_hash(tag_entry(*e)) for e in tag_log(log, tag, covered, without)]
        out[tag] = be(8, len(hashes)) + tree_root(hashes)
    return out


def add_index_head(log, at_us, without=None):
    covered = len(log.leaves)
    body = b"\1" + be(8, covered) + map_root(index_map(log, covered, without))
    return log.add_leaf(leaf(4, at_us, 0, [], None, body))


def set_proof(hashes, indexes, at=0):
    if not any(at <= i < at + len(hashes) for i in indexes):
        return [tree_root(hashes)]
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    return set_proof(hashes[:k], indexes, at) + set_proof(hashes[k:], indexes, at + k)


# --- the answer -------------------------------------------------------------------------------


def window(begin, end):
    return be(8, begin) + be(8, end)


def range_of(places, begin, end):
    """[first, last) of a tag's log: the window, and a neighbour at each end."""
    inside = [n for n, (_, at, _, _) in enumerate(places) if begin <= at < end]
    first = min(inside) if inside else sum(at < begin for _, at, _, _ in places)
    last = max(inside) + 1 if inside else first
    return max(first - 1, 0), min(last + 1, len(places))


def answer(log, size, tag, begin=0, end=NO_END, tail=True, head_index=None, drop=(), without=None):
    """About what was recorded from `begin` to `end`, under the head of `size`; `head_index` is the
    index head it rests on, the newest unless given. A liar shows the answers `drop` as if they were
    none, or has a map without the entry `without`."""
    heads = [i for i, data in enumerate(log.leaves[:size]) if data[1] == 4]
    if head_index is None and heads:
        head_index = heads[-1]
    shown, middle, covered = {0}, b"\0", 0
    if head_index is not None:
        shown.add(head_index)
        covered = int.from_bytes(read_leaf(log.leaves[head_index])[5][1:9], "big")
        items = index_map(log, covered, without)
        middle = b"\1" + be(8, head_index) + be(1, tag in items) + b16(map_proof(items, tag))
        if tag in items:
            places = tag_log(log, tag, covered, without)
            first, last = range_of(places, begin, end)
            rows = b""
            for index, at, time, hashed in places[first:last]:
                if begin <= at < end and index not in drop:
                    shown.add(index)
                    rows += b"\1" + be(8, index)
                else:
                    rows += b"\0" + tag_entry(index, at, time, hashed)
            proof = range_proof([leaf_hash(tag_entry(*e)) for e in places], first, last)
            middle += (items[tag] + be(8, first) + be(4, last - first) + rows + be(1, len(proof))
                       + b"".join(proof))
    if tail:
        shown |= set(range(covered, size))
    leaves = sorted(shown - set(drop))
    proof = set_proof(log.hashes[:size], leaves)
    return (b"\1" + b32(log.head(size)) + tag + window(begin, end) + window(0, NO_END) + middle
            + be(1, tail) + be(4, len(leaves))
            + b"".join(be(8, i) + b16(log.leaves[i]) for i in leaves)
            + be(4, len(proof)) + b"".join(proof))


def answer_records(data, part=PART):
    """As records of section 7 of a bundle."""
    parts = [data[at:at + part] for at in range(0, len(data), part)]
    kind = b16(b"auditledger/complete-answer/v1")
    return [kind + be(1, i + 1 < len(parts)) + p for i, p in enumerate(parts)]
