// One attempt at a stream of events: how many are under way, and which have their answer.
import {create} from '@bufbuild/protobuf';
import {AppendEventStreamRequestSchema} from '../gen/auditledger/v1/ledger_service_pb.js';
import {differs, LedgerError, ReceiptError} from './errors.js';
import {fromProblem, fromRpc} from './status.js';

const WINDOW = 500;  // unanswered events; the server reads no further from 1,000 on
const EVENTS_PER_MESSAGE = 50;

/**
 * Sends the events at the positions `order` over `call` and yields {position, receipt} or
 * {position, error} of each. Throws LedgerError when the stream broke before that.
 */
export async function* streamOnce(call, ledger, requestOf, order) {
  let sent = 0, answered = 0;
  const sendMore = () => {
    while (sent < order.length && sent - answered < WINDOW) {
      const part = order.slice(sent, sent + EVENTS_PER_MESSAGE);
      call.write(create(AppendEventStreamRequestSchema, {
        ledger: sent === 0 ? ledger : '', requests: part.map(requestOf)}));
      sent += part.length;
      if (sent === order.length) call.end();
    }
  };
  try {
    sendMore();
    for await (const {results} of call) {
      for (const {position, receipt, problem} of results) {
        if (answered >= sent || position !== BigInt(answered)) {
          throw differs('results come out of order');
        }
        const place = order[answered++];
        yield problem ? {position: place, error: fromProblem(problem)} :
                        {position: place, receipt};
      }
      sendMore();
    }
  } catch (error) {
    throw error instanceof ReceiptError ? error : fromRpc(error);
  } finally {
    call.cancel();
  }
  if (answered < order.length) {
    throw new LedgerError('UNAVAILABLE', 'the stream ended before all results');
  }
}
