# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# The recipe of strace.

# An archive of strace has what its bootstrap script generates from the list of
# tests and constants. Generate that again.
recipe()
{
	src/xlat/gen.sh src/xlat src/xlat &&
	tests/gen_pure_executables.sh &&
	tests/gen_tests.sh &&
	autoreconf &&
	./configure --enable-bundled=yes --disable-mpers \
		--disable-gcc-Werror --without-libdw --without-libunwind \
		--without-libiberty --without-libselinux LDFLAGS=-static &&
	make -j"$jobs" -C bundled &&
	make -j"$jobs" -C src &&
	make -j"$jobs" -C tests shmbind
}

guest_files()
{
	echo "file /usr/bin/strace $place/strace.ours/src/strace 755 0 0"
	echo "file /usr/bin/strace-test $place/strace.ours/tests/shmbind 755 0 0"
}
