# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by postgresql: what an administrator meets.

# PostgreSQL 18's views pg_shmem_allocations_numa and pg_buffercache_numa read each
# page, and then ask move_pages(2).
views()
{
	local id
	section "The views of PostgreSQL 18 on a segment"
	note "Debian's release has PostgreSQL $pg. /programs/numa-views does what the views" \
		"of PostgreSQL 18 do: read every page, and ask move_pages(2) where they are."
	id=$(ipcmk -M 16M | sed 's/.*: //')
	verdict "on a new segment without a binding, the view allocates all pages" \
		numactl --cpunodebind=2 /programs/numa-views "$id"
	said </tmp/verdict
	by_node "$id"
	verdict "they are all on the node of the viewer" only_on 2
	ipcrm -m "$id"
	started "the server starts" shmbind run -p stripe -s mask --
	by_node "$segment"
	show_segment 'before the view' "$segment"
	verdict "the view runs on the bound segment" /programs/numa-views "$segment"
	cp /tmp/verdict /tmp/view
	said </tmp/view
	show_segment 'after the view' "$segment"
	verdict "it agrees with /proc/sysvipc/shmbind" view_agrees
	verdict "the pages that it has allocated are even" \
		even "$(attached "$segment")" "${nodes[@]}"
	stopped
	views_on_a_full_node
}

view_agrees()
{
	local node line
	for node in "${nodes[@]}"; do
		line+=" N$node=${page[node]}"
	done
	echo "$line"
	grep -qxF "pages:$line" /tmp/view
}

views_on_a_full_node()
{
	local rc=0
	section "The views of PostgreSQL 18 on a full hard node"
	make_node_3_small
	started "the server starts" shmbind run -p stripe -s hard --
	/programs/numa-views "$segment" >/tmp/views 2>&1 || rc=$?
	figure "exit status of the view" "$rc"
	verdict "reading every page ends with SIGBUS" test "$rc" = $((128 + 7))
	verdict "the server, which is another process, goes on" "$bin/pg_isready"
	verdict "shmbind list shows the pages without touching them" \
		shmbind list --bars "$segment"
	said </tmp/verdict
	stopped
	empty_node
	advice "In PostgreSQL 18 it is a backend that reads, and a SIGBUS in a backend" \
		"restarts the whole server. Use shmbind list, which touches nothing, or start" \
		"with --populate."
}

emptied_environment()
{
	section "An init script that empties the environment"
	started "the server starts by env -i" \
		shmbind run -p stripe -s mask -- env -i LC_ALL=C.UTF-8
	verdict "its segment is not bound" \
		test "$(about "$segment" binding)" = default
	stopped
	shmbind run -p stripe -s mask -- pg_ctlcluster "$pg" main start >/tmp/ctl 2>&1
	verdict "pg_ctlcluster starts the server" "$bin/pg_isready"
	segment=$(segment_id)
	verdict "its segment is not bound, and nothing says so" \
		test "$(about "$segment" binding) $(cat /tmp/ctl)" = 'default '
	pg_ctlcluster "$pg" main stop
	grep -E '^[A-Z]' /deploy/postgresql/environment | said
	cp /deploy/postgresql/environment "$etc/environment"
	verdict "with deploy/postgresql/environment it starts too" \
		pg_ctlcluster "$pg" main start
	segment=$(segment_id)
	verdict "and its segment is bound" \
		test "$(about "$segment" binding)" = 'stripe|mask:0-3'
	show_segment 'pg_ctlcluster, deploy/postgresql/environment' "$segment"
	verdict "and filled: no two nodes differ by more than the threads that fill" \
		even 4 "${nodes[@]}"
	pg_ctlcluster "$pg" main stop
	rm "$etc/environment"
	advice "Look at shmbind list after the first start: a binding that was lost is not" \
		"reported. deploy/postgresql has a drop-in for systemd and the file environment."
}
