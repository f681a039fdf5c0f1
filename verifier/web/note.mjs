// C2SP signed notes, checkpoints and cosignatures, as merkle/ reads them.
import { Malformed, be, check, concat, decimal, hex, same, text, unbase64, utf8 }
  from "./bytes.mjs";
import { verifyEd25519 } from "./ed25519.mjs";
import { sha256 } from "./tree.mjs";

const MAX_SIGNATURES = 100;
const MAX_NOTE_BYTES = 1000000;
const ED25519 = 1;
const COSIGNATURE = 4;
const EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export function isKeyName(name) {
  return name !== "" && !/[\s+\u0085\ufeff]/u.test(name);
}

export async function keyId(name, type, key) {
  return (await sha256(utf8(name), Uint8Array.of(10, type), key)).subarray(0, 4);
}

// "name+hex8+base64(type || key)"; a wrong key id is refused.
export async function parseVkey(line) {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+(.*)$/su.exec(line);
  check(parts && isKeyName(parts[1]), "vkey");
  const data = unbase64(parts[3]);
  check(data.length === 33 && [ED25519, COSIGNATURE].includes(data[0]), "vkey");
  const key = { name: parts[1], type: data[0], key: data.subarray(1) };
  const id = await keyId(key.name, key.type, key.key);
  check(same(id, be(4, parseInt(parts[2], 16))), "vkey: its key id");
  return { ...key, id };
}

// {text, signatures: [{name, id, signature}]}
export function parseNote(bytes) {
  check(bytes.length <= MAX_NOTE_BYTES, "note");
  const whole = text(bytes);
  check(!/[\x00-\x09\x0b-\x1f]/.test(whole) && whole.endsWith("\n"), "note");
  const at = whole.lastIndexOf("\n\n");
  check(at >= 0, "note");
  const lines = whole.slice(at + 2, -1).split("\n");
  check(lines.length <= MAX_SIGNATURES, "note: too many signatures");
  return { text: utf8(whole.slice(0, at + 1)), signatures: lines.map(signatureLine) };
}

function signatureLine(line) {
  const parts = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
  check(parts && isKeyName(parts[1]), "note: a signature line");
  const data = unbase64(parts[2]);
  check(data.length > 4, "note: a signature line");
  return { name: parts[1], id: data.subarray(0, 4), signature: data.subarray(4) };
}

// {origin, size, root, extensions}
export function parseCheckpoint(note) {
  const lines = text(note).split("\n");
  check(lines.length >= 4 && lines.pop() === "", "checkpoint");
  const [origin, size, root, ...extensions] = lines;
  check(origin !== "" && extensions.every((line) => line !== ""), "checkpoint");
  const hash = unbase64(root);
  check(hash.length === 32, "checkpoint: root");
  check(size !== "0" || hex(hash) === EMPTY_ROOT, "checkpoint: root");
  return { origin, size: decimal(size), root: hash };
}

// A head: its note and checkpoint, form alone.
export function parseHead(bytes) {
  const note = parseNote(bytes);
  return { note, ...parseCheckpoint(note.text) };
}

const linesOf = (note, key) => note.signatures.filter(
  (line) => line.name === key.name && same(line.id, key.id));

// Whether the note carries a line of this Ed25519 key, and it verifies. The first line counts.
export async function isSignedBy(note, key) {
  if (key.type !== ED25519) return false;
  const [line] = linesOf(note, key);
  return line !== undefined && verifyEd25519(key.key, note.text, line.signature);
}

// The time in seconds at which a witness (note type 4) cosigned, null if it did not; throws for a
// line of its key that does not verify.
export async function cosignedAt(note, witness) {
  if (witness.type !== COSIGNATURE) return null;
  const [line] = linesOf(note, witness);
  if (!line) return null;
  check(line.signature.length === 72, `cosignature of ${witness.name}`);
  const time = new DataView(line.signature.slice(0, 8).buffer).getBigUint64(0);
  const message = concat([utf8(`cosignature/v1\ntime ${time}\n`), note.text]);
  if (!(await verifyEd25519(witness.key, message, line.signature.subarray(8)))) {
    throw new Malformed(`cosignature of ${witness.name}`);
  }
  return time;
}

// C2SP tlog-proof: {extra, index, path, head}
export function parseTlogProof(bytes) {
  const whole = text(bytes);
  const cut = whole.indexOf("\n\n");
  check(cut >= 0, "tlog-proof");
  const lines = whole.slice(0, cut).split("\n");
  check(lines.shift() === "c2sp.org/tlog-proof@v1", "tlog-proof");
  let extra = null;
  if (lines[0]?.startsWith("extra ")) extra = unbase64(lines.shift().slice(6));
  const index = /^index (.*)$/.exec(lines.shift() ?? "");
  check(index, "tlog-proof: index");
  const path = lines.map(unbase64);
  check(path.length <= 63 && path.every((h) => h.length === 32), "tlog-proof: hashes");
  return { extra, index: decimal(index[1]), path, head: parseHead(utf8(whole.slice(cut + 2))) };
}

// "name+hex8", to be compared by people.
export const keyName = (key) => `${key.name}+${hex(key.id)}`;
