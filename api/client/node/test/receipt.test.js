// Whole receipts: tests/testdata/seal/receipts.json, and every byte of one flipped.
import assert from 'node:assert/strict';
import test from 'node:test';
import {fromBinary} from '@bufbuild/protobuf';
import {checkExtension, checkReceipt, PinnedLog, ReceiptError} from 'auditledger';
import {ReceiptSchema} from 'auditledger/v1/proof';
import {AuditEventSchema} from 'auditledger/v1/event';
import {seal, unhex, verdict} from './vectors.js';

const {pinned, receipts, heads} = seal('receipts.json');
const log = new PinnedLog(pinned.origin, pinned.vkey, pinned.other_vkeys);
const event = unhex(receipts[0].event);
const fresh = () => fromBinary(ReceiptSchema, unhex(receipts[0].receipt));

test('every receipt is judged as it should be', () => {
  for (const v of receipts) {
    const receipt = fromBinary(ReceiptSchema, unhex(v.receipt));
    assert.equal(verdict(() => checkReceipt(receipt, unhex(v.event), log)), v.verdict, v.name);
  }
  assert(receipts.length >= 60);
});

test('every pair of heads is judged as it should be', () => {
  for (const v of heads) {
    const [before, after] = [log.openHead(v.old_note), log.openHead(v.new_note)];
    assert.equal(verdict(() => checkExtension(before, after, v.proof.map(unhex))), v.verdict, v.name);
  }
});

test('a flipped bit anywhere is noticed', () => {
  const noticed = (what, change) => {
    const receipt = fresh();
    change(receipt);
    assert.notEqual(verdict(() => checkReceipt(receipt, event, log)), 'OK', what);
  };
  const fields = {
    leaf: r => r.leaf, seed: r => r.opening.seed, header: r => r.opening.header,
    ...Object.fromEntries(fresh().inclusion.hashes.map(
        (_, i) => [`hash ${i}`, r => r.inclusion.hashes[i]]))};
  assert.equal(verdict(() => checkReceipt(fresh(), event, log)), 'OK');
  for (const [name, field] of Object.entries(fields)) {
    for (let i = 0; i < field(fresh()).length; ++i) {
      noticed(`${name}, byte ${i}`, r => { field(r)[i] ^= 1; });
    }
  }
  const note = fresh().checkpoint.note;
  for (let i = 0; i < note.length; ++i) {
    noticed(`note, character ${i}`, r => {
      r.checkpoint.note = note.slice(0, i) + String.fromCharCode(note.charCodeAt(i) ^ 1) +
          note.slice(i + 1);
    });
  }
  for (let bit = 0n; bit < 64n; ++bit) {
    noticed(`index, bit ${bit}`, r => { r.index ^= 1n << bit; });
    noticed(`leaf index, bit ${bit}`, r => { r.inclusion.leafIndex ^= 1n << bit; });
    noticed(`tree size, bit ${bit}`, r => { r.inclusion.treeSize ^= 1n << bit; });
  }
  for (let i = 0; i < event.length; ++i) {
    const changed = Buffer.from(event);
    changed[i] ^= 1;
    assert.notEqual(verdict(() => checkReceipt(fresh(), changed, log)), 'OK', `event, byte ${i}`);
  }
  for (const part of ['inclusion', 'checkpoint', 'opening']) {
    noticed(`no ${part}`, r => { r[part] = undefined; });
  }
});

test('random damage is refused in no other way', () => {
  let state = 7, refused = 0;
  const random = below => (state = (state * 48271) % 2147483647) % below;
  const named = Object.fromEntries(receipts.map(vector => [vector.name, vector]));
  for (let round = 0; round < 2000; ++round) {
    const vector = named[round % 2 ? 'a receipt' : 'secrets masked'];
    const data = unhex(vector.receipt), sent = unhex(vector.event);
    for (let n = 1 + random(3); n > 0; --n) {
      const damaged = random(3) ? data : sent;
      damaged[random(damaged.length)] = random(256);
    }
    let receipt;
    try {
      receipt = fromBinary(ReceiptSchema, data.subarray(0, data.length - [0, 1, 40][random(3)]));
    } catch {
      continue;
    }
    refused += verdict(() => checkReceipt(receipt, sent, log)) !== 'OK';
  }
  assert(refused > 300, String(refused));
});

test('another key and another origin are evidence', () => {
  const message = fromBinary(AuditEventSchema, event);
  for (const [want, ...where] of [
         ['OK', pinned.origin, pinned.vkey],
         ['UNAUTHENTICATED', pinned.origin, pinned.stranger_vkey],
         ['FAILED_PRECONDITION', 'ledger.example.org/elsewhere', pinned.vkey]]) {
    const receipt = fresh();
    assert.equal(verdict(() => checkReceipt(receipt, message, new PinnedLog(...where))), want);
    if (want === 'OK') continue;
    assert.throws(() => checkReceipt(receipt, message, new PinnedLog(...where)),
                  error => error instanceof ReceiptError && error.receipt === receipt);
  }
});
