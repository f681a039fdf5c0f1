// Units: a canonical event cut into what is committed to piece by piece, put together again, and
// what is read out of it strictly (tests/testdata/seal/README.md, sections 1 to 5).
import { Reader, b16, be, check, compare, concat, same, text, utf8 } from "./bytes.mjs";
import { hmac, sha256 } from "./tree.mjs";

const MAX_UNITS = 4096;
const MAX_EVENT = 65536;
const MAX_TAGS = 1024;
const CUT_DEEPER = [13, 14, 17, 18, 19, 25];
export const KEY_FIELDS = [13, 14, 17];  // that tags come from
export const isCutDeeper = (field) => CUT_DEEPER.includes(field);

function varint(r) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    check(shift < 70n, "varint");
    const byte = r.u(1);
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) {
      check(shift === 0n || byte !== 0, "varint not minimal");
      check(value < 2n ** 64n, "varint");
      return value;
    }
  }
}

// Each record of a message: {number, type, value, record}; value is a BigInt or bytes.
export function records(data) {
  const r = new Reader(data);
  const out = [];
  while (!r.done()) {
    const start = r.at;
    const tag = varint(r);
    const number = Number(tag >> 3n);
    const type = Number(tag & 7n);
    check(number >= 1 && number < 2 ** 29, "field number");
    check([0, 1, 2, 5].includes(type), "wire type");
    let value;
    if (type === 0) {
      value = varint(r);
    } else {
      const size = type === 1 ? 8n : type === 5 ? 4n : varint(r);
      check(size <= BigInt(data.length), "truncated");
      value = r.raw(Number(size));
    }
    out.push({ number, type, value, record: data.subarray(start, r.at) });
  }
  return out;
}

// [{path: [field, occurrence, subfield], bytes}]
export function cut(event) {
  check(event.length <= MAX_EVENT, "event too long");
  const units = [];
  let field = 0;
  let occurrence = 0;
  for (const { number, type, value, record } of records(event)) {
    check(number >= field, "fields do not ascend");
    occurrence = number === field ? occurrence + 1 : 0;
    field = number;
    if (!isCutDeeper(field)) {
      units.push({ path: [field, occurrence, 0], bytes: record });
      continue;
    }
    check(type === 2, "a cut field that is no message");
    const groups = new Map();
    let last = 0;
    for (const inner of records(value)) {
      check(inner.number >= last, "subfields do not ascend");
      last = inner.number;
      groups.set(last, [...(groups.get(last) ?? []), inner.record]);
    }
    if (groups.size === 0) groups.set(0, []);
    for (const [subfield, parts] of groups) {
      units.push({ path: [field, occurrence, subfield], bytes: concat(parts) });
    }
  }
  check(units.length <= MAX_UNITS, "too many units");
  return units;
}

function lengthDelimited(number, bytes) {
  const encoded = (value) => (value < 128 ? [value]
    : [(value & 127) | 128, ...encoded(value >>> 7)]);
  return concat([encoded(number * 8 + 2), encoded(bytes.length), bytes]);
}

// The event whose units these are; refused unless cutting it gives them again.
export function join(units) {
  const parts = [];
  for (let i = 0; i < units.length;) {
    const [field, occurrence] = units[i].path;
    let end = i + 1;
    while (units[end]?.path[0] === field && units[end].path[1] === occurrence) end++;
    const bytes = concat(units.slice(i, end).map((unit) => unit.bytes));
    parts.push(isCutDeeper(field) ? lengthDelimited(field, bytes) : bytes);
    i = end;
  }
  const event = concat(parts);
  const again = cut(event);
  check(again.length === units.length && again.every((unit, i) => same(unit.bytes, units[i].bytes)
    && unit.path.every((part, k) => part === units[i].path[k])), "not the units of an event");
  return event;
}

// --- commitment ---

const domain = (label) => utf8(`auditledger/${label}/v1\0`);
const [UNIT, EVENT, HEADER, ENTRY, EMIT] = ["unit", "event", "header", "entry", "emit"].map(domain);

export async function salt(seed, label, position) {
  return (await sha256(seed, utf8(label), be(4, position))).subarray(0, 16);
}

export const unitHash = (unitSalt, bytes) => sha256(UNIT, unitSalt, bytes);
export const headerHash = (headerSalt, header) => sha256(HEADER, headerSalt, header);
export const entryCommitment = (head, event) => sha256(ENTRY, head, event);

// Of [{path, hash}].
export function eventCommitment(list) {
  return sha256(EVENT, be(2, list.length), ...list.flatMap(({ path, hash }) =>
    [...path.map((part) => be(4, part)), hash]));
}

export function emitMessage(origin, header, commitment) {
  return concat([EMIT, b16(utf8(origin)), b16(header.stream), b16(header.eventId), commitment]);
}

// Header hash, event commitment and commitment of a whole event under its seed.
export async function commit(seed, header, units) {
  const list = await Promise.all(units.map(async ({ path, bytes }, i) =>
    ({ path, hash: await unitHash(await salt(seed, "u", i), bytes) })));
  const event = await eventCommitment(list);
  const head = await headerHash(await salt(seed, "h", 0), header);
  return { list, event, head, entry: await entryCommitment(head, event) };
}

// --- what is read out of an event ---

// {number: value} of the wanted {number: wire type}; none may occur twice.
function once(data, wanted) {
  const found = {};
  for (const { number, type, value } of records(data)) {
    if (!(number in wanted)) continue;
    check(type === wanted[number], "wrong wire type");
    check(!(number in found), "occurs twice");
    found[number] = value;
  }
  return found;
}

// Microseconds; 0n without recorded.at.
export function eventTime(units) {
  const recorded = units.filter((unit) => unit.path[0] === 4);
  if (recorded.length === 0) return 0n;
  check(recorded.length === 1, "recorded twice");
  const at = once(once(recorded[0].bytes, { 4: 2 })[4], { 1: 2 })[1];
  if (at === undefined) return 0n;
  const { 1: seconds = 0n, 2: nanos = 0n } = once(at, { 1: 0, 2: 0 });
  check(seconds <= 253402300799n && nanos <= 999999999n, "recorded out of range");
  return seconds * 1000000n + nanos / 1000n;
}

const NOTHING = new Uint8Array(0);

export function identity(units) {
  const out = { eventId: NOTHING, stream: NOTHING, sequence: 0n };
  for (const { path: [field, occurrence, subfield], bytes } of units) {
    check((field !== 1 && field !== 18) || occurrence === 0, "occurs twice");
    if (field === 1) out.eventId = once(bytes, { 1: 2 })[1];
    if (field === 18 && subfield === 8) out.stream = once(bytes, { 8: 2 })[8];
    if (field === 18 && subfield === 9) out.sequence = once(bytes, { 9: 0 })[9];
  }
  return out;
}

function tagKey(kind, system, id) {
  text(system);
  text(id);
  return id.length > 0 ? [{ kind, system, id }] : [];
}

function identifierKeys(kind, data) {
  const { 3: system = NOTHING, 4: id = NOTHING } = once(data, { 3: 2, 4: 2 });
  return tagKey(kind, system, id);
}

function referenceKeys(kind, data) {
  const { 1: literal = NOTHING, 3: identifier } = once(data, { 1: 2, 3: 2 });
  const keys = tagKey(kind, NOTHING, literal);
  return identifier === undefined ? keys : [...keys, ...identifierKeys(kind, identifier)];
}

function agentKeys(subfields) {
  const keys = subfields.has(3) ? referenceKeys("agent", once(subfields.get(3), { 3: 2 })[3]) : [];
  const requestor = subfields.has(6) ? once(subfields.get(6), { 6: 0 })[6] : 0n;
  check(requestor <= 1n, "requestor");
  for (const { type, value } of records(subfields.get(18) ?? NOTHING)) {
    check(type === 2, "other_id");
    keys.push(...identifierKeys("agent", value));
  }
  return requestor === 1n ? keys : [];
}

// The keys that an event has tags for, in document order.
export function tagKeys(units) {
  const elements = new Map();
  for (const { path: [field, occurrence, subfield], bytes } of units) {
    const element = `${field} ${occurrence}`;
    if (!elements.has(element)) elements.set(element, { field, occurrence, subfields: new Map() });
    elements.get(element).subfields.set(subfield, bytes);
  }
  const keys = [];
  for (const { field, occurrence, subfields } of elements.values()) {
    if (field === 13) {
      check(occurrence === 0, "emergency_access twice");
      const id = once(subfields.get(4) ?? NOTHING, { 4: 2 })[4] ?? NOTHING;
      keys.push(...tagKey("override", NOTHING, id));
    } else if (field === 14) {
      for (const part of [1, 3]) {
        keys.push(...referenceKeys("patient", subfields.get(part) ?? NOTHING));
      }
    } else if (field === 17) {
      keys.push(...agentKeys(subfields));
    }
  }
  check(keys.length <= MAX_TAGS, "too many keys");
  return keys;
}

export const tagOf = (key, { kind, system, id }) =>
  hmac(key, concat([be(1, kind.length), utf8(kind), b16(system), b16(id)]));

// Distinct, ascending: what the leaf must carry. `key` is of hmacKey.
export async function tagsOf(key, units) {
  const all = await Promise.all(tagKeys(units).map((each) => tagOf(key, each)));
  all.sort(compare);
  return all.filter((tag, i) => i === 0 || !same(tag, all[i - 1]));
}
