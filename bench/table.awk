# Lines of build/bench/result, as tables: in each, a line for a mode on a kernel,
# and a column for a number of nodes, or of MiB for the call. The kernel with the
# series' first patch alone matters for what is not bound.

BEGIN {
	title["first"] = "First fault on a page"
	title["far"] = "First fault on a page, the CPU's node not in the mask"
	title["again"] = "Write fault of a second attach"
	title["order"] = "Reading a second attach in order, a page"
	title["call"] = "The call, by MiB of the segment"
	title["memory"] = "Bytes that a segment takes, without its pages"
	title["large"] = "First fault on a large folio of 2 MiB"
	title["large-again"] = "Write fault of a second attach, the same"
	title["huge"] = "First fault on a huge page of 2 MiB, SHM_HUGETLB"
	title["huge-again"] = "Write fault of a second attach, the same"
	title["swap-in"] = "Fault on a page in zram"
	title["swap-in-tmpfs"] = "Fault on a page of a file of tmpfs in zram"
	title["swap-in-anon"] = "Fault on an anonymous page in zram"
	title["tmpfs"] = "First fault on a page of a file of tmpfs"
	title["failing"] = "First fault on a full node, until the handler of " \
		"SIGBUS; unbound: past the end of a file"
	title["failing-swap-in"] = "Fault on a page in zram, the same"
	title["locked-first"] = "Locked operations of a first fault"
	title["locked-again"] = "Locked operations of a second attach's write fault"
	title["image"] = "Bytes of the kernel's image"
	place["cpuset"] = ", in a cpuset with all nodes"
	place["narrowed"] = ", in a cpuset with the first half of the mask's nodes"
}

/^#/	{ next }
{
	key = $2 SUBSEP $3 SUBSEP $4
	measured[$1, $2, $3]
	median[$1, key] = $5
	mean[$1, key] = $6
	if (!(($2, $3) in seen_mode)) {
		seen_mode[$2, $3]
		mode[$2, ++modes[$2]] = $3
	}
	if (!(($2, $4) in seen_at)) {
		seen_at[$2, $4]
		at[$2, ++ats[$2]] = $4
	}
	if (!($2 in seen))
		what[++whats] = $2
	seen[$2]
}

function cell(kernel, w, m, a,	key)
{
	key = w SUBSEP m SUBSEP a
	if (!((kernel, key) in median))
		return "-"
	return means ? sprintf("%.0f", mean[kernel, key]) : median[kernel, key]
}

function row(kernel, w, m,	i, line)
{
	if (!((kernel, w, m) in measured))
		return
	line = sprintf("%-20s %-6s", m, kernel)
	for (i = 1; i <= ats[w]; i++)
		line = line sprintf(" %8s", cell(kernel, w, m, at[w, i]))
	print line
}

# Of what is mapped around a fault the median says nothing, of bytes the mean.
function tables(	n, w, line, i, part)
{
	for (n = 1; n <= whats; n++) {
		w = what[n]
		if (means ? w ~ /^(call|memory|image)$/ : w ~ /^order/)
			continue
		split(w "@", part, "@")
		print "\n" title[part[1]] place[part[2]] (means ? " (mean)" : "")
		line = sprintf("%-20s %-6s", "", "kernel")
		for (i = 1; i <= ats[w]; i++)
			line = line sprintf(" %8s", at[w, i])
		print line
		for (i = 1; i <= modes[w]; i++) {
			if (mode[w, i] !~ /\|/)
				row("base", w, mode[w, i])
			if (mode[w, i] == "unbound")
				row("faults", w, mode[w, i])
			row("series", w, mode[w, i])
		}
	}
}

END {
	tables()
	means = 1
	tables()
}
