#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Print the name of every installed selftest, as FILE.FIXTURE.VARIANT.TEST.

  tests.py [--runner PROGRAM] [--test TEST] DIRECTORY

The test programs print their own lists, so that no test can be missed. PROGRAM
runs test programs of another architecture. With TEST (FILE, FILE.TEST or a
whole name) only the tests that it names are printed.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path


def names(file, listing):
    """The names of a program's tests, from what it prints with -l.

    kselftest_harness.h prints a block for each fixture, with columns for the
    fixture, its variants and its tests. Each test is run with each variant.
    """
    fixture, variants, tests = "", [], []

    def block():
        for variant in variants or [""]:
            for test in tests:
                yield f"{file}.{fixture}{variant and '.'}{variant}.{test}"

    first = False
    for line in listing.splitlines():
        if line.startswith(("# FIXTURE", "----")):
            yield from block()
            first, variants, tests = True, [], []
            continue
        words = line.split()
        if first and words:
            fixture, *words = words
            first = False
        if len(words) == 2 or words and line.endswith(" "):
            variants.append(words[0])
        if words and not line.endswith(" "):
            tests.append(words[-1])
    yield from block()


def selected(name, test):
    """Does TEST name this test?"""
    file, *_, last = name.split(".")
    return test in (file, name, f"{file}.{last}")


def ask(program, runner):
    """What a test program prints with -l."""
    command = [runner, program, "-l"] if runner else [program, "-l"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, text=True)
    return done.stdout


def all_tests(directory, runner):
    """The names of all tests.

    32-bit and x32 programs may not run on this machine. Ask their 64-bit twins.
    """
    for line in (directory / "kselftest-list.txt").read_text().splitlines():
        collection, _, file = line.partition(":")
        twin = re.sub("_[^_]*32$", "", file)
        yield from names(file, ask(directory / collection / twin, runner))


def main():
    """Print the names that are asked for."""
    parser = argparse.ArgumentParser(description="List the selftests' tests.")
    parser.add_argument("--runner", default="")
    parser.add_argument("--test", default="")
    parser.add_argument("directory", type=Path)
    args = parser.parse_args()
    found = [name for name in all_tests(args.directory, args.runner)
             if not args.test or selected(name, args.test)]
    if not found:
        sys.exit(f"error: there is no test '{args.test}'; TEST is FILE, "
                 "FILE.TEST or a whole name as bin/check/tests prints them")
    print("\n".join(found))


if __name__ == "__main__":
    main()
