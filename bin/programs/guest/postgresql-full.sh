# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by postgresql: a node that is too small for its part of the segment.

# With less than the stripe's part, which is 18 MB.
make_node_3_small()
{
	figure "free on node 3, kB" "$(fill_node 3)"
}

too_small()
{
	section "A node that is too small, with --populate"
	make_node_3_small
	shmbind check 72M -p stripe -s hard 2>&1 | said
	start_refused "the server does not start, and the line names the node" 'node 3' \
		shmbind run -p stripe -s hard --populate --
	grep -E 'shmbind: |FATAL' "$server_log" | said
	verdict "no segment is left" test -z "$(ipcs -m | grep postgres)"
	advice "Start with --populate: a node that is too small is then an error at the" \
		"start, with the numbers, and not one at night."
}

# error_of LOG PATTERN - The first such line is there; quote it.
error_of()
{
	grep -m 1 -E "$2" "$1"
}

# events - Quote what the server's log has of crashes and recovery.
events()
{
	grep -E 'signal 7|terminat|reinitializ|PANIC|FATAL|shut|abort|redo|ready|invalid' \
		"$server_log" | grep -vE 'client backend|administrator' |
		sed 's/^[-0-9: .]* UTC //' | head -n 16 | said
}

full_node()
{
	local try
	section "A node that is too small, without --populate: reading"
	started "the server starts" shmbind run -p stripe -s hard --
	kernel_log >/dev/null
	for try in 1 2 3; do
		fill_buffers
		sql 'select sum(abalance) from pgbench_accounts'
	done >/tmp/fill 2>&1
	grep ERROR /tmp/fill | sort | uniq -c | sort -rn | head -n 5 | said
	verdict "a query fails, and the message is about reading a file" \
		error_of /tmp/fill 'ERROR: .*could not read block'
	verdict "its SQLSTATE is one of corruption or internal errors" \
		error_of /tmp/fill 'ERROR:  XX00[01]'
	verdict "pg_isready says that all is well" "$bin/pg_isready"
	"$bin/pg_isready" | said
	verdict "the kernel's log is silent" test -z "$(kernel_log)"
	show_segment 'stripe, hard, node 3 is full' "$segment"
	verdict "shmbind list shows the refused allocations" \
		test "$(about "$segment" failed)" -gt 0
	shmbind list "$segment" | said
	awk '/^shmbind_/' /proc/vmstat | said
	advice "Look at FAILED in shmbind list, or shmbind_fail in /proc/vmstat, before you" \
		"believe that the data is corrupted. The data on disk is not affected."
	writing
	crash_recovery
}

writing()
{
	section "The same: writing"
	sql 'create table filler as select i, repeat(md5(i::text), 30)
		from generate_series(1, 30000) i' >/tmp/filler 2>&1
	grep -m 2 -E 'ERROR|WARNING|server|connection' /tmp/filler | said
	sleep 5
	events
	verdict "the write fails" error_of /tmp/filler 'ERROR|connection|server'
	# A read into the page that is missing is an error, an access SIGBUS
	figure "processes of the server that got SIGBUS" \
		"$(grep -c 'terminated by signal 7' "$server_log")"
	"$bin/pg_isready" | said
	stopped
	empty_node
	started "with memory, the server starts" shmbind run -p stripe -s hard --
	verdict "the data is intact" data_is_intact
}

# A crash whose recovery has to read more than the segment can have.
crash_recovery()
{
	section "Recovery on a node that is too small"
	sql "update pgbench_accounts set filler = 'changed' where aid <= 200000" \
		>/dev/null
	kill -9 "$server"
	wait "$server"
	while pgrep -u postgres postgres >/dev/null; do sleep 0.2; done
	# The server would remove the old segment at its start, and its pages on node 3
	# would be enough for the recovery.
	ipcrm -m "$segment"
	make_node_3_small
	start_refused "the recovery fails" 'startup process' shmbind run -p stripe -s hard --
	events
	empty_node
	started "with memory, the server recovers" shmbind run -p stripe -s hard --
	fill_buffers >/dev/null
	verdict "the data is intact" data_is_intact
	verdict "what was committed is there" test 200000 = \
		"$(sql "select count(*) from pgbench_accounts where filler like 'changed%'")"
	show_segment 'stripe, hard, after recovery' "$segment"
	verdict "the server stops" stopped
	verdict "all checksums are right" checksums_are_right
	advice "Do not restore a backup: give the node memory, or start without the binding," \
		"and the same recovery succeeds."
	advice "Use mask instead of hard, so that a full node is an error only if all nodes of" \
		"the mask are full; or --populate, which finds it out at the start."
}
