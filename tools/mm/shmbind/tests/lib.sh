# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC3043 # local: dash and busybox have it
# Sourced by the tests of shmbind(1), which run as root in a guest of their own.
#
#	. "$(dirname "$0")/lib.sh"
#
#	test_create_prints_the_id()	# at most 40 characters after test_
#	{
#		expect_status 0 shmbind create 4M
#		...
#	}
#
#	main "$@"
#
# FILE -l prints the names of the tests, FILE NAME... runs those, FILE runs all.
# The output is KTAP. Each test runs in a shell of its own with `set -eu`, in an
# empty directory. It fails if a command fails, at the time limit, and if it
# leaves a segment, a cpuset, a process or a changed setting of huge pages or shared
# memory; what it has left is then removed. No test can be skipped.

# Programs that tests need, made from the *.c in this directory: NAME for 64 bit,
# NAME_32 for 32 bit, NAME_static for 64 bit and static.
tests=$(cd "$(dirname "$0")" && pwd)
PATH=$tests:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# shmbind(1) built with the address sanitizer and that of undefined behaviour.
# shellcheck disable=SC2034 # tests use it
SANITIZED=$tests/shmbind-sanitized

LIMIT=${LIMIT:-120}	# seconds, for each test

cgroups=/sys/fs/cgroup
nodes=/sys/devices/system/node

# fail MESSAGE... - End the test.
fail()
{
	echo "${0##*/}: $*"
	exit 1
}

# expect_status STATUS COMMAND... - Run it. Its output is then in the files `out`
# and `err`.
expect_status()
{
	local want="$1" got=0
	shift
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] && return
	echo "stdout:"; cat out
	echo "stderr:"; cat err
	fail "'$*' has exit status $got, expected $want"
}

# expect_text FILE TEXT - Check that the file has exactly that text.
expect_text()
{
	[ "$(cat "$1")" = "$2" ] ||
		fail "$1 is '$(cat "$1")', expected '$2'"
}

# expect_like FILE PATTERN - Check that the shell's pattern matches all of it.
expect_like()
{
	# shellcheck disable=SC2254 # it is a pattern
	case $(cat "$1") in
	$2) ;;
	*) fail "$1 is '$(cat "$1")', expected '$2'" ;;
	esac
}

# Check the output of the last expect_status: exactly, or by a pattern.
expect_output() { expect_text out "$1"; }
expect_error() { expect_text err "$1"; }
expect_output_like() { expect_like out "$1"; }
expect_error_like() { expect_like err "$1"; }

# Check that the last expect_status printed nothing.
expect_silence()
{
	expect_text out ''
	expect_text err ''
}

# expect_refusal STATUS PATTERN COMMAND... - Check that it fails with that status,
# one line on stderr that the pattern matches, and nothing on stdout.
expect_refusal()
{
	local status="$1" pattern="$2"
	shift 2
	expect_status "$status" "$@"
	expect_output ''
	expect_error_like "$pattern"
	[ "$(wc -l <err)" = 1 ] || fail "stderr is not one line: $(cat err)"
}

# expect_equal WANT GOT [WHAT]
expect_equal()
{
	[ "$1" = "$2" ] || fail "${3:-it} is '$2', expected '$1'"
}

# at_end COMMAND... - Run it when the test ends, the last first. Not in a subshell.
at_end_commands=:
at_end()
{
	at_end_commands="$*; $at_end_commands"
}

# wait_for SECONDS COMMAND... - Run it again and again until it succeeds.
wait_for()
{
	local left="${1}0"
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || fail "'$*' did not become true"
		sleep 0.1
	done
}

#
# Segments.
#

# segments - Print the ids of all segments.
segments()
{
	awk 'NR > 1 { print $2 }' /proc/sysvipc/shm
}

expect_no_segment()
{
	[ ! "$(segments)" ] || fail "there are segments:" "$(segments)"
}

# new_segment ARG... - `shmbind create ARG...`; the id is in $id. It is removed when
# the test ends.
new_segment()
{
	expect_status 0 shmbind create "$@"
	id=$(cat out)
	at_end remove_segment "$id"
}

# remove_segment ID - Remove it, if it is still there.
remove_segment()
{
	! segments | grep -qx "$1" || ipcrm -m "$1"
}

# binding ID - Print a segment's binding as /proc/sysvipc/shmbind has it.
binding()
{
	awk -v id="$1" '$2 == id { print $3 }' /proc/sysvipc/shmbind
}

# resident ID NODE - Print how many pages of a segment are on the node.
resident()
{
	awk -v id="$1" -v node="N$2=" '
		$2 == id { for (i = 4; i <= NF; i++)
				if (index($i, node) == 1)
					n = substr($i, length(node) + 1) }
		END { print n + 0 }' /proc/sysvipc/shmbind
}

#
# Nodes.
#

# node_kib NODE FIELD - Print a field of the node's meminfo, such as MemFree.
node_kib()
{
	awk -v field="$2:" '$3 == field { print $4 }' "$nodes/node$1/meminfo"
}

# fill_node NODE - Leave no free memory on the node until the test ends, or until
# `remove_segment $filler`.
fill_node()
{
	new_segment "$(node_kib "$1" MemTotal)K" -p firstref -s hard -n "$1"
	filler=$id
	expect_status 1 touch-pages "$filler"
}

#
# Settings. Each is restored when the test ends.
#

# set_file PATH VALUE
set_file()
{
	local old
	old=$(cat "$1")
	at_end "echo '$old' >'$1'"
	echo "$2" >"$1"
}

# set_pool NODE KIB PAGES - Set the number of huge pages of that size on a node.
set_pool()
{
	local file="$nodes/node$1/hugepages/hugepages-$2kB/nr_hugepages"
	set_file "$file" "$3"
	[ "$(cat "$file")" = "$3" ] ||
		fail "node $1 has room for $(cat "$file") of $3 huge pages"
}

# new_cpuset NAME MEMS - Make a cpuset.
new_cpuset()
{
	mkdir "$cgroups/$1"
	at_end remove_cpuset "$1"
	echo "$2" >"$cgroups/$1/cpuset.mems"
}

# set_cpuset NAME MEMS - Give it other nodes.
set_cpuset()
{
	echo "$2" >"$cgroups/$1/cpuset.mems"
}

remove_cpuset()
{
	[ ! -d "$cgroups/$1" ] || rmdir "$cgroups/$1"
}

# in_cpuset NAME PROGRAM... - Run it in the cpuset.
in_cpuset()
{
	local procs="$cgroups/$1/cgroup.procs"
	shift
	# shellcheck disable=SC2016 # the inner shell expands it
	sh -c 'echo $$ >"$0" && exec "$@"' "$procs" "$@"
}

#
# The runner.
#

# Print the names of the file's tests.
list_tests()
{
	sed -n 's/^test_\([A-Za-z0-9_]*\)()$/\1/p' "$0"
}

# Print what a test must leave as it was. The first line is never missing.
state()
{
	echo state
	segments | sed 's/^/segment /'
	find "$cgroups" -mindepth 1 -type d | sed 's/^/cpuset /'
	grep -H . "$nodes"/node*/hugepages/*/nr_hugepages \
		/sys/kernel/mm/hugepages/*/nr_overcommit_hugepages \
		/proc/sys/kernel/shm* /proc/sys/vm/hugetlb_shm_group \
		2>/dev/null | sed 's/^/setting /'
}

# Print the processes that the test has left. Those that are ending get a second
# for it.
processes()
{
	local tries=10 pid
	while [ "$(cat "$own/cgroup.procs")" ] && [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	while read -r pid; do
		echo "process $pid $(cat "/proc/$pid/comm" 2>/dev/null)"
	done <"$own/cgroup.procs"
}

remove_cgroup()
{
	local tries=50
	echo 1 >"$1/cgroup.kill"
	while ! rmdir "$1" 2>/dev/null && [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
}

# clean_up BEFORE AFTER - Print and remove what makes the states differ.
clean_up()
{
	local kind name old
	processes | sed 's/^/left behind: /'
	remove_cgroup "$own"
	grep -vxFf "$1" "$2" | while read -r kind name; do
		echo "left behind: $kind $name"
		case $kind in
		segment) remove_segment "$name" ;;
		cpuset)  remove_cgroup "$name" ;;
		esac
	done
	grep -vxFf "$2" "$1" | while read -r kind name; do
		echo "before the test: $kind $name"
		[ "$kind" != setting ] || echo "${name#*:}" >"${name%%:*}"
	done
}

# run_test NAME - Run it in a clean state and print its result as number $n.
run_test()
{
	local status=0
	echo "#  RUN           $1 ..."
	own=$cgroups/test-$$
	mkdir "$own"
	mkdir "$scratch/$n"
	state >"$scratch/before"
	# shellcheck disable=SC2016 # the inner shell expands it
	(cd "$scratch/$n" && exec sh -c 'echo $$ >"$0" && exec timeout "$@"' \
		"$own/cgroup.procs" -k 5 "$LIMIT" sh "$file" --one "$1") \
		>"$scratch/log" 2>&1 </dev/null || status=$?
	# timeout(1) ends itself too if the test does not end at SIGTERM.
	case $status in
	124|137) echo "${0##*/}: the time limit was reached" >>"$scratch/log" ;;
	esac
	state | grep -vxF "cpuset $own" >"$scratch/after"
	sed -i "\\|^cpuset $own\$|d" "$scratch/before"
	clean_up "$scratch/before" "$scratch/after" >"$scratch/left"
	if [ "$status" = 0 ] && [ ! -s "$scratch/left" ]; then
		echo "ok $n $1"
		return
	fi
	sed "s|^|${0##*/}: |" "$scratch/left" >>"$scratch/log"
	sed 's/^/# /' "$scratch/log"
	echo "not ok $n $1"
	failed=1
}

# run_tests NAME... - Run them.
run_tests()
{
	local name
	[ -f "$cgroups/cgroup.controllers" ] ||
		fail "needs cgroups of version 2, as the guest has them"
	file=$tests/${0##*/}
	failed=0 n=0
	scratch=$(mktemp -d)
	echo "TAP version 13"
	echo "1..$#"
	for name; do
		n=$((n + 1))
		run_test "$name"
	done
	rm -rf "$scratch"
	return "$failed"
}

# run_one NAME - Run it in this shell, and end.
run_one()
{
	set -eu
	trap 'set +e; eval "$at_end_commands"' EXIT
	trap 'exit 143' TERM
	"test_$1"
	exit 0
}

main()
{
	case ${1:-} in
	-l)	list_tests ;;
	--one)	run_one "$2" ;;
	'')	# shellcheck disable=SC2046 # they are words
		run_tests $(list_tests) ;;
	*)	run_tests "$@" ;;
	esac
}
