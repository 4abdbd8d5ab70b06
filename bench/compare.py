#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare two results of `make bench`.

  compare.py OLD NEW

Prints how the conditions differ, every figure that differs, and how many do
not.
"""

import difflib
import sys
from pathlib import Path

import limits

# Figures repeat to the instruction. Of these, one in a hundred is noise.
NOISY = ("large", "memory", "order", "failing")
NOISE = 0.01


def head(text):
    """The conditions of a result: versions, configuration, command."""
    return [line for line in text.splitlines() if line.startswith("#")]


def compare(old, new):
    """The lines to print about the figures of two results."""
    old = dict(old)
    same = 0
    for figure, now in new.items():
        name = " ".join(map(str, figure))
        was = old.pop(figure, None)
        tolerance = NOISE * now if figure[1].startswith(NOISY) else 0
        if was is None:
            yield f"new:      {name}: {now:.10g}"
        elif abs(now - was) > tolerance:
            change = 100 * (now - was) / was if was else 100
            yield f"{change:+8.2f}% {name}: {now:.10g}, was {was:.10g}"
        else:
            same += 1
    for figure, was in old.items():
        yield f"gone:     {' '.join(map(str, figure))}: was {was:.10g}"
    yield f"{same} are the same"


def main():
    """Compare the results that are named."""
    texts = []
    for name in sys.argv[1:]:
        file = Path(name)
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if not text.startswith("# kernel what mode "):
            sys.exit(f"error: '{name}' is not a result of make bench; "
                     "make bench-compare OLD=old NEW=build/bench/result")
        texts.append(text)
    old, new = texts
    for line in difflib.unified_diff(head(old), head(new), lineterm="", n=0):
        if not line.startswith(("---", "+++", "@@")):
            print(f"{line[0]} {line[1:]}")
    print("\n".join(compare(limits.read(old.splitlines()),
                            limits.read(new.splitlines()))))


if __name__ == "__main__":
    main()
