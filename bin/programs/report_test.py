# SPDX-License-Identifier: GPL-2.0
"""Unit tests of report.py."""

import contextlib
import io
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

import report

LOG = """program: database
figure: kernel | 7.3.4
== Unbound
pages: as it comes | 4 | N0=0 N1=10 N2=30 N3=60
pages: with <a> binding | 4 | N0=25 N1=25 N2=25 N3=25
ok - the nodes differ
something that a program printed
== A node is too small
not ok - the start fails
# exit status 0
# LOG:  started
said: FATAL:  could not | create
said:
said: HINT:  more
note: It says nothing.
advice: Use --populate.
end: 12
"""


def text_of(log, name="database"):
    """The files of the report on one program."""
    content = {}
    for file, line in report.files([report.read(name, log)]):
        content.setdefault(file, []).append(line)
    return {file: "\n".join(lines) for file, lines in content.items()}


class Read(unittest.TestCase):
    def setUp(self):
        self.program = report.read("database", LOG)

    def test_sections(self):
        """sections are in order, lines of programs are left out"""
        self.assertEqual([section.title for section in self.program.sections],
                         ["", "Unbound", "A node is too small"])
        self.assertEqual([kind for kind, _ in self.program.sections[1].items],
                         ["pages", "pages", "verdict"])

    def test_failure(self):
        """a verdict that did not hold has its details"""
        wrong = self.program.wrong()
        self.assertEqual([verdict.claim for verdict in wrong],
                         ["the start fails"])
        self.assertEqual(wrong[0].details, ["exit status 0", "LOG:  started"])

    def test_pages(self):
        """pages are read by node"""
        pages = self.program.sections[1].of_kind("pages")[0]
        self.assertEqual(pages.nodes, {0: 0, 1: 10, 2: 30, 3: 60})
        self.assertEqual(pages.size, "4")
        self.assertAlmostEqual(pages.share(3), 0.6)

    def test_no_pages(self):
        """a share of nothing is nothing"""
        self.assertEqual(report.read_pages("a | 4 | N0=0").share(0), 0)

    def test_details_need_a_verdict(self):
        """lines that begin as details do not count without a failure"""
        program = report.read("x", "# nothing\nok - a\nend: 1\n")
        self.assertEqual(program.wrong(), [])


class Ends(unittest.TestCase):
    def wrong(self, log):
        """The claims that did not hold."""
        return [verdict.claim for verdict in report.read("x", log).wrong()]

    def test_cut_short(self):
        """a program without an end did not hold"""
        self.assertEqual(self.wrong("ok - a\n"), ["the program came to its end"])

    def test_no_verdict(self):
        """a program without verdicts did not hold"""
        self.assertEqual(self.wrong("end: 3\n"), ["the program has verdicts"])

    def test_empty(self):
        """neither did one that printed nothing"""
        self.assertEqual(len(self.wrong("")), 2)

    def test_good(self):
        """a program with verdicts and an end is good"""
        self.assertEqual(self.wrong("ok - a\nend: 3\n"), [])


class Files(unittest.TestCase):
    def setUp(self):
        self.files = text_of(LOG)
        self.report = self.files["report.md"]

    def test_table(self):
        """the table counts verdicts, and the end is one"""
        self.assertIn("| [database](#database) | 2 | 1 | 12 s |", self.report)

    def test_bars(self):
        """a bar's length is its part of the longest"""
        self.assertIn(f"  node  3 |{'#' * 40}| 60", self.report)
        self.assertIn(f"  node  1 |{'#' * 7:40}| 10", self.report)

    def test_failure_is_named(self):
        """what did not hold is at the head and in its place"""
        self.assertIn("**Did not hold: the start fails**", self.report)
        self.assertIn("- **not ok**: the start fails", self.report)
        self.assertIn("      exit status 0", self.report)

    def test_quote(self):
        """quoted lines are as they were, with empty ones"""
        self.assertIn("```\nFATAL:  could not | create\n\nHINT:  more\n```",
                      self.report)

    def test_advice(self):
        """advice is marked"""
        self.assertIn("> **Advice.** Use --populate.", self.report)

    def test_figure(self):
        """figures are in a table, with | escaped"""
        self.assertIn("| kernel | 7.3.4 |", self.report)
        self.assertIn("stripe\\|hard",
                      text_of("figure: a | stripe|hard\n")["report.md"])

    def test_picture(self):
        """a section with several bars has a picture, which is XML"""
        self.assertIn("![Unbound: pages by node](database-1.svg)", self.report)
        picture = xml.dom.minidom.parseString(self.files["database-1.svg"])
        texts = [node.firstChild.data
                 for node in picture.getElementsByTagName("text")]
        self.assertIn("with <a> binding", texts)
        titles = [node.firstChild.data
                  for node in picture.getElementsByTagName("title")]
        self.assertIn("node 3: 60", titles)
        self.assertNotIn("node 0: 0", titles)


class Main(unittest.TestCase):
    def run_main(self, log):
        """The result, what is printed, and the files."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "x.log"
            path.write_text(log, encoding="utf-8")
            (Path(place) / "x-9.svg").write_text("old", encoding="utf-8")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                held = report.main(place, [str(path)])
            names = sorted(file.name for file in Path(place).iterdir())
        return held, out.getvalue(), names

    def test_held(self):
        """all held: nothing is printed, and old pictures are gone"""
        self.assertEqual(self.run_main("ok - a\nend: 1\n"),
                         (True, "", ["report.md", "x.log"]))

    def test_not_held(self):
        """what did not hold is printed"""
        held, printed, _ = self.run_main(LOG)
        self.assertFalse(held)
        self.assertEqual(printed, "not ok - x: the start fails\n")


if __name__ == "__main__":
    unittest.main()
