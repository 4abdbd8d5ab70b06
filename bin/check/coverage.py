#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which of the series' lines were reached, by what gcov has counted.

  coverage.py --tree DIR --diff FILE --reasons FILE --report FILE [--what TEXT]
              [--whole]

Standard input is what gcov prints with --json-format --branch-probabilities
--stdout: a document for each object. DIR is the kernel's work tree, and --diff
the change that the series makes to it, from git with -U0. TEXT says what has run.

A line counts if the series adds it and the compiler has made code of it. It is
reached if one of its blocks was executed in any object. FILE of --reasons lists
the lines that are not reached:

  PATH FUNCTION: TEXT OF THE LINE
  PATH FUNCTION: TEXT OF ANOTHER LINE
  <tab>why, for all of these

If the reason begins with "sometimes:", the line is reached in some runs.

Prints a table, and writes the report: the table, each line that was not reached
with its reason, and each branch that was not taken. With --whole, all tests have run:
fails if less than SHARE of the lines are reached, if a line has no reason, if a listed
line is reached or does not exist, or if a source file has no data.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

SHARE = 98              # per cent of the lines

ADDED = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
HEAD = re.compile(r"(\S+) (\S+): (.+)")
FUNCTION = re.compile(r"(?=[A-Za-z_])(?:[^;(]*[^\w;(])?(\w+)\(")
SOMETIMES = "sometimes:"


class Error(Exception):
    """The input is wrong; the text says why."""


class Line(NamedTuple):
    """What gcov has counted in a line of a file."""
    count: int
    branches: tuple     # how often each was taken

    @property
    def taken(self):
        """How many branches were taken."""
        return sum(count > 0 for count in self.branches)

    def plus(self, other):
        """The sum with the same line of another object, or of another copy.

        Copies of an inline function may have different branches. Those of the
        copy that has the most are kept.
        """
        few, many = sorted((self.branches, other.branches), key=len)
        if len(few) == len(many):
            many = tuple(map(sum, zip(few, many)))
        return Line(self.count + other.count, many)


class Reason(NamedTuple):
    """Why the lines with a text are not reached."""
    text: str
    number: int         # of the line in the list

    @property
    def sometimes(self):
        """Is the line reached in some runs?"""
        return self.text.startswith(SOMETIMES)


def squeeze(text):
    """A line of a source file with one space between words."""
    return " ".join(text.split())


def added_lines(diff):
    """The numbers of the lines that a diff with -U0 adds, by path."""
    added = {}
    left = 0            # lines of the current hunk
    lines = None        # of the current file
    for line in diff:
        found = ADDED.match(line)
        if left and line.startswith("+"):
            left -= 1
        elif line.startswith("+++ "):
            path = line[len("+++ "):].rstrip("\n").removeprefix("b/")
            lines = added.setdefault(path, set())
        elif found:
            first, left = int(found[1]), int(found[2] or 1)
            lines.update(range(first, first + left))
    return {path: lines for path, lines in added.items() if lines}


def inside(tree, directory, file):
    """The path of a file in the tree; empty if it is elsewhere."""
    path = os.path.relpath(os.path.join(directory, file), tree)
    return "" if path.startswith("..") else path


def function_at(texts, number):
    """The name of the function that has a line of a file."""
    for text in reversed(texts[:number]):
        found = FUNCTION.match(text)
        if found:
            return found[1]
    return "-"


def read_counts(documents, tree):
    """What gcov has counted in files of the tree: Line by path and number."""
    counts = {}
    for document in documents:
        for file in document["files"]:
            path = inside(tree, document["current_working_directory"],
                          file["file"])
            lines = counts.setdefault(path, {})
            for entry in file["lines"]:
                number = entry["line_number"]
                line = Line(entry["count"],
                            tuple(branch["count"]
                                  for branch in entry["branches"]))
                lines[number] = lines[number].plus(line) \
                    if number in lines else line
    counts.pop("", None)
    return counts


def read_reasons(lines):
    """The listed lines: Reason by path, function and text."""
    reasons, heads, text = {}, [], []

    def end():
        if heads and not text:
            raise Error(f"line {heads[0][0]} of the list has no reason")
        for number, key in heads:
            if key in reasons:
                raise Error(f"line {number} is in the list twice")
            reasons[key] = Reason(" ".join(text), number)

    for number, line in enumerate(lines, 1):
        found = HEAD.match(line)
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("\t"):
            if not heads:
                raise Error(f"line {number} of the list: a reason without a line")
            text.append(squeeze(line))
        elif found:
            if text:
                end()
                heads, text = [], []
            heads.append((number, (found[1], found[2], squeeze(found[3]))))
        else:
            raise Error(f"line {number} of the list: write PATH FUNCTION: TEXT")
    end()
    return reasons


class Coverage:
    """The lines of the series, what was counted in them, and the listed reasons."""

    def __init__(self, added, counts, texts, reasons):
        self.texts = texts              # the lines of a file, by path
        self.reasons = reasons
        self.files = {}                 # Line by path and number
        for path in sorted(added):
            lines = {number: line
                     for number, line in sorted(counts.get(path, {}).items())
                     if number in added[path]}
            if lines:
                self.files[path] = lines
        self.missing = [path for path in sorted(added)
                        if path.endswith(".c") and path not in counts]

    def key(self, path, number):
        """What names a line in the list."""
        texts = self.texts(path)
        return (path, function_at(texts, number), squeeze(texts[number - 1]))

    def unreached(self):
        """The lines that were not reached, as path and number."""
        for path, lines in self.files.items():
            for number, line in lines.items():
                if not line.count:
                    yield path, number

    def reason(self, path, number):
        """The Reason for a line, or None."""
        return self.reasons.get(self.key(path, number))

    def share(self):
        """Per cent of the lines that were reached."""
        lines = [line for file in self.files.values()
                 for line in file.values()]
        return 100 * sum(line.count > 0 for line in lines) / max(len(lines), 1)

    def wrong(self):
        """What must not be, a text for each."""
        for path in self.missing:
            yield f"{path}: no object has data of it"
        if self.share() < SHARE:
            yield f"{self.share():.2f} % of the lines are reached, not {SHARE} %"
        left = set()
        for path, number in self.unreached():
            left.add(self.key(path, number))
            if not self.reason(path, number):
                yield f"{path}:{number}: not reached, and not in the list: " \
                      f"{' '.join(self.key(path, number)[1:])}"
        known = {self.key(path, number) for path, lines in self.files.items()
                 for number in lines}
        for key, reason in self.reasons.items():
            line = f"line {reason.number} of the list: {' '.join(key)}"
            if key not in known:
                yield f"{line}: the series has no such line with code"
            elif key not in left and not reason.sometimes:
                yield f"{line}: is reached"

    #
    # Output.
    #

    def rows(self):
        """The table: path, lines, reached, per cent, branches, taken."""
        rows = []
        for path, lines in self.files.items():
            every = lines.values()
            rows.append((path, len(lines), sum(line.count > 0 for line in every),
                         sum(len(line.branches) for line in every),
                         sum(line.taken for line in every)))
        rows.append(("all", *(sum(row[column] for row in rows)
                              for column in range(1, 5))))
        return [(path, lines, reached, f"{100 * reached / max(lines, 1):.1f}",
                 branches, taken)
                for path, lines, reached, branches, taken in rows]

    def table(self):
        """The table for a terminal."""
        titles = ("FILE", "LINES", "REACHED", "%", "BRANCHES", "TAKEN")
        for row in [titles, *self.rows()]:
            yield "{:36} {:>6} {:>7} {:>6} {:>8} {:>6}".format(*row)

    def shown(self, path, number):
        """A line for the report."""
        return f"{path}:{number}: `{squeeze(self.texts(path)[number - 1])}`"

    def report(self, what):
        """The lines of the report; what has run."""
        yield "# Lines of the series that the tests reach"
        yield ""
        yield f"Measured by gcov: {what}."
        yield ""
        yield "| file | lines | reached | % | branches | taken |"
        yield "|---|--:|--:|--:|--:|--:|"
        for row in self.rows():
            yield f"| {' | '.join(map(str, row))} |"
        yield from ("", "## Lines not reached", "")
        for path, number in self.unreached():
            reason = self.reason(path, number)
            yield f"- {self.shown(path, number)}"
            yield f"  {reason.text if reason else 'NO REASON IS KNOWN'}"
        yield from ("", "## Branches not taken, in lines that are reached", "")
        for path, lines in self.files.items():
            for number, line in lines.items():
                if line.count and line.taken < len(line.branches):
                    yield f"- {self.shown(path, number)}: " \
                          f"{len(line.branches) - line.taken} of " \
                          f"{len(line.branches)} not taken"


def texts_in(tree):
    """A function that returns the lines of a file of the tree."""
    files = {}

    def texts(path):
        if path not in files:
            files[path] = (tree / path).read_text(encoding="utf-8").splitlines()
        return files[path]

    return texts


def main():
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description="Lines that the tests reach.")
    for name in ("tree", "diff", "reasons", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--what", default="some tests")
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args()

    counts = read_counts(map(json.loads, sys.stdin), args.tree.resolve())
    with open(args.diff, encoding="utf-8") as diff, \
            open(args.reasons, encoding="utf-8") as reasons:
        found = Coverage(added_lines(diff), counts, texts_in(args.tree),
                         read_reasons(reasons))
    if not found.files:
        raise Error("no line of the series has data")
    args.report.write_text("\n".join(found.report(args.what)) + "\n",
                           encoding="utf-8")
    print(*found.table(), sep="\n")
    wrong = list(found.wrong()) if args.whole else []
    for text in wrong:
        print(f"not ok - {text}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    try:
        main()
    except Error as error:
        sys.exit(f"error: {error}")
