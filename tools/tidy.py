#!/usr/bin/env python3
"""Style as a test: layers, sizes, banned words, a test for every file, READMEs kept true.

    tools/tidy.py                  checks the tree; prints path:line: reason, exits 1 on a finding
    tools/tidy.py --depends FILE   the project's files that FILE is built from, following includes

Every rule is a function from the tree to findings; tests/tools/tidy_test.py shows each one failing.
"""
import ast
import pathlib
import re
import subprocess
import sys
import textwrap

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100

# Who may include whom, the most specific folder first. "proto" are messages without services.
LAYERS = [
    ("merkle", {"merkle"}),
    ("ledger", {"ledger", "merkle"}),
    ("verifier", {"verifier", "merkle", "proto"}),
    ("api/client", {"api/client", "merkle", "proto", "proto-service", "grpc"}),
    ("api", {"api", "ledger", "merkle", "proto", "proto-service", "grpc"}),
    ("tools", {"tools", "api", "api/client", "ledger", "verifier", "merkle", "proto",
               "proto-service", "grpc"}),
    ("tests", {"tests", "tools", "api", "api/client", "ledger", "verifier", "merkle", "proto",
               "proto-service", "grpc"}),
]
PROJECT_FOLDERS = ("merkle", "ledger", "verifier", "api", "tools", "tests")

# Words that have no place in C++ code, comments apart: (pattern, reason, where it may stand).
BANNED_CODE = [
    (r"\bsleep_for\b|\busleep\b|\bsleep_until\b|absl::SleepFor",
     "waits on time; inject a clock",
     ("api/client/retry.cc",  # what a caller without a sleeper of its own gets
      "tests/e2e/kill_test.cc",  # kill -9 at a random moment
      "tests/e2e/processes.cc")),  # another process has nothing to wait on
    (r"std::string_view", "absl::string_view is another type in Debian: use that one", ()),
    (r"#include .absl/synchronization", "use ledger/mutex.h, which both analysers understand",
     ("api/main.cc",)),  # sets a switch of gRPC's locks
    (r"\bRepairDB\b", "RepairDB loses and revives records",
     ("ledger/fsck_store.cc",)),  # in memory, for a repair that proves each record it takes
    (r"\b[A-Z][A-Za-z0-9_]*_free\(", "own OpenSSL objects through merkle/openssl_ptr.h",
     ("merkle/openssl_ptr.h",
      "ledger/secret_string.cc")),  # frees by size, which no deleter knows
]
# Words that have no place in any file.
BANNED = [
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", "finish it, or file an issue"),
    (r"\bFetch" r"Content\b", "dependencies come from Debian"),
    (r"(?:pypi|npmjs|pythonhosted|rubygems|deb\.debian|security\.debian|proxy\.golang|crates)"
     r"\.(?:org|io)\b", "registries' hosts are the machine's business"),
]
# Where a banned word may be talked about: it is not used there.
BANNED_EXEMPT = {"tools/tidy.py", "tests/tools/tidy_test.py"}

# x.cc has tests/<folder>/x_test.cc, or another test names it where it begins:
# "// Covers: verifier/bundle_check, verifier/tree_check", repeated where one line is too short.
COVERS_WITHIN_LINES = 20
TESTED_FOLDERS = ("merkle", "ledger", "api", "verifier")


class Tree:
    """The files below a root: what git tracks, or would if they were added."""

    def __init__(self, root, paths=None):
        self.root = pathlib.Path(root)
        if paths is None:
            listed = subprocess.run(
                ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                cwd=root, check=True, capture_output=True, text=True).stdout.split("\n")
            paths = [p for p in listed if p and (self.root / p).is_file()]
        self.paths = sorted(set(paths))
        self._texts = {}

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def ending(self, *suffixes):
        return [p for p in self.paths if p.endswith(suffixes)]


def is_script(path):
    return path.endswith(".sh") or path in ("tools/dev", ".ci/run")


# --- layers -----------------------------------------------------------------------------------


def layer_of_include(included):
    if included.startswith(("grpc/", "grpcpp/")) or included.endswith(".grpc.pb.h"):
        return "grpc"
    if re.search(r"_service\.pb\.h$|^auditledger/config/", included):
        return "proto-service"
    if included.startswith(("auditledger/", "google/rpc/")) and included.endswith(".pb.h"):
        return "proto"
    return layer_of_file(included)


def layer_of_file(path):
    for folder, _ in LAYERS:
        if path.startswith(folder + "/"):
            return folder
    return None


def includes_of(lines):
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if found:
            yield number, found.group(1)


def check_layers(tree):
    allowed = dict(LAYERS)
    for path in tree.ending(".cc", ".h"):
        mine = layer_of_file(path)
        if mine is None:
            yield path, 1, "lies in no layer"
            continue
        for number, included in includes_of(tree.lines(path)):
            theirs = layer_of_include(included)
            if theirs is not None and theirs not in allowed[mine]:
                yield path, number, f"{mine} may not include {theirs}: {included}"
            if included.startswith("leveldb/") and mine not in ("ledger", "tools", "tests"):
                yield path, number, f"{mine} may not include LevelDB"
            if included.startswith("google/protobuf/") and mine in ("merkle", "ledger"):
                yield path, number, f"{mine} may not include protobuf"
            if included.startswith(".") or (
                    "/" not in included and (pathlib.Path(path).parent / included).name
                    and str(pathlib.Path(path).parent / included) in tree.paths):
                yield path, number, f"write includes from the root: {included}"


def check_guards(tree):
    for path in tree.ending(".h"):
        guard = "AUDITLEDGER_" + re.sub(r"[^A-Z0-9]", "_", path.upper()) + "_"
        if f"#ifndef {guard}\n#define {guard}\n" not in tree.text(path):
            yield path, 1, f"include guard is not {guard}"


# --- sizes ------------------------------------------------------------------------------------


def check_sizes(tree):
    for path in tree.paths:
        code = path.endswith((".cc", ".h", ".py", ".proto", ".go", ".mjs")) or is_script(path)
        if not code:
            continue
        lines = tree.lines(path)
        if len(lines) > MAX_FILE_LINES:
            yield path, len(lines), f"{len(lines)} lines, at most {MAX_FILE_LINES}"
        if path.endswith(".go"):
            continue  # gofmt has no columns
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS and not line.lstrip().startswith("#include"):
                yield path, number, f"{len(line)} columns, at most {MAX_COLUMNS}"


COMMENT = r"//[^\n]*|/\*.*?\*/"
LITERAL = (r'R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
           r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'")


def blanked(match):
    return re.sub(r"[^\n]", " ", match.group())


def blank_literals(text):
    """The text with comments and literals blanked, line breaks kept."""
    return re.sub(COMMENT + "|" + LITERAL, blanked, text, flags=re.S)


def blank_comments(text):
    """The text with comments blanked; a comment sign within a literal is none."""
    def keep_literals(match):
        return blanked(match) if match.group().startswith(("//", "/*")) else match.group()
    return re.sub(COMMENT + "|" + LITERAL, keep_literals, text, flags=re.S)


def cxx_functions(text):
    """(first line, line count) of every outermost function body: good enough for formatted code."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", blank_literals(text), flags=re.M)
    stack, start, statement, line = [], 1, "", 1
    for char in text:
        if char == "\n":
            line += 1
        if char == "{":
            if "function" in stack_kinds(stack):
                kind = "inner"
            elif re.search(r"\b(namespace|extern)\b", statement):
                kind = "scope"
            elif re.search(r"\b(class|struct|union|enum)\b[^()]*$", statement):
                kind = "scope"
            elif ")" in statement and not re.search(r"=\s*$", statement):
                kind = "function"
            else:
                kind = "other"
            stack.append((kind, start))
            statement = ""
        elif char == "}":
            if stack:
                kind, begun = stack.pop()
                if kind == "function":
                    yield begun, line - begun + 1
            statement = ""
        elif char == ";":
            statement = ""
        else:
            if not statement.strip() and not char.isspace():
                start, statement = line, ""
            statement += char


def stack_kinds(stack):
    return {kind for kind, _ in stack}


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def check_functions(tree):
    for path in tree.ending(".cc", ".h", ".py"):
        functions = python_functions if path.endswith(".py") else cxx_functions
        for line, count in functions(tree.text(path)):
            if count > MAX_FUNCTION_LINES:
                yield path, line, f"function of {count} lines, at most {MAX_FUNCTION_LINES}"


# --- words and tests --------------------------------------------------------------------------


def check_banned(tree):
    for path in tree.paths:
        if path in BANNED_EXEMPT or path.startswith("tests/testdata/"):
            continue
        rules = [(pattern, reason, tree.lines(path)) for pattern, reason in BANNED]
        if path.endswith((".cc", ".h")):
            code = blank_comments(tree.text(path)).splitlines()
            rules += [(pattern, reason, code) for pattern, reason, homes in BANNED_CODE
                      if path not in homes]
        for pattern, reason, lines in rules:
            for number, line in enumerate(lines, 1):
                found = re.search(pattern, line)
                if found:
                    yield path, number, f"{found.group()}: {reason}"


def covered_files(tree):
    """(test, line, file without its suffix) of every entry of a Covers line."""
    for test in tree.ending("_test.cc"):
        for number, line in enumerate(tree.lines(test)[:COVERS_WITHIN_LINES], 1):
            found = re.match(r"// Covers: (.*)$", line)
            for name in found.group(1).split(",") if found else ():
                yield test, number, name.strip()


def check_tests(tree):
    covered = set()
    for test, number, name in covered_files(tree):
        covered.add(name + ".cc")
        if name + ".cc" not in tree.paths:
            yield test, number, f"covers {name}.cc, which is not there"
    for path in tree.ending(".cc"):
        folder, _, name = path.rpartition("/")
        if folder.split("/")[0] not in TESTED_FOLDERS or name == "main.cc":
            continue
        test = f"tests/{folder}/{name[:-3]}_test.cc"
        flat = f"tests/{folder.split('/')[0]}/{name[:-3]}_test.cc"
        if test not in tree.paths and flat not in tree.paths and path not in covered:
            yield path, 1, f"has no {test}, and no test covers it"


# --- READMEs ----------------------------------------------------------------------------------


def region(lines, name):
    """The lines between `snippet-begin: NAME` and `snippet-end: NAME`, dedented; None if absent."""
    begin = end = None
    for i, line in enumerate(lines):
        if re.search(rf"snippet-begin: {re.escape(name)}\s*$", line):
            begin = i + 1
        if re.search(rf"snippet-end: {re.escape(name)}\s*$", line):
            end = i
    if begin is None or end is None or end < begin:
        return None
    return textwrap.dedent("\n".join(lines[begin:end])).strip("\n")


def check_snippets(tree):
    marker = re.compile(r"<!-- snippet: ([^#\s]+)#(\S+) -->\n+```[^\n]*\n(.*?)\n```", re.S)
    for path in tree.ending(".md"):
        text = tree.text(path)
        found = list(marker.finditer(text))
        for match in found:
            number = text[:match.start()].count("\n") + 1
            source, name, shown = match.groups()
            kept = region(tree.lines(source), name) if source in tree.paths else None
            if kept is None:
                yield path, number, f"no region {name} in {source}"
            elif kept != shown.strip("\n"):
                yield path, number, f"differs from region {name} of {source}"
        if text.count("<!-- snippet:") != len(found):
            yield path, 1, "a snippet marker without a code block"


def check_commands(tree):
    """Every `tools/dev X` that a README names exists."""
    known = set(re.findall(r"^  ([a-z-]+)(?:\|[^)]*)?\)", tree.text("tools/dev"), re.M))
    for path in tree.ending(".md"):
        for number, line in enumerate(tree.lines(path), 1):
            for name in re.findall(r"tools/dev ([a-z][a-z-]*)", line):
                if name not in known and f"`tools/dev {name}" in line:
                    yield path, number, f"tools/dev has no command {name}"


def check_readmes(tree):
    for folder in ("", "proto/", "merkle/", "ledger/", "api/", "verifier/", "tools/", "tests/"):
        if folder + "README.md" not in tree.paths:
            yield folder + "README.md", 1, "is missing"


# --- the attack table -------------------------------------------------------------------------

ATTACK_TABLE = "verifier/README.md"
ATTACK_CELLS = 6  # attack, who notices, when, by which check, evidence, tests
MIN_ATTACKS = 25


def attack_rows(tree):
    """(line, cells) of each row below "## Attacks"."""
    inside = False
    for number, line in enumerate(tree.lines(ATTACK_TABLE), 1):
        if line.startswith("## "):
            inside = line == "## Attacks"
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if inside and line.startswith("| ") and cells[0] != "attack":
            yield number, cells


def tests_of_row(cells):
    return re.findall(r"`(\w+\.\w+)`", cells[-1])


def test_cases(tree):
    """{Suite.Case: file} of the C++ tests."""
    return {f"{suite}.{case}": path
            for path in tree.ending("_test.cc")
            for suite, case in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)",
                                          tree.text(path), re.M)}


def check_attacks(tree):
    if ATTACK_TABLE not in tree.paths:
        return
    rows, cases = list(attack_rows(tree)), test_cases(tree)
    if len(rows) < MIN_ATTACKS:
        yield ATTACK_TABLE, 1, f"{len(rows)} attacks in its table, at least {MIN_ATTACKS}"
    for number, cells in rows:
        if len(cells) != ATTACK_CELLS or not all(cells):
            yield ATTACK_TABLE, number, f"{len(cells)} cells: {ATTACK_CELLS} are due, none empty"
        if not tests_of_row(cells):
            yield ATTACK_TABLE, number, f"names no test: {cells[0]}"
        for name in tests_of_row(cells):
            if name not in cases:
                yield ATTACK_TABLE, number, f"there is no test {name}"


# --- what a file is built from ----------------------------------------------------------------


def depends(tree, start):
    seen, todo = set(), [start]
    while todo:
        path = todo.pop()
        if path in seen or path not in tree.paths:
            continue
        seen.add(path)
        if path.endswith(".h"):
            todo.append(path[:-2] + ".cc")
        if path.endswith((".cc", ".h")):
            for _, included in includes_of(tree.lines(path)):
                generated = re.sub(r"(\.grpc)?\.pb\.h$", ".proto", included)
                todo.append("proto/" + generated if generated != included else included)
    return sorted(seen)


RULES = (check_layers, check_guards, check_sizes, check_functions, check_banned, check_tests,
         check_snippets, check_commands, check_readmes, check_attacks)


def main(arguments):
    tree = Tree(pathlib.Path(__file__).resolve().parent.parent)
    if arguments[:1] == ["--depends"] and len(arguments) == 2:
        print("\n".join(depends(tree, arguments[1])))
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    findings = [finding for rule in RULES for finding in rule(tree)]
    for path, line, reason in findings:
        print(f"{path}:{line}: {reason}")
    print(f"tidy: {len(tree.paths)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
