# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The recipe of hwloc: the library, as it came and with the patch, and a program
# that is linked to each.

versions=(base ours)

recipe()
{
	./configure --enable-static --disable-shared --disable-io \
		--disable-libxml2 --disable-cairo --disable-plugins \
		--disable-libudev --disable-cpuid --without-x &&
	make -j"$jobs" -C include &&
	make -j"$jobs" -C hwloc &&
	gcc -O2 -Wall -Werror -static -Iinclude -o area \
		"$root/bin/neighbours/area.c" hwloc/.libs/libhwloc.a -lm
}

guest_files()
{
	echo "file /usr/bin/area-base $place/hwloc.base/area 755 0 0"
	echo "file /usr/bin/area-ours $place/hwloc.ours/area 755 0 0"
}
