#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is broken on purpose, and the tests that must notice it.

  mutants.py check               check that all mutants apply, and name tests
  mutants.py pending [PATTERN]   the mutants whose result is not current
  mutants.py plan MUTANT...      what bin/mutants/guest is to run
  mutants.py parts MUTANT        what must be built for the tests that it names
  mutants.py boot MUTANT         topology, seconds and parameters of its own guest
  mutants.py judge [--console FILE] MUTANT...
                                 read a guest's output, write the results
  mutants.py report [PATTERN]    print the results; fail if a mutant survives

A mutant is a file of mutants/, KIND/NAME.patch: what is broken, in words; then
lines `tests: NAME...` with the tests that must fail, each of them; then a patch
against build/linux. `time: SECONDS` says that the tests reach their time limit,
and sets it. Otherwise a test that does so has not noticed anything.

The kind is `command`, whose mutants share a guest, or `kernel`, whose mutants have a
guest each. Two lines are for the kernel only. `topology: NAME` names the machine that
the tests need, if it is not `four`. `console: TEXT` says that the kernel complains of
the mutant: TEXT must be on the console, and then it does not matter which tests fail,
or whether the guest ends before they do. Otherwise a mutant of which the kernel
complains has not been noticed by its tests.

A mutant survives if one of its tests passes. Then other tests of the command in the
same files run until one fails, so that the report can name it.

Besides those of mutants/ there are command/unchanged, kernel/unchanged and
kernel/unchanged-TOPOLOGY, which change nothing. All tests of the command, and all that
mutants of the kernel name, must pass there.

A result is a file in build/mutants/results: the id of what was run, then a line
`pass TEST`, `fail TEST`, `hang TEST` or `skip TEST` for each test, and `console TEXT` if
the kernel complained. It is current as long as the id is the same, which is a hash of
the mutant, of the code and of the tests that it names.
"""

import argparse
import fnmatch
import hashlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import kernel_tests
from kernel_tests import ROOT, TREE

sys.path.append(str(ROOT / "bin" / "check"))

import judge as judging  # noqa: E402 # pylint: disable=wrong-import-position

MUTANTS = ROOT / "mutants"
RESULTS = ROOT / "build" / "mutants" / "results"
COMMAND = TREE / "tools" / "mm" / "shmbind"

UNCHANGED = "command/unchanged"
KERNEL_UNCHANGED = "kernel/unchanged"
USUAL = "four"   # topology
LIMIT = 120      # seconds for each test
BOOT = 240       # seconds for the guest besides its tests, on a busy machine
KUNIT_PARAMETERS = ("kunit.enable=1", "kunit.autorun=1", "kunit.filter_glob=shmbind*")
CONSOLE = "console"     # among outcomes: what the kernel has complained of

HEADER = re.compile(r"(tests|time|topology|console): *(.*)")
START = re.compile(r"# mutant (\S+)$")
OUTCOME = re.compile(r"# (pass|fail|hang|skip) (\S+)$")
END = re.compile(r"# end of mutant (\S+)$")


class Error(Exception):
    """A mutant is wrong; the text says why."""


class Mutant(NamedTuple):
    """A file of mutants/."""
    name: str               # KIND/NAME
    what: str               # what is broken
    tests: tuple            # names of the tests that must fail
    time: int               # seconds after which they have failed, or 0
    text: str               # all of it
    topology: str = USUAL   # of its guest, for the kernel
    console: str = ""       # what the kernel prints

    @property
    def kind(self):
        """What it is part of, which says how it is built and run."""
        return self.name.partition("/")[0]

    @property
    def changes(self):
        """Whether it is one, or the code as it is."""
        return not self.name.startswith((UNCHANGED, KERNEL_UNCHANGED))

    @property
    def file(self):
        """The file that it changes."""
        file = re.search(r"^--- a/(.*)", self.text, re.M)[1]
        return file if self.kind == "kernel" else Path(file).name


def parse(name, text):
    """A mutant from its file."""
    header, line, _ = text.partition("--- a/")
    if not line:
        raise Error(f"{name}: there is no patch")
    words = {"tests": [], "time": [], "topology": [USUAL], "console": []}
    what = []
    for line in header.splitlines():
        found = HEADER.match(line)
        if found:
            words[found[1]] += found[2].split()
        else:
            what.append(line)
    if not "".join(what).strip():
        raise Error(f"{name}: does not say what is broken")
    if not words["tests"]:
        raise Error(f"{name}: names no test")
    return Mutant(name, "\n".join(what).strip(), tuple(words["tests"]),
                  int("".join(words["time"]) or 0), text, words["topology"][-1],
                  " ".join(words["console"]))


def load(pattern=""):
    """The mutants that the pattern matches; UNCHANGED is one if there is none."""
    for file in sorted(MUTANTS.glob("*/*.patch")):
        name = f"{file.parent.name}/{file.stem}"
        if not pattern or fnmatch.fnmatch(name, f"*{pattern}*"):
            yield parse(name, file.read_text())


#
# Tests.
#

@cache
def examples():
    """The tests that are the examples of the manual page."""
    done = subprocess.run([ROOT / "bin" / "guest" / "man-tests"], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout


@cache
def script(file):
    """The text of a file with tests of the command, FILE of command.FILE.TEST."""
    if file == "examples":
        return examples()
    return (COMMAND / "tests" / f"{file}.sh").read_text()


def scripts():
    """The files with tests of the command."""
    found = {file.stem for file in (COMMAND / "tests").glob("*.sh")}
    return sorted(found - {"lib"} | {"examples"})


def tests_in(file):
    """The names of the tests in a file."""
    for test in re.findall(r"^test_(\w+)\(\)$", script(file), re.M):
        yield f"command.{file}.{test}"


@cache
def bodies(file):
    """The text of each test in a file; under None, the rest of the file."""
    parts = re.split(r"^(test_\w+)\(\)(\n{.*?^}\n)", script(file),
                     flags=re.M | re.S)
    found = {name.removeprefix("test_"): text
             for name, text in zip(parts[1::3], parts[2::3])}
    return {**found, None: "".join(parts[::3])}


def body(test):
    """The text of command.FILE.TEST."""
    return bodies(file_of(test))[test.split(".")[2]]


def all_tests():
    """The names of all tests of the command."""
    return [test for file in scripts() for test in tests_in(file)]


def file_of(test):
    """FILE of command.FILE.TEST."""
    return test.split(".")[1]


def others(mutant):
    """The tests of the command that it does not name, of the same files."""
    if mutant.kind != "command":
        return []
    files = dict.fromkeys(file_of(test) for test in mutant.tests)
    return [test for file in files for test in tests_in(file)
            if test not in mutant.tests]


#
# Results.
#

@cache
def code():
    """A hash of what all results depend on: the code, and how tests are run."""
    files = [file for file in sorted(COMMAND.rglob("*")) if file.is_file() and
             (file.suffix != ".sh" or file.stem == "lib")]
    files.append(ROOT / "bin" / "mutants" / "guest")
    digest = hashlib.sha1()
    for file in files:
        digest.update(str(file.name).encode() + file.read_bytes())
    return digest.hexdigest()


def identity(mutant):
    """A hash of all that the result depends on."""
    if mutant.kind == "kernel":
        parts = [kernel_tests.code(), mutant.text, *mutant.tests,
                 *kernel_tests.texts(mutant.tests)]
        return hashlib.sha1("\0".join(parts).encode()).hexdigest()
    files = sorted({file_of(test) for test in mutant.tests})
    rests = [bodies(file)[None] for file in files]
    parts = [code(), mutant.text, *rests, *map(body, mutant.tests)]
    return hashlib.sha1("\0".join(parts).encode()).hexdigest()


def unchanged(name=UNCHANGED):
    """The mutant that is none."""
    if name == UNCHANGED:
        return Mutant(name, "nothing", tuple(all_tests()), 0, "")
    topology = name.removeprefix(KERNEL_UNCHANGED).lstrip("-") or USUAL
    tests = {test for mutant in load("kernel/") if mutant.topology == topology
             for test in mutant.tests}
    return Mutant(name, "nothing", tuple(sorted(tests)), 0, "", topology)


def all_unchanged():
    """All of these."""
    yield unchanged()
    others_ = {mutant.topology for mutant in load("kernel/")} - {USUAL}
    for end in ("", *(f"-{topology}" for topology in sorted(others_))):
        yield unchanged(KERNEL_UNCHANGED + end)


def find(name):
    """A mutant by its name."""
    if name.startswith((UNCHANGED, KERNEL_UNCHANGED)):
        return unchanged(name)
    return parse(name, (MUTANTS / f"{name}.patch").read_text())


def result(mutant):
    """The outcome of each test, or None if there is no current result."""
    try:
        first, *lines = (RESULTS / mutant.name).read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return None
    if first != identity(mutant):
        return None
    words = (line.split(" ", 1) for line in lines)
    return {CONSOLE if word == CONSOLE else test: test if word == CONSOLE else word
            for word, test in words}


def write(mutant, outcomes):
    """Store a result."""
    file = RESULTS / mutant.name
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [identity(mutant), *(
        f"{CONSOLE} {outcome}" if test == CONSOLE else f"{outcome} {test}"
        for test, outcome in outcomes.items())]
    file.write_text("\n".join(lines) + "\n")


def noticed(mutant, outcomes):
    """The tests that have noticed it."""
    good = ("fail", "hang") if mutant.time else ("fail",)
    return [test for test, outcome in outcomes.items() if outcome in good]


def survives(mutant, outcomes):
    """Why the mutant counts as a survivor; empty if it was killed."""
    said = outcomes.get(CONSOLE, "")
    if mutant.console:
        return "" if mutant.console in said else \
            f"the console does not have '{mutant.console}'"
    if said:
        return f"the kernel complains: {said}"
    if not mutant.changes:
        bad = [test for test in mutant.tests if outcomes.get(test) != "pass"]
        return bad and f"{' '.join(bad)} fails without a mutant" or ""
    seen = noticed(mutant, outcomes)
    did = {"hang": "hangs", "pass": "passes", "skip": "is skipped",
           None: "did not end"}
    missing = [f"{test} {did[outcomes.get(test)]}" for test in mutant.tests
               if test not in seen]
    if not missing:
        return ""
    more = [test for test in seen if test not in mutant.tests]
    return "; ".join([*missing, f"{' '.join(more) or 'no other'} notices it"])


#
# Verbs.
#

def check():
    """Print what is wrong with the mutants; true if nothing is."""
    good = True
    known = set(all_tests())
    topologies = kernel_tests.topologies()
    for file in sorted(MUTANTS.glob("*/*.patch")):
        name = f"{file.parent.name}/{file.stem}"
        try:
            mutant = parse(name, file.read_text())
            for test in mutant.tests:
                if test not in known and not kernel_tests.exists(test):
                    raise Error(f"{name}: there is no test {test}")
            if mutant.topology not in topologies:
                raise Error(f"{name}: there is no topology {mutant.topology}")
            done = subprocess.run(
                ["git", "-C", TREE, "apply", "--check", file], check=False,
                stderr=subprocess.PIPE, text=True)
            if done.returncode:
                raise Error(f"{name} does not apply: {done.stderr.strip()}")
        except Error as error:
            print(error)
            good = False
    return good


def pending(pattern):
    """Print the mutants that have no current result, and UNCHANGED before all."""
    first = [] if pattern else all_unchanged()
    for mutant in [*first, *load(pattern)]:
        if result(mutant) is None:
            print(mutant.name)


def plan(names):
    """Print a line for each mutant: name, time limit of each test, its tests, others."""
    for mutant in map(find, names):
        print(mutant.name, mutant.time or LIMIT, ",".join(mutant.tests),
              ",".join(others(mutant)))


def parts(mutant):
    """The programs, besides the command, that the tests it names use."""
    texts = [body(test) for test in mutant.tests]
    if any(file_of(test) in ("run", "examples") for test in mutant.tests):
        yield "library"
    if any("SANITIZED" in text or "survives" in text for text in texts):
        yield "sanitized"
    if any("listing " in text for text in texts):
        yield "listing"


def boot(mutant):
    """The guest of a mutant of the kernel: topology, time limit, parameters."""
    seconds = BOOT + (mutant.time or LIMIT) * len(mutant.tests)
    kunit = any(test.startswith("kunit.") for test in mutant.tests)
    return [mutant.topology, seconds, *(KUNIT_PARAMETERS if kunit else ())]


def complaint(mutant, file):
    """What the kernel has complained of, or what the mutant says that it prints."""
    lines = judging.lines_of(file)
    if mutant.console:
        return next((line for line in lines if mutant.console in line), "")
    found = judging.Judge({}, {})
    found.read_console(lines)
    return "".join(found.verdict[:1]).removeprefix("FAIL console: ")


class Reader:
    """Reads what the guest prints, and stores the results."""

    def __init__(self, console=None):
        self.console = console      # of a guest for a single mutant
        self.mutant = None
        self.outcomes = {}

    def line(self, line):
        """A line of the guest."""
        start, outcome, end = (form.match(line)
                               for form in (START, OUTCOME, END))
        if start:
            self.mutant = find(start[1])
            self.outcomes = {}
        elif outcome and self.mutant:
            self.outcomes[outcome[2]] = outcome[1]
        elif end and self.mutant and not self.console:
            self.end()

    def end(self):
        """All tests of a mutant have run."""
        write(self.mutant, self.outcomes)
        why = survives(self.mutant, self.outcomes)
        label = "SURVIVE" if why else "KILLED"
        if not self.mutant.changes:
            label = "FAIL" if why else "PASS"
        print(f"  {label:7} {self.mutant.name}{why and ': '}{why}",
              flush=True)
        self.mutant = None

    def stop(self, names):
        """The output ends. A mutant that has ended the guest is not tried for ever."""
        if self.console and self.console.exists():
            self.mutant = find(names[0])
            said = complaint(self.mutant, self.console)
            if said:
                self.outcomes[CONSOLE] = said
            self.end()
        elif self.mutant and self.mutant.name == names[0]:
            print(f"  ENDED   {self.mutant.name}: the guest has ended", flush=True)
            write(self.mutant, self.outcomes)


def judge(names, console):
    """Read the output of a guest that runs these mutants."""
    reader = Reader(console)
    sys.stdin.reconfigure(errors="surrogateescape")
    for line in sys.stdin:
        reader.line(line.rstrip("\r\n"))
    reader.stop(names)


def unseen(mutants):
    """The tests that have never failed."""
    seen = set()
    for mutant in mutants:
        seen.update(noticed(mutant, result(mutant) or {}))
    return [test for test in all_tests() if test not in seen]


def report(pattern):
    """Print the results; true if every mutant was killed."""
    mutants = list(load(pattern))
    files = {}
    wrong = []
    for mutant in mutants if pattern else [*all_unchanged(), *mutants]:
        outcomes = result(mutant)
        why = "has not run" if outcomes is None else \
            survives(mutant, outcomes)
        if mutant.changes:
            counts = files.setdefault(mutant.file, [0, 0])
            counts[bool(why)] += 1
        if why:
            wrong.append(f"{mutant.name}: {why}")
    print(f"{'FILE':28} {'KILLED':>8} {'SURVIVED':>8}")
    for file, (killed, survived) in sorted(files.items()):
        print(f"{file:28} {killed:8} {survived:8}")
    print(f"{'all':28} {sum(n for n, _ in files.values()):8} "
          f"{sum(n for _, n in files.values()):8}")
    if not pattern:
        tests = unseen(mutants)
        print(f"{len(tests)} of {len(all_tests())} tests of the command have never failed"
              f"{':' if tests else ''}")
        for test in tests:
            print(f"  {test}")
    for line in wrong:
        print(f"not ok - {line}")
    return not wrong


def main():
    """Do what the verb says."""
    parser = argparse.ArgumentParser(description="Mutants and their tests.")
    parser.add_argument("verb", choices=("check", "pending", "plan", "parts", "boot",
                                         "judge", "report"))
    parser.add_argument("--console", type=Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_intermixed_args()
    first = args.names[0] if args.names else ""
    if args.verb == "check":
        sys.exit(not check())
    elif args.verb == "pending":
        pending(first)
    elif args.verb == "plan":
        plan(args.names)
    elif args.verb == "parts":
        print(*parts(find(first)))
    elif args.verb == "boot":
        print(*boot(find(first)))
    elif args.verb == "judge":
        judge(args.names, args.console)
    else:
        sys.exit(not report(first))


if __name__ == "__main__":
    try:
        main()
    except Error as error:
        sys.exit(f"error: {error}")
