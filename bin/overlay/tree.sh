# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by what reads or writes the overlay and build/linux.
#
#   base                 tag: the kernel as it came, one commit
#   refs/shmbind/applied what make tree left there last: base and series
#   refs/shmbind/next    the same while it is being checked out
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lib.sh"

applied=refs/shmbind/applied
next=refs/shmbind/next

# Neither the user's git configuration nor the clock may show in a commit.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE LANGUAGE
stamp=$(base date)
export GIT_AUTHOR_NAME=shmbind GIT_AUTHOR_EMAIL=shmbind@localhost
export GIT_COMMITTER_NAME=shmbind GIT_COMMITTER_EMAIL=shmbind@localhost
export GIT_AUTHOR_DATE=$stamp GIT_COMMITTER_DATE=$stamp

# k ARG... - git in the work tree.
k()
{
	git -C "$tree" "$@"
}

# One make at a time; the lock goes with the process. Those of git do not: what
# a killed one has left of ours is cleared away.
lock()
{
	[[ ! ${option[locked]:-} ]] || return 0
	mkdir -p "$build"
	exec 9>"$build/lock"
	if ! flock -n 9; then
		say WAIT "another make is at work in build/"
		flock 9
	fi
	rm -f "$build"/index.tmp* "$tree"/.git/snapshot* \
		"$tree"/.git/refs/shmbind/*.lock
}

# The overlay's files: what lies below a top directory of the kernel's.
overlay()
(
	local tops
	mapfile -t tops < <(k ls-tree -d --name-only base)
	cd "$root"
	GIT_INDEX_FILE=$tree/.git/none git --git-dir="$tree/.git" \
		--work-tree=. -c core.excludesFile=/dev/null \
		ls-files -o --exclude-standard -- "${tops[@]}" MAINTAINERS.patch
)

# Their paths in the kernel: without .patch, and what else says which patch's.
overlay_paths()
{
	overlay | sed -E "s/(\.($(patches | paste -sd '|')))?\.patch$//" | sort -u
}

# Which of them bin/overlay/rows writes.
is_row()
{
	[[ $1 == *syscall*.tbl || $1 == */asm-generic/unistd.h ]]
}

# The names of the series' patches, and of one: its message, its paths. A path
# that ends in a slash stands for all that the overlay has below and no patch names.
patches()
{
	sed 's/#.*//' "$root/series/order" | xargs -n1
}

message_of()
{
	sed '/^---$/,$d' "$root/series/$1" | git stripspace
}

paths_of()
{
	local path
	listed "$1" | while read -r path; do
		case $path in
		*/) overlay_paths | grep "^$path" | grep -vxFf <(
			patches | while read -r name; do listed "$name"; done
		    ) || echo "$path";;
		*) echo "$path";;
		esac
	done
}

listed()
{
	sed '1,/^---$/d; /^$/d' "$root/series/$1"
}

# What the series is made of, in its order: patch, path, and file of the overlay.
# The file is <path>, or <path>.patch. Of a path that several patches edit it is
# <path>.<patch>.patch: if the base has the path, for all but the last of them, and
# if the series adds it, for all but the first. The whole file has the changes of all.
units()
{
	local name path file
	patches | while read -r name; do
		paths_of "$name" | while read -r path; do
			for file in "$path.$name.patch" "$path.patch" "$path"
			do
				[[ ! -f $root/$file ]] || break
			done
			echo "$name $path $file"
		done
	done
}

# commit_of PATCH [REVISION] - Its commit, of those that make tree has left, or of
# as many that lead to the revision.
commit_of()
{
	local place
	place=$(patches | grep -nx "$1")
	k rev-list --reverse "base..${2:-$applied}" | sed -n "${place%%:*}p"
}

# Two lines: one changes when the overlay or the base does, one when the series'
# texts do.
fingerprint()
(
	cd "$root"
	{
		k rev-parse base
		cat series/order
		overlay | xargs -d '\n' stat -c '%a %n'
		overlay | xargs -d '\n' sha1sum --
	} 2>&1 | sha1sum
	patches | sed 's|^|series/|' | xargs -d '\n' sha1sum -- 2>&1 | sha1sum
)

# The git tree of what lies in build/linux now, edits and new files included.
snapshot()
{
	cp -p "$tree/.git/index" "$tree/.git/snapshot"
	GIT_INDEX_FILE=$tree/.git/snapshot k add -A
	GIT_INDEX_FILE=$tree/.git/snapshot k write-tree
}

# refuse_edits TREE - Edits that exist nowhere else, TREE neither, are not
# written over. Without TREE it is all of build/linux that goes.
refuse_edits()
{
	local now
	[[ $1 ]] || ! k rev-parse -q --verify refs/stash >/dev/null ||
		die "build/linux has a stash, which would go with it" \
		    "git -C build/linux stash pop, and make refresh"
	now=$(snapshot)
	[[ $now != "$(k rev-parse "$applied^{tree}")" ]] || return 0
	[[ $now != "$1" ]] || return 0
	die "build/linux has edits that the overlay has not: $(
		k diff-tree -r --name-only "$applied" "$now" | xargs |
		cut -c -60)" "make refresh takes them, or: git -C build/linux stash"
}

# hunks FROM TO PATH - What becomes of PATH between two trees, in the one form
# that the overlay keeps: the same change is always the same bytes.
hunks()
{
	k diff-tree -p -U3 --diff-algorithm=myers --no-renames --no-ext-diff \
		--no-textconv --src-prefix=a/ --dst-prefix=b/ \
		"$1" "$2" -- ":(literal)$3" | sed '/^index /d'
}

# store FILE - Standard input becomes FILE, which is not touched when it has
# these very bytes.
store()
{
	mkdir -p "${1%/*}"
	cat >"$1.tmp"
	if cmp -s "$1" "$1.tmp"; then
		rm "$1.tmp"
	else
		mv "$1.tmp" "$1"
		say WRITE "${1#"$root/"}"
	fi
}
