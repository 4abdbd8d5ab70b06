# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by scripts that read or write the overlay and build/linux.
#
#   base                  tag: the kernel as it came, one commit
#   refs/shmbind/applied  what make tree has applied: base and series
#   refs/shmbind/next     the same, while it is being checked out
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lib.sh"

applied=refs/shmbind/applied
next=refs/shmbind/next

# A commit must depend neither on the user's git configuration nor on the time.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE LANGUAGE
stamp=$(base date)
export GIT_AUTHOR_NAME=shmbind GIT_AUTHOR_EMAIL=shmbind@localhost
export GIT_COMMITTER_NAME=shmbind GIT_COMMITTER_EMAIL=shmbind@localhost
export GIT_AUTHOR_DATE=$stamp GIT_COMMITTER_DATE=$stamp

# check_signoff - Check the make variable SIGNOFF.
check_signoff()
{
	local person='^[^<>]+ <[^<>@ ]+@[^<>@ ]+>$'
	[[ ! ${SIGNOFF:-} || $SIGNOFF =~ $person ]] ||
		die "SIGNOFF=$SIGNOFF" 'write it as "Name <mail>"'
}

# sign - Have the next commits be by the author who signs them off.
sign()
{
	[[ ${SIGNOFF:-} ]] || return 0
	export GIT_AUTHOR_NAME=${SIGNOFF% <*}
	export GIT_AUTHOR_EMAIL=${SIGNOFF##*<}
	GIT_AUTHOR_EMAIL=${GIT_AUTHOR_EMAIL%>}
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
	export GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
}

# k ARG... - Run git in the work tree.
k()
{
	git -C "$tree" "$@"
}

# Let one make at a time work in build/. The lock ends with the process. Locks
# of git do not: remove those that a killed script has left.
lock()
{
	[[ ! ${option[locked]:-} ]] || return 0
	mkdir -p "$build"
	exec 9>"$build/lock"
	if ! flock -n 9; then
		say WAIT "another make is working in build/"
		flock 9
	fi
	rm -f "$build"/index.tmp* "$tree"/.git/snapshot* \
		"$tree"/.git/refs/shmbind/*.lock
}

# The overlay's files: those below the kernel's top directories.
overlay()
(
	local tops
	mapfile -t tops < <(k ls-tree -d --name-only base)
	cd "$root"
	GIT_INDEX_FILE=$tree/.git/none git --git-dir="$tree/.git" \
		--work-tree=. -c core.excludesFile=/dev/null \
		ls-files -o --exclude-standard -- "${tops[@]}" MAINTAINERS.patch
)

# Their paths in the kernel: without .patch and without the name of a patch.
overlay_paths()
{
	overlay | sed -E "s/(\.($(patches | paste -sd '|')))?\.patch$//" | sort -u
}

# is_row PATH - Does bin/overlay/rows write its hunks?
is_row()
{
	[[ $1 == *syscall*.tbl || $1 == */asm-generic/unistd.h ]]
}

# The names of the patches; the message and the paths of one patch. A path that
# ends in a slash means everything below it that no patch names. `without` in the
# base names a patch that this base does not need.
patches()
{
	sed 's/#.*//' "$root/series/order" | xargs -n1 | grep -vxF "$(base without)"
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

# The parts of the series in order: patch, path, and file of the overlay. The
# file is <path> or <path>.patch. If several patches edit a path, it is
# <path>.<patch>.patch for all but the last of them if the base has the path,
# and for all but the first if the series adds it. A whole file contains the
# changes of all patches.
#
# An older base takes the same files. What differs there is below bases/<base>: a
# whole file instead of the hunks; under the name of the hunks, what this base needs
# besides them; and <path>.<patch>.patch, if only this base needs hunks for a path.
# The rows of an older base are not stored.
units()
{
	local name path file
	patches | while read -r name; do
		paths_of "$name" | while read -r path; do
			for file in "$path.$name.patch" "$path.patch" "$path"
			do
				[[ ! -f $root/$file ]] || break
			done
			if [[ $delta && -f $root/$delta/$path ]]; then
				file=$delta/$path
			elif [[ $delta ]] && is_row "$path"; then
				k cat-file -e "base:$path" 2>/dev/null || continue
				file=rows/$path.patch
			fi
			echo "$name $path $file"
		done
		delta_paths "$name" | grep -vxFf <(paths_of "$name") |
			sed "s|.*|$name & &.$name.patch|" || true
	done
}

# is_whole PATH FILE - Does the overlay have the file whole, rather than as hunks?
is_whole()
{
	[[ $2 == "$1" || $2 == "$delta/$1" ]]
}

# The files of bases/<base> that belong to the kernel.
delta_files()
(
	[[ $delta ]] || return 0
	cd "$root"
	find "$delta" -type f | grep -e '/.*/.*/' -e '\.patch$' | sort
)

# delta_paths PATCH - The paths of its hunks that carry its name.
delta_paths()
{
	delta_files | sed -n "s|^$delta/||; s|\.$1\.patch$||p"
}

# Which hunks of a file an older base does without. The file in bases/ that has
# others in their place says so in a line.
without()
{
	sed -n '/^diff /q; s/^Without hunks\?: //p' "$root/$delta/$1" 2>/dev/null |
		tr -d ,
}

# shared FILE - Print the hunks of FILE that apply to an older base as well.
shared()
{
	awk -v without=" $(without "$1") " '
		/^@@ / { skip = index(without, " " ++n " ") }
		!skip
	' "$root/$1" 2>/dev/null || true
}

# merge_shared FILE COPY - Merge those hunks into COPY, a file of an older base: by
# patch(1), at another line or in a changed context. Fails if one does not merge.
merge_shared()
{
	local hunks=$2.hunks status=0
	shared "$1" >"$hunks"
	! grep -q '^@@ ' "$hunks" ||
		patch -s -N -F2 -r - --no-backup-if-mismatch "$2" "$hunks" || status=$?
	rm -f "$hunks"
	return $status
}

# merged REVISION - Hash what the hunks of the series make of the base's files.
merged()
{
	k diff-tree -r --diff-filter=M base "$1" | sha1sum | cut -d ' ' -f 1
}

# commit_of PATCH [REVISION] - Its commit among those that make tree has made,
# or among those that lead to REVISION.
commit_of()
{
	local place
	place=$(patches | grep -nx "$1")
	k rev-list --reverse "base..${2:-$applied}" | sed -n "${place%%:*}p"
}

# Print two hashes: of the overlay with its base, and of the series' texts.
fingerprint()
(
	cd "$root"
	{
		k rev-parse base
		cat series/order
		{ overlay; delta_files; } | xargs -d '\n' stat -c '%a %n'
		{ overlay; delta_files; } | xargs -d '\n' sha1sum --
	} 2>&1 | sha1sum
	patches | sed 's|^|series/|' | xargs -d '\n' sha1sum -- 2>&1 | sha1sum
)

# The git tree of build/linux as it is now, including edits and new files.
snapshot()
{
	cp -p "$tree/.git/index" "$tree/.git/snapshot"
	GIT_INDEX_FILE=$tree/.git/snapshot k add -A
	GIT_INDEX_FILE=$tree/.git/snapshot k write-tree
}

# refuse_edits TREE - Fail if build/linux has edits that are not in TREE and
# that would be overwritten. With an empty TREE, build/linux itself is to be
# removed.
refuse_edits()
{
	local now
	[[ $1 ]] || ! k rev-parse -q --verify refs/stash >/dev/null ||
		die "${tree#"$root/"} has a stash, which would be lost" \
		    "git -C ${tree#"$root/"} stash pop, and make refresh"
	now=$(snapshot)
	[[ $now != "$(k rev-parse "$applied^{tree}")" ]] || return 0
	[[ $now != "$1" ]] || return 0
	die "${tree#"$root/"} has edits that are not in the overlay: $(
		k diff-tree -r --name-only "$applied" "$now" | xargs |
		cut -c -60)" "type make refresh, or: git -C ${tree#"$root/"} stash"
}

# hunks FROM TO PATH - The change of PATH between two trees, in the form that
# the overlay stores: the same change is always the same bytes.
hunks()
{
	k diff-tree -p -U3 --diff-algorithm=myers --no-renames --no-ext-diff \
		--no-textconv --src-prefix=a/ --dst-prefix=b/ \
		"$1" "$2" -- ":(literal)$3" | sed '/^index /d'
}

# store FILE - Write standard input to FILE, unless FILE already has the same
# bytes.
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
