// Strict readers: protobuf's wire format, and layouts of big-endian numbers. Stricter than protobuf
// is, so that two programs cannot read a sealed event differently.
import {malformed} from './errors.js';

export const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;
const MAX_FIELD = 2n ** 29n - 1n;

/** Yields {number, kind, value, record} of each field; the value of a varint is a BigInt. */
export function* fields(message) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let i = 0; i < 10; ++i) {
      if (at === message.length) throw malformed('truncated varint');
      const byte = message[at++];
      if (i === 9 && byte > 1) break;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw malformed('varint is not minimal');
        return value;
      }
    }
    throw malformed('varint over 64 bits');
  };
  const take = size => {
    if (size > BigInt(message.length - at)) throw malformed('truncated value');
    at += Number(size);
    return message.subarray(at - Number(size), at);
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    if (tag >> 3n === 0n || tag >> 3n > MAX_FIELD) throw malformed('tag: field number out of range');
    const kind = Number(tag & 7n);
    let value;
    if (kind === VARINT) value = varint();
    else if (kind === FIXED64) value = take(8n);
    else if (kind === FIXED32) value = take(4n);
    else if (kind === BYTES) value = take(varint());
    else throw malformed('wire type is a group or unknown');
    yield {number: Number(tag >> 3n), kind, value, record: message.subarray(start, at)};
  }
}

/** {number: value} of the fields `wanted` as {number: kind}; none of them may occur twice. */
export function singular(what, message, wanted) {
  const found = {};
  for (const {number, kind, value} of fields(message)) {
    if (!(number in wanted)) continue;
    if (kind !== wanted[number]) throw malformed(`${what}: field ${number} has the wrong wire type`);
    if (number in found) throw malformed(`${what}: field ${number} occurs twice`);
    found[number] = value;
  }
  return found;
}

/** Takes parts of a layout from front to back. */
export class LayoutReader {
  #what;
  #rest;

  constructor(what, bytes) {
    this.#what = what;
    this.#rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  raw(size) {
    if (size > this.#rest.length) throw malformed(`${this.#what}: truncated`);
    const out = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return out;
  }
  u8() { return this.raw(1)[0]; }
  u16() { return this.raw(2).readUInt16BE(); }
  u64() { return this.raw(8).readBigUInt64BE(); }
  bytes16() { return this.raw(this.u16()); }

  version(known) {
    const version = this.u8();
    if (version !== known) throw malformed(`${this.#what} version: ${version} is unknown`);
  }

  finish() {
    if (this.#rest.length > 0) throw malformed(`${this.#what}: trailing bytes`);
  }
}
