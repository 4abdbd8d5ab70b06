# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by postgresql: huge pages.

pools()
{
	local node=0 count
	for count; do
		set_pool $((node++)) "$count" || return
	done
}

# The huge pages of each node that are in use.
pages_used()
{
	local node dir
	for node in "${nodes[@]}"; do
		dir=/sys/devices/system/node/node$node/${pool%/*}
		echo $(($(cat "$dir/nr_hugepages") - $(cat "$dir/free_hugepages")))
	done
}

# How many huge pages the segment needs.
huge_pages_needed()
{
	(as_postgres "$bin/postgres" -C shared_memory_size_in_huge_pages \
		-c config_file="$etc/postgresql.conf")
}

# The server's own huge pages, which are for its mmap(2).
huge_unbound()
{
	section "Huge pages without a binding: the server's own, by mmap(2)"
	verdict "each node has 40 huge pages" pools 40 40 40 40
	printf '%s\n' 'shared_memory_type = mmap' 'huge_pages = on' \
		>"$etc/conf.d/zz-huge.conf"
	started "the server starts"
	fill_buffers >/dev/null
	mapfile -t page < <(pages_used)
	show_pages 'mmap, no binding' 2048 "${page[@]}"
	verdict "the fullest node has at least twice the pages of the emptiest" \
		at_least 2
	stopped
	rm "$etc/conf.d/zz-huge.conf"
	pools 0 0 0 0
}

huge_refused()
{
	section "Huge pages that are refused"
	echo 'huge_pages = on' >"$etc/conf.d/zz-huge.conf"
	start_refused "the server refuses huge_pages=on with System V shared memory" \
		'huge pages not supported with the current shared_memory_type'
	rm "$etc/conf.d/zz-huge.conf"
	advice "Set huge_pages=off and use shmbind run --huge."
	pools 40 40 40 40
	echo 0 >/proc/sys/vm/hugetlb_shm_group
	start_refused "without vm.hugetlb_shm_group, the line says what is missing" \
		'hugetlb_shm_group' shmbind run -p stripe -s hard --huge --
	(as_postgres shmbind check 72M -p stripe -s hard --huge) 2>&1 |
		tail -n 4 | said
	advice "Let the group of the server use huge pages:" \
		"sysctl vm.hugetlb_shm_group=$(id -g postgres)," \
		"which shmbind check prints when the server's user runs it."
	id -g postgres >/proc/sys/vm/hugetlb_shm_group
	pools 0 0 0 0
}

huge_pool()
{
	local need each
	section "Huge pages: an exact pool, and one that is too small"
	need=$(huge_pages_needed)
	each=$(((need + 3) / 4))
	figure "huge pages that the segment needs" "$need"
	figure "pool of each node" "$each"
	verdict "the pools are there" pools "$each" "$each" "$each" "$each"
	started "an exact pool: the server starts" \
		shmbind run -p stripe -s hard --huge --populate --
	show_segment 'stripe, hard, huge pages' "$segment"
	verdict "its pages are huge" \
		test "$(about "$segment" kernelpagesize_kB)" = 2048
	verdict "no two nodes differ by more pages than there are threads that fill" \
		even 4 "${nodes[@]}"
	verdict "pgbench runs" bench 4
	figure "tps, stripe, hard, huge pages" "$tps"
	verdict "the data is intact" data_is_intact
	verdict "the server stops" stopped
	verdict "one node has fewer" pools "$((each + 2))" "$each" "$each" "$((each - 2))"
	start_refused "a pool that is too small is an error at the start" 'node 3' \
		shmbind run -p stripe -s hard --huge --populate --
	verdict "all nodes together have fewer" pools "$each" 0 "$each" 0
	start_refused "so is the sum of all pools" 'shmbind: ' \
		shmbind run -p stripe -s mask --huge --
	(as_postgres shmbind check "$((2 * need))M" -p stripe -s hard --huge) 2>&1 | said
	pools 0 0 0 0
	advice "Give each node of a hard stripe the pages divided by the nodes, rounded up;" \
		"shmbind check prints the lines that set that."
}
