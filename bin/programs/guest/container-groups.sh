# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by container: what a container is made of, by unshare(1) and cgroup v2.
groups=/sys/fs/cgroup

# enter PID COMMAND... - Run it in the IPC namespace of the process.
enter()
{
	nsenter --target "$1" --ipc "${@:2}"
}

# in_group GROUP COMMAND... - Run it in the group.
in_group()
{
	(echo "$BASHPID" >"$groups/$1/cgroup.procs" && exec "${@:2}")
}

# group NAME SETTING=VALUE... - Make a group.
group()
{
	local setting
	mkdir "$groups/$1"
	for setting in "${@:2}"; do
		echo "${setting#*=}" >"$groups/$1/${setting%%=*}"
	done
}

# ends_with STATUS COMMAND... - Has it that exit status?
ends_with()
{
	local rc=0
	"${@:2}" || rc=$?
	echo "exit status $rc"
	((rc == $1))
}

not()
{
	! "$@"
}

# keys PID|'' - The keys of the segments in the namespace of the process, or in ours.
keys()
{
	if [[ $1 ]]; then
		enter "$1" shmbind list
	else
		shmbind list
	fi | grep -oE '^0x[0-9a-f]{8}'
}

# of_inside ID FIELD - As `about`, in the namespace of $inside.
inside_about()
{
	enter "$inside" bash -c '. /programs/lib.sh >/dev/null; about "$@"' - "$@"
}

namespace()
{
	local id other rc
	section "An IPC namespace: unshare --ipc"
	unshare --ipc sleep 1000 &
	inside=$!
	sleep 1
	id=$(enter "$inside" shmbind create 8M -p stripe -s hard -n 0-1 --key 0x111)
	other=$(shmbind create 4M -p firstref -n 2 --key 0x222)
	enter "$inside" shmbind list | said
	verdict "a segment that is bound inside is visible inside only" \
		test "$(keys "$inside"), $(keys '')" = '0x00000111, 0x00000222'
	verdict "its binding too" test "$(enter "$inside" grep -c 'stripe|hard:0-1' \
		/proc/sysvipc/shmbind),$(grep -c 'stripe|hard:0-1' /proc/sysvipc/shmbind)" \
		= 1,0
	verdict "it is filled from inside" enter "$inside" /programs/segment fill "$id"
	verdict "its pages are on the nodes of the mask, half on each" \
		test "$(inside_about "$id" N0) $(inside_about "$id" N1)" = '1024 1024'
	ipcrm -m "$other"
	from_outside
	verdict "the segments go with the namespace" goes_with_namespace
}

# A program inside opens a segment by its key, which was made outside and bound there.
from_outside()
{
	local id
	id=$(enter "$inside" ipcmk -M 8M | grep -o '[0-9]*$')
	refused "outside, the id of a segment inside is not known" 'segment' \
		shmbind bind "$id" -p stripe
	verdict "nsenter --ipc binds it from outside" \
		enter "$inside" shmbind bind "$id" -p stripe -s mask -n 2,3
	verdict "inside, its pages are where that says" \
		enter "$inside" /programs/segment fill "$id"
	verdict "half of them on each node" \
		test "$(inside_about "$id" N2) $(inside_about "$id" N3)" = '1024 1024'
	id=$(nsenter --target "$inside" --ipc --setuid 1000 --setgid 1000 \
		shmbind create 4M -p stripe -s mask -n 0,1 --key 0x333)
	enter "$inside" shmbind list "$id" | said
	verdict "with --setuid, the user inside can use what was made outside" \
		enter "$inside" setpriv --reuid 1000 --regid 1000 --clear-groups \
		/programs/segment fill "$id"
}

shmem_kb()
{
	awk '$1 == "Shmem:" { print $2 }' /proc/meminfo
}

goes_with_namespace()
{
	local before after try
	before=$(shmem_kb)
	kill "$inside"
	wait "$inside"
	for try in {1..50}; do
		after=$(shmem_kb)
		echo "$before kB, then $after kB"
		((before - after < 19 << 10)) || return 0
		sleep 0.2
	done
	return 1
}

cpuset()
{
	local id
	section "A cpuset: cpuset.mems=0-1"
	group small cpuset.mems=0-1
	refused "a mask with a node outside of the cpuset is refused" 'cpuset' \
		in_group small shmbind create 4M -p stripe -s hard -n 1-2
	verdict "that is EINVAL" eval "in_group small strace -f \
		shmbind create 4M -p stripe -n 1-2 2>&1 | grep -E '0x1d9.*EINVAL'"
	verdict "no segment is left of it" not grep -q . <<<"$(keys '')"
	id=$(in_group small shmbind create 8M -p stripe -s hard)
	verdict "the default mask is the cpuset" \
		test "$(about "$id" binding)" = 'stripe|hard:0-1'
	verdict "it is filled in the group" in_group small /programs/segment fill "$id"
	show_segment 'stripe, hard, all nodes of the cpuset' "$id"
	verdict "all pages are on its nodes, half on each" even 0 0 1
	verdict "and nowhere else" only_on 0 1
	ipcrm -m "$id"
	bound_outside_of_cpuset
	rmdir "$groups/small"
}

# created_outside STRENGTH NODES - Sets `id`.
created_outside()
{
	id=$(shmbind create 8M -p stripe -s "$1" -n "$2")
}

bound_outside_of_cpuset()
{
	section "A cpuset, and a segment that was bound outside of it"
	created_outside hard 1-2
	in_group small shmbind list "$id" 2>&1 | said
	verdict "inside, shmbind list warns" \
		eval "in_group small shmbind list $id 2>&1 >/dev/null | grep cpuset"
	verdict "hard, nodes 1 and 2: it is filled in the group" \
		in_group small /programs/segment fill "$id"
	show_segment 'hard, nodes 1-2, cpuset 0-1' "$id"
	verdict "all pages are on the node that is in both" only_on 1
	ipcrm -m "$id"
	created_outside hard 2-3
	verdict "hard, nodes 2 and 3: the first access gets SIGBUS" \
		ends_with 3 in_group small /programs/segment fill "$id"
	said </tmp/verdict
	show_segment 'hard, nodes 2-3, cpuset 0-1' "$id"
	verdict "it has no page" test "${page[*]}" = '0 0 0 0'
	verdict "outside of the group, the same segment is filled" \
		/programs/segment fill "$id"
	ipcrm -m "$id"
	created_outside soft 2-3
	verdict "soft, nodes 2 and 3: it is filled in the group" \
		in_group small /programs/segment fill "$id"
	show_segment 'soft, nodes 2-3, cpuset 0-1' "$id"
	verdict "all pages are on the nodes of the cpuset" only_on 0 1
	ipcrm -m "$id"
}

events()
{
	awk -v name="$2" '$1 == name { print $2 }' "$groups/$1/memory.events"
}

limit()
{
	local id
	section "A memory limit: memory.max=24M"
	group limited memory.max=24M
	kernel_log >/dev/null
	id=$(shmbind create 16M -p stripe -s hard -n 1-2)
	verdict "a segment of 16 MB is filled in the group" \
		in_group limited /programs/segment fill "$id"
	verdict "nothing was killed" test "$(events limited oom_kill)" = 0
	ipcrm -m "$id"
	id=$(shmbind create 64M -p stripe -s hard -n 1-2)
	verdict "64 MB: the process is killed, and does not get SIGBUS" \
		ends_with $((128 + 9)) in_group limited /programs/segment fill "$id"
	verdict "the group has killed one process" test "$(events limited oom_kill)" = 1
	kernel_log | grep -oE 'oom-kill:constraint=[A-Z_]*|Memory cgroup out of memory: .*anon' |
		sed 's/, total.*//' | said
	verdict "the kernel's log says that it is the group's limit" \
		grep CONSTRAINT_MEMCG /tmp/kernel_log
	show_segment 'stripe, hard, nodes 1-2, memory.max=24M' "$id"
	verdict "what was allocated is on the nodes of the mask" only_on 1 2
	verdict "the binding counts no refused allocation" \
		test "$(about "$id" fallback) $(about "$id" failed)" = '0 0'
	figure "memory.current of the group, kB" \
		"$(($(cat "$groups/limited/memory.current") / 1024))"
	verdict "the segment is charged to the group after its process has gone" \
		test "$(cat "$groups/limited/memory.current")" -gt $((16 << 20))
	ipcrm -m "$id"
	verdict "and no longer, once it is removed" \
		test "$(cat "$groups/limited/memory.current")" -lt $((8 << 20))
	rmdir "$groups/limited"
	advice "A limit of the container is its own: a segment that exceeds it ends with the" \
		"OOM killer of the group, whatever the strength. --populate does not find" \
		"that out. Make memory.max larger than the segments, which stay charged until" \
		"they are removed."
}

full_node()
{
	local id
	section "A node that is too small, in the same group of nodes"
	group nodes cpuset.mems=2-3
	kernel_log >/dev/null
	id=$(in_group nodes shmbind create 400M -p firstref -s hard -n 2)
	verdict "hard: a page that does not fit on node 2 gets SIGBUS" \
		ends_with 3 in_group nodes /programs/segment fill "$id"
	said </tmp/verdict
	show_segment 'firstref, hard, node 2, 400 MB' "$id"
	verdict "all pages are on the mask" only_on 2
	verdict "the kernel's log is silent" test -z "$(kernel_log)"
	ipcrm -m "$id"
	rmdir "$groups/nodes"
}

bubblewrap()
{
	local rc=0
	section "bubblewrap"
	figure bubblewrap "$(bwrap --version)"
	bwrap --bind / / --dev-bind /dev /dev --proc /proc --unshare-ipc --unshare-pid \
		shmbind run -p stripe -s hard -n 1,3 --populate -- \
		bash -c 'ipcmk -M 8M && shmbind list' >/tmp/bwrap 2>&1 || rc=$?
	said </tmp/bwrap
	verdict "shmbind run binds and fills a segment inside" test "$rc" = 0
	verdict "it is bound, and half of it is on each node" \
		eval "grep 'stripe|hard:1,3' /tmp/bwrap && grep 'N1=1024 N3=1024' /tmp/bwrap"
	verdict "it is gone with the sandbox" not grep -q . <<<"$(keys '')"
}
