# SPDX-License-Identifier: GPL-2.0
"""Unit tests of page.py."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import page

PAGE = """A title
=======

# a line of text::

    # shmbind list
    # grep x | cut -c 1

    # sysctl a=1
    what it prints

Text follows.

    # a quotation, not a literal block

Again::

    # last
"""


class PageTest(unittest.TestCase):
    """What is a command."""

    def test_commands(self):
        """commands are the lines behind # in literal blocks"""
        self.assertEqual(page.commands(PAGE), [
            "shmbind list", "grep x | cut -c 1", "sysctl a=1", "last"])

    def test_none(self):
        """a page without commands is an error that names it"""
        with tempfile.TemporaryDirectory() as place:
            name = Path(place) / "empty.rst"
            name.write_text("Text.\n", encoding="utf-8")
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertFalse(page.main(name))
        self.assertIn("empty.rst", said.getvalue())


if __name__ == "__main__":
    unittest.main()
