# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by stress-ng: its runs, and what they may leave behind.
group=/sys/fs/cgroup/pressure
out=/tmp/stress-ng
seconds=6

# Swap space in memory, and a group with less memory than the stressors use.
prepare()
{
	section "Swap space and a limit"
	figure stress-ng "$(stress-ng --version | head -n 1)"
	verdict "there is swap space" make_swap
	mkdir "$group"
	echo 120M >"$group/memory.max"
	figure "memory.max under pressure" 120M
}

make_swap()
{
	echo 384M >/sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0
}

clean_up()
{
	swapoff /dev/zram0
	rmdir "$group"
}

# stress GROUP PREFIX... -- OPTION... - Run the stressors in the group; what they print
# goes to $out.
stress()
{
	local group=$1 prefix=()
	shift
	while [[ $1 != -- ]]; do
		prefix+=("$1")
		shift
	done
	shift
	(echo "$BASHPID" >"$group/cgroup.procs"
	 exec timeout 100 "${prefix[@]}" stress-ng --shm-sysv 4 --shm-sysv-bytes 4M \
		--shm-sysv-segs 4 --verify --metrics --timeout "$seconds" "$@") \
		>"$out" 2>&1
}

# The rate of the stressor.
rate()
{
	awk '/metrc:.* shm-sysv / { print $9; exit }' "$out"
}

ended_well()
{
	grep -vE 'shmbind: segment|metrc' "$out" | tail -n 20
	grep -E 'passed: .*shm-sysv' "$out" && ! grep -E 'fail:|unsuccessful' "$out"
}

# segments_left - Is there a segment?
segments_left()
{
	tail -n +2 /proc/sysvipc/shm | grep .
}

nothing_left()
{
	! segments_left
}

count_of()
{
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

unbound()
{
	section "Without a binding"
	stress /sys/fs/cgroup --
	verdict "stress-ng ends well" ended_well
	figure "bogo operations a second, no binding" "$(rate)"
	verdict "no segment is left" nothing_left
}

# one STRENGTH GROUP LABEL OPTION... - One run under shmbind run.
one()
{
	local strength=$1 group=$2 label=$3 fallback fail
	shift 3
	fallback=$(count_of shmbind_fallback)
	fail=$(count_of shmbind_fail)
	stress "$group" shmbind run -v -p stripe -s "$strength" -- "$@"
	verdict "$label: stress-ng ends well" ended_well
	figure "segments that were bound, $label" "$(grep -c 'shmbind: segment' "$out")"
	verdict "$label: more than 20 segments were bound" \
		test "$(grep -c 'shmbind: segment' "$out")" -gt 20
	figure "bogo operations a second, $label" "$(rate)"
	figure "pages that fell back, allocations refused, $label" \
		"$(($(count_of shmbind_fallback) - fallback)), $(($(count_of shmbind_fail) - fail))"
	verdict "$label: no segment is left" nothing_left
}

plain()
{
	local strength
	section "Under shmbind run"
	for strength in hard mask soft; do
		one "$strength" /sys/fs/cgroup "stripe, $strength"
	done
}

pressure()
{
	local strength swapped
	section "Under shmbind run, in a group whose memory does not suffice"
	for strength in hard mask soft; do
		swapped=$(count_of pswpout)
		one "$strength" "$group" "stripe, $strength, pressure" \
			--vm 2 --vm-bytes 120M --vm-keep
		figure "pages swapped out, stripe, $strength" \
			"$(($(count_of pswpout) - swapped))"
		verdict "stripe, $strength, pressure: pages were swapped out" \
			test "$(count_of pswpout)" -gt "$((swapped + 1000))"
		verdict "stripe, $strength, pressure: nothing was killed" \
			grep -x 'oom_kill 0' "$group/memory.events"
	done
	verdict "no memory of segments is left in the group" \
		grep -x 'shmem 0' "$group/memory.stat"
}
