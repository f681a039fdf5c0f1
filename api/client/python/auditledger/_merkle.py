"""Proofs of RFC 6962 trees, checked (RFC 9162 2.1.3.2 and 2.1.4.2).

The length of a proof follows from the sizes and is checked before anything is hashed.
"""
from ._entry import sha256
from .errors import differs, malformed

MAX_TREE_SIZE = 2**63 - 1


def leaf_hash(leaf):
    return sha256(b"\0", leaf)


def _node(left, right):
    return sha256(b"\1", left, right)


def _check_hashes(proof, needed):
    if any(len(one) != 32 for one in proof):
        raise malformed("a hash of other than 32 bytes")
    if len(proof) != needed:
        raise malformed(f"the proof has {len(proof)} hashes, exactly {needed} are needed")


def _path_length(index, size):
    """How many siblings the leaf ``index`` has on its way to the root of ``size`` leaves."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, inner + bin(index >> inner).count("1")


def verify_inclusion(index, size, hashed_leaf, proof, root):
    if size > MAX_TREE_SIZE or index >= size:
        raise malformed(f"inclusion: no leaf {index} in a tree of {size} leaves")
    inner, length = _path_length(index, size)
    _check_hashes([hashed_leaf, root], 2)
    _check_hashes(proof, length)
    computed = hashed_leaf
    for level, sibling in enumerate(proof):
        right = level < inner and not index >> level & 1
        computed = _node(computed, sibling) if right else _node(sibling, computed)
    if computed != root:
        raise differs("inclusion: the proof does not lead to the root")


def verify_consistency(old_size, old_root, new_size, new_root, proof):
    """That the tree of ``old_size`` is the beginning of that of ``new_size``."""
    if not 0 < old_size <= new_size <= MAX_TREE_SIZE:
        raise malformed(f"consistency: no proof from size {old_size} to {new_size}")
    _check_hashes([old_root, new_root], 2)
    if old_size == new_size:
        _check_hashes(proof, 0)
        if old_root != new_root:
            raise differs("consistency: two roots of one size")
        return
    # The largest perfect tree that ends at old_size is where both computations start.
    shift = (old_size & -old_size).bit_length() - 1
    inner, length = _path_length(old_size - 1, new_size)
    inner, length = inner - shift, length - shift
    whole = old_size == 1 << shift  # then the old root is that tree, and is not sent
    _check_hashes(proof, length + (0 if whole else 1))
    start, path = (old_root, proof) if whole else (proof[0], proof[1:])
    place = (old_size - 1) >> shift
    old = new = start
    for level, sibling in enumerate(path):
        if level < inner and not place >> level & 1:
            new = _node(new, sibling)
        else:
            old, new = _node(sibling, old), _node(sibling, new)
    if old != old_root:
        raise differs("consistency: the proof does not lead to the old root")
    if new != new_root:
        raise differs("consistency: the proof does not lead to the new root")
