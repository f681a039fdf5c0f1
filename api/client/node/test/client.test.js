// How often and when a client sends again, and what it makes of refusals: a server of ours.
import assert from 'node:assert/strict';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import test from 'node:test';
import {create, fromBinary, toBinary} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {Client, connect, ConflictError, LedgerError, PinnedLog, PreconditionError, ReceiptError,
        retryPolicy, serviceConfig} from 'auditledger';
import {AuditEventSchema} from 'auditledger/v1/event';
import {AppendEventRequestSchema, AppendEventResponseSchema, AppendEventStreamResponseSchema,
        BatchAppendEventsResponseSchema} from 'auditledger/v1/ledger_service';
import {ReceiptSchema} from 'auditledger/v1/proof';
import {ledgerServiceDefinition, openStub, readToken} from '../src/channel.js';
import {makeError} from '../src/status.js';
import {seal, unhex} from './vectors.js';

const {pinned, receipts} = seal('receipts.json');
const log = new PinnedLog(pinned.origin, pinned.vkey);
const event = fromBinary(AuditEventSchema, unhex(receipts[0].event));
const receipt = fromBinary(ReceiptSchema, unhex(receipts[0].receipt));

/** Of a protobuf message: length-delimited, or a small number. */
const field = (number, data) => typeof data === 'number' ?
    Buffer.from([number << 3, data]) :
    Buffer.concat([Buffer.from([number << 3 | 2, data.length]), Buffer.from(data)]);

function details(reason, hintSeconds) {
  const detail = (type, value) => field(3, Buffer.concat(
      [field(1, `type.googleapis.com/google.rpc.${type}`), field(2, value)]));
  const pair = Buffer.concat([field(1, 'first_index'), field(2, '7')]);
  const info = detail('ErrorInfo', Buffer.concat([field(1, reason), field(3, pair)]));
  if (!hintSeconds) return info;
  return Buffer.concat([info, detail('RetryInfo', field(1, field(1, hintSeconds)))]);
}

const refusal = (code, reason, hintSeconds) =>
  ({code, details: 'refused', reason, status: details(reason, hintSeconds)});
const CUT = {cut: true};

/** A client of a server that refuses as `refusals` say, then answers with the receipt. */
async function bench(t, refusals = []) {
  const requests = [], waits = [];
  const answer = (response, call, done) => {
    requests.push(call.request);
    const refused = refusals.shift();
    if (!refused) return done(null, response(call.request));
    const metadata = new grpc.Metadata();
    metadata.set('grpc-status-details-bin', refused.status);
    return done({...refused, metadata});
  };
  const server = new grpc.Server();
  server.addService(ledgerServiceDefinition, {
    appendEvent: (call, done) => answer(
        () => create(AppendEventResponseSchema, {receipt}), call, done),
    batchAppendEvents: (call, done) => answer(
        () => create(BatchAppendEventsResponseSchema, {receipts: [receipt, receipt]}), call, done),
    appendEventStream: call => {
      let position = 0n, broken = false;
      const breakOff = error => {
        broken = true;  // what is written after an error would keep it from being sent
        call.emit('error', error);
      };
      call.on('data', message => message.requests.forEach(request => {
        if (broken) return;
        const refused = refusals.shift();
        requests.push(request);
        if (refused === CUT) return breakOff({code: grpc.status.UNAVAILABLE, details: 'cut'});
        if (refused?.code === grpc.status.UNAUTHENTICATED) {  // the token's end is the stream's
          const metadata = new grpc.Metadata();
          metadata.set('grpc-status-details-bin', refused.status);
          return breakOff({...refused, metadata});
        }
        const result = refused ?
            {problem: {code: refused.code, message: '', statusDetails: refused.status}} : {receipt};
        call.write(create(AppendEventStreamResponseSchema,
                          {results: [{position: position++, ...result}]}));
      }));
      call.on('end', () => broken || call.end());
    },
  });
  const port = await new Promise((resolve, reject) => server.bindAsync(
      '127.0.0.1:0', grpc.ServerCredentials.createInsecure(),
      (error, bound) => error ? reject(error) : resolve(bound)));
  const client = new Client(openStub(`127.0.0.1:${port}`), 'main', log, {
    timeoutMs: 60_000,  // a busy machine's
    retry: retryPolicy({sleep: async ms => { waits.push(ms); }, random: () => 1})});
  t.after(() => {
    client.close();
    server.forceShutdown();
  });
  return {client, requests, waits};
}

async function collect(stream) {
  const out = [];
  for await (const result of stream) out.push(result);
  return out;
}

test('what had no answer is sent again, the same', async t => {
  const refused = refusal(grpc.status.UNAVAILABLE, '');
  const {client, requests, waits} = await bench(t, [refused, refused, refused]);
  assert.equal((await client.append(event)).index, receipt.index);
  assert.deepEqual(waits, [100, 200, 400]);
  const sent = requests.map(r => Buffer.from(toBinary(AppendEventRequestSchema, r)).toString('hex'));
  assert.equal(sent.length, 4);
  assert.equal(new Set(sent).size, 1);
});

test('attempts are bounded', async t => {
  const {client, requests} = await bench(t, Array(9).fill(refusal(grpc.status.DEADLINE_EXCEEDED, '')));
  await assert.rejects(client.append(event), error => error.outcomeUnknown);
  assert.equal(requests.length, 4);
});

test('a hint is honoured', async t => {
  const refused = refusal(grpc.status.RESOURCE_EXHAUSTED, 'OVERLOADED', 3);
  const {client, waits} = await bench(t, [refused, refused]);
  await client.appendBatch([event, event]);
  assert.deepEqual(waits, [3000, 3000]);
});

test('without a hint too much is too much', async t => {
  const {client, waits} = await bench(t, [refusal(grpc.status.RESOURCE_EXHAUSTED, '')]);
  await assert.rejects(client.append(event), {code: 'RESOURCE_EXHAUSTED'});
  assert.deepEqual(waits, []);
});

test('refusals are told apart', async t => {
  for (const [code, kind] of [['ALREADY_EXISTS', ConflictError],
                              ['FAILED_PRECONDITION', PreconditionError],
                              ['PERMISSION_DENIED', LedgerError]]) {
    const {client, waits} = await bench(t, [refusal(grpc.status[code], 'WHY')]);
    await assert.rejects(client.append(event), error => {
      assert.equal(error.constructor, kind);
      assert.deepEqual([error.code, error.reason, error.metadata], [code, 'WHY', {first_index: '7'}]);
      return true;
    });
    assert.deepEqual(waits, []);
  }
});

test('details that nobody can read change nothing', () => {
  for (const bytes of [[0xff], [0x18, 1], field(3, [8]), field(3, field(1, [0xff]))]) {
    assert.equal(makeError(14, 'x', Buffer.from(bytes)).reason, '');
  }
});

test('a batch of another length is refused', async t => {
  const {client} = await bench(t);
  await assert.rejects(client.appendBatch([event]), ReceiptError);
});

test('a stream goes on where it was cut', async t => {
  const {client, waits} = await bench(t, [...Array(70).fill(undefined), CUT]);
  const results = await collect(client.appendStream(Array(120).fill(event)));
  assert.deepEqual(results.map(r => r.position).sort((a, b) => a - b), [...Array(120).keys()]);
  assert(results.every(r => r.receipt));
  assert.deepEqual(waits, [100]);
});

test('a stream outlives a token that was good for some of it', async t => {
  const expired = refusal(grpc.status.UNAUTHENTICATED, 'TOKEN_EXPIRED');
  const {client} = await bench(t, [undefined, undefined, undefined, expired]);
  assert.equal((await collect(client.appendStream(Array(9).fill(event)))).length, 9);
  const {client: other} = await bench(t, [expired]);
  await assert.rejects(collect(other.appendStream([event])), {reason: 'TOKEN_EXPIRED'});
});

test('a stream may be left', async t => {
  const {client} = await bench(t);
  for await (const result of client.appendStream(Array(700).fill(event))) {
    assert(result.receipt);
    break;
  }
  assert.equal((await client.append(event)).index, receipt.index);
});

test('a stream that gets nowhere ends', async t => {
  const {client, waits} = await bench(t, Array(9).fill(CUT));
  await assert.rejects(collect(client.appendStream([event])), error => error.outcomeUnknown);
  assert.deepEqual(waits, [100, 200, 400]);
});

test('a refused event does not end a stream', async t => {
  const {client, waits} = await bench(t, [
    refusal(grpc.status.ALREADY_EXISTS, 'EVENT_ID_CONFLICT'),
    refusal(grpc.status.RESOURCE_EXHAUSTED, 'OVERLOADED', 2)]);
  const results = await collect(client.appendStream([event, event, {eventId: 'e-7'}, event]));
  results.sort((a, b) => a.position - b.position);
  assert(results[0].error instanceof ConflictError);
  assert(results[1].receipt && results[3].receipt);
  assert.equal(results[2].error.code, 'DATA_LOSS');
  assert.deepEqual(waits, [2000]);
});

test('the published configuration is one that gRPC takes', () => {
  const stub = new grpc.Client('localhost:1', grpc.credentials.createInsecure(),
                               {'grpc.service_config': JSON.stringify(serviceConfig)});
  stub.close();
  const {maxAttempts, initialMs, maxMs} = retryPolicy();
  assert.deepEqual([maxAttempts, initialMs, maxMs], [4, 100, 2000]);
});

test('a token is read again, and nothing else is sent', async t => {
  const folder = await mkdtemp(`${tmpdir()}/auditledger-`);
  t.after(() => rm(folder, {recursive: true}));
  const path = `${folder}/token`;
  for (const [text, token] of [['abc.def\n', 'abc.def'], [' next ', 'next']]) {
    await writeFile(path, text);
    assert.equal(await readToken(path), token);
  }
  for (const text of ['', 'two words', 'x'.repeat(8193), '\u00ff', 'a\nb']) {
    await writeFile(path, text);
    await assert.rejects(readToken(path), error => error.message.includes(path));
  }
  assert.throws(() => connect('localhost:1', 'main', log, {ca: path}), TypeError);
});
