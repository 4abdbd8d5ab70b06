# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by mpi: jobs of eight ranks, two on each node.
ranks=8
out=/tmp/mpi.out
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

prepare()
{
	section "The program"
	hostname guest
	figure "Open MPI" "$(mpirun --version | head -n 1)"
	figure ranks "$ranks"
	verdict "it is compiled" mpicc -O1 -Wall -o /tmp/mpi-ranks /programs/mpi-ranks.c
	verdict "this Open MPI has shared memory of System V" \
		eval "ompi_info | grep -E 'MCA shmem: sysv'"
	cat >/tmp/look <<-'END'
	cat /proc/sysvipc/shmbind >/tmp/segments
	cat /proc/sysvipc/shm >/tmp/owners
	grep SYSV /proc/$PPID/numa_maps >/tmp/numa_maps
	END
	cat >/tmp/rank <<-'END'
	#!/bin/bash
	node=$((OMPI_COMM_WORLD_RANK / 2))
	exec numactl --cpunodebind=$node "${@//NODE/$node}"
	END
	chmod +x /tmp/rank
}

# job OPTION... -- PREFIX... - One job; each rank has the prefix, with NODE replaced.
job()
{
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	rm -f /tmp/segments /tmp/owners /tmp/numa_maps
	timeout 120 mpirun -np "$ranks" --oversubscribe --bind-to none \
		--mca btl self,vader --mca pml ob1 "${options[@]}" \
		/tmp/rank "$@" /tmp/mpi-ranks "$megabytes" "$touch" \
		'. /tmp/look' >"$out" 2>&1
}

nothing_left()
{
	! tail -n +2 /proc/sysvipc/shm | grep .
}

# segments_of RANK - The ids of the segments that it has made.
segments_of()
{
	local pid
	pid=$(awk -v rank="$1" '$1 == "rank" && $2 == rank { print $6 }' "$out")
	awk -v pid="$pid" '$5 == pid { print $2 }' /tmp/owners
}

# of_rank RANK - The segment that the program has made for it.
of_rank()
{
	awk -v rank="$1" '$1 == "rank" && $2 == rank { print $4 }' "$out"
}

# pages_of ID - Set `page` to what the listing had.
pages_of()
{
	local node
	page=()
	for node in "${nodes[@]}"; do
		page[node]=$(awk -v id="$1" -v name="N$node" '$2 == id {
			for (i = 4; i <= NF; i++)
				if (split($i, part, "=") == 2 && part[1] == name)
					value = part[2]
			print value + 0 }' /tmp/segments)
	done
}

# Show each rank's segment.
show_ranks()
{
	local rank
	for ((rank = 0; rank < ranks; rank++)); do
		pages_of "$(of_rank $rank)"
		show_pages "$1, rank $rank" 4 "${page[@]}"
	done
}

# each_on NODE_OF - All pages of each rank's segment are on the node that the function
# prints.
each_on()
{
	local rank
	for ((rank = 0; rank < ranks; rank++)); do
		pages_of "$(of_rank $rank)"
		echo "rank $rank: ${page[*]}"
		((page[$($1 $rank)] == megabytes * 256)) &&
			only_on "$($1 $rank)" || return
	done
}

own_node()
{
	echo $(($1 / 2))
}

node_0()
{
	echo 0
}

# numa_maps_agree - The numa_maps of the first rank, which has read all pages, has the
# same pages.
numa_maps_agree()
{
	local rank node id line
	for ((rank = 0; rank < ranks; rank++)); do
		id=$(of_rank $rank)
		pages_of "$id"
		line=''
		for node in "${nodes[@]}"; do
			((page[node] == 0)) || line+=" N$node=${page[node]}"
		done
		echo "rank $rank:$line"
		grep -qE "$line( |\$)" /tmp/numa_maps || return
	done
	[[ $(grep -c SYSV /tmp/numa_maps) -ge $ranks ]]
}

# bindings_are PATTERN - Those of the ranks' segments.
bindings_are()
{
	local rank binding
	for ((rank = 0; rank < ranks; rank++)); do
		binding=$(awk -v id="$(of_rank $rank)" '$2 == id { print $3 }' /tmp/segments)
		echo "rank $rank: $binding"
		[[ $binding == "${1//NODE/$(own_node $rank)}" ]] || return
	done
}

right()
{
	verdict "$1: the job ends well" test "$rc" = 0
	((rc == 0)) || tail -n 20 "$out"
	verdict "$1: all pages are right, for all ranks" grep -x '0 pages wrong' "$out"
	verdict "$1: no segment is left" nothing_left
}

run()
{
	local label=$1
	shift
	rc=0
	job "$@" || rc=$?
	right "$label"
}

# Open MPI's own segments: one for each rank.
library()
{
	megabytes=1 touch=own
	section "Open MPI's own segments: --mca shmem sysv"
	run 'Open MPI, firstref' --mca shmem sysv -- \
		shmbind run -v -p firstref -s hard --
	grep -m 2 'shmbind: segment' "$out" | said
	library_by_node
	verdict "each rank has a segment of Open MPI, and one of the program" \
		segments_for_each 2
	verdict "all are bound" bound_all
	verdict "the pages of each rank's segments are on its own node" library_on_own
	note "With --mca shmem sysv, each rank makes a segment for its messages, and the" \
		"others attach it. The default of Open MPI is a file that is mapped."
}

segments_for_each()
{
	local rank
	for ((rank = 0; rank < ranks; rank++)); do
		echo "rank $rank: $(segments_of $rank | xargs)"
		(($(segments_of $rank | wc -l) == $1)) || return
	done
}

bound_all()
{
	tail -n +2 /tmp/segments
	! tail -n +2 /tmp/segments | grep -v 'shmbind=firstref|hard:0-3'
}

# library_pages RANK - Set `page` to those of the rank's segments but the program's.
library_pages()
{
	local id node sum=()
	for node in "${nodes[@]}"; do
		sum[node]=0
	done
	for id in $(segments_of "$1"); do
		[[ $id != "$(of_rank "$1")" ]] || continue
		pages_of "$id"
		for node in "${nodes[@]}"; do
			((sum[node] += page[node])) || true
		done
	done
	page=("${sum[@]}")
}

library_by_node()
{
	local rank
	for ((rank = 0; rank < ranks; rank++)); do
		library_pages $rank
		show_pages "Open MPI's own, rank $rank" 4 "${page[@]}"
	done
}

library_on_own()
{
	local rank
	for ((rank = 0; rank < ranks; rank++)); do
		library_pages $rank
		echo "rank $rank: ${page[*]}"
		only_on "$(own_node $rank)" || return
	done
}

own()
{
	megabytes=4 touch=own
	section "A segment for each rank, which the rank fills"
	run 'firstref' -- shmbind run -p firstref -s hard --
	show_ranks 'firstref'
	verdict "firstref: all are bound" bindings_are 'shmbind=firstref|hard:0-3'
	verdict "firstref: each rank's pages are on its own node" each_on own_node
	verdict "firstref: numa_maps has the same pages" numa_maps_agree
}

# The program's first rank fills all, as when it has read the input.
first_touch()
{
	megabytes=4 touch=first
	section "A segment for each rank, which the first rank fills: no binding"
	run 'no binding' --
	show_ranks 'no binding'
	verdict "no binding: all pages are on the node of the first rank" each_on node_0
}

by_rank()
{
	megabytes=4 touch=first
	section "The same, bound by each rank to its node"
	run 'bound by the rank' -- shmbind run -p firstref -s hard -n NODE --
	show_ranks 'bound by the rank'
	verdict "each segment is bound to the node of its rank" \
		bindings_are 'shmbind=firstref|hard:NODE'
	verdict "each rank's pages are on its own node" each_on own_node
	verdict "numa_maps has the same pages" numa_maps_agree
	advice "Where one rank fills the memory of all, let each rank bind its own segment" \
		"to its node, by shmbind run after numactl in the command that mpirun starts."
}
