# SPDX-License-Identifier: GPL-2.0
# The only entry point. Each target runs scripts in bin/, which do nothing if
# their result is current.

ARCH ?= x86_64
J ?= $(shell nproc)

# alias LONG,SHORT - Accept a variable's short name too.
define alias
ifneq ($$($2),)
ifeq ($$($1),)
override $1 := $$($2)
else ifneq ($$($1),$$($2))
$$(error $1=$$($1) and $2=$$($2) contradict each other: $2 is short for $1)
endif
endif
endef
$(eval $(call alias,TEST,T))
$(eval $(call alias,OLD,A))
$(eval $(call alias,NEW,B))

export V TEST NUMA DIST DRY DEBUG ACCEL KSRC EXTRA_CONFIG ARCH J SIGNOFF \
	VERSION CHANGELOG TRAILERS BASE TO OLD NEW FLAVOUR CONFIG

targets := help run check check-all shell deps fetch tree refresh kernel \
	topologies first-topology lint check-arches series rows patch rebase bench \
	bench-compare bisect soak coverage mutants neighbours programs kselftests \
	deb deb-check clean distclean
.PHONY: $(targets)
.NOTPARALLEL:

# Checked before anything is made.
unknown := $(filter-out $(targets),$(MAKECMDGOALS))
$(if $(unknown),$(error there is no target '$(firstword $(unknown))': see make help))

# With DRY=1 nothing is started, so nothing needs to be built.
dry := $(filter 1,$(DRY))

help:
	@bin/lib/help

# The overlay and its base.

deps:
	@bin/lib/deps $(MAKECMDGOALS)

fetch: deps
	@bin/overlay/fetch

tree: fetch
	@bin/overlay/unpack
	@bin/overlay/apply

refresh:
	@bin/overlay/refresh

series: tree
	@bin/overlay/series

rows: fetch
	@bin/overlay/unpack
	@bin/overlay/rows

patch: deps
	@bin/package/patch

rebase: deps
	@bin/overlay/rebase

lint: tree
	@bin/check/lint

# The kernel and its guests.

kernel: tree
	@bin/guest/kernel

# Before anything is built, check NUMA and DIST, and that this machine has the
# memory.
topologies: $(if $(dry),,deps)
	@bin/guest/topology.py check
	@bin/guest/accel >/dev/null

first-topology: $(if $(dry),,deps)
	@bin/guest/topology.py check 1
	@bin/guest/accel >/dev/null

run: first-topology $(if $(dry),,kernel)
	@bin/guest/run

shell: first-topology $(if $(dry),,kernel)
	@bin/guest/shell

check: topologies $(if $(dry),,tree)
	@bin/check/check

check-all: topologies $(if $(dry),,tree)
	@bin/check/check all

check-arches: tree
	@bin/check/check-arches

bench: $(if $(dry),,tree)
	@bin/check/bench

bench-compare:
	@bin/check/bench-compare

bisect: tree
	@bin/check/bisect

# Random operations, for SECONDS on each kernel.
soak: topologies $(if $(dry),,tree)
	@SOAK_SECONDS='$(SECONDS)' SOAK_SEED='$(SEED)' bin/check/soak

# Which lines of the series the tests reach.
coverage: topologies $(if $(dry),,tree)
	@bin/check/coverage

# What is broken on purpose. MUTANT= names some of it.
mutants: kernel
	@bin/mutants/run $(MUTANT)

# The patches for other projects. NEIGHBOUR= names one of them.
neighbours: kernel
	@bin/check/neighbours $(NEIGHBOUR)

# Programs of Debian, unmodified, on four nodes. PROGRAM= names one of them.
programs: $(if $(dry),,tree)
	@bin/programs/run $(PROGRAM)

# Other people's tests, on the base and on the series. COLLECTION= names one set.
kselftests: $(if $(dry),,tree)
	@bin/check/kselftests $(COLLECTION)

# Packages of a kernel with Debian's configuration, and of the command.
deb: tree
	@bin/package/deb

deb-check: tree
	@bin/check/deb-check

# Removing what was made.

clean:
	@bin/lib/clean

distclean:
	@bin/lib/distclean
