# SPDX-License-Identifier: GPL-2.0
# The only entry point. Each target is one script of bin/, which does nothing
# when its result is current.

ARCH ?= x86_64
J ?= $(shell nproc)

export V T NUMA DIST DRY DEBUG KSRC EXTRA_CONFIG ARCH J SIGNOFF BASE

.PHONY: help run check shell deps fetch tree refresh kernel topologies \
	first-topology lint series rows rebase clean distclean
.NOTPARALLEL:

help:
	@bin/help

# The overlay and its base.

deps:
	@bin/deps

fetch: deps
	@bin/fetch

tree: fetch
	@bin/unpack
	@bin/apply

refresh:
	@bin/refresh

series: tree
	@bin/series

rows: fetch
	@bin/unpack
	@bin/rows

rebase: deps
	@bin/rebase

lint: tree
	@bin/lint

# The kernel and its guests.

kernel: tree
	@bin/kernel

# NUMA and DIST are looked at before anything is built, and whether this machine
# has the memory.
topologies:
	@bin/topology check

first-topology:
	@bin/topology check 1

run: first-topology $(if $(DRY),,kernel)
	@bin/run

shell: first-topology $(if $(DRY),,kernel)
	@bin/shell

check: topologies $(if $(DRY),,tree)
	@bin/check

# The way back.

clean:
	@bin/clean

distclean:
	@bin/distclean

.DEFAULT:
	$(error there is no target '$@': see make help)
