#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check a result of `make bench` against the promises of the series.

  limits.py RESULT

Prints a line for each promise, with its status:

  kept     and the case that comes nearest to its limit
  BROKEN   and the case that is furthest beyond it
  missing  if a figure that it needs is missing; those are listed at the end

Fails unless all are kept.
"""

import sys
from typing import NamedTuple

POLICIES = ("firstref", "stripe", "mostfree", "weighted")
BOUND = tuple(f"{policy}|{strength}" for policy, strengths in (
    ("firstref", "soft hard mask"), ("stripe", "soft hard mask"),
    ("mostfree", "soft hard"), ("weighted", "soft hard"))
    for strength in strengths.split())
NEVER_SOFT = tuple(mode for mode in BOUND if not mode.endswith("|soft"))

# The mode of mbind(2) that is most like a policy. Only WEIGHTED_INTERLEAVE
# looks at each node of the mask, as mostfree does.
NEAREST = {
    "firstref": "PREFERRED_MANY",
    "stripe": "INTERLEAVE",
    "mostfree": "WEIGHTED_INTERLEAVE",
    "weighted": "WEIGHTED_INTERLEAVE",
}


class Place(NamedTuple):
    """Where the faulting task is: in no cpuset, or in one."""
    suffix: str         # of what is measured
    text: str           # of the promise
    nodes: tuple        # in the mask, where each number of them is measured
    large: tuple        # the same, of large folios and huge pages

    @property
    def far(self):
        """With the task's own node left out of the mask."""
        return tuple(number for number in self.nodes if number < 64)


OUTSIDE = Place("", "", (1, 2, 4, 8, 16, 32, 64), (1, 2, 4, 8, 16, 32, 64))
CPUSET = Place("@cpuset", ", in a cpuset", (1, 4, 16, 64), (4,))
NARROWED = Place("@narrowed", ", in a cpuset that narrows the mask",
                 (4, 16, 64), (4,))
ALL = (OUTSIDE, CPUSET, NARROWED)
WHOLE = (OUTSIDE, CPUSET)


class Limit(NamedTuple):
    """A figure, times something, plus something."""
    mode: str = "same"          # or "nearest" of mbind's, or "POLICY|"
    kernel: str = "series"      # or "base", "faults"
    times: float = 1
    plus: float = 0
    each: float = 0             # more for each node
    at: int = 0                 # of the figure; 0: where the promise is


def unbound(plus=0):
    """Of a segment that is not bound, in the same kernel."""
    return Limit("unbound", plus=plus)


def base(times=1):
    """The same figure without the series."""
    return Limit(kernel="base", times=times)


def mbind(times=1):
    """With mbind(2)'s nearest mode in place of the binding."""
    return Limit("nearest", times=times)


class Promise(NamedTuple):
    """The most that a figure may be, in each mode and place, at each number."""
    text: str           # {policy} and {mbind} stand for those of the mode
    what: str
    modes: tuple
    at: object          # numbers of nodes, or of MiB, or the name of a Place's
    limit: Limit
    places: tuple = ALL
    kernel: str = "series"


def of(*policies):
    """The modes with one of those policies."""
    return tuple(mode for mode in BOUND if mode.split("|")[0] in policies)


UNBOUND = ("unbound",)
WALK = 350000           # of the allocator's slow path, with one reclaim
BY_1000 = 1.001         # "by 1 in 1000": ticks of the clock, lists that drain
BY_100 = 1.01           # "by 1 in 100": most pages in the mean cost nothing
MIB = (4, 64, 1024, 1048576)    # sizes of the segment for the call

# In a cpuset that narrows the mask, only mbind(2) limits the cost of a first
# fault.
FAULTS = (
    # text, what, modes, at, limit, places
    Promise("first fault, unbound: no more than on the base",
            "first", UNBOUND, "nodes", base()),
    Promise("first fault, unbound: no more than with the first patch alone",
            "first", UNBOUND, "nodes", Limit(kernel="faults")),
    Promise("first fault, {policy}: no more than {mbind}",
            "first", BOUND, "nodes", mbind()),
    Promise("first fault, firstref: 40 over unbound at most",
            "first", of("firstref"), "nodes", unbound(plus=40), WHOLE),
    Promise("first fault, stripe: 120 over unbound at most",
            "first", of("stripe"), "nodes", unbound(plus=120), WHOLE),
    Promise("first fault, mostfree: 100 + 25 a node over firstref at most",
            "first", of("mostfree"), "nodes",
            Limit("firstref|", plus=100, each=25), WHOLE),
    Promise("first fault, weighted: 40 over stripe at most",
            "first", of("weighted"), "nodes", Limit("stripe|", plus=40), WHOLE),
    Promise("second attach, unbound: no more than on the base",
            "again", UNBOUND, "nodes", base()),
    Promise("second attach, {policy}: no more than {mbind}",
            "again", BOUND, "nodes", mbind()),
    Promise("reading a second attach, unbound: no more than on the base "
            "by 1 in 100", "order", UNBOUND, "nodes", base(BY_100)),
    Promise("reading a second attach, {policy}: no more than {mbind} "
            "by 1 in 100", "order", BOUND, "nodes", mbind(BY_100)),
    Promise("first fault, mostfree: 160 over unbound at most with 4 nodes",
            "first", of("mostfree"), (4,), unbound(plus=160), WHOLE),
    Promise("first fault, {policy}: 64 nodes cost 20 more than 4 at most",
            "first", of("stripe", "weighted"), (64,), Limit(plus=20, at=4)),
    Promise("first fault, tmpfs, unbound: no more than on the base "
            "by 1 in 1000", "tmpfs", UNBOUND, (4,), base(BY_1000)),
    Promise("from outside the mask, unbound: no more than on the base",
            "far", UNBOUND, "far", base(), WHOLE),
    Promise("from outside the mask, {policy}: no more than {mbind}",
            "far", BOUND, "far", mbind(), WHOLE),
)

LARGE = (
    Promise("large folio, unbound: no more than on the base by 1 in 1000",
            "large", UNBOUND, "large", base(BY_1000)),
    Promise("large folio, {policy}: no more than {mbind} by 1 in 1000",
            "large", BOUND, "large", mbind(BY_1000)),
    Promise("second attach, large folio, unbound: no more than on the base "
            "by 1 in 1000", "large-again", UNBOUND, "large", base(BY_1000)),
    Promise("SHM_HUGETLB, unbound: no more than on the base by 1 in 1000",
            "huge", UNBOUND, "large", base(BY_1000)),
    Promise("SHM_HUGETLB, {policy}: no more than {mbind} by 1 in 1000",
            "huge", BOUND, "large", mbind(BY_1000)),
    Promise("second attach, SHM_HUGETLB, unbound: no more than on the base "
            "by 1 in 1000", "huge-again", UNBOUND, "large", base(BY_1000)),
    Promise("swap-in, unbound: no more than on the base",
            "swap-in", UNBOUND, "large", base()),
    Promise("swap-in, {policy}: no more than {mbind} by 1 in 1000",
            "swap-in", BOUND, "large", mbind(BY_1000)),
    Promise("swap-in, tmpfs, unbound: no more than on the base by 1 in 1000",
            "swap-in-tmpfs", UNBOUND, (4,), base(BY_1000)),
    Promise("swap-in, anonymous, unbound: no more than on the base "
            "by 1 in 1000", "swap-in-anon", UNBOUND, (4,), base(BY_1000)),
)

FAILING = (
    Promise("SIGBUS past the end of a file, unbound: no more than on the base "
            "by 1 in 1000", "failing", UNBOUND, (1,), base(BY_1000), WHOLE),
    Promise(f"SIGBUS, full node, first fault: {WALK} over the signal alone at "
            "most", "failing", NEVER_SOFT, (1,), unbound(plus=WALK), WHOLE),
    Promise(f"SIGBUS, full node, swap-in: {WALK} over the signal alone at most",
            "failing-swap-in", NEVER_SOFT, (1,), unbound(plus=WALK), WHOLE),
)

MORE_LOCKED = {"firstref": 0, "stripe": 1, "mostfree": 0, "weighted": 1}
LOCKED = (
    Promise("locked operations, unbound: no more than on the base",
            "locked-first", UNBOUND, (4,), base()),
    Promise("locked operations, second attach, unbound: no more than on "
            "the base", "locked-again", UNBOUND, (4,), base()),
    *(Promise(f"locked operations, {policy}: {more} more than unbound at most",
              "locked-first", of(policy), (4,), unbound(plus=more))
      for policy, more in MORE_LOCKED.items()),
)

# Stripes begin at different nodes, and finding the first takes a few instructions
# more or less. Slabs that are not full may make a difference to the bytes of a
# segment.
SIZES = (
    Promise("the call: no more than mbind(2) on the base",
            "call", BOUND, MIB, Limit("nearest", "base"), (OUTSIDE,)),
    Promise("the call: no more for 1 TiB than for 4 MiB by 1 in 100",
            "call", BOUND, (1048576,), Limit(times=BY_100, at=4), (OUTSIDE,)),
    Promise("memory of a segment, unbound: no more than on the base "
            "by 1 in 100", "memory", UNBOUND, (4,), base(BY_100), (OUTSIDE,)),
    Promise("memory of a segment, bound: 2112 bytes more than unbound at most",
            "memory", BOUND, (4,), unbound(plus=2112), (OUTSIDE,)),
    Promise("image: at most 1 in 100 larger than the base's",
            "image", ("text", "bzImage"), (0,), base(BY_100), (OUTSIDE,)),
)

# What the first patch saves.
GAIN = tuple(
    Promise(f"first patch: '{what}' costs at least {least} less",
            what, UNBOUND, (4,), Limit(kernel="base", plus=-least), (OUTSIDE,),
            "faults")
    for what, least in (("first", 649), ("again", 652), ("order", 1880)))

PROMISES = FAULTS + LARGE + FAILING + LOCKED + SIZES + GAIN


class Case(NamedTuple):
    """One figure of a promise, and the figure that its limit is made of."""
    figure: tuple       # kernel, what, mode, at
    other: tuple
    times: float
    plus: float


def cases(promise, place):
    """All cases of a promise in a place, each with the text to report."""
    numbers = promise.at
    if isinstance(numbers, str):
        numbers = getattr(place, numbers)
    what = promise.what + place.suffix
    limit = promise.limit
    for number in numbers:
        for mode in promise.modes:
            policy, _, strength = mode.partition("|")
            other = {"same": mode, "nearest": NEAREST.get(policy)}.get(
                limit.mode, limit.mode)
            if other.endswith("|"):
                other += strength
            text = promise.text.format(policy=policy, mbind=NEAREST.get(policy))
            yield text + place.text, Case(
                (promise.kernel, what, mode, number),
                (limit.kernel, what, other, limit.at or number),
                limit.times, limit.plus + limit.each * number)


def all_cases():
    """The cases of all promises by their text, in the order of the tables."""
    found = {}
    for place in ALL:
        for promise in PROMISES:
            if place in promise.places:
                for text, case in cases(promise, place):
                    found.setdefault(text, []).append(case)
    return found


def read(lines):
    """The figures of a result, by kernel, what, mode and number.

    The median counts, or the mean if pages are mapped around a fault: most of
    those faults cost nothing, so the median does not show them.
    """
    figures = {}
    for line in lines:
        if not line.startswith("#") and line.split():
            kernel, what, mode, at, median, mean = line.split()[:6]
            figures[kernel, what, mode, int(at)] = float(
                mean if what.startswith("order") else median)
    return figures


def judge(cases_of, figures):
    """The status of a promise, and the case with the least margin as text."""
    status, least, worst = "kept", None, ""
    there = [case for case in cases_of
             if case.figure in figures and case.other in figures]
    for case in there:
        value = figures[case.figure]
        limit = figures[case.other] * case.times + case.plus
        margin = (limit - value) / (limit or 1)
        if value > limit:
            status = "BROKEN"
        if least is None or margin < least:
            least = margin
            name = " ".join(map(str, case.figure))
            worst = f": {value:.10g}, limit {limit:.10g} ({name})"
    return status if there == cases_of else "missing", worst


def report(lines):
    """The lines to print, and whether every promise is kept."""
    figures = read(lines)
    found = all_cases()
    kept, output, absent = True, [], {}
    for text, cases_of in found.items():
        status, worst = judge(cases_of, figures)
        kept &= status == "kept"
        output.append(f"{status:7} {text}{worst}")
        for case in cases_of:
            absent.update((figure, None) for figure in (case.figure, case.other)
                          if figure not in figures)
    output.extend("no figure: " + " ".join(map(str, figure))
                  for figure in absent)
    return output, kept


def main():
    """Report on the result that is named."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        output, kept = report(stream)
    print("\n".join(output))
    sys.exit(not kept)


if __name__ == "__main__":
    main()
