#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check which base is fetched from an archive that lacks some."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYRINGS = Path("/usr/share/keyrings")
ARCHIVE = b"an archive"
APT_GET = """#!/bin/sh
case $* in
*--print-uris*)
	. /etc/os-release
	echo "'http://archive/dists/$VERSION_CODENAME/InRelease' InRelease 0" ;;
*--download-only*)
	for last; do :; done
	printf '%s' 'an archive' \\
		>"$XDG_CACHE_HOME/shmbind/apt/archives/${last%=*}_${last#*=}_all.deb" ;;
esac
"""
APT_CACHE = """#!/bin/sh
case $3 in
madison) grep "^$4 " "$OFFERED" || true ;;
show)	 echo "SHA256: $SUM"; echo "Size: 10" ;;
esac
"""


@unittest.skipUnless(list(KEYRINGS.glob("debian-archive-keyring.*")),
                     "needs Debian's keyring")
class Fetch(unittest.TestCase):
    """A clone whose bases have the archive above, and a fake apt."""

    def setUp(self):
        self.place = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.clone = self.place / "clone"
        for name in "bin", "series", "bases":
            shutil.copytree(ROOT / name, self.clone / name, symlinks=True)
        digest = hashlib.sha256(ARCHIVE).hexdigest()
        for pin in self.clone.glob("bases/*/base"), [self.clone / "series/base"]:
            for file in pin:
                file.write_text(re.sub(r"(?m)^sha256\t.*", f"sha256\t{digest}",
                                       file.read_text()))
        for name, text in ("apt-get", APT_GET), ("apt-cache", APT_CACHE):
            file = self.place / "bin" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        self.digest = digest
        self.release, self.package, self.version = self.pin("series/base")

    def pin(self, path):
        """Release, package and version of a base."""
        pin = dict(line.split("\t") for line in
                   (self.clone / path).read_text().splitlines())
        return (pin["linux"].rsplit(".", 1)[0], pin["package"], pin["version"])

    def fetch(self, *offered, **variables):
        """Run fetch where the archive has these, (package, version)."""
        lines = "".join(f"{package} | {version} | archive\n"
                        for package, version in offered)
        (self.place / "offered").write_text(lines)
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("BASE", "KSRC", "delta")}
        return subprocess.run(
            [self.clone / "bin" / "overlay" / "fetch"], check=False,
            capture_output=True, text=True,
            env=environment | variables | {
                "PATH": f"{self.place / 'bin'}:{os.environ['PATH']}",
                "XDG_CACHE_HOME": str(self.place / "cache"),
                "OFFERED": str(self.place / "offered"), "SUM": self.digest})

    def test_pinned(self):
        """the pinned version is taken if it is offered"""
        done = self.fetch((self.package, self.version))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(self.version, (self.clone / "build/source").read_text())

    def test_later(self):
        """otherwise a later one of the same release, and fetch says so"""
        done = self.fetch((self.package, "99.1-1"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{self.version} is gone: trying 99.1-1", done.stdout)
        self.assertIn("99.1-1", (self.clone / "build/source").read_text())

    def test_older_base(self):
        """otherwise an older base, and one line says so"""
        release, package, version = self.pin("bases/6.12/base")
        done = self.fetch((package, version))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count(f"continuing with Linux {release}"),
                         1, done.stdout)
        self.assertEqual(done.stderr, "")
        self.assertIn(version, (self.clone / "build/6.12/source").read_text())

    def test_remembered(self):
        """the other scripts use the older base as well, whatever is offered then"""
        self.fetch(self.pin("bases/6.12/base")[1:])
        done = self.fetch((self.package, self.version))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((self.clone / "build/source").exists())

    def test_named(self):
        """a base that the user has named is not replaced"""
        done = self.fetch(self.pin("bases/6.12/base")[1:], BASE=self.release)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.version} is not at the system's mirror",
                      done.stderr)
        self.assertFalse((self.clone / "build/fallback").exists())

    def test_none(self):
        """without any base, the error names the way out"""
        done = self.fetch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("KSRC=", done.stderr)

    def test_unknown(self):
        """a BASE that does not exist is an error that lists those that do"""
        done = self.fetch(BASE="5.4")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.release} 6.12", done.stderr)


if __name__ == "__main__":
    unittest.main()
