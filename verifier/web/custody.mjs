// The chain of custody: entries of the log itself that name this bundle's manifest by its hash. The
// first says that the bundle was made, each later one that it was handed on.
import { Malformed, Reader, same, text } from "./bytes.mjs";
import { readCustody } from "./container.mjs";
import { isSignedByChain, parseHeader, parseLeaf } from "./leaf.mjs";
import { parseTlogProof } from "./note.mjs";
import { isConsistent, leafHash, rootOfInclusion, sha256 } from "./tree.mjs";
import { commit, cut, records } from "./units.mjs";
import { cannotTell, fail, pass } from "./verdict.mjs";

const SYSTEM = "urn:auditledger:custody";
const EVENT = 1;

export async function checkCustody(context) {
  const { bundle } = context;
  const found = bundle.sections.custody;
  if (found.length === 0) return cannotTell("nothing shows that the log knows of this bundle");
  const digest = await sha256(bundle.sections.manifest[0]);
  bundle.custody = [];
  for (const [i, record] of found.entries()) {
    let why;
    try {
      why = await checkRecord(context, record, digest);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      why = "not well formed";
    }
    if (why) return fail(`record ${i + 1}: ${why}`);
  }
  const [made, ...handed] = bundle.custody;
  return pass(`recorded as entry ${made.index} by ${made.principal}`
    + (handed.length > 0 ? `; hand-overs: ${handed.length}` : ""));
}

// "" or what is wrong; leaves what it read in bundle.custody.
async function checkRecord({ bundle, keys: { key, chain } }, record, digest) {
  const { receipt, event, proof } = readCustody(record);
  const { extra, index, path, head } = parseTlogProof(receipt);
  if (head.origin !== key.name || !chain || !(await isSignedByChain(head, key, chain))) {
    return "its head is not signed by the log's key";
  }
  const { head: mine, custody } = bundle;
  if (!(await isConsistent(mine.size, mine.root, head.size, head.root, proof))) {
    return "its head does not extend the bundle's";
  }
  const { leafBytes, seed, header } = readExtra(extra);
  const root = await rootOfInclusion(index, head.size, await leafHash(leafBytes), path);
  if (!root || !same(root, head.root)) return "it is not in the log";
  const leaf = parseLeaf(leafBytes);
  const units = cut(event);
  const made = await commit(seed, header, units);
  if (leaf.kind !== EVENT || !leaf.commitment || !same(made.entry, leaf.commitment)) {
    return "its event is not what its leaf commits to";
  }
  if (!digestsOf(units).some((named) => same(named, digest))) return "it names another bundle";
  const code = codeOf(units);
  const after = custody.at(-1)?.index ?? mine.size - 1;
  if (code !== (custody.length === 0 ? "export" : "hand-over") || index <= after) {
    return "out of order";
  }
  custody.push({ index, code, leaf, units, principal: text(parseHeader(header).principal) });
  return "";
}

// A receipt's leaf and what opens it (merkle/opening.h).
function readExtra(extra) {
  if (extra === null) throw new Malformed("extra");
  const r = new Reader(extra);
  r.version();
  const leafBytes = r.b16();
  if (!r.flag()) throw new Malformed("opening");
  return r.end({ leafBytes, seed: r.raw(32), header: r.b16() });
}

// entity.content_sha256 of each entity.
function digestsOf(units) {
  return units.filter(({ path }) => path[0] === 19 && path[2] === 12)
    .flatMap(({ bytes }) => records(bytes)).filter(({ type }) => type === 2)
    .map(({ value }) => value);
}

// The one code of the system of custody; "" when there is none or more than one.
function codeOf(units) {
  const codes = units.filter(({ path }) => path[0] === 8)
    .flatMap(({ bytes }) => messages(bytes, 8)).flatMap((concept) => messages(concept, 1))
    .filter((coding) => messages(coding, 1).some((system) => text(system) === SYSTEM))
    .flatMap((coding) => messages(coding, 3)).map(text);
  return codes.length === 1 ? codes[0] : "";
}

function messages(data, field) {
  return records(data).filter(({ number, type }) => number === field && type === 2)
    .map(({ value }) => value);
}
