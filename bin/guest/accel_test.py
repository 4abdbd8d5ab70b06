#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of accel, with a program in the place of QEMU."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

GUEST = Path(__file__).resolve().parent
STARTS = 'read -r command; test "$command" = quit'
REFUSES = "echo Could not access KVM kernel module >&2; exit 1"
ABORTS = "kill -ABRT $$"


class Accel(unittest.TestCase):
    """Which accelerator the guest gets."""

    def setUp(self):
        self.asked = ""                 # QEMU's arguments

    def ask(self, qemu, script="accel", **variables):
        """Run a script of this room with a QEMU that does what qemu says."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME")
                if name in os.environ}
        with tempfile.TemporaryDirectory() as path:
            program = Path(path) / "qemu-system-x86_64"
            program.write_text(f'#!/bin/sh\necho "$*" >>{path}/asked\n{qemu}\n')
            program.chmod(0o755)
            kept["PATH"] = f"{path}:{kept['PATH']}"
            done = subprocess.run(
                [GUEST / script, "four", "test", "true"],
                env=kept | variables, check=False, capture_output=True,
                text=True)
            asked = Path(path) / "asked"
            self.asked = asked.read_text() if asked.exists() else ""
        return done

    def test_kvm(self):
        """kvm is taken if QEMU starts with it and the guest's processor"""
        self.assertEqual(self.ask(STARTS).stdout, "kvm\n")
        self.assertIn("-accel kvm -cpu max,-la57 ", self.asked)

    def test_no_kvm(self):
        """tcg is taken if QEMU refuses kvm, aborts, or does not exist"""
        for qemu in REFUSES, ABORTS, "exit 127":
            with self.subTest(qemu):
                self.assertEqual(self.ask(qemu).stdout, "tcg\n")

    def test_chosen_tcg(self):
        """ACCEL=tcg is taken where kvm works"""
        self.assertEqual(self.ask(STARTS, ACCEL="tcg").stdout, "tcg\n")
        self.assertEqual(self.asked, "")

    def test_chosen_kvm(self):
        """ACCEL=kvm is an error with QEMU's reason where kvm does not work"""
        self.assertEqual(self.ask(STARTS, ACCEL="kvm").stdout, "kvm\n")
        done = self.ask(REFUSES, ACCEL="kvm")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("Could not access KVM kernel module", done.stderr)

    def test_unknown(self):
        """another ACCEL is an error"""
        done = self.ask(STARTS, ACCEL="hvf")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("ACCEL=hvf", done.stderr)

    def test_machine(self):
        """the guest's machine has the accelerator that was chosen"""
        for qemu, accel in (STARTS, "kvm"), (REFUSES, "tcg,thread=multi"):
            with self.subTest(accel):
                command = self.ask(qemu, "vm", DRY="1").stdout
                self.assertIn(f" -accel {accel} -cpu max,-la57 ", command)


if __name__ == "__main__":
    unittest.main()
