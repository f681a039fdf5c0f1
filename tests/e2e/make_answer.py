#!/usr/bin/env python3
"""A complete answer about a patient, out of an export with all leaves: what a server with the
verifiable index gives.

    make_answer.py EXPORT INDEX_KEY_FILE 'SYSTEM|ID' OUT
"""
import base64
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from vectorgen_answers import answer  # noqa: E402
from vectorgen_bundle_format import leaf_hash  # noqa: E402
from vectorgen_formats import tags_of  # noqa: E402

TILE = 256


class Export:
    """As much of a log as an answer takes."""

    def __init__(self, folder):
        self.note = (folder / "checkpoint").read_bytes()
        self.size = int(self.note.split(b"\n")[1])
        self.leaves = []
        for n in range((self.size + TILE - 1) // TILE):
            width = min(TILE, self.size - n * TILE)
            name = f"{n:03}" if width == TILE else f"{n:03}.p/{width}"
            data = (folder / "tile" / "entries" / name).read_bytes()
            while data:
                size = int.from_bytes(data[:2], "big")
                self.leaves.append(data[2:2 + size])
                data = data[2 + size:]
        self.hashes = [leaf_hash(data) for data in self.leaves]

    def head(self, size):
        assert size == self.size
        return self.note


def main():
    folder, key_file, subject, out = sys.argv[1:]
    log = Export(pathlib.Path(folder))
    key = base64.b64decode(pathlib.Path(key_file).read_text().split()[-1])
    system, value = subject.split("|")
    [tag] = tags_of(key, [(b"patient", system.encode(), value.encode())])
    pathlib.Path(out).write_bytes(answer(log, log.size, tag))


if __name__ == "__main__":
    main()
