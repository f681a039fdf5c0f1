// The emitter's client: append events, get receipts that were checked.
import {create, isMessage} from '@bufbuild/protobuf';
import {AuditEventSchema} from '../gen/auditledger/v1/event_pb.js';
import {
  AckLevel, AppendEventRequestSchema, BatchAppendEventsRequestSchema,
  GetConsistencyProofRequestSchema
} from '../gen/auditledger/v1/ledger_service_pb.js';
import {openStub} from './channel.js';
import {differs, LedgerError} from './errors.js';
import {checkExtension, checkReceiptUnder, withEvidence} from './receipt.js';
import {retry, retryPolicy, waitAfter} from './retry.js';
import {fromRpc} from './status.js';
import {streamOnce} from './stream.js';

const eventOf = event =>
  isMessage(event, AuditEventSchema) ? event : create(AuditEventSchema, event);

/**
 * Appends to one ledger. An event is recorded once however often it is sent, under its eventId,
 * which is unique in its stream: so a LedgerError with outcomeUnknown means to keep the event and
 * send it later, with the same id and contents. Every receipt is checked before it is handed out
 * (ReceiptError). Events are AuditEvent messages, or what create() makes one of.
 */
export class Client {
  #ledger;
  #log;
  #options;

  constructor(stub, ledger, log, options = {}) {
    this.stub = stub;  // for all other calls
    this.#ledger = `ledgers/${ledger}`;
    this.#log = log;
    this.#options = {retry: retryPolicy(), timeoutMs: 5000, streamTimeoutMs: 60_000,
                     ack: AckLevel.DURABLE, ...options};
  }

  close() {
    this.stub.close();
  }

  /** Records one event; resolves to its Receipt. */
  async append(event) {
    const sent = eventOf(event);
    const {receipt} = await this.#call(
        'appendEvent', create(AppendEventRequestSchema,
                              {...this.#request(sent), ledger: this.#ledger}));
    this.#check([receipt], [sent]);
    return receipt;
  }

  /** Records all events or none, next to each other; resolves to a Receipt for each. */
  async appendBatch(events) {
    const sent = [...events].map(eventOf);
    const {receipts} = await this.#call('batchAppendEvents', create(
        BatchAppendEventsRequestSchema,
        {ledger: this.#ledger, ack: this.#options.ack, requests: sent.map(e => this.#request(e))}));
    if (receipts.length !== sent.length) {
      throw differs(`answer to a batch: ${receipts.length} receipts for ${sent.length} events`);
    }
    this.#check(receipts, sent);
    return receipts;
  }

  /**
   * Records each event by itself; yields {position, receipt}, or {position, error} with the
   * LedgerError or ReceiptError of that event, whereafter the stream goes on. In order but for
   * events that were sent again. Throws LedgerError when the rest got no answer.
   */
  async * appendStream(events) {
    const sent = [...events].map(eventOf);
    const policy = this.#options.retry;
    let pending = sent.map((_, position) => position);
    for (let attempt = 1; pending.length > 0; ++attempt) {
      const rest = new Set(pending), before = pending.length;
      let failed;
      try {
        const call = this.stub.appendEventStream(
            {deadline: Date.now() + this.#options.streamTimeoutMs});
        for await (const result of streamOnce(
            call, this.#ledger, position => this.#request(sent[position]), pending)) {
          if (result.error?.retryable) {
            failed = result.error;
            continue;
          }
          rest.delete(result.position);
          yield this.#checked(result, sent[result.position]);
        }
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        failed = error;
      }
      pending = [...rest];
      if (pending.length === 0) return;
      const progress = pending.length < before;
      if (progress) attempt = 1;  // it goes on: attempts count between two results
      // A token that was good for some of the events: its file may hold the next one by now.
      const renewed = failed.reason === 'TOKEN_EXPIRED' && progress;
      if (!(failed.retryable || renewed) || attempt >= policy.maxAttempts) throw failed;
      await waitAfter(policy, attempt, failed);
    }
  }

  /**
   * The newest of `head` (the last one seen, or undefined) and the receipt's head. The ledger has
   * to prove that one extends the other (role prover). Keep what comes of it: a ReceiptError then
   * says that the ledger was rolled back or shows another history.
   */
  async follow(head, receipt) {
    const seen = this.#log.openHead(receipt.checkpoint?.note ?? '');
    if (!head) return seen;
    const [first, last] = seen.size < head.size ? [seen, head] : [head, seen];
    const proof = first.size === last.size ? [] : await this.#consistency(first.size, last.size);
    checkExtension(first, last, proof);
    return last.size > head.size ? last : head;
  }

  async #consistency(oldSize, newSize) {
    try {
      const {proof} = await this.#call('getConsistencyProof', create(
          GetConsistencyProofRequestSchema, {ledger: this.#ledger, oldSize, newSize}));
      return proof?.hashes ?? [];
    } catch (error) {
      if (error.code !== 'OUT_OF_RANGE') throw error;
      throw differs(`the ledger does not know size ${newSize}, which it has signed: it was ` +
                    'rolled back, or this is another one');
    }
  }

  #request(event) {
    return create(AppendEventRequestSchema,
                  {event, includeOpening: true, ack: this.#options.ack});
  }

  #call(method, request) {
    return retry(this.#options.retry, () => new Promise((resolve, reject) => {
      this.stub[method](request, {deadline: Date.now() + this.#options.timeoutMs},
                        (error, response) => error ? reject(fromRpc(error)) : resolve(response));
    }));
  }

  #checked(result, event) {
    if (result.error) return result;
    try {
      this.#check([result.receipt], [event]);
      return result;
    } catch (error) {
      return {position: result.position, error};
    }
  }

  #check(receipts, events) {
    let head;  // a signature costs more than the rest: once for each note
    receipts.forEach((receipt, i) => withEvidence(receipt, () => {
      const note = receipt?.checkpoint?.note ?? '';
      if (head?.note !== note) head = this.#log.openHead(note);
      checkReceiptUnder(head, receipt, events[i]);
    }));
  }
}

/**
 * A Client of the ledger with this id, over TLS. ca: PEM file of who signs the server's
 * certificate; cert, key: ours, with exactly one URI SAN; tokenFile: an access token, read and sent
 * with each call. It connects when it is first used. Close it in the end.
 */
export function connect(address, ledger, log, {ca, cert, key, tokenFile, ...options}) {
  return new Client(openStub(address, {ca, cert, key, tokenFile}), ledger, log, options);
}
