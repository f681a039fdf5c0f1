// Against a real ledger: tests/clients/rig.py runs this.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {connect as connectTcp} from 'node:net';
import {dirname} from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {create, fromBinary} from '@bufbuild/protobuf';
import {timestampNow} from '@bufbuild/protobuf/wkt';
import {connect, ConflictError, PinnedLog} from 'auditledger';
import {AuditEventSchema} from 'auditledger/v1/event';
import {GetLedgerRequestSchema} from 'auditledger/v1/ledger_service';

const ORIGIN = 'audit.example.org/clinic';
const CERTS = process.env.AUDITLEDGER_CERTS;
const skip = process.env.AUDITLEDGER ? false : 'tests/clients/rig.py runs these';
const log = skip || new PinnedLog(ORIGIN, readFileSync(`${CERTS}/clinic.vkey`, 'utf8'));

function open(t, {where = 'AUDITLEDGER', name = 'ehr', pin = log, ...files} = {}) {
  const client = connect(process.env[where], 'clinic', pin, {
    ca: `${CERTS}/ca.pem`, ...(name && {cert: `${CERTS}/${name}.pem`, key: `${CERTS}/${name}.key`}),
    timeoutMs: 60_000, ...files});  // a busy machine's
  t.after(() => client.close());
  return client;
}

async function rig(command) {
  const [host, port] = process.env.AUDITLEDGER_RIG.split(':');
  const socket = connectTcp(Number(port), host);
  socket.write(`${command}\n`);
  for await (const answer of socket) {
    assert.equal(answer.toString(), 'ok\n');
    break;
  }
}

let sequence = 0n;
const newEvent = fields => create(AuditEventSchema, {
  eventId: crypto.randomUUID(), schemaVersion: 1, recorded: {at: timestampNow()},
  agent: [{name: 'Dr. A'}], outcome: {indicator: 1},
  source: {observer: {display: 'EHR'}, streamId: 'node', streamSequence: ++sequence}, ...fields});
const newEvents = count => Array.from({length: count}, () => newEvent());

const size = client => new Promise((resolve, reject) => client.stub.getLedger(
    create(GetLedgerRequestSchema, {name: 'ledgers/clinic'}),
    (error, response) => error ? reject(error) : resolve(response.ledger.size)));

async function streamedIndexes(client, events) {
  const out = [];
  for await (const {receipt, error} of client.appendStream(events)) {
    assert.ifError(error);
    out.push(receipt.index);
  }
  return out.sort((a, b) => Number(a - b));
}

const range = (first, count) => Array.from({length: count}, (_, i) => first + BigInt(i));

test('the quickstart runs', {skip}, async () => {
  const script = fileURLToPath(new URL('../quickstart.js', import.meta.url));
  const {stdout} = await promisify(execFile)('node', [script], {cwd: dirname(CERTS)});
  assert.match(stdout, /^recorded as entry \d+/);
});

test('heads follow each other', {skip}, async t => {
  const client = open(t);
  let head, receipt;
  for (let i = 0; i < 5; ++i) {
    receipt = await client.append(newEvent());
    const newer = await client.follow(head, receipt);
    assert(!head || newer.size > head.size);
    head = newer;
  }
  assert.equal(await client.follow(head, receipt), head);
});

test('batches and streams', {skip}, async t => {
  const client = open(t), before = await size(client);
  const receipts = await client.appendBatch(newEvents(50));
  assert.deepEqual(receipts.map(r => r.index), range(before, 50));
  assert.deepEqual(await streamedIndexes(client, newEvents(700)), range(before + 50n, 700));
});

test('the same event again gets the first receipt', {skip}, async t => {
  const client = open(t), event = newEvent();
  const first = await client.append(event), again = await client.append(event);
  assert.deepEqual([first.repeatedEvent, again.repeatedEvent, again.index],
                   [false, true, first.index]);
  event.agent[0].name = 'Dr. B';
  await assert.rejects(client.append(event), error =>
    error instanceof ConflictError && error.reason === 'EVENT_ID_CONFLICT');
});

test('refusals have reasons', {skip}, async t => {
  await assert.rejects(open(t, {name: 'auditor'}).append(newEvent()),
                       {code: 'PERMISSION_DENIED', reason: 'NOT_PERMITTED'});
  await assert.rejects(open(t).append({eventId: 'x'}), {reason: 'MALFORMED_EVENT'});
});

test('secrets are masked and the receipt still holds', {skip}, async t => {
  const query = Buffer.from('/login?user=ann&password=x1');
  const receipt = await open(t).append(newEvent({entity: [{query}]}));
  assert(receipt.flags.includes('SECRETS_MASKED'));
  const sealed = fromBinary(AuditEventSchema, receipt.opening.event);
  assert.equal(Buffer.from(sealed.entity[0].query).toString(), '/login?user=ann&password=**');
});

test('another key is not believed', {skip}, async t => {
  const pin = new PinnedLog(
      ORIGIN, 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
  await assert.rejects(open(t, {pin}).append(newEvent()), {code: 'UNAUTHENTICATED'});
});

test('a token is enough where tokens are asked for', {skip}, async t => {
  const client = open(
      t, {where: 'AUDITLEDGER_TOKEN', name: null, tokenFile: `${CERTS}/token`});
  assert.equal((await client.append(newEvent())).repeatedEvent, false);
});

test('an answer that was lost makes no second entry', {skip}, async t => {
  const direct = open(t), client = open(t, {where: 'AUDITLEDGER_PROXY'});
  await client.append(newEvent());
  const before = await size(direct);
  await rig('lose-answer');
  const receipt = await client.append(newEvent());
  assert.deepEqual([receipt.repeatedEvent, receipt.index], [true, before]);
  await rig('lose-answer');
  const receipts = await client.appendBatch(newEvents(20));
  assert(receipts.every(r => r.repeatedEvent));
  assert.deepEqual(receipts.map(r => r.index), range(before + 1n, 20));
  await rig('lose-answer');
  assert.deepEqual(await streamedIndexes(client, newEvents(700)), range(before + 21n, 700));
  assert.equal(await size(direct), before + 721n);
});

test('a ledger that was rolled back is noticed', {skip}, async t => {
  const client = open(t);
  await rig('snapshot');
  let head;
  for (let i = 0; i < 3; ++i) {
    head = await client.follow(undefined, await client.append(newEvent()));
  }
  await rig('rollback');
  for (let i = 0; i < 4; ++i) {  // smaller than what was seen, as large but another, larger
    const receipt = await client.append(newEvent());
    await assert.rejects(client.follow(head, receipt), {code: 'DATA_LOSS'});
  }
});
