"""The parts of the check against the vectors, the hostile ones included."""
import base64
import unittest

from auditledger import ReceiptError, _entry, _merkle, _note
from tests.vectors import public, seal, unhex

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


class EntryVectors(unittest.TestCase):
    def test_an_event_from_its_bytes_to_its_leaf(self):
        for vector in seal("events.json")["vectors"]:
            with self.subTest(vector["name"]):
                event = unhex(vector["event"])
                units = _entry.cut_units(event)
                self.assertEqual(len(units), vector["unit_count"])
                for (path, data), unit in zip(units, vector.get("units", [])):
                    self.assertEqual([list(path), data], [unit["path"], unhex(unit["bytes"])])
                self.assertEqual(_entry.event_time_us(units), vector["event_time_us"])
                header = _entry.parse_header(unhex(vector["header"]))
                wanted = vector["header_fields"]
                self.assertEqual(_entry.event_identity(units), (
                    unhex(wanted["event_id"]), unhex(wanted["stream_id"]),
                    wanted["stream_sequence"]))
                self.assertEqual((header.flags, header.principal),
                                 (wanted["flags"], unhex(wanted["principal"])))
                seed = unhex(vector["seed"])
                self.assertEqual(_entry.commitment(seed, unhex(vector["header"]), units),
                                 unhex(vector["commitment"]))
                leaf = unhex(vector["leaf"])
                self.assertEqual(_merkle.leaf_hash(leaf), unhex(vector["leaf_hash"]))
                _entry.verify_opening(_entry.parse_leaf(leaf), seed, unhex(vector["header"]), event)

    def test_leaves_and_headers_alone(self):
        for vector in seal("leaves.json")["vectors"]:
            leaf = _entry.parse_leaf(unhex(vector["leaf"]))
            self.assertEqual((leaf.kind, leaf.recorded_at_us, leaf.event_time_us, leaf.body), (
                vector["kind"], vector["recorded_at_us"], vector["event_time_us"],
                unhex(vector["body"])))
        for vector in seal("headers.json")["vectors"]:
            header = _entry.parse_header(unhex(vector["header"]))
            self.assertEqual(header.received_at_us, vector["fields"]["received_at_us"])

    def test_openings(self):
        verdicts = {"differs": "DATA_LOSS", "malformed": "INVALID_ARGUMENT"}
        checked = 0
        for vector in seal("openings.json")["vectors"]:
            leaf = _entry.parse_leaf(unhex(vector["leaf"]))
            # Tags are checked by whoever has the index key; other kinds are no receipts of events.
            if vector["blames"] in ("tags", "UTF-8") or leaf.kind != _entry.KIND_EVENT:
                continue
            opening = unhex(vector["opening"])
            seed, size = opening[1:33], int.from_bytes(opening[33:35], "big")
            header, event = opening[35:35 + size], opening[39 + size:]
            checked += 1
            with self.subTest(vector["name"]):
                if vector["verdict"] == "verified":
                    _entry.verify_opening(leaf, seed, header, event)
                    continue
                with self.assertRaises(ReceiptError) as refused:
                    _entry.verify_opening(leaf, seed, header, event)
                self.assertEqual(refused.exception.code, verdicts[vector["verdict"]])
        self.assertGreaterEqual(checked, 30)

    def test_hostile_bytes_are_refused(self):
        parsers = {"units": _entry.cut_units, "leaf": _entry.parse_leaf,
                   "header": _entry.parse_header,
                   "time": lambda data: _entry.event_time_us(_entry.cut_units(data)),
                   "identity": lambda data: _entry.event_identity(_entry.cut_units(data))}
        checked = 0
        for vector in seal("hostile.json")["vectors"]:
            if vector["parser"] in parsers:
                checked += 1
                with self.subTest(vector["name"]), self.assertRaises(ReceiptError) as refused:
                    parsers[vector["parser"]](unhex(vector["bytes"]))
                self.assertEqual(refused.exception.code, "INVALID_ARGUMENT")
        self.assertGreaterEqual(checked, 100)


class PublicVectors(unittest.TestCase):
    def verdicts(self, name, verify):
        """{verdict: how many} after each case was compared."""
        counted = {True: 0, False: 0}
        for case in public(name):
            if case["file"].endswith("/sizes-are-equal-one-and-proof-is-empty.json"):
                continue  # two equal roots of twelve bytes
            with self.subTest(case["file"]):
                counted[case["wantErr"]] += 1
                try:
                    verify(case)
                    refused = False
                except ReceiptError:
                    refused = True
                self.assertEqual(refused, case["wantErr"])
        return counted

    def test_inclusion(self):
        raw = base64.b64decode
        self.assertEqual({True: 92, False: 6}, self.verdicts(
            "merkle/inclusion.jsonl", lambda c: _merkle.verify_inclusion(
                c["leafIdx"], c["treeSize"], raw(c["leafHash"]),
                [raw(h) for h in c["proof"] or []], raw(c["root"]))))

    def test_consistency(self):
        raw = base64.b64decode
        self.assertEqual({True: 92, False: 5}, self.verdicts(
            "merkle/consistency.jsonl", lambda c: _merkle.verify_consistency(
                c["size1"], raw(c["root1"]), c["size2"], raw(c["root2"]),
                [raw(h) for h in c["proof"] or []])))

    def test_the_tree_of_eight_leaves(self):
        tree = public("merkle/rfc6962-8-leaves.json")
        roots = [bytes.fromhex(root) for root in tree["root_hex_by_size"]]
        for case in tree["inclusion_0based"]:
            leaf = _merkle.leaf_hash(bytes.fromhex(tree["leaf_inputs_hex"][case["leaf_index"]]))
            _merkle.verify_inclusion(case["leaf_index"], case["tree_size"], leaf,
                                     [bytes.fromhex(h) for h in case["path_hex"]],
                                     roots[case["tree_size"]])
        for case in tree["consistency"]:
            _merkle.verify_consistency(case["size1"], roots[case["size1"]], case["size2"],
                                       roots[case["size2"]],
                                       [bytes.fromhex(h) for h in case["proof_hex"]])

    def refused(self, code, call, *arguments):
        with self.assertRaises(ReceiptError) as refused:
            call(*arguments)
        self.assertEqual(refused.exception.code, code)

    def test_signed_notes(self):
        vectors, peter = public("note/signed-note.json"), _note.VerifierKey.parse(PETER)
        for case in vectors["good"]:
            for vkey in case["vkeys"]:
                note = case["note"].encode()
                self.assertTrue(note.startswith(
                    _note.open_note(note, _note.VerifierKey.parse(vkey)) + b"\n"))
        for case in vectors["malformed"]:
            with self.subTest(case["why"]):
                self.refused("INVALID_ARGUMENT", _note.open_note,
                             base64.b64decode(case["note_base64"]), peter)
        for case in vectors["known_key_bad_signature"]:
            self.refused("DATA_LOSS", _note.open_note, base64.b64decode(case["note_base64"]), peter)
        for case in vectors["unverified"]:
            self.refused("UNAUTHENTICATED", _note.open_note, case["note"].encode(), peter)

    def test_vkeys(self):
        for case in public("note/signed-note.json")["bad_vkeys"]:
            self.refused("INVALID_ARGUMENT", _note.VerifierKey.parse, case["vkey"])
        for cut in range(len(PETER)):  # nothing less than all of it is one
            self.refused("INVALID_ARGUMENT", _note.VerifierKey.parse, PETER[:cut])
            self.refused("INVALID_ARGUMENT", _note.VerifierKey.parse, PETER[cut + 1:])
        for case in public("note/vkeys-other-types.json")["vkeys"]:
            if case["type"] != 1:  # no log's key
                self.refused("INVALID_ARGUMENT", _note.VerifierKey.parse, case["vkey"])

    def test_checkpoints_of_a_log_by_others(self):
        log = public("tlog/tessera-testlog.json")
        key = _note.VerifierKey.parse(log["vkey"])
        for size, note in enumerate(log["checkpoints_by_size"]):
            head = _note.parse_checkpoint(_note.open_note(note.encode(), key))
            self.assertEqual(head[:2], (log["origin"], size))

    def test_ed25519(self):
        for group in public("ed25519/wycheproof_ed25519_test.json")["testGroups"]:
            key = _note.VerifierKey(b"", b"", bytes.fromhex(group["publicKey"]["pk"]))
            for case in group["tests"]:
                with self.subTest(case["tcId"]):
                    signed = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
                    if case["result"] == "valid":
                        key.verify(*signed)
                    else:
                        self.refused("DATA_LOSS", key.verify, *signed)


if __name__ == "__main__":
    unittest.main()
