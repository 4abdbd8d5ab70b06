# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by scripts that make a Debian root file system: the release of this
# machine, from the system's mirror.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/apt.sh"

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

# make_debian ARCHIVE LOG PACKAGE... - Install the packages and what they depend on,
# and archive the root file system. The archive's suffix chooses the compression.
make_debian()
{
	local archive=$1 log=$2 url key
	shift 2
	url=$(apt_mirror)
	key=$(apt_keyring)
	[[ $url && $key ]] ||
		die "apt has no mirror of Debian, or the keyring is missing" \
		    "correct /etc/apt, install debian-archive-keyring"
	mkdir -p "${archive%/*}"
	run_logged "the installation of Debian" "$log" install_debian "$@"
}

# The temporary name keeps the suffix.
install_debian()
{
	local new=${archive%/*}/new-${archive##*/}
	mmdebstrap --variant=minbase --include="$(IFS=,; echo "$*")" \
		--keyring="$key" "$codename" "$new" "deb $url $codename main" &&
	mv "$new" "$archive"
}

# unpack_debian ARCHIVE DIRECTORY - Unpack it without device files, which a machine
# makes itself.
unpack_debian()
{
	mkdir -p "$2" && tar -C "$2" --exclude='./dev/*' -xf "$1"
}
