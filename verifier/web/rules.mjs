// The ledger's own entries, and what each kind of entry may say at its place in the log.
import { Malformed, Reader, check, same, utf8 } from "./bytes.mjs";
import { carriesEvent, isKeyChangeBody } from "./leaf.mjs";
import { sha256 } from "./tree.mjs";

export const [EVENT, GENESIS, KEY_CHANGE, INDEX_HEAD] = [1, 2, 3, 4];
const [ERASURE, CONFLICT, FREEZE] = [5, 6, 7];
const [OPERATOR, CLOCK, ANCHOR, HOLD, REQUEST] = [8, 9, 10, 11, 12];
const NEVER_COMMIT = [GENESIS, KEY_CHANGE, INDEX_HEAD, FREEZE, CLOCK, ANCHOR];
const UNTAGGED = [...NEVER_COMMIT, OPERATOR];
const MAX_RANGES = 2000;

// Inclusive, ascending, with a gap between each two.
function ranges(r) {
  const count = r.u(2);
  check(count <= MAX_RANGES, "ranges");
  const out = Array.from({ length: count }, () => [r.index(), r.index()]);
  check(out.every(([first, last], i) => first <= last && (i === 0 || out[i - 1][1] + 1 < first)),
    "ranges");
  return out;
}

function scope(r) {
  const reason = r.u(1);
  check(reason >= 1 && reason <= 5, "erasure: reason");
  const list = ranges(r);
  check(list.length > 0, "erasure: ranges");
  return list;
}

function bodyOf(body) {
  const r = new Reader(body);
  r.version();
  return r;
}

export function parseErasure(body) {
  const r = bodyOf(body);
  const erasure = { ranges: scope(r), request: r.index() };
  return r.end(erasure);
}

function parseRequest(body) {
  const r = bodyOf(body);
  const list = scope(r);
  return r.end(list);
}

function parseHold(body) {
  const r = bodyOf(body);
  const form = r.u(1);
  check(form === 1 || form === 2, "legal hold");
  const hold = form === 1 ? { ranges: ranges(r), placed: -1 } : { ranges: [], placed: r.index() };
  return r.end(hold);
}

export function parseGenesis(body) {
  const r = bodyOf(body);
  const origin = r.b16();
  check(same(r.raw(3), Uint8Array.of(1, 1, 1)), "genesis: suites");
  return r.end({ origin, logKeyHash: r.raw(32), indexKeyHash: r.raw(32), predecessor: r.b16() });
}

function parseFreeze(body) {
  const r = bodyOf(body);
  const [size, origin] = [r.index(), r.b16()];
  const key = r.flag() ? r.raw(32) : null;
  check(key === null || origin.length > 0, "freeze: a key without an origin");
  return r.end(size);
}

// {size, root}; that the map is the entries' own is not checked here.
export function parseIndexHead(body) {
  const r = bodyOf(body);
  const size = r.index();
  check(size > 0, "index head: size");
  return r.end({ size, root: r.raw(32) });
}

function parseAnchor(body) {
  const r = bodyOf(body);
  const size = r.index();
  check(size > 0, "anchor: size");
  r.raw(64);
  r.u64();
  return r.end(size);
}

const domain = (label) => utf8(`auditledger/${label}/v1\0`);
export const indexKeyHash = (key) => sha256(domain("index-key"), key);

// What `read` gives, or `otherwise` of a body that is none: that is said of the entry elsewhere.
function readable(read, otherwise) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return otherwise;
    throw error;
  }
}

// The index key's hash that a genesis names; no bytes of what is none.
export const genesisIndexKeyHash = (leaf) =>
  readable(() => parseGenesis(leaf.body).indexKeyHash, new Uint8Array(0));
// What an entry says to have erased; nothing unless it is an erasure.
export const erasedBy = (leaf) =>
  (leaf.kind === ERASURE ? readable(() => parseErasure(leaf.body).ranges, []) : []);

const isEarlier = (list, index) => list.length === 0 || list.at(-1)[1] < index;

async function holdsBody(index, { kind, body }, origin, firstKey) {
  const r = () => bodyOf(body);
  switch (kind) {
    case EVENT: return body.length === 0;
    case GENESIS: {
      const genesis = parseGenesis(body);
      const hash = firstKey && await sha256(domain("log-key"), Uint8Array.of(1), firstKey.key);
      return same(genesis.origin, utf8(origin)) && (!hash || same(hash, genesis.logKeyHash));
    }
    case KEY_CHANGE: return isKeyChangeBody(body, origin);
    case ERASURE: {
      const erasure = parseErasure(body);
      return erasure.request < index && isEarlier(erasure.ranges, index);
    }
    case CONFLICT: {
      const conflict = r();
      return conflict.end(conflict.index()) < index;
    }
    case FREEZE: return parseFreeze(body) <= index;
    case OPERATOR: {
      const action = r();
      return action.end(action.b16()) !== null;
    }
    case CLOCK: {
      const clock = r();
      return clock.end([clock.u64(), clock.u64()]) !== null;
    }
    case INDEX_HEAD: return parseIndexHead(body).size <= index;
    case ANCHOR: return parseAnchor(body) <= index;
    case HOLD: {
      const hold = parseHold(body);
      return hold.placed < index && isEarlier(hold.ranges, index);
    }
    case REQUEST: return isEarlier(parseRequest(body), index);
    default: return true;
  }
}

// Whether the leaf may stand at its index, for the log `origin`. Throws Malformed for a body that
// is none. `firstKey` is the log's first key, which its genesis names; null where it is not known.
export async function keepsRules(index, leaf, origin, firstKey) {
  if ((leaf.kind === GENESIS) !== (index === 0)) return false;
  if (!(await holdsBody(index, leaf, origin, firstKey))) return false;
  if (carriesEvent(leaf.kind)) return leaf.commitment !== null;
  if (UNTAGGED.includes(leaf.kind) && leaf.tags.length > 0) return false;
  return !NEVER_COMMIT.includes(leaf.kind) || leaf.commitment === null;
}
