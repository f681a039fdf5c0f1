"""How often and when a client sends again, and what it makes of refusals: a server of ours."""
import concurrent.futures
import tempfile
import unittest

import grpc

from auditledger import (Client, ConflictError, LedgerError, PinnedLog, PreconditionError,
                         ReceiptError, RetryPolicy)
from auditledger._status import make_error
from auditledger.client import _TokenFile
from auditledger.v1 import event_pb2, ledger_service_pb2 as pb, ledger_service_pb2_grpc, proof_pb2
from tests.vectors import seal, unhex

VECTORS = seal("receipts.json")
LOG = PinnedLog(VECTORS["pinned"]["origin"], VECTORS["pinned"]["vkey"])
EVENT = event_pb2.AuditEvent.FromString(unhex(VECTORS["receipts"][0]["event"]))
RECEIPT = proof_pb2.Receipt.FromString(unhex(VECTORS["receipts"][0]["receipt"]))


def field(number, data):
    """Of a protobuf message: length-delimited, or a small number."""
    if isinstance(data, int):
        return bytes([number << 3, data])
    return bytes([number << 3 | 2, len(data)]) + data


def status(reason, retry_after=None, metadata=()):
    pairs = b"".join(field(3, field(1, k) + field(2, v)) for k, v in metadata)
    details = field(3, field(1, b"type.googleapis.com/google.rpc.ErrorInfo")
                    + field(2, field(1, reason) + field(2, b"auditledger") + pairs))
    if retry_after is not None:
        details += field(3, field(1, b"type.googleapis.com/google.rpc.RetryInfo")
                         + field(2, field(1, field(1, retry_after))))
    return field(1, 8) + details


class Service(ledger_service_pb2_grpc.LedgerServiceServicer):
    """Answers with what is laid down in `answers`, then with receipts."""

    def __init__(self):
        self.answers, self.requests = [], []

    def _next(self, context):
        if self.answers:
            code, details = self.answers.pop(0)
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
            context.abort(code, "refused")

    def AppendEvent(self, request, context):
        self.requests.append(request)
        self._next(context)
        return pb.AppendEventResponse(receipt=RECEIPT)

    def BatchAppendEvents(self, request, context):
        self.requests.append(request)
        self._next(context)
        return pb.BatchAppendEventsResponse(receipts=[RECEIPT] * len(request.requests))

    def AppendEventStream(self, requests, context):
        position = 0
        for request in requests:
            for _ in request.requests:
                self.requests.append(position)
                answer = self.answers.pop(0) if self.answers else RECEIPT
                if answer == "expired":
                    context.set_trailing_metadata(
                        (("grpc-status-details-bin", status(b"TOKEN_EXPIRED")),))
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, "expired")
                if answer == "cut":
                    context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
                result = pb.AppendResult(position=position)
                if isinstance(answer, pb.Problem):
                    result.problem.CopyFrom(answer)
                else:
                    result.receipt.CopyFrom(answer)
                position += 1
                yield pb.AppendEventStreamResponse(results=[result])


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.service, self.waits = Service(), []
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(self.service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(server.stop, None)
        retry = RetryPolicy.published(sleep=self.waits.append, uniform=lambda low, high: high)
        self.client = Client(grpc.insecure_channel(f"127.0.0.1:{port}"), "main", LOG, retry=retry,
                             timeout=60)  # a busy machine's
        self.addCleanup(self.client.close)

    def refuse(self, code, details, times=1):
        self.service.answers = [(getattr(grpc.StatusCode, code), details)] * times

    def test_what_had_no_answer_is_sent_again_the_same(self):
        self.refuse("UNAVAILABLE", b"", 3)
        self.assertEqual(self.client.append(EVENT), RECEIPT)
        self.assertEqual(self.waits, [0.1, 0.2, 0.4])
        self.assertEqual(len(self.service.requests), 4)
        first = self.service.requests[0].SerializeToString()
        self.assertTrue(all(r.SerializeToString() == first for r in self.service.requests))
        self.assertEqual(self.service.requests[0].event.event_id, EVENT.event_id)

    def test_attempts_are_bounded(self):
        self.refuse("DEADLINE_EXCEEDED", b"", 9)
        with self.assertRaises(LedgerError) as refused:
            self.client.append(EVENT)
        self.assertTrue(refused.exception.outcome_unknown)
        self.assertEqual(len(self.service.requests), 4)

    def test_a_hint_is_honoured(self):
        self.refuse("RESOURCE_EXHAUSTED", status(b"OVERLOADED", 3), 2)
        self.client.append_batch([EVENT, EVENT])
        self.assertEqual(self.waits, [3, 3])

    def test_without_a_hint_too_much_is_too_much(self):
        self.refuse("RESOURCE_EXHAUSTED", b"")
        with self.assertRaises(LedgerError) as refused:
            self.client.append(EVENT)
        self.assertEqual((refused.exception.code, self.waits), ("RESOURCE_EXHAUSTED", []))

    def test_refusals_are_told_apart(self):
        for code, kind, reason in (("ALREADY_EXISTS", ConflictError, b"EVENT_ID_CONFLICT"),
                                   ("FAILED_PRECONDITION", PreconditionError, b"EVENT_ERASED"),
                                   ("PERMISSION_DENIED", LedgerError, b"NOT_PERMITTED")):
            self.refuse(code, status(reason, metadata=((b"first_index", b"7"),)))
            with self.assertRaises(kind) as refused:
                self.client.append(EVENT)
            self.assertEqual(type(refused.exception), kind)
            self.assertEqual(refused.exception.reason, reason.decode())
            self.assertEqual(refused.exception.metadata, {"first_index": "7"})
        self.assertEqual(self.waits, [])

    def test_details_that_nobody_can_read_change_nothing(self):
        for details in (b"\xff", b"\x18\x01", field(3, b"\x08"), field(3, field(1, b"\xff"))):
            self.assertEqual(make_error("UNAVAILABLE", "x", details).reason, "")

    def test_a_batch_of_another_length_is_refused(self):
        self.service.BatchAppendEvents = None
        self.client.stub.BatchAppendEvents = lambda request, timeout: (
            pb.BatchAppendEventsResponse(receipts=[RECEIPT]))
        with self.assertRaises(ReceiptError):
            self.client.append_batch([EVENT, EVENT])

    def test_a_stream_goes_on_where_it_was_cut(self):
        events = [EVENT] * 120
        self.service.answers = [RECEIPT] * 70 + ["cut"]
        results = list(self.client.append_stream(events))
        self.assertEqual(sorted(position for position, _ in results), list(range(120)))
        self.assertTrue(all(result == RECEIPT for _, result in results))
        self.assertEqual(self.waits, [0.1])

    def test_a_stream_outlives_a_token_that_was_good_for_some_of_it(self):
        self.service.answers = [RECEIPT] * 3 + ["expired"]
        self.assertEqual(len(list(self.client.append_stream([EVENT] * 9))), 9)
        self.service.answers = ["expired"]
        with self.assertRaises(LedgerError) as refused:
            list(self.client.append_stream([EVENT]))
        self.assertEqual(refused.exception.reason, "TOKEN_EXPIRED")

    def test_a_stream_may_be_left(self):
        for _ in self.client.append_stream([EVENT] * 700):
            break
        self.assertEqual(self.client.append(EVENT), RECEIPT)

    def test_a_stream_that_gets_nowhere_ends(self):
        self.service.answers = ["cut"] * 9
        with self.assertRaises(LedgerError):
            list(self.client.append_stream([EVENT]))
        self.assertEqual(len(self.service.requests), 4)

    def test_a_refused_event_does_not_end_a_stream(self):
        conflict = pb.Problem(code=6, status_details=status(b"EVENT_ID_CONFLICT"))
        again = pb.Problem(code=8, status_details=status(b"OVERLOADED", 2))
        self.service.answers = [conflict, again]
        results = dict(self.client.append_stream([EVENT] * 3))
        self.assertIsInstance(results[0], ConflictError)
        self.assertEqual((results[1], results[2]), (RECEIPT, RECEIPT))
        self.assertEqual(self.waits, [2])

    def test_a_receipt_of_another_event_does_not_end_a_stream(self):
        other = event_pb2.AuditEvent(event_id="e-7")
        results = dict(self.client.append_stream([EVENT, other]))
        self.assertEqual(results[0], RECEIPT)
        self.assertEqual(results[1].code, "DATA_LOSS")


class TokenFileTest(unittest.TestCase):
    def given(self, path):
        out = []
        _TokenFile(path)(None, lambda metadata, error: out.append((metadata, error)))
        return out[0]

    def test_a_token_is_read_again_and_nothing_else_is_sent(self):
        with tempfile.NamedTemporaryFile() as file:
            for text, sent in ((b"abc.def\n", "Bearer abc.def"), (b" next ", "Bearer next")):
                file.seek(0)
                file.truncate()
                file.write(text)
                file.flush()
                self.assertEqual(self.given(file.name), ((("authorization", sent),), None))
            for text in (b"", b"two words", b"x" * 8193, b"\xff", b"line\nline"):
                file.seek(0)
                file.truncate()
                file.write(text)
                file.flush()
                metadata, error = self.given(file.name)
                self.assertEqual(metadata, ())
                self.assertIn(file.name, str(error))
        self.assertIsNotNone(self.given("/nowhere/token")[1])


if __name__ == "__main__":
    unittest.main()
