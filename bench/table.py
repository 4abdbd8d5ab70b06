#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Print a result of `make bench` as tables.

  table.py RESULT

Each table has a line for each mode on each kernel, and a column for each number
of nodes, or of MiB for the call. The kernel with only the series' first patch
is shown for segments that are not bound. Tables of medians come first, then
tables of means.
"""

import sys

TITLES = {
    "first": "First fault on a page",
    "far": "First fault on a page, the CPU's node not in the mask",
    "again": "Write fault of a second attach",
    "order": "Reading a second attach in order, a page",
    "call": "The call, by MiB of the segment",
    "memory": "Bytes that a segment takes, without its pages",
    "large": "First fault on a large folio of 2 MiB",
    "large-again": "Write fault of a second attach, the same",
    "huge": "First fault on a huge page of 2 MiB, SHM_HUGETLB",
    "huge-again": "Write fault of a second attach, the same",
    "swap-in": "Fault on a page in zram",
    "swap-in-tmpfs": "Fault on a page of a file of tmpfs in zram",
    "swap-in-anon": "Fault on an anonymous page in zram",
    "tmpfs": "First fault on a page of a file of tmpfs",
    "failing": "First fault on a full node, until the handler of SIGBUS; "
               "unbound: past the end of a file",
    "failing-swap-in": "Fault on a page in zram, the same",
    "locked-first": "Locked operations of a first fault",
    "locked-again": "Locked operations of a second attach's write fault",
    "image": "Bytes of the kernel's image",
}
PLACES = {
    "": "",
    "cpuset": ", in a cpuset with all nodes",
    "narrowed": ", in a cpuset with the first half of the mask's nodes",
}
# Figures of which only the medians, or only the means, are useful.
ONLY_MEDIANS = ("call", "memory", "image")
ONLY_MEANS = "order"


class Table:
    """The figures of one measurement."""

    def __init__(self, what):
        self.what = what
        self.modes = {}         # in the order of the result, as are the columns
        self.columns = {}
        self.figures = {}       # (kernel, mode, column) to median and mean

    def add(self, kernel, mode, column, median, mean):
        """A line of the result."""
        self.modes[mode] = self.columns[column] = True
        self.figures[kernel, mode, column] = median, f"{float(mean):.0f}"

    def title(self, means):
        """The title of the table."""
        what, _, place = self.what.partition("@")
        return TITLES.get(what, "") + PLACES.get(place, "") + \
            (" (mean)" if means else "")

    def kernels(self, mode):
        """The kernels that matter for a mode."""
        if "|" not in mode:
            yield "base"
        if mode == "unbound":
            yield "faults"
        yield "series"

    def lines(self, means):
        """The table's lines."""
        yield ""
        yield self.title(means)
        yield self.line("", "kernel", self.columns)
        for mode in self.modes:
            for kernel in self.kernels(mode):
                cells = [self.figures.get((kernel, mode, column))
                         for column in self.columns]
                if any(cells):
                    yield self.line(mode, kernel, (cell[means] if cell else "-"
                                                   for cell in cells))

    @staticmethod
    def line(mode, kernel, cells):
        """One line of it."""
        return f"{mode:20} {kernel:6}" + "".join(
            f" {cell:>8}" for cell in cells)


def read(lines):
    """The tables of a result, in its order."""
    tables = {}
    for line in lines:
        if not line.startswith("#") and line.split():
            kernel, what, mode, column, median, mean = line.split()[:6]
            tables.setdefault(what, Table(what)).add(kernel, mode, column,
                                                     median, mean)
    return tables.values()


def output(tables):
    """All tables: medians, then means."""
    tables = list(tables)
    for means in (False, True):
        for table in tables:
            left_out = table.what in ONLY_MEDIANS if means else \
                table.what.startswith(ONLY_MEANS)
            if not left_out:
                yield from table.lines(means)


def main():
    """Print those of the result that is named."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        print("\n".join(output(read(stream))))


if __name__ == "__main__":
    main()
