// Evidence bundles written by tools/vectorgen_bundles.py, whole and tampered with.
import "./setup.mjs";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { unhex } from "../../../verifier/web/bytes.mjs";
import { verifyBundle } from "../../../verifier/web/claims.mjs";
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

// The C++ verifier, where it was built: the same verdict, claim by claim and word by word.
const program = process.env.AUDITLEDGER_VERIFY;
test("the two verifiers agree on every word", { skip: !program }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "auditledger-agree-"));
  const files = [...published.bundles.map(({ name }) => [name, fileOf(name)]),
    ...published.tampered.map((row) => [row.name, tampered(row)])];
  for (const [name, data] of files) {
    writeFileSync(join(folder, "x.bundle"), data);
    const { stdout } = spawnSync(program, ["bundle", join(folder, "x.bundle"), "--json", "--origin",
      published.origin, "--key", published.vkey], { encoding: "utf8" });
    const theirs = JSON.parse(stdout);
    const mine = await verifyBundle(data, { vkey: published.vkey });
    assert.deepEqual(mine.claims, theirs.claims, name);
    assert.equal(mine.exitCode, theirs.exit_code, name);
    assert.equal(mine.verdict, theirs.verdict, name);
  }
  rmSync(folder, { recursive: true });
});

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
