"""A client of the audit ledger: connect, append, and receipts that were checked.

The messages are in auditledger.v1 (event_pb2, proof_pb2, ledger_service_pb2), generated from the
protos; README.md shows how they are used.
"""
from ._note import Head
from ._retry import RetryPolicy, service_config
from .client import Client, connect
from .errors import ConflictError, LedgerError, PreconditionError, ReceiptError
from .receipt import PinnedLog, check_extension, check_receipt

__all__ = ["Client", "ConflictError", "Head", "LedgerError", "PinnedLog", "PreconditionError",
           "ReceiptError", "RetryPolicy", "check_extension", "check_receipt", "connect",
           "service_config"]
