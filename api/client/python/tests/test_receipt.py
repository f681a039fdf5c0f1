"""Whole receipts: tests/testdata/seal/receipts.json, and every byte of one flipped."""
import copy
import random as random_module
import unittest

from google.protobuf.message import DecodeError

from auditledger import PinnedLog, ReceiptError, check_extension, check_receipt
from auditledger.v1.proof_pb2 import Receipt
from tests.vectors import seal, unhex

VECTORS = seal("receipts.json")
PINNED = VECTORS["pinned"]
LOG = PinnedLog(PINNED["origin"], PINNED["vkey"], PINNED["other_vkeys"])


def verdict(call, *arguments):
    try:
        call(*arguments)
    except ReceiptError as error:
        return error.code
    return "OK"


class ReceiptTest(unittest.TestCase):
    def test_every_receipt_is_judged_as_it_should_be(self):
        for vector in VECTORS["receipts"]:
            with self.subTest(vector["name"]):
                receipt = Receipt.FromString(unhex(vector["receipt"]))
                self.assertEqual(vector["verdict"],
                                 verdict(check_receipt, receipt, unhex(vector["event"]), LOG))
        self.assertGreaterEqual(len(VECTORS["receipts"]), 60)

    def test_every_pair_of_heads_is_judged_as_it_should_be(self):
        for vector in VECTORS["heads"]:
            with self.subTest(vector["name"]):
                old, new = LOG.open_head(vector["old_note"]), LOG.open_head(vector["new_note"])
                proof = [bytes.fromhex(h) for h in vector["proof"]]
                self.assertEqual(vector["verdict"], verdict(check_extension, old, new, proof))

    def setUp(self):
        self.event = unhex(VECTORS["receipts"][0]["event"])
        self.receipt = Receipt.FromString(unhex(VECTORS["receipts"][0]["receipt"]))

    def refused(self, receipt):
        return verdict(check_receipt, receipt, self.event, LOG) != "OK"

    def test_a_flipped_bit_anywhere_is_noticed(self):
        def flips(data):
            for i in range(len(data)):
                yield data[:i] + bytes([data[i] ^ 1]) + data[i + 1:]

        def each(set_field, data):
            for changed in flips(data):
                receipt = copy.deepcopy(self.receipt)
                set_field(receipt, changed)
                self.assertTrue(self.refused(receipt))

        good = self.receipt
        self.assertFalse(self.refused(good))
        each(lambda r, data: setattr(r, "leaf", data), good.leaf)
        each(lambda r, data: setattr(r.opening, "seed", data), good.opening.seed)
        each(lambda r, data: setattr(r.opening, "header", data), good.opening.header)
        for i, one in enumerate(good.inclusion.hashes):
            each(lambda r, data: r.inclusion.hashes.__setitem__(i, data), one)
        for i, letter in enumerate(good.checkpoint.note):
            receipt = copy.deepcopy(good)
            note = good.checkpoint.note
            receipt.checkpoint.note = note[:i] + chr(ord(letter) ^ 1) + note[i + 1:]
            self.assertTrue(self.refused(receipt), i)
        for bit in range(64):
            for field in ("index", "inclusion.leaf_index", "inclusion.tree_size"):
                receipt = copy.deepcopy(good)
                holder, name = receipt, field
                if "." in field:
                    holder, name = receipt.inclusion, field.split(".")[1]
                setattr(holder, name, getattr(holder, name) ^ 1 << bit)
                self.assertTrue(self.refused(receipt), (field, bit))

    def test_random_damage_is_refused_in_no_other_way(self):
        random, refused = random_module.Random(7), 0
        named = {vector["name"]: vector for vector in VECTORS["receipts"]}
        for vector in (named["a receipt"], named["secrets masked"]) * 1000:
            data, event = bytearray(unhex(vector["receipt"])), bytearray(unhex(vector["event"]))
            for _ in range(random.randint(1, 3)):
                damaged = random.choice((data, data, event))
                damaged[random.randrange(len(damaged))] = random.randrange(256)
            try:
                receipt = Receipt.FromString(bytes(data[:random.choice((None, -1, -40))]))
            except DecodeError:
                continue
            refused += verdict(check_receipt, receipt, bytes(event), LOG) != "OK"
        self.assertGreater(refused, 300)

    def test_another_event_is_noticed(self):
        for i in range(len(self.event)):
            changed = self.event[:i] + bytes([self.event[i] ^ 1]) + self.event[i + 1:]
            self.assertNotEqual("OK", verdict(check_receipt, self.receipt, changed, LOG))

    def test_another_key_and_another_origin(self):
        stranger = PinnedLog(PINNED["origin"], PINNED["stranger_vkey"])
        self.assertEqual("UNAUTHENTICATED",
                         verdict(check_receipt, self.receipt, self.event, stranger))
        elsewhere = PinnedLog("ledger.example.org/elsewhere", PINNED["vkey"])
        self.assertEqual("FAILED_PRECONDITION",
                         verdict(check_receipt, self.receipt, self.event, elsewhere))

    def test_an_error_holds_the_receipt_as_evidence(self):
        self.receipt.index += 1
        with self.assertRaises(ReceiptError) as refused:
            check_receipt(self.receipt, self.event, LOG)
        self.assertIs(refused.exception.receipt, self.receipt)


if __name__ == "__main__":
    unittest.main()
