# SPDX-License-Identifier: GPL-2.0
# The only entry point. Each target is one script of bin/, which does nothing
# when its result is current.

ARCH ?= x86_64
J ?= $(shell nproc)

export V T NUMA DIST DRY DEBUG KSRC EXTRA_CONFIG ARCH J SIGNOFF VERSION CHANGELOG \
	TRAILERS BASE A B

targets := help run check check-all shell deps fetch tree refresh kernel \
	topologies first-topology lint check-arches series rows rebase bench \
	bench-compare bisect clean distclean
.PHONY: $(targets)
.NOTPARALLEL:

# Before the first of them is made.
unknown := $(filter-out $(targets),$(MAKECMDGOALS))
$(if $(unknown),$(error there is no target '$(firstword $(unknown))': see make help))

# With DRY=1 nothing is started, so nothing is built.
dry := $(filter 1,$(DRY))

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

run: first-topology $(if $(dry),,kernel)
	@bin/run

shell: first-topology $(if $(dry),,kernel)
	@bin/shell

check: topologies $(if $(dry),,tree)
	@bin/check

check-all: topologies $(if $(dry),,tree)
	@bin/check all

check-arches: tree
	@bin/check-arches

bench: $(if $(dry),,tree)
	@bin/bench

bench-compare:
	@bin/bench-compare

bisect: tree
	@bin/bisect

# The way back.

clean:
	@bin/clean

distclean:
	@bin/distclean
