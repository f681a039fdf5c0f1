"""Key changes (merkle/key_chain.h) for vectorgen: their bytes, and Ed25519 in plain integers, by
RFC 8032 section 5.1. Slow, and not for secrets."""
import base64
import hashlib

from vectorgen_formats import domain, leaf, sha

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    """Points in extended coordinates (X, Y, Z, T), x = X/Z, y = Y/Z, xy = T/Z."""
    s = (a[1] - a[0]) * (b[1] - b[0]) % P
    t = (a[1] + a[0]) * (b[1] + b[0]) % P
    u = 2 * D * a[3] * b[3] % P
    v = 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


B = base_point()


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def expand(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return (scalar & (2**254 - 8)) | 2**254, digest[32:]


def public_key(seed):
    return encode(times(expand(seed)[0], B))


def sign(seed, message):
    scalar, prefix = expand(seed)
    key = encode(times(scalar, B))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    point = encode(times(r, B))
    k = int.from_bytes(hashlib.sha512(point + key + message).digest(), "little") % L
    return point + ((r + k * scalar) % L).to_bytes(32, "little")


def key_change(origin, old_seed, new_seed):
    old, new = public_key(old_seed), public_key(new_seed)
    message = (domain(b"key-change") + len(origin).to_bytes(2, "big") + origin +
               b"\1" + old + b"\1" + new)
    body = b"\1\1" + old + b"\1" + new + sign(old_seed, message) + sign(new_seed, message)
    return message, body


def key_changes(origin, size, leaves, proof=()):
    """merkle/key_change_list.h: the changes as a text."""
    lines = [b"auditledger/key-changes/v1", origin, b"%d" % size]
    for index, leaf_bytes in leaves:
        lines.append(b"%d " % index + base64.b64encode(leaf_bytes))
        lines += [base64.b64encode(h) for h in proof]
    return b"".join(line + b"\n" for line in lines)


def key_change_vectors(text, origin):
    """A chain of three keys, at entries 7 and 20."""
    # RFC 8032 section 7.1, test 1.
    assert public_key(bytes.fromhex(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")).hex() == (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    seeds = [sha(b"log key ", bytes([n])) for n in range(3)]
    rows, leaves = [], []
    for n, index in enumerate([7, 20]):
        message, body = key_change(origin, seeds[n], seeds[n + 1])
        leaf_bytes = leaf(3, 1_767_225_600_000_000 + index, 0, [], None, body)
        leaves.append((index, leaf_bytes))
        rows.append({"index": index, "message": text(message), "body": text(body),
                     "leaf": text(leaf_bytes), "leaf_hash": text(sha(b"\0", leaf_bytes))})
    # Its tree has eight leaves: "a" seven times, then the first change.
    a, change = sha(b"\0", b"a"), sha(b"\0", leaves[0][1])
    two = sha(b"\1", a, a)
    proof = [a, two, sha(b"\1", two, two)]
    lists = [{"size": 0, "proof": [], "root": None, "text": text(key_changes(origin, 0, leaves))},
             {"size": 8, "proof": [text(h) for h in proof],
              "root": text(sha(b"\1", proof[2], sha(b"\1", two, sha(b"\1", a, change)))),
              "text": text(key_changes(origin, 8, leaves[:1], proof))}]
    return {"origin": text(origin), "lists": lists, "seeds": [text(s) for s in seeds],
            "keys": [text(public_key(s)) for s in seeds], "vectors": rows}
