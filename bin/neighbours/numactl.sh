# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The recipe of numactl.

packages=(autoconf automake libtool)

recipe()
{
	autoreconf -i &&
	./configure --disable-shared &&
	make -j"$jobs" numactl
}

guest_files()
{
	program numactl "$place/numactl.ours/numactl"
}
