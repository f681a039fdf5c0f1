"""Against a real ledger: tests/clients/rig.py runs this."""
import os
import pathlib
import socket
import subprocess
import sys
import unittest
import uuid

import auditledger
from auditledger.v1 import ledger_service_pb2 as pb
from auditledger.v1.event_pb2 import Agent, AuditEvent, Entity, Outcome, Reference, Source

HERE = pathlib.Path(__file__).resolve().parent
CERTS = pathlib.Path(os.environ.get("AUDITLEDGER_CERTS", "/nowhere"))
ORIGIN = "audit.example.org/clinic"


def rig(command):
    host, port = os.environ["AUDITLEDGER_RIG"].rsplit(":", 1)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(command.encode() + b"\n")
        answer = connection.makefile().readline().strip()
    assert answer == "ok", answer


def new_event(**fields):
    new_event.sequence += 1
    event = AuditEvent(
        event_id=str(uuid.uuid4()), schema_version=1, agent=[Agent(name="Dr. A")],
        outcome=Outcome(indicator=Outcome.INDICATOR_SUCCESS),
        source=Source(observer=Reference(display="EHR"), stream_id="python",
                      stream_sequence=new_event.sequence), **fields)
    event.recorded.at.GetCurrentTime()
    return event


new_event.sequence = 0


@unittest.skipUnless("AUDITLEDGER" in os.environ, "tests/clients/rig.py runs these")
class WithLedger(unittest.TestCase):
    def setUp(self):
        self.log = auditledger.PinnedLog(ORIGIN, (CERTS / "clinic.vkey").read_text())

    def connect(self, where="AUDITLEDGER", name="ehr", log=None):
        client = auditledger.connect(
            os.environ[where], "clinic", log or self.log, ca=CERTS / "ca.pem",
            cert=CERTS / f"{name}.pem", key=CERTS / f"{name}.key", timeout=60)
        self.addCleanup(client.close)
        return client

    def size(self):
        ledger = self.connect().stub.GetLedger(pb.GetLedgerRequest(name="ledgers/clinic"))
        return ledger.ledger.size


class LedgerTest(WithLedger):
    def test_the_quickstart_runs(self):
        done = subprocess.run([sys.executable, HERE.parent / "quickstart.py"], check=True,
                              stdout=subprocess.PIPE, text=True, cwd=CERTS.parent,
                              env={**os.environ, "PYTHONPATH": str(HERE.parent)})
        self.assertIn("recorded as entry", done.stdout)

    def test_one_by_one_and_heads_follow_each_other(self):
        client, head = self.connect(), None
        for _ in range(5):
            receipt = client.append(new_event())
            newer = client.follow(head, receipt)
            self.assertTrue(head is None or newer.size > head.size)
            head = newer
        self.assertIs(client.follow(head, receipt), head)

    def test_batches_and_streams(self):
        client, before = self.connect(), self.size()
        receipts = client.append_batch([new_event() for _ in range(50)])
        self.assertEqual([r.index for r in receipts], list(range(before, before + 50)))
        results = dict(client.append_stream([new_event() for _ in range(700)]))
        self.assertEqual(sorted(r.index for r in results.values()),
                         list(range(before + 50, before + 750)))

    def test_the_same_event_again_gets_the_first_receipt(self):
        client, event = self.connect(), new_event()
        first, again = client.append(event), client.append(event)
        self.assertEqual(first.index, again.index)
        self.assertFalse(first.repeated_event)
        self.assertTrue(again.repeated_event)
        event.agent[0].name = "Dr. B"
        with self.assertRaises(auditledger.ConflictError) as refused:
            client.append(event)
        self.assertEqual(refused.exception.reason, "EVENT_ID_CONFLICT")

    def test_refusals_have_reasons(self):
        with self.assertRaises(auditledger.LedgerError) as refused:
            self.connect(name="auditor").append(new_event())
        self.assertEqual((refused.exception.code, refused.exception.reason),
                         ("PERMISSION_DENIED", "NOT_PERMITTED"))
        with self.assertRaises(auditledger.LedgerError) as refused:
            self.connect().append(AuditEvent(event_id="x"))
        self.assertEqual(refused.exception.reason, "MALFORMED_EVENT")

    def test_secrets_are_masked_and_the_receipt_still_holds(self):
        event = new_event(entity=[Entity(query=b"/login?user=ann&password=x1")])
        receipt = self.connect().append(event)
        self.assertIn("SECRETS_MASKED", receipt.flags)
        sealed = AuditEvent.FromString(receipt.opening.event)
        self.assertEqual(sealed.entity[0].query, b"/login?user=ann&password=**")
        for result in dict(self.connect().append_stream([event])).values():
            self.assertEqual(result.index, receipt.index)

    def test_another_key_is_not_believed(self):
        stranger = auditledger.PinnedLog(
            ORIGIN, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        with self.assertRaises(auditledger.ReceiptError) as refused:
            self.connect(log=stranger).append(new_event())
        self.assertEqual(refused.exception.code, "UNAUTHENTICATED")
        self.assertTrue(refused.exception.receipt.leaf)

    def test_a_token_is_enough_where_tokens_are_asked_for(self):
        with auditledger.connect(os.environ["AUDITLEDGER_TOKEN"], "clinic", self.log,
                                 ca=CERTS / "ca.pem", token_file=CERTS / "token") as client:
            self.assertFalse(client.append(new_event()).repeated_event)
        with self.assertRaises(ValueError):
            auditledger.connect("localhost:1", "clinic", self.log, ca=CERTS / "ca.pem")

    def test_an_answer_that_was_lost_makes_no_second_entry(self):
        client = self.connect("AUDITLEDGER_PROXY")
        client.append(new_event())
        for send in (lambda: [client.append(new_event())],
                     lambda: client.append_batch([new_event() for _ in range(20)])):
            before = self.size()
            rig("lose-answer")
            receipts = send()
            self.assertTrue(all(r.repeated_event for r in receipts))
            self.assertEqual([r.index for r in receipts],
                             list(range(before, before + len(receipts))))
            self.assertEqual(self.size(), before + len(receipts))
        before = self.size()
        rig("lose-answer")
        results = dict(client.append_stream([new_event() for _ in range(700)]))
        self.assertEqual(sorted(r.index for r in results.values()),
                         list(range(before, before + 700)))
        self.assertEqual(self.size(), before + 700)


class RolledBackTest(WithLedger):
    def test_a_ledger_that_was_rolled_back_is_noticed(self):
        client = self.connect()
        rig("snapshot")
        for _ in range(3):
            head = client.follow(None, client.append(new_event()))
        rig("rollback")
        for _ in range(3):  # smaller than what was seen, then as large, but another
            receipt = client.append(new_event())
            with self.assertRaises(auditledger.ReceiptError) as refused:
                client.follow(head, receipt)
            self.assertEqual(refused.exception.code, "DATA_LOSS")
        receipt = client.append(new_event())
        with self.assertRaises(auditledger.ReceiptError):
            client.follow(head, receipt)


if __name__ == "__main__":
    unittest.main()
