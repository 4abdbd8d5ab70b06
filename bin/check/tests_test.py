#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that tests.py understands the list that a test program prints."""

import unittest

import tests

RULE = "-" * 80
LISTING = "\n".join((
    "# FIXTURE            VARIANT                   TEST",
    "global                                         ",
    RULE,
    "plain                                          alone",
    "                                               another",
    RULE,
    "swap                 disk                      comes_back",
    "                     zram                      ",
    RULE,
    "move                 soft                      here",
    "                                               there",
)) + "\n"


class Names(unittest.TestCase):
    """Names in the list, and by TEST."""

    def setUp(self):
        self.names = list(tests.names("life", LISTING))

    def test_fixture_without_variants(self):
        """a fixture without variants has its tests once"""
        self.assertEqual(self.names[:2],
                         ["life.plain.alone", "life.plain.another"])

    def test_variants(self):
        """each test is run with each variant"""
        self.assertEqual(self.names[2:4], ["life.swap.disk.comes_back",
                                           "life.swap.zram.comes_back"])

    def test_tests(self):
        """a variant has every test of the fixture"""
        self.assertEqual(self.names[4:],
                         ["life.move.soft.here", "life.move.soft.there"])

    def test_global_tests(self):
        """tests without a fixture are the fixture global's"""
        listing = LISTING.replace(f"global{' ' * 41}", f"global{' ' * 41}first")
        self.assertEqual(next(tests.names("args", listing)),
                         "args.global.first")

    def test_selected(self):
        """TEST is a program, a program and a test, or a whole name"""
        name = "life.swap.disk.comes_back"
        for test in ("life", "life.comes_back", name):
            self.assertTrue(tests.selected(name, test), test)
        for test in ("swap", "life.swap", "comes_back", "lif"):
            self.assertFalse(tests.selected(name, test), test)


if __name__ == "__main__":
    unittest.main()
