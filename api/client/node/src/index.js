// A client of the audit ledger: connect, append, and receipts that were checked. The messages are in
// auditledger/v1/event, auditledger/v1/ledger_service and so on, generated from the protos.
export {Client, connect} from './client.js';
export {ConflictError, LedgerError, PreconditionError, ReceiptError} from './errors.js';
export {checkExtension, checkReceipt, PinnedLog} from './receipt.js';
export {retryPolicy, serviceConfig} from './retry.js';
