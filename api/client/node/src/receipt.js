// What an emitter checks of a receipt before it believes it: the head is signed by the pinned key
// for the pinned origin, the leaf is in that head's tree at that index, and the leaf commits to the
// very event sent; or, where the ledger says SECRETS_MASKED, to that event with bytes of its texts
// overwritten by '*' and nothing else changed. The receipt then carries what was sealed
// (receipt.opening.event): look at it, for a ledger that lies may hide by '*' what should have been
// kept. All functions are pure and throw ReceiptError.
import {isMessage, toBinary} from '@bufbuild/protobuf';
import {AuditEventSchema} from '../gen/auditledger/v1/event_pb.js';
import {
  EVENT_ID, FLAG_SECRETS_MASKED, KIND_EVENT, parseHeader, parseLeaf, SOURCE, verifyOpening
} from './entry.js';
import {differs, malformed, ReceiptError} from './errors.js';
import {leafHash, verifyConsistency, verifyInclusion} from './merkle.js';
import {openNote, parseCheckpoint, parseVkey} from './note.js';
import {BYTES, fields} from './wire.js';

/**
 * A log by what must reach you by another way than its server: origin and verifier key.
 * `otherVkeys` are accepted as well: the key that is to follow when the log's is rotated.
 */
export class PinnedLog {
  #keys;

  constructor(origin, vkey, otherVkeys = []) {
    this.origin = origin;
    this.#keys = [vkey, ...otherVkeys].map(text => parseVkey(text.trim()));
  }

  /** The head {origin, size, root, note} of a note that is signed by a pinned key. */
  openHead(note) {
    let first;
    for (const key of this.#keys) {
      try {
        const head = parseCheckpoint(openNote(Buffer.from(note), key));
        if (head.origin === this.origin) return {...head, note};
        throw new ReceiptError('FAILED_PRECONDITION', `checkpoint: origin is not ${this.origin}`);
      } catch (error) {
        first ??= error;
      }
    }
    throw first;
  }
}

const STAR = '*'.charCodeAt(0);

const differByStarsAlone = (sealed, sent) =>
  sealed.length === sent.length &&
  sealed.every((byte, i) => byte === sent[i] || byte === STAR);

/** Whether `sealed` is `sent` but for stars in its texts; an event's identity is the same. */
function isMasked(schema, sealed, sent) {
  const theirs = [...fields(sealed)], ours = [...fields(sent)];
  return theirs.length === ours.length && ours.every((mine, i) => {
    const its = theirs[i];
    if (mine.number !== its.number || mine.kind !== its.kind ||
        mine.record.length !== its.record.length) {
      return false;
    }
    const isIdentity =
        schema === AuditEventSchema && (mine.number === EVENT_ID || mine.number === SOURCE);
    if (mine.kind !== BYTES || isIdentity) return Buffer.compare(mine.record, its.record) === 0;
    const inner = schema.fields.find(field => field.number === mine.number)?.message;
    return inner ? isMasked(inner, its.value, mine.value) :
                   differByStarsAlone(its.value, mine.value);
  });
}

/** What was sealed for the bytes `event`: themselves, or the same with secrets masked. */
function sealedEvent(opening, event) {
  if (!(parseHeader(opening.header).flags & FLAG_SECRETS_MASKED)) return event;
  let masked = false;
  try {
    masked = isMasked(AuditEventSchema, opening.event, event);
  } catch {
    // One of them is no message at all.
  }
  if (masked) return opening.event;
  throw differs('receipt: what was sealed is another event, not this one with secrets masked');
}

/** An event's bytes as the ledger seals them. */
export function encode(event) {
  return isMessage(event, AuditEventSchema) ? toBinary(AuditEventSchema, event) : event;
}

/** Throws `error` with the receipt that it tells of. */
export function withEvidence(receipt, check) {
  try {
    return check();
  } catch (error) {
    if (error instanceof ReceiptError) error.receipt = receipt;
    throw error;
  }
}

/** checkReceipt without its signature: `head` was opened from this receipt's own note. */
export function checkReceiptUnder(head, receipt, event) {
  const {inclusion, opening} = receipt;
  if ((inclusion?.leafIndex ?? 0n) !== receipt.index || (inclusion?.treeSize ?? 0n) !== head.size) {
    throw differs('receipt: its proof is for another index or head');
  }
  if (!inclusion) throw malformed('receipt: no proof');
  verifyInclusion(receipt.index, head.size, leafHash(receipt.leaf), inclusion.hashes, head.root);
  const leaf = parseLeaf(receipt.leaf);
  if (leaf.kind !== KIND_EVENT) throw differs('receipt: the entry is not an event');
  if (!opening) throw differs("receipt: no opening, so it may be another event's");
  verifyOpening(leaf, opening.seed, opening.header, sealedEvent(opening, encode(event)));
}

/** Checks a Receipt for `event` (an AuditEvent, or its bytes); returns its head. */
export function checkReceipt(receipt, event, log) {
  return withEvidence(receipt, () => {
    const head = log.openHead(receipt.checkpoint?.note ?? '');
    checkReceiptUnder(head, receipt, event);
    return head;
  });
}

/** Throws unless the log of the head `after` begins with that of `before`. */
export function checkExtension(before, after, proof) {
  verifyConsistency(before.size, before.root, after.size, after.root, proof);
}
