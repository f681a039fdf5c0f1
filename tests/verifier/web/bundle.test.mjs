// Evidence bundles written by tools/vectorgen_bundles.py, whole and tampered with.
import "./setup.mjs";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hex, unhex } from "../../../verifier/web/bytes.mjs";
import { verifyBundle } from "../../../verifier/web/claims.mjs";
import { leafHash, treeRoot } from "../../../verifier/web/tree.mjs";
import { load, loadJson } from "./vectors.mjs";

const published = loadJson("tests/testdata/bundle/bundles.json");
const fileOf = (name) => load(`tests/testdata/bundle/${name}.bundle`);
const results = (report) => Object.fromEntries(report.claims.map((c) => [c.claim, c.result]));
const reasons = (report) => Object.fromEntries(report.claims.map((c) => [c.claim, c.reason]));

function tampered({ base, splices }) {
  let data = Buffer.from(fileOf(base));
  for (const [at, count, text] of splices) {
    data = Buffer.concat(
      [data.subarray(0, at), Buffer.from(text, "hex"), data.subarray(at + count)]);
  }
  return new Uint8Array(data);
}

for (const { name, claims } of published.bundles) {
  test(`${name}: each claim comes to what is published`, async () => {
    const report = await verifyBundle(fileOf(name), { vkey: published.vkey });
    assert.deepEqual(results(report), claims, JSON.stringify(reasons(report), null, 1));
  });
}

for (const row of published.tampered) {
  test(`refused: ${row.name}`, async () => {
    const report = await verifyBundle(tampered(row), { vkey: published.vkey });
    const [found, why] = [results(report), reasons(report)];
    assert.equal(report.verdict, "refused", JSON.stringify(why, null, 1));
    if (row.claims) assert.deepEqual(found, row.claims, JSON.stringify(why, null, 1));
    for (const claim of row.failing) {
      assert.equal(found[claim], claim === "completeness" && found[claim] !== "FAIL"
        ? "CANNOT TELL" : "FAIL", `${claim}: ${why[claim]}`);
    }
    for (const [claim, word] of Object.entries(row.blames)) assert.match(why[claim], RegExp(word));
  });
}

// The C++ verifier's test takes every byte; each costs milliseconds here.
test("no flipped byte of a bundle is verified", async () => {
  const file = fileOf("range");
  for (let at = 0; at < file.length; at += 11) {
    const changed = file.slice();
    changed[at] ^= 1 << at % 8;
    const report = await verifyBundle(changed, { vkey: published.vkey });
    assert.equal(report.verdict, "refused", `byte ${at}`);
  }
});

test("no bundle cut short is verified", async () => {
  const file = fileOf("range");
  for (let size = 0; size < file.length; size += 61) {
    const report = await verifyBundle(file.subarray(0, size), { vkey: published.vkey });
    assert.notEqual(report.exitCode, 3, `${size} bytes`);
  }
});

// The C++ verifier, where it was built: the same verdict, claim by claim and word by word, but for
// why a complete answer is refused.
const program = process.env.AUDITLEDGER_VERIFY;
const inCommon = (claims) => claims.map((claim) =>
  ({ ...claim, reason: claim.reason.replace(/^(answer \d+ is refused): .*/s, "$1") }));

async function expectAgreement(files) {
  const folder = mkdtempSync(join(tmpdir(), "auditledger-agree-"));
  for (const [name, data] of files) {
    writeFileSync(join(folder, "x.bundle"), data);
    const { stdout } = spawnSync(program, ["bundle", join(folder, "x.bundle"), "--json", "--origin",
      published.origin, "--key", published.vkey], { encoding: "utf8" });
    const theirs = JSON.parse(stdout);
    const mine = await verifyBundle(data, { vkey: published.vkey });
    assert.deepEqual(inCommon(mine.claims), inCommon(theirs.claims), name);
    assert.equal(mine.exitCode, theirs.exit_code, name);
    assert.equal(mine.verdict, theirs.verdict, name);
  }
  rmSync(folder, { recursive: true });
}

test("the two verifiers agree on every word", { skip: !program }, async () => {
  await expectAgreement([...published.bundles.map(({ name }) => [name, fileOf(name)]),
    ...published.tampered.map((row) => [row.name, tampered(row)])]);
});

// Answers that somebody changed and made the manifest fit, so that nothing but their own proofs
// stands against them. A seed of the run's own, told where it fails.
test("the two verifiers agree on any answer that was changed", { skip: !program }, async () => {
  const seed = Number(process.env.AUDITLEDGER_TEST_SEED ?? Date.now() % 2 ** 31);
  const below = random(seed);
  const files = [];
  for (let round = 0; round < 400; round++) {
    const name = ["answered", "answered-none", "answered-window", "answered-stops"][below(4)];
    const sections = sectionsOf(fileOf(name));
    const record = below(sections[7].length);
    sections[7][record] = changed(sections[7][record], below);
    files.push([`seed ${seed}, round ${round}, ${name}`, await fileOfSections(sections)]);
  }
  await expectAgreement(files);
});

// Numbers below n, the same for the same seed (mulberry32).
function random(seed) {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

// A record whose bytes behind its type are changed: a bit, some cut out, some twice.
function changed(record, below) {
  const head = 2 + record[0] * 256 + record[1];
  const at = head + below(record.length - head);
  const count = 1 + below(60);
  switch (below(4)) {
    case 0: return Buffer.concat([record.subarray(0, at), record.subarray(at + count)]);
    case 1: return Buffer.concat([record.subarray(0, at),
      record.subarray(head + below(record.length - head)).subarray(0, count), record.subarray(at)]);
    default: {
      const out = Buffer.from(record);
      out[at] ^= 1 << below(8);
      return out;
    }
  }
}

const MAGIC_BYTES = 22;

// {number: [record]}
function sectionsOf(file) {
  const data = Buffer.from(file);
  const sections = {};
  for (let at = MAGIC_BYTES; at < data.length;) {
    const size = data.readUInt32BE(at + 1);
    (sections[data[at]] ??= []).push(data.subarray(at + 5, at + 5 + size));
    at += 5 + size;
  }
  return sections;
}

// A file with a manifest that fits what is before it, and so without custody.
async function fileOfSections(sections) {
  const manifest = JSON.parse(sections[12][0].toString());
  for (const row of manifest.sections.filter(({ section }) => section === "completeness")) {
    row.records = sections[7].length;
    row.bytes = sections[7].reduce((sum, record) => sum + record.length, 0);
    row.root = hex(await treeRoot(await Promise.all(sections[7].map(leafHash))));
  }
  const parts = [Buffer.from("auditledger/bundle/v1\n")];
  const all = { ...sections, 12: [Buffer.from(JSON.stringify(manifest))], 13: [] };
  for (const [number, records] of Object.entries(all)) {
    for (const record of records) {
      const frame = Buffer.alloc(5);
      frame[0] = Number(number);
      frame.writeUInt32BE(record.length, 1);
      parts.push(frame, record);
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}

test("without a pinned key nothing is proven against anybody", async () => {
  const report = await verifyBundle(fileOf("whole"));
  assert.equal(report.verdict, "cannot tell");
  assert.match(reasons(report).head, /no key is pinned; signed by the key that the bundle names/);
});

test("of a log whose key was followed by another, either may be pinned", async () => {
  for (const vkey of [published.vkey, published.second_vkey]) {
    const report = await verifyBundle(fileOf("rotated"), { vkey });
    assert.equal(report.verdict, "verified, unwitnessed", JSON.stringify(reasons(report)));
  }
  const before = await verifyBundle(fileOf("whole"), { vkey: published.second_vkey });
  assert.equal(results(before).head, "FAIL");
});

test("another pinned key is refused", async () => {
  const report = await verifyBundle(fileOf("whole"), { vkey:
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" });
  assert.equal(results(report).head, "FAIL");
});

test("with the index key tags are checked", async () => {
  const options = { vkey: published.vkey, indexKey: unhex(published.index_key) };
  const whole = await verifyBundle(fileOf("whole"), options);
  assert.equal(results(whole).tags, "PASS", reasons(whole).tags);
  const redacted = await verifyBundle(fileOf("patient"), options);
  assert.equal(results(redacted).tags, "CANNOT TELL");
  const other = await verifyBundle(fileOf("whole"), { ...options, indexKey: new Uint8Array(32) });
  assert.match(reasons(other).tags, /not the one that the genesis names/);
});
