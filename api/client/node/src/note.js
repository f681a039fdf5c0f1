// Signed heads: C2SP signed-note, vkeys and tlog-checkpoint, as strict as their other readers.
import {createPublicKey, verify} from 'node:crypto';
import {sha256} from './entry.js';
import {differs, malformed, ReceiptError} from './errors.js';

const MAX_NOTE_BYTES = 1_000_000, MAX_SIGNATURES = 100;
const ED25519 = 1;
const PREFIX = '\u2014 ';  // em dash, space
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');  // RFC 8410
// White_Space of Unicode; JavaScript's \s has U+FEFF too, and lacks U+0085.
const NO_NAME = /[\u0000-\u0020+\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;

function decodeBase64(what, text) {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed(`${what}: not canonical base64`);
  return bytes;
}

const isName = name => name !== '' && name.isWellFormed() && !NO_NAME.test(name);

/** An Ed25519 key of a log, from its vkey: "name+hex8(key id)+base64(1 || key)". */
export function parseVkey(vkey) {
  const [, name, id, encoded] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(vkey) ?? [];
  if (name === undefined || !isName(name)) throw malformed('vkey: is not name+id+key');
  const key = decodeBase64('vkey: key', encoded);
  if (key.length !== 33 || key[0] !== ED25519) throw malformed('vkey: not an Ed25519 key of a log');
  if (id !== sha256(name, '\n', key).toString('hex', 0, 4)) {
    throw malformed('vkey: the key ID is not that of name and key');
  }
  return {name, id, publicKey: key.subarray(1)};
}

export function verifySignature(publicKey, text, signature) {
  let good = false;
  try {
    const key = createPublicKey(
        {key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki'});
    good = signature.length === 64 && verify(null, text, key, signature);
  } catch {
    // A key that is no point signs nothing.
  }
  if (!good) throw differs('note: the line of the pinned key does not verify');
}

function decodeText(what, bytes) {
  let text;
  try {
    text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    throw malformed(`${what}: invalid UTF-8`);
  }
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw malformed(`${what}: control character`);
  return text;
}

function parseLine(line) {
  if (!line.startsWith(PREFIX)) throw malformed('note: a line after the text is no signature line');
  const [, name, encoded] = /^([^ ]*) (.*)$/.exec(line.slice(PREFIX.length)) ?? [];
  if (name === undefined || !isName(name)) {
    throw malformed('note: a signature line with a bad key name, or without signature');
  }
  const bytes = decodeBase64('note: signature', encoded);
  if (bytes.length < 5) throw malformed('note: a signature of no bytes');
  return {name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4)};
}

function parseNote(bytes) {
  if (bytes.length > MAX_NOTE_BYTES) throw malformed(`note: has ${bytes.length} bytes`);
  const note = decodeText('note', bytes);
  const split = note.lastIndexOf('\n\n');  // the text may hold empty lines: the last one divides
  if (split < 0) throw malformed('note: no empty line before signatures');
  const rest = note.slice(split + 2);
  if (!rest.endsWith('\n')) {
    throw malformed('note: no signature, or a last line without its end');
  }
  const lines = rest.slice(0, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed(`note: over ${MAX_SIGNATURES} signatures`);
  return {text: note.slice(0, split + 1), lines: lines.map(parseLine)};
}

/** The text of a note (bytes) that the key has signed; of its lines the first counts. */
export function openNote(bytes, key) {
  const {text, lines} = parseNote(bytes);
  const line = lines.find(({name, id}) => name === key.name && id === key.id);
  if (!line) throw new ReceiptError('UNAUTHENTICATED', 'note: no known key signed it');
  verifySignature(key.publicKey, Buffer.from(text), line.signature);
  return text;
}

/** {origin, size, root} of a note's text. */
export function parseCheckpoint(text) {
  const lines = decodeText('checkpoint', Buffer.from(text)).split('\n');
  if (lines.length < 4 || lines.pop() !== '' || lines.includes('')) {
    throw malformed('checkpoint: line empty, missing or without its end');
  }
  const [origin, size, encoded] = lines;
  if (!/^(0|[1-9][0-9]{0,18})$/.test(size) || BigInt(size) >= 2n ** 63n) {
    throw malformed('checkpoint: size is no decimal number below 2^63');
  }
  const root = decodeBase64('checkpoint: root', encoded);
  if (root.length !== 32 || (size === '0' && !root.equals(sha256()))) {
    throw malformed('checkpoint: no root of this size');
  }
  return {origin, size: BigInt(size), root};
}
