#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""readme.py README LOG - Compare the output that README shows with what LOG has.

A block of README that follows the line MARK is output of `make run`. Each of its
lines must be in LOG, in the same order and without a gap. Numbers may differ as
much as they do from one machine to the next. Prints a line of KTAP for each block.
"""

import re
import sys

MARK = "<!-- printed by make run -->"
RELATIVE = 0.1      # free memory depends on the number of processors
ABSOLUTE = 4        # pages and MiB
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def blocks(text):
    """The blocks of README behind MARK, each a list of lines."""
    pattern = re.escape(MARK) + r"\n```\n(.*?)\n```"
    return [found.split("\n") for found in re.findall(pattern, text, re.S)]


def same_number(shown, printed):
    """Whether two numbers differ by no more than machines do."""
    return abs(shown - printed) <= max(ABSOLUTE, RELATIVE * shown)


def same_line(shown, printed):
    """Whether two lines differ by nothing but such numbers."""
    bars = re.compile(r"\|[# ]{8,}\|")
    shown, printed = bars.sub("||", shown), bars.sub("||", printed)
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed))
    return all(same_number(float(a), float(b)) for a, b in pairs)


def difference(block, log):
    """None if the block is in the log, otherwise the line that is not."""
    worst = 0
    for start in range(len(log)):
        length = 0
        while length < len(block) and start + length < len(log) and \
                same_line(block[length], log[start + length]):
            length += 1
        if length == len(block):
            return None
        worst = max(worst, length)
    return block[worst]


def main(readme, log):
    with open(readme, encoding="utf-8") as file:
        shown = blocks(file.read())
    with open(log, encoding="utf-8", errors="replace") as file:
        printed = [line.rstrip() for line in file]
    if not shown:
        print(f"not ok - {readme} shows no output: mark it with {MARK}")
    for block in shown:
        line = difference(block, printed)
        if line is None:
            print(f"ok - README shows what make run prints: {block[0]}")
        else:
            print(f"not ok - README shows what make run does not print: {line}")


if __name__ == "__main__":
    main(*sys.argv[1:])
