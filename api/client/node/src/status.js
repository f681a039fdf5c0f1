// gRPC's errors as LedgerError, with what the ledger attached (google.rpc.Status).
import {status} from '@grpc/grpc-js';
import {ConflictError, LedgerError, PreconditionError} from './errors.js';
import {fields} from './wire.js';

const CLASSES = {ALREADY_EXISTS: ConflictError, FAILED_PRECONDITION: PreconditionError};

const all = (message, wanted) =>
  [...fields(message)].filter(({number}) => number === wanted).map(({value}) => value);
const text = (message, number) => Buffer.from(all(message, number)[0] ?? []).toString();

/** What of ErrorInfo and RetryInfo a serialised google.rpc.Status has. */
function readDetails(bytes) {
  const found = {};
  for (const packed of all(bytes, 3)) {
    const [value = Buffer.alloc(0)] = all(packed, 2);
    const kind = text(packed, 1).split('/').at(-1);
    if (kind === 'google.rpc.ErrorInfo') {
      found.reason = text(value, 1);
      found.metadata = Object.fromEntries(all(value, 3).map(pair => [text(pair, 1), text(pair, 2)]));
    } else if (kind === 'google.rpc.RetryInfo') {
      const [delay = Buffer.alloc(0)] = all(value, 1);
      const [seconds = 0n] = all(delay, 1), [nanos = 0n] = all(delay, 2);
      found.retryAfterMs = Number(seconds) * 1000 + Number(nanos) / 1e6;
    }
  }
  return found;
}

export function makeError(code, message, bytes = Buffer.alloc(0)) {
  const name = status[code] ?? 'UNKNOWN';
  let details = {};
  try {
    details = readDetails(bytes);
  } catch {
    // Not what we know: the code stands alone.
  }
  return new (CLASSES[name] ?? LedgerError)(name, message, details);
}

/** Of the error of a call. */
export function fromRpc(error) {
  return makeError(error.code, error.details ?? error.message,
                   error.metadata?.get('grpc-status-details-bin')[0]);
}

/** Of the Problem of one event in a stream. */
export const fromProblem = ({code, message, statusDetails}) =>
  makeError(code, message, statusDetails);
