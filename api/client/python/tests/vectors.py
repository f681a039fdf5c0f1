"""Where the vectors lie, and how their byte strings are written."""
import json
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[4]
SEAL = ROOT / "tests" / "testdata" / "seal"
SHARED = pathlib.Path(os.environ.get("AUDITLEDGER_SHARED", ROOT.parent / "shared"))
PUBLIC = SHARED / "testdata" / "vectors"


def unhex(text):
    """'ab 61*300 cd' is ab, 300 times 61, cd."""
    out = b""
    for token in text.split():
        unit, _, count = token.partition("*")
        out += bytes.fromhex(unit) * int(count or 1)
    return out


def seal(name):
    return json.loads((SEAL / name).read_text())


def public(name):
    """A public vector file; the test is skipped where shared/ is absent, but not in CI."""
    path = PUBLIC / name
    if not path.exists() and not os.environ.get("CI"):
        raise unittest.SkipTest(f"{path} is not there")
    text = path.read_text()
    return [json.loads(line) for line in text.splitlines()] if re.search(r"\.jsonl$", name) else (
        json.loads(text))
