# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by scripts that build the guest or run it.
. "$(dirname "${BASH_SOURCE[0]}")/../overlay/tree.sh"

. "$root/bin/guest/arch.sh"

# The kernel: DEBUG chooses one with more checks.
kind=$ARCH
case ${DEBUG:-0} in
0)	;;
1)	kind+=-debug ;;
kcsan|gcov)	kind+=-$DEBUG ;;
*)	die "DEBUG=$DEBUG" \
		"DEBUG is 1 (KASAN, lockdep, kmemleak), kcsan, gcov, or 0" ;;
esac

objects=${option[objects]:-$build/$kind} # the kernel: objects, .config, image
user=${option[guest]:-$build/user-$ARCH} # the rest of the guest, for every kernel
bootable=$objects/${boot##*/}		# the boot image
stage=$user/root			# what the guest finds at /
image=${option[image]:-$user/initramfs.gz}
places=(--objects "$objects" --guest "$user")	# to hand on to vm

# Have ccache see the same paths and the same banner in every clone.
export CCACHE_BASEDIR=$root
# Preprocessing each file a second time would take a third as long as compiling
# it.
export CCACHE_DEPEND=1
export KBUILD_BUILD_USER=shmbind KBUILD_BUILD_HOST=localhost
export KBUILD_BUILD_TIMESTAMP=$stamp
compiler=${cross}gcc
! command -v ccache >/dev/null || compiler="ccache $compiler"

# kmake DIR ARG... - Run the kernel's make with its objects in DIR.
kmake()
{
	make -C "$tree" --no-print-directory O="$1" -j"$jobs" ARCH="$karch" \
		CROSS_COMPILE="$cross" CC="$compiler" "${@:2}"
}

# contents PATH... - The ids of the contents of these paths in build/linux now.
# A path that ends in a slash means everything in that directory.
contents()
{
	k ls-tree "$(snapshot)" -- "$@"
}

# changed OPTION... - What the series changes in the C files and headers of the kernel
# itself, in build/linux now, as git diff-tree prints it.
changed()
{
	k diff-tree -r --diff-filter=d "$@" base "$(snapshot)" -- '*.[ch]' \
		':!tools' ':!samples' ':!*/tests/*'
}

# current STAMP - Was the last result made from the inputs listed on stdin?
# made STAMP - Record that it was.
current()
{
	[[ $(cat "$1" 2>/dev/null) == "$(cat)" ]]
}

made()
{
	cat >"$1"
}
