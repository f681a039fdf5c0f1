// Whether the entries are what the bundle says that it was asked for, whether any is missing, and
// what the ledger says never arrived.
import { checkAnswers } from "./answers.mjs";
import { hex, text } from "./bytes.mjs";
import { MATCH } from "./container.mjs";
import { cannotTell, fail, pass } from "./verdict.mjs";

const inWindow = ({ from_us: from, to_us: to }, leaf) =>
  (from === 0 || leaf.recordedAt >= BigInt(from)) && (to === 0 || leaf.recordedAt < BigInt(to));
const hasTag = (query, leaf) => leaf.tags.some((tag) => query.tags.includes(hex(tag)));

const MATCHES = {
  all: () => true,
  range: (query, { index }) => query.begin <= index && index < query.end,
  recorded: (query, { leaf }) => inWindow(query, leaf),
  tag: (query, { leaf }) => hasTag(query, leaf) && inWindow(query, leaf),
};

export function checkScope({ bundle: { scope, head, entries } }) {
  if (scope.size !== head.size) return fail(`the scope is of a head of size ${scope.size}`);
  const matched = entries.filter((entry) => entry.role === MATCH).length;
  const context = entries.length - matched;
  if (scope.matched !== matched || scope.context !== context) {
    return fail(`the scope counts ${scope.matched} entries and ${scope.context} of context, there `
      + `are ${matched} and ${context}`);
  }
  const wrong = wrongRule(scope.rules, withheldBy(entries));
  if (wrong !== null) return fail(`rule ${wrong} does not withhold what the scope says`);
  for (const entry of entries) {
    const matches = MATCHES[scope.query.kind](scope.query, entry);
    if (matches && entry.role !== MATCH) {
      return fail(`entry ${entry.index} is asked for, and passed off as context`);
    }
    if (!matches && entry.role === MATCH) return fail(`entry ${entry.index} is not asked for`);
  }
  return pass(`${matched} entries are what was asked for, ${context} are context; what is withheld `
    + "is what the scope says");
}

// {rule: [entries, headers, units]}, counted.
export function withheldBy(entries) {
  const counts = new Map();
  const count = (rule, place) => {
    if (rule === 0) return;
    if (!counts.has(rule)) counts.set(rule, [0, 0, 0]);
    counts.get(rule)[place]++;
  };
  for (const entry of entries) {
    count(entry.rule, 0);
    count(entry.head?.rule ?? 0, 1);
    for (const unit of entry.units) count(unit.rule, 2);
  }
  return counts;
}

// The smallest rule of which the scope says something else, or null.
function wrongRule(rules, counts) {
  const said = new Map(rules.map((r) => [r.rule, [r.entries, r.headers, r.units]]));
  const numbers = [...new Set([...said.keys(), ...counts.keys()])].sort((a, b) => a - b);
  const none = [0, 0, 0];
  const wrong = numbers.filter((n) => `${said.get(n) ?? none}` !== `${counts.get(n) ?? none}`);
  return wrong.length > 0 ? wrong[0] : null;
}

export async function checkCompleteness(context) {
  const { bundle, results } = context;
  if (results.entries.result !== "PASS") return cannotTell("the entries are not proven");
  const answers = await checkAnswers(bundle);
  context.answers = answers;
  if (answers.wrong !== "") return fail(answers.wrong);
  const { scope: { query }, head, entries } = bundle;
  if (query.kind === "tag") return checkTagComplete(bundle, answers);
  let [begin, end] = [0, head.size];
  if (query.kind === "range") [begin, end] = [query.begin, query.end];
  if (query.kind === "recorded") [begin, end] = edges(query, entries, head.size);
  if (end > head.size) return fail("the range ends beyond the head");
  const missing = firstMissing(entries, begin, end);
  if (missing !== null) return fail(`entry ${missing} is missing`);
  if (query.kind === "all") return pass(`all ${head.size} entries of the log are here`);
  if (query.kind === "range") return pass(`entries ${begin} to ${end - 1} are all here`);
  return pass("every entry recorded in that window is here, with the neighbours at its edges");
}

// The entries strictly between those that show the window's edges: times rise in the log.
function edges(query, entries, size) {
  const before = entries.filter(({ leaf }) => query.from_us !== 0
    && leaf.recordedAt < BigInt(query.from_us)).at(-1);
  const after = entries.find(({ leaf }) => query.to_us !== 0
    && leaf.recordedAt >= BigInt(query.to_us));
  return [before ? before.index + 1 : 0, after ? after.index : size];
}

function firstMissing(entries, begin, end) {
  let next = begin;
  for (const { index } of entries) {
    if (index >= end) break;
    if (index > next) return next;
    if (index === next) next++;
  }
  return next < end ? next : null;
}

function checkTagComplete({ scope: { query }, head, entries }, answers) {
  const hidden = entries.find((entry) => entry.role !== MATCH && MATCHES.tag(query, entry));
  if (hidden) return fail(`entry ${hidden.index} has such a tag, and is passed off as context`);
  const contradiction = contradictionOf(query, entries, answers);
  if (contradiction !== null) return fail(contradiction);
  const { completeSize, indexHeads } = answers;
  const [begin, end] = edges(query, entries, head.size);
  if (firstMissing(entries, Math.max(begin, completeSize), end) !== null) {
    return cannotTell(whyNotComplete(query, answers));
  }
  if (completeSize === 0) {
    return pass("all leaves that could be asked for were searched: no other has these tags");
  }
  const found = `exactly these ${entries.filter(({ role }) => role === MATCH).length} entries of `
    + "the log have these tags";
  return pass(indexHeads.length === 0 ? `${found}: every leaf was shown`
    : `${found}, by the index head at entry ${indexHeads.join(", ")}, whose map is the operator's `
      + "word until somebody makes it anew");
}

// What answers and entries say otherwise, the first in the log's order; null where they agree.
function contradictionOf(query, entries, answers) {
  const here = new Set(entries.map(({ index }) => index));
  const answered = new Set(answers.entries);
  const missing = answers.entries.find((index) => !here.has(index)) ?? Infinity;
  const leftOut = entries.find((entry) => entry.index < answers.completeSize
    && MATCHES.tag(query, entry) && !answered.has(entry.index))?.index ?? Infinity;
  if (missing < leftOut) return `entry ${missing} is in an answer, and not here`;
  if (leftOut === Infinity) return null;
  return `entry ${leftOut} has such a tag, and its answer leaves it out`;
}

function whyNotComplete(query, { completeSize, count, unknown }) {
  if (completeSize > 0) {
    return `the answers stop at entry ${completeSize}, and not every leaf behind it is here`;
  }
  if (count > 0) return `only ${count} of ${query.tags.length} tags have an answer`;
  if (unknown === "") return "nothing shows that the log has no other entry with these tags";
  return `a proof of type ${unknown}, which is not known here`;
}

export function checkCoverage({ bundle: { coverage, entries }, results }) {
  if (results.contents.result !== "PASS") return cannotTell("the contents are not proven");
  if (coverage.length === 0) return cannotTell("the bundle says nothing about gaps");
  const name = (principal, stream) => JSON.stringify([principal, stream]);
  const streams = new Map(coverage.map((row) => [name(row.principal, row.stream), row]));
  for (const { index, header, leaf } of entries) {
    if (!header || leaf.kind !== 1 || header.sequence === 0n) continue;
    const row = streams.get(name(lossy(header.principal), lossy(header.stream)));
    const lost = row && (header.sequence > BigInt(row.last) || row.gaps.some(
      ([first, last]) => BigInt(first) <= header.sequence && header.sequence <= BigInt(last)));
    if (lost) return fail(`entry ${index} arrived, and coverage says that it did not`);
  }
  const gaps = coverage.reduce((sum, row) => sum + row.gaps.length, 0);
  return cannotTell(`the ledger's word: ${coverage.length} streams, ${gaps} gaps`);
}

// Text that may be none: then it names no stream of the coverage.
function lossy(bytes) {
  try {
    return text(bytes);
  } catch {
    return null;
  }
}
