#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run the unit tests of the Python modules, and print a line of TAP for each.

  unittests.py DIRECTORY...

The tests are in files *_test.py. A file that has no tests or cannot be loaded
is a failure, and so is a run without files. A test is named by the first line
of its documentation.
"""

import sys
import traceback
import unittest
from pathlib import Path


class Outcome(unittest.TestResult):
    """Records why the current test has failed."""

    def __init__(self):
        super().__init__()
        self.wrong = ""
        self.skipped_for = ""

    def startTest(self, test):
        super().startTest(test)
        self.wrong = self.skipped_for = ""

    def addError(self, test, err):
        self.wrong = self.wrong or "".join(traceback.format_exception(*err))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err:
            self.addError(test, err)
            self.wrong = f"{subtest}\n{self.wrong}"

    def addUnexpectedSuccess(self, test):
        self.wrong = "it was expected to fail"

    def addSkip(self, test, reason):
        self.skipped_for = reason


def tests_in(suite):
    """The single tests of a suite."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


def run(file):
    """A file's results: claim, cause of a failure, reason of a skip."""
    sys.path.insert(0, str(file.parent))
    outcome = Outcome()
    found = False
    suite = unittest.defaultTestLoader.loadTestsFromName(file.stem)
    for test in tests_in(suite):
        found = True
        test(outcome)
        claim = test.shortDescription() or test.id().rpartition(".")[2]
        yield claim, outcome.wrong, outcome.skipped_for
    if not found:
        yield "has tests", f"{file} has no tests", ""
    sys.path.remove(str(file.parent))


def main():
    """Run all tests, and fail if one of them did."""
    number = bad = 0
    for directory in sys.argv[1:]:
        for file in sorted(Path(directory).rglob("*_test.py")):
            module = file.stem.removesuffix("_test")
            for claim, wrong, skipped in run(file):
                number += 1
                bad += bool(wrong)
                status = "not ok" if wrong else "ok"
                print(f"{status} {number} {module}: {claim}"
                      f"{skipped and ' # SKIP '}{skipped}", flush=True)
                for line in wrong.splitlines():
                    print(f"# {line}")
    if not number:
        print("not ok 1 there are unit tests")
    print(f"1..{number or 1}")
    sys.exit(bad > 0 or not number)


if __name__ == "__main__":
    main()
