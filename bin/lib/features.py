# SPDX-License-Identifier: GPL-2.0
"""The list of features in qemu/features, for topology.py and judge.py."""

import os
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "qemu" / "features"


def lacking():
    """The features that an older base does not have: lib.sh exports its place."""
    delta = os.environ.get("delta")
    if not delta or not (ROOT / delta / "lacks").exists():
        return set()
    lines = (ROOT / delta / "lacks").read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line and line[0] != "#"}


class Feature(NamedTuple):
    """A line of the list."""
    name: str           # without =N
    counted: bool       # has =N
    source: str         # "topology" or "kernel"
    arches: tuple       # ("all",) or names of architectures, none if lacking
    meaning: str

    def offered(self, arch):
        """Can a guest of this architecture have the feature?"""
        return self.arches == ("all",) or arch in self.arches


def parse(text):
    """The features by name, in the order of the list."""
    features, source = {}, None
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if not line:
            continue
        if line in ("[topology]", "[kernel]"):
            source = line[1:-1]
            continue
        fields = re.split(r"\t+", line)
        if source is None or len(fields) != 3:
            raise ValueError(f"'{line}': not a name, architectures and meaning")
        name, counted, _ = fields[0].partition("=N")
        features[name] = Feature(name, bool(counted), source,
                                 tuple(fields[1].split()), fields[2])
    return features


def load(path=LIST):
    """The features of the repository's own list, as far as the base has them."""
    found = parse(path.read_text(encoding="utf-8"))
    for name in lacking():
        if name not in found:
            raise ValueError(f"'{name}': lacks names no feature of {path.name}")
        found[name] = found[name]._replace(arches=())
    return found


def known(need, features):
    """Is a test's need, NAME or NAME=NUMBER, in the list?"""
    name, equals, number = need.partition("=")
    feature = features.get(name)
    if feature is None or feature.counted != bool(equals):
        return False
    return not equals or re.fullmatch("[0-9]+", number) is not None


def met(need, facts):
    """Do the facts about a machine, a dictionary, meet this need?"""
    name, equals, number = need.partition("=")
    if not equals:
        return name in facts
    return int(number) <= int(facts.get(name) or 0)


def read_facts(lines):
    """Facts in the form NAME or NAME=NUMBER, as a dictionary."""
    facts = {}
    for line in lines:
        name, equals, number = line.strip().partition("=")
        if name:
            facts[name] = int(number) if equals else 1
    return facts
