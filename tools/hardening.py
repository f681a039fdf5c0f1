#!/usr/bin/env python3
"""What a shipped program must be built with, checked on the programs themselves.

    tools/hardening.py BUILD_FOLDER PROGRAM...

Prints a line a finding and exits 1 when there is one. What leaves a trace is looked for in the
program (a position-independent executable, full RELRO, no executable stack, stack protector,
checked calls, landing pads, no search path, no text relocation); what does not, in the command by
which each object that programs are linked from was compiled.
"""
import json
import pathlib
import re
import subprocess
import sys

# Of each object below these folders of the tree or of the build folder.
SHIPPED = ("merkle/", "ledger/", "api/", "verifier/", "tools/", "proto/")
FLAGS = ("-O2", "-D_FORTIFY_SOURCE=3", "-D_GLIBCXX_ASSERTIONS", "-fstack-protector-strong",
         "-fstack-clash-protection", "-fcf-protection=full", "-ftrivial-auto-var-init=zero",
         "-fPI[CE]")
LANDING_PAD = b"\xf3\x0f\x1e\xfa"  # endbr64
# A program of ours has hundreds of functions; the C runtime alone has a handful of these.
MIN_LANDING_PADS = 20


def readelf(program, *what):
    return subprocess.run(["readelf", "--wide", *what, program], check=True, capture_output=True,
                          text=True).stdout


def landing_pads(program):
    section = re.search(r"\] \.text\s+PROGBITS\s+\S+ (\S+) (\S+)", readelf(program, "--sections"))
    begin, size = (int(number, 16) for number in section.groups())
    return pathlib.Path(program).read_bytes()[begin:begin + size].count(LANDING_PAD)


def program_findings(program):
    dynamic, symbols = readelf(program, "--dynamic"), readelf(program, "--dyn-syms")
    segments = readelf(program, "--segments")
    stack = re.search(r"GNU_STACK.* (RWE?|R E) ", segments)
    if "Flags: " not in dynamic or " PIE" not in dynamic:
        yield "is no position-independent executable"
    if "GNU_RELRO" not in segments or not re.search(r"\(FLAGS\).*BIND_NOW", dynamic):
        yield "has no full RELRO (-z relro -z now)"
    if stack is None or "E" in stack.group(1):
        yield "has an executable stack, or does not say"
    if "__stack_chk_fail" not in symbols:
        yield "has no stack protector"
    if not re.search(r" __(?!stack)\w+_chk\b", symbols):
        yield "has no checked call of the C library (_FORTIFY_SOURCE)"
    if landing_pads(program) < MIN_LANDING_PADS:
        yield "has no landing pads (-fcf-protection)"
    for word, reason in (("RPATH", "has a search path of its own"),
                         ("RUNPATH", "has a search path of its own"),
                         ("TEXTREL", "has text relocations")):
        if f"({word})" in dynamic:
            yield reason


def object_findings(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    root = pathlib.Path(__file__).resolve().parents[1]
    seen = 0
    for entry in commands:
        path = pathlib.Path(entry["file"])
        for base in (build, root):
            if path.is_relative_to(base):
                path = path.relative_to(base)
                break
        if not str(path).startswith(SHIPPED):
            continue
        seen += 1
        missing = [flag for flag in FLAGS if not re.search(rf" {flag}( |$)", entry["command"])]
        if missing:
            yield f"{path}: compiled without {' '.join(missing)}"
    if seen == 0:
        yield f"{build}: no object of ours is compiled there"


def main():
    build, programs = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    findings = list(object_findings(build))
    for program in programs:
        findings += [f"{program} {finding}" for finding in program_findings(program)]
    print("\n".join(findings) if findings else f"{len(programs)} programs are hardened")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
