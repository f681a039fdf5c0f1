// Proofs of RFC 6962 trees, checked (RFC 9162 2.1.3.2 and 2.1.4.2). The length of a proof follows
// from the sizes and is checked before anything is hashed. Sizes and indexes are BigInts.
import {sha256} from './entry.js';
import {differs, malformed} from './errors.js';

export const MAX_TREE_SIZE = 2n ** 63n - 1n;

export const leafHash = leaf => sha256('\0', leaf);
const nodeHash = (left, right) => sha256('\x01', left, right);

const bitLength = value => value === 0n ? 0 : value.toString(2).length;
const onesOf = value => value.toString(2).replaceAll('0', '').length;
const bit = (value, level) => value >> BigInt(level) & 1n;

function checkHashes(hashes, needed) {
  if (hashes.some(hash => hash.length !== 32)) throw malformed('a hash of other than 32 bytes');
  if (hashes.length !== needed) {
    throw malformed(`the proof has ${hashes.length} hashes, exactly ${needed} are needed`);
  }
}

/** How many siblings a leaf has: below where its path parts from the last leaf's, and in all. */
function pathLength(index, size) {
  const inner = bitLength(index ^ (size - 1n));
  return [inner, inner + onesOf(index >> BigInt(inner))];
}

export function verifyInclusion(index, size, leaf, proof, root) {
  if (size > MAX_TREE_SIZE || index >= size) {
    throw malformed(`inclusion: no leaf ${index} in a tree of ${size} leaves`);
  }
  const [inner, all] = pathLength(index, size);
  checkHashes([leaf, root], 2);
  checkHashes(proof, all);
  const computed = proof.reduce(
      (hash, sibling, level) => level < inner && !bit(index, level) ? nodeHash(hash, sibling) :
                                                                      nodeHash(sibling, hash),
      leaf);
  if (Buffer.compare(computed, root) !== 0) {
    throw differs('inclusion: the proof does not lead to the root');
  }
}

/** Throws unless the tree of `oldSize` is the beginning of that of `newSize`. */
export function verifyConsistency(oldSize, oldRoot, newSize, newRoot, proof) {
  if (oldSize <= 0n || oldSize > newSize || newSize > MAX_TREE_SIZE) {
    throw malformed(`consistency: no proof from size ${oldSize} to ${newSize}`);
  }
  checkHashes([oldRoot, newRoot], 2);
  if (oldSize === newSize) {
    checkHashes(proof, 0);
    if (Buffer.compare(oldRoot, newRoot) !== 0) {
      throw differs('consistency: two roots of one size');
    }
    return;
  }
  // The largest perfect tree that ends at oldSize is where both computations start.
  const shift = bitLength(oldSize & -oldSize) - 1;
  const [inner, all] = pathLength(oldSize - 1n, newSize).map(length => length - shift);
  const whole = oldSize === 1n << BigInt(shift);  // then the old root is that tree, and is not sent
  checkHashes(proof, all + (whole ? 0 : 1));
  const start = whole ? oldRoot : proof[0];
  const place = (oldSize - 1n) >> BigInt(shift);
  let before = start, after = start;
  (whole ? proof : proof.slice(1)).forEach((sibling, level) => {
    if (level < inner && !bit(place, level)) {
      after = nodeHash(after, sibling);
    } else {
      before = nodeHash(sibling, before);
      after = nodeHash(sibling, after);
    }
  });
  if (Buffer.compare(before, oldRoot) !== 0 || Buffer.compare(after, newRoot) !== 0) {
    throw differs('consistency: the proof does not lead to both roots');
  }
}
