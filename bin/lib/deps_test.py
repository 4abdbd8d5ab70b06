#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check how deps names what is missing, and that its list fits the scripts."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = ("bash", "env", "cat", "mktemp", "rm", "realpath", "dirname", "nproc",
        "id")
TREE = "/path/to/linux"


def lines():
    """What the list needs for what: first word, package, things."""
    text = (ROOT / "bin" / "lib" / "needs").read_text()
    for line in re.sub("#.*", "", text).splitlines():
        if line.strip():
            need, package, things = line.split(maxsplit=2)
            yield need, package, [thing.strip() for thing in things.split(",")]


class Deps(unittest.TestCase):
    """A system without apt, with a few commands."""

    def ask(self, *targets, have=(), **variables):
        """Run deps for these targets where only these commands exist."""
        with tempfile.TemporaryDirectory() as path:
            for name in BASE + have:
                (Path(path) / name).symlink_to(shutil.which(name))
            return subprocess.run(
                [shutil.which("bash"), ROOT / "bin" / "lib" / "deps", *targets],
                env={"PATH": path, "HOME": os.environ["HOME"]} | variables,
                check=False, capture_output=True, text=True)

    def missing(self, *targets, **more):
        """The things that its error names."""
        done = self.ask(*targets, **more)
        found = re.search("missing: ([^;]*);", done.stderr)
        self.assertEqual(done.returncode, 1 if found else 0, done.stderr)
        return found[1].split(", ") if found else []

    def test_everything(self):
        """all that is missing is named at once, by command"""
        names = self.missing("run", KSRC=TREE)
        for name in "git", "bc", "busybox", "qemu-system-x86_64", "<numa.h>":
            self.assertIn(name, names)
        self.assertNotIn("busybox-static", names)

    def test_series(self):
        """the series' targets need neither apt nor a compiler with KSRC"""
        have = tuple(thing.split()[0] for need, _, things in lines()
                     if need == "tree" for thing in things)
        for target in "tree", "series", "rows", "patch", "rebase":
            with self.subTest(target):
                self.assertEqual(
                    self.missing(target, have=have, KSRC=TREE), [])
        self.assertEqual(self.missing("tree", KSRC=TREE, have=tuple(
            name for name in have if name != "xz")), ["xz"])

    def test_archive(self):
        """apt is needed without KSRC, and dpkg-deb for a package"""
        done = self.ask("tree")
        self.assertIn("apt-get", done.stderr)
        self.assertIn("KSRC=/path/to/linux", done.stderr)
        self.assertIn("dpkg-deb", self.missing("tree", KSRC="/linux.deb"))
        self.assertNotIn("dpkg-deb", self.missing("tree", KSRC=TREE))
        self.assertNotIn("apt-get", self.missing("rebase", TO="/"))

    def test_optional(self):
        """what can be done without is told, and is not an error"""
        done = self.ask("kernel", KSRC=TREE)
        self.assertRegex(done.stdout, "DEPS *without .*ccache")
        self.assertNotIn("ccache", done.stderr)

    def test_targets(self):
        """each word of the list is what a target needs"""
        script = (ROOT / "bin" / "lib" / "deps").read_text()
        known = set(re.findall(r"[a-z]+", " ".join(
            re.findall(r"wanted\+='([^']*)'", script))))
        self.assertEqual({need.rstrip("?") for need, *_ in lines()}, known)


if __name__ == "__main__":
    unittest.main()
