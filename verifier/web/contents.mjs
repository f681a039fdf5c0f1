// Of the entries that are opened: whether what is shown is what their leaves commit to, who sent
// it, and whether tags are the event's. What is withheld is bound by its hash, and stays hidden.
import { Malformed, same } from "./bytes.mjs";
import { GONE, NONE, OPENED, WITHHELD, opens } from "./container.mjs";
import { verifyEd25519 } from "./ed25519.mjs";
import { parseHeader } from "./leaf.mjs";
import { erasedBy, genesisIndexKeyHash, indexKeyHash } from "./rules.mjs";
import { hmacKey } from "./tree.mjs";
import { KEY_FIELDS, emitMessage, entryCommitment, eventCommitment, eventTime, headerHash, identity,
  join, tagsOf, unitHash } from "./units.mjs";
import { cannotTell, fail, pass } from "./verdict.mjs";

const AT_ONCE = 64;  // entries whose hashes are under way together

export async function checkContents({ bundle, progress }) {
  const opened = bundle.entries.filter((entry) => entry.content === OPENED && opens(entry));
  for (const entry of bundle.entries) {
    const why = wrongForm(entry);
    if (why) return fail(`entry ${entry.index}: ${why}`);
  }
  for (let at = 0; at < opened.length; at += AT_ONCE) {
    const some = opened.slice(at, at + AT_ONCE);
    const found = await Promise.all(some.map(openEntry));
    const wrong = found.findIndex((why) => why !== "");
    if (wrong >= 0) return fail(`entry ${some[wrong].index}: ${found[wrong]}`);
    progress?.(at + some.length, opened.length);
  }
  return pass(contentsText(bundle.entries, opened));
}

function wrongForm(entry) {
  if (opens(entry) === (entry.content !== NONE)) return "";
  return opens(entry) ? "no content, though an event stands behind it"
    : "content of an entry that has none";
}

// "" or what is wrong. Leaves what was read in the entry: header, eventCommitment.
async function openEntry(entry) {
  const { head, units, leaf } = entry;
  entry.list = await Promise.all(units.map(async (unit) => ({ path: unit.path,
    hash: unit.rule === 0 ? await unitHash(unit.salt, unit.bytes) : unit.hash })));
  entry.eventCommitment = await eventCommitment(entry.list);
  entry.headHash = head.rule === 0 ? await headerHash(head.salt, head.bytes) : head.hash;
  const made = await entryCommitment(entry.headHash, entry.eventCommitment);
  if (!leaf.commitment || !same(made, leaf.commitment)) {
    return "what is shown is not what its leaf commits to";
  }
  try {
    return agrees(entry);
  } catch (error) {
    if (error instanceof Malformed) return "what is shown is not an event";
    throw error;
  }
}

// Whether what the ledger says of the event is what the event says, as far as that is shown.
function agrees(entry) {
  const { head, units, leaf } = entry;
  const shown = units.filter((unit) => unit.rule === 0);
  const hides = (field, subfield) => units.some(({ path, rule }) => rule !== 0
    && path[0] === field && (subfield === 0 || path[2] === subfield));
  if (shown.length === units.length) join(units);
  if (!hides(4, 0) && eventTime(shown) !== leaf.eventTime) return "its time is not the event's";
  if (head.rule !== 0) return "";
  entry.header = parseHeader(head.bytes);
  const { eventId, stream, sequence } = identity(shown);
  const differs = (!hides(1, 0) && !same(eventId, entry.header.eventId))
    || (!hides(18, 8) && !same(stream, entry.header.stream))
    || (!hides(18, 9) && sequence !== entry.header.sequence);
  return differs ? "its header names another event" : "";
}

function contentsText(entries, opened) {
  const units = opened.flatMap((entry) => entry.units);
  const shown = units.filter((unit) => unit.rule === 0).length;
  let out = `${opened.length} entries opened: ${shown} units shown, ${
    units.length - shown} withheld`;
  const whole = entries.filter((entry) => entry.content === WITHHELD).length;
  if (whole > 0) out += `; ${whole} entries withheld whole`;
  const [erased, by, unexplained] = goneEntries(entries);
  if (erased > 0) out += `; ${erased} erased by entry ${by.join(", ")}`;
  if (unexplained > 0) {
    out += `; ${unexplained} WITHHELD: not there, and no entry here says why`;
  }
  return out;
}

// The erasure that names an entry, among those that the bundle holds; null where none does.
export function erasureOf(entries, index) {
  return entries.find(({ leaf }) => erasedBy(leaf).some(
    ([first, last]) => first <= index && index <= last))?.index ?? null;
}

function goneEntries(entries) {
  const by = entries.filter((entry) => entry.content === GONE)
    .map((entry) => erasureOf(entries, entry.index));
  const known = by.filter((index) => index !== null);
  return [known.length, [...new Set(known)].sort((a, b) => a - b), by.length - known.length];
}

export async function checkTags({ bundle: { entries }, indexKey, results }) {
  if (results.contents.result !== "PASS") return cannotTell("the contents are not proven");
  if (indexKey === null) return cannotTell("no index key is given");
  const genesis = entries.find((entry) => entry.index === 0);
  if (genesis && !same(genesisIndexKeyHash(genesis.leaf), await indexKeyHash(indexKey))) {
    return cannotTell("the index key is not the one that the genesis names");
  }
  const key = await hmacKey(indexKey);
  const checkable = entries.filter((entry) => entry.eventCommitment && entry.units.every(
    ({ path, rule }) => rule === 0 || !KEY_FIELDS.includes(path[0])));
  for (const entry of checkable) {
    const shown = entry.units.filter((unit) => unit.rule === 0);
    const tags = await tagsOf(key, shown).catch(() => []);
    const { leaf } = entry;
    if (tags.length !== leaf.tags.length || !tags.every((tag, i) => same(tag, leaf.tags[i]))) {
      return fail(`entry ${entry.index}: its tags are not those of its event`);
    }
  }
  const opened = entries.filter((entry) => entry.eventCommitment).length;
  const found = `${checkable.length} of ${opened} opened entries carry exactly their events' tags`;
  return checkable.length === opened ? pass(found)
    : cannotTell(`${found}; the others withhold what tags come from`);
}

export async function checkSenders({ bundle: { entries }, keys: { key }, results }) {
  if (results.contents.result !== "PASS") return cannotTell("the contents are not proven");
  const signed = entries.filter((entry) => entry.header?.signature);
  for (const { index, header, eventCommitment: commitment } of signed) {
    const message = emitMessage(key.name, header, commitment);
    if (!(await verifyEd25519(header.signature.key, message, header.signature.signature))) {
      return fail(`entry ${index}: its emitter's signature does not verify`);
    }
  }
  if (signed.length === 0) {
    return cannotTell("no emitter signed: who sent an event is the ledger's word");
  }
  return pass(`${signed.length} entries are signed by their emitters; who sent the others is the `
    + "ledger's word");
}
