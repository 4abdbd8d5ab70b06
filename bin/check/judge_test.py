#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that the judge finds everything that can be wrong with a run.

A run in which all is well is altered in one way at a time.
"""

import re
import unittest

import judge

TESTS = """\
args.global.one
args.global.two
life.v.a.three
"""

FACTS = """\
nodes=4
cpunodes=4
distances
"""

CONSOLE = """\
[    0.000000] Linux version 7.3.4
[    1.090946] use "pci=nocrs" and report a bug
[    1.100000] kmemleak: Kernel memory leak detector initialized
[    2.000000] shmbind: expect oom eater
[    2.100000] eater invoked oom-killer: gfp_mask=0xcc0, order=0
[    2.200000] Memory cgroup out of memory: Killed process 77 (eater) total-vm:1kB
[    9.000000] reboot: Power down
"""

CHANNEL = """\
TAP version 13
1..2
# timeout set to 600
# selftests: shmbind: args
# TAP version 13
# 1..2
# # Starting 2 tests from 1 test cases.
# #  RUN           global.one ...
# #            OK  global.one
# ok 1 global.one
# ok 2 global.two # SKIP needs nodes=5
# # Totals: pass:1 fail:0 xfail:0 xpass:0 skip:1 error:0
ok 1 selftests: shmbind: args
# timeout set to 600
# selftests: shmbind: life
# TAP version 13
# 1..1
# ok 1 v.a.three
ok 2 selftests: shmbind: life
# Totals: pass:2 fail:0 xfail:0 xpass:0 skip:0 error:0
# end of run: exit status 0
"""

# Which file of a run is altered, how, and what the judge must report.
ALTERED = {
    "a test fails": (
        "channel", [("^# ok 1 global", "# not ok 1 global")],
        "FAIL args.global.one: not ok"),
    "a test says why it fails": (
        "channel", [("^# #            OK.*",
                     "# # args.c:9:one:Expected 0 == 1"),
                    ("^# ok 1 global", "# not ok 1 global")],
        "FAIL args.global.one: not ok, args.c:9:one:Expected 0 == 1"),
    "a script says why its test fails": (
        "channel", [("^# #            OK.*",
                     "# # run.sh: err is 'a', expected 'b'"),
                    ("^# ok 1 global", "# not ok 1 global")],
        "FAIL args.global.one: not ok, run.sh: err is 'a', expected 'b'"),
    "a test is expected to fail": (
        "channel", [("^# ok 1 global.one", r"\g<0> # XFAIL later")],
        "FAIL args.global.one"),
    "the run has no plan": (
        "channel", [(r"^1\.\.2\n", "")], "FAIL run: there is no plan"),
    "a program has no plan": (
        "channel", [(r"^# 1\.\.2\n", "")], "FAIL args: has no plan"),
    "a result is missing": (
        "channel", [("^# ok 2.*\n", "")],
        "FAIL args: has 1 results, the plan is 2"),
    "a test is missing": (
        "channel", [("^# ok 2.*\n", ""), (r"^# 1\.\.2", "# 1..1")],
        "FAIL args.global.two: has no result"),
    "a program is missing": (
        "channel", [(r"^1\.\.2", "1..1"),
                    (r"^# selftests: shmbind: life(.*\n)*?ok 2.*\n", "")],
        "FAIL life.v.a.three: has no result"),
    "a program is missing from the plan": (
        "channel", [(r"^# selftests: shmbind: life(.*\n)*?ok 2.*\n", "")],
        "FAIL run: 1 programs, the plan is 2"),
    "there is a result too many": (
        "channel", [("^# ok 2.*\n", r"\g<0># ok 3 global.four\n")],
        "FAIL args: has 3 results, the plan is 2"),
    "a test is unknown": (
        "channel", [("^# ok 2.*\n", r"\g<0># ok 3 global.four\n")],
        "FAIL args.global.four: is not a known test"),
    "a test appears twice": (
        "channel", [("^# ok 2.*\n", r"\g<0># ok 3 global.one\n")],
        "FAIL args.global.one: has two results"),
    "a number is left out": (
        "channel", [("^# ok 2", "# ok 3")],
        "FAIL args.global.two: has number 3, expected 2"),
    "a result is cut short": (
        "channel", [("^# ok 1 global.one", "# ok 1 global.on")],
        "FAIL args.global.one: has no result"),
    "the channel is cut short": (
        "channel", [(r"^# ok 2(.*\n)*", "")],
        "FAIL args: did not reach its end"),
    "a program is cut short by the next": (
        "channel", [("^ok 1.*\n", "")], "FAIL args: did not reach its end"),
    "the channel is empty": (
        "channel", [(r"^(.*\n)*", "")], "FAIL run: there is no plan"),
    "a program has no tests": (
        "channel", [(r"^# 1\.\.2", "# 1..0"), ("^# ok [12] global.*\n", "")],
        "FAIL args: has no tests"),
    "a run has no tests": (
        "channel", [(r"^1\.\.2", "1..0"), (r"^# selftests(.*\n)*?ok.*\n", "")],
        "FAIL run: there are no tests"),
    "a program crashes after its last test": (
        "channel", [("^ok 1 .*", r"not \g<0> # exit=139")],
        "FAIL args: ended with"),
    "a program fails and none of its tests": (
        "channel", [("^ok 1 .*", r"not \g<0> # exit=1")],
        "FAIL args: ended with"),
    "a program times out": (
        "channel", [("^ok 1 .*", r"not \g<0> # TIMEOUT 600 seconds")],
        "FAIL args: ended with"),
    "a program is skipped": (
        "channel", [("^ok 1 .*", r"\g<0> # SKIP")], "FAIL args: ended with"),
    "a skip has another reason": (
        "channel", [("needs nodes=5", "no time")],
        "SKIP args.global.two: unexpected"),
    "a skip has no reason": (
        "channel", [("SKIP needs nodes=5", "SKIP")], "FAIL args.global.two"),
    "a skip has a need that is met": (
        "channel", [("nodes=5", "nodes=4 distances")],
        "SKIP args.global.two: unexpected"),
    "a skip has an unknown need": (
        "channel", [("nodes=5", "gold")], "SKIP args.global.two: unexpected"),
    "a skip needs an uncounted number": (
        "channel", [("nodes=5", "nodes")], "SKIP args.global.two: unexpected"),
    "there is no end marker": (
        "channel", [("^# end of run.*\n", "")],
        "FAIL run: there is no end marker"),
    "the end marker is cut short": (
        "channel", [("status 0$", "")], "FAIL run: there is no end marker"),
    "a line follows the end marker": (
        "channel", [("status 0\n", r"\g<0># ok 3 late\n")],
        "FAIL run: has output after its end marker"),
    "the runner is killed": (
        "channel", [("status 0$", "status 137")],
        "FAIL run: the runner ended with status 137"),
    "the console is empty": (
        "console", [(r"^(.*\n)*", "")], "FAIL run: the console is empty"),
    "a kill is not announced": (
        "console", [(".*expect oom.*\n", "")],
        "FAIL console: .*Killed process"),
    "another process is killed": (
        "console", [(r"\(eater\)", "(bystander)")],
        "FAIL console: .*Killed process"),
    "all memory was exhausted": (
        "console", [("Memory cgroup out", "Out")],
        "FAIL console: .*Killed process"),
    "a kill precedes its announcement": (
        "console", [("(.*expect oom.*\n)((.*\n)*)", r"\2\1")],
        "FAIL console: .*Killed process"),
}

# The kernel must not print any of these.
COMPLAINTS = (
    "BUG: kernel NULL pointer dereference, address: 0",
    "kernel BUG at mm/shmbind.c:1!",
    "WARNING: mm/shmbind.c:1 at f+0x1/0x2, CPU#0: args/77",
    "WARNING: possible circular locking dependency detected",
    "INFO: possible recursive locking detected",
    "Oops: 0000 [#1] SMP",
    "Oops: general protection fault, 0000 [#1] SMP",
    "BUG: KASAN: slab-use-after-free in f+0x1/0x2",
    "UBSAN: shift-out-of-bounds in mm/shmbind.c:1:2",
    "ODEBUG: free active (active state 0) object: 1",
    "kmemleak: 1 new suspected memory leaks (see kmemleak)",
    "unreferenced object 0xffff888100000000 (size 32):",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 26s!",
    "INFO: task args:77 blocked for more than 120 seconds.",
    "BUG: workqueue lockup - pool cpus=0 node=0",
    "BUG: sleeping function called from invalid context",
    "BUG: scheduling while atomic: args/77/0x1",
    "BUG: Bad page state in process args  pfn:00001",
    "BUG: Bad rss-counter state mm:1 type:MM_SHMEMPAGES val:1",
    "args: page allocation failure: order:0, mode:0x1",
    "list_del corruption. next->prev should be 0, but was 1",
    "Kernel panic - not syncing: Attempted to kill init!",
)


def run(status=0, races="", **altered):
    """What is wrong with the good run, some of its files being altered."""
    files = {"tests": TESTS, "facts": FACTS, "console": CONSOLE,
             "channel": CHANNEL} | altered
    found = judge.judge(*(files[name].splitlines() for name in
                          ("tests", "facts", "console", "channel")), status,
                        races.split())
    return [line for line in found.verdict
            if line.startswith(("FAIL", "SKIP"))], found


class Good(unittest.TestCase):
    """Where nothing is wrong."""

    def test_good_run(self):
        """a good run is good, and counted"""
        wrong, found = run()
        self.assertEqual(wrong, [])
        self.assertEqual([found.count(word) for word in ("PASS", "ELSE")],
                         [2, 1])

    def test_one_need_of_two(self):
        """a skip is right if one of its two needs is not met"""
        channel = CHANNEL.replace("nodes=5", "nodes=4 cpuless")
        self.assertEqual(run(channel=channel)[0], [])


RACE = "[    3.0] BUG: KCSAN: data-race in page_counter_charge / stripe_choose\n"


class Races(unittest.TestCase):
    """Reports of KCSAN."""

    def test_race_of_ours(self):
        """finds a race whose first or second function is ours"""
        for races in "stripe_choose other", "page_counter_charge":
            self.assertEqual(run(console=CONSOLE + RACE, races=races)[0],
                             ["FAIL console: " + RACE.rstrip()])

    def test_race_of_unknown_origin(self):
        """finds a race of which one function is known"""
        race = "[ 3.0] BUG: KCSAN: data-race in stripe_choose\n"
        self.assertEqual(len(run(console=CONSOLE + race,
                                 races="stripe_choose")[0]), 1)

    def test_race_of_others(self):
        """a race without our functions is the base kernel's"""
        self.assertEqual(run(console=CONSOLE + RACE, races="stripe")[0], [])


class Wrong(unittest.TestCase):
    """Where something is."""

    def test_time_limit(self):
        """finds the time limit"""
        self.assertIn("FAIL run: the time limit was reached",
                      run(status=124)[0])

    def test_status_of_qemu(self):
        """finds a bad end of QEMU"""
        self.assertIn("FAIL run: QEMU ended with status 1", run(status=1)[0])


def add_test(claim, part, text, expected):
    """A test that the run with that text as one of its files is judged so."""
    def test(self):
        wrong = run(**{part: text})[0]
        self.assertTrue(any(re.match(expected, line) for line in wrong), wrong)
    test.__doc__ = claim
    setattr(Wrong, "test_" + re.sub(r"\W+", "_", claim), test)


def add_tests():
    """One for each line of the tables."""
    for claim, (part, changes, expected) in ALTERED.items():
        text = {"console": CONSOLE, "channel": CHANNEL}[part]
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text, count=0,
                                  flags=re.MULTILINE)
            assert count, f"{claim}: {pattern} alters nothing"
        add_test(f"finds that {claim}", part, text, expected)
    for line in COMPLAINTS:
        first = CONSOLE.index("\n", CONSOLE.index("oom-killer")) + 1
        add_test(f"finds on the console: {line[:50]}", "console",
                 f"{CONSOLE[:first]}[ 3.0] {line}\n{CONSOLE[first:]}",
                 "FAIL console: " + re.escape(f"[ 3.0] {line}"))


add_tests()

if __name__ == "__main__":
    unittest.main()
