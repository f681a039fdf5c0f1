// Bytes, read strictly: what is not of the one form throws Malformed, which names the part.
export class Malformed extends Error {}

export function check(holds, what) {
  if (!holds) throw new Malformed(what);
}

export function concat(parts) {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function same(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

// As memcmp: below 0, 0 or above 0.
export function compare(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

export function unhex(text) {
  check(/^([0-9a-f]{2})*$/.test(text), "hex");
  return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
}

export const utf8 = (text) => new TextEncoder().encode(text);

// Strict: no bytes that are not UTF-8, and a byte order mark is kept as what it is.
export function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("UTF-8");
  }
}

// Canonical base64 with padding, nothing else.
export function unbase64(encoded) {
  check(/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) && encoded.length % 4 === 0, "base64");
  const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
  check(base64(bytes) === encoded, "base64");
  return bytes;
}

export function base64(bytes) {
  let raw = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    raw += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return btoa(raw);
}

export function be(size, value) {
  const out = new Uint8Array(size);
  let rest = BigInt(value);
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 255n);
  return out;
}

export const b16 = (bytes) => concat([be(2, bytes.length), bytes]);

// Without leading zeros, below 2^53: no log that fits on a disk has more entries.
export function decimal(digits) {
  check(/^(0|[1-9][0-9]{0,18})$/.test(digits), "a number");
  const value = Number(digits);
  check(Number.isSafeInteger(value), "a number over 2^53");
  return value;
}

const MAX_DEPTH = 8;

// How deep brackets nest, outside of strings.
function depthOf(source) {
  let [depth, deepest, inString] = [0, 0, false];
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    if (inString) {
      if (c === "\\") i++;
      if (c === "\"") inString = false;
    } else if (c === "\"") {
      inString = true;
    } else if (c === "[" || c === "{") {
      deepest = Math.max(deepest, ++depth);
    } else if (c === "]" || c === "}") {
      depth--;
    }
  }
  return deepest;
}

// The one form that JSON has in a bundle: what JSON.stringify makes of it again.
export function compactJson(bytes) {
  const source = text(bytes);
  check(depthOf(source) <= MAX_DEPTH, "JSON: nested too deeply");
  let value;
  try {
    value = JSON.parse(source);
  } catch {
    throw new Malformed("JSON");
  }
  check(JSON.stringify(value) === source, "JSON that is not compact");
  return value;
}

// An object with exactly these names, in this order, each of its type.
export function shaped(value, shape) {
  check(value !== null && typeof value === "object" && !Array.isArray(value), "an object");
  const names = Object.keys(shape);
  check(Object.keys(value).join("\n") === names.join("\n"), "other names");
  for (const name of names) check(shape[name](value[name]), name);
  return value;
}

export const isText = (value) => typeof value === "string";
export const isFlag = (value) => typeof value === "boolean";
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
export const isList = (each) => (value) => Array.isArray(value) && value.every(each);

// A big-endian layout, from front to back.
export class Reader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  raw(size) {
    check(this.data.length - this.at >= size, "truncated");
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  u(size) {
    let value = 0;
    for (const byte of this.raw(size)) value = value * 256 + byte;
    return value;
  }

  u64() {
    return BigInt(this.u(4)) * 4294967296n + BigInt(this.u(4));
  }

  // An index or a size.
  index() {
    const value = Number(this.u64());
    check(Number.isSafeInteger(value), "a number over 2^53");
    return value;
  }

  b16() {
    return this.raw(this.u(2));
  }

  b32() {
    return this.raw(this.u(4));
  }

  version() {
    check(this.u(1) === 1, "version");
  }

  flag() {
    const value = this.u(1);
    check(value <= 1, "neither 0 nor 1");
    return value === 1;
  }

  hashes(count) {
    return Array.from({ length: count }, () => this.raw(32));
  }

  done() {
    return this.at === this.data.length;
  }

  end(result) {
    check(this.done(), "trailing bytes");
    return result;
  }
}
