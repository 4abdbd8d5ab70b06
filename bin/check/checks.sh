# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by lint: the checks. Each is a function that prints what is wrong and
# fails. It may leave files in $scratch.
. "$(dirname "${BASH_SOURCE[0]}")/../overlay/tree.sh"

scratch=$(mktemp -d)

shell()
{
	cd "$root"
	grep -lIr '^#!/usr/bin/env bash\|^#!/bin/sh\|^# shellcheck shell' \
		bin qemu .ci tools/mm/shmbind/tests |
		xargs shellcheck -x -P SCRIPTDIR
}

# Every script, and every file that scripts read, has an SPDX line.
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

# narrow COMMAND... - Run it where only those commands exist that bin/lib/needs names
# for the series, and those of coreutils.
narrow()
{
	local name bin=$scratch/bin
	mkdir -p "$bin"
	for name in bash env basename cat cp cut date df dirname head ln mkdir \
		mktemp mv nproc paste realpath rm rmdir sha1sum sort stat tac \
		tail tee touch tr uniq wc \
		$(sed -n 's/#.*//; s/^tree\s\+\S\+\s\+//p' "$root/bin/lib/needs" |
			tr ',' '\n' | awk '{ print $1 }')
	do
		ln -sf "$(type -P "$name")" "$bin/$name"
	done
	PATH=$bin "$@"
}

# Writing them again gives the rows in the overlay.
rows()
{
	narrow "$root/bin/overlay/rows" "$scratch/rows"
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
	narrow "$root/bin/overlay/series" "$scratch/twice"
	diff -r "$build/series" "$scratch/twice"
}

# The limit of the mailing lists, in bytes.
mailable()
{
	[[ ! $(find "$build/series" -name '*.patch' -size +100000c \
		-printf '%f has %s bytes\n' | tee /dev/stderr) ]]
}

# git am needs a work tree, but only with the files that it touches.
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

# The submitter adds the Signed-off-by; maintained() checks new files; the base
# is one commit, so those that a Fixes: tag names are unknown. If the machine
# has several Pythons, Debian's has the modules.
checkpatch()
{
	cd "$tree"
	PATH=/usr/bin:$PATH \
	scripts/checkpatch.pl --strict --terse --no-summary --show-types \
		--ignore MISSING_SIGN_OFF,FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID \
		${2:+--ignore "$2"} "$1"
}

# The name of a test has at most 40 characters, so that its id, which is
# file.fixture.variant.test or command.file.test, fits on one line.
short_test_names()
{
	cd "$root/tools"
	[[ ! $({
		grep -nE '^TEST[A-Z_]*\(.*\w{41}' -- testing/selftests/shmbind/*.c
		grep -nE '^test_\w{41}' -- mm/shmbind/tests/*.sh
	} | tee /dev/stderr) ]]
}

# Every new file has a maintainer, and every pattern in our entry matches a
# file.
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
			{ echo "MAINTAINERS: F: $pattern matches no file"; exit 1; }
	done
)

# The README's lines that call shmbind(), in a program of their own.
example()
{
	{
		cat <<-'END'
		#include <err.h>
		#include <shmbind.h>
		#include <stddef.h>
		#include <sys/shm.h>
		char *attach(key_t key, size_t size);
		char *attach(key_t key, size_t size)
		{
			char *mem;
		END
		# shellcheck disable=SC2016 # the $ is sed's
		sed -n '/^```c$/,/^```$/{//!p}' "$root/README.md"
		echo 'return mem; }'
	} >"$scratch/x.c"
	grep -q 'shmbind(id' "$scratch/x.c"
	cc -c -Wall -Wno-declaration-after-statement -Werror \
		-I"$root/tools/mm/shmbind" -o "$scratch/x.o" "$scratch/x.c"
}

# The document's program.
document()
{
	sed -n '/^    \/\* Stripe a segment/,/^[^ ]/ { /^[^ ]/d; s/^    //; p }' \
		"$root/Documentation/userspace-api/shmbind.rst" >"$scratch/doc.c"
	grep -q 'main(' "$scratch/doc.c"
	cc -c -Wall -Wextra -Werror -I"$root/tools/mm/shmbind" \
		-o "$scratch/doc.o" "$scratch/doc.c"
}

# Check the files that are whole ours, and in the others what our hunks add.
kernel_doc()
(
	cd "$tree"
	scripts/kernel-doc -none -Wall -Werror mm/shmbind.c \
		include/linux/shmbind.h
	scripts/kernel-doc -none -Wall ipc/shm.c 2>&1 |
		grep -F -e shmbind -e shm_binding && exit 1
	true
)

# Run the kernel's semantic patches on new code and on the file with the system
# call. Those with parts in OCaml would need its compiler.
cocci()
{
	cd "$tree" || exit
	export -f semantic_patch
	# shellcheck disable=SC2016 # the inner bash expands it
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

# The profile is JSON, and the variables are those that the library reads.
deployed()
{
	cd "$root"
	python3 -m json.tool deploy/containers/shmbind.json >/dev/null
	git grep -ohE 'SHMBIND_[A-Z_]+' -- deploy | sort -u |
	while read -r name; do
		git grep -qF "\"$name\"" -- tools/mm/shmbind ||
			{ echo "the command does not read $name"; exit 1; }
	done
}

made_for_programs()
{
	[[ ! -d $build/programs ]] || find "$build/programs" | sort | sha1sum
}

# Each program can be described, by itself too, and nothing is made. A name that does
# not exist is an error that lists those that do.
programs_described()
(
	export DRY=1 ACCEL=tcg XDG_CACHE_HOME=$scratch/cache
	cd "$root"
	before=$(made_for_programs)
	bin/programs/run >"$scratch/programs"
	for name in $(git ls-files -s bin/programs/guest | sed -n 's|^100755.*/||p'); do
		grep -q "^  PROGRAM $name: ." "$scratch/programs"
		grep -q -- "-kernel .* /programs/$name" "$scratch/programs"
		bin/programs/run "$name" | grep -c "^  PROGRAM" | grep -qx 1
	done
	grep -q "^  DEBIAN .*postgresql" "$scratch/programs"
	bin/programs/run none 2>"$scratch/none" && exit 1
	grep -q "no PROGRAM=none; it is one of: .*postgresql" "$scratch/none"
	[[ ! -e $XDG_CACHE_HOME ]]
	[[ $before == "$(made_for_programs)" ]]
)

# The manual pages. The program of shmbind.2 is to be copied without shmbind.h,
# but has the same number and constants.
manual()
{
	local page
	for page in "$root"/man/man1/shmbind.1 "$root"/man/man2/shmbind.2; do
		mandoc -Tlint -Wall "$page"
		[[ ! $(groff -t -mandoc -Tutf8 -ww -z "$page" 2>&1 |
			tee /dev/stderr) ]]
	done
	{
		"$root/bin/guest/man-example"
		cat <<-'END'
		#include <shmbind.h>
		_Static_assert(SYS_shmbind == __NR_shmbind, "the number differs");
		END
	} >"$scratch/manual.c"
	cc -Wall -Wextra -Werror -I"$root/include/uapi" \
		-I"$root/tools/mm/shmbind" -o "$scratch/manual" "$scratch/manual.c"
}
