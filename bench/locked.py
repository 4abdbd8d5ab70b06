#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Name what the plugin locked.c has counted.

  locked.py KERNEL --names FILE --symbols FILE --log FILE --places FILE

The plugin's log has addresses and counts. The names of the figures are those
that bench.c printed, and the symbols those of nm(1). Prints lines of a result
of `make bench`. Writes to --places, for each figure, whose cache lines the
locked operations used, as bench/lines has them.
"""

import argparse
import bisect
import re
import sys
from collections import Counter
from pathlib import Path

LINES = Path(__file__).with_name("lines")

# The functions of locks say little: their caller is named as well.
LOCKS = re.compile("_raw_|queued_|native_|down_|up_|.*_lock$")
FEWEST = 0.02           # operations of a sample that are worth a line


class Symbols:
    """The functions of the kernel."""

    def __init__(self, lines):
        pairs = sorted((int(address, 16), name)
                       for address, name in map(str.split, lines))
        self.addresses = [address for address, _ in pairs]
        self.names = [name for _, name in pairs]

    def name(self, address):
        """The function that an address is in."""
        after = bisect.bisect_right(self.addresses, address)
        return self.names[max(after - 1, 0)]

    def place(self, address, call):
        """The function of a locked operation; of a lock's, its caller too."""
        name = self.name(address)
        return f"{name} < {self.name(call)}" if LOCKS.match(name) else name


class Figure:
    """What the plugin has counted between its marks."""

    def __init__(self, median, mean, samples):
        self.median = median
        self.mean = mean
        self.samples = samples          # all three as they are printed
        self.times = Counter()          # by place, in all samples

    def places(self, lines):
        """Where the locked operations of a sample were, the most first."""
        sums = Counter()
        for place, times in sorted(self.times.items(),
                                   key=lambda item: (-item[1], item[0])):
            each = times / int(self.samples)
            if each < FEWEST:
                break
            sharer, text = lines.get(place, ("?", ""))
            sums[sharer] += each
            yield f"  {each:5.2f}  {sharer:8} {place}{text and ': '}{text}"
        for sharer, each in sums.items():
            yield f"  {each:5.2f}  in all on lines of: {sharer}"


def read_lines(text):
    """bench/lines: who shares the cache line of a place, and what it is."""
    fields = (line.split("\t") for line in text.splitlines()
              if line.strip() and not line.startswith("#"))
    return {place: (sharer, what) for place, sharer, what in fields}


def read_log(lines, symbols):
    """The figures in the plugin's log."""
    figures = []
    for line in lines:
        words = line.split()
        if words[:1] == ["figure"]:
            figures.append(Figure(*words[1:4]))
        elif words[:1] == ["at"]:
            place = symbols.place(int(words[1], 16), int(words[2], 16))
            figures[-1].times[place] += int(words[3])
    return figures


def main():
    """Write both outputs."""
    parser = argparse.ArgumentParser(description="Name what locked.c counted.")
    parser.add_argument("kernel")
    for option in ("--names", "--symbols", "--log", "--places"):
        parser.add_argument(option, type=Path, required=True)
    args = parser.parse_args()

    names = args.names.read_text().splitlines()
    symbols = Symbols(args.symbols.read_text().splitlines())
    with open(args.log, encoding="utf-8", errors="replace") as log:
        figures = read_log(log, symbols)
    if len(names) != len(figures):
        sys.exit(f"locked.py: {len(names)} names, {len(figures)} figures")
    lines = read_lines(LINES.read_text(encoding="utf-8"))
    with open(args.places, "w", encoding="utf-8") as places:
        for name, figure in zip(names, figures):
            print(args.kernel, name, figure.median, figure.mean, figure.samples)
            print(f"{name}: {figure.median}", file=places)
            for line in figure.places(lines):
                print(line, file=places)


if __name__ == "__main__":
    main()
