# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by lint: what it looks at, each a function that fails if something is
# wrong, says what, and may leave things in $scratch.
. "$(dirname "${BASH_SOURCE[0]}")/../overlay/tree.sh"

scratch=$(mktemp -d)

shell()
{
	cd "$root"
	grep -lIr '^#!/usr/bin/env bash\|^# shellcheck shell' bin qemu .ci |
		xargs shellcheck -x -P SCRIPTDIR
}

# In the first lines of every script, and of every file that the scripts read.
licensed()
{
	cd "$root"
	{
		git ls-files -- bin qemu bench .ci Makefile ':!*.md'
		git grep -lI '^#!' -- ':!*.patch' ':!Documentation'
	} | sort -u | while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' ||
			{ echo "$file has no SPDX line"; exit 1; }
	done
}

# Written anew they are what stands in the overlay.
rows()
{
	"$root/bin/overlay/rows" "$scratch/rows"
	cd "$scratch/rows"
	find . -type f | while read -r file; do
		diff -u "$root/$file" "$file"
	done
}

hunks_in_form()
{
	local name path file commit
	units | while read -r name path file; do
		[[ $file != "$path" ]] || continue
		commit=$(commit_of "$name")
		hunks "$commit^" "$commit" "$path" | diff -u "$root/$file" -
	done
}

twice()
{
	"$root/bin/overlay/series" "$scratch/twice"
	diff -r "$build/series" "$scratch/twice"
}

# What the lists take, in bytes.
mailable()
{
	[[ ! $(find "$build/series" -name '*.patch' -size +100000c \
		-printf '%f has %s bytes\n' | tee /dev/stderr) ]]
}

# git am wants a work tree, but only of the files that it touches.
mailed()
{
	local am=$scratch/am
	git clone -q --shared --no-checkout "$tree" "$am"
	cd "$am"
	k diff-tree -r --name-only base "$applied" | sed 's|^|/|' |
		git sparse-checkout set --no-cone --stdin
	git checkout -q base
	git am -q "$build"/series/0*[1-9]*.patch
	git diff --exit-code "$(k rev-parse "$applied")"
}

# The person who submits adds the Signed-off-by; maintained() sees to new files;
# the base is one commit and knows none of those that a Fixes: names. Of the Pythons
# that a machine may have, Debian's has the modules.
checkpatch()
{
	cd "$tree"
	PATH=/usr/bin:$PATH \
	scripts/checkpatch.pl --strict --terse --no-summary --show-types \
		--ignore MISSING_SIGN_OFF,FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID "$1"
}

# A test's whole id, file.fixture.variant.test, is to fit on one line.
short_test_names()
{
	cd "$root/tools/testing/selftests/shmbind"
	[[ ! $(grep -nE '^TEST[A-Z_]*\(.*\w{41}' -- *.c | tee /dev/stderr) ]]
}

# Every new file is somebody's, and every pattern of ours is some file's.
maintained()
(
	local path pattern
	cd "$tree" || exit
	k diff-tree -r --diff-filter=A --name-only base "$applied" |
	while read -r path; do
		scripts/get_maintainer.pl --nogit --nogit-fallback \
			--norolestats --sections -f "$path" |
			grep -x 'MEMORY MANAGEMENT - NUMA PLACEMENT' >/dev/null ||
			{ echo "MAINTAINERS has no F: for $path"; exit 1; }
	done
	hunks base "$applied" MAINTAINERS | sed -n 's/^+F:\t//p' |
	while read -r pattern; do
		[[ -e $pattern ]] ||
			{ echo "MAINTAINERS: F: $pattern is no file"; exit 1; }
	done
)

# The one that calls shmbind(), against the system's headers and our own.
example()
{
	awk '/^```c$/ { inside = 1; text = ""; next }
	     /^```$/ { if (inside && text ~ /[ \t(]shmbind\(/) print text
		       inside = 0 }
	     inside { text = text $0 "\n" }' "$root/README.md" >"$scratch/x.c"
	grep -q 'main(' "$scratch/x.c"
	cc -Wall -Werror -I"$root/include/uapi" -o "$scratch/x" "$scratch/x.c"
}

# In the files that are ours whole, and of the others what is in our hunks.
kernel_doc()
(
	cd "$tree"
	scripts/kernel-doc -none -Wall -Werror mm/shmbind.c \
		include/linux/shmbind.h
	scripts/kernel-doc -none -Wall ipc/shm.c 2>&1 |
		grep -F -e shmbind -e shm_binding && exit 1
	true
)

# What the kernel's semantic patches find in new code, and in the file that has the
# system call. Those with parts in OCaml would want a compiler for that.
cocci()
{
	cd "$tree" || exit
	export -f semantic_patch
	# shellcheck disable=SC2016 # the other bash expands it
	grep -rlE 'virtual\s+report' scripts/coccinelle | xargs grep -L ':ocaml' |
		xargs -P "$jobs" -n 1 bash -c 'semantic_patch "$1"' _ |
		tee "$scratch/cocci"
	[[ ! -s $scratch/cocci ]]
}

semantic_patch()
{
	local options
	options=$(sed -n 's/.*Options://p' "$1")
	# shellcheck disable=SC2086 # they are words
	spatch -D report --no-show-diff --very-quiet --no-includes \
		--include-headers $options --cocci-file "$1" \
		mm/shmbind.c ipc/shm.c 2> >(grep -v '^warning: line' >&2)
}

manual()
{
	local page=$root/man/man2/shmbind.2
	mandoc -Tlint -Wall "$page"
	[[ ! $(groff -t -mandoc -Tutf8 -ww -z "$page" 2>&1 | tee /dev/stderr) ]]
	"$root/bin/guest/man-example" >"$scratch/manual.c"
	cc -Wall -Wextra -Werror -I"$root/include/uapi" -o "$scratch/manual" \
		"$scratch/manual.c"
}
