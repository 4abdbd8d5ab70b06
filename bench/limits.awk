# Does build/bench/result keep what the series promises? Prints a line for each
# promise, with its status:
#
#   kept     and the case that comes nearest to its limit
#   BROKEN   and the case that is furthest beyond it
#   missing  where a figure that it needs is not there; which ones, follows
#
# Fails unless all are kept.

/^#/	{ next }
{
	median[$1, $2, $3, $4] = $5
	mean[$1, $2, $3, $4] = $6
}

# figure(KERNEL, WHAT, MODE, AT) - A median, or where pages are mapped around a
# fault, of which the median says nothing, the mean.
function figure(kernel, what, mode, at,	name)
{
	if ((kernel, what, mode, at) in median)
		return what ~ /^order/ ? mean[kernel, what, mode, at] : \
					 median[kernel, what, mode, at]
	name = kernel " " what " " mode " " at
	if (!(name in is_absent))
		absent[++absents] = name
	is_absent[name]
	incomplete = 1
	return 0
}

function series(what, mode, at)
{
	return figure("series", what, mode, at)
}

# at_most(VALUE, LIMIT, TEXT, EXAMPLE) - One case of a promise. A figure that it
# was computed from may have been absent.
function at_most(value, limit, text, example,	margin)
{
	if (!(text in missing))
		texts[++promises] = text
	missing[text] += incomplete
	if (incomplete) {
		incomplete = 0
		return
	}
	broken[text] += value > limit
	margin = (limit - value) / (limit ? limit : 1)
	if (!(text in least) || margin < least[text]) {
		least[text] = margin
		worst[text] = sprintf("%.10g, limit %.10g (%s)", value, limit,
				      example)
	}
}

# against(KERNEL, WHAT, MODE, AT, TOLERANCE, TEXT) - Ours against KERNEL's.
function against(kernel, what, mode, at, tolerance, text)
{
	at_most(series(what, mode, at), \
		figure(kernel, what, mode, at) * (1 + tolerance), text, \
		"series " what " " mode " " at)
}

# between(WHAT, MODE, OTHER, AT, MORE, TOLERANCE, TEXT) - On our kernel, MODE
# against OTHER.
function between(what, mode, other, at, more, tolerance, text)
{
	at_most(series(what, mode, at), \
		series(what, other, at) * (1 + tolerance) + more, text, \
		"series " what " " mode " " at)
}

# with_base(WHAT, NAME, AT, TOLERANCE) - What is not bound.
function with_base(what, name, at, tolerance)
{
	against("base", what, "unbound", at, tolerance, name ", unbound: " \
		"no more than on the base" within[tolerance] place)
}

# with_mbind(WHAT, NAME, AT, TOLERANCE) - Each policy and strength against the
# nearest mode of mbind(2).
function with_mbind(what, name, at, tolerance,	m, p)
{
	for (m = 1; m <= modes; m++) {
		p = policy[m]
		between(what, mode[m], nearest[p], at, 0, tolerance, \
			name ", " p ": no more than " nearest[p] \
			within[tolerance] place)
	}
}

# first_faults(NODES) - Beside what they cost that are not bound.
function first_faults(nodes,	m, what, name)
{
	what = "first" suffix
	name = "first fault, "
	for (m = 1; m <= modes; m++) {
		if (policy[m] == "firstref")
			between(what, mode[m], "unbound", nodes, 40, 0, \
				name "firstref: 40 over unbound at most" place)
		else if (policy[m] == "stripe")
			between(what, mode[m], "unbound", nodes, 120, 0, \
				name "stripe: 120 over unbound at most" place)
		else if (policy[m] == "weighted")
			between(what, mode[m], "stripe|" strength[m], nodes, 40, \
				0, name "weighted: 40 over stripe at most" place)
		else
			mostfree(what, mode[m], "firstref|" strength[m], nodes, \
				 name "mostfree: ")
	}
}

function mostfree(what, mode, firstref, nodes, name)
{
	if (nodes == 4)
		between(what, mode, "unbound", 4, 160, 0, name \
			"160 over unbound at most with 4 nodes" place)
	between(what, mode, firstref, nodes, 100 + 25 * nodes, 0, name \
		"100 + 25 a node over firstref at most" place)
}

# With any number of nodes.
function flat(	m, p)
{
	for (m = 1; m <= modes; m++) {
		p = policy[m]
		if (p == "stripe" || p == "weighted")
			at_most(series("first" suffix, mode[m], 64), \
				series("first" suffix, mode[m], 4) + 20, \
				"first fault, " p ": 64 nodes cost 20 more " \
				"than 4 at most" place, \
				"series first" suffix " " mode[m] " 64")
	}
}

# small(FEWEST) - Pages of 4 KiB. The cost of reading in order is a mean over pages
# of which most cost nothing. If a cpuset narrows the mask, the limit is the cost of
# mbind(2) alone.
function small(fewest,	nodes)
{
	for (nodes = fewest; nodes <= 64; nodes *= factor) {
		with_base("first" suffix, "first fault", nodes, 0)
		against("faults", "first" suffix, "unbound", nodes, 0, \
			"first fault, unbound: no more than with the first " \
			"patch alone" place)
		with_mbind("first" suffix, "first fault", nodes, 0)
		if (suffix != "@narrowed")
			first_faults(nodes)
		with_base("again" suffix, "second attach", nodes, 0)
		with_mbind("again" suffix, "second attach", nodes, 0)
		with_base("order" suffix, "reading a second attach", nodes, 0.01)
		with_mbind("order" suffix, "reading a second attach", nodes, 0.01)
	}
	flat()
	with_base("tmpfs" suffix, "first fault, tmpfs", 4, 0.001)
}

function far(	nodes)
{
	for (nodes = 1; nodes < 64; nodes *= factor) {
		with_base("far" suffix, "from outside the mask", nodes, 0)
		with_mbind("far" suffix, "from outside the mask", nodes, 0)
	}
}

# large(FEWEST, MOST) - Folios and pages of 2 MiB, and what comes from swap.
function large(fewest, most,	nodes)
{
	for (nodes = fewest; nodes <= most; nodes *= factor) {
		with_base("large" suffix, "large folio", nodes, 0.001)
		with_mbind("large" suffix, "large folio", nodes, 0.001)
		with_base("large-again" suffix, \
			  "second attach, large folio", nodes, 0.001)
		with_base("huge" suffix, "SHM_HUGETLB", nodes, 0.001)
		with_mbind("huge" suffix, "SHM_HUGETLB", nodes, 0.001)
		with_base("huge-again" suffix, \
			  "second attach, SHM_HUGETLB", nodes, 0.001)
		with_base("swap-in" suffix, "swap-in", nodes, 0)
		with_mbind("swap-in" suffix, "swap-in", nodes, 0)
	}
	with_base("swap-in-tmpfs" suffix, "swap-in, tmpfs", 4, 0.001)
	with_base("swap-in-anon" suffix, "swap-in, anonymous", 4, 0.001)
}

# One walk of the allocator's slow path, with one attempt to reclaim.
function failing(	m)
{
	with_base("failing" suffix, "SIGBUS past the end of a file", 1, 0.001)
	for (m = 1; m <= modes; m++) {
		if (strength[m] == "soft")
			continue
		between("failing" suffix, mode[m], "unbound", 1, walk, 0, \
			"SIGBUS, full node, first fault: " walk \
			" over the signal alone at most" place)
		between("failing-swap-in" suffix, mode[m], "unbound", 1, walk, \
			0, "SIGBUS, full node, swap-in: " walk \
			" over the signal alone at most" place)
	}
}

function locked(	m, p)
{
	with_base("locked-first" suffix, "locked operations", 4, 0)
	with_base("locked-again" suffix, "locked operations, second attach", 4, 0)
	for (m = 1; m <= modes; m++) {
		p = policy[m]
		between("locked-first" suffix, mode[m], "unbound", 4, extra[p], \
			0, "locked operations, " p ": " extra[p] \
			" more than unbound at most" place)
	}
}

# In MiB of the segment.
function calls(	m, at)
{
	for (m = 1; m <= modes; m++) {
		for (at = 4; at <= 1048576; at *= at < 1024 ? 16 : 1024)
			at_most(series("call", mode[m], at), \
				figure("base", "call", nearest[policy[m]], at), \
				"the call: no more than mbind(2) on the base", \
				"series call " mode[m] " " at)
		at_most(series("call", mode[m], 1048576), \
			series("call", mode[m], 4), \
			"the call: no more for 1 TiB than for 4 MiB", \
			"series call " mode[m] " 1048576")
	}
}

# Bytes. Slabs that are not full may make a difference.
function sizes(	m)
{
	with_base("memory", "memory of a segment", 4, 0.01)
	for (m = 1; m <= modes; m++)
		between("memory", mode[m], "unbound", 4, 2112, 0, \
			"memory of a segment, bound: 2112 bytes more than " \
			"unbound at most")
	against("base", "image", "text", 0, 0.01, \
		"image: at most 1 in 100 larger than the base's")
	against("base", "image", "bzImage", 0, 0.01, \
		"image: at most 1 in 100 larger than the base's")
}

# What the first patch saves by itself.
function gain(what, least)
{
	at_most(figure("faults", what, "unbound", 4), \
		figure("base", what, "unbound", 4) - least, \
		"first patch: '" what "' costs at least " least " less", \
		"faults " what " unbound 4")
}

function check()
{
	factor = 2
	small(1)
	far()
	large(1, 64)
	failing()
	locked()
	calls()
	sizes()
	gain("first", 649)
	gain("again", 652)
	gain("order", 1880)

	factor = 4
	suffix = "@cpuset"
	place = ", in a cpuset"
	small(1)
	far()
	large(4, 4)
	failing()
	locked()

	suffix = "@narrowed"
	place = ", in a cpuset that narrows the mask"
	small(4)
	large(4, 4)
	locked()
}

BEGIN {
	modes = split("firstref|soft firstref|hard firstref|mask " \
		      "stripe|soft stripe|hard stripe|mask " \
		      "mostfree|soft mostfree|hard " \
		      "weighted|soft weighted|hard", mode)
	for (i = 1; i <= modes; i++) {
		split(mode[i], part, "|")
		policy[i] = part[1]
		strength[i] = part[2]
	}
	extra["firstref"] = extra["mostfree"] = 0
	extra["stripe"] = extra["weighted"] = 1
	nearest["firstref"] = "PREFERRED_MANY"
	nearest["stripe"] = "INTERLEAVE"
	nearest["weighted"] = "WEIGHTED_INTERLEAVE"
	# The one mode that looks at each node of the mask, too.
	nearest["mostfree"] = "WEIGHTED_INTERLEAVE"
	within[0.001] = " by 1 in 1000"
	within[0.01] = " by 1 in 100"
	walk = 350000
}

END {
	check()
	for (i = 1; i <= promises; i++) {
		text = texts[i]
		status = missing[text] ? "missing" : \
			 broken[text] ? "BROKEN " : "kept   "
		print status " " text (text in worst ? ": " worst[text] : "")
		failed += status !~ /^kept/
	}
	for (i = 1; i <= absents; i++)
		print "no figure: " absent[i]
	exit failed > 0
}
