# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by kselftests and kselftests-disk. build/kselftests has
#
#   linux             a work tree of the kernel, at the base or with the series
#   base, series      the objects of both kernels
#   tests, numactl    what is tested: built once, from the sources of others
#   disk              the guest's disk, which no run changes
#   results           what the guests printed: KERNEL-RUN/COLLECTION
#   table             every result, on both kernels
DEBUG=0
. "$(dirname "${BASH_SOURCE[0]}")/../lib/debian.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../guest/guest.sh"

[[ $ARCH == x86_64 ]] ||
	die "there is no kselftests for ARCH=$ARCH" "the disk is of this machine"
out=$build/kselftests
checkout=$out/linux
disk=$out/disk
without=$root/bin/check/kselftests.without
PATH=$PATH:/usr/sbin:/sbin	# mke2fs

# The kernel's directories of selftests that test what the series touches. The last
# one is the source package of numactl.
collections=(ipc mincore memfd cgroup memory-hotplug damon mm numactl)

# The programs that the tests call, and their libraries.
packages=(bc kmod libc6-i386 libcap2 libnuma1 procps psmisc python3 sudo)

# The archive of the root file system is kept with the kernel's source, so that
# another clone finds it.
archive=$cache/kselftests-$codename-$(echo "${packages[@]}" | sha1sum | cut -c -12).tar.zst
