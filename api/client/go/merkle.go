package auditledger

import (
	"math/bits"
)

const maxTreeSize = 1<<63 - 1

func leafHash(leaf []byte) hash { return sha([]byte{0}, leaf) }

func nodeHash(left, right hash) hash { return sha([]byte{1}, left[:], right[:]) }

// toHashes takes hashes of 32 bytes, exactly `needed` of them.
func toHashes(raw [][]byte, needed int) ([]hash, error) {
	out := make([]hash, len(raw))
	for i, one := range raw {
		if len(one) != len(out[i]) {
			return nil, malformed("a hash of %d bytes", len(one))
		}
		copy(out[i][:], one)
	}
	if len(out) != needed {
		return nil, malformed("the proof has %d hashes, exactly %d are needed", len(out), needed)
	}
	return out, nil
}

// pathLength is how many siblings the leaf `index` has on its way to the root of `size` leaves:
// below the place where the path to the last leaf parts from its own, and in all.
func pathLength(index, size uint64) (inner, all int) {
	inner = bits.Len64(index ^ (size - 1))
	return inner, inner + bits.OnesCount64(index>>inner)
}

func verifyInclusion(index, size uint64, leaf hash, proof [][]byte, root hash) error {
	if size > maxTreeSize || index >= size {
		return malformed("inclusion: no leaf %d in a tree of %d leaves", index, size)
	}
	inner, all := pathLength(index, size)
	path, err := toHashes(proof, all)
	if err != nil {
		return err
	}
	computed := leaf
	for level, sibling := range path {
		if level < inner && index>>level&1 == 0 {
			computed = nodeHash(computed, sibling)
		} else {
			computed = nodeHash(sibling, computed)
		}
	}
	if computed != root {
		return differs("inclusion: the proof does not lead to the root")
	}
	return nil
}

// verifyConsistency checks that the tree of oldSize is the beginning of that of newSize.
func verifyConsistency(oldSize uint64, oldRoot hash, newSize uint64, newRoot hash, proof [][]byte) error {
	if oldSize == 0 || oldSize > newSize || newSize > maxTreeSize {
		return malformed("consistency: no proof from size %d to %d", oldSize, newSize)
	}
	if oldSize == newSize {
		if _, err := toHashes(proof, 0); err != nil {
			return err
		}
		if oldRoot != newRoot {
			return differs("consistency: two roots of one size")
		}
		return nil
	}
	// The largest perfect tree that ends at oldSize is where both computations start.
	shift := bits.TrailingZeros64(oldSize)
	inner, all := pathLength(oldSize-1, newSize)
	inner, all = inner-shift, all-shift
	whole := oldSize == 1<<shift // then the old root is that tree, and is not sent
	if !whole {
		all++
	}
	path, err := toHashes(proof, all)
	if err != nil {
		return err
	}
	start := oldRoot
	if !whole {
		start, path = path[0], path[1:]
	}
	place := (oldSize - 1) >> shift
	before, after := start, start
	for level, sibling := range path {
		if level < inner && place>>level&1 == 0 {
			after = nodeHash(after, sibling)
		} else {
			before, after = nodeHash(sibling, before), nodeHash(sibling, after)
		}
	}
	if before != oldRoot || after != newRoot {
		return differs("consistency: the proof does not lead to both roots")
	}
	return nil
}
