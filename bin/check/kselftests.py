#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare the results of other people's tests on the base and on the series.

  kselftests.py count FILE.ktap        how many results it has, in one line
  kselftests.py differ RESULTS         the collections whose results differ
  kselftests.py report [--differences FILE] [--without FILE] RESULTS TABLE

RESULTS has the directories base-1 and series-1, and base-2 and series-2 if what
differed has been run again. Each has COLLECTION.ktap, what run_kselftest.sh has
printed in the guest, and COLLECTION.console, the kernel's messages.

A test's name is the path of the results that contain it: collection, program, and
what the program reports in KTAP, at any depth. What the kernel complains about is
a result too. A difference that the second run does not show is unsteady: the table
has all four results, and it is not a failure.

FILE of --differences has the name of a test that may differ, in which * stands for
any text, and below it the reason in lines that begin with a tab. The same form has
FILE of --without, the tests that were left out. A test that is listed as different
and has the same results is a failure: the list is to be corrected.

report fails if a difference has no reason, if there are no results, or if a guest or
one of its programs did not come to its end. It also fails if a program could not be
started, or nothing in a collection has passed on the base: the same failure on both
kernels would hide that nothing was tested.
"""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

KERNELS = ("base", "series")
ABSENT = "-"            # the test has no result
UNFINISHED = "NO-END"   # a program that began and reported nothing

PROGRAM = re.compile(r"# selftests: ([^:]+): (\S+)$")
RESULT = re.compile(r"((?:# )*)(not ok|ok)\b(?: +([0-9]+))?(?: +-)? *(.*)")
NOT_STARTED = re.compile(r"FAIL exit=12[567]")   # timeout, the shell
PLAN = re.compile(r"1\.\.([0-9]+)")
END = re.compile("# end of run: exit status ([0-9]+)$")
DIRECTIVE = re.compile(r"\s*# *(SKIP|XFAIL|TIMEOUT|exit=[0-9]+)\b.*", re.I)

# What a program may put into the name of a test, and is not the same twice.
VOLATILE = (
    (re.compile(r"0x[0-9a-f]{4,}", re.I), "0x..."),
    (re.compile(r"\b[0-9]+(\.[0-9]+)?(?= ?(ns|us|ms|s|secs?|seconds?|MiB/s|MB/s"
                r"|cycles)\b)"), "N"),
    (re.compile(r"/tmp/\S+"), "/tmp/..."),
)

# A complaint of the kernel, without the time, the processor, the process, and the
# number of the line.
COMPLAINT = re.compile(
    r"(?:BUG[: ]|WARNING: |Oops|KASAN|UBSAN|INFO: |Bad page|general protection"
    r"|[Uu]nable to handle|Kernel panic|detected stall|soft lockup).*")
VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\+0x\S+|\b[0-9]+\b")


class Run(NamedTuple):
    """What a guest has printed."""
    results: dict           # of each test, by its name
    faults: list            # what is wrong with the run itself


def status_of(word, text):
    """Split the text of a result: its name, and the status."""
    found = DIRECTIVE.search(text)
    name = text[:found.start()] if found else text
    directive = found[1].upper() if found else ""
    if directive.startswith("EXIT="):
        status = "FAIL" if directive == "EXIT=1" else f"FAIL {directive.lower()}"
    elif directive:
        status = directive
    else:
        status = "PASS" if word == "ok" else "FAIL"
    for pattern, instead in VOLATILE:
        name = pattern.sub(instead, name)
    return " ".join(name.split()) or "without a name", status


class Reader:
    """Reads a guest's output."""

    def __init__(self):
        self.results = {}
        self.faults = []
        self.program = None     # "collection: program", while it runs
        self.pending = []       # (depth, path, status) without a parent so far
        self.plan = None
        self.ended = None
        self.programs = 0

    def add(self, name, status):
        """A result. A name that occurs again gets a number."""
        unique, number = name, 1
        while unique in self.results:
            number += 1
            unique = f"{name} ({number})"
        self.results[unique] = status

    def end_program(self, status):
        """The program's own result, and what it has reported."""
        for _, path, state in self.pending:
            self.add(": ".join((self.program, *path)), state)
        self.add(self.program, status)
        if NOT_STARTED.fullmatch(status):
            self.faults.append(f"{self.program} could not be started: {status}")
        self.pending = []
        self.program = None

    def result(self, depth, word, text):
        """A result that the current program has reported.

        Those of a greater depth that have no parent so far are parts of it.
        """
        name, status = status_of(word, text)
        for i in range(len(self.pending) - 1, -1, -1):
            below, path, state = self.pending[i]
            if below <= depth:
                break
            self.pending[i] = (depth, (name, *path), state)
        self.pending.append((depth, (name,), status))

    def line(self, line):
        """Any line."""
        program = PROGRAM.match(line)
        result = RESULT.match(line)
        end = END.match(line)
        if program:
            self.lost()
            self.program = f"{program[1]}: {program[2]}"
        elif result and not result[1]:
            self.programs += 1
            if self.program and f"selftests: {self.program}" in result[4]:
                self.end_program(status_of(result[2], result[4])[1])
            else:
                self.faults.append(f"a result without a program: {line}")
        elif result and self.program:
            self.result(len(result[1]) // 2, result[2], result[4])
        elif self.plan is None and PLAN.fullmatch(line):
            self.plan = int(PLAN.fullmatch(line)[1])
        elif end:
            self.ended = int(end[1])

    def lost(self):
        """A program that is still running has been left behind."""
        if self.program:
            self.faults.append(f"{self.program} did not come to its end")
            self.end_program(UNFINISHED)

    def run(self):
        """What it was, after the last line."""
        self.lost()
        if self.plan is None:
            self.faults.append("there is no plan")
        elif self.programs != self.plan:
            self.faults.append(
                f"{self.programs} programs ended, the plan is {self.plan}")
        if not self.results:
            self.faults.append("there are no results")
        if self.ended is None:
            self.faults.append("the guest did not come to its end")
        elif self.ended:
            self.faults.append(f"the tests ended with status {self.ended}")
        return Run(self.results, self.faults)


def complaints(lines):
    """What the kernel complains about, each once."""
    found = {}
    for line in lines:
        match = COMPLAINT.search(line)
        if match:
            found[VARYING.sub("N", match[0]).strip()[:120]] = "SEEN"
    return found


def read_run(lines, console=(), collection=""):
    """The results of a guest."""
    reader = Reader()
    for line in lines:
        reader.line(line)
    run = reader.run()
    for text, status in complaints(console).items():
        run.results[f"{collection}: the kernel's log: {text}"] = status
    return run


def lines_of(path):
    """The lines of a file; none without a file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line.rstrip("\r") for line in text.split("\n")]


def load(path):
    """The run that is in this file and in the console beside it."""
    return read_run(lines_of(path), lines_of(path.with_suffix(".console")),
                    path.stem)


def load_listed(text, where):
    """Names and reasons, as the head of this file describes them."""
    listed, name = {}, None
    for line in text.splitlines():
        if line.startswith("\t") and name:
            listed[name] = f"{listed[name]} {line.strip()}".strip()
        elif line and not line.startswith("#"):
            name = line
            listed[name] = ""
    for entry, reason in listed.items():
        if not reason:
            sys.exit(f"error: {where}: '{entry}' has no reason; write it in the "
                     "next line, behind a tab")
    return listed


def pattern_of(entry):
    """An entry as a regular expression."""
    return re.compile(".*".join(map(re.escape, entry.split("*"))))


class Row(NamedTuple):
    """A line of the table."""
    name: str
    first: tuple            # the statuses on both kernels
    second: tuple           # the same of the second run; empty if there was none
    note: str
    wrong: bool


def row(name, first, second, reasons):
    """Judge one test. reasons are pairs of a pattern and a reason."""
    if first[0] == first[1] and (not second or second[0] == second[1]):
        note, wrong = "", False
    elif second and (first[0] == first[1] or second[0] == second[1]):
        note, wrong = f"unsteady: then {second[0]}, {second[1]}", False
    else:
        reason = next((text for pattern, text in reasons
                       if pattern.fullmatch(name)), None)
        note, wrong = reason or "DIFFERS", reason is None
    return Row(name, first, second, note, wrong)


def names_of(runs):
    """The names in all runs, in the order of the first that has them."""
    return list(dict.fromkeys(name for run in runs for name in run.results))


def compare(first, second, reasons):
    """The rows of a collection. first and second are pairs of runs."""
    rows = []
    for name in names_of([*first, *second]):
        rows.append(row(name, *(
            tuple(run.results.get(name, ABSENT) for run in runs)
            for runs in (first, second)), reasons))
    return rows


class Report:
    """The table, and what is wrong."""

    def __init__(self, differences=None, without=None):
        self.listed = differences or {}
        self.reasons = [(pattern_of(entry), text)
                        for entry, text in self.listed.items()]
        self.without = without or {}
        self.rows = {}          # of each collection
        self.wrong = []

    def add(self, collection, first, second=()):
        """Compare a collection."""
        for number, runs in enumerate((first, second), 1):
            for kernel, run in zip(KERNELS, runs):
                self.wrong += [f"{collection}, {kernel}, run {number}: {fault}"
                               for fault in run.faults]
        self.rows[collection] = compare(first, second, self.reasons)
        if not any(found.first[0] == "PASS" for found in self.rows[collection]):
            self.wrong.append(f"{collection}: nothing has passed on the base")

    def check_listed(self):
        """Is what is listed as different still different?"""
        differing = [row.name for rows in self.rows.values() for row in rows
                     if row.note]
        for entry in self.listed:
            if entry.partition(":")[0] in self.rows and \
               not any(map(pattern_of(entry).fullmatch, differing)):
                self.wrong.append(f"'{entry}' is listed as different, and is not")

    def judge(self):
        """Collect what is wrong, after all has been added."""
        if not any(self.rows.values()):
            self.wrong.append("nothing was run")
        for rows in self.rows.values():
            self.wrong += [f"{found.name}: {found.first[0]} on the base, "
                           f"{found.first[1]} with the series"
                           for found in rows if found.wrong]
        self.check_listed()
        return self.wrong

    def summary(self):
        """A line for each collection."""
        for collection, rows in self.rows.items():
            statuses = Counter(found.first[0].split()[0] for found in rows)
            same = sum(not found.note for found in rows)
            unsteady = sum(found.note.startswith("unsteady") for found in rows)
            yield (f"{collection}: {len(rows)} results, {same} the same, "
                   f"{len(rows) - same - unsteady} differ, {unsteady} unsteady; "
                   "base: " + ", ".join(f"{count} {status}" for status, count
                                        in sorted(statuses.items())))

    def table(self):
        """The lines of the table."""
        for line in self.summary():
            yield f"# {line}"
        for name, reason in self.without.items():
            yield f"# not run: {name}: {reason}"
        for text in self.wrong:
            yield f"# WRONG: {text}"
        yield f"{'base':13} {'series':13} test"
        for rows in self.rows.values():
            for found in rows:
                note = f"    [{found.note}]" if found.note else ""
                yield f"{found.first[0]:13} {found.first[1]:13} {found.name}{note}"


def runs_of(results, number, collection):
    """What both kernels have printed in that run; empty if there was none."""
    paths = [results / f"{kernel}-{number}" / f"{collection}.ktap"
             for kernel in KERNELS]
    if not any(path.exists() for path in paths):
        return ()
    return tuple(map(load, paths))


def collections(results):
    """The collections of the first run."""
    return sorted({path.stem for kernel in KERNELS
                   for path in (results / f"{kernel}-1").glob("*.ktap")})


def report(args):
    """Write the table, print the summary and what is wrong."""
    found = Report(*(
        load_listed("\n".join(lines_of(path)), path) if path else {}
        for path in (args.differences, args.without)))
    for name in collections(args.results):
        found.add(name, runs_of(args.results, 1, name),
                  runs_of(args.results, 2, name))
    wrong = found.judge()
    args.table.write_text("".join(f"{line}\n" for line in found.table()),
                          encoding="utf-8")
    for line in found.summary():
        print(f"  {'RESULT':7} {line}")
    for line in wrong:
        print(f"not ok - {line}")
    return bool(wrong)


def differ(args):
    """Print the collections to be run again. Those that did not end are, too."""
    for name in collections(args.results):
        runs = runs_of(args.results, 1, name)
        if any(found.note for found in compare(runs, (), [])):
            print(name)


def count(args):
    """Print how many results of each kind there are."""
    run = load(args.file)
    statuses = Counter(status.split()[0] for status in run.results.values())
    print(", ".join(f"{number} {status}"
                    for status, number in sorted(statuses.items())) or "nothing",
          *run.faults, sep="; ")


def main():
    """Read the arguments."""
    parser = argparse.ArgumentParser(description="Compare results of tests.")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("count")
    command.add_argument("file", type=Path)
    command.set_defaults(run=count)
    command = commands.add_parser("differ")
    command.add_argument("results", type=Path)
    command.set_defaults(run=differ)
    command = commands.add_parser("report")
    command.add_argument("--differences", type=Path)
    command.add_argument("--without", type=Path)
    command.add_argument("results", type=Path)
    command.add_argument("table", type=Path)
    command.set_defaults(run=report)
    args = parser.parse_args()
    sys.exit(args.run(args))


if __name__ == "__main__":
    main()
