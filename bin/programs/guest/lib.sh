# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by the programs, which run in the guest as root, with bash. A program is a
# series of sections and ends with `finish`. Each function here prints lines that
# bin/programs/report.py reads; other lines are only in the log.
#
#   == TITLE                      a section
#   ok - CLAIM, not ok - CLAIM    a verdict; # DETAIL follows one that did not hold
#   pages: LABEL | SIZE | N0=P... pages by node, in units of SIZE kB
#   figure: NAME | VALUE
#   said: TEXT                    a line that a program has printed
#   note: TEXT
#   advice: TEXT
#   end: SECONDS                  the program came to its end
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8
# shellcheck source=../../neighbours/proof/lib.sh
. /programs/proof.sh

nodes=(/sys/devices/system/node/node[0-9]*)
nodes=("${nodes[@]##*/node}")
pool=hugepages/hugepages-2048kB/nr_hugepages

section()
{
	printf '== %s\n' "$*"
}

figure()
{
	printf 'figure: %s | %s\n' "$1" "$2"
}

note()
{
	printf 'note: %s\n' "$*"
}

advice()
{
	printf 'advice: %s\n' "$*"
}

# said - Quote the lines on stdin.
said()
{
	sed 's/^/said: /'
}

# refused CLAIM TEXT COMMAND... - The command fails and prints TEXT. Quote that line.
refused()
{
	local claim=$1 text=$2 rc=0
	shift 2
	"$@" >/tmp/refused 2>&1 || rc=$?
	grep -F -- "$text" /tmp/refused | head -n 3 | said
	verdict "$claim" was_refused "$rc" "$text"
}

was_refused()
{
	echo "exit status $1"
	tail -n 5 /tmp/refused
	(($1)) && grep -qF -- "$2" /tmp/refused
}

# about ID FIELD - What /proc/sysvipc/shmbind has of the segment: key, binding,
# fallback, failed, kernelpagesize_kB, or the pages of a node: N0.
about()
{
	awk -v id="$1" -v field="$2" '
		$2 != id { next }
		field == "key" { print $1; exit }
		field == "binding" { sub(/^shmbind=/, "", $3); print $3; exit }
		{ for (i = 4; i <= NF; i++)
			if (split($i, part, "=") == 2 && part[1] == field)
				value = part[2]
		  print value + 0; exit }
	' /proc/sysvipc/shmbind
}

# by_node ID - Set the array `page` to the segment's pages on each node.
by_node()
{
	local node
	page=()
	for node in "${nodes[@]}"; do
		page[node]=$(about "$1" "N$node")
	done
}

# show_pages LABEL SIZE PAGES... - A bar for each node.
show_pages()
{
	local label=$1 size=$2 node=0 line=''
	shift 2
	for pages; do
		line+=" N$((node++))=$pages"
	done
	printf 'pages: %s | %s |%s\n' "$label" "$size" "$line"
}

# show_segment LABEL ID - A bar for each node; sets `page`.
show_segment()
{
	by_node "$2"
	show_pages "$1" "$(about "$2" kernelpagesize_kB)" "${page[@]}"
}

# even BOUND NODE... - Do the nodes' pages differ by no more than that? Uses `page`.
even()
{
	local bound=$1 node least='' most=''
	shift
	for node; do
		[[ $least && $least -le ${page[node]} ]] || least=${page[node]}
		[[ $most && $most -ge ${page[node]} ]] || most=${page[node]}
	done
	echo "between $least and $most, bound $bound"
	((most && most - least <= bound))
}

# only_on NODE... - Are all of the pages on these nodes? Uses `page`.
only_on()
{
	local node total=0 here=0
	for node in "${nodes[@]}"; do
		((total += page[node])) || true
		[[ " $* " != *" $node "* ]] || ((here += page[node])) || true
	done
	echo "$here of $total"
	((total && here == total))
}

# free_kb NODE - Its free memory.
free_kb()
{
	awk '$3 == "MemFree:" { print $4 }' "/sys/devices/system/node/node$1/meminfo"
}

# set_pool NODE PAGES - Give the node that many huge pages of 2 MiB. A pool is also a
# way to make a node small: it takes the memory at once, and nothing reclaims it.
set_pool()
{
	local file=/sys/devices/system/node/node$1/$pool
	echo "$2" >"$file" && [[ $(cat "$file") == "$2" ]]
}

# take NODE BYTES - Fill a segment that is bound to the node, up to empty_node.
take()
{
	shmbind run -p firstref -s hard -n "$1" --populate -- ipcmk -M "$2" \
		>>/tmp/ballast 2>/dev/null
}

# fill_node NODE - Take what a binding can have of the node, but 8 MB at most: first what
# is free, then what the kernel frees by dropping pages of files. Faults may use a part
# of the reserve that filling leaves alone, so make it small.
fill_node()
{
	local pages
	sync
	echo 3 >/proc/sys/vm/drop_caches
	echo 4096 >/proc/sys/vm/min_free_kbytes
	: >/tmp/ballast
	pages=$(shmbind check 4K -p firstref -s hard -n "$1" |
		awk -v node="$1" '$1 == node { print $3 }')
	take "$1" $((pages * 4096))
	while take "$1" $((8 << 20)); do :; done
	free_kb "$1"
}

empty_node()
{
	grep -o '[0-9]*$' /tmp/ballast | xargs -n 1 ipcrm -m
}

# kernel_log - What the kernel has reported since the last call.
log_lines=0
kernel_log()
{
	dmesg | tail -n +$((log_lines + 1)) >/tmp/kernel_log
	log_lines=$(dmesg | wc -l)
	cat /tmp/kernel_log
}

nothing_in()
{
	! grep -E "$@"
}

finish()
{
	section "The kernel"
	dmesg >/tmp/kernel
	# The OOM killer prints a stack; the next verdict is about it.
	sed '/invoked oom-killer/,/oom-kill:constraint/d' /tmp/kernel >/tmp/faults
	verdict "the kernel has reported no fault of its own" nothing_in \
		'BUG:|cut here|Oops|Call Trace|rcu.*stall|lockup' /tmp/faults
	verdict "the OOM killer has killed nothing for lack of memory" nothing_in \
		'Out of memory: |constraint=CONSTRAINT_(NONE|CPUSET|MEMORY_POLICY)' /tmp/kernel
	echo "end: $SECONDS"
	exit "$status"
}

ip link set lo up
echo "program: ${0##*/}"
figure kernel "$(uname -r)"
figure processors "$(nproc)"
figure "memory of the nodes" "$(sed -n 's/.*MemTotal: *//p' \
	/sys/devices/system/node/node*/meminfo | xargs)"
