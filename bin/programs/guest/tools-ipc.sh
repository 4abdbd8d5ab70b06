# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by tools: two segments, and what ipcs and lsipc print of them.
# The id in the output of ipcmk, on stdin.
made()
{
	sed -n 's/^Shared memory id: //p'
}

# Two segments of the same size, mode and pages, and only one of them is bound. Sets
# `bound`, `unbound`, and `holders`: for each, a process that has it attached.
prepare()
{
	section "A bound segment, and the same without a binding"
	verdict "shmbind run binds and fills a segment" \
		shmbind run -p stripe -s hard --populate -- ipcmk -M 8M
	bound=$(made </tmp/verdict)
	unbound=$(ipcmk -M 8M | made)
	verdict "a process writes to both" eval \
		"/programs/segment fill $bound; /programs/segment fill $unbound"
	holders=()
	hold "$bound"
	hold "$unbound"
	show_segment 'no binding' "$unbound"
	show_segment 'stripe, hard' "$bound"
	verdict "each node has the same, give or take one page" even 1 "${nodes[@]}"
}

# hold ID - Attach the segment and read all of it, in the background.
hold()
{
	/programs/segment hold "$1" >"/tmp/held.$1" &
	holders+=($!)
	until [[ -s /tmp/held.$1 ]]; do sleep 0.1; done
}

# alike - The lines on stdin without what differs between any two segments: id, key,
# processes and times.
alike()
{
	sed -E 's/(shmid=|^ID: *|^0x[0-9a-f]{8} +)[0-9]+/\1ID/; s/0x[0-9a-f]{8}/KEY/
		s/pid=[0-9]+/pid=PID/g; s/(PID: *)[0-9]+/\1PID/
		s/(time[=:]|Last change:).*/\1/'
}

# same_as_unbound CLAIM COMMAND... - With SEGMENT replaced by its id, the command prints
# the same of both segments. Quote what it prints of the bound one.
same_as_unbound()
{
	local claim=$1
	shift
	"${@//SEGMENT/$bound}" >/tmp/bound 2>&1
	"${@//SEGMENT/$unbound}" >/tmp/unbound 2>&1
	said </tmp/bound
	alike </tmp/bound >/tmp/bound.same
	alike </tmp/unbound >/tmp/unbound.same
	verdict "$claim" agree
}

agree()
{
	[[ -s /tmp/bound.same ]] && diff -u /tmp/unbound.same /tmp/bound.same
}

# line_of ID COMMAND... - The header, and the segment's line.
line_of()
{
	"${@:2}" | awk -v id="$1" '/ID|shmid/ && !seen++ { print } $2 == id { print }'
}

ipc()
{
	section "ipcs and lsipc"
	same_as_unbound "ipcs -m prints of it what it prints of an unbound one" \
		line_of SEGMENT ipcs -m
	same_as_unbound "ipcs -m -i too" ipcs -m -i SEGMENT
	same_as_unbound "lsipc -m too" line_of SEGMENT lsipc -m --noheadings \
		-o KEY,ID,PERMS,OWNER,SIZE,NATTCH,STATUS
	same_as_unbound "lsipc -m -i too" lsipc -m -i SEGMENT
	ipcs -m -u | said
	verdict "ipcs -m -u counts the pages of both" resident
	note "None of them shows a binding, and nothing on their output has changed. The" \
		"binding is in shmbind list."
}

# What ipcs counts as resident is what /proc/sysvipc/shmbind counts.
resident()
{
	local id node sum=0
	for id in "$bound" "$unbound"; do
		for node in "${nodes[@]}"; do
			((sum += $(about "$id" "N$node"))) || true
		done
	done
	echo "$sum"
	ipcs -m -u | grep -x "pages resident *$sum"
}
