#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check what topology.py prints of a machine, and what it refuses."""

import contextlib
import io
import unittest

import topology
from topology import Error, Topology

FOUR = "256M,cpus=0 160M,cpus=1 160M,cpus=2 160M,cpus=3"
LIST = """\
# comment
four
\tnodes 256M,cpus=0 160M
\tdistances 0,1=15
\twithout swap life
\twithout uffd

giant
\tnodes 1G,cpus=0
\tonly hugetlb
"""

# NUMA, DIST, and what is said about them.
BAD = (
    ("512M,cpus=0 x", "", "'x' is not a size like 512M or 1G (node 1)"),
    ("512M,cpus=0 512", "", "'512' is not a size like 512M or 1G (node 1)"),
    ("512M,cpus=0-", "", "'cpus=0-' is not like cpus=0 or cpus=0-1 (node 0)"),
    ("512M,cpus=0,foo", "", "'foo' is not like cpus=0 or cpus=0-1 (node 0)"),
    ("512M,cpus=1-0", "", "'1-0' are not CPUs: the last is before the first"),
    ("512M,cpus=0 512M,cpus=0", "", "CPU 0 is on nodes 0 and 1"),
    ("512M,cpus=0 512M,cpus=2", "", "CPU 1 is on no node"),
    ("512M,cpus=1 512M,cpus=0", "",
     "CPU 0 is on node 1, which Linux numbers 0: "
     "by CPU, and nodes without CPUs after the others"),
    ("512M", "", "there is no node with CPUs"),
    ("0,cpus=0", "", "there is no node with memory"),
    ("512M,cpus=0 0", "", "node 1 has neither memory nor CPUs"),
    ("512M,cpus=0 3M", "", "node 1 has 3 MiB, Linux ignores less than 4"),
    ("512M,cpus=0-64", "", "there are 65 CPUs, the guest's kernel knows 64"),
    ("64M,cpus=0" + " 4M" * 64, "",
     "there are 65 nodes, the guest's kernel knows 64"),
    ("512M,cpus=0,slow", "", "node 0 is slow, but has CPUs or no memory"),
    ("512M,cpus=0 0,cpus=1 64M,slow", "",
     "node 1 has no memory, but another node is slow: QEMU cannot describe "
     "that"),
    ("512M,cpus=0 64M,offline 64M", "", "node 1 is offline, and not the last"),
    ("512M,cpus=0 64M,cpus=1,offline", "",
     "node 1 is offline, but has CPUs"),
    ("512M,cpus=0,cma=512M", "", "node 0 has a CMA area of 512M, but not more "
     "memory than that"),
    (FOUR, "0,1", "'0,1' is not a distance like 0,1=20"),
    (FOUR, "0,4=20", "'0,4=20' names a node that does not exist"),
    (FOUR, "0,0=11", "'0,0=11': the distance of a node to itself is 10"),
    (FOUR, "0,1=10", "'0,1=10': to another node, it is 11 to 254"),
    (FOUR, "0,1=255", "'0,1=255': to another node, it is 11 to 254"),
)


class Arguments(unittest.TestCase):
    """What QEMU and Linux are told."""

    def qemu(self, *args):
        """Arguments for QEMU, without the distances."""
        return [line for line in Topology(*args).qemu()
                if not line.startswith("-numa dist")]

    def test_nodes(self):
        """each node has its memory and CPUs"""
        self.assertEqual(self.qemu("1G,cpus=0-1 0,cpus=2 512M"), [
            "-m 1536M",
            "-smp 3,sockets=3,cores=1,threads=1",
            "-object memory-backend-ram,id=m0,size=1024M",
            "-numa node,nodeid=0,cpus=0-1,memdev=m0",
            "-numa node,nodeid=1,cpus=2",
            "-object memory-backend-ram,id=m2,size=512M",
            "-numa node,nodeid=2,memdev=m2"])

    def test_offline(self):
        """offline memory is plugged in, and not counted"""
        lines = self.qemu("512M,cpus=0 128M,offline")
        self.assertEqual(lines[0], "-m 512M,slots=1,maxmem=640M")
        self.assertIn("-device pc-dimm,memdev=plugged,node=1", lines)

    def test_slow(self):
        """slow memory has a tenth of the speed, by the nearest initiator"""
        lines = self.qemu("512M,cpus=0 512M,cpus=1 64M,slow", "1,2=11")
        self.assertIn("-numa node,nodeid=2,memdev=m2,initiator=1", lines)
        speeds = [line for line in lines if "initiator=0,target=2" in line]
        self.assertEqual([line.rpartition(",")[2] for line in speeds],
                         ["latency=1000", "bandwidth=1G"])

    def test_distances(self):
        """a distance is for both directions, 20 if none is given"""
        distance = Topology(FOUR, "0,1=15 2,0=30 0,2=40").distance
        self.assertEqual([distance[pair] for pair in (
            (0, 1), (1, 0), (0, 2), (2, 0), (0, 3), (3, 3))],
            [15, 15, 40, 30, 20, 10])

    def test_cma(self):
        """CMA areas are a parameter of the kernel"""
        self.assertEqual(list(Topology("64M,cpus=0,cma=8M 64M,cma=4M").linux()),
                         ["numa_cma=0:8M,1:4M"])
        self.assertEqual(list(Topology(FOUR).linux()), [])

    def test_debug(self):
        """the debug kernel gets more on the first node"""
        debugged = Topology("0,cpus=0 800M")
        debugged.make_room_for_debugging()
        self.assertEqual(debugged.memory, [0, 800 + 64 + 100])

    def test_align(self):
        """a node of ppc64 has a multiple of 256 MiB"""
        self.assertEqual(Topology("256M,cpus=0 1M", arch="ppc64").memory,
                         [256, 256])


KERNEL = [name for name, feature in topology.features.load().items()
          if feature.source == "kernel" and feature.offered("x86_64")]


class Facts(unittest.TestCase):
    """The features that a topology has."""

    def facts(self, *args, arch="x86_64"):
        """Without those of the kernel."""
        return [fact for fact in Topology(*args, arch=arch).facts()
                if fact not in KERNEL]

    def test_four(self):
        """nodes are counted, and distances compared"""
        self.assertEqual(self.facts(FOUR), ["nodes=4", "cpunodes=4"])
        self.assertEqual(self.facts(FOUR, "0,1=15"),
                         ["nodes=4", "cpunodes=4", "distances"])

    def test_lopsided(self):
        """memory without CPUs, and CPUs without memory, are seen"""
        self.assertEqual(self.facts("512M,cpus=0 0,cpus=1 64M"),
                         ["nodes=2", "cpunodes=1", "cpuless", "memless"])

    def test_single(self):
        """one node is single"""
        self.assertEqual(self.facts("512M,cpus=0"),
                         ["nodes=1", "cpunodes=1", "single"])

    def test_rare(self):
        """slow, gigantic, CMA and offline memory are seen"""
        self.assertEqual(
            self.facts("3G,cpus=0,cma=8M 64M,offline")[2:],
            ["single", "gigantic=1", "cma", "offline"])
        self.assertIn("slow=2", self.facts("1G,cpus=0 64M,slow 64M,slow"))

    def test_other_architectures(self):
        """elsewhere slow and offline memory is like any other"""
        self.assertEqual(self.facts("1G,cpus=0 64M,slow 64M,offline",
                                    arch="arm64"),
                         ["nodes=3", "cpunodes=1", "cpuless"])

    def test_kernel(self):
        """features of the kernel are the architecture's"""
        self.assertEqual(list(Topology("1G,cpus=0").facts())[-len(KERNEL):],
                         KERNEL)
        self.assertIn("failslab", KERNEL)
        self.assertNotIn("uffdwp", Topology("1G,cpus=0", arch="ppc64").facts())


class Refused(unittest.TestCase):
    """Topologies that cannot be."""

    def test_bad(self):
        """each mistake is named"""
        for nodes, distances, said in BAD:
            with self.subTest(nodes), self.assertRaises(Error) as caught:
                Topology(nodes, distances)
            self.assertEqual(str(caught.exception), said)

    def test_host(self):
        """a machine must fit into this one"""
        with self.assertRaisesRegex(Error, "736 MiB, this machine can give 7"):
            Topology(FOUR).check_host(735)
        Topology(FOUR).check_host(736)


class Names(unittest.TestCase):
    """The list of topologies."""

    def list(self, **environ):
        """The list in that environment."""
        return topology.List(environ, LIST)

    def test_names(self):
        """TEST leaves out topologies that are for other programs"""
        for test, names in (("", ["four", "giant"]), ("swap", ["four"]),
                            ("hugetlb", ["four", "giant"]),
                            ("hugetlb.test", ["four", "giant"]),
                            ("hugetlb_surplus", ["four"])):
            self.assertEqual(self.list(TEST=test).names(), names)

    def test_lacking(self):
        """an architecture's machine may not have all"""
        self.assertEqual(self.list(ARCH="ppc64").names(), ["four"])

    def test_words(self):
        """without and only are lists of programs"""
        self.assertEqual(self.list().words("four", "without"),
                         ["swap", "life", "uffd"])
        self.assertEqual(self.list().words("giant", "only"), ["hugetlb"])
        self.assertEqual(self.list().words("giant", "without"), [])

    def test_custom(self):
        """with NUMA there is one topology, and it is for all tests"""
        custom = self.list(NUMA="1G,cpus=0 1G", DIST="0,1=40", TEST="swap")
        self.assertEqual(custom.names(), ["custom"])
        self.assertEqual(custom.topology("custom").distance[1, 0], 40)

    def test_errors(self):
        """an unknown name, DIST alone and a bad topology end with an error"""
        for environ, name, said in (
                ({}, "five", "there is no topology 'five'"),
                ({"DIST": "0,1=20"}, "four", "DIST without NUMA"),
                ({"ARCH": "vax"}, "four", "ARCH=vax has no guest"),
                ({"NUMA": "x"}, "custom", "'x' is not a size")):
            with self.assertRaisesRegex(SystemExit, f"error:.* {said}.*; "):
                self.list(**environ).topology(name)

    def test_own_list(self):
        """every topology of qemu/topologies is right, on each architecture"""
        for arch in topology.MACHINES:
            with contextlib.redirect_stdout(io.StringIO()) as output:
                topology.main(["names"], {"ARCH": arch})
                for name in output.getvalue().split():
                    for verb in ("qemu", "linux", "facts", "only", "without"):
                        topology.main([verb, name], {"ARCH": arch})
            self.assertIn("four", output.getvalue())


if __name__ == "__main__":
    unittest.main()
