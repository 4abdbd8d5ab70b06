# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# The recipe of numactl.

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
