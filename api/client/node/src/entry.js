// An entry of the log: its leaf, its header, and what the leaf commits to. The formats to the byte,
// and vectors: tests/testdata/seal/README.md of the audit ledger.
import {createHash} from 'node:crypto';
import {differs, malformed} from './errors.js';
import {BYTES, fields, LayoutReader, singular, VARINT} from './wire.js';

export const KIND_EVENT = 1;
export const FLAG_SECRETS_MASKED = 1n << 10n;
export const EVENT_ID = 1, SOURCE = 18;
const RECORDED = 4;
const STREAM_ID = 8, STREAM_SEQUENCE = 9;  // of source
const CUT_DEEPER = new Set([13, 14, 17, SOURCE, 19, 25]);
const MAX_LEAF_BYTES = 65535, MAX_EVENT_BYTES = 65536, MAX_UNITS = 4096;
const MAX_SECONDS = 253402300799n;  // 9999-12-31T23:59:59Z

export function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function parseLeaf(bytes) {
  if (bytes.length > MAX_LEAF_BYTES) throw malformed(`leaf: has ${bytes.length} bytes`);
  const reader = new LayoutReader('leaf', bytes);
  reader.version(1);
  const leaf = {kind: reader.u8(), recordedAtUs: reader.u64(), eventTimeUs: reader.u64(), tags: []};
  for (let n = reader.u16(); n > 0; --n) {
    const tag = reader.raw(32), last = leaf.tags.at(-1);
    if (last && Buffer.compare(last, tag) >= 0) throw malformed('leaf tags: not strictly ascending');
    leaf.tags.push(tag);
  }
  const present = reader.u8();
  if (present > 1) throw malformed('leaf has_commitment: neither 0 nor 1');
  if (present) leaf.commitment = reader.raw(32);
  leaf.body = reader.bytes16();
  reader.finish();
  return leaf;
}

export function parseHeader(bytes) {
  const reader = new LayoutReader('header', bytes);
  reader.version(1);
  const header = {
    receivedAtUs: reader.u64(), flags: reader.u64(), principal: reader.bytes16(),
    streamId: reader.bytes16(), eventId: reader.bytes16(), streamSequence: reader.u64()};
  const algorithm = reader.u8();
  if (algorithm > 1) throw malformed(`header signature_algorithm: ${algorithm} is unknown`);
  if (algorithm) reader.raw(32 + 64);  // public key and signature of the emitter
  reader.finish();
  return header;
}

function* cutElement(field, occurrence, element) {
  let subfield = 0, records = [];
  const unit = () => ({path: [field, occurrence, subfield], bytes: Buffer.concat(records)});
  for (const {number, record} of fields(element)) {
    if (number < subfield) throw malformed(`field ${field}: field ${number} after ${subfield}`);
    if (number > subfield) {
      if (subfield) yield unit();
      subfield = number;
      records = [];
    }
    records.push(record);
  }
  yield unit();
}

/** The units {path, bytes} of a canonical encoding: what is committed to one by one. */
export function cutUnits(event) {
  if (event.length > MAX_EVENT_BYTES) throw malformed(`event: has ${event.length} bytes`);
  const units = [];
  let field = 0, occurrence = 0;
  for (const {number, kind, value, record} of fields(event)) {
    if (number < field) throw malformed(`field ${number} after field ${field}: not ascending`);
    occurrence = number === field ? occurrence + 1 : 0;
    field = number;
    if (!CUT_DEEPER.has(field)) units.push({path: [field, occurrence, 0], bytes: record});
    else if (kind !== BYTES) throw malformed(`field ${field}: wrong wire type for a message`);
    else units.push(...cutElement(field, occurrence, value));
    if (units.length > MAX_UNITS) throw malformed(`event: more than ${MAX_UNITS} units`);
  }
  return units;
}

const bytesOf = (units, field) =>
  Buffer.concat(units.filter(unit => unit.path[0] === field).map(unit => unit.bytes));

/** Of the event's `recorded`, in microseconds, what is finer cut off; 0 without. */
export function eventTimeUs(units) {
  let message = bytesOf(units, RECORDED);
  for (const number of [RECORDED, 1]) {  // recorded, then its `at`
    message = singular('recorded', message, {[number]: BYTES})[number];
    if (message === undefined) return 0n;
  }
  const {1: seconds = 0n, 2: nanos = 0n} = singular('recorded.at', message, {1: VARINT, 2: VARINT});
  if (seconds > MAX_SECONDS || nanos > 999_999_999n) throw malformed('recorded.at: out of range');
  return seconds * 1_000_000n + nanos / 1000n;
}

/** Which event it is, in which stream, at which number there, as the event says it. */
export function eventIdentity(units) {
  if (units.some(({path}) => path[0] === SOURCE && path[1] > 0)) {
    throw malformed('source: occurs twice');
  }
  const own = singular('event_id', bytesOf(units, EVENT_ID), {[EVENT_ID]: BYTES});
  const source = singular(
      'source', bytesOf(units, SOURCE), {[STREAM_ID]: BYTES, [STREAM_SEQUENCE]: VARINT});
  return {eventId: Buffer.from(own[EVENT_ID] ?? ''), streamId: Buffer.from(source[STREAM_ID] ?? ''),
          streamSequence: source[STREAM_SEQUENCE] ?? 0n};
}

const domain = label => `auditledger/${label}/v1\0`;

function uint(size, value) {
  const out = Buffer.alloc(size);
  out.writeUIntBE(value, 0, size);
  return out;
}

const salt = (seed, label, position) => sha256(seed, label, uint(4, position)).subarray(0, 16);

/** What the leaf carries: it binds header and every unit under one random seed. */
export function commitment(seed, header, units) {
  const listed = [uint(2, units.length)];
  units.forEach(({path, bytes}, i) => {
    listed.push(...path.map(number => uint(4, number)));
    listed.push(sha256(domain('unit'), salt(seed, 'u', i), bytes));
  });
  const event = sha256(domain('event'), ...listed);
  const headerHash = sha256(domain('header'), salt(seed, 'h', 0), header);
  return sha256(domain('entry'), headerHash, event);
}

/** Throws unless a leaf of an event commits to these, and they agree with each other. */
export function verifyOpening(leaf, seed, headerBytes, event) {
  if (leaf.body.length > 0) throw malformed('leaf body: an event has none');
  if (!leaf.commitment) throw malformed('leaf commitment: is absent');
  if (seed.length !== 32) throw malformed('opening seed: needs 32 bytes');
  const header = parseHeader(headerBytes), units = cutUnits(event);
  if (!commitment(seed, headerBytes, units).equals(leaf.commitment)) {
    throw differs('commitment: seed, header or event is not what the leaf commits to');
  }
  if (eventTimeUs(units) !== leaf.eventTimeUs) {
    throw differs("event time: the leaf's is not the event's");
  }
  const own = eventIdentity(units);
  if (!own.eventId.equals(header.eventId) || !own.streamId.equals(header.streamId) ||
      own.streamSequence !== header.streamSequence) {
    throw differs("header: its event id, stream or sequence is not the event's");
  }
}
