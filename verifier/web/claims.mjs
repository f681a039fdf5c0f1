// What a bundle proves, claim by claim: PASS, FAIL or CANNOT TELL, and why. The C++ verifier says
// the same, word by word (verifier/bundle_claims.h), but for why it refuses a complete answer.
//
// Example:
//   const report = await verifyBundle(bytes, { vkey: "log.example/clinic+1a2b3c4d+AbCd..." });
//   report.verdict           "verified", "verified, unwitnessed", "refused" or "cannot tell"
//   report.claims            [{claim, result, reason}]
import { Malformed, hex, same } from "./bytes.mjs";
import { checkContents, checkSenders, checkTags } from "./contents.mjs";
import { LISTED, readBundle } from "./container.mjs";
import { checkCustody } from "./custody.mjs";
import { isSignedByChain, keyChain } from "./leaf.mjs";
import { keyName, parseVkey } from "./note.mjs";
import { keepsRules } from "./rules.mjs";
import { checkCompleteness, checkCoverage, checkScope } from "./scope.mjs";
import { isConsistent, leafHash, rootOfRange, treeRoot } from "./tree.mjs";
import { cannotTell, fail, pass } from "./verdict.mjs";

// In the order in which they are told. Those of CORE have to be known for a bundle to be verified.
const CHECKS = {
  file: checkFile,
  head: checkHead,
  witnesses: () =>
    cannotTell("no policy is given: nobody but the log's key vouches for the head"),
  entries: checkEntries,
  contents: checkContents,
  tags: checkTags,
  senders: checkSenders,
  scope: checkScope,
  completeness: checkCompleteness,
  consistency: checkConsistency,
  timestamps: checkTimestamps,
  coverage: checkCoverage,
  custody: checkCustody,
};
export const CORE = ["file", "head", "entries", "contents", "scope", "completeness", "custody"];

// `vkey`: the key that the reader pins, of the log's origin; without it nothing is proven against
// anybody. `indexKey`: 32 bytes, for whoever may re-identify. `progress(done, total)` of entries.
export async function verifyBundle(data, { vkey = null, indexKey = null, progress = null } = {}) {
  const context = { indexKey, progress, results: {} };
  context.pinned = vkey === null ? null : await parseVkey(vkey);
  let bundle = null;
  try {
    bundle = readBundle(data);
    context.bundle = bundle;
    await findKeys(context);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    context.results.file = fail(`not well formed: ${error.message}`);
  }
  for (const [claim, run] of Object.entries(CHECKS)) {
    if (context.results.file?.result === "FAIL" && !context.keys) {
      context.results[claim] ??= cannotTell("the file is not well formed");
    } else {
      context.results[claim] = await run(context);
    }
  }
  return { ...summary(context.results), bundle: context.keys ? bundle : null, context };
}

function summary(results) {
  const claims = Object.entries(results).map(([claim, found]) => ({ claim, ...found }));
  const is = (names, result) => names.some((name) => results[name].result === result);
  let [verdict, exitCode] = ["verified, unwitnessed", 3];
  if (results.witnesses.result === "PASS") [verdict, exitCode] = ["verified", 0];
  if (is(CORE, "CANNOT TELL")) [verdict, exitCode] = ["cannot tell", 2];
  if (is(Object.keys(results), "FAIL")) [verdict, exitCode] = ["refused", 1];
  return { verdict, exitCode, claims };
}

// The key that heads are held against: the pinned one, else the one that the bundle names, which
// shows no more than that the bundle agrees with itself.
async function findKeys(context) {
  const { bundle, pinned } = context;
  const key = pinned ?? await parseVkey(bundle.manifest.vkey).catch(() => {
    throw new Malformed("manifest");
  });
  const list = bundle.keyChanges ?? { changes: [] };
  const chain = await keyChain(key, list, bundle.head);
  context.keys = { key, chain, pinned: pinned !== null };
  context.firstKey = chain && { key: chain.keys[0] };
}

async function checkFile({ bundle }) {
  const present = LISTED.filter((name) => bundle.sections[name].length > 0);
  const rows = bundle.manifest.sections;
  for (const [i, name] of present.entries()) {
    const records = bundle.sections[name];
    const root = await treeRoot(await Promise.all(records.map(leafHash)));
    const holds = rows[i]?.section === name && rows[i].records === records.length
      && rows[i].bytes === records.reduce((sum, record) => sum + record.length, 0)
      && rows[i].root === hex(root);
    if (!holds) return fail(`section ${name} is not what the manifest says`);
  }
  if (rows.length !== present.length) return fail("the manifest lists a section that is not there");
  const count = present.reduce((sum, name) => sum + bundle.sections[name].length, 0);
  return pass(`${count} records in ${present.length} sections are those that the manifest lists`);
}

async function checkHead({ bundle: { head }, keys: { key, chain, pinned } }) {
  if (head.origin !== key.name) return fail("the head is of another log than the key");
  if (!chain) return fail("the changes of the log's key do not lead from the pinned one to it");
  if (!(await isSignedByChain(head, key, chain))) return fail("the head is not signed by the key");
  const what = `size ${head.size}, root ${hex(head.root)}`;
  if (!pinned) return cannotTell(`no key is pinned; signed by the key that the bundle names, ${
    keyName(key)}: ${what}`);
  return pass(`signed by the pinned key ${keyName(key)}: ${what}`);
}

async function checkEntries({ bundle, keys, firstKey, progress }) {
  const { entries, head } = bundle;
  let next = 0;
  for (const { begin, end, proof } of bundle.inclusion) {
    const run = entries.slice(next, next + end - begin);
    next += end - begin;
    const hashes = await Promise.all(run.map((entry) => leafHash(entry.leafBytes)));
    const root = await rootOfRange(begin, hashes, head.size, proof);
    if (!root || !same(root, head.root)) {
      return fail(`entries ${begin} to ${end - 1}: the proof does not lead to the head's root`);
    }
    progress?.(next, entries.length);
  }
  for (const [i, { index, leaf }] of entries.entries()) {
    if (!(await isAllowed(index, leaf, keys, firstKey))) {
      return fail(`entry ${index} breaks a rule of its kind`);
    }
    if (i > 0 && entries[i - 1].leaf.recordedAt >= leaf.recordedAt) {
      return fail(`entry ${index} was recorded no later than the one before it`);
    }
  }
  return pass(`${entries.length} entries are in the log under that head, and their times rise`);
}

async function isAllowed(index, leaf, keys, firstKey) {
  try {
    return await keepsRules(index, leaf, keys.key.name, firstKey);
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

async function checkConsistency({ bundle: { head, consistency }, keys: { key, chain } }) {
  if (consistency.length === 0) return cannotTell("no earlier head is in the bundle");
  for (const { head: old, proof } of consistency) {
    if (old.origin !== key.name || !chain || !(await isSignedByChain(old, key, chain))) {
      return fail(`the earlier head of size ${old.size} is not signed by the log's key`);
    }
    if (!(await isConsistent(old.size, old.root, head.size, head.root, proof))) {
      return fail(`the head does not extend the earlier one of size ${old.size}`);
    }
  }
  return pass(`it extends the earlier heads of size ${
    consistency.map((each) => each.head.size).join(", ")}`);
}

function checkTimestamps({ bundle: { timestamps } }) {
  if (timestamps.length === 0) return cannotTell("no timestamp is in the bundle");
  return cannotTell(`${timestamps.length} timestamps, not checked: no authority is pinned`);
}
