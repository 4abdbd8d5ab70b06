#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge a guest's run of the selftests, or of the command's tests.

  judge.py [--facts FACTS] [--status STATUS] [--races FUNCTIONS] --console FILE
           NAME.ktap

Standard input has the names of all tests that must appear, as bin/check/tests
prints them. NAME.ktap is the output of the channel: the KTAP of
run_kselftest.sh or run-tests, which contains that of each test program. FACTS are the
features of the guest, as topology.py prints them. STATUS is the exit status of
the guest, 124 if it reached its time limit. FUNCTIONS are those in which a data
race that KCSAN reports is a failure: one of them has made one of both accesses.
Others are the base kernel's.

Writes NAME.verdict, a line for each test, and NAME.count, the numbers of
passed, failed and unexpectedly skipped tests. Prints what is wrong, and fails
if anything is.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bin" / "lib"))

import features  # noqa: E402 # pylint: disable=wrong-import-position

SHOWN = 40              # lines of a verdict that are printed
WIDTH = 200             # and so much of each

# What the kernel prints when something is wrong. The OOM killer's messages are
# among them, unless a test has announced them: see Judge.read_console().
COMPLAINT = re.compile(
    "BUG[: ]|WARNING|Oops|KASAN|UBSAN|KCSAN|ODEBUG|INFO: |DEADLOCK|Bad page|"
    "soft lockup|hard LOCKUP|blocked for more than|detected stall|"
    "general protection|[Uu]nable to handle|corruption|Kernel panic|"
    "new suspected memory leak|unreferenced object|"
    "page allocation failure|invoked oom-killer|no killable processes|"
    "scheduling while atomic|sleeping function called|RCU used illegally")
ANNOUNCED = re.compile(".*shmbind: expect oom (.*)")
KILLED = re.compile(r".*Killed process [0-9]+ \(([^)]*)")
OOM = re.compile("invoked oom-killer|no killable processes")
RACE = re.compile(r".*BUG: KCSAN: .* in (\S+)(?: / (\S+))?$")

PLAN = re.compile(r"1\.\.([0-9]+)$")
PROGRAM = re.compile("# selftests: [^:]*: ")
PROGRAM_PLAN = re.compile(r"# 1\.\.([0-9]+)")
PROGRAM_END = re.compile("(not )?ok [0-9]+ selftests: (?:[^:]*: )?(.*)")
RUN = re.compile("# #  RUN ")
REASON = re.compile(r"# # ([a-z]+\.(?:[ch]:[0-9]+|sh):.*)")
RESULT = re.compile("# (not )?ok ([0-9]+) (.*)")
END = re.compile("# end of run: exit status ([0-9]+)$")


class Program:
    """A test program whose output is being read."""

    def __init__(self, name):
        self.name = name
        self.plan = None
        self.results = 0
        self.failures = 0


class Judge:
    """Reads a run, and collects the verdict: a line for each finding.

    PASS and FAIL, SKIP for a test that should have run, ELSE for one that needs
    another topology or kernel.
    """

    def __init__(self, tests, facts, known=None):
        self.tests = tests              # names of all that must appear
        self.facts = facts              # features of the guest
        self.known = features.load() if known is None else known
        self.verdict = []
        self.seen = set()
        self.program = None
        self.programs = 0               # that have ended
        self.plan = None                # how many there should be
        self.said = ""                  # why the current test failed
        self.ended = None               # exit status in the end marker

    def fail(self, name, cause):
        """Report that a test, a program or the run is wrong."""
        self.verdict.append(f"FAIL {name}: {cause}")

    def read_console(self, lines, races=frozenset()):
        """The kernel's messages; races are functions.

        A kill by the OOM killer is a failure, unless a test has announced it
        for that very program and the limit of a memory cgroup is the cause.
        """
        doomed = set()
        empty = True
        for line in lines:
            empty = False
            announced = ANNOUNCED.match(line)
            killed = KILLED.match(line)
            race = RACE.match(line)
            if race and not races.intersection(race.groups()):
                pass
            elif announced:
                doomed.add(announced[1])
            elif killed:
                if killed[1] not in doomed or \
                        "Memory cgroup out of memory" not in line:
                    self.fail("console", line)
            elif doomed and OOM.search(line):
                pass
            elif COMPLAINT.search(line):
                self.fail("console", line)
        if empty:
            self.fail("run", "the console is empty")

    def read_channel(self, lines):
        """The results."""
        for line in lines:
            self.read_line(line)
            if self.ended is not None:
                self.fail("run", "has output after its end marker")
            end = END.match(line)
            if end:
                self.ended = int(end[1])
        if self.program:
            self.fail(self.program.name, "did not reach its end")
        self.check_run()

    def read_line(self, line):
        """A line of the channel, unless it is the end marker."""
        if self.plan is None and PLAN.match(line):
            self.plan = int(PLAN.match(line)[1])
        elif PROGRAM.match(line):
            if self.program:
                self.fail(self.program.name, "did not reach its end")
            self.program = Program(line.split()[-1])
        elif PROGRAM_END.match(line):
            self.programs += 1
            self.end_program(*PROGRAM_END.match(line).groups())
        elif self.program:
            self.read_program_line(line)

    def read_program_line(self, line):
        """A line that the current program has printed."""
        plan = PROGRAM_PLAN.match(line)
        reason = REASON.match(line)
        result = RESULT.match(line)
        if plan:
            self.program.plan = int(plan[1])
        elif RUN.match(line):
            self.said = ""
        elif reason and not self.said:
            self.said = f", {reason[1]}"
        elif result:
            self.result(not result[1], int(result[2]), result[3])
            self.said = ""

    def result(self, ok, number, text):
        """The result of one test: its name, and a directive behind a hash."""
        text, _, directive = text.partition(" # ")
        name = f"{self.program.name}.{text}"
        self.program.results += 1
        if number != self.program.results:
            self.fail(name, f"has number {number}, expected "
                            f"{self.program.results}")
        if name in self.seen:
            self.fail(name, "has two results")
        elif name not in self.tests:
            self.fail(name, "is not a known test")
        elif ok and directive.startswith("SKIP "):
            self.skip(name, directive[len("SKIP "):])
        elif ok and not directive:
            self.verdict.append(f"PASS {name}")
        else:
            self.program.failures += 1
            self.fail(name, directive or f"not ok{self.said}")
        self.seen.add(name)

    def skip(self, name, reason):
        """A skip is right if all needs are known and one of them is not met."""
        word, _, rest = reason.partition(" ")
        needs = rest.split()
        if word != "needs" or \
                not all(features.known(need, self.known) for need in needs):
            self.verdict.append(f"SKIP {name}: unexpected, {reason}")
        elif all(features.met(need, self.facts) for need in needs):
            self.verdict.append(f"SKIP {name}: unexpected, this topology has "
                                f"it, {reason}")
        else:
            self.verdict.append(f"ELSE {name}: {reason}")

    def end_program(self, failed, text):
        """The result of a program agrees with those of its tests."""
        program = self.program or Program("")
        as_usual = re.fullmatch("[^ ]+", text) or text.endswith("# exit=1")
        if not as_usual or failed and not program.failures:
            self.fail(program.name, f"ended with: {text}")
        if program.plan is None:
            self.fail(program.name, "has no plan")
        elif not program.plan:
            self.fail(program.name, "has no tests")
        elif program.results != program.plan:
            self.fail(program.name, f"has {program.results} results, the plan "
                                    f"is {program.plan}")
        self.program = None

    def check_run(self):
        """Is the run complete?"""
        if self.plan is None:
            self.fail("run", "there is no plan")
        elif not self.plan:
            self.fail("run", "there are no tests")
        elif self.programs != self.plan:
            self.fail("run", f"{self.programs} programs, the plan is "
                             f"{self.plan}")
        if self.ended is None:
            self.fail("run", "there is no end marker")
        elif self.ended > 1:
            self.fail("run", f"the runner ended with status {self.ended}")
        for name in self.tests:
            if name not in self.seen:
                self.fail(name, "has no result")

    def check_status(self, status):
        """How did the guest end?"""
        if status == 124:
            self.fail("run", "the time limit was reached")
        elif status:
            self.fail("run", f"QEMU ended with status {status}")

    def count(self, word):
        """How many lines of the verdict begin with the word."""
        return sum(line.startswith(f"{word} ") for line in self.verdict)


def judge(tests, facts, console, channel, status, races=()):
    """The verdict on a run. Tests to channel are lines, races is functions."""
    found = Judge(dict.fromkeys(tests), features.read_facts(facts))
    found.read_console(console, set(races))
    found.read_channel(channel)
    found.check_status(status)
    return found


def lines_of(file):
    """The lines of a file without the terminal's CR; none without a file."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape",
                  newline="\n") as stream:
            return [line.rstrip("\n").removesuffix("\r") for line in stream]
    except FileNotFoundError:
        return []


def show(found, name, channel, console):
    """Print what is wrong, and the counts; return whether anything is wrong."""
    wrong = [line for line in found.verdict
             if line.startswith(("FAIL ", "SKIP "))]
    for line in wrong[:SHOWN]:
        print("  " + line.replace(" ", "    ", 1)[:WIDTH])
    say("RESULT", f"{name}: {found.count('PASS')} passed, "
        f"{found.count('FAIL')} failed, {found.count('SKIP')} skipped; "
        f"{found.count('ELSE')} need another topology or kernel")
    if wrong:
        say("", f"channel: {channel}, console: {console}")
    return bool(wrong)


def say(label, text):
    """A line of progress, as say() in bin/lib/lib.sh prints it."""
    start = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{start}  {label:7} {text}", flush=True)


def main():
    """Judge the files that the arguments name."""
    parser = argparse.ArgumentParser(
        description="Judge a run of the selftests.")
    parser.add_argument("--facts", default="")
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--races", default="")
    parser.add_argument("--console", type=Path, required=True)
    parser.add_argument("channel", type=Path, metavar="NAME.ktap")
    args = parser.parse_args()

    sys.stdin.reconfigure(errors="surrogateescape")
    sys.stdout.reconfigure(errors="surrogateescape")
    found = judge(sys.stdin.read().splitlines(), args.facts.splitlines(),
                  lines_of(args.console), lines_of(args.channel), args.status,
                  args.races.split())
    with open(args.channel.with_suffix(".verdict"), "w", encoding="utf-8",
              errors="surrogateescape") as stream:
        stream.writelines(f"{line}\n" for line in found.verdict)
    counts = (str(found.count(word)) for word in ("PASS", "FAIL", "SKIP"))
    args.channel.with_suffix(".count").write_text(" ".join(counts) + "\n",
                                                  encoding="utf-8")
    wrong = show(found, args.channel.stem, args.channel, args.console)
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
