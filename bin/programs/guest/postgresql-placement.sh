# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by postgresql: where shared_buffers is, without and with a binding.

# at_least TIMES - Has the fullest node that many times the pages of the emptiest?
at_least()
{
	local sorted
	mapfile -t sorted < <(printf '%s\n' "${page[@]}" | sort -n)
	echo "${page[*]}"
	((sorted[-1] && sorted[-1] >= $1 * sorted[0]))
}

# fewest_on NODE - Has no other node fewer pages?
fewest_on()
{
	local node sum=0
	echo "${page[*]}"
	for node in "${nodes[@]}"; do
		((sum += page[node])) || true
		((page[node] >= page[$1])) || return
	done
	((sum))
}

unbound()
{
	section "Without a binding, pages of 4 KiB"
	started "the server starts"
	verdict "its segment is not bound" \
		test "$(about "$segment" binding)" = default
	fill_buffers >/dev/null
	show_segment 'no binding, buffers filled by one process' "$segment"
	verdict "the fullest node has at least twice the pages of the emptiest" \
		at_least 2
	verdict "pgbench runs" bench 5
	figure 'tps, no binding' "$tps"
	stopped
	note "One process read the table, and the node of its processor got the buffers."
}

# bound POLICY STRENGTH [PREFIX...] - One run of the server under shmbind run.
bound()
{
	local policy=$1 strength=$2 label="$1, $2"
	shift 2
	started "$label: the server starts" "$@" \
		shmbind run -p "$policy" -s "$strength" --
	verdict "$label: its segment is bound" \
		test "$(about "$segment" binding)" = "$policy|$strength:0-3"
	fill_buffers >/dev/null
	verdict "$label: pgbench runs" bench 4
	figure "tps, $label" "$tps"
	show_segment "$label" "$segment"
	case $policy in
	stripe)	verdict "$label: no two nodes differ by more pages than processes" \
			even "$(attached "$segment")" "${nodes[@]}" ;;
	mostfree) figure "free on the nodes, kB, $label" "$(free_of_all)"
		verdict "$label: the node with the least free memory has the fewest" \
			fewest_on 1 ;;
	firstref) verdict "$label: all pages are on the node of the server's CPU" \
			only_on 2 ;;
	esac
	verdict "$label: no allocation fell back or failed" \
		test "$(about "$segment" fallback) $(about "$segment" failed)" = '0 0'
	verdict "$label: the data is intact" data_is_intact
	verdict "$label: the server stops" stopped
	verdict "$label: all checksums are right" checksums_are_right
}

bindings()
{
	local strength
	section "Under shmbind run: stripe"
	for strength in hard mask soft; do
		bound stripe "$strength"
	done
	section "Under shmbind run: mostfree, with little free on node 1"
	set_pool 1 96
	figure "free on the nodes, kB, no server" "$(free_of_all)"
	for strength in hard mask soft; do
		bound mostfree "$strength"
	done
	set_pool 1 0
	section "Under shmbind run: firstref, on the CPU of node 2"
	for strength in hard mask soft; do
		bound firstref "$strength" numactl --cpunodebind=2
	done
	advice "For a database use stripe. firstref on an unpinned server is what happens" \
		"without a binding."
}

free_of_all()
{
	local node
	for node in "${nodes[@]}"; do
		free_kb "$node"
	done | xargs
}

# Compare with numactl --interleave, for which the server needs no shmbind.
interleave()
{
	section "Compared with numactl --interleave=all"
	measured "numactl --interleave=all" numactl --interleave=all
	verdict "interleave spreads the backends' private pages over all nodes" \
		all_have 10 "${private[@]}"
	verdict "interleave spreads the page cache over all nodes" \
		all_have 10 "${cached[@]}"
	measured "shmbind run -p stripe" shmbind run -p stripe -s mask --
	verdict "shmbind leaves the page cache where it was read" \
		uneven 10 "${cached[@]}"
	numactl_cannot
}

numactl_cannot()
{
	note "numactl --interleave sets the policy of all memory of all processes of the" \
		"server: private memory of each backend and files that it reads are spread too," \
		"and most of what a backend sorts is then on other nodes. It prefers the nodes" \
		"and never fails, so a node that is too small is not reported. A program that" \
		"sets its own policy, or attaches the segment without numactl, places pages by" \
		"its own."
	note "On paper only: PostgreSQL's developers propose shmem_interleave and" \
		"shmem_populate (pgsql-hackers, 2026). The first calls mbind(2) by offset on the" \
		"segment of mmap(2), and the second sets MAP_POPULATE. mmap(2) does not fail if" \
		"not all pages can be had, so a shortage is not reported either."
}

# all_have PERCENT PAGES... - Has each node that part of the sum?
all_have()
{
	local percent=$1 sum=0 count
	shift
	echo "$*"
	for count; do
		((sum += count)) || true
	done
	((sum)) || return
	for count; do
		((100 * count >= percent * sum)) || return
	done
}

# uneven PERCENT PAGES... - Has one of the nodes less than that part?
uneven()
{
	echo "${*:2}"
	[[ "${*:2}" == *[1-9]* ]] && ! all_have "$@" >/dev/null
}

# file_pages - Pages of the page cache on each node, shared memory left out.
file_pages()
{
	cat /sys/devices/system/node/node*/meminfo |
		awk '$3 == "FilePages:" { file[$2] = $4 } $3 == "Shmem:" { shm[$2] = $4 }
		     END { for (i in file) print i, (file[i] - shm[i]) / 4 }' |
		sort -n | cut -d ' ' -f 2
}

# measured LABEL PREFIX... - The segment, the private pages of the backends of pgbench,
# and what reading the table adds to the page cache. Sets `private` and `cached`.
measured()
{
	local label=$1 before after node
	shift
	started "$label: the server starts" "$@"
	sync
	echo 3 >/proc/sys/vm/drop_caches
	mapfile -t before < <(file_pages)
	fill_buffers >/dev/null
	mapfile -t after < <(file_pages)
	cached=()
	for node in "${nodes[@]}"; do
		cached[node]=$((after[node] > before[node] ?
			after[node] - before[node] : 0))
	done
	show_segment "$label: the segment" "$segment"
	show_pages "$label: page cache of the table" 4 "${cached[@]}"
	bench 15 >/dev/null &
	until (($(pgrep -fc "$backends") >= 4)); do sleep 0.2; done
	sleep 3
	# shellcheck disable=SC2046 # words
	private_pages $(pgrep -f "$backends")
	private=("${page[@]}")
	echo "numastat -p of the postmaster:" | said
	numastat -p "$server" | sed -n '/Node 0/p; /^Private/p; /^Total/p' | said
	wait $!
	show_pages "$label: the backends' private pages" 4 "${private[@]}"
	verdict "$label: the server stops" stopped
}
