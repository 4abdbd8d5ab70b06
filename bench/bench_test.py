#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Do table.py, locked.py and compare.py print what a result says?"""

import unittest

import compare
import locked
import table

RESULT = """\
# kernel what mode nodes-or-MiB median mean samples
base first unbound 1 100 101.4 10
base first unbound 4 110 111.6 10
faults first unbound 1 90 91 10
series first unbound 1 80 81 10
series first stripe|soft 4 85 86 10
series order unbound 1 3 4 10
series call stripe|soft 4 7 8 10
series first@cpuset unbound 1 82 83 10
""".splitlines()


class Table(unittest.TestCase):
    """table.py"""

    def setUp(self):
        self.lines = list(table.output(table.read(RESULT)))

    def rows(self, title):
        """The lines of the table with that title."""
        start = self.lines.index(title) + 1
        rest = self.lines[start:] + [""]
        return [line.split() for line in rest[:rest.index("")]]

    def test_medians(self):
        """a table has a row for a mode on a kernel, a dash for no figure"""
        self.assertEqual(self.rows("First fault on a page"), [
            ["kernel", "1", "4"],
            ["unbound", "base", "100", "110"],
            ["unbound", "faults", "90", "-"],
            ["unbound", "series", "80", "-"],
            ["stripe|soft", "series", "-", "85"]])

    def test_means(self):
        """means are rounded"""
        self.assertEqual(self.rows("First fault on a page (mean)")[1],
                         ["unbound", "base", "101", "112"])

    def test_one_of_the_two(self):
        """pages mapped around have a mean alone, the call a median alone"""
        order = "Reading a second attach in order, a page"
        call = "The call, by MiB of the segment"
        self.assertNotIn(order, self.lines)
        self.assertIn(f"{order} (mean)", self.lines)
        self.assertIn(call, self.lines)
        self.assertNotIn(f"{call} (mean)", self.lines)

    def test_place(self):
        """the title says where the task is"""
        self.assertIn("First fault on a page, in a cpuset with all nodes",
                      self.lines)


class Locked(unittest.TestCase):
    """locked.py"""

    def setUp(self):
        self.symbols = locked.Symbols(["ffff0020 fault", "ffff0000 start",
                                       "ffff0040 _raw_spin_lock"])

    def test_symbols(self):
        """an address is in the function before it"""
        for address, name in ((0xffff0000, "start"), (0xffff001f, "start"),
                              (0xffff0020, "fault"), (0xffff0fff,
                                                      "_raw_spin_lock")):
            self.assertEqual(self.symbols.name(address), name)

    def test_lock(self):
        """a lock is named with its caller"""
        self.assertEqual(self.symbols.place(0xffff0048, 0xffff0024),
                         "_raw_spin_lock < fault")
        self.assertEqual(self.symbols.place(0xffff0024, 0xffff0000), "fault")

    def test_places(self):
        """places come by their number, then the sums; rare ones are left out"""
        log = ["figure 3 3.5 100", "at ffff0024 ffff0000 100",
               "at ffff0048 ffff0024 200", "at ffff0000 ffff0000 1"]
        lines = locked.read_lines("# comment\nfault\tnode\tits count\n")
        figure, = locked.read_log(log, self.symbols)
        self.assertEqual(list(figure.places(lines)), [
            "   2.00  ?        _raw_spin_lock < fault",
            "   1.00  node     fault: its count",
            "   2.00  in all on lines of: ?",
            "   1.00  in all on lines of: node"])


class Compare(unittest.TestCase):
    """compare.py"""

    def lines(self, old, new):
        """What it prints of two sets of figures."""
        return list(compare.compare(old, new))

    def test_same(self):
        """equal figures are counted"""
        figures = {("series", "first", "unbound", 1): 100.0}
        self.assertEqual(self.lines(figures, figures), ["1 are the same"])

    def test_changes(self):
        """figures that differ, are new or are gone are printed"""
        old = {("series", "first", "unbound", 1): 100.0,
               ("series", "first", "unbound", 2): 5.0}
        new = {("series", "first", "unbound", 1): 101.0,
               ("series", "first", "unbound", 4): 7.0}
        self.assertEqual(self.lines(old, new), [
            "   +1.00% series first unbound 1: 101, was 100",
            "new:      series first unbound 4: 7",
            "gone:     series first unbound 2: was 5",
            "0 are the same"])

    def test_noise(self):
        """one in a hundred is noise on large folios"""
        old = {("series", "large", "unbound", 1): 1000.0}
        for now, said in ((1010.0, "1 are the same"),
                          (1011.0, "0 are the same")):
            new = {("series", "large", "unbound", 1): now}
            self.assertEqual(self.lines(old, new)[-1], said)


if __name__ == "__main__":
    unittest.main()
