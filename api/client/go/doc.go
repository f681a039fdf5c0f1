// Package auditledger is a client of the audit ledger: connect, append, and receipts that were
// checked before they are returned. The messages are in auditledgerpb, generated from the protos.
//
// An event is recorded once however often it is sent, under its event_id, which is unique in its
// stream. So an error that Is ErrOutcomeUnknown means to keep the event and send it later, with the
// same id and contents.
package auditledger

//go:generate ./generate.sh
