// The Merkle Patricia tree of merkle/patricia.h: whether a map with a root has a value under a key,
// or nothing.
//
// Example:
//   await holdsPresent(root, tag, value, proof)   throws Malformed where the proof says otherwise
import { Reader, check, concat, same } from "./bytes.mjs";
import { sha256 } from "./tree.mjs";

const MAX_BYTES = 1024;
const MAX_BIT = 8 * (MAX_BYTES + 1) - 1;

// In its shortest form; two bytes hold whatever is allowed here.
function varint(r, limit) {
  const low = r.u(1);
  if (low < 128) return low;
  const high = r.u(1);
  check(high !== 0, "map proof: a number not in its shortest form");
  const value = high * 128 + (low - 128);
  check(value <= limit, "map proof: a number too large");
  return value;
}

const putVarint = (n) => (n < 128 ? Uint8Array.of(n) : Uint8Array.of((n % 128) + 128, n >> 7));
const putBytes = (bytes) => concat([putVarint(bytes.length), bytes]);

// A key reads as if 00 FF FF ... stood behind it.
function bitOf(key, bit) {
  const at = bit >> 3;
  const byte = at < key.length ? key[at] : at === key.length ? 0 : 255;
  return (byte >> (7 - (bit % 8))) & 1;
}

// From the leaf up: bits fall strictly.
function steps(r) {
  const out = [];
  while (!r.done()) {
    const bit = varint(r, MAX_BIT);
    check(out.length === 0 || bit < out.at(-1).bit, "map proof: its bits do not fall");
    out.push({ bit, sibling: r.raw(32) });
  }
  return out;
}

async function rootFrom(key, value, path) {
  let hash = await sha256(Uint8Array.of(0), putBytes(key), putBytes(value));
  for (const { bit, sibling } of path) {
    const sides = bitOf(key, bit) ? [sibling, hash] : [hash, sibling];
    hash = await sha256(Uint8Array.of(1), putVarint(bit), ...sides);
  }
  return hash;
}

export async function holdsPresent(root, key, value, proof) {
  const path = steps(new Reader(proof));
  check(same(await rootFrom(key, value, path), root), "map proof: it leads to another root");
}

export async function holdsAbsent(root, key, proof) {
  if (proof.length === 0 && same(root, await sha256())) return;
  const r = new Reader(proof);
  const found = r.raw(varint(r, MAX_BYTES));
  const value = r.raw(varint(r, MAX_BYTES));
  const path = steps(r);
  check(!same(found, key), "map proof: it ends at the very key that is said to be absent");
  check(path.every(({ bit }) => bitOf(found, bit) === bitOf(key, bit)),
    "map proof: the key it ends at is not where the asked one would be");
  check(same(await rootFrom(found, value, path), root), "map proof: it leads to another root");
}
