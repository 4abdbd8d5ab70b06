# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by tools: numactl, numastat, and strace on them.
touch /tmp/key

# key_of PROJECT - The key that numactl makes of /tmp/key and --shmid, by ftok(3).
key_of()
{
	printf '0x%02x%02x%04x\n' "$1" $((0x$(stat -c %D /tmp/key) & 0xff)) \
		$(($(stat -c %i /tmp/key) & 0xffff))
}

# create STRENGTH PROJECT - Make a segment that numactl finds, of 16 MB; sets `id`.
create()
{
	id=$(shmbind create 16M -p stripe -s "$1" -n 1,2 --key "$(key_of "$2")")
}

free_by_numactl()
{
	numactl --hardware | sed -n 's/.* free: \([0-9]*\) MB/\1/p'
}

hardware()
{
	local before after id
	section "numactl --hardware"
	numactl --hardware >/tmp/before
	mapfile -t before < <(free_by_numactl)
	id=$(shmbind create 64M -p stripe -s hard -n 2)
	verdict "a segment of 64 MB is filled on node 2" /programs/segment fill "$id"
	numactl --hardware >/tmp/after
	mapfile -t after < <(free_by_numactl)
	said </tmp/after
	figure "what is free by numactl --hardware, MB, before" "${before[*]}"
	figure "and after" "${after[*]}"
	verdict "node 2 has 64 MB less, within 4 MB" less_by 60 68 2
	verdict "the others have the same, within 8 MB" less_by -8 8 0 1 3
	sed -i '/free:/d' /tmp/before /tmp/after
	verdict "sizes, processors and distances are the same" \
		diff -u /tmp/before /tmp/after
	ipcrm -m "$id"
}

# less_by LEAST MOST NODE... - Have the nodes that much less? Uses `before`, `after`.
less_by()
{
	local node less least=$1 most=$2
	shift 2
	for node; do
		less=$((before[node] - after[node]))
		echo "node $node: $less"
		((less >= least && less <= most)) || return
	done
}

shmid()
{
	local id
	section "numactl --shmid"
	create hard 5
	/programs/segment fill "$id" >/dev/null
	verdict "--dump of a bound segment ends well" \
		numactl --shmid=5 --shm /tmp/key --dump
	cp /tmp/verdict /tmp/dump
	said </tmp/dump
	verdict "it names the mode by its number, 128, and the nodes of the mask" \
		grep -E '\[128\].* 1 2 *$' /tmp/dump
	verdict "--dump-nodes ends well" numactl --shmid=5 --shm /tmp/key --dump-nodes
	cp /tmp/verdict /tmp/dump
	head -n 4 /tmp/dump | said
	verdict "it has pages on the nodes of the mask only" \
		dumped_nodes_are '1 2' /tmp/dump
	refused "a policy of numactl is refused for a hard segment" \
		'Operation not permitted' \
		numactl --shmid=5 --shm /tmp/key --interleave=0
	verdict "its binding is as before" \
		test "$(about "$id" binding)" = 'stripe|hard:1-2'
	verdict "its content too" /programs/segment check "$id"
	ipcrm -m "$id"
	create soft 6
	verdict "a policy of numactl is accepted for a soft segment" \
		numactl --shmid=6 --shm /tmp/key --membind=0 --touch
	show_segment 'stripe, soft, nodes 1 and 2, numactl --membind=0' "$id"
	verdict "its pages follow numactl" only_on 0
	verdict "its binding is as before" \
		test "$(about "$id" binding)" = 'stripe|soft:1-2'
	ipcrm -m "$id"
}

# dumped_nodes_are NODES FILE - The nodes of all ranges that numactl has dumped.
dumped_nodes_are()
{
	local found
	found=$(sed -n 's/^[0-9a-f]*-[0-9a-f]*: \([0-9]*\)$/\1/p' "$2" | sort -u | xargs)
	head -n 3 "$2"
	echo "$found"
	[[ $found == "$1" ]]
}

# numastat_row ROW OPTION... - Its values by node, in kB.
numastat_row()
{
	numastat "${@:2}" 2>/dev/null |
		awk -v row="$1" '$1 == row { for (i = 2; i < NF; i++) print int($i * 1024) }'
}

numastat_m()
{
	local before after id
	section "numastat -m"
	mapfile -t before < <(numastat_row Shmem -m)
	id=$(shmbind create 32M -p stripe -s hard -n 1,3)
	/programs/segment fill "$id" >/dev/null
	mapfile -t after < <(numastat_row Shmem -m)
	numastat -m 2>/dev/null | grep -E 'Node 0|^(MemFree|Shmem|FilePages) ' | said
	figure "Shmem by numastat -m, kB, before and after" "${before[*]}, ${after[*]}"
	verdict "nodes 1 and 3 have 16 MB more, within 1 MB" more_by 15360 17408 1 3
	verdict "nodes 0 and 2 have the same, within 1 MB" more_by -1024 1024 0 2
	ipcrm -m "$id"
}

more_by()
{
	local -a swap=("${before[@]}")
	local -a before=("${after[@]}")
	local -a after=("${swap[@]}")
	less_by "$@"
}

numastat_p()
{
	local row
	section "numastat -p"
	numastat -p "${holders[0]}" >/tmp/held 2>/tmp/held.error
	said </tmp/held
	mapfile -t row < <(numastat_row Private -p "${holders[0]}")
	verdict "it says nothing on stderr" test ! -s /tmp/held.error
	verdict "each node has a fourth of 8 MB in the row Private, within 1 MB" \
		each_between 2000 3072 "${row[@]}"
	grep SYSV "/proc/${holders[0]}/numa_maps" | said
	note "numastat -p counts a segment as Private, bound or not. numa_maps and shmbind" \
		"list tell which pages are those of the segment."
}

each_between()
{
	local value count=0 least=$1 most=$2
	shift 2
	echo "$*"
	for value; do
		((++count && value >= least && value <= most)) || return
	done
	((count == ${#nodes[@]}))
}

# traced_too COMMAND... - Under strace, the tool has the same exit status and output,
# but for what changes by itself.
traced_too()
{
	local rc=0 traced=0
	"$@" >/tmp/plain 2>&1 || rc=$?
	strace -f -o /tmp/strace "$@" >/tmp/traced 2>&1 || traced=$?
	sed -E 's/[0-9.]+/N/g; s/ +/ /g' /tmp/plain >/tmp/plain.same
	sed -E 's/[0-9.]+/N/g; s/ +/ /g' /tmp/traced >/tmp/traced.same
	echo "exit status $rc, under strace $traced"
	diff -u /tmp/plain.same /tmp/traced.same || return
	grep '+++ exited with' /tmp/strace && ((rc == 0 && traced == 0))
}

traced()
{
	local id
	section "strace"
	create hard 7
	verdict "ipcs -m runs as before under strace" traced_too ipcs -m
	verdict "lsipc -m too" traced_too lsipc -m
	verdict "numactl --hardware too" traced_too numactl --hardware
	verdict "numactl --shmid --dump too" \
		traced_too numactl --shmid=7 --shm /tmp/key --dump
	grep -E 'shmget|get_mempolicy.*ADDR' /tmp/strace | sed 's/^[0-9]* *//' |
		sort -u | head -n 3 | said
	verdict "numastat -m too" traced_too numastat -m
	verdict "numastat -p too" traced_too numastat -p "${holders[0]}"
	ipcrm -m "$id"
	verdict "shmbind create too" traced_too shmbind create 64K -p stripe -n 1
	grep -E 'shmget|syscall_0x1d9' /tmp/strace | sed 's/^[0-9]* *//' | said
	verdict "strace shows the call by its number, 473" \
		grep -E 'syscall_0x1d9\(.*\) += 0' /tmp/strace
	tail -n 1 /tmp/plain | xargs -n 1 ipcrm -m
	tail -n 1 /tmp/traced | xargs -n 1 ipcrm -m
	note "neighbours/strace has a patch that decodes the call."
}

# numactl attaches a segment to look at it; the others do not.
not_yet_attached()
{
	local id
	section "To look at a segment before it is bound"
	id=$(ipcmk -M 1M | made)
	for tool in "ipcs -m -i $id" "lsipc -m -i $id" 'numactl --hardware' 'numastat -m'; do
		$tool >/dev/null 2>&1
	done
	verdict "it can be bound after ipcs, lsipc, numactl --hardware and numastat" \
		shmbind bind "$id" -p stripe
	ipcrm -m "$id"
	numactl --length=1M --shmid=8 --shm /tmp/key
	id=$(awk -v key="$(($(key_of 8)))" '$1 == key { print $2 }' /proc/sysvipc/shm)
	refused "it cannot be bound after numactl --shmid, which attaches it" attached \
		shmbind bind "$id" -p stripe
	ipcrm -m "$id"
	advice "Bind a segment before numactl --shm or --shmid sees it: both attach it, even" \
		"to print it, and a segment that was attached cannot be bound."
}
