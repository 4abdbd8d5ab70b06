#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Unit tests of kselftests.py."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import kselftests

MM = """\
TAP version 13
1..2
# timeout set to 900
# selftests: mm: ksft_mmap.sh
# TAP version 13
# # -----------
# # running ./map_populate
# # TAP version 13
# # 1..2
# #  RUN           global.one ...
# # ok 1 MAP_POPULATE is populated
# # ok 2 mapped at 0x7f00aa00 # SKIP no memory
# # [PASS]
# ok 1 map_populate
# # running ./droppable
# # [FAIL]
# not ok 2 droppable # exit=139
# # SUMMARY: PASS=1 SKIP=0 FAIL=1
# 1..2
not ok 1 selftests: mm: ksft_mmap.sh # exit=1
# selftests: mm: ksft_hmm.sh
# ok 1 test_hmm.sh smoke # SKIP
ok 2 selftests: mm: ksft_hmm.sh # SKIP
# Totals: pass:0 fail:1 xfail:0 xpass:0 skip:1 error:0
# end of run: exit status 0
"""


def run_of(text, console=""):
    """The run with this output."""
    return kselftests.read_run(text.splitlines(), console.splitlines(), "mm")


class ReadTest(unittest.TestCase):
    """What is read from a guest's output."""

    def test_results_at_any_depth(self):
        """Parts precede what they belong to."""
        run = run_of(MM)
        self.assertEqual(run.faults, [])
        self.assertEqual(run.results, {
            "mm: ksft_mmap.sh: map_populate: MAP_POPULATE is populated": "PASS",
            "mm: ksft_mmap.sh: map_populate: mapped at 0x...": "SKIP",
            "mm: ksft_mmap.sh: map_populate": "PASS",
            "mm: ksft_mmap.sh: droppable": "FAIL exit=139",
            "mm: ksft_mmap.sh": "FAIL",
            "mm: ksft_hmm.sh: test_hmm.sh smoke": "SKIP",
            "mm: ksft_hmm.sh": "SKIP",
        })

    def test_result_without_a_name(self):
        """As a program reports that skips all of its tests."""
        run = run_of(MM.replace("test_hmm.sh smoke # SKIP", "# SKIP no HMM", 1))
        self.assertEqual(run.results["mm: ksft_hmm.sh: without a name"], "SKIP")

    def test_time_limit(self):
        """It is not an ordinary failure, and what was reported stays."""
        run = run_of(MM.replace("# exit=1\n", "# TIMEOUT 420 seconds\n", 1)
                     .replace("# ok 1 map_populate\n", "", 1)
                     .replace("# not ok 2 droppable # exit=139\n", "", 1))
        self.assertEqual(run.results["mm: ksft_mmap.sh"], "TIMEOUT")
        self.assertEqual(
            run.results["mm: ksft_mmap.sh: MAP_POPULATE is populated"], "PASS")

    def test_same_name_again(self):
        """Each result is kept."""
        run = run_of("1..1\n# selftests: ipc: a\n# ok 1 x\n# not ok 2 x\n"
                     "ok 1 selftests: ipc: a\n# end of run: exit status 0")
        self.assertEqual(run.results["ipc: a: x"], "PASS")
        self.assertEqual(run.results["ipc: a: x (2)"], "FAIL")

    def test_guest_that_did_not_end(self):
        """Its last program has no end either."""
        cut = MM[:MM.index("# # running ./droppable")]
        run = run_of(cut)
        self.assertEqual(run.results["mm: ksft_mmap.sh"], "NO-END")
        self.assertIn("mm: ksft_mmap.sh did not come to its end", run.faults)
        self.assertIn("0 programs ended, the plan is 2", run.faults)
        self.assertIn("the guest did not come to its end", run.faults)

    def test_nothing(self):
        """A guest that printed nothing is faulty."""
        self.assertEqual(run_of("").faults, [
            "there is no plan", "there are no results",
            "the guest did not come to its end"])

    def test_program_that_is_missing(self):
        """The plan has one more."""
        run = run_of(MM.replace("1..2\n", "1..3\n", 1))
        self.assertEqual(run.faults, ["2 programs ended, the plan is 3"])

    def test_bad_status(self):
        """The runner itself has failed."""
        run = run_of(MM.replace("exit status 0", "exit status 127"))
        self.assertEqual(run.faults, ["the tests ended with status 127"])

    def test_program_that_was_not_started(self):
        """It has tested nothing."""
        run = run_of(MM.replace("ksft_mmap.sh # exit=1\n",
                                "ksft_mmap.sh # exit=127\n", 1))
        self.assertEqual(run.faults, [
            "mm: ksft_mmap.sh could not be started: FAIL exit=127"])

    def test_complaint_of_the_kernel(self):
        """It is a result, without what varies."""
        one = run_of(MM, "[ 1.5] WARNING: CPU: 3 PID: 77 at mm/shmem.c:123 "
                         "shmem_fault+0x12/0x90").results
        two = run_of(MM, "[22.5] WARNING: CPU: 1 PID: 80 at mm/shmem.c:129 "
                         "shmem_fault+0x22/0xa0").results
        self.assertEqual(one, two)
        self.assertEqual(len(one), 8)


class CompareTest(unittest.TestCase):
    """What is made of two kernels' results."""

    @staticmethod
    def report(base, series, again=(), **listed):
        """A report on one collection."""
        found = kselftests.Report(**listed)
        found.add("mm", (run_of(base), run_of(series)), tuple(map(run_of, again)))
        return found, found.judge()

    broken = MM.replace("# # ok 1 MAP", "# # not ok 1 MAP")
    name = "mm: ksft_mmap.sh: map_populate: MAP_POPULATE is populated"

    def test_same(self):
        """A test that fails on both kernels is not a difference."""
        found, wrong = self.report(MM, MM)
        self.assertEqual(wrong, [])
        self.assertIn("mm: 7 results, 7 the same, 0 differ, 0 unsteady; base: "
                      "2 FAIL, 2 PASS, 3 SKIP", list(found.summary()))

    def test_difference(self):
        """It is wrong, in a single run and in two."""
        for again in (), (MM, self.broken):
            _, wrong = self.report(MM, self.broken, again)
            self.assertEqual(wrong, [
                f"{self.name}: PASS on the base, FAIL with the series"])

    def test_better(self):
        """A test that fails on the base only differs too."""
        self.assertTrue(self.report(self.broken, MM, (self.broken, MM))[1])

    def test_result_that_is_missing(self):
        """Each kernel must have each result."""
        less = MM.replace("# # ok 1 MAP_POPULATE is populated\n", "")
        for pair in (MM, less), (less, MM):
            self.assertEqual(len(self.report(*pair, pair)[1]), 1)

    def test_unsteady(self):
        """The second run does not repeat it, or only the second shows it."""
        for first, second in (((MM, self.broken), (MM, MM)),
                              ((MM, MM), (self.broken, MM))):
            found, wrong = self.report(*first, second)
            self.assertEqual(wrong, [])
            self.assertEqual(sum("unsteady: then" in line
                                 for line in found.table()), 1)

    def test_reason(self):
        """A difference with a reason is not wrong, and the table has it."""
        for entry in self.name, "mm: ksft_mmap.sh: *populated":
            found, wrong = self.report(MM, self.broken, (MM, self.broken),
                                       differences={entry: "because"})
            self.assertEqual(wrong, [])
            self.assertTrue(any("[because]" in line for line in found.table()))

    def test_reason_that_is_not_needed(self):
        """What is listed must differ, if its collection was run."""
        self.assertEqual(
            self.report(MM, MM, differences={self.name: "because"})[1],
            [f"'{self.name}' is listed as different, and is not"])
        self.assertEqual(
            self.report(MM, MM, differences={"ipc: msgque": "because"})[1], [])

    def test_faulty_run(self):
        """A guest that broke off is wrong, even on both kernels alike."""
        cut = MM.replace("# end of run: exit status 0\n", "")
        self.assertEqual(self.report(cut, cut)[1], [
            "mm, base, run 1: the guest did not come to its end",
            "mm, series, run 1: the guest did not come to its end"])

    def test_nothing_passed(self):
        """Kernels on which nothing passes cannot be compared."""
        none = MM.replace("ok 1", "not ok 1").replace("not not", "not")
        self.assertEqual(self.report(none, none)[1],
                         ["mm: nothing has passed on the base"])

    def test_nothing_run(self):
        """No results at all are wrong."""
        self.assertEqual(kselftests.Report().judge(), ["nothing was run"])


class FilesTest(unittest.TestCase):
    """The commands, on files."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name)

    def write(self, directory, text, collection="mm"):
        """A guest's output."""
        path = self.place / directory / f"{collection}.ktap"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def call(self, command, **values):
        """A command's exit status, and what it prints."""
        printed = io.StringIO()
        values = {"results": self.place, "table": self.place / "table",
                  "differences": None, "without": None, **values}
        with contextlib.redirect_stdout(printed):
            status = command(SimpleNamespace(**values))
        return status, printed.getvalue()

    def test_what_to_run_again(self):
        """Only collections with a difference."""
        for kernel, text in ("base-1", MM), ("series-1", CompareTest.broken):
            self.write(kernel, text)
            self.write(kernel, MM, "ipc")
        self.assertEqual(self.call(kselftests.differ)[1], "mm\n")

    def test_report(self):
        """The table has every result, and what was left out."""
        self.write("base-1", MM)
        self.write("series-1", MM)
        without = self.place / "without"
        without.write_text("# a comment\n\nmm:ksft_vmalloc.sh\n\tneeds a\n"
                           "\tmodule\n", encoding="utf-8")
        self.assertEqual(self.call(kselftests.report, without=without)[0], False)
        table = (self.place / "table").read_text(encoding="utf-8")
        self.assertIn("# not run: mm:ksft_vmalloc.sh: needs a module\n", table)
        self.assertEqual(table.count("\n"), 1 + 1 + 1 + 7)

    def test_kernel_without_a_result(self):
        """A guest that left no file is a fault."""
        self.write("base-1", MM)
        status, printed = self.call(kselftests.report)
        self.assertTrue(status)
        self.assertIn("mm, series, run 1: there are no results", printed)

    def test_entry_without_a_reason(self):
        """It is refused."""
        with self.assertRaises(SystemExit):
            kselftests.load_listed("mm: x\nmm: y\n\treason\n", "file")


if __name__ == "__main__":
    unittest.main()
