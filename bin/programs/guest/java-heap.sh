# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by java: a program that fills its heap, and where the heap is.
heap_options=(-Xms64m -Xmx64m -XX:+AlwaysPreTouch -XX:+UseLargePages
	      -XX:+UseSHM)
out=/tmp/java.out
not_configured='Large pages using UseSHM are not configured'

pools()
{
	local node=0 count
	for count; do
		set_pool $((node++)) "$count" || return
	done
}

prepare()
{
	section "Java"
	figure java "$(java -version 2>&1 | head -n 1)"
	cp /programs/Heap.java /tmp
	verdict "the program is compiled" \
		ecj -17 -d /tmp /tmp/Heap.java
	java -XX:+UnlockDiagnosticVMOptions -XX:+PrintFlagsFinal -version 2>/dev/null |
		grep -E ' (UseSHM|UseLargePages|LargePageSizeInBytes) ' | tr -s ' ' | said
	verdict "this Java has UseSHM" \
		eval "java -XX:+PrintFlagsFinal -version 2>&1 | grep -w UseSHM"
}

# run PREFIX... - Start Java in the background, until its heap is filled. Sets `heap`
# to the id of its largest segment. Fails if Java ends.
run()
{
	mkfifo /tmp/stdin.$$
	: >"$out"
	"$@" java "${heap_options[@]}" -cp /tmp Heap 40 </tmp/stdin.$$ >"$out" 2>&1 &
	java=$!
	exec 7>/tmp/stdin.$$
	rm /tmp/stdin.$$
	until grep -q '^ready' "$out"; do
		kill -0 "$java" 2>/dev/null || break
		sleep 0.3
	done
	heap=$(tail -n +2 /proc/sysvipc/shm | sort -k 4n | awk 'END { print $2 }')
	cat "$out"
	grep -q '^ready' "$out"
}

# stop - Let Java end; returns its exit status.
stop()
{
	exec 7>&-
	wait "$java"
}

nothing_left()
{
	! tail -n +2 /proc/sysvipc/shm | grep .
}

ended()
{
	verdict "$1: all arrays are right" grep -x 'ready, 40 arrays, 0 wrong' "$out"
	verdict "$1: Java ends well" stop
	verdict "$1: no segment is left" nothing_left
}

# refuses_shm CLAIM TEXT PREFIX... - Java says TEXT and has no segment.
refuses_shm()
{
	local claim=$1 text=$2
	shift 2
	run "$@" >/dev/null
	grep -iE 'warning|error|shmbind' "$out" | head -n 3 | said
	verdict "$claim" grep -F -- "$text" "$out"
	verdict "$claim: it has no segment, and goes on without" \
		eval "nothing_left && grep '^ready' $out"
	stop
}

refusals()
{
	local saved=("${heap_options[@]}")
	section "When Java does not use shared memory"
	refuses_shm "without huge pages, Java says so" "$not_configured"
	pools 20 20 20 20
	echo 0 >/proc/sys/vm/hugetlb_shm_group
	refuses_shm "a user outside of vm.hugetlb_shm_group gets none" \
		"$not_configured" setpriv --reuid nobody --regid nogroup \
		--clear-groups prlimit --memlock=65536
	heap_options=(-Xms64m -Xmx64m -XX:+UseSHM)
	verdict "-XX:+UseSHM alone is enough: Java starts" run
	verdict "and has a segment" test "$heap"
	ended "-XX:+UseSHM alone"
	pools 0 0 0 0
	heap_options=("${saved[@]}")
	advice "Java goes on with ordinary memory after a warning. Look at shmbind list" \
		"after the first start."
}

unbound()
{
	section "Without a binding"
	pools 40 40 40 40
	verdict "no binding: Java starts" run numactl --cpunodebind=2
	show_segment 'no binding, on the CPU of node 2' "$heap"
	verdict "no binding: its heap is a segment without a binding" \
		test "$(about "$heap" binding)" = default
	verdict "no binding: all pages are on the node of Java's CPU" only_on 2
	ended "no binding"
	pools 0 0 0 0
}

bindings()
{
	local strength
	section "Under shmbind run"
	pools 20 20 20 20
	for strength in hard mask soft; do
		bound "stripe, $strength" stripe "$strength" 4 "${nodes[*]}"
	done
	bound "mostfree, hard, nodes 1 and 3" mostfree hard 4 '1 3' -n 1,3
	bound "stripe, mask, --huge" stripe mask 4 "${nodes[*]}" --huge=2M
	pools 0 0 0 0
	note "Java asks for huge pages itself; with --huge, its segments are the same."
}

# bound LABEL POLICY STRENGTH BOUND NODES OPTION... - One run; the nodes' pages differ by
# no more than BOUND.
bound()
{
	local label=$1 policy=$2 strength=$3 bound=$4
	local -a here
	read -ra here <<<"$5"
	shift 5
	verdict "$label: Java starts" \
		run shmbind run -v -p "$policy" -s "$strength" "$@" --
	grep -m 1 'shmbind: segment' "$out" | said
	show_segment "$label" "$heap"
	verdict "$label: its heap is bound" \
		grep -E "^$policy\|$strength:" <<<"$(about "$heap" binding)"
	verdict "$label: the pages are huge" \
		test "$(about "$heap" kernelpagesize_kB)" = 2048
	verdict "$label: the nodes of the mask have the same, give or take $bound pages" \
		even "$bound" "${here[@]}"
	verdict "$label: all pages are on the nodes of the mask" only_on "${here[@]}"
	verdict "$label: no allocation fell back or failed" \
		test "$(about "$heap" fallback) $(about "$heap" failed)" = '0 0'
	ended "$label"
}

populate()
{
	section "A pool that is too small"
	pools 20 20 20 4
	verdict "hard, --populate: Java starts" \
		run shmbind run -p stripe -s hard --populate --
	grep -E 'shmbind:|[Ww]arning' "$out" | head -n 4 | said
	verdict "hard, --populate: the line names the node" grep 'node 3' "$out"
	verdict "hard, --populate: Java goes on with ordinary memory" \
		test -z "$heap"
	ended "hard, --populate"
	verdict "mask, --populate: Java starts" \
		run shmbind run -p stripe -s mask --populate --
	show_segment "stripe, mask, node 3 has four huge pages" "$heap"
	figure "pages that fell back, mask" "$(about "$heap" fallback)"
	verdict "mask, --populate: pages fell back to the other nodes of the mask" \
		test "$(about "$heap" fallback)" -gt 0
	ended "mask, --populate"
}

short()
{
	local rc=0
	section "A pool that is too small, without --populate"
	run shmbind run -p stripe -s hard -- >/dev/null
	stop || rc=$?
	grep -E 'SIGBUS|Bus error|fatal|[Ww]arning' "$out" | head -n 4 | said
	figure "exit status of Java" "$rc"
	verdict "Java ends with SIGBUS" grep -E 'SIGBUS|Bus error' "$out"
	verdict "no segment is left" nothing_left
	pools 0 0 0 0
	advice "Use --populate, or mask: without them, the heap's first page on the short" \
		"node ends Java."
}
