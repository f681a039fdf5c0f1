// Where the vectors lie, and how their byte strings are written.
import assert from 'node:assert/strict';
import {existsSync, readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {ReceiptError} from 'auditledger';

const root = new URL('../../../../', import.meta.url);
const shared = process.env.AUDITLEDGER_SHARED ?? fileURLToPath(new URL('../shared', root));

/** 'ab 61*300 cd' is ab, 300 times 61, cd. */
export function unhex(text) {
  return Buffer.concat(text.split(' ').map(token => {
    const [unit, count = 1] = token.split('*');
    return Buffer.from(unit.repeat(Number(count)), 'hex');
  }));
}

// Numbers of 64 bits do not fit: as BigInt where they are too large.
const parse = text => JSON.parse(text.replace(/: (\d{16,})/g, ': "$1"'));

export const seal = name => parse(readFileSync(new URL(`tests/testdata/seal/${name}`, root), 'utf8'));

/** A public vector file's text; undefined where shared/ is absent, but not in CI. */
export function publicText(t, name) {
  const path = `${shared}/testdata/vectors/${name}`;
  if (!existsSync(path) && !process.env.CI) {
    t.skip(`${path} is not there`);
    return undefined;
  }
  return readFileSync(path, 'utf8');
}

/** What a check says: OK or the code of its ReceiptError. */
export function verdict(check) {
  try {
    check();
  } catch (error) {
    assert(error instanceof ReceiptError, String(error.stack));
    return error.code;
  }
  return 'OK';
}
