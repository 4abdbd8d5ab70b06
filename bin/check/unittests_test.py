#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that unittests.py reports every test, and every kind of failure."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).with_name("unittests.py")
HEAD = "import unittest\nclass T(unittest.TestCase):\n"


class Run(unittest.TestCase):
    """Of files in a directory of their own."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def run_tests(self, **files):
        """Exit status and lines, for files with those texts."""
        for name, text in files.items():
            (Path(self.directory.name) / f"{name}_test.py").write_text(text)
        done = subprocess.run([sys.executable, "-B", PROGRAM,
                               self.directory.name], capture_output=True,
                              text=True, check=False)
        return done.returncode, [line for line in done.stdout.splitlines()
                                 if not line.startswith("#")]

    def test_good(self):
        """a test that passes is ok, with its claim"""
        text = (f'{HEAD} def test_a(self):\n  """holds"""\n'
                ' def test_b(self): pass\n')
        self.assertEqual(self.run_tests(one=text), (
            0, ["ok 1 one: holds", "ok 2 one: test_b", "1..2"]))

    def test_bad(self):
        """a failure, an error and a failing subtest are each not ok"""
        for body in ("self.fail()", "1 / 0",
                     "\n  with self.subTest(): self.fail()"):
            text = f"{HEAD} def test_a(self): {body}\n def test_b(self): pass\n"
            with self.subTest(body):
                self.assertEqual(self.run_tests(one=text), (
                    1, ["not ok 1 one: test_a", "ok 2 one: test_b", "1..2"]))

    def test_skip(self):
        """a skip is reported as one"""
        text = f"{HEAD} def test_a(self): self.skipTest('why')\n"
        self.assertEqual(self.run_tests(one=text),
                         (0, ["ok 1 one: test_a # SKIP why", "1..1"]))

    def test_empty(self):
        """a run without files, and a file without tests, fail"""
        self.assertEqual(self.run_tests(),
                         (1, ["not ok 1 there are unit tests", "1..1"]))
        self.assertEqual(self.run_tests(one=""),
                         (1, ["not ok 1 one: has tests", "1..1"]))

    def test_unloadable(self):
        """a file that cannot be loaded fails"""
        status, lines = self.run_tests(one="import no_such_module\n")
        self.assertEqual(status, 1)
        self.assertTrue(lines[0].startswith("not ok 1 one: "), lines)


if __name__ == "__main__":
    unittest.main()
