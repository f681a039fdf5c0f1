// What can go wrong, told apart by what the caller does next.

/**
 * The ledger refused a call, or nobody answered. `code` is the name of the gRPC code, `reason` the
 * ledger's own ("OVERLOADED", "NOT_PERMITTED", ...; empty when gRPC itself gave up), `metadata`
 * what belongs to it, `retryAfterMs` what the ledger asked to wait, or undefined.
 */
export class LedgerError extends Error {
  constructor(code, message, {reason = '', metadata = {}, retryAfterMs} = {}) {
    super(`${code} ${reason}: ${message}`);
    this.name = new.target.name;
    Object.assign(this, {code, reason, metadata, retryAfterMs});
  }

  /** Whether the event may have been recorded all the same: keep it and send it later. */
  get outcomeUnknown() {
    return this.code === 'UNAVAILABLE' || this.code === 'DEADLINE_EXCEEDED';
  }

  /** Whether the same event may be sent again: it is recorded once, however often. */
  get retryable() {
    return this.outcomeUnknown ||
        (this.code === 'RESOURCE_EXHAUSTED' && this.retryAfterMs !== undefined);
  }
}

/** ALREADY_EXISTS: another event is recorded under this id. Sending again never helps. */
export class ConflictError extends LedgerError {}

/** FAILED_PRECONDITION: the ledger takes no such call as it is (read-only, frozen, erased). */
export class PreconditionError extends LedgerError {}

/**
 * A receipt or head that does not prove what it should. Keep it (`receipt`), it is evidence.
 * `code`: INVALID_ARGUMENT malformed; DATA_LOSS it proves nothing, or something else;
 * UNAUTHENTICATED the pinned key has not signed it; FAILED_PRECONDITION it is another log's.
 */
export class ReceiptError extends Error {
  constructor(code, message) {
    super(`${code}: ${message}`);
    this.name = 'ReceiptError';
    this.code = code;
    this.receipt = undefined;
  }
}

export const malformed = message => new ReceiptError('INVALID_ARGUMENT', message);
export const differs = message => new ReceiptError('DATA_LOSS', message);
