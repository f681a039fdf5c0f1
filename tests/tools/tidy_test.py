"""Every rule of tools/tidy.py, shown failing on a tree made for it and passing on a good one."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import tidy  # noqa: E402


class TidyTest(unittest.TestCase):
    def findings(self, rule, files, **arguments):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return [f"{p}:{n}: {why}" for p, n, why in
                    rule(tidy.Tree(folder, list(files)), **arguments)]

    def test_a_layer_may_not_look_up(self):
        bad = {"merkle/a.cc": '#include <vector>\n#include "ledger/b.h"\n'}
        self.assertEqual(self.findings(tidy.check_layers, bad),
                         ["merkle/a.cc:2: merkle may not include ledger: ledger/b.h"])
        good = {"ledger/a.cc": '#include "merkle/b.h"\n'}
        self.assertEqual(self.findings(tidy.check_layers, good), [])

    def test_the_verifier_sees_messages_but_no_service_and_no_grpc(self):
        self.assertEqual(self.findings(tidy.check_layers, {
            "verifier/a.cc": '#include "auditledger/v1/proof.pb.h"\n'}), [])
        for include in ("auditledger/v1/ledger_service.pb.h", "auditledger/v1/x.grpc.pb.h",
                        "grpcpp/grpcpp.h", "leveldb/db.h", "api/client/x.h", "tests/testing/x.h"):
            bad = {"verifier/a.cc": f'#include "{include}"\n'}
            self.assertEqual(len(self.findings(tidy.check_layers, bad)), 1, include)

    def test_long_files_long_lines_long_functions(self):
        self.assertEqual(self.findings(tidy.check_sizes, {"a.cc": "\n" * 500}), [])
        self.assertEqual(len(self.findings(tidy.check_sizes, {"a.cc": "\n" * 501})), 1)
        self.assertEqual(self.findings(tidy.check_sizes, {"a.h": "x" * 100}), [])
        self.assertEqual(len(self.findings(tidy.check_sizes, {"a.h": "x" * 101})), 1)

    def test_functions_are_measured_from_signature_to_brace(self):
        def of_lines(count):
            return ("namespace a {\nclass B {\n  int F(int c,\n        int d) {\n"
                    + '    G("}");  // }\n' * (count - 3) + "  }\n};\n}\n")
        self.assertEqual(self.findings(tidy.check_functions, {"a.cc": of_lines(70)}), [])
        self.assertEqual(self.findings(tidy.check_functions, {"a.cc": of_lines(71)}),
                         ["a.cc:3: function of 71 lines, at most 70"])
        table = "constexpr int kTable[] = {\n" + "    1,\n" * 100 + "};\n"
        self.assertEqual(self.findings(tidy.check_functions, {"a.cc": table}), [])
        long_python = "def f():\n" + "    g()\n" * 70
        self.assertEqual(len(self.findings(tidy.check_functions, {"a.py": long_python})), 1)

    def test_every_attack_has_its_test(self):
        def readme(rows):
            return "## Attacks\n\n| attack | who | when | check | evidence | test |\n" \
                   "|---|---|---|---|---|---|\n" + rows + "\n## Other\n\n| x | y |\n"
        good = "| edit | reader | next read | proof | none | `A.B`, `A.C` |\n"
        tests = {"tests/a_test.cc": "TEST(A, B) {}\nTEST_F(A, C) {}\n"}

        def findings(rows):
            return self.findings(tidy.check_attacks,
                                 {"verifier/README.md": readme(rows), **tests})
        self.assertEqual(findings(good * 25), [])
        self.assertEqual(len(findings(good * 24)), 1)
        for bad in ("| edit | reader | next read | proof | none | |\n",
                    "| edit | reader | next read | proof | none | A.B |\n",
                    "| edit | reader | next read | proof | none | `A.D` |\n",
                    "| edit | reader | | proof | none | `A.B` |\n",
                    "| edit | reader | proof | none | `A.B` |\n"):
            self.assertNotEqual(findings(good * 25 + bad), [], bad)

    def test_banned_words_count_in_code_and_not_in_its_comments(self):
        for word in ("std::this_thread::sleep_for(x)", "std::string_view a", "leveldb::RepairDB(x)",
                     "EVP_PKEY_free(key)", '#include "absl/synchronization/mutex.h"'):
            self.assertEqual(len(self.findings(tidy.check_banned, {"a.cc": word + "\n"})), 1, word)
            self.assertEqual(self.findings(tidy.check_banned, {"a.cc": f"// {word}\n"}), [])
        self.assertEqual(self.findings(tidy.check_banned, {
            "merkle/openssl_ptr.h": "EVP_PKEY_free(key);\n"}), [])
        self.assertEqual(len(self.findings(tidy.check_banned, {"a.cc": "// TO" "DO: x\n"})), 1)

    def test_every_source_has_its_test_or_is_covered_by_another(self):
        def of_tests(**tests):
            files = {"merkle/a.cc": "", "merkle/b.cc": "", "merkle/main.cc": ""}
            files.update({f"tests/merkle/{name}.cc": text for name, text in tests.items()})
            return self.findings(tidy.check_tests, files)
        self.assertEqual(of_tests(a_test="", b_test=""), [])
        self.assertEqual(of_tests(a_test=""), [
            "merkle/b.cc:1: has no tests/merkle/b_test.cc, and no test covers it"])
        self.assertEqual(of_tests(a_test="// All of a.\n// Covers: merkle/b\n"), [])
        self.assertEqual(of_tests(all_test="// Covers: merkle/a, merkle/b\n"), [])
        self.assertEqual(of_tests(all_test="// Covers: merkle/a\n// Covers: merkle/b\n"), [])
        self.assertEqual(len(of_tests(all_test="\n" * 20 + "// Covers: merkle/a, merkle/b\n")), 2)
        self.assertEqual(len(of_tests(helper="// Covers: merkle/a, merkle/b\n")), 2)

    def test_what_is_covered_must_be_there(self):
        files = {"merkle/a.cc": "", "tests/merkle/a_test.cc": "// Covers: merkle/gone\n"}
        self.assertEqual(self.findings(tidy.check_tests, files), [
            "tests/merkle/a_test.cc:1: covers merkle/gone.cc, which is not there"])

    def test_a_snippet_is_the_region_of_the_file(self):
        code = "int main() {\n  // snippet-begin: go\n  Go(1);\n  // snippet-end: go\n}\n"
        shown = "<!-- snippet: a.cc#go -->\n```cpp\nGo({});\n```\n"
        self.assertEqual(self.findings(tidy.check_snippets, {
            "a.cc": code, "README.md": shown.format(1)}), [])
        for text in (shown.format(2), "<!-- snippet: a.cc#no -->\n```\nx\n```\n",
                     "<!-- snippet: a.cc#go -->\nno code\n"):
            self.assertEqual(len(self.findings(tidy.check_snippets, {
                "a.cc": code, "README.md": text})), 1, text)

    def test_include_guards_carry_the_path(self):
        good = "#ifndef AUDITLEDGER_API_A_B_H_\n#define AUDITLEDGER_API_A_B_H_\n#endif\n"
        self.assertEqual(self.findings(tidy.check_guards, {"api/a_b.h": good}), [])
        self.assertEqual(len(self.findings(tidy.check_guards, {"api/other.h": good})), 1)

    def test_dependencies_follow_headers_to_their_sources_and_protos(self):
        fuzz = '#include "merkle/a.h"\n#include "auditledger/v1/e.pb.h"\n'
        files = {"tests/fuzz/x_fuzz.cc": fuzz,
                 "merkle/a.h": "", "merkle/a.cc": '#include "merkle/b.h"\n', "merkle/b.h": "",
                 "merkle/c.cc": "", "proto/auditledger/v1/e.proto": ""}
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            found = tidy.depends(tidy.Tree(folder, list(files)), "tests/fuzz/x_fuzz.cc")
        self.assertEqual(found, sorted(set(files) - {"merkle/c.cc"}))


if __name__ == "__main__":
    unittest.main()
