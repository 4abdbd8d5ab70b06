#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The commands of a page in reStructuredText that a reader would type.

  page.py PAGE

Prints one command a line: those behind a # in the literal blocks. A page without
commands is an error.
"""

import sys
from pathlib import Path


def commands(text):
    """The commands in the literal blocks, which a line that ends in :: begins."""
    result = []
    literal = begins = False
    for line in text.splitlines():
        if line.strip():
            literal = line.startswith(" ") and (literal or begins)
            begins = not literal and line.endswith("::")
        if literal and line.lstrip().startswith("# "):
            result.append(line.strip()[2:])
    return result


def main(page):
    """Print them."""
    found = commands(Path(page).read_text(encoding="utf-8"))
    if not found:
        print(f"{page}: no commands; put them behind '# ' in literal blocks",
              file=sys.stderr)
    for command in found:
        print(command)
    return bool(found)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(0 if main(sys.argv[1]) else 1)
