// What the tests read: published vectors, from the repository and from ../shared.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const shared = process.env.AUDITLEDGER_SHARED ?? `${root}../shared`;

export const load = (path) => new Uint8Array(readFileSync(`${root}${path}`));
export const loadJson = (path) => JSON.parse(readFileSync(`${root}${path}`, "utf8"));
export const seal = (name) => loadJson(`tests/testdata/seal/${name}.json`);

// "ab 61*300 cd" of vectorgen.py.
export function bytesOf(text) {
  const parts = text.split(" ").filter((part) => part !== "").map((part) => {
    const [digits, count] = part.split("*");
    return Buffer.from(digits.repeat(Number(count ?? 1)), "hex");
  });
  return new Uint8Array(Buffer.concat(parts));
}

// A public vector file's text; null where ../shared is absent, which is a failure with CI set.
export function publicVectors(name) {
  const path = `${shared}/testdata/vectors/${name}`;
  if (existsSync(path)) return readFileSync(path, "utf8");
  if (process.env.CI) throw new Error(`${path} is not there`);
  return null;
}
