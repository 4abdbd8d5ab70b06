# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by postgresql: Debian's cluster main, the server and its clients.
pg=$(basename /usr/lib/postgresql/*)
bin=/usr/lib/postgresql/$pg/bin
data=/var/lib/postgresql/$pg/main
etc=/etc/postgresql/$pg/main
server_log=/tmp/postgresql.log
scale=4
accounts=$((100000 * scale))
export PGUSER=postgres PGHOST=/var/run/postgresql PGDATABASE=bench
backends='postgres: .*bench'	# their titles

# as_postgres COMMAND... - In its place, and with the environment.
as_postgres()
{
	exec setpriv --reuid postgres --regid postgres --init-groups "$@"
}

# start [PREFIX...] - Start the server as deploy/postgresql/run.conf does, with a
# command in front of it. Fails if it does not come up.
start()
{
	local tries
	: >"$server_log"
	chown postgres: "$server_log"
	(as_postgres "$@" "$bin/postgres" -c config_file="$etc/postgresql.conf" \
		>>"$server_log" 2>&1 </dev/null) &
	server=$!
	for tries in {1..300}; do
		! "$bin/pg_isready" -q || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.2
	done
	tail -n 12 "$server_log"
	return 1
}

# started CLAIM [PREFIX...] - A verdict that it starts; sets `segment`.
started()
{
	local claim=$1
	shift
	verdict "$claim" start "$@"
	segment=$(segment_id)
}

# start_refused CLAIM TEXT [PREFIX...] - It does not start, and its log has TEXT.
start_refused()
{
	refused "$1" "$2" start "${@:3}"
	! "$bin/pg_isready" -q || stopped
}

# stopped - Stop the server; returns its exit status.
stopped()
{
	kill -INT "$server" 2>/dev/null
	wait "$server"
}

# The segment of the running server, and its key.
segment_id()
{
	awk 'NR == 7 { print $2 }' "$data/postmaster.pid" 2>/dev/null
}

# sql QUERY - Its result, or the error with its SQLSTATE.
sql()
{
	timeout 120 psql -XAtq -v VERBOSITY=verbose -v ON_ERROR_STOP=1 -c "$1" 2>&1
}

# fill_buffers - Read the table and its index into shared_buffers, by one process.
fill_buffers()
{
	sql "select pg_prewarm('pgbench_accounts') + pg_prewarm('pgbench_accounts_pkey')"
}

# bench SECONDS - Run pgbench; sets `tps`.
bench()
{
	local rc=0
	timeout 120 "$bin/pgbench" -n -M prepared -c 4 -j 2 -T "$1" \
		>/tmp/pgbench 2>&1 || rc=$?
	tps=$(sed -n 's/^tps = \([0-9]*\).*/\1/p' /tmp/pgbench)
	cat /tmp/pgbench
	((rc == 0 && tps > 0))
}

not()
{
	! "$@"
}

# data_is_intact - What pgbench keeps equal is equal, all rows are there, and no page
# that was read had a wrong checksum.
data_is_intact()
{
	local result
	result=$(sql "select count(*), sum(abalance) =
		(select sum(bbalance) from pgbench_branches) and sum(abalance) =
		(select sum(tbalance) from pgbench_tellers) and sum(abalance) =
		(select coalesce(sum(delta), 0) from pgbench_history),
		(select coalesce(sum(checksum_failures), 0) from pg_stat_database)
		from pgbench_accounts")
	echo "$result"
	[[ $result == "$accounts|t|0" ]]
}

enable_checksums()
{
	(as_postgres "$bin/pg_checksums" --enable -D "$data")
}

# checksums_are_right - Of all files, while the server is stopped.
checksums_are_right()
{
	(as_postgres "$bin/pg_checksums" --check -D "$data")
}

# How many processes have the segment attached.
attached()
{
	awk -v id="$1" '$2 == id { print $7 }' /proc/sysvipc/shm
}

# private_pages PID... - Set `page` to the private pages of processes by node.
private_pages()
{
	local pid
	mapfile -t page < <(for pid; do cat "/proc/$pid/numa_maps"; done 2>/dev/null |
		awk -v nodes="${#nodes[@]}" '
		/ file=\/SYSV| file=\/anon_hugepage| huge / || !/anon=/ { next }
		{ for (i = 3; i <= NF; i++)
			if ($i ~ /^N[0-9]+=/) {
				split(substr($i, 2), part, "=")
				count[part[1]] += part[2]
			} }
		END { for (i = 0; i < nodes; i++) print count[i] + 0 }')
}

# Debian's cluster with checksums, System V shared memory, and the data of pgbench.
prepare()
{
	section "The cluster"
	figure server "$("$bin/postgres" --version)"
	[[ -d $data ]] || pg_createcluster "$pg" main
	mkdir -p /var/run/postgresql
	chown postgres: /var/run/postgresql
	verdict "checksums are switched on" enable_checksums
	echo 'local all all trust' >"$etc/pg_hba.conf"
	cp /deploy/postgresql/shared-memory.conf "$etc/conf.d"
	cat >"$etc/conf.d/guest.conf" <<-'END'
	shared_buffers = 64MB
	max_connections = 20
	logging_collector = off
	log_destination = stderr
	log_checkpoints = off
	checkpoint_timeout = 30min
	autovacuum = off
	listen_addresses = ''
	END
	figure shared_buffers 64MB
	started "the server starts"
	PGDATABASE=postgres sql 'create database bench' >/dev/null
	verdict "pgbench makes a database of scale $scale" \
		"$bin/pgbench" -q -i -s "$scale"
	sql 'create extension pg_prewarm' >/dev/null
	figure "size of the database" \
		"$(sql "select pg_size_pretty(pg_database_size('bench'))")"
	verdict "the server stops" stopped
}
