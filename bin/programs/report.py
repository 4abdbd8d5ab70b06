#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The report of make programs, from what the guests printed.

  report.py DIRECTORY NAME.log...

Writes DIRECTORY/report.md and the pictures that it names. The lines are those that
bin/programs/guest/lib.sh describes. Exit status: 0 all verdicts held and each program
came to its end, 1 otherwise, which is printed.
"""

import re
import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH = 40      # characters of the longest bar


class Pages(NamedTuple):
    """Where the pages of something are: a bar for each node."""
    label: str
    size: str           # kB of a page
    nodes: dict         # node to pages

    def share(self, node):
        """The part of the pages that is on the node."""
        return self.nodes[node] / (sum(self.nodes.values()) or 1)


class Verdict:
    """A claim, whether it held, and what a failure printed."""

    def __init__(self, claim, held):
        self.claim = claim
        self.held = held
        self.details = []


class Section:
    """A title, and its items in order: pairs of a kind and a value."""

    def __init__(self, title):
        self.title = title
        self.items = []

    def of_kind(self, wanted):
        """The values of the items of a kind."""
        return [value for kind, value in self.items if kind == wanted]


class Program:
    """What one guest has printed."""

    def __init__(self, name):
        self.name = name
        self.sections = [Section("")]
        self.seconds = None     # until the program came to its end
        self.status = None

    def verdicts(self):
        """All verdicts, and that the program came to its end."""
        for section in self.sections:
            yield from section.of_kind("verdict")
        yield Verdict("the program came to its end", self.seconds is not None)
        if not any(section.of_kind("verdict") for section in self.sections):
            yield Verdict("the program has verdicts", False)

    def wrong(self):
        """The verdicts that did not hold."""
        return [verdict for verdict in self.verdicts() if not verdict.held]


def read_pages(text):
    """LABEL | SIZE | N0=PAGES..."""
    label, size, nodes = (part.strip() for part in text.split("|"))
    return Pages(label, size, {
        int(node): int(pages)
        for node, pages in re.findall(r"N(\d+)=(\d+)", nodes)})


def read(name, text):
    """A program's log."""
    program = Program(name)
    verdict = None
    for line in text.replace("\r", "").splitlines():
        section = program.sections[-1]
        word, _, rest = line.partition(": ")
        if line.startswith("# ") and verdict:
            verdict.details.append(line[2:])
            continue
        verdict = None
        if line.startswith("== "):
            program.sections.append(Section(line[3:]))
        elif line.startswith(("ok - ", "not ok - ")):
            verdict = Verdict(line.partition(" - ")[2], line[0] == "o")
            section.items.append(("verdict", verdict))
        elif word == "pages":
            section.items.append(("pages", read_pages(rest)))
        elif word == "figure":
            left, _, right = rest.partition(" | ")
            section.items.append(("figure", (left, right)))
        elif word in ("said", "note", "advice"):
            section.items.append((word, rest))
        elif line == "said:":
            section.items.append(("said", ""))
        elif word == "end":
            program.seconds = int(rest)
    return program


def groups(items):
    """Consecutive items of a kind, together."""
    result = []
    for kind, value in items:
        if not result or result[-1][0] != kind:
            result.append((kind, []))
        result[-1][1].append(value)
    return result


def cell(text):
    """Text in a table of Markdown."""
    return str(text).replace("|", "\\|")


def table(head, rows):
    """A table of Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell(part) for part in row) + " |"
    yield ""


def fenced(lines):
    """Lines as they are."""
    yield "```"
    yield from lines
    yield "```"
    yield ""


def bars(entries):
    """Text bars for each node; each label has a scale of its own."""
    for pages in entries:
        most = max(pages.nodes.values(), default=0) or 1
        yield f"{pages.label} (pages of {pages.size} kB)"
        for node, count in sorted(pages.nodes.items()):
            bar = "#" * round(WIDTH * count / most)
            yield f"  node {node:2} |{bar:{WIDTH}}| {count}"


def show_verdicts(verdicts):
    """A list; what a failure printed is below it."""
    for verdict in verdicts:
        yield f"- {'ok' if verdict.held else '**not ok**'}: {verdict.claim}"
        if verdict.details:
            yield ""
            yield from (f"      {line}" for line in verdict.details)
            yield ""
    yield ""


def show_text(before):
    """Paragraphs, each after `before`."""
    def show(lines):
        for line in lines:
            yield f"{before}{line}"
            yield ""
    return show


SHOW = {
    "verdict": show_verdicts,
    "pages": lambda entries: fenced(bars(entries)),
    "figure": lambda figures: table(("figure", "value"), figures),
    "said": fenced,
    "note": show_text(""),
    "advice": show_text("> **Advice.** "),
}

# Colours of the nodes that can be told apart in grey as well.
COLOURS = ("#1b5e9e", "#e08a1e", "#5aa469", "#8f3f71",
           "#5f6b7a", "#c4b000", "#3fb0c9", "#b23a48")


def picture(title, entries):
    """An SVG: for each label one bar, divided among the nodes."""
    left, wide, high = 270, 520, 26
    nodes = sorted({node for pages in entries for node in pages.nodes})
    height = 64 + high * len(entries)
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 20}" '
           f'height="{height}" font-family="sans-serif" font-size="12">')
    yield '<rect width="100%" height="100%" fill="white"/>'
    yield f'<text x="10" y="20" font-size="14">{escape(title)}</text>'
    for place, node in enumerate(nodes):
        x = left + 80 * place
        yield (f'<rect x="{x}" y="30" width="12" height="12" '
               f'fill="{COLOURS[node % len(COLOURS)]}"/>')
        yield f'<text x="{x + 16}" y="40">node {node}</text>'
    for row, pages in enumerate(entries):
        y = 54 + high * row
        yield (f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">'
               f'{escape(pages.label)}</text>')
        x = left
        for node in nodes:
            share = pages.share(node) * wide if node in pages.nodes else 0
            if not share:
                continue
            yield (f'<rect x="{x:.1f}" y="{y}" width="{share:.1f}" height="18" '
                   f'fill="{COLOURS[node % len(COLOURS)]}">'
                   f'<title>node {node}: {pages.nodes[node]}</title></rect>')
            if share > 40:
                yield (f'<text x="{x + 4:.1f}" y="{y + 13}" fill="white">'
                       f'{pages.nodes[node]}</text>')
            x += share
    yield "</svg>"


def show_section(program, number, section):
    """A section of the report; yields pairs of a file's name and a line."""
    report = "report.md"
    if section.title:
        yield report, f"### {section.title}"
        yield report, ""
    for kind, values in groups(section.items):
        for line in SHOW[kind](values):
            yield report, line
    entries = section.of_kind("pages")
    if len(entries) > 1:
        name = f"{program.name}-{number}.svg"
        for line in picture(section.title, entries):
            yield name, line
        yield report, f"![{section.title}: pages by node]({name})"
        yield report, ""


def files(programs):
    """The report and its pictures: pairs of a file's name and a line."""
    report = "report.md"
    yield report, "# Real programs on bound segments"
    yield report, ""
    rows = []
    for program in programs:
        verdicts = list(program.verdicts())
        wrong = len(program.wrong())
        rows.append((
            f"[{program.name}](#{program.name})",
            len(verdicts) - wrong, wrong,
            "not at its end" if program.seconds is None
            else f"{program.seconds} s"))
    for line in table(("program", "held", "did not hold", "took"), rows):
        yield report, line
    for program in programs:
        yield report, f"## {program.name}"
        yield report, ""
        for verdict in program.wrong():
            yield report, f"**Did not hold: {verdict.claim}**"
            yield report, ""
        for number, section in enumerate(program.sections):
            yield from show_section(program, number, section)


def main(directory, logs):
    """Write the files, and print what did not hold."""
    programs = [read(Path(log).stem,
                     Path(log).read_text(encoding="utf-8", errors="replace"))
                for log in logs]
    content = {}
    for name, line in files(programs):
        content.setdefault(name, []).append(line)
    for program in programs:
        for old in Path(directory).glob(f"{program.name}-*.svg"):
            old.unlink()
    for name, lines in content.items():
        (Path(directory) / name).write_text("\n".join(lines) + "\n",
                                            encoding="utf-8")
    wrong = 0
    for program in programs:
        for verdict in program.wrong():
            wrong += 1
            print(f"not ok - {program.name}: {verdict.claim}")
    return wrong == 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(0 if main(sys.argv[1], sys.argv[2:]) else 1)
