"""Generates the messages while the package is built; everything else is in pyproject.toml."""
import pathlib
import sys

import setuptools
from setuptools.command.build_py import build_py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from generate import generate  # noqa: E402


class BuildWithMessages(build_py):
    def run(self):
        generate(pathlib.Path(__file__).resolve().parent)
        super().run()


setuptools.setup(cmdclass={"build_py": BuildWithMessages})
