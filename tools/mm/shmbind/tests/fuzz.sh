#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Random arguments, the same in each run, for the command with sanitizers.
# shellcheck disable=SC3043 # local: dash and busybox have it
. "$(dirname "$0")/lib.sh"

COUNT=30	# arguments in each test

# words SEED ALPHABET - Print words of up to four pieces of the alphabet. Blanks
# separate its pieces.
words()
{
	awk -v seed="$1" -v count="$COUNT" -v alphabet="$2" 'BEGIN {
		n = split(alphabet, piece, " ")
		x = seed
		for (i = 0; i < count; i++) {
			word = ""
			x = (x * 16807) % 2147483647
			for (left = x % 5; left; left--) {
				x = (x * 16807) % 2147483647
				word = word piece[int(x / 1024) % n + 1]
			}
			print word
		}
	}'
}

# survives ARG... - Run the command. It may refuse the arguments, in one line.
survives()
{
	local status=0
	"$SANITIZED" "$@" >out 2>err </dev/null || status=$?
	case $status in
	0)	[ ! -s err ] || [ "$1" = list ] ;;
	1|2)	[ "$(wc -l <err)" = 1 ] || [ "$1" = check ] ;;
	*)	false ;;
	esac || fail "$* has exit status $status:" "$(cat err)"
	! grep -q 'Sanitizer\|runtime error' err || fail "$*:" "$(cat err)"
	# `create --help` prints no id
	[ "$1 $status" != 'create 0' ] || remove_segment "$(cat out)"
	echo "$status" >>statuses
}

# expect_both - Check that some arguments were accepted, and others refused.
expect_both()
{
	grep -qx 0 statuses || fail "all arguments were refused"
	grep -qx 2 statuses || fail "all arguments were accepted"
}

test_node_lists()
{
	words 1 '0 1 2 3 0-1 1-3 - , , ! + all 4 1023 99999999999 0x1 x' |
	while IFS= read -r word; do
		survives create 4K -n "$word"
	done
	expect_both
}

test_sizes()
{
	words 2 '1 2 5 16 4096 K M k G B iB . - 9223372036854775807 x' |
	while IFS= read -r word; do
		survives create -n 1 -- "$word"
	done
	expect_both
}

test_sizes_to_check()
{
	words 3 '1 2 5 16 4096 K M G T E B iB - 9223372036854775807 x' |
	while IFS= read -r word; do
		survives check -p stripe -s hard -- "$word"
	done
	expect_both
}

test_sizes_of_huge_pages()
{
	words 4 '1 2 2M 2048K 1G K M G 0 - x' |
	while IFS= read -r word; do
		survives check 4M --huge="$word"
	done
	grep -qx 2 statuses
}

test_keys()
{
	words 5 '1 2 77 0x1 0x a F - 4294967295 x' |
	while IFS= read -r word; do
		survives create 4K --key="$word"
	done
	expect_both
}

test_modes()
{
	words 6 '0 4 6 7 2 8 - x' |
	while IFS= read -r word; do
		survives create 4K --mode="$word"
	done
	expect_both
}

test_ids()
{
	words 7 '0 1 2 32768 9 - + x 2147483647 , -n -s hard' |
	while IFS= read -r word; do
		survives bind -- "$word"
		survives list -- "$word"
	done
	grep -qx 1 statuses
	grep -qx 2 statuses
}

test_seconds()
{
	words 8 '0 1 . . 9 e - x inf nan' |
	while IFS= read -r word; do
		# a number of seconds that is accepted would list forever
		survives list --watch="$word" --foo
	done
}

test_options()
{
	words 9 '- -- p s n h hard stripe = huge help json bars create' |
	while IFS= read -r word; do
		survives create "$word" 4K
		survives list "$word"
	done
	grep -qx 2 statuses
}

test_commands()
{
	words 10 'list create bind check - -- h help = x' |
	while IFS= read -r word; do
		survives "$word"
	done
	grep -qx 2 statuses
}

# Lines of the listing, with a piece that is wrong.
test_lines_of_the_listing()
{
	words 11 "1@ 2@ default@ shmbind= stripe | hard : 0 , - N0=1@ N = 9 @ \
		kernelpagesize_kB=4@ fallback=0@ failed=0@" | tr @ ' ' >lines
	listing parse <lines >parsed
	expect_equal "$COUNT" "$(wc -l <parsed)"
}

main "$@"
