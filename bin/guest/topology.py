#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The guest's nodes: what QEMU, Linux and the tests are told about them.

  topology.py names          the topologies that this architecture can have
  topology.py qemu NAME      NAME as arguments for QEMU
  topology.py linux NAME     NAME as parameters of its kernel
  topology.py facts NAME     which features of qemu/features NAME has
  topology.py only NAME      the test program that NAME is for; empty if for all
  topology.py without NAME   the test programs that make check leaves out
  topology.py check [N]      check them all, or the first N

The topologies are those of qemu/topologies. If NUMA (and DIST) are in the
environment, there is only one, called `custom`. ARCH, DEBUG and TEST come from
the environment too: they are make variables.
"""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bin" / "lib"))

import features  # noqa: E402 # pylint: disable=wrong-import-position

MAX_CPUS = MAX_NODES = 64       # qemu/kernel.config
SMALLEST_NODE = 4               # MiB; Linux ignores smaller ones
RESERVE = 512                   # MiB that the host keeps for itself and QEMU


class Machine(NamedTuple):
    """What differs between the architectures' machines in QEMU."""
    align: int = 1              # a node's memory is a multiple of that many MiB
    lacking: tuple = ()         # topologies that the machine cannot have


MACHINES = {
    "x86_64": Machine(),
    "arm64": Machine(),
    "ppc64": Machine(align=256, lacking=("sixteen", "many", "giant", "contig")),
}


class Error(Exception):
    """The topology is not possible; the text says why."""


def mebibytes(size, node):
    """512M or 1G as a number."""
    if not re.fullmatch("0|[1-9][0-9]{0,4}[MG]", size):
        raise Error(f"'{size}' is not a size like 512M or 1G (node {node})")
    number = int(size.rstrip("MG"))
    return number * 1024 if size.endswith("G") else number


class Topology:
    """Nodes and distances, as NUMA and DIST or qemu/topologies give them."""

    def __init__(self, nodes, distances="", arch="x86_64"):
        offered = {name for name, feature in features.load().items()
                   if feature.offered(arch)}
        self.arch = arch
        self.align = MACHINES[arch].align
        self.has_tiers = "slow" in offered      # others see plain memory
        self.has_offline = "offline" in offered
        self.memory = []                # MiB of each node
        self.cpus_of = []               # ",cpus=0-1" of each node, or ""
        self.node_of = {}               # CPU to node
        self.cma = {}                   # node to MiB of its CMA area
        self.slow = set()               # nodes of slower memory
        self.plugged = 0                # MiB of the last node, if offline
        self.total = 0                  # MiB
        self.distance = {}              # (from, to) to its number
        for word in nodes.split():
            self.read_node(word)
        self.check_nodes()
        for word in distances.split():
            self.read_distance(word)
        self.complete_distances()

    @property
    def count(self):
        """How many nodes there are."""
        return len(self.memory)

    def read_node(self, word):
        """SIZE[,cpus=LIST][,slow][,cma=SIZE][,offline]"""
        node = self.count
        if self.plugged:
            raise Error(f"node {node - 1} is offline, and not the last")
        size, *parts = word.split(",")
        memory = mebibytes(size, node)
        memory += -memory % self.align
        self.memory.append(memory)
        self.cpus_of.append("")
        self.total += memory
        for part in parts:
            if part.startswith("cma="):
                self.take_area(part[len("cma="):])
            elif part == "slow":
                if self.has_tiers:
                    self.slow.add(node)
            elif part == "offline":
                if self.has_offline:
                    self.plugged = memory
            else:
                self.take_cpus(part)
        if not memory and not self.cpus_of[node]:
            raise Error(f"node {node} has neither memory nor CPUs")
        if memory and memory < SMALLEST_NODE:
            raise Error(f"node {node} has {memory} MiB, Linux ignores "
                        f"less than {SMALLEST_NODE}")
        if self.plugged:
            self.memory[node] = 0

    def take_area(self, size):
        """A CMA area on the node that is being read."""
        node = self.count - 1
        self.cma[node] = mebibytes(size, node)
        if self.cma[node] >= self.memory[node]:
            raise Error(f"node {node} has a CMA area of {size}, but not "
                        "more memory than that")

    def take_cpus(self, part):
        """cpus=FIRST or cpus=FIRST-LAST for the node that is being read."""
        node = self.count - 1
        match = re.fullmatch("cpus=([0-9]{1,3})(?:-([0-9]{1,3}))?", part)
        if not match:
            raise Error(f"'{part}' is not like cpus=0 or cpus=0-1 "
                        f"(node {node})")
        text = part[len("cpus="):]
        first = int(match[1])
        last = int(match[2] or first)
        if first > last:
            raise Error(f"'{text}' are not CPUs: the last is before the first")
        for cpu in range(first, last + 1):
            if cpu in self.node_of:
                raise Error(f"CPU {cpu} is on nodes {self.node_of[cpu]} and "
                            f"{node}")
            self.node_of[cpu] = node
        self.cpus_of[node] += f",cpus={text}"

    def check_nodes(self):
        """Check that QEMU can have these nodes, and how Linux numbers them."""
        if not self.total:
            raise Error("there is no node with memory")
        if not self.node_of:
            raise Error("there is no node with CPUs")
        self.check_cpus()
        if self.count > MAX_NODES:
            raise Error(f"there are {self.count} nodes, the guest's kernel "
                        f"knows {MAX_NODES}")
        for node in range(self.count):
            bare = self.cpus_of[node] or not self.memory[node]
            if node in self.slow and bare:
                raise Error(f"node {node} is slow, but has CPUs or no memory")
            if self.slow and not self.memory[node]:
                raise Error(f"node {node} has no memory, but another node is "
                            "slow: QEMU cannot describe that")
        if self.plugged and self.cpus_of[-1]:
            raise Error(f"node {self.count - 1} is offline, but has "
                        "CPUs")

    def check_cpus(self):
        """Check for gaps, and that nodes are numbered as Linux numbers them."""
        numbered = 0
        for cpu in range(len(self.node_of)):
            node = self.node_of.get(cpu)
            if node is None:
                raise Error(f"CPU {cpu} is on no node")
            if node > numbered:
                raise Error(f"CPU {cpu} is on node {node}, which Linux numbers "
                            f"{numbered}: by CPU, and nodes without CPUs "
                            "after the others")
            numbered += node == numbered
        if len(self.node_of) > MAX_CPUS:
            raise Error(f"there are {len(self.node_of)} CPUs, the guest's "
                        f"kernel knows {MAX_CPUS}")

    def check_host(self, host):
        """Check that the host, with so many MiB to give, has enough memory."""
        if self.total > host:
            raise Error(f"the nodes have {self.total} MiB, this machine can "
                        f"give {host}")

    def read_distance(self, word):
        """FROM,TO=NUMBER"""
        match = re.fullmatch("([0-9]+),([0-9]+)=([0-9]+)", word)
        if not match:
            raise Error(f"'{word}' is not a distance like 0,1=20")
        start, end, number = (int(part) for part in match.groups())
        if start >= self.count or end >= self.count:
            raise Error(f"'{word}' names a node that does not exist")
        if start == end and number != 10:
            raise Error(f"'{word}': the distance of a node to itself is 10")
        if start != end and not 11 <= number <= 254:
            raise Error(f"'{word}': to another node, it is 11 to 254")
        self.distance[start, end] = number

    def complete_distances(self):
        """Fill in the other direction of a distance, or 20 if none is given."""
        given = dict(self.distance)
        for start in range(self.count):
            for end in range(self.count):
                usual = 10 if start == end else 20
                self.distance.setdefault(
                    (start, end), given.get((end, start), usual))

    def make_room_for_debugging(self):
        """Give the first node what the debug kernel takes from it for itself.

        It needs room for its tables, and an eighth of all memory for KASAN.
        With that the tests find the same machine as on the other kernel.
        """
        room = 64 + self.total // 8
        first = next(n for n in range(self.count) if self.memory[n])
        self.memory[first] += room
        self.total += room

    def nearest_with_cpus(self, node):
        """The initiator of a node's memory, as ACPI calls it."""
        return min((n for n in range(self.count) if self.cpus_of[n]),
                   key=lambda n: self.distance[n, node])

    def speeds(self):
        """ACPI's HMAT, which makes slow memory a tier of its own.

        Nanoseconds, and bytes per second: a tenth of what the others have.
        """
        for target in range(self.count):
            if not self.memory[target]:
                continue
            latency, bandwidth = (1000, 1) if target in self.slow else (100, 10)
            for initiator in range(self.count):
                if not self.cpus_of[initiator]:
                    continue
                to = (f"-numa hmat-lb,initiator={initiator},target={target},"
                      "hierarchy=memory,data-type=access-")
                yield f"{to}latency,latency={latency}"
                yield f"{to}bandwidth,bandwidth={bandwidth}G"

    def memory_arguments(self):
        """The memory of all nodes, and the part that is plugged in."""
        later = f",slots=1,maxmem={self.total}M" if self.plugged else ""
        yield f"-m {self.total - self.plugged}M{later}"
        # Memory below 4 GiB has holes and tables: no huge page of 1 GiB fits.
        if self.total >= 4096 and self.arch == "x86_64":
            yield "-machine max-ram-below-4g=1G"
        if self.plugged:
            yield f"-object memory-backend-ram,id=plugged,size={self.plugged}M"
            yield f"-device pc-dimm,memdev=plugged,node={self.count - 1}"

    def qemu(self):
        """Arguments for QEMU, one option a line."""
        yield from self.memory_arguments()
        if self.slow:
            yield "-machine hmat=on"
        cpus = len(self.node_of)
        yield f"-smp {cpus},sockets={cpus},cores=1,threads=1"
        for node, memory in enumerate(self.memory):
            if memory:
                yield f"-object memory-backend-ram,id=m{node},size={memory}M"
            yield (f"-numa node,nodeid={node}{self.cpus_of[node]}"
                   + (f",memdev=m{node}" if memory else "")
                   + (f",initiator={self.nearest_with_cpus(node)}"
                      if self.slow else ""))
        for start in range(self.count):
            for end in range(self.count):
                yield (f"-numa dist,src={start},dst={end},"
                       f"val={self.distance[start, end]}")
        if self.slow:
            yield from self.speeds()

    def linux(self):
        """Parameters of the kernel."""
        if self.cma:
            yield "numa_cma=" + ",".join(f"{node}:{size}M" for node, size
                                         in sorted(self.cma.items()))

    def different_distances(self, node):
        """How many different distances there are from a node to memory."""
        return len({self.distance[node, to] for to in range(self.count)
                    if self.memory[to]})

    def facts(self):
        """The features in qemu/features that the guest has."""
        nodes = list(zip(self.memory, self.cpus_of))
        with_memory = sum(memory > 0 for memory in self.memory)
        has = {
            "nodes": with_memory,
            "cpunodes": sum(bool(memory and cpus) for memory, cpus in nodes),
            "cpuless": any(memory and not cpus for memory, cpus in nodes),
            "memless": any(cpus and not memory for memory, cpus in nodes),
            "distances": any(self.cpus_of[node] and
                             self.different_distances(node) >= 3
                             for node in range(self.count)),
            "single": with_memory == 1,
            "slow": len(self.slow),
            "gigantic": sum(memory > 2048 for memory in self.memory),
            "cma": bool(self.cma),
            "offline": bool(self.plugged),
        }
        for name, feature in features.load().items():
            if feature.source == "kernel":
                if feature.offered(self.arch):
                    yield name
            elif feature.counted:
                if has[name] or name in ("nodes", "cpunodes"):
                    yield f"{name}={has[name]}"
            elif has[name]:
                yield name


def read_list(text):
    """The topologies in qemu/topologies: by name and key, the words."""
    topologies = {}
    here = None
    for line in text.splitlines():
        words = line.split()
        if re.match("[a-z]", line):
            here = topologies[words[0]] = {}
        elif here is not None and words and words[0][0] != "#":
            here.setdefault(words[0], []).extend(words[1:])
    return topologies


class List:
    """The topologies that can be used with the variables in an environment."""

    def __init__(self, environ, text):
        self.arch = environ.get("ARCH") or "x86_64"
        if self.arch not in MACHINES:
            raise SystemExit(message(
                f"ARCH={self.arch} has no guest",
                "bin/guest/arch.sh lists those that have one"))
        self.test = environ.get("TEST") or ""
        self.debug = environ.get("DEBUG") == "1"
        self.topologies = read_list(text)
        if environ.get("NUMA"):
            self.topologies = {"custom": {
                "nodes": [environ["NUMA"]],
                "distances": [environ.get("DIST") or ""]}}
        elif environ.get("DIST"):
            raise SystemExit(message(
                "DIST without NUMA",
                "give the nodes too: NUMA='512M,cpus=0 512M'"))

    def possible(self):
        """The topologies that the architecture's machine can have."""
        return [name for name in self.topologies
                if name not in MACHINES[self.arch].lacking]

    def names(self):
        """Those of them in which TEST can run."""
        return [name for name in self.possible() if not self.test or
                all(f"{self.test}.".startswith(f"{program}.")
                    for program in self.words(name, "only")[-1:])]

    def words(self, name, key):
        """The words that follow a key of a topology."""
        return self.topologies.get(name, {}).get(key, [])

    def topology(self, name, host=None):
        """The topology of that name; host is how many MiB it may have."""
        if name not in self.possible():
            raise SystemExit(message(f"there is no topology '{name}'",
                                     "qemu/topologies lists them"))
        try:
            topology = Topology(" ".join(self.words(name, "nodes")),
                                " ".join(self.words(name, "distances")),
                                self.arch)
            if host is not None:
                topology.check_host(host)
        except Error as error:
            raise SystemExit(message(
                str(error),
                "qemu/topologies shows the form of NUMA and DIST")) from None
        if self.debug:
            topology.make_room_for_debugging()
        return topology


def host_memory():
    """MiB that this machine can give to a guest."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    return int(re.search(r"MemAvailable: *(\d+)", text)[1]) // 1024 - RESERVE


def message(cause, remedy):
    """An error in the form of die() in bin/lib/lib.sh."""
    red, plain = ("\033[1m\033[31m", "\033[0m") if sys.stderr.isatty() \
        else ("", "")
    return f"{red}error:{plain} {cause}; {remedy}"


def main(argv, environ):
    """Carry out the verb."""
    text = (ROOT / "qemu" / "topologies").read_text(encoding="utf-8")
    topologies = List(environ, text)
    verb, *rest = argv or [""]
    if verb == "names" and not rest:
        lines = topologies.names()
    elif verb in ("qemu", "linux", "facts") and len(rest) == 1:
        lines = getattr(topologies.topology(rest[0]), verb)()
    elif verb in ("only", "without") and len(rest) == 1:
        lines = [" ".join(topologies.words(rest[0], verb))]
    elif verb == "check" and len(rest) <= 1:
        host = host_memory()
        for name in topologies.names()[:int(rest[0]) if rest else None]:
            topologies.topology(name, host)
        lines = []
    else:
        raise SystemExit(message(f"topology.py {' '.join(argv)}: there is no "
                                 "such verb", "see bin/guest/topology.py"))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
