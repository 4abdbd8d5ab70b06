#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that limits.py reports each broken promise, and each missing figure.

A result in which everything is kept is altered in one place at a time.
"""

import unittest

import limits


def good():
    """A figure for everything that limits.py asks for, as a dictionary.

    They are all the same, but for what the first patch saves.
    """
    figures = {}
    for cases in limits.all_cases().values():
        for case in cases:
            for figure in (case.figure, case.other):
                saved = figure[0] == "base" and \
                    figure[1].startswith(("first", "again", "order"))
                figures[figure] = 4000 if saved else 1000
    return figures


def lines(figures):
    """A result with those figures."""
    for (kernel, what, mode, at), value in figures.items():
        yield f"{kernel} {what} {mode} {at} {value} {value} 1"


def statuses(figures):
    """The status of each promise, by its text."""
    output, _ = limits.report(lines(figures))
    found = {}
    for line in output:
        if not line.startswith("no figure: "):
            status, text = line[:7].strip(), line[8:]
            found[text] = status
    return found


def status_of(text, found):
    """Of the promise with that text, which the worst case may follow."""
    return next(status for said, status in found.items()
                if said == text or said.startswith(f"{text}: "))


class Limits(unittest.TestCase):
    """Every promise is a case of each test."""

    def test_tables(self):
        """there are promises, and no two have one text and different limits"""
        found = limits.all_cases()
        self.assertGreater(len(found), 150)
        for text, cases in found.items():
            kinds = {(case.figure[0], case.figure[1], case.times)
                     for case in cases}
            self.assertEqual(len(kinds), 1, text)

    def test_good(self):
        """a result that keeps all promises passes"""
        output, kept = limits.report(lines(good()))
        self.assertTrue(kept)
        self.assertEqual({line[:7] for line in output}, {"kept   "})

    def test_empty(self):
        """without figures no promise is kept"""
        output, kept = limits.report([])
        self.assertFalse(kept)
        self.assertEqual({line[:7] for line in output}, {"missing", "no figu"})

    def test_broken(self):
        """finds every promise that is broken, in any of its cases"""
        figures = good()
        for text, cases in limits.all_cases().items():
            for case in cases:
                found = limits.judge(cases, figures | {case.figure: 1000000})
                with self.subTest(text, case=case):
                    self.assertEqual(found[0], "BROKEN")
                    self.assertIn("1000000, limit ", found[1])

    def test_missing(self):
        """finds every figure that is missing"""
        figures = good()
        for text, cases in limits.all_cases().items():
            for case in cases:
                for figure in (case.figure, case.other):
                    some = {key: value for key, value in figures.items()
                            if key != figure}
                    with self.subTest(text, figure=figure):
                        found = limits.judge(cases, some)
                        self.assertEqual(found[0], "missing")

    def test_report(self):
        """a broken promise and a missing figure are printed, and fail"""
        figures = good()
        figures["series", "first", "stripe|hard", 4] = 1121
        del figures["series", "tmpfs", "unbound", 4]
        output, kept = limits.report(lines(figures))
        self.assertFalse(kept)
        found = statuses(figures)
        self.assertEqual(
            status_of("first fault, stripe: 120 over unbound at most", found),
            "BROKEN")
        self.assertEqual(
            status_of("first fault, tmpfs, unbound: no more than on the base "
                      "by 1 in 1000", found), "missing")
        self.assertIn("no figure: series tmpfs unbound 4", output)

    def test_limits(self):
        """a limit is kept to the instruction"""
        text = "first fault, stripe: 120 over unbound at most"
        for more, status in ((120, "kept"), (121, "BROKEN")):
            figures = good()
            figures["series", "first", "stripe|soft", 8] = 1000 + more
            self.assertEqual(status_of(text, statuses(figures)), status)

    def test_mean(self):
        """the mean counts where pages are mapped around a fault"""
        read = limits.read(["# head", "series order unbound 4 1 2.5 10",
                            "series first unbound 4 1 2.5 10"])
        self.assertEqual(list(read.values()), [2.5, 1])


if __name__ == "__main__":
    unittest.main()
