// The leaf, the header beside an event, and the bodies of the ledger's own entries
// (tests/testdata/seal/README.md, section 6).
import { Reader, b16, be, check, compare, concat, decimal, same, text, unbase64, utf8 }
  from "./bytes.mjs";
import { verifyEd25519 } from "./ed25519.mjs";
import { isSignedBy, keyId } from "./note.mjs";
import { leafHash, rootOfInclusion } from "./tree.mjs";

const MAX_LEAF = 65535;
export const KINDS = { 1: "event", 2: "genesis", 3: "key change", 4: "index head", 5: "erasure",
  6: "conflict", 7: "freeze", 8: "operator", 9: "clock", 10: "anchor", 11: "legal hold",
  12: "erasure request" };
export const kindName = (kind) => KINDS[kind] ?? `kind ${kind}`;
const KEY_CHANGE = 3;
export const carriesEvent = (kind) => [1, 5, 6, 11, 12].includes(kind);

export function parseLeaf(data) {
  check(data.length <= MAX_LEAF, "leaf too long");
  const r = new Reader(data);
  r.version();
  const leaf = { kind: r.u(1), recordedAt: r.u64(), eventTime: r.u64() };
  leaf.tags = r.hashes(r.u(2));
  check(leaf.tags.every((tag, i) => i === 0 || compare(leaf.tags[i - 1], tag) < 0), "leaf tags");
  leaf.commitment = r.flag() ? r.raw(32) : null;
  leaf.body = r.b16();
  return r.end(leaf);
}

export function parseHeader(data) {
  const r = new Reader(data);
  r.version();
  const header = { receivedAt: r.u64(), flags: r.u64(), principal: r.b16(), stream: r.b16(),
    eventId: r.b16(), sequence: r.u64(), signature: null };
  if (r.flag()) header.signature = { key: r.raw(32), signature: r.raw(64) };
  return r.end(header);
}

const FLAGS = ["CLOCK_SKEW", "LATE", "NO_ZONE", "NO_PURPOSE", "NO_PATIENT", "NO_NETWORK",
  "NO_REQUESTOR_ID", "UNKNOWN_ENUM", "UNKNOWN_FIELDS", "PROFILE", "SECRETS_MASKED"];

export function flagNames(flags) {
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (flags >> BigInt(bit)) & 1n).map((bit) => FLAGS[bit] ?? `BIT_${bit}`);
}

const domain = (label) => utf8(`auditledger/${label}/v1\0`);

function parseKeyChange(body) {
  const r = new Reader(body);
  r.version();
  check(r.u(1) === 1, "key change: type");
  const oldKey = r.raw(32);
  check(r.u(1) === 1, "key change: type");
  return r.end({ oldKey, newKey: r.raw(32), oldSignature: r.raw(64), newSignature: r.raw(64) });
}

// Whether both keys signed that one follows the other.
async function isKeyChange(change, origin) {
  const message = concat([domain("key-change"), b16(utf8(origin)), be(1, 1), change.oldKey,
    be(1, 1), change.newKey]);
  return !same(change.oldKey, change.newKey)
    && await verifyEd25519(change.oldKey, message, change.oldSignature)
    && await verifyEd25519(change.newKey, message, change.newSignature);
}

// The body of such an entry, by itself.
export const isKeyChangeBody = (body, origin) => isKeyChange(parseKeyChange(body), origin);

// merkle/key_change_list.h: {origin, size, changes: [{index, leaf, path}]}
export function parseKeyChangeList(bytes) {
  const lines = text(bytes).split("\n");
  check(lines.pop() === "" && lines.length >= 3 && lines[0] === "auditledger/key-changes/v1",
    "key changes");
  const list = { origin: lines[1], size: decimal(lines[2]), changes: [] };
  for (const line of lines.slice(3)) {
    const parts = line.split(" ");
    if (parts.length === 2) {
      list.changes.push({ index: decimal(parts[0]), leaf: unbase64(parts[1]), path: [] });
    } else {
      check(list.changes.length > 0, "key changes");
      list.changes.at(-1).path.push(unbase64(line));
    }
  }
  check(list.changes.length <= 256
    && list.changes.every((c) => c.path.length <= 63 && c.path.every((h) => h.length === 32)),
  "key changes");
  return list;
}

// The keys of the log, in their order, with the indexes of their changes; null when the changes do
// not hold together, are not under the head, or do not hold the pinned key.
export async function keyChain(pinned, list, head) {
  const chain = { keys: [], indexes: [] };
  for (const { index, leaf: data, path } of list.changes) {
    const leaf = parseLeaf(data);
    if (leaf.kind !== KEY_CHANGE) return null;
    const change = parseKeyChange(leaf.body);
    const root = await rootOfInclusion(index, head.size, await leafHash(data), path);
    const last = chain.keys.at(-1) ?? change.oldKey;
    const fits = root && same(root, head.root) && same(last, change.oldKey)
      && (chain.indexes.length === 0 || chain.indexes.at(-1) < index)
      && ![...chain.keys, change.oldKey].some((key) => same(key, change.newKey))
      && await isKeyChange(change, pinned.name);
    if (!fits) return null;
    if (chain.keys.length === 0) chain.keys.push(change.oldKey);
    chain.keys.push(change.newKey);
    chain.indexes.push(index);
  }
  if (chain.keys.length === 0) chain.keys.push(pinned.key);
  return chain.keys.some((key) => same(key, pinned.key)) ? chain : null;
}

// Whether the key that a head of this size must have has signed it; the head that holds a change
// alone may be of either.
export async function isSignedByChain(head, pinned, chain) {
  const held = chain.indexes.filter((index) => index < head.size).length;
  const keys = [chain.keys[held]];
  if (held > 0 && chain.indexes[held - 1] === head.size - 1) keys.push(chain.keys[held - 1]);
  for (const key of keys) {
    const named = { ...pinned, key, id: await keyId(pinned.name, 1, key) };
    if (await isSignedBy(head.note, named)) return true;
  }
  return false;
}
