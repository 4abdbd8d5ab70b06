#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of coverage.py."""

import unittest

import coverage

DIFF = """\
diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -3,0 +4,2 @@ static int old(void)
+	one();
+++ two;
@@ -9,2 +12 @@ static int old(void)
-	three();
-	four();
+	five();
diff --git a/mm/gone.c b/mm/gone.c
--- a/mm/gone.c
+++ b/mm/gone.c
@@ -3 +2,0 @@
-	six();
diff --git a/mm/new.h b/mm/new.h
--- /dev/null
+++ b/mm/new.h
@@ -0,0 +1,3 @@
+a
+b
+c
"""

SOURCE = """\
static int first(int a)
{
	if (a)
		return 1;
	return 0;
}

struct folio *
second(int a,
       int b)
{
	return NULL;
out:
	return  NULL;
}
"""


def document(file, lines, directory="/tree/build"):
    """What gcov prints for an object: lines is count and branches by number."""
    return {"current_working_directory": directory,
            "files": [{"file": file, "functions": [], "lines": [
                {"line_number": number, "function_name": "f", "count": count,
                 "branches": [{"count": taken} for taken in branches]}
                for number, (count, branches) in lines.items()]}]}


def measured(lines, reasons="", added=None, path="mm/a.c"):
    """Coverage of SOURCE."""
    texts = SOURCE.splitlines() + 300 * ["\tx();"]
    counts = coverage.read_counts([document(f"/tree/{path}", lines)], "/tree")
    return coverage.Coverage({path: added or set(range(1, 99))}, counts,
                             lambda path: texts,
                             coverage.read_reasons(reasons.splitlines()))


class Diff(unittest.TestCase):
    """Which lines does the series add?"""

    def test_numbers(self):
        """hunks of one line and of several, and lines that look like a header"""
        self.assertEqual(coverage.added_lines(DIFF.splitlines()),
                         {"mm/a.c": {4, 5, 12}, "mm/new.h": {1, 2, 3}})


class Counts(unittest.TestCase):
    """What gcov has counted."""

    def read(self, *documents):
        """The counts in the tree /tree."""
        return coverage.read_counts(documents, "/tree")

    def test_paths(self):
        """paths are relative to the object's directory, or absolute"""
        for file in ("../mm/a.c", "/tree/mm/a.c"):
            self.assertEqual(list(self.read(document(file, {1: (1, [])}))),
                             ["mm/a.c"])

    def test_outside(self):
        """files outside the tree do not count"""
        self.assertEqual(self.read(document("/usr/a.h", {1: (1, [])})), {})

    def test_objects_add_up(self):
        """a line of a header is reached if any object reaches it"""
        counts = self.read(document("../a.h", {1: (0, [0, 0]), 2: (0, [])}),
                           document("../a.h", {1: (3, [0, 3])}))
        self.assertEqual(counts["a.h"][1], coverage.Line(3, (0, 3)))
        self.assertEqual(counts["a.h"][2].count, 0)

    def test_copies_differ(self):
        """of copies with different branches, those of the largest are kept"""
        for first, second in (([1, 0], [0, 0, 5, 0]), ([0, 0, 5, 0], [1, 0])):
            counts = self.read(document("../a.h", {1: (1, first)}),
                               document("../a.h", {1: (5, second)}))
            self.assertEqual(counts["a.h"][1], coverage.Line(6, (0, 0, 5, 0)))

    def test_taken(self):
        """a branch is taken if its count is not 0"""
        self.assertEqual(coverage.Line(9, (0, 4, 5)).taken, 2)


class Functions(unittest.TestCase):
    """Which function has a line?"""

    def test_names(self):
        """a name may be on a line after the type; labels are not functions"""
        texts = SOURCE.splitlines()
        for number, name in ((1, "first"), (5, "first"), (9, "second"),
                             (14, "second")):
            self.assertEqual(coverage.function_at(texts, number), name)

    def test_none(self):
        """before the first function there is none"""
        self.assertEqual(coverage.function_at(["int x;"], 1), "-")


class Reasons(unittest.TestCase):
    """The list of lines that are not reached."""

    def read(self, text):
        """The list as it is read."""
        return coverage.read_reasons(text.splitlines())

    def test_shared(self):
        """lines above a reason share it. It may have several lines"""
        reasons = self.read("# x\n\na.c f: return  1;\na.c g: return 2;\n"
                            "\tbecause\n\tof this\na.c h: x: y\n\tother\n")
        self.assertEqual(
            {key: reason.text for key, reason in reasons.items()},
            {("a.c", "f", "return 1;"): "because of this",
             ("a.c", "g", "return 2;"): "because of this",
             ("a.c", "h", "x: y"): "other"})

    def test_malformed(self):
        """what cannot be understood is an error"""
        for text in ("a.c f: x\n", "\tbecause\n", "a.c f\n\tbecause\n",
                     "a.c f: x\n\tz\na.c f: x\n\tz\n",
                     "a.c f: x\n\tz\na.c g: y\n"):
            with self.assertRaises(coverage.Error):
                self.read(text)


class Verdict(unittest.TestCase):
    """What must not be."""

    def wrong(self, *args, **kwargs):
        """What is wrong, as one text."""
        return "\n".join(measured(*args, **kwargs).wrong())

    def test_all_reached(self):
        """nothing is wrong"""
        self.assertEqual(self.wrong({3: (1, []), 5: (1, [])}), "")

    def test_no_reason(self):
        """a line that is not reached needs a reason, whatever the share is"""
        lines = {number: (1, []) for number in range(1, 300)}
        lines[4] = (0, [])
        text = self.wrong(lines, added=set(range(1, 300)))
        self.assertIn("mm/a.c:4: not reached, and not in the list: "
                      "first return 1;", text)
        self.assertNotIn("%", text)

    def test_share(self):
        """reasons do not raise the share"""
        text = self.wrong({3: (1, []), 4: (0, [])},
                          "mm/a.c first: return 1;\n\tbecause\n")
        self.assertEqual(text, "50.00 % of the lines are reached, not 98 %")

    def test_stale(self):
        """a listed line that is reached is wrong, unless that happens sometimes"""
        reasons = "mm/a.c first: return 1;\n\t{}because\n"
        self.assertIn("is reached", self.wrong({4: (1, [])}, reasons.format("")))
        self.assertEqual(self.wrong({4: (1, [])},
                                    reasons.format("sometimes: ")), "")

    def test_unknown(self):
        """a listed line must exist and have code"""
        for reasons in ("mm/a.c first: return 2;\n\tx\n",
                        "mm/b.c first: return 1;\n\tx\n",
                        "mm/a.c second: return 1;\n\tx\n"):
            self.assertIn("no such line", self.wrong({4: (1, [])}, reasons))

    def test_same_text_twice(self):
        """a listed text that occurs twice is not stale if one is not reached"""
        found = measured({12: (1, []), 14: (0, [])},
                         "mm/a.c second: return NULL;\n\tx\n")
        self.assertNotIn("list", "\n".join(found.wrong()))

    def test_no_data(self):
        """a source file that no object has data of is wrong; a header is not"""
        found = coverage.Coverage({"a.c": {1}, "a.h": {1}}, {}, None, {})
        self.assertEqual(found.missing, ["a.c"])
        self.assertIn("a.c: no object has data of it", list(found.wrong()))

    def test_only_added(self):
        """lines that the series does not add do not count"""
        found = measured({3: (0, []), 4: (1, [])}, added={4})
        self.assertEqual(found.share(), 100)
        self.assertEqual(list(found.unreached()), [])


class Report(unittest.TestCase):
    """What is printed."""

    def test_table(self):
        """files and their sum"""
        found = measured({3: (3, [2, 0]), 4: (0, [])})
        self.assertEqual(found.rows(), [("mm/a.c", 2, 1, "50.0", 2, 1),
                                        ("all", 2, 1, "50.0", 2, 1)])

    def test_report(self):
        """lines with their reasons, and branches"""
        found = measured({3: (3, [2, 0]), 4: (0, []), 5: (0, [0, 0])},
                         "mm/a.c first: return 1;\n\tbecause\n")
        text = "\n".join(found.report("this"))
        self.assertIn("- mm/a.c:4: `return 1;`\n  because\n", text)
        self.assertIn("- mm/a.c:5: `return 0;`\n  NO REASON", text)
        self.assertTrue(text.endswith(
            "- mm/a.c:3: `if (a)`: 1 of 2 not taken"))


if __name__ == "__main__":
    unittest.main()
