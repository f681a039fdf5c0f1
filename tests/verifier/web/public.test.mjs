// Tree, notes, cosignatures and Ed25519 against the public vectors of ../shared.
import "./setup.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Malformed, same, unbase64, unhex, utf8 } from "../../../verifier/web/bytes.mjs";
import { verifyEd25519, verifyInIntegers } from "../../../verifier/web/ed25519.mjs";
import { cosignedAt, isSignedBy, parseHead, parseNote, parseTlogProof, parseVkey }
  from "../../../verifier/web/note.mjs";
import { holdsAbsent, holdsPresent } from "../../../verifier/web/patricia.mjs";
import { isConsistent, leafHash, rootOfInclusion, rootOfRange, rootOfSet, treeRoot }
  from "../../../verifier/web/tree.mjs";
import { publicVectors } from "./vectors.mjs";

const json = (name) => JSON.parse(publicVectors(name) ?? "null");
const lines = (name) => (publicVectors(name) ?? "").split("\n").filter(Boolean).map(JSON.parse);
const skip = publicVectors("README.md") === null && "../shared is absent";
const hashes = (list) => (list ?? []).map(unbase64);
const isHash = (bytes) => bytes.length === 32;

test("inclusion", { skip }, async () => {
  for (const v of lines("merkle/inclusion.jsonl")) {
    const parts = [unbase64(v.root), unbase64(v.leafHash), ...hashes(v.proof)];
    const made = parts.every(isHash) && Number.isSafeInteger(v.leafIdx) && v.leafIdx >= 0
      && await rootOfInclusion(v.leafIdx, v.treeSize, parts[1], hashes(v.proof));
    assert.equal(Boolean(made && same(made, parts[0])), !v.wantErr, v.file);
    const range = parts.every(isHash) && v.leafIdx >= 0
      && await rootOfRange(v.leafIdx, [parts[1]], v.treeSize, hashes(v.proof));
    if (v.wantErr) assert.ok(!range || !same(range, parts[0]), v.file);
  }
});

test("consistency", { skip }, async () => {
  for (const v of lines("merkle/consistency.jsonl")) {
    if (v.file.includes("sizes-are-equal-one-and-proof-is-empty")) continue;  // roots of 12 bytes
    const roots = [unbase64(v.root1), unbase64(v.root2)];
    const proof = hashes(v.proof);
    const holds = [...roots, ...proof].every(isHash)
      && await isConsistent(v.size1, roots[0], v.size2, roots[1], proof);
    assert.equal(Boolean(holds), !v.wantErr, v.file);
  }
});

test("every range of every tree up to 17 leaves, and no other proof", async () => {
  const leaves = await Promise.all(Array.from({ length: 17 }, (_, i) => leafHash(utf8(`${i}`))));
  async function proofOf(begin, end, first, last) {
    if (last <= begin || end <= first) return [await treeRoot(leaves.slice(first, last))];
    if (last - first === 1) return [];
    let k = 1;
    while (k * 2 < last - first) k *= 2;
    return [...await proofOf(begin, end, first, first + k),
      ...await proofOf(begin, end, first + k, last)];
  }
  for (let size = 1; size <= 17; size++) {
    const root = await treeRoot(leaves.slice(0, size));
    for (let begin = 0; begin < size; begin++) {
      for (let end = begin + 1; end <= size; end++) {
        const proof = await proofOf(begin, end, 0, size);
        const part = leaves.slice(begin, end);
        assert.ok(same(await rootOfRange(begin, part, size, proof), root));
        assert.equal(await rootOfRange(begin, part, size, [...proof, root]), null);
        if (proof.length > 0) {
          assert.equal(await rootOfRange(begin, part, size, proof.slice(1)), null);
        }
      }
    }
  }
});

test("every set of leaves of every tree up to 9, and no other proof", async () => {
  const leaves = await Promise.all(Array.from({ length: 9 }, (_, i) => leafHash(utf8(`${i}`))));
  async function proofOf(indexes, first, last) {
    if (!indexes.some((i) => first <= i && i < last)) {
      return [await treeRoot(leaves.slice(first, last))];
    }
    if (last - first === 1) return [];
    let k = 1;
    while (k * 2 < last - first) k *= 2;
    return [...await proofOf(indexes, first, first + k),
      ...await proofOf(indexes, first + k, last)];
  }
  for (let size = 1; size <= 9; size++) {
    const root = await treeRoot(leaves.slice(0, size));
    for (let bits = 0; bits < 2 ** size; bits++) {
      const indexes = Array.from({ length: size }, (_, i) => i).filter((i) => (bits >> i) & 1);
      const proof = await proofOf(indexes, 0, size);
      const given = indexes.map((i) => leaves[i]);
      const made = await rootOfSet(indexes, given, size, proof);
      if (bits === 0) {
        assert.equal(made, null, "of no leaf nothing is proven");
        continue;
      }
      assert.ok(same(made, root));
      assert.equal(await rootOfSet(indexes, given, size, [...proof, root]), null);
      if (proof.length > 0) {
        assert.equal(await rootOfSet(indexes, given, size, proof.slice(1)), null);
      }
    }
  }
});

test("lookups in a Merkle Patricia tree", { skip }, async () => {
  for (const v of json("mpt/mpt.json").lookup) {
    const [root, key, value, proof] = [v.snap, v.key, v.val, v.proof].map(unhex);
    const run = v.present ? holdsPresent(root, key, value, proof) : holdsAbsent(root, key, proof);
    const held = await run.then(() => true, (error) => {
      assert.ok(error instanceof Malformed, v.desc);
      return false;
    });
    assert.equal(held, v.verify, v.desc);
  }
});

test("Ed25519, by the browser and in whole numbers", { skip }, async () => {
  for (const group of json("ed25519/wycheproof_ed25519_test.json").testGroups) {
    const key = unhex(group.publicKey.pk);
    for (const v of group.tests) {
      for (const verify of [verifyEd25519, verifyInIntegers]) {
        assert.equal(await verify(key, unhex(v.msg), unhex(v.sig)), v.result === "valid",
          `${v.tcId} ${v.comment}`);
      }
    }
  }
});

test("RFC 8032, test 1 and a flipped bit of each part", async () => {
  const key = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const signature = unhex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  for (const verify of [verifyEd25519, verifyInIntegers]) {
    assert.ok(await verify(key, new Uint8Array(0), signature));
    assert.ok(!await verify(key, utf8("x"), signature));
    for (const at of [0, 31, 32, 63]) {
      const changed = signature.slice();
      changed[at] ^= 1;
      assert.ok(!await verify(key, new Uint8Array(0), changed));
    }
    assert.ok(!await verify(key, new Uint8Array(0), signature.subarray(1)));
    assert.ok(!await verify(new Uint8Array(32).fill(255), new Uint8Array(0), signature));
  }
});

test("signed notes", { skip }, async () => {
  const v = json("note/signed-note.json");
  for (const { note, vkeys } of v.good) {
    for (const vkey of vkeys) {
      assert.ok(await isSignedBy(parseNote(utf8(note)), await parseVkey(vkey)), vkey);
    }
  }
  for (const { note_base64: note, why } of v.malformed) {
    assert.throws(() => parseNote(unbase64(note)), Malformed, why);
  }
  for (const { vkey, why } of v.bad_vkeys) await assert.rejects(parseVkey(vkey), Malformed, why);
  for (const { note_base64: note, vkeys } of v.known_key_bad_signature) {
    const signed = await Promise.all(vkeys.map(async (k) =>
      isSignedBy(parseNote(unbase64(note)), await parseVkey(k))));
    assert.ok(!signed.every(Boolean));
  }
});

test("cosignatures", { skip }, async () => {
  const { vectors, timestamp } = json("cosignature/ed25519-cosignature-v1.json");
  for (const v of vectors) {
    const { note } = parseHead(utf8(v.cosigned_checkpoint));
    const witness = await parseVkey(v.vkey);
    assert.equal(Number(await cosignedAt(note, witness)), timestamp);
    await assert.rejects(cosignedAt({ ...note, text: utf8("other\n1\n") }, witness), Malformed);
    assert.equal(await cosignedAt(note, { ...witness, name: "another" }), null);
  }
});

test("tlog-proofs", { skip }, async () => {
  const v = json("tlog/tlog-proof.json");
  const key = await parseVkey(v.log_vkey);
  async function holds(proof, entry) {
    const parsed = parseTlogProof(utf8(proof));
    const root = await rootOfInclusion(parsed.index, parsed.head.size,
      await leafHash(utf8(entry)), parsed.path);
    return await isSignedBy(parsed.head.note, key) && root && same(root, parsed.head.root);
  }
  for (const { proof, entry_utf8: entry } of v.good) assert.ok(await holds(proof, entry));
  for (const { proof, desc } of v.bad) {
    assert.ok(!await holds(proof, "four").catch((error) => !(error instanceof Malformed)), desc);
  }
});
