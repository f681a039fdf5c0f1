// The entry formats against the published vectors of tests/testdata/seal.
import "./setup.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Malformed, compare, concat, hex, same, utf8 } from "../../../verifier/web/bytes.mjs";
import { parseHeader, parseLeaf } from "../../../verifier/web/leaf.mjs";
import { parseErasure } from "../../../verifier/web/rules.mjs";
import { hmacKey, leafHash } from "../../../verifier/web/tree.mjs";
import { commit, cut, emitMessage, entryCommitment, eventCommitment, eventTime, headerHash,
  identity, join, tagKeys, tagsOf, unitHash } from "../../../verifier/web/units.mjs";
import { bytesOf, seal } from "./vectors.mjs";

const events = seal("events");
const indexKey = await hmacKey(bytesOf(events.index_key));

test("an event is cut, committed to and tagged as published", async () => {
  for (const v of events.vectors) {
    const units = cut(bytesOf(v.event));
    assert.equal(units.length, v.unit_count, v.name);
    assert.ok(same(join(units), bytesOf(v.event)), v.name);
    assert.equal(Number(eventTime(units)), v.event_time_us, v.name);
    const made = await commit(bytesOf(v.seed), bytesOf(v.header), units);
    for (const [mine, theirs] of [[made.head, v.header_hash], [made.event, v.event_commitment],
      [made.entry, v.commitment], [await leafHash(bytesOf(v.leaf)), v.leaf_hash]]) {
      assert.equal(hex(mine), theirs, v.name);
    }
    for (const [i, unit] of (v.units ?? []).entries()) {
      assert.deepEqual(units[i].path, unit.path, v.name);
      assert.equal(hex(made.list[i].hash), unit.hash, v.name);
    }
    const tags = await tagsOf(indexKey, units);
    assert.equal(tags.length, v.tag_count, v.name);
    assert.deepEqual(tags.slice(0, 64).map(hex), v.tags.map((t) => t), v.name);
    const leaf = parseLeaf(bytesOf(v.leaf));
    assert.ok(same(leaf.commitment, made.entry), v.name);
    const header = parseHeader(bytesOf(v.header));
    assert.ok(same(header.eventId, identity(units).eventId), v.name);
    const origin = new TextDecoder().decode(bytesOf(events.origin));
    assert.ok(same(emitMessage(origin, header, made.event), bytesOf(v.emit_message)), v.name);
  }
});

test("what must be refused is", () => {
  const parsers = { units: cut, tags: (b) => tagKeys(cut(b)), time: (b) => eventTime(cut(b)),
    identity: (b) => identity(cut(b)), leaf: parseLeaf, header: parseHeader, erasure: parseErasure,
    join: (units) => join(units) };
  let tried = 0;
  for (const v of seal("hostile").vectors) {
    if (!(v.parser in parsers)) continue;
    const input = v.parser === "join"
      ? v.units.map((u) => ({ path: u.path, bytes: bytesOf(u.bytes) })) : bytesOf(v.bytes);
    assert.throws(() => parsers[v.parser](input), Malformed, v.name);
    tried++;
  }
  assert.ok(tried > 100, `${tried}`);
});

test("a partial disclosure holds or not, as published", async () => {
  for (const v of seal("disclosures").vectors) {
    const commitment = bytesOf(v.commitment);
    const head = v.header_hash ? bytesOf(v.header_hash)
      : await headerHash(bytesOf(v.header_salt), bytesOf(v.header));
    let fits = true;
    for (const unit of v.units) {
      if (unit.salt === undefined) continue;
      fits &&= bytesOf(unit.salt).length === 16
        && same(await unitHash(bytesOf(unit.salt), bytesOf(unit.bytes)), bytesOf(unit.hash));
    }
    const list = v.units.map((u) => ({ path: u.path, hash: bytesOf(u.hash) }));
    const made = await entryCommitment(head, await eventCommitment(list));
    assert.equal(fits && same(made, commitment), v.holds, v.name);
  }
});

test("bytes are compared as memcmp does", () => {
  assert.ok(compare(utf8("a"), utf8("b")) < 0);
  assert.ok(compare(utf8("a"), utf8("ab")) < 0);
  assert.equal(compare(concat([utf8("a"), utf8("b")]), utf8("ab")), 0);
});
