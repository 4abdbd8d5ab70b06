# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by the scripts of this room. build/deb has for each configuration,
# which is one of Debian's flavours or `custom`:
#
#   <name>/*.deb            the packages
#   <name>/debian.config    the configuration that the kernel's starts from
#   <name>/objects          the kernel's objects and .config
#   <name>/tool             the same for the command: objects, contents
#   <name>/proof            the machine of make deb-check
. "$(dirname "${BASH_SOURCE[0]}")/../guest/kbuild.sh"

[[ $ARCH == x86_64 ]] ||
	die "there are no packages for ARCH=$ARCH" "leave out ARCH"
[[ ${FLAVOUR:-} != */* ]] ||
	die "FLAVOUR=$FLAVOUR" "name a flavour of Debian's, such as cloud-amd64"
[[ ! ${FLAVOUR:-} || ! ${CONFIG:-} ]] ||
	die "FLAVOUR and CONFIG are both given" "leave out one of them"

name=${FLAVOUR:-cloud-amd64}
[[ ! ${CONFIG:-} ]] || name=custom
place=$build/deb/$name
objects=$place/objects
debian_config=$place/debian.config
proof=$place/proof
PATH=$PATH:/usr/sbin:/sbin	# sfdisk, mke2fs

# package NAME - The one file with that package.
package()
{
	local file
	for file in "$place/$1"_*.deb; do
		[[ ! -f $file ]] || echo "$file"
	done
}
