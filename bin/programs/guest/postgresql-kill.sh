# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by postgresql: processes that are killed, and parallel query.

# until_segment_is_new OLD - Wait until the server runs with another segment.
until_segment_is_new()
{
	local tries
	for tries in {1..100}; do
		segment=$(segment_id)
		[[ $segment && $segment != "$1" ]] && "$bin/pg_isready" -q && return
		sleep 0.3
	done
	tail -n 5 "$server_log"
	return 1
}

gone()
{
	! awk '{ print $2 }' /proc/sysvipc/shm | grep -x "$1"
}

# as_before LABEL - The new segment is bound as the old one was, and nothing is lost.
as_before()
{
	verdict "$1: the new segment is bound in the same way" \
		test "$(about "$segment" binding)" = 'stripe|mask:0-3'
	fill_buffers >/dev/null
	show_segment "$1" "$segment"
	verdict "$1: its pages are even" even "$(attached "$segment")" "${nodes[@]}"
	verdict "$1: the data is intact" data_is_intact
}

killed()
{
	local old key pid
	section "A backend is killed: kill -9"
	started "the server starts" shmbind run -p stripe -s mask --
	fill_buffers >/dev/null
	old=$segment key=$(about "$old" key)
	bench 30 >/dev/null &
	until pgrep -f "$backends" >/dev/null; do sleep 0.2; done
	sleep 2
	pid=$(pgrep -f "$backends" | head -n 1)
	kill -9 "$pid"
	wait $!
	verdict "the postmaster makes a new segment" until_segment_is_new "$old"
	verdict "the old segment is gone" gone "$old"
	as_before 'after a backend was killed'
	section "The postmaster is killed: kill -9"
	old=$segment key=$(about "$old" key)
	kill -9 "$server"
	wait "$server"
	while pgrep -u postgres postgres >/dev/null; do sleep 0.2; done
	verdict "the segment is still there" not gone "$old"
	started "the server starts again" shmbind run -p stripe -s mask --
	verdict "the new segment has the same key" \
		test "$(about "$segment" key)" = "$key"
	verdict "it is another one, and the old one is gone" gone "$old"
	as_before 'after the postmaster was killed'
	verdict "the server stops" stopped
	verdict "all checksums are right" checksums_are_right
}

# bound_since LINE - How many segments shmbind run -v has reported after that line.
bound_since()
{
	tail -n +"$(($1 + 1))" "$server_log" | grep -c 'shmbind: segment .*stripe'
}

parallel_query()
{
	local lines
	section "Parallel query with dynamic_shared_memory_type=sysv"
	echo 'dynamic_shared_memory_type = sysv' >"$etc/conf.d/parallel.conf"
	started "the server starts" shmbind run -p stripe -s mask -v --
	lines=$(wc -l <"$server_log")
	sql "set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
		set min_parallel_table_scan_size = 0;
		set max_parallel_workers_per_gather = 3;
		explain (analyze, costs off, timing off)
		select count(*) from pgbench_accounts a
		join pgbench_accounts b on a.aid = b.bid + b.aid" >/tmp/parallel
	grep -E 'Workers|Parallel Hash Join|Gather' /tmp/parallel | said
	verdict "workers ran" error_of /tmp/parallel 'Workers Launched: [1-9]'
	tail -n +"$((lines + 1))" "$server_log" | grep 'shmbind: ' | head -n 4 | said
	figure "dynamic segments that were bound" "$(bound_since "$lines")"
	verdict "the segments of the query were bound" \
		test "$(bound_since "$lines")" -gt 0
	verdict "the data is intact" data_is_intact
	verdict "the server stops" stopped
	verdict "no segment is left" test -z "$(ipcs -m | grep postgres)"
	rm "$etc/conf.d/parallel.conf"
	advice "Use --min-size, such as --min-size 16M, to leave the small segments of" \
		"parallel query unbound; they live for one query, on the nodes of its workers."
}
