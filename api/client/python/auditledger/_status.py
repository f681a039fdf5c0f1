"""gRPC's errors as LedgerError, with what the ledger attached (google.rpc.Status).

Its three messages are read by hand: Debian has no package of them, and a second copy in one process
would collide with that of googleapis-common-protos.
"""
from . import _wire
from .errors import ConflictError, LedgerError, PreconditionError, ReceiptError

_CODES = ("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
          "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
          "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
          "UNAUTHENTICATED")
_CLASSES = {"ALREADY_EXISTS": ConflictError, "FAILED_PRECONDITION": PreconditionError}
_ERROR_INFO, _RETRY_INFO = b"google.rpc.ErrorInfo", b"google.rpc.RetryInfo"


def _all(data, number):
    return [value for n, _, value, _ in _wire.fields(data) if n == number]


def _first(data, number, default):
    return next(iter(_all(data, number)), default)


def _details(status):
    """What of ErrorInfo and RetryInfo a serialised google.rpc.Status has."""
    found = {}
    for packed in _all(status, 3):
        kind = _first(packed, 1, b"").rpartition(b"/")[2]
        value = _first(packed, 2, b"")
        if kind == _ERROR_INFO:
            found["reason"] = _first(value, 1, b"").decode("utf-8", "replace")
            found["metadata"] = {
                _first(pair, 1, b"").decode("utf-8", "replace"):
                    _first(pair, 2, b"").decode("utf-8", "replace") for pair in _all(value, 3)}
        elif kind == _RETRY_INFO:
            delay = _first(value, 1, b"")
            found["retry_after"] = _first(delay, 1, 0) + _first(delay, 2, 0) / 1e9
    return found


def make_error(code, message, status=b""):
    try:
        details = _details(status)
    except (ReceiptError, AttributeError, TypeError):  # not what we know: the code stands alone
        details = {}
    return _CLASSES.get(code, LedgerError)(code, message, **details)


def from_rpc(error):
    """Of a grpc.RpcError that a call raised."""
    trailers = dict(error.trailing_metadata() or ())
    return make_error(error.code().name, error.details() or "",
                      trailers.get("grpc-status-details-bin", b""))


def from_problem(problem):
    """Of the v1 Problem of one event in a stream."""
    code = _CODES[problem.code] if 0 <= problem.code < len(_CODES) else "UNKNOWN"
    return make_error(code, problem.message, problem.status_details)
