#!/usr/bin/env python3
"""Runs the tests that the attack table of verifier/README.md names, and prints it with results.

    tools/attack.py BUILD_FOLDER [WORD...]     only rows in which every WORD occurs

Exit codes: 0 every row holds, 1 one does not, or its test was skipped.
"""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import tidy  # noqa: E402

MARK = {True: "holds", False: "DOES NOT HOLD"}


def program_of(path):
    """tests/tools/witness/x_test.cc is part of tests/tools/witness/witness_tests."""
    folder = pathlib.PurePath(path).parent
    return folder / f"{folder.name}_tests"


def run(build, program, names):
    """{test: passed} of the tests of one program."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        subprocess.run([build / program, "--gtest_filter=" + ":".join(sorted(names)),
                        f"--gtest_output=json:{report}", "--gtest_brief=1"],
                       stdout=subprocess.DEVNULL, check=False)
        suites = json.loads(report.read_text())["testsuites"] if report.is_file() else []
    passed = dict.fromkeys(names, False)
    for suite in suites:
        for test in suite["testsuite"]:
            passed[f"{suite['name']}.{test['name']}"] = (
                test["result"] == "COMPLETED" and "failures" not in test)
    return passed


def plain(cell):
    return cell.replace("**", "").replace("`", "")


def show(cells, results):
    attack, who, when, check, evidence, _ = map(plain, cells)
    print(f"\n{attack}")
    for title, text in (("noticed by", who), ("when", when), ("by", check),
                        ("evidence", evidence)):
        print(textwrap.fill(text, 96, initial_indent=f"    {title + ':':12}",
                            subsequent_indent=" " * 16))
    for name, passed in results.items():
        print(f"    {MARK[passed]}: {name}")


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    build = pathlib.Path(arguments[0]).resolve()
    tree = tidy.Tree(ROOT)
    cases = tidy.test_cases(tree)
    rows = [cells for _, cells in tidy.attack_rows(tree)
            if all(word.lower() in " ".join(cells).lower() for word in arguments[1:])]
    wanted = collections.defaultdict(set)
    for cells in rows:
        for name in tidy.tests_of_row(cells):
            wanted[program_of(cases[name])].add(name)
    passed = {}
    for program in wanted:
        if not (build / program).is_file():
            print(f"tools/attack.py: {build / program} is not built: tools/dev attack builds it",
                  file=sys.stderr)
            return 64
    for program, names in wanted.items():
        passed.update(run(build, program, names))
    failed = 0
    for cells in rows:
        results = {name: passed[name] for name in tidy.tests_of_row(cells)}
        show(cells, results)
        failed += not all(results.values())
    unnoticed = sum(cells[1].startswith("**nobody") for cells in rows)
    print(f"\nattacks: {len(rows)}, {len(rows) - unnoticed} of them noticed, {unnoticed} by nobody "
          f"alone, and said so; {len(passed)} tests, {failed} rows do not hold")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
