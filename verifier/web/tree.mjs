// RFC 6962: hashes, roots, and proofs against them. SHA-256 and HMAC are the browser's own.
import { concat, same } from "./bytes.mjs";

const subtle = globalThis.crypto.subtle;

export async function sha256(...parts) {
  return new Uint8Array(await subtle.digest("SHA-256", concat(parts)));
}

export async function hmacKey(key) {
  return subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

export async function hmac(key, data) {
  return new Uint8Array(await subtle.sign("HMAC", key, data));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
export const leafHash = (data) => sha256(LEAF, data);
export const nodeHash = (left, right) => sha256(NODE, left, right);

// The largest power of two below n.
function split(n) {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

// The root over leaf hashes, level by level, so that a level's hashes are made side by side.
export async function treeRoot(hashes) {
  if (hashes.length === 0) return sha256();
  let level = hashes;
  while (level.length > 1) {
    const next = [];
    for (let i = 0; i < level.length; i += 2) {
      next.push(i + 1 < level.length ? nodeHash(level[i], level[i + 1]) : level[i]);
    }
    level = await Promise.all(next);
  }
  return level[0];
}

// The root that `proof` and the leaves [begin, begin + leaves.length) of a tree of `size` lead to;
// null when there is not exactly the proof that this takes.
export async function rootOfRange(begin, leaves, size, proof) {
  const end = begin + leaves.length;
  if (leaves.length === 0 || end > size) return null;
  let used = 0;
  async function root(first, last) {
    if (last <= begin || end <= first) return used < proof.length ? proof[used++] : null;
    if (begin <= first && last <= end && isPerfect(last - first)) {
      return treeRoot(leaves.slice(first - begin, last - begin));
    }
    if (last - first === 1) return leaves[first - begin];
    const middle = first + split(last - first);
    const left = await root(first, middle);
    const right = left && (await root(middle, last));
    return right && nodeHash(left, right);
  }
  const result = await root(0, size);
  return result && used === proof.length ? result : null;
}

// The root that the leaves at `indexes`, ascending below `size`, and `proof` lead to: one hash for
// each of the largest subtrees in which none of them lies (merkle/set_proof.h); null when there is
// not exactly the proof that this takes.
export async function rootOfSet(indexes, leaves, size, proof) {
  if (indexes.length === 0) return null;
  let used = 0;
  // Of the leaves [first, last), of which those given are [from, to) of `leaves`.
  async function root(first, last, from, to) {
    if (from === to) return used < proof.length ? proof[used++] : null;
    if (to - from === last - first) return treeRoot(leaves.slice(from, to));
    const middle = first + split(last - first);
    let cut = from;
    while (cut < to && indexes[cut] < middle) cut++;
    const left = await root(first, middle, from, cut);
    const right = left && (await root(middle, last, cut, to));
    return right && nodeHash(left, right);
  }
  const result = await root(0, size, 0, indexes.length);
  return result && used === proof.length ? result : null;
}

function isPerfect(n) {
  return 2 ** Math.round(Math.log2(n)) === n;
}

// RFC 9162 2.1.3.2: the root that an inclusion proof leads to, lowest sibling first; null when it
// has another length than index and size ask for.
export async function rootOfInclusion(index, size, hash, path) {
  if (index >= size) return null;
  let node = hash;
  let [fn, sn] = [index, size - 1];
  for (const sibling of path) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      node = await nodeHash(sibling, node);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else {
      node = await nodeHash(node, sibling);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 ? node : null;
}

// RFC 9162 2.1.4.2, for 0 < size1 <= size2: whether the first tree is a prefix of the second.
export async function isConsistent(size1, root1, size2, root2, proof) {
  if (size1 <= 0 || size1 > size2) return false;
  if (size1 === size2) return proof.length === 0 && same(root1, root2);
  if (proof.length === 0) return false;
  const path = isPerfect(size1) ? [root1, ...proof] : proof;
  let [fn, sn] = [size1 - 1, size2 - 1];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  let [first, second] = [path[0], path[0]];
  for (const node of path.slice(1)) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      [first, second] = [await nodeHash(node, first), await nodeHash(node, second)];
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else {
      second = await nodeHash(second, node);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && same(first, root1) && same(second, root2);
}
