"""What tools/mutate.py takes for a check, how it takes it away, and that its list is complete."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "lib")]
import mutants  # noqa: E402
import mutate  # noqa: E402
import tidy  # noqa: E402


def source(body, head="absl::Status F(int a)"):
    return mutants.Source("a.cc", f"namespace n {{\n{head} {{\n{body}\n}}\n}}\n")


def found(body, head="absl::Status F(int a)"):
    return [f"{m.kind}: {m.text}" for m in source(body, head).mutants]


class MutantsTest(unittest.TestCase):
    def test_each_reason_to_refuse_is_taken_out_alone(self):
        body = 'if (a < 0 || a > Max(1, 2)) return absl::DataLossError("a || b");\nreturn Ok();'
        self.assertEqual(found(body)[:2], ["clause: a < 0", "clause: a > Max(1, 2)"])
        text = source(body).instrumented()
        self.assertRegex(text, r"\(!::auditledger_mutant::On\(0x\w{8}u\) && \(a < 0\)\) \|\| ")

    def test_each_condition_to_accept_is_taken_for_granted_alone(self):
        body = 'if (a == 1 && b) return absl::OkStatus();\nreturn absl::DataLossError("");'
        self.assertEqual(found(body), ["clause: a == 1", "clause: b"])
        self.assertRegex(source(body).instrumented(), r"\(::auditledger_mutant::On\(\w+\) \|\| \(b")

    def test_a_branch_that_may_be_either_is_tried_both_ways(self):
        self.assertEqual(found("if (x.ok()) return F(*x);\nreturn {};", "Kind F()"),
                         ["clause: x.ok()", "decide: x.ok()"])

    def test_what_a_status_hands_on_becomes_ok(self):
        self.assertEqual(found("RETURN_IF_ERROR(G(a));\nreturn b ? H() : I();"),
                         ["status: G(a)", "status: b ? H() : I()"])

    def test_only_the_test_of_an_if_with_an_initialiser_is_wrapped(self):
        self.assertEqual(found("if (const auto s = G(); !s.ok()) return s;"), ["clause: !s.ok()"])
        body = "if (const char* why = G()) return Bad(why);"
        self.assertRegex(source(body).instrumented(),
                         r"= G\(\); !::auditledger_mutant::On\(\w+\) && \(why\)\) return")

    def test_predicates_and_calls(self):
        self.assertEqual(found("return a && G(b && c);", "bool F()"),
                         ["predicate: a", "predicate: G(b && c)"])
        self.assertEqual(found("CheckRoot(a);\nif (a) verdict.Refuse(why);\nelse H();", "void F()"),
                         ["clause: a", "call: CheckRoot(a);"])
        self.assertEqual(found("switch (a) { case 1: return verdict.Refuse(why); }", "void F()"),
                         ["call: return verdict.Refuse(why);"])

    def test_a_helper_that_only_words_an_error_is_no_check_and_its_uses_are(self):
        text = ('absl::Status Bad(int a) { return absl::DataLossError(a); }\n'
                "int F(int a) {\n  switch (a) { default: return Bad(a); }\n}\n")
        made = mutants.Source("a.cc", text)
        self.assertEqual((made.mutants, [m.text for m in made.unguarded]),
                         ([], ["default: return Bad(a);"]))

    def test_a_refusal_under_no_condition_is_reported(self):
        self.assertEqual(len(source('auto x = absl::DataLossError("");', "int F()").unguarded), 1)
        self.assertEqual(source('if (a) return absl::DataLossError("");', "int F()").unguarded, [])

    def test_comments_literals_and_templates_are_not_code(self):
        self.assertEqual(found('// if (a) return false;\nG("if (b) return c;");\n'
                               "for (std::pair<A, B> p : q) H(p);", "void F()"), [])

    def test_instrumented_text_without_its_switches_is_the_text(self):
        for path in tidy.Tree(ROOT).paths:
            if not mutate.SOURCES.match(path):
                continue
            made = mutants.Source(path, (ROOT / path).read_text())
            out = made.instrumented()
            inserted = sum(len(i[3]) for i in made.inserts)
            self.assertEqual(len(out), len(made.text) + inserted
                             + len(f'#include "{mutants.SWITCH_HEADER}"\n'), path)

    def test_a_mutant_keeps_its_name_when_lines_move(self):
        body = "if (a) return false;\nif (a) return false;"
        moved = mutants.Source("a.cc", "\n\nnamespace n {\nbool F() {\n" + body + "\n}\n}\n")
        first = source(body, "bool F()")
        self.assertEqual([m.id for m in moved.mutants], [m.id for m in first.mutants])
        self.assertEqual(len({m.id for m in first.mutants}), 2)


class ListTest(unittest.TestCase):
    def test_every_refusal_is_in_the_list_or_exempt_with_a_reason(self):
        made = mutate.Mutants(tidy.Tree(ROOT))
        self.assertEqual(made.faults, [])
        self.assertGreater(len(made.tried), 500)

    def test_an_exemption_names_a_check_and_has_a_reason(self):
        exempt = mutate.Exemptions("# a comment\n  a.cc F clause: x\nreason\n  a.cc F clause: y\n")
        self.assertEqual(len(exempt.faults), 1)
        self.assertEqual(len(list(exempt.stale())), 1)
        known = mutants.Mutant("a.cc", 1, "F", "clause", "y", 1)
        self.assertEqual(exempt.reason(known), "reason")
        self.assertEqual(list(exempt.stale()), [])


if __name__ == "__main__":
    unittest.main()
