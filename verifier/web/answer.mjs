// A complete answer (merkle/complete_answer.h): which entries of a log carry a tag within a window
// of recorded time, and that these are all of them. Written anew from what the format says; where
// anything is wrong Malformed says what.
//
// Example:
//   const answer = parseAnswer(bytes);
//   const proven = await proveAnswer(answer, head, { tag, from: 0n, to: NO_END });
//   proven   {entries: [index], completeSize, indexHead: null or {index, size}, count, tail}
import { Malformed, Reader, be, check, concat, same, utf8 } from "./bytes.mjs";
import { parseLeaf } from "./leaf.mjs";
import { parseHead } from "./note.mjs";
import { holdsAbsent, holdsPresent } from "./patricia.mjs";
import { GENESIS, INDEX_HEAD, parseGenesis, parseIndexHead } from "./rules.mjs";
import { leafHash, rootOfRange, rootOfSet } from "./tree.mjs";

export const MAX_ANSWER = 16 << 20;
const MAX_NOTE = 1000000;
export const NO_END = 2n ** 64n - 1n;

// --- the form

function listOf(r, count, read) {
  const out = [];
  for (let i = 0; i < count; i++) out.push(read(r));
  return out;
}

const readWindow = (r) => ({ from: r.u64(), to: r.u64() });

function readPlace(r) {
  const shown = r.flag();
  const index = r.index();
  return shown ? { shown, index }
    : { shown, index, recordedAt: r.u64(), eventTime: r.u64(), leafHash: r.raw(32) };
}

function readRange(r) {
  const range = { count: r.index(), root: r.raw(32), first: r.index() };
  range.places = listOf(r, r.u(4), readPlace);
  range.proof = r.hashes(r.u(1));
  return range;
}

function readMap(r) {
  const map = { indexHead: r.index() };
  const present = r.flag();
  map.proof = r.b16();
  map.range = present ? readRange(r) : null;
  return map;
}

export function parseAnswer(bytes) {
  check(bytes.length <= MAX_ANSWER, `it has over ${MAX_ANSWER} bytes`);
  const r = new Reader(bytes);
  r.version();
  const size = r.u(4);
  check(size <= MAX_NOTE, "its checkpoint is too long");
  const answer = { head: parseHead(r.raw(size)), tag: r.raw(32), recorded: readWindow(r),
    event: readWindow(r) };
  answer.map = r.flag() ? readMap(r) : null;
  answer.hasTail = r.flag();
  answer.leaves = listOf(r, r.u(4), () => ({ index: r.index(), bytes: r.b16() }));
  answer.proof = listOf(r, r.u(4), () => r.raw(32));
  return r.end(answer);
}

// --- what it proves

const isIn = ({ from, to }, time) => time >= from && (to === NO_END || time < to);
const hasTag = (leaf, tag) => leaf.tags.some((each) => same(each, tag));
// An entry without event time counts by when it was recorded.
const isAnswer = ({ recorded, event }, { recordedAt, eventTime }) =>
  isIn(recorded, recordedAt) && isIn(event, eventTime === 0n ? recordedAt : eventTime);

// What is shown whole, by index, once it was found to be in the log: {leaf, hash, needed}.
async function shownLeaves(answer, head) {
  const hashes = await Promise.all(answer.leaves.map(({ bytes }) => leafHash(bytes)));
  check(answer.leaves.every(({ index }, i, all) => index < head.size
    && (i === 0 || all[i - 1].index < index)), "the entries shown do not ascend below the head");
  const root = await rootOfSet(answer.leaves.map(({ index }) => index), hashes, head.size,
    answer.proof);
  check(root && same(root, head.root), "the entries shown are not in the log under the head");
  const shown = new Map(answer.leaves.map(({ index, bytes }, i) =>
    [index, { index, leaf: parseLeaf(bytes), hash: hashes[i], needed: false }]));
  const leaves = [...shown.values()].map(({ leaf }) => leaf);
  check(leaves.every((leaf, i) => i === 0 || leaves[i - 1].recordedAt < leaf.recordedAt),
    "times of the entries shown do not rise");
  return shown;
}

function take(shown, index, what) {
  const entry = shown.get(index);
  check(entry, `${what}, entry ${index}, is missing`);
  entry.needed = true;
  return entry;
}

function checkGenesis(shown, head) {
  const { leaf } = take(shown, 0, "the genesis");
  check(leaf.kind === GENESIS, "entry 0 is no genesis");
  check(same(parseGenesis(leaf.body).origin, utf8(head.origin)), "the genesis is another log's");
}

function indexHeadOf(index, leaf) {
  check(leaf.kind === INDEX_HEAD, `entry ${index} is no index head`);
  const found = parseIndexHead(leaf.body);
  check(found.size <= index, `the index head at entry ${index} covers more than there was`);
  return { index, ...found };
}

// The tail is all that the index head does not cover, and has no newer one.
function checkTail(shown, indexHead, head) {
  const covered = indexHead?.size ?? 0;
  for (let index = covered; index < head.size; index++) {
    const { leaf } = take(shown, index, "of the tail");
    if (leaf.kind !== INDEX_HEAD) continue;
    check(indexHead && index <= indexHead.index, `the index head at entry ${index} is newer`);
    const other = indexHeadOf(index, leaf);
    check(other.size < covered || (other.size === covered && same(other.root, indexHead.root)),
      `the index head at entry ${index} contradicts the later one`);
  }
}

// What the tag's log has in a place; of an answer its own leaf says it.
function entryAt(place, shown, indexHead, answer) {
  let entry = place;
  if (place.shown) {
    const { leaf, hash } = take(shown, place.index, "an answer");
    check(hasTag(leaf, answer.tag), `entry ${place.index} does not carry the tag`);
    entry = { index: place.index, recordedAt: leaf.recordedAt, eventTime: leaf.eventTime,
      leafHash: hash };
  }
  check(place.index < indexHead.size, `entry ${place.index} is not covered by the index head`);
  check(isAnswer(answer, entry) === place.shown, place.shown
    ? `entry ${place.index} is shown and is no answer`
    : `entry ${place.index} is an answer and is not shown`);
  return entry;
}

const tagLogHash = ({ index, recordedAt, eventTime, leafHash: hash }) =>
  leafHash(concat([be(8, index), be(8, recordedAt), be(8, eventTime), hash]));

// Of the way in the map and the range of the tag's log: the entries there that are answers, and
// whether the window ends before the tail.
async function proveMap(answer, shown, indexHead) {
  const { tag, recorded, map: { proof, range } } = answer;
  if (!range) {
    await holdsAbsent(indexHead.root, tag, proof);
    return { entries: [], ended: false };
  }
  const { count, root, first, places } = range;
  await holdsPresent(indexHead.root, tag, concat([be(8, count), root]), proof);
  check(count <= indexHead.size, "the map counts more entries than it covers");
  const entries = places.map((place) => entryAt(place, shown, indexHead, answer));
  const hashes = await Promise.all(entries.map(tagLogHash));
  const found = await rootOfRange(first, hashes, count, range.proof);
  check(found && same(found, root), "the range is not what the tag's log has there");
  check(entries.every((entry, i, all) => i === 0 || (all[i - 1].index < entry.index
    && all[i - 1].recordedAt < entry.recordedAt)), "the range does not ascend");
  const before = ({ recordedAt }) => recordedAt < recorded.from;
  const behind = ({ recordedAt }) => recorded.to !== NO_END && recordedAt >= recorded.to;
  check(first === 0 || before(entries[0]), "what stands before the range may be in the window");
  check(first + entries.length === count || behind(entries.at(-1)),
    "what follows the range may be in the window");
  check(entries.length < 2 || !(before(entries[1]) || behind(entries.at(-2))),
    "more beside the window than the two entries that show its edges");
  return { entries: places.filter((place) => place.shown).map(({ index }) => index),
    ended: behind(entries.at(-1)) };
}

// `head` is what the answer must be under, `asked` {tag, from, to} the asker's own question.
export async function proveAnswer(answer, head, asked) {
  const { head: mine, recorded, event, map, hasTail } = answer;
  check(mine.origin === head.origin && mine.size === head.size && same(mine.root, head.root),
    `it is under another head, of size ${mine.size}`);
  check(same(answer.tag, asked.tag), "it is about another tag than asked for");
  check(recorded.from === asked.from && recorded.to === asked.to && asked.from < asked.to
    && event.from === 0n && event.to === NO_END, "it is about another window than asked for");
  const shown = await shownLeaves(answer, head);
  checkGenesis(shown, head);
  if (!map && !hasTail) throw new Malformed("without index head and tail nothing is proven");
  const indexHead = map
    && indexHeadOf(map.indexHead, take(shown, map.indexHead, "the index head").leaf);
  if (hasTail) checkTail(shown, indexHead, head);
  const { entries, ended } = map ? await proveMap(answer, shown, indexHead)
    : { entries: [], ended: false };
  const covered = indexHead?.size ?? 0;
  for (const { index, leaf } of shown.values()) {
    if (index >= covered && hasTag(leaf, asked.tag) && isAnswer(answer, leaf)) entries.push(index);
  }
  const idle = [...shown.values()].find(({ needed }) => !needed);
  check(!idle, `entry ${idle?.index} has no part in it`);
  return { entries, completeSize: hasTail || ended ? head.size : covered,
    indexHead: indexHead && { index: indexHead.index, size: indexHead.size },
    count: map?.range?.count ?? 0, tail: hasTail ? head.size - covered : 0 };
}
