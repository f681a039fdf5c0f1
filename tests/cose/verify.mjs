// A COSE receipt of ours, read by @auth0/cose, which verifies the signature, and node's own
// SHA-256: nothing of this project's code. Usage: node verify.mjs RECEIPT LEAF ORIGIN KEY_HEX
// Exit code: 0 it holds, 1 not.
import { createHash, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The folder that npm installed @auth0/cose into.
const require = createRequire(`${process.env.COSE_MODULES}/`);
const { Sign1 } = require("@auth0/cose");
const { decode } = require("cbor-x");

const [receiptPath, leafPath, origin, keyHex] = process.argv.slice(2);
const receipt = readFileSync(receiptPath);
const hash = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const get = (map, key) => (map instanceof Map ? map.get(key) : map[key]);

function fail(why) {
  console.log(`REFUSED: ${why}`);
  process.exit(1);
}

// RFC 9162 2.1.3.2, to the root.
function rootOf(index, size, leafHash, path) {
  let fn = BigInt(index);
  let sn = BigInt(size) - 1n;
  let r = leafHash;
  if (fn > sn) fail("the index is beyond the tree");
  for (const p of path) {
    if (sn === 0n) fail("the path is too long");
    if (fn & 1n || fn === sn) {
      r = hash(Buffer.from([1]), p, r);
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      r = hash(Buffer.from([1]), r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) fail("the path is too short");
  return r;
}

const message = Sign1.decode(receipt);
if (message.payload) fail("the payload is not detached");
const header = message.protectedHeaders;
if (get(header, 395) !== 1) fail("not RFC9162_SHA256");
const claims = get(header, 15);
if (get(claims, 1) !== origin || get(claims, 2) !== origin) fail("of another log");
const [size, index, path] = decode(get(get(message.unprotectedHeaders, 396), -1)[0]);
const root = rootOf(index, size, hash(Buffer.from([0]), readFileSync(leafPath)), path);
const key = await webcrypto.subtle.importKey(
  "raw", Buffer.from(keyHex, "hex"), { name: "Ed25519" }, true, ["verify"]);
try {
  await message.verify(key, { detachedPayload: root });
} catch (error) {
  fail(error.message);
}
console.log(`verified: entry ${index} in a tree of ${size}`);
