#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of readme.py."""

import unittest

import readme


class SameLine(unittest.TestCase):
    def test_numbers_may_differ_as_machines_do(self):
        """numbers may differ as they do between machines"""
        self.assertTrue(readme.same_line("free 235M -> 235M", "free 231M -> 230M"))

    def test_numbers_of_another_machine_differ(self):
        """numbers of another machine differ"""
        self.assertFalse(readme.same_line("54878 pages", "29976 pages"))
        self.assertFalse(readme.same_line("free 220M", "free 122M"))

    def test_decimals_are_numbers(self):
        """a number with decimals is one number"""
        self.assertTrue(readme.same_line("18.0M", "17.9M"))
        self.assertFalse(readme.same_line("18.0M", "9.0M"))

    def test_words_must_be_the_same(self):
        """words must be the same"""
        self.assertFalse(readme.same_line("ok: killed nothing", "ok: killed"))

    def test_spaces_may_differ(self):
        """spaces may differ"""
        self.assertTrue(readme.same_line("node  1 | 341", "node 1 |   341"))

    def test_bars_follow_from_the_numbers(self):
        """bars are not compared, only their numbers"""
        self.assertTrue(readme.same_line("|########    |  341",
                                         "|######### |  342"))


class Difference(unittest.TestCase):
    LOG = ["head", "a 1", "b", "tail"]

    def test_block_in_the_log(self):
        """a block that was printed is found"""
        self.assertIsNone(readme.difference(["a 1", "b"], self.LOG))

    def test_line_that_is_missing(self):
        """a line that was not printed is named"""
        self.assertEqual(readme.difference(["a 1", "c"], self.LOG), "c")

    def test_gap(self):
        """a block with a gap in it was not printed"""
        self.assertEqual(readme.difference(["head", "b"], self.LOG), "b")


class Blocks(unittest.TestCase):
    def test_marked_blocks_alone_count(self):
        """only marked blocks are compared"""
        text = f"```\nx\n```\n{readme.MARK}\n```\na\nb\n```\n"
        self.assertEqual(readme.blocks(text), [["a", "b"]])


if __name__ == "__main__":
    unittest.main()
