"""The emitter's client: append events, get receipts that were checked."""
import os

import grpc

from . import _status, _stream
from ._retry import RetryPolicy
from .errors import LedgerError, ReceiptError, differs
from .receipt import check_extension, check_receipt_under
from .v1 import ledger_service_pb2 as pb
from .v1 import ledger_service_pb2_grpc

MAX_RECEIVE_BYTES = 16 << 20  # receipts of a full batch with their openings are 4 MiB
MAX_TOKEN_BYTES = 8 << 10
TIMEOUT = 5.0  # seconds for one attempt
STREAM_TIMEOUT = 60.0


class _TokenFile(grpc.AuthMetadataPlugin):
    """Sends the token that stands in a file, which whoever gets tokens replaces."""

    def __init__(self, path):
        self._path = path

    def _read(self):
        with open(self._path, "rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 1).strip()
        if not token or len(token) > MAX_TOKEN_BYTES or not all(0x21 <= b < 0x7F for b in token):
            raise ValueError("does not hold a token")
        return token.decode("ascii")

    def __call__(self, context, callback):
        try:
            callback((("authorization", "Bearer " + self._read()),), None)
        except (OSError, ValueError) as error:
            callback((), type(error)(f"{self._path}: {error.args[-1]}"))


def _credentials(ca, cert, key, token_file):
    def read(path):
        if path is None:
            return None
        with open(path, "rb") as file:
            return file.read()
    if (cert is None) != (key is None) or (cert is None and token_file is None):
        raise ValueError("give cert and key, or token_file, or all three")
    tls = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
    if token_file is None:
        return tls
    token = grpc.metadata_call_credentials(_TokenFile(os.fspath(token_file)))
    return grpc.composite_channel_credentials(tls, token)


def connect(address, ledger, log, *, ca, cert=None, key=None, token_file=None, **options):
    """A Client of the ledger with this id, over TLS.

    ca: PEM file of who signs the server's certificate. cert, key: ours, with exactly one URI SAN.
    token_file: an access token, sent with each call and read again when it changes.
    log: the PinnedLog. The channel connects when it is first used.
    """
    # Retries are ours (_retry.py): gRPC's would not see the ledger's reason and hint.
    channel = grpc.secure_channel(address, _credentials(ca, cert, key, token_file), [
        ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES), ("grpc.enable_retries", 0)])
    return Client(channel, ledger, log, **options)


class Client:
    """Appends to one ledger. Thread-safe. Close it, or use it as a context manager.

    An event is recorded once however often it is sent, under its event_id, which is unique in its
    stream: so a LedgerError with outcome_unknown means to keep the event and send it later, with
    the same id and contents. Every receipt is checked before it is returned (ReceiptError).
    """

    def __init__(self, channel, ledger, log, *, retry=None, timeout=TIMEOUT,
                 stream_timeout=STREAM_TIMEOUT, ack=pb.ACK_LEVEL_DURABLE):
        self._channel, self._ledger, self._log = channel, f"ledgers/{ledger}", log
        self._retry = retry or RetryPolicy.published()
        self._timeout, self._stream_timeout, self._ack = timeout, stream_timeout, ack
        self.stub = ledger_service_pb2_grpc.LedgerServiceStub(channel)  # for all other calls

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._channel.close()

    def append(self, event):
        """Records one event; returns its Receipt."""
        request = self._request(event)
        request.ledger = self._ledger
        receipt = self._call(self.stub.AppendEvent, request).receipt
        self._check([receipt], [event])
        return receipt

    def append_batch(self, events):
        """Records all events or none, next to each other; returns a Receipt for each."""
        events = list(events)
        request = pb.BatchAppendEventsRequest(
            ledger=self._ledger, requests=[self._request(event) for event in events],
            ack=self._ack)
        receipts = list(self._call(self.stub.BatchAppendEvents, request).receipts)
        if len(receipts) != len(events):
            raise differs(f"answer to a batch: {len(receipts)} receipts for {len(events)} events")
        self._check(receipts, events)
        return receipts

    def append_stream(self, events):
        """Records each event by itself; yields (position, Receipt or error) for each.

        An error is the LedgerError or ReceiptError of that event; the stream goes on. In order but
        for events that were sent again. Raises LedgerError when the rest got no answer.
        """
        events = list(events)
        pending, attempt = list(range(len(events))), 1
        while pending:
            again, before, broke = [], len(pending), None
            remaining = set(pending)
            try:
                for position, result in _stream.run(self.stub, self._ledger, self._ack, events,
                                                    pending, self._stream_timeout):
                    if isinstance(result, LedgerError) and result.retryable:
                        again.append(result)
                        continue
                    remaining.discard(position)
                    yield position, self._checked(result, events[position])
            except LedgerError as error:
                broke = error
            pending = sorted(remaining)
            if not pending:
                return
            progress = len(pending) < before
            error = broke or again[-1]
            renewed = error.reason == "TOKEN_EXPIRED" and progress  # the file may hold the next
            attempt = 1 if progress else attempt
            if not (error.retryable or renewed) or attempt >= self._retry.max_attempts:
                raise error
            self._retry.wait(attempt, error)
            attempt += 1

    def follow(self, head, receipt):
        """The newest of ``head`` (the last one seen, or None) and the receipt's head.

        The ledger has to prove that one extends the other (role prover). Keep what is returned:
        ReceiptError then says that the ledger was rolled back or shows another history.
        """
        new = self._log.open_head(receipt.checkpoint.note)
        if head is None:
            return new
        first, last = sorted((head, new), key=lambda one: one.size)
        proof = [] if first.size == last.size else self._consistency(first.size, last.size)
        check_extension(first, last, proof)
        return last if last.size > head.size else head

    def _consistency(self, old_size, new_size):
        request = pb.GetConsistencyProofRequest(
            ledger=self._ledger, old_size=old_size, new_size=new_size)
        try:
            return self._call(self.stub.GetConsistencyProof, request).proof.hashes
        except LedgerError as error:
            if error.code != "OUT_OF_RANGE":
                raise
            raise differs(f"the ledger does not know size {new_size}, which it has signed: "
                          "it was rolled back, or this is another one") from error

    def _request(self, event):
        return pb.AppendEventRequest(event=event, include_opening=True, ack=self._ack)

    def _call(self, method, request):
        def once():
            try:
                return method(request, timeout=self._timeout)
            except grpc.RpcError as error:
                raise _status.from_rpc(error) from None
        return self._retry.run(once)

    def _checked(self, result, event):
        if isinstance(result, LedgerError):
            return result
        try:
            self._check([result], [event])
        except ReceiptError as error:
            return error
        return result

    def _check(self, receipts, events):
        head = None  # a signature costs more than the rest: once for each note
        for receipt, event in zip(receipts, events):
            try:
                if head is None or head.note != receipt.checkpoint.note:
                    head = self._log.open_head(receipt.checkpoint.note)
                check_receipt_under(head, receipt, event.SerializeToString(deterministic=True))
            except ReceiptError as error:
                error.receipt = receipt
                raise
