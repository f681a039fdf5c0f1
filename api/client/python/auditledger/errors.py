"""What can go wrong, told apart by what the caller does next."""


class LedgerError(Exception):
    """The ledger refused a call, or nobody answered.

    ``code`` is the name of the gRPC code, ``reason`` the ledger's own ("OVERLOADED",
    "NOT_PERMITTED", ...; empty when gRPC itself gave up), ``metadata`` what belongs to it, and
    ``retry_after`` the seconds that the ledger asked to wait, or None.
    """

    def __init__(self, code, message, reason="", metadata=None, retry_after=None):
        super().__init__(f"{code} {reason}: {message}" if reason else f"{code}: {message}")
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.retry_after = retry_after

    @property
    def retryable(self):
        """Whether the same event may be sent again: it is recorded once, however often."""
        if self.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            return True
        return self.code == "RESOURCE_EXHAUSTED" and self.retry_after is not None

    @property
    def outcome_unknown(self):
        """Whether the event may have been recorded all the same: keep it and send it later."""
        return self.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


class ConflictError(LedgerError):
    """ALREADY_EXISTS: another event is recorded under this id. Sending again never helps."""


class PreconditionError(LedgerError):
    """FAILED_PRECONDITION: the ledger takes no such call as it is (read-only, frozen, erased)."""


class ReceiptError(Exception):
    """A receipt or head that does not prove what it should. Keep it, it is evidence.

    ``code``: INVALID_ARGUMENT malformed; DATA_LOSS it proves nothing, or something else;
    UNAUTHENTICATED the pinned key has not signed it; FAILED_PRECONDITION it is another log's.
    """

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.receipt = None  # put there by whoever checked one


def malformed(message):
    return ReceiptError("INVALID_ARGUMENT", message)


def differs(message):
    return ReceiptError("DATA_LOSS", message)
