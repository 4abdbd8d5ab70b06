# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by scripts that build the command shmbind for the guest. They set
#
#   sources  tools/mm/shmbind, in the kernel's tree or in a copy of it
#   place    the directory of its objects
#   stage    what the guest finds at /
. "$(dirname "${BASH_SOURCE[0]}")/image.sh"

prefix=/usr
tests=$prefix/libexec/shmbind-tests
cflags='-O2 -g -Werror'

# build DIR ARG... - Run the command's make with its objects in DIR.
build()
{
	make -C "$sources" --no-print-directory -j"$jobs" OUTPUT="$place/$1/" \
		CC="$compiler" CAN_BUILD_32=1 CFLAGS="$cflags" \
		PREFIX=$prefix "${@:2}"
}

# build_tests ARG... - Run the make of its tests.
build_tests()
{
	mkdir -p "$place/tests"
	make -C "$sources/tests" --no-print-directory -j"$jobs" \
		OUTPUT="$place/tests/" DIR="$stage$tests" CC="$compiler" \
		CFLAGS="$cflags" "$@"
}

# The 32-bit programs are part of the tests: without a compiler for them, the
# build must fail.
install_all()
{
	build objects DESTDIR="$stage" install
}

install_sanitized()
{
	build sanitized SANITIZE=1 "$place/sanitized/shmbind" &&
	install -D "$place/sanitized/shmbind" "$stage$tests/shmbind-sanitized"
}
