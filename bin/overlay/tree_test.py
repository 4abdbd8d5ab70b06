#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check how hunks are merged into a file of an older base."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = [f"line {number}\n" for number in range(1, 31)]
HUNKS = """\
diff --git a/mm/file.c b/mm/file.c
--- a/mm/file.c
+++ b/mm/file.c
@@ -4,6 +4,7 @@
 line 4
 line 5
 line 6
+first
 line 7
 line 8
 line 9
@@ -24,6 +25,7 @@
 line 24
 line 25
 line 26
+second
 line 27
 line 28
 line 29
"""


class Merge(unittest.TestCase):
    """A clone with one hunk file."""

    def setUp(self):
        self.clone = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in "bin/lib", "bin/overlay", "series", "bases":
            shutil.copytree(ROOT / name, self.clone / name)
        self.copy = self.clone / "copy"
        self.write("mm/file.c.patch", HUNKS)

    def write(self, path, text):
        """Write a file of the clone."""
        (self.clone / path).parent.mkdir(parents=True, exist_ok=True)
        (self.clone / path).write_text(text)

    def merge(self, *lines):
        """Merge into these lines; the status, and what was added."""
        self.copy.write_text("".join(lines))
        done = subprocess.run(
            ["bash", "-c", ". bin/overlay/tree.sh; "
             "said=$(merge_shared mm/file.c.patch copy) || exit 9"],
            cwd=self.clone, check=False, capture_output=True, text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.clone),
                 "BASE": "6.12"})
        added = [line for line in self.copy.read_text().splitlines()
                 if line in ("first", "second")]
        self.assertEqual(done.stderr, "")
        return done.returncode, added

    def test_as_it_is(self):
        """hunks apply where they are"""
        self.assertEqual(self.merge(*LINES), (0, ["first", "second"]))

    def test_moved(self):
        """hunks apply at another line, or with one changed line beside them"""
        self.assertEqual(self.merge("new\n" * 5, *LINES), (0, ["first", "second"]))
        changed = [line.replace("line 4\n", "other\n") for line in LINES]
        self.assertEqual(self.merge(*changed), (0, ["first", "second"]))

    def test_failure(self):
        """a hunk that does not merge is a failure, even if others do"""
        self.assertEqual(self.merge(*LINES[:15])[0], 9)

    def test_without(self):
        """hunks that the base does without are left out"""
        self.write("bases/6.12/mm/file.c.patch", "Without hunk: 2\n")
        self.assertEqual(self.merge(*LINES), (0, ["first"]))
        self.write("bases/6.12/mm/file.c.patch", "Without hunks: 1, 2\n")
        self.assertEqual(self.merge(*LINES), (0, []))


if __name__ == "__main__":
    unittest.main()
