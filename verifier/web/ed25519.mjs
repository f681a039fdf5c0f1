// Ed25519 verification (RFC 8032): the browser's where it has it, else in whole numbers here, which
// is slow and holds no secrets. Both accept the same: S below the group's order, R as bytes.
import { concat, hex, same } from "./bytes.mjs";

const subtle = globalThis.crypto.subtle;
const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

export async function verifyEd25519(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64) return false;
  if (!(await builtIn())) return verifyInIntegers(key, message, signature);
  try {
    const imported = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify({ name: "Ed25519" }, imported, signature, message);
  } catch {
    return false;  // not a key
  }
}

let known;
function builtIn() {
  // Any key that is one: the base point.
  known ??= subtle.importKey("raw", encode(BASE), { name: "Ed25519" }, false, ["verify"])
    .then(() => true, () => false);
  return known;
}

const mod = (x) => ((x % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) {
    if (e & 1n) result = (result * b) % P;
  }
  return result;
}

const inverse = (x) => power(x, P - 2n);
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);

// x of the point with this y and sign; null when there is none.
function xOf(y, sign) {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if ((x * x) % P !== square) x = (x * ROOT_OF_MINUS_1) % P;
  if ((x * x) % P !== square || (x === 0n && sign)) return null;
  return (x & 1n) === BigInt(sign) ? x : P - x;
}

const BASE_Y = mod(4n * inverse(5n));
const BASE_X = xOf(BASE_Y, 0);
const BASE = [BASE_X, BASE_Y, 1n, mod(BASE_X * BASE_Y)];

// Points as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
function add(a, b) {
  const s = (a[1] - a[0]) * (b[1] - b[0]) % P;
  const t = (a[1] + a[0]) * (b[1] + b[0]) % P;
  const u = 2n * D * a[3] * b[3] % P;
  const v = 2n * a[2] * b[2] % P;
  const [e, f, g, h] = [t - s, v - u, v + u, t + s];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function times(number, point) {
  let total = [0n, 1n, 1n, 0n];
  for (let p = point, n = number; n > 0n; n >>= 1n, p = add(p, p)) {
    if (n & 1n) total = add(total, p);
  }
  return total;
}

const littleEndian = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse()) || "0"}`);

function encode(point) {
  const z = inverse(point[2]);
  const [x, y] = [mod(point[0] * z), mod(point[1] * z)];
  let rest = y | ((x & 1n) << 255n);
  return Uint8Array.from({ length: 32 }, () => {
    const byte = Number(rest & 255n);
    rest >>= 8n;
    return byte;
  });
}

function decode(bytes) {
  const whole = littleEndian(bytes);
  const y = whole & (2n ** 255n - 1n);
  if (y >= P) return null;
  const x = xOf(y, Number(whole >> 255n));
  return x === null ? null : [x, y, 1n, mod(x * y)];
}

export async function verifyInIntegers(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const point = decode(key);
  const s = littleEndian(signature.subarray(32));
  if (!point || s >= L) return false;
  const r = signature.subarray(0, 32);
  const digest = await subtle.digest("SHA-512", concat([r, key, message]));
  const k = littleEndian(new Uint8Array(digest)) % L;
  const minus = [mod(-point[0]), point[1], 1n, mod(-point[3])];
  return same(encode(add(times(s, BASE), times(k, minus))), r);
}
