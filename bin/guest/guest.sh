# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by what builds the guest or runs it.
. "$(dirname "${BASH_SOURCE[0]}")/../overlay/tree.sh"

. "$root/bin/guest/arch.sh"

kind=$ARCH
[[ ${DEBUG:-} != 1 ]] || kind+=-debug

objects=${option[objects]:-$build/$kind} # the kernel: objects, .config, image
user=${option[guest]:-$build/user-$ARCH} # the rest of the guest, for every kernel
bootable=$objects/${boot##*/}		# the boot image
stage=$user/root			# what the guest finds at /
image=${option[image]:-$user/initramfs.gz}
places=(--objects "$objects" --guest "$user")	# to hand on to vm

# ccache sees the same paths whereever the clone lies, and the same banner.
export CCACHE_BASEDIR=$root
# To preprocess each file a second time would take as long as a third of compiling.
export CCACHE_DEPEND=1
export KBUILD_BUILD_USER=shmbind KBUILD_BUILD_HOST=localhost
export KBUILD_BUILD_TIMESTAMP=$stamp
compiler=${cross}gcc
! command -v ccache >/dev/null || compiler="ccache $compiler"

# kmake DIR ARG... - The kernel's make, with its objects in DIR.
kmake()
{
	make -C "$tree" --no-print-directory O="$1" -j"$jobs" ARCH="$karch" \
		CROSS_COMPILE="$cross" CC="$compiler" "${@:2}"
}

# contents PATH... - What lies there in build/linux now, as ids of its contents;
# with a slash behind it, each thing in it.
contents()
{
	k ls-tree "$(snapshot)" -- "$@"
}

# current STAMP - Is what was made of the same inputs as the text on stdin?
# made STAMP - It is from now on.
current()
{
	[[ $(cat "$1" 2>/dev/null) == "$(cat)" ]]
}

made()
{
	cat >"$1"
}
