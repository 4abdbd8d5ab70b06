# SPDX-License-Identifier: GPL-2.0
"""The tests that mutants of the kernel name, and the code that they test.

FILE.FIXTURE.TEST or FILE.FIXTURE.VARIANT.TEST is a selftest, as bin/check/tests
prints them; kunit.TEST is a KUnit test.
"""

import hashlib
import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "linux"
SELFTESTS = TREE / "tools" / "testing" / "selftests" / "shmbind"
KUNIT = TREE / "mm" / "tests" / "shmbind_kunit.c"

# What the kernel and its guest are made of, besides the series.
GUEST = ("bin/mutants/guest", "bin/guest/vm", "qemu/init.c", "qemu/topologies",
         "qemu/kernel.config", "qemu/x86_64.config", "qemu/shmbind.config",
         "qemu/checks.config", "qemu/kunit.config")


def source(test):
    """The file that has a test. Some programs are built from another's source."""
    name = test.partition(".")[0]
    if name == "kunit":
        return KUNIT
    own = SELFTESTS / f"{name}.c"
    return own if own.exists() else \
        SELFTESTS / f"{re.sub('_mask$|_[^_]*32$', '', name)}.c"


@cache
def text(file):
    """A source file, and the headers of its directory that it includes."""
    files, found = [file], {}
    while files:
        file = files.pop()
        if file.name in found or not file.exists():
            continue
        found[file.name] = file.read_text()
        files += [file.parent / name for name in
                  re.findall(r'^#include "([\w.-]+)"', found[file.name], re.M)]
    return "\n".join(found[name] for name in sorted(found))


def exists(test):
    """Is there such a test?"""
    program, *words = test.split(".")
    code = text(source(test))
    if program == "kunit":
        return bool(re.search(rf"KUNIT_CASE\({'.'.join(words)}\)", code))
    if len(words) not in (2, 3):
        return False
    fixture, variant, name = words[0], "".join(words[1:-1]), words[-1]
    if variant and not re.search(
            rf"FIXTURE_VARIANT_ADD\({fixture},\s*{variant}\)", code):
        return False
    if fixture == "global":
        return bool(re.search(rf"^TEST(_\w+)?\({name}\b", code, re.M))
    return bool(re.search(rf"^TEST_F\w*\({fixture},\s*{name}\b", code, re.M))


def topologies():
    """The names of the machines that a guest can be."""
    return re.findall(r"^(\w+)$", (ROOT / "qemu" / "topologies").read_text(), re.M)


@cache
def code():
    """A hash of what all results depend on: the code, and how tests are run."""
    digest = hashlib.sha1()
    parts = (".", ":!tools", ":!Documentation", ":!samples", ":!MAINTAINERS")
    for command in (["rev-parse", "base"], ["diff", "base", "--", *parts]):
        digest.update(subprocess.run(["git", "-C", TREE, *command], check=True,
                                     stdout=subprocess.PIPE).stdout)
    for name in GUEST:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def texts(tests):
    """What the results of these tests depend on besides that."""
    return [text(file) for file in sorted({source(test) for test in tests})]
