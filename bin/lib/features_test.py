#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check how the list of features is read, and that it has what tests need."""

import os
import re
import unittest
import unittest.mock

import features

LIST = """\
# comment
[topology]
nodes=N\t\tall\tnodes with memory
offline\tx86_64 arm64\ta node that is offline

[kernel]
failslab\tall\tallocations can be made to fail	# FAILSLAB
"""
SELFTESTS = features.ROOT / "tools" / "testing" / "selftests" / "shmbind"


class Features(unittest.TestCase):
    """The list, and what tests need of it."""

    def setUp(self):
        self.features = features.parse(LIST)

    def test_parse(self):
        """a line is a name, architectures and a meaning"""
        self.assertEqual(list(self.features), ["nodes", "offline", "failslab"])
        self.assertEqual(self.features["offline"], features.Feature(
            "offline", False, "topology", ("x86_64", "arm64"),
            "a node that is offline"))
        self.assertEqual(self.features["failslab"].source, "kernel")

    def test_bad_line(self):
        """a line with less is an error"""
        with self.assertRaises(ValueError):
            features.parse("[kernel]\nfailslab\tall\n")

    def test_offered(self):
        """a feature may be one of all architectures, or of some"""
        self.assertTrue(self.features["nodes"].offered("ppc64"))
        self.assertTrue(self.features["offline"].offered("arm64"))
        self.assertFalse(self.features["offline"].offered("ppc64"))

    def test_known(self):
        """a need is known by its name, with a number if it is counted"""
        for need in ("nodes=3", "offline"):
            self.assertTrue(features.known(need, self.features), need)
        for need in ("nodes", "nodes=", "nodes=x", "offline=1", "gold", ""):
            self.assertFalse(features.known(need, self.features), need)

    def test_met(self):
        """a counted need is met by as many or more"""
        facts = features.read_facts(["nodes=4", "offline"])
        for need in ("nodes=4", "nodes=1", "offline"):
            self.assertTrue(features.met(need, facts), need)
        for need in ("nodes=5", "slow=1", "cma"):
            self.assertFalse(features.met(need, facts), need)

    def test_lacking(self):
        """no architecture has a feature that the base lacks"""
        bases = sorted((features.ROOT / "bases").glob("*/lacks"))
        self.assertTrue(bases)
        for base in bases:
            delta = str(base.parent.relative_to(features.ROOT))
            with unittest.mock.patch.dict(os.environ, {"delta": delta}):
                lacking, known = features.lacking(), features.load()
            self.assertTrue(lacking)
            for name in lacking:
                self.assertFalse(known[name].offered("x86_64"), name)

    def test_selftests(self):
        """every need of a selftest is in the list"""
        known = features.load()
        needs = [(file.name, need) for file in sorted(SELFTESTS.glob("*.[ch]"))
                 for needs in re.findall(r'REQUIRE\("([^"]*)"\)',
                                         file.read_text())
                 for need in needs.split()]
        self.assertTrue(needs)
        for file, need in needs:
            with self.subTest(file, need=need):
                self.assertTrue(features.known(need, known))


if __name__ == "__main__":
    unittest.main()
