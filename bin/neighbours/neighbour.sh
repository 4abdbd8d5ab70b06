# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by the scripts of this room, whose first argument is the name of a
# neighbour. build/neighbours has for each
#
#   <name>/        a git work tree: the source as it came, and our patch
#   <name>.patch   the patch to mail
#   <name>.base/   where the source is built as it came, if the proof needs it
#   <name>.ours/   where it is built with the patch
#
# In the work tree:
#
#   base                  tag: the source as it came, one commit
#   refs/shmbind/applied  base and patch
. "$(dirname "${BASH_SOURCE[0]}")/../guest/guest.sh"

name=${1:-}
overlay=$root/neighbours/$name
[[ $name && -f $overlay/base ]] ||
	die "there is no neighbour '$name'" "they are in ${root#"$PWD/"}/neighbours"
pinned=$overlay/base
place=$build/neighbours
tree=$place/$name
mail=$place/$name.patch
stamp=$(base date)
export GIT_AUTHOR_DATE=$stamp GIT_COMMITTER_DATE=$stamp

# Read the neighbour's recipe, which has
#
#   versions      ours, and base if the proof needs the program as it came
#   recipe        a function that builds it in the current directory; join its
#                 commands with &&
#   guest_files   a function that prints what the guest gets, as lines of
#                 gen_init_cpio
read_recipe()
{
	versions=(ours)
	# shellcheck source=/dev/null
	. "$root/bin/neighbours/$name.sh"
}

# The files of the overlay, and their paths in the neighbour's source.
files()
{
	cd "$overlay" && find . -type f ! -path ./base ! -path ./message |
		sed 's|^\./||' | sort
}

file_paths()
{
	files | sed 's/\.patch$//'
}
