// The evidence bundle's file, read strictly (verifier/README.md, "The evidence bundle"). What is
// not well formed throws Malformed with the name of the section, or of the part of the framing.
import { Malformed, Reader, check, compactJson, isCount, isFlag, isList, isText, shaped, text,
  unhex, utf8 } from "./bytes.mjs";
import { carriesEvent, parseKeyChangeList, parseLeaf } from "./leaf.mjs";
import { parseHead } from "./note.mjs";

const MAGIC = utf8("auditledger/bundle/v1\n");
export const FORMAT = "auditledger/bundle/v1";
const MAX_RECORD = 1 << 20;
export const SECTIONS = ["scope", "head", "key-changes", "entries", "inclusion", "consistency",
  "completeness", "timestamps", "coverage", "glossary", "certificate", "manifest", "custody"];
// What the manifest lists: custody comes after it.
export const LISTED = SECTIONS.slice(0, 11);
const EXACTLY_ONE = ["scope", "head", "manifest"];

export const MATCH = 0;
export const [NONE, OPENED, WITHHELD, GONE] = [0, 1, 2, 3];

// {section: [record]}
function framing(data) {
  check(data.length >= MAGIC.length && MAGIC.every((byte, i) => byte === data[i]), "magic");
  const r = new Reader(data);
  r.raw(MAGIC.length);
  const sections = Object.fromEntries(SECTIONS.map((name) => [name, []]));
  let last = 1;
  while (!r.done()) {
    const number = r.u(1);
    check(number >= last && number <= SECTIONS.length, "section");
    last = number;
    const size = r.u(4);
    check(size <= MAX_RECORD, "record");
    sections[SECTIONS[number - 1]].push(r.raw(size));
  }
  return sections;
}

// Everything that is wrong within a section has its name.
function within(name, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed(name);
    throw error;
  }
}

const isMicros = isCount;
const QUERIES = {
  all: {},
  range: { begin: isCount, end: isCount },
  recorded: { from_us: isMicros, to_us: isMicros },
  tag: { about: isText, tags: isList((tag) => isText(tag) && unhex(tag).length === 32),
    from_us: isMicros, to_us: isMicros },
};
const isRule = (rule) => shaped(rule, { rule: (n) => isCount(n) && n >= 1 && n <= 255, name: isText,
  why: isText, entries: isCount, headers: isCount, units: isCount });
const isQuery = (query) => {
  check(isText(query?.kind) && Object.hasOwn(QUERIES, query.kind), "kind");
  shaped(query, { kind: isText, ...QUERIES[query.kind] });
  check(query.kind !== "range" || query.begin < query.end, "range");
  check(query.kind !== "recorded" || query.from_us < query.to_us, "window");
  check(query.kind !== "tag" || query.tags.length > 0, "tags");
  return true;
};

function readScope(record) {
  const scope = shaped(compactJson(record), { query: isQuery, size: isCount, examined: isCount,
    matched: isCount, context: isCount, rules: isList(isRule) });
  check(scope.rules.every((rule, i) => i === 0 || scope.rules[i - 1].rule < rule.rule), "rules");
  return scope;
}

const isSection = (row) => shaped(row, { section: isText, records: isCount, bytes: isCount,
  root: (root) => isText(root) && unhex(root).length === 32 });
const ABOUT = ["package", "case", "legal_basis", "purpose", "requester", "approver", "exporter",
  "tool", "tool_version", "created_at", "origin", "vkey"];

function readManifest(record) {
  return shaped(compactJson(record), { format: (f) => f === FORMAT,
    ...Object.fromEntries(ABOUT.map((name) => [name, isText])), sections: isList(isSection) });
}

function readEntry(record) {
  const r = new Reader(record);
  const role = r.u(1);
  check(role <= 1, "role");
  const entry = { role, index: r.index(), leafBytes: r.b16(), content: r.u(1), rule: 0, head: null,
    units: [] };
  entry.leaf = parseLeaf(entry.leafBytes);
  check(entry.content <= GONE, "content");
  if (entry.content === WITHHELD) entry.rule = someRule(r);
  if (entry.content === OPENED) {
    const rule = r.u(1);
    entry.head = rule === 0 ? { rule, salt: r.raw(16), bytes: r.b16() } : { rule, hash: r.raw(32) };
    entry.units = Array.from({ length: r.u(2) }, () => readUnit(r));
  }
  return r.end(entry);
}

function someRule(r) {
  const rule = r.u(1);
  check(rule !== 0, "rule");
  return rule;
}

function readUnit(r) {
  const path = [r.u(4), r.u(4), r.u(4)];
  const rule = r.u(1);
  return rule === 0 ? { path, rule, salt: r.raw(16), bytes: r.b32() }
    : { path, rule, hash: r.raw(32) };
}

function readEntries(records) {
  const entries = records.map(readEntry);
  check(entries.every((entry, i) => i === 0 || entries[i - 1].index < entry.index), "order");
  return entries;
}

// Runs [begin, end) that are exactly the entries', none touching the next.
function readInclusion(records, entries) {
  let next = 0;
  let last = -1;
  const runs = records.map((record) => {
    const r = new Reader(record);
    const run = { begin: r.index(), end: r.index(), proof: r.hashes(r.u(1)) };
    r.end();
    check(last < run.begin && run.begin < run.end, "run");
    for (let index = run.begin; index < run.end; index++, next++) {
      check(entries[next]?.index === index, "run");
    }
    last = run.end;
    return run;
  });
  check(next === entries.length, "run");
  return runs;
}

function readConsistency(record) {
  const r = new Reader(record);
  return r.end({ head: parseHead(r.b32()), proof: r.hashes(r.u(1)) });
}

function readCompleteness(record) {
  const r = new Reader(record);
  return { type: text(r.b16()), bytes: record.subarray(r.at) };
}

function readTimestamp(record) {
  const r = new Reader(record);
  return r.end({ head: parseHead(r.b32()), token: r.b32(), proof: r.hashes(r.u(1)) });
}

const isRange = (range) => isList(isCount)(range) && range.length === 2 && range[0] <= range[1];

function readCoverage(record) {
  return shaped(compactJson(record), { kind: (k) => k === "stream", principal: isText,
    stream: isText, received: isCount, last: isCount, gaps: isList(isRange), more: isFlag });
}

const readGlossary = (record) => shaped(compactJson(record),
  { system: isText, code: isText, meaning: isText });

// The whole file, understood. Custody is left as it came: what is wrong there is custody's.
export function readBundle(data) {
  const sections = framing(data);
  for (const name of SECTIONS) {
    const count = sections[name].length;
    check(EXACTLY_ONE.includes(name) ? count === 1 : name !== "key-changes" || count <= 1, name);
  }
  const all = (name, read) => within(name, () => sections[name].map(read));
  const bundle = { sections };
  [bundle.scope] = all("scope", readScope);
  [bundle.head] = all("head", parseHead);
  [bundle.keyChanges = null] = all("key-changes", parseKeyChangeList);
  bundle.entries = within("entries", () => readEntries(sections.entries));
  bundle.inclusion = within("inclusion", () => readInclusion(sections.inclusion, bundle.entries));
  bundle.consistency = all("consistency", readConsistency);
  bundle.completeness = all("completeness", readCompleteness);
  bundle.timestamps = all("timestamps", readTimestamp);
  bundle.coverage = all("coverage", readCoverage);
  bundle.glossary = all("glossary", readGlossary);
  bundle.certificate = all("certificate", text);
  [bundle.manifest] = all("manifest", readManifest);
  return bundle;
}

// A record of the chain of custody: {receipt, event, proof}, bytes.
export function readCustody(record) {
  const r = new Reader(record);
  return r.end({ receipt: r.b32(), event: r.b32(), proof: r.hashes(r.u(1)) });
}

export const opens = (entry) => carriesEvent(entry.leaf.kind);
