# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# The recipe of util-linux: only lsipc. configure has no option that selects it
# alone.

recipe()
{
	./configure --disable-shared --enable-static --disable-nls \
		--disable-asciidoc --without-python --without-systemd \
		--without-ncurses --without-ncursesw --without-udev &&
	make -j"$jobs" lsipc
}

guest_files()
{
	program lsipc "$place/util-linux.ours/lsipc"
}
