/**
 * A client of the audit ledger: connect, append, and receipts that were checked before they are
 * returned. {@link auditledger.client.LedgerClient} is where to begin; the messages are in {@code
 * auditledger.v1}, generated from the protos.
 */
package auditledger.client;
