"""One attempt at a stream of events: how many are under way, and which have their answer."""
import queue

import grpc

from . import _status
from .errors import LedgerError, differs
from .v1 import ledger_service_pb2 as pb

WINDOW = 500  # unanswered events; the server reads no further from 1,000 on
EVENTS_PER_MESSAGE = 50


class _Requests:
    """The messages of a stream, given to gRPC as they are due."""

    def __init__(self):
        self._queue = queue.SimpleQueue()

    def __iter__(self):
        return iter(self._queue.get, None)

    def send(self, message):
        self._queue.put(message)

    def close(self):
        self._queue.put(None)


def run(stub, ledger, ack, events, order, timeout):
    """Sends the events at the positions ``order`` and yields (position, receipt or LedgerError).

    Raises LedgerError when the stream broke before every event had its answer.
    """
    requests, sent, answered = _Requests(), 0, 0

    def send_more():
        nonlocal sent
        while sent < len(order) and sent - answered < WINDOW:
            part = order[sent:sent + EVENTS_PER_MESSAGE]
            requests.send(pb.AppendEventStreamRequest(
                ledger="" if sent else ledger,
                requests=[pb.AppendEventRequest(event=events[i], include_opening=True, ack=ack)
                          for i in part]))
            sent += len(part)
            if sent == len(order):
                requests.close()

    call = stub.AppendEventStream(iter(requests), timeout=timeout)
    try:
        send_more()
        for response in call:
            for result in response.results:
                if result.position != answered or answered >= sent:
                    raise differs("results come out of order")
                position, answered = order[answered], answered + 1
                yield position, (_status.from_problem(result.problem)
                                 if result.HasField("problem") else result.receipt)
            send_more()
    except grpc.RpcError as error:
        raise _status.from_rpc(error) from None
    finally:
        requests.close()
        call.cancel()
    if answered < len(order):
        raise LedgerError("UNAVAILABLE", "the stream ended before all results")
