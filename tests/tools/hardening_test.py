"""A program that lacks one of tools/hardening.py's properties is found."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools")]
import hardening  # noqa: E402

FUNCTIONS = "".join(f"int f{i}(int x) {{ return x + {i}; }} int (*p{i})(int) = f{i};\n"
                    for i in range(30))
SOURCE = FUNCTIONS + """
#include <stdio.h>
#include <string.h>
int main(int argc, char** argv) {
  char text[64];
  strcpy(text, argv[argc - 1]);
  printf("%s %d\\n", text, p0(argc));
  return 0;
}
"""
COMPILE = ["-O2", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fcf-protection=full",
           "-fPIE"]
LINK = ["-pie", "-Wl,-z,relro,-z,now,-z,noexecstack"]


class ProgramTest(unittest.TestCase):
    def findings(self, without=(), extra=()):
        flags = [flag for flag in COMPILE + LINK if flag not in without] + list(extra)
        with tempfile.TemporaryDirectory() as folder:
            source, program = f"{folder}/a.c", f"{folder}/a"
            pathlib.Path(source).write_text(SOURCE)
            subprocess.run(["gcc", *flags, source, "-o", program], check=True)
            return list(hardening.program_findings(program))

    def test_one_with_all_of_it_passes(self):
        self.assertEqual(self.findings(), [])

    def test_each_missing_property_is_found(self):
        for without, extra, finding in (
                (("-pie", "-fPIE"), ["-no-pie"], "position-independent"),
                (("-Wl,-z,relro,-z,now,-z,noexecstack",), ["-Wl,-z,lazy"], "RELRO"),
                ((), ["-Wl,-z,execstack"], "executable stack"),
                (("-fstack-protector-strong",), ["-fno-stack-protector"], "stack protector"),
                (("-D_FORTIFY_SOURCE=3",), ["-U_FORTIFY_SOURCE"], "checked call"),
                (("-fcf-protection=full",), ["-fcf-protection=none"], "landing pads"),
                ((), ["-Wl,-rpath,/tmp"], "search path")):
            with self.subTest(finding):
                self.assertRegex("\n".join(self.findings(without, extra)), finding)


class ObjectTest(unittest.TestCase):
    def findings(self, path, command):
        with tempfile.TemporaryDirectory() as folder:
            build = pathlib.Path(folder).resolve()
            entry = {"file": path.replace("BUILD", str(build)), "command": command}
            (build / "compile_commands.json").write_text(json.dumps([entry]))
            return list(hardening.object_findings(build))

    def test_each_missing_flag_is_found_in_what_is_shipped(self):
        flags = [flag.replace("[CE]", "E") for flag in hardening.FLAGS]
        source = str(ROOT / "api" / "main.cc")
        self.assertEqual(self.findings(source, f"c++ {' '.join(flags)} -o x"), [])
        for flag in flags:
            command = "c++ " + " ".join(f for f in flags if f != flag) + " -o x"
            self.assertEqual(len(self.findings(source, command)), 1, flag)
            self.assertEqual(len(self.findings("BUILD/proto/gen/a.pb.cc", command)), 1, flag)

    def test_a_build_of_nothing_is_no_proof(self):
        self.assertEqual(len(self.findings(str(ROOT / "tests" / "a.cc"), "c++ -o x")), 1)


if __name__ == "__main__":
    unittest.main()
