"""Finds the security checks of C++ sources and takes each away behind a switch.

A check is whatever can end in a refusal. In a source this is

  clause   a clause of the condition of an `if` whose branch leaves (return, continue, break), or
           refuses, or calls a check: `||` parts are taken out one by one, and of a condition whose
           branch accepts the `&&` parts;
  decide   such an `if` as a whole, held true, where its branch neither clearly accepts nor refuses;
  status   what RETURN_IF_ERROR or a `return` of a function of type absl::Status hands on: OK
           instead;
  predicate  a part of `return a && b` or `return a || b`;
  call     a statement that refuses (`verdict.Refuse(...)`) or checks (`CheckRoot(...)`): left out.

Each becomes one mutant. All of them stand in one instrumented copy of the sources, so that the
tests are built once; AUDITLEDGER_MUTANT=ID in the environment switches one on. The ID is a hash of
file, function and text, so that it stays as long as the check does.

Every refusal must lie under a mutant (`unguarded` lists those that do not).
"""
import dataclasses
import re
import zlib

import tidy

SWITCH_HEADER = "merkle/mutant_switch.h"
SWITCH = r"""// Made by tools/mutate.py: which mutant is on, and which were reached.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "absl/status/status.h"

namespace auditledger_mutant {
struct State {
  uint32_t mutant = 0;
  int trace = -1;
  std::mutex mutex;
  std::unordered_set<uint32_t> reached;
  State() {
    if (const char* id = std::getenv("AUDITLEDGER_MUTANT")) {
      mutant = static_cast<uint32_t>(std::strtoul(id, nullptr, 16));
    }
    if (const char* path = std::getenv("AUDITLEDGER_MUTANT_TRACE")) {
      trace = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
  }
};
inline State& TheState() {
  static State& state = *new State;
  return state;
}
inline State& at_start = TheState();  // before a test may have dropped its rights to the trace
inline bool On(uint32_t id) {
  State& state = TheState();
  if (state.trace >= 0) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    if (state.reached.insert(id).second) {
      char line[16];
      const int length = std::snprintf(line, sizeof line, "%08x\n", id);
      if (::write(state.trace, line, static_cast<size_t>(length)) != length) std::abort();
    }
  }
  return id == state.mutant;
}
inline absl::Status Drop(uint32_t id, absl::Status status) {
  return On(id) ? absl::OkStatus() : std::move(status);
}
}  // namespace auditledger_mutant
"""

REFUSAL = re.compile(r"\babsl::\w+Error\(|\.(?:Refuse|CannotTell|AddStatus)\(")
CHECK_CALL = (r"(?:\w+(?:\.|->))*(?:Refuse|CannotTell|AddStatus|CompareWithStore|KeepEvidence|"
              r"AccuseWitnesses|Check\w*|Compare\w*|Verify\w*)\(")
ACCEPTS = re.compile(r"return\s+(?:absl::OkStatus\(\)|true|std::nullopt|0)\s*;$")
REFUSES = re.compile(r"return\s+(?:false\b|absl::\w+Error\(|\w+\.status\(\)|std::move\(verdict_?\)"
                     r"|verdict\w*;|result\w*;|;)|return;|(?:continue|break);$")


@dataclasses.dataclass(frozen=True)
class Mutant:
    path: str
    line: int
    function: str
    kind: str
    text: str  # of what is taken away, on one line
    id: int

    @property
    def key(self):
        """How the list of exemptions names it: everything but where it stands."""
        return f"{self.path} {self.function} {self.kind}: {self.text}"


@dataclasses.dataclass
class Function:
    name: str
    returns: str
    begin: int
    end: int
    messenger: bool = False  # one return of an error, no decision: a way to write it


def without_text(match):
    """Comments become space; a literal stays a word, so that it is seen to be an operand."""
    filler = " " if match.group().startswith(("//", "/*")) else "_"
    return re.sub(r"[^\n]", filler, match.group())


def matching(text, at):
    """The position of the bracket that closes the one at `at`."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    depth, opening, closing = 0, text[at], pairs[text[at]]
    for i in range(at, len(text)):
        if text[i] == opening:
            depth += 1
        elif text[i] == closing:
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("unbalanced brackets")


def skip_space(text, at):
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def statement_end(text, at):
    """Just after the statement that begins at `at`."""
    at = skip_space(text, at)
    if text[at] == "{":
        return matching(text, at) + 1
    keyword = re.match(r"(if|for|while|switch)\b\s*(constexpr\b\s*)?\(", text[at:])
    if keyword:
        end = statement_end(text, matching(text, at + keyword.end() - 1) + 1)
        rest = skip_space(text, end)
        if keyword.group(1) == "if" and re.match(r"else\b", text[rest:]):
            return statement_end(text, rest + 4)
        return end
    while text[at] != ";":
        at = matching(text, at) + 1 if text[at] in "([{" else at + 1
    return at + 1


def split_top(text, begin, end, operator):
    """Ranges of the parts of text[begin:end] between top-level operators; templates are not cut."""
    parts, start, at = [], begin, begin
    while at < end:
        if text[at] in "([{":
            at = matching(text, at) + 1
        elif text.startswith(operator, at):
            parts.append((start, at))
            at += len(operator)
            start = at
        else:
            at += 1
    return parts + [(start, end)]


def has_top(text, begin, end, sign):
    return len(split_top(text, begin, end, sign)) > 1


def functions_of(text):
    """Function and lambda bodies, outermost first. Good enough for formatted code."""
    found, stack, statement_at = [], [], 0
    for i, char in enumerate(text):
        if char == "{":
            head = text[statement_at:i]
            made = function_of(head, i)
            stack.append(made)
            if made:
                found.append(made)
            statement_at = i + 1
        elif char == "}":
            done = stack.pop() if stack else None
            if done:
                done.end = i
            statement_at = i + 1
        elif char == ";" or (char == ":" and text[statement_at:i].strip() in
                             ("public", "private", "protected")):
            statement_at = i + 1
    return found


def function_of(head, at):
    lambda_head = re.search(r"\[[^\[\]]*\]\s*(?:\((?:[^()]|\([^()]*\))*\)\s*)?(?:mutable\s*)?"
                            r"(?:->\s*([\w:<>, ]+?)\s*)?$", head)
    if lambda_head and not re.search(r"\b(?:struct|class|enum)\b", head):
        return Function("lambda", lambda_head.group(1) or "auto", at, at)
    head = re.sub(r"^\s*(?:template\s*<[^{}]*?>\s*\n)?", "", head)
    named = re.match(r"((?:[\w:<>,&*\s]|\[\[\w+\]\])*?)([\w:~]+)\s*\(", head)
    if not named or ")" not in head or re.search(r"=\s*$", head):
        return None
    if named.group(2) in ("if", "for", "while", "switch", "catch") or \
            re.match(r"\s*(?:else|do|return|case|namespace|try)\b", head):
        return None
    return Function(named.group(2), " ".join(named.group(1).split()), at, at)


class Source:
    """One file's mutants: `mutants`, `unguarded` (refusals under none) and `instrumented()`."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        blank = re.sub(tidy.COMMENT + "|" + tidy.LITERAL, without_text, text, flags=re.S)
        self.code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", tidy.blanked, blank, flags=re.M)
        self.functions = functions_of(self.code)
        self.mutants, self.inserts, self.guarded = [], [], []
        self.mark_messengers()
        self.find_ifs()
        self.find_status_macros()
        self.find_returns()
        self.find_calls()
        self.unguarded = list(self.find_unguarded())

    def function_at(self, at):
        inner = None
        for function in self.functions:
            if function.begin <= at < function.end:
                inner = function
        return inner

    def name_at(self, at):
        names = [f.name for f in self.functions
                 if f.begin <= at < f.end and f.name != "lambda"]
        return names[-1] if names else "-"

    def skipped(self, at):
        """What makes a message, or runs when compiling, holds no check."""
        function = self.function_at(at)
        return function is None or function.messenger or "constexpr" in function.returns

    def line_of(self, at):
        return self.text.count("\n", 0, at) + 1

    def snippet(self, begin, end):
        return " ".join(self.text[begin:end].split())

    def add(self, kind, begin, end, wrap):
        """wrap: called with the ID, gives what to insert before and after."""
        begin, text = skip_space(self.code, begin), self.snippet(begin, end)
        function = self.name_at(begin)
        same = sum(1 for m in self.mutants
                   if (m.function, m.kind, m.text) == (function, kind, text))
        code = zlib.crc32(f"{self.path} {function} {kind} {text} {same}".encode())
        self.mutants.append(
            Mutant(self.path, self.line_of(begin), function, kind, text, code))
        before, after = wrap(f"0x{code:08x}u")
        end = begin + len(self.code[begin:end].rstrip())
        self.inserts.append((begin, 1, -end, before))
        self.inserts.append((end, 0, -begin, after))

    def absent(self, kind, begin, end):
        """The clause never holds."""
        self.add(kind, begin, end,
                 lambda code: (f"(!::auditledger_mutant::On({code}) && (", "))"))

    def always(self, kind, begin, end):
        self.add(kind, begin, end,
                 lambda code: (f"(::auditledger_mutant::On({code}) || (", "))"))

    def dropped(self, begin, end):
        self.add("status", begin, end,
                 lambda code: (f"::auditledger_mutant::Drop({code}, ", ")"))

    def mark_messengers(self):
        for function in self.functions:
            body = self.code[function.begin + 1:function.end]
            if function.returns == "absl::Status" and "if" not in body.split() and \
                    body.count(";") == 1 and re.match(r"\s*return\s+absl::\w*(?:Error|Status)\(",
                                                      body) and "?" not in body:
                function.messenger = True
        names = {f.name for f in self.functions if f.messenger}
        self.refusal = REFUSAL
        if names:
            self.refusal = re.compile(REFUSAL.pattern + r"|\b(?:" + "|".join(names) + r")\(")

    def last_statement(self, begin, end):
        at, last = begin, (begin, end)
        while skip_space(self.code, at) < end:
            after = statement_end(self.code, at)
            last, at = (skip_space(self.code, at), after), after
        return last

    def find_ifs(self):
        for found in re.finditer(r"\bif\s*\(", self.code):
            if self.skipped(found.start()):
                continue
            opening = found.end() - 1
            closing = matching(self.code, opening)
            begin = split_top(self.code, opening + 1, closing, ";")[-1][0]
            body = skip_space(self.code, closing + 1)
            after = statement_end(self.code, body)
            self.take_if(begin, closing, body, after)

    def take_if(self, begin, closing, body, after):
        inner = (body + 1, after - 1) if self.code[body] == "{" else (body, after)
        last = self.code[slice(*self.last_statement(*inner))]
        last = " ".join(last.split())
        leaves = re.match(r"(?:return|continue|break)\b", last)
        refuses = self.refusal.search(self.code[inner[0]:inner[1]])
        checks = re.match(CHECK_CALL, last) or re.match(r"RETURN_IF_ERROR\(", last)
        if not leaves and not refuses and not checks:
            return
        if leaves and ACCEPTS.match(last) and not refuses:
            for part in split_top(self.code, begin, closing, "&&"):
                self.always("clause", *part)
            self.guard_what_follows(after)
            return
        self.guarded.append((body, after))
        declared = re.search(r"[\w&*>]\s+[&*]?(\w+)\s*=(?!=)", self.code[begin:closing])
        if declared:  # `if (T x = f())`: then `if (T x = f(); x)`
            self.add("clause", begin, closing, lambda code: (
                "", f"; !::auditledger_mutant::On({code}) && ({declared.group(1)})"))
            return
        for part in split_top(self.code, begin, closing, "||"):
            self.absent("clause", *part)
        handed_on = re.match(r"return (\w+)(?:\.status\(\))?;$", last)
        if handed_on and f"!{handed_on.group(1)}.ok()" in self.code[begin:closing]:
            return  # the error that was tested for
        if leaves and not refuses and not REFUSES.match(last):
            self.always("decide", begin, closing)
            self.guard_what_follows(after)

    def guard_what_follows(self, after):
        """`if (sound) return value; return Error;`: the refusal that follows is the same check."""
        rest = skip_space(self.code, after)
        if re.match(r"return\b", self.code[rest:]):
            self.guarded.append((rest, statement_end(self.code, rest)))

    def is_guarded(self, at):
        return any(begin <= at < end for begin, end in self.guarded)

    def find_status_macros(self):
        for found in re.finditer(r"\bRETURN_IF_ERROR\(", self.code):
            if not self.skipped(found.start()):
                end = matching(self.code, found.end() - 1)
                self.dropped(found.end(), end)
                self.guarded.append((found.start(), end))

    def find_returns(self):
        for found in re.finditer(r"\breturn\b", self.code):
            function = self.function_at(found.start())
            if function is None or self.skipped(found.start()):
                continue
            begin = skip_space(self.code, found.end())
            end = statement_end(self.code, found.start()) - 1
            value = self.code[begin:end].strip()
            if function.returns == "absl::Status" and not self.is_guarded(found.start()):
                if value not in ("", "absl::OkStatus()") and not value.startswith("{"):
                    self.dropped(begin, end)
                    self.guarded.append((begin, end))
            elif function.returns in ("bool", "auto") and not has_top(self.code, begin, end, "?"):
                self.take_predicate(begin, end)

    def take_predicate(self, begin, end):
        either = split_top(self.code, begin, end, "||")
        if len(either) > 1:
            for part in either:
                self.absent("predicate", *part)
            return
        both = split_top(self.code, begin, end, "&&")
        if len(both) > 1:
            for part in both:
                self.always("predicate", *part)

    def find_calls(self):
        statement = rf"(?<=[;{{}}):])\s*((?:return\s+)?{CHECK_CALL})"
        for found in re.finditer(statement, self.code):
            begin = found.start(1)
            function = self.function_at(begin)
            if self.skipped(begin) or self.is_guarded(begin):
                continue
            before = self.code[:begin].rstrip()
            if before.endswith(":") and not re.search(r"\b(?:case\b[^;{}?]*|default\s*):$", before):
                continue  # of a ?:
            returns = found.group(1).startswith("return")
            if returns and function.returns != "void":
                continue
            end = statement_end(self.code, begin)
            self.guarded.append((begin, end))
            if returns:
                self.add("call", begin, end, lambda code: (
                    f"{{ if (::auditledger_mutant::On({code})) return; ", " }"))
            elif ")" in self.code[begin:end]:
                self.add("call", begin, end, lambda code: (
                    f"{{ if (!::auditledger_mutant::On({code})) ", " }"))

    def find_unguarded(self):
        for found in self.refusal.finditer(self.code):
            at = found.start()
            if not self.skipped(at) and not self.is_guarded(at):
                begin = max(self.code.rfind(sign, 0, at) for sign in ";{}:" if sign != ":") + 1
                end = statement_end(self.code, at)
                yield Mutant(self.path, self.line_of(at), self.name_at(at), "refusal",
                             self.snippet(skip_space(self.code, begin), end), 0)

    def instrumented(self):
        out, at = [f'#include "{SWITCH_HEADER}"\n'], 0
        for position, _, _, inserted in sorted(self.inserts):
            out += [self.text[at:position], inserted]
            at = position
        return "".join(out) + self.text[at:]
