// The parts of the check against the vectors, the hostile ones included.
import assert from 'node:assert/strict';
import test from 'node:test';
import {PinnedLog} from 'auditledger';
import * as entry from '../src/entry.js';
import {leafHash, verifyConsistency, verifyInclusion} from '../src/merkle.js';
import {openNote, parseVkey, verifySignature} from '../src/note.js';
import {LayoutReader} from '../src/wire.js';
import {publicText, seal, unhex, verdict} from './vectors.js';

const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const base64 = text => Buffer.from(text, 'base64');

test('an event from its bytes to its leaf', () => {
  const {vectors} = seal('events.json');
  for (const v of vectors) {
    const [event, seed, header] = [v.event, v.seed, v.header].map(unhex);
    const units = entry.cutUnits(event);
    assert.equal(units.length, v.unit_count, v.name);
    (v.units ?? []).forEach((unit, i) => {
      assert.deepEqual(units[i].path, unit.path, v.name);
      assert(unhex(unit.bytes).equals(units[i].bytes), v.name);
    });
    assert.equal(entry.eventTimeUs(units), BigInt(v.event_time_us), v.name);
    assert.equal(entry.parseHeader(header).flags, BigInt(v.header_fields.flags), v.name);
    assert.deepEqual(entry.commitment(seed, header, units), unhex(v.commitment), v.name);
    assert.deepEqual(leafHash(unhex(v.leaf)), unhex(v.leaf_hash), v.name);
    entry.verifyOpening(entry.parseLeaf(unhex(v.leaf)), seed, header, event);
  }
  assert(vectors.length >= 30);
});

test('openings', () => {
  const verdicts = {verified: 'OK', differs: 'DATA_LOSS', malformed: 'INVALID_ARGUMENT'};
  let checked = 0;
  for (const v of seal('openings.json').vectors) {
    const leaf = entry.parseLeaf(unhex(v.leaf));
    // Tags are checked by whoever has the index key; other kinds are no receipts of events.
    if (['tags', 'UTF-8'].includes(v.blames) || leaf.kind !== entry.KIND_EVENT) continue;
    const opening = unhex(v.opening);
    const header = new LayoutReader('opening', opening.subarray(33)).bytes16();
    const event = opening.subarray(33 + 2 + header.length + 4);
    ++checked;
    assert.equal(verdict(() => entry.verifyOpening(leaf, opening.subarray(1, 33), header, event)),
                 verdicts[v.verdict], v.name);
  }
  assert(checked >= 30);
});

test('hostile bytes are refused', () => {
  const parsers = {
    units: entry.cutUnits, leaf: entry.parseLeaf, header: entry.parseHeader,
    time: bytes => entry.eventTimeUs(entry.cutUnits(bytes)),
    identity: bytes => entry.eventIdentity(entry.cutUnits(bytes))};
  let checked = 0;
  for (const v of seal('hostile.json').vectors) {
    if (!(v.parser in parsers)) continue;
    ++checked;
    assert.equal(verdict(() => parsers[v.parser](unhex(v.bytes))), 'INVALID_ARGUMENT', v.name);
  }
  assert(checked >= 100);
});

/** [accepted, refused] after each case was compared. */
function judge(t, name, verify) {
  const counted = [0, 0];
  for (const line of (publicText(t, name) ?? '').trimEnd().split('\n')) {
    if (line === '') return undefined;
    // Sizes of 64 bits do not fit into a number.
    const c = JSON.parse(line.replace(/"(leafIdx|treeSize|size1|size2)":(\d+)/g, '"$1":"$2"'));
    if (c.file.endsWith('/sizes-are-equal-one-and-proof-is-empty.json')) continue;  // 12 bytes
    const refused = verdict(() => verify(c, (c.proof ?? []).map(base64))) !== 'OK';
    assert.equal(refused, c.wantErr, c.file);
    ++counted[Number(refused)];
  }
  return counted;
}

test('public proofs', t => {
  const inclusion = judge(t, 'merkle/inclusion.jsonl', (c, proof) => verifyInclusion(
      BigInt(c.leafIdx), BigInt(c.treeSize), base64(c.leafHash ?? ''), proof, base64(c.root ?? '')));
  const consistency = judge(t, 'merkle/consistency.jsonl', (c, proof) => verifyConsistency(
      BigInt(c.size1), base64(c.root1 ?? ''), BigInt(c.size2), base64(c.root2 ?? ''), proof));
  if (inclusion) assert.deepEqual([inclusion, consistency], [[6, 92], [5, 92]]);
});

test('signed notes and vkeys', t => {
  const text = publicText(t, 'note/signed-note.json');
  if (!text) return;
  const vectors = JSON.parse(text), peter = parseVkey(PETER);
  for (const {note, vkeys} of vectors.good) {
    for (const vkey of vkeys) {
      assert(note.startsWith(`${openNote(Buffer.from(note), parseVkey(vkey))}\n`));
    }
  }
  for (const {why, note_base64: note} of vectors.malformed) {
    assert.equal(verdict(() => openNote(base64(note), peter)), 'INVALID_ARGUMENT', why);
  }
  for (const {note_base64: note} of vectors.known_key_bad_signature) {
    assert.equal(verdict(() => openNote(base64(note), peter)), 'DATA_LOSS');
  }
  for (const {note} of vectors.unverified) {
    assert.equal(verdict(() => openNote(Buffer.from(note), peter)), 'UNAUTHENTICATED');
  }
  for (const {vkey, why} of vectors.bad_vkeys) {
    assert.equal(verdict(() => parseVkey(vkey)), 'INVALID_ARGUMENT', why);
  }
  for (let cut = 0; cut < PETER.length; ++cut) {  // nothing less than all of it is one
    for (const part of [PETER.slice(0, cut), PETER.slice(cut + 1)]) {
      assert.equal(verdict(() => parseVkey(part)), 'INVALID_ARGUMENT', part);
    }
  }
});

test('vkeys of other types are no log\'s', t => {
  for (const {type, vkey} of JSON.parse(publicText(t, 'note/vkeys-other-types.json') ?? '{"vkeys":[]}').vkeys) {
    if (type !== 1) assert.equal(verdict(() => parseVkey(vkey)), 'INVALID_ARGUMENT', vkey);
  }
});

test('checkpoints of a log by others', t => {
  const text = publicText(t, 'tlog/tessera-testlog.json');
  if (!text) return;
  const {origin, vkey, checkpoints_by_size: notes} = JSON.parse(text);
  const log = new PinnedLog(origin, vkey);
  notes.forEach((note, size) => assert.equal(log.openHead(note).size, BigInt(size)));
});

test('Ed25519', t => {
  const text = publicText(t, 'ed25519/wycheproof_ed25519_test.json');
  for (const {publicKey, tests} of JSON.parse(text ?? '{"testGroups":[]}').testGroups) {
    for (const {tcId, msg, sig, result} of tests) {
      const bytes = hex => Buffer.from(hex, 'hex');
      assert.equal(verdict(() => verifySignature(bytes(publicKey.pk), bytes(msg), bytes(sig))),
                   result === 'valid' ? 'OK' : 'DATA_LOSS', `case ${tcId}`);
    }
  }
});
