#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check what mutants.py makes of mutants and of a guest's output."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import kernel_tests
import mutants
from mutants import Error, Mutant, Reader

TEXT = """\
What is broken.

tests: command.run.a command.run.b
tests: command.command.c

--- a/tools/mm/shmbind/run.c
+++ b/tools/mm/shmbind/run.c
@@ -1 +1 @@
-1
+2
"""


def mutant(*tests, time=0, name="command/x"):
    """A mutant that names these tests."""
    return Mutant(name, "What.", tests, time, TEXT)


class Parse(unittest.TestCase):
    """parse()"""

    def test_header(self):
        """a mutant says what is broken, where, and which tests must notice it"""
        found = mutants.parse("command/x", TEXT)
        self.assertEqual(found.what, "What is broken.")
        self.assertEqual(found.tests, ("command.run.a", "command.run.b",
                                       "command.command.c"))
        self.assertEqual(found.file, "run.c")
        self.assertEqual(found.kind, "command")
        self.assertEqual(found.time, 0)

    def test_time(self):
        """a mutant may say when its tests have hung"""
        found = mutants.parse("command/x", TEXT.replace("\n\n---", "\ntime: 9\n---"))
        self.assertEqual(found.time, 9)

    def test_kernel(self):
        """a mutant of the kernel may name a topology, and what the kernel prints"""
        found = mutants.parse("kernel/x", TEXT)
        self.assertEqual((found.topology, found.console), ("four", ""))
        found = mutants.parse("kernel/x", TEXT.replace(
            "\n\n---", "\ntopology: sixteen\nconsole: divide error: 0\n---"))
        self.assertEqual((found.topology, found.console),
                         ("sixteen", "divide error: 0"))
        self.assertEqual(found.file, "tools/mm/shmbind/run.c")

    def test_incomplete(self):
        """a mutant without words, tests or a patch is wrong"""
        for text in (TEXT.replace("What is broken.", ""),
                     TEXT.replace("tests:", "test"),
                     TEXT[:TEXT.index("---")]):
            with self.subTest(text), self.assertRaises(Error):
                mutants.parse("command/x", text)


class Survives(unittest.TestCase):
    """survives()"""

    def test_killed(self):
        """a mutant is killed if each test that it names fails"""
        self.assertFalse(mutants.survives(mutant("a", "b"),
                                          {"a": "fail", "b": "fail"}))

    def test_pass(self):
        """a mutant survives if one of its tests passes"""
        self.assertEqual(
            mutants.survives(mutant("a", "b"),
                             {"a": "fail", "b": "pass", "c": "fail"}),
            "b passes; c notices it")

    def test_unnoticed(self):
        """a survivor that nothing notices is reported as such"""
        self.assertEqual(mutants.survives(mutant("a"), {"a": "pass"}),
                         "a passes; no other notices it")

    def test_hang(self):
        """a test that hangs has noticed nothing, unless the mutant says so"""
        self.assertIn("a hangs", mutants.survives(mutant("a"), {"a": "hang"}))
        self.assertFalse(mutants.survives(mutant("a", time=9), {"a": "hang"}))

    def test_missing(self):
        """a test without an outcome has noticed nothing"""
        self.assertIn("a did not end", mutants.survives(mutant("a"), {}))

    def test_unchanged(self):
        """without a mutant all tests must pass"""
        same = mutant("a", "b", name=mutants.UNCHANGED)
        self.assertFalse(mutants.survives(same, {"a": "pass", "b": "pass"}))
        self.assertIn("b fails", mutants.survives(same, {"a": "pass", "b": "fail"}))
        self.assertTrue(mutants.survives(same, {"a": "pass"}))
        self.assertTrue(mutants.survives(same, {"a": "pass", "b": "hang"}))


    def test_skip(self):
        """a test that is skipped has noticed nothing"""
        self.assertIn("a is skipped", mutants.survives(mutant("a"), {"a": "skip"}))

    def test_complaint(self):
        """what the kernel complains of must be what the mutant says"""
        said = {"a": "fail", mutants.CONSOLE: "[1] BUG: x"}
        self.assertIn("BUG: x", mutants.survives(mutant("a"), said))
        expected = mutant("a")._replace(console="BUG: x")
        self.assertFalse(mutants.survives(expected, said))
        self.assertIn("does not have", mutants.survives(expected, {"a": "fail"}))
        self.assertFalse(mutants.survives(expected, {mutants.CONSOLE: "BUG: x"}))


class Boot(unittest.TestCase):
    """boot()"""

    def test_boot(self):
        """a guest has a topology, and time for each test"""
        kernel = mutant("hard.full.firstref.a", "hard.full.stripe.a", time=10,
                        name="kernel/x")._replace(topology="sixteen")
        self.assertEqual(mutants.boot(kernel), ["sixteen", mutants.BOOT + 20])

    def test_kunit(self):
        """KUnit tests run only if one is named"""
        words = mutants.boot(mutant("kunit.a", name="kernel/x"))
        self.assertIn("kunit.enable=1", words)


class Unchanged(unittest.TestCase):
    """The kernel as it is."""

    def setUp(self):
        known = [mutant("a.b.c", name="kernel/x"), mutant("d.e.f", name="kernel/y"),
                 mutant("g.h.i", name="kernel/z")._replace(topology="sixteen")]
        for name, value in (("load", lambda pattern="": known),
                            ("all_tests", lambda: ["command.run.a"])):
            patch = mock.patch.object(mutants, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def test_topologies(self):
        """each topology has a guest with the tests that mutants name there"""
        found = {same.name: same for same in mutants.all_unchanged()}
        self.assertEqual(list(found), ["command/unchanged", "kernel/unchanged",
                                       "kernel/unchanged-sixteen"])
        self.assertEqual(found["kernel/unchanged"].tests, ("a.b.c", "d.e.f"))
        sixteen = mutants.find("kernel/unchanged-sixteen")
        self.assertEqual(sixteen.tests, ("g.h.i",))
        self.assertEqual(mutants.boot(sixteen)[0], "sixteen")
        self.assertFalse(sixteen.changes)


class KernelTests(unittest.TestCase):
    """kernel_tests.py"""

    SOURCE = """\
#include <errno.h>
#include "full.h"
FIXTURE_VARIANT_ADD(full, firstref) {
TEST_F(full, a)
TEST(b)
"""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        (self.place / "hard.c").write_text(self.SOURCE)
        (self.place / "full.h").write_text('#include "full.h"\nint full;\n')
        (self.place / "kunit.c").write_text("	KUNIT_CASE(c),\n")
        for name, value in (("SELFTESTS", self.place),
                            ("KUNIT", self.place / "kunit.c")):
            patch = mock.patch.object(kernel_tests, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(kernel_tests.text.cache_clear)
        kernel_tests.text.cache_clear()

    def test_exists(self):
        """a test is known by its fixture, variant and name"""
        for test in ("hard.full.firstref.a", "hard_mask.full.firstref.a",
                     "hard_32.full.firstref.a", "hard.full.a", "hard.global.b",
                     "kunit.c"):
            with self.subTest(test):
                self.assertTrue(kernel_tests.exists(test))
        for test in ("hard.full.stripe.a", "hard.empty.a", "hard.full.b", "hard.a",
                     "soft.full.a", "kunit.d"):
            with self.subTest(test):
                self.assertFalse(kernel_tests.exists(test))

    def test_text(self):
        """a result depends on the test's source and the headers that it includes"""
        before = kernel_tests.texts(["hard.full.firstref.a", "hard.global.b"])
        self.assertEqual(len(before), 1)
        (self.place / "full.h").write_text("int empty;\n")
        kernel_tests.text.cache_clear()
        self.assertNotEqual(kernel_tests.texts(["hard.global.b"]), before)


class Tests(unittest.TestCase):
    """What is known of the tests."""

    SCRIPT = """\
helper()
{
	true
}

test_a()
{
	"$SANITIZED" list
}

test_b()
{
	listing parse
}

main "$@"
"""

    def setUp(self):
        patch = mock.patch.object(mutants, "script", lambda file: self.SCRIPT)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(mutants.bodies.cache_clear)
        mutants.bodies.cache_clear()

    def test_bodies(self):
        """a test is told from the others and from the rest of its file"""
        self.assertIn("SANITIZED", mutants.body("command.x.a"))
        self.assertNotIn("SANITIZED", mutants.body("command.x.b"))
        self.assertIn("helper", mutants.bodies("x")[None])
        self.assertIn("main", mutants.bodies("x")[None])
        self.assertNotIn("listing", mutants.bodies("x")[None])

    def test_others(self):
        """the other tests of a file are those that a mutant does not name"""
        self.assertEqual(mutants.others(mutant("command.x.b")),
                         ["command.x.a"])

    def test_parts(self):
        """only what the tests use is built"""
        for tests, parts in ((("command.x.a",), ["sanitized"]),
                             (("command.x.b",), ["listing"]),
                             (("command.run.a", "command.run.b"),
                              ["library", "sanitized", "listing"])):
            with self.subTest(tests):
                self.assertEqual(list(mutants.parts(mutant(*tests))), parts)

    def test_identity(self):
        """a test that a mutant does not name does not matter to its result"""
        with mock.patch.object(mutants, "code", lambda: ""):
            before = mutants.identity(mutant("command.x.a"))
            self.SCRIPT = self.SCRIPT.replace("parse", "table")
            mutants.bodies.cache_clear()
            self.assertEqual(mutants.identity(mutant("command.x.a")), before)
            self.SCRIPT = self.SCRIPT.replace("list\n", "list --bars\n")
            mutants.bodies.cache_clear()
            self.assertNotEqual(mutants.identity(mutant("command.x.a")), before)


class Results(unittest.TestCase):
    """What is stored, and what of it is current."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.mutant = mutant("command.run.a", "command.run.b")
        self.identity = "1"
        for name, value in (
                ("RESULTS", Path(place.name)),
                ("find", lambda name: self.mutant._replace(name=name)),
                ("identity", lambda mutant: self.identity)):
            patch = mock.patch.object(mutants, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def read(self, *lines, names=("command/x",)):
        """Have the lines read; return what is printed."""
        reader = Reader()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            for line in lines:
                reader.line(line)
            reader.stop(list(names))
        return said.getvalue()

    def test_stored(self):
        """outcomes are stored when the mutant ends"""
        said = self.read("# mutant command/x", "# fail command.run.a",
                         "# | # fail command.run.z",
                         "# fail command.run.b", "# end of mutant command/x")
        self.assertEqual(said, "  KILLED  command/x\n")
        self.assertEqual(mutants.result(self.mutant),
                         {"command.run.a": "fail", "command.run.b": "fail"})

    def test_old(self):
        """a result of other code is not current"""
        self.read("# mutant command/x", "# end of mutant command/x")
        self.identity = "2"
        self.assertIsNone(mutants.result(self.mutant))

    def test_cut_short(self):
        """a mutant that a guest has not ended has no result"""
        self.read("# mutant command/x", "# fail command.run.a",
                  names=("command/w", "command/x"))
        self.assertIsNone(mutants.result(self.mutant))

    def read_kernel(self, console, *lines):
        """Have the lines of a guest of its own read; return what is printed."""
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "console"
            if console is not None:
                file.write_text(console)
            reader = Reader(file)
            with contextlib.redirect_stdout(io.StringIO()) as said:
                for line in lines:
                    reader.line(line)
                reader.stop(["kernel/x"])
        return said.getvalue()

    def test_kernel(self):
        """a mutant of the kernel is judged when its guest has ended"""
        said = self.read_kernel(
            "[1] Linux\n", "# mutant kernel/x", "# fail command.run.a",
            "# fail command.run.b", "# end of mutant kernel/x")
        self.assertEqual(said, "  KILLED  kernel/x\n")

    def test_kernel_complains(self):
        """a complaint of the kernel is stored, and not counted as a failed test"""
        said = self.read_kernel(
            "[1] Linux\n[2] BUG: unable\n", "# mutant kernel/x",
            "# fail command.run.a", "# fail command.run.b")
        self.assertIn("SURVIVE kernel/x: the kernel complains: [2] BUG: unable", said)
        stored = mutants.result(self.mutant._replace(name="kernel/x"))
        self.assertEqual(stored, {"command.run.a": "fail", "command.run.b": "fail",
                                  mutants.CONSOLE: "[2] BUG: unable"})

    def test_kernel_does_not_boot(self):
        """a guest that runs no test leaves a survivor, or a console as expected"""
        self.assertIn("SURVIVE", self.read_kernel("[1] Linux\n"))
        self.mutant = self.mutant._replace(console="divide error")
        self.assertIn("KILLED", self.read_kernel("[1] divide error: 0000\n"))

    def test_no_guest(self):
        """without a guest there is no result"""
        self.assertEqual(self.read_kernel(None), "")

    def test_ends_the_guest(self):
        """the first mutant of a guest that ends it is not tried for ever"""
        said = self.read("# mutant command/x", "# fail command.run.a")
        self.assertIn("the guest has ended", said)
        self.assertTrue(mutants.survives(self.mutant,
                                         mutants.result(self.mutant)))


if __name__ == "__main__":
    unittest.main()
