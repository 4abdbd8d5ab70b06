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
function with_mbind(what, name, at, tolerance,	p, s, mode)
{
	for (p = 1; p <= 3; p++) {
		for (s = 1; s <= 2; s++) {
			mode = policy[p] "|" strength[s]
			between(what, mode, nearest[mode], at, 0, tolerance, \
				name ", " policy[p] ": no more than " \
				nearest[mode] within[tolerance] place)
		}
	}
}

# first_faults(NODES) - Beside what they cost that are not bound.
function first_faults(nodes,	s, what, name)
{
	what = "first" suffix
	name = "first fault, "
	for (s = 1; s <= 2; s++) {
		between(what, "firstref|" strength[s], "unbound", nodes, 40, 0, \
			name "firstref: 40 over unbound at most" place)
		between(what, "stripe|" strength[s], "unbound", nodes, 120, 0, \
			name "stripe: 120 over unbound at most" place)
		if (nodes == 4)
			between(what, "mostfree|" strength[s], "unbound", 4, \
				160, 0, name "mostfree: 160 over unbound at " \
				"most with 4 nodes" place)
		between(what, "mostfree|" strength[s], \
			"firstref|" strength[s], nodes, 100 + 25 * nodes, 0, \
			name "mostfree: 100 + 25 a node over firstref at most" \
			place)
	}
}

# small(FEWEST) - Pages of 4 KiB. The cost of reading in order is a mean over pages
# of which most cost nothing. If a cpuset narrows the mask, the limit is the cost of
# mbind(2) alone.
function small(fewest,	nodes, s)
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
	for (s = 1; s <= 2; s++)
		at_most(series("first" suffix, "stripe|" strength[s], 64), \
			series("first" suffix, "stripe|" strength[s], 4) + 20, \
			"first fault, stripe: 64 nodes cost 20 more than 4 at " \
			"most" place, "series first" suffix " stripe|" \
			strength[s] " 64")
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
function failing(	p, mode)
{
	with_base("failing" suffix, "SIGBUS past the end of a file", 1, 0.001)
	for (p = 1; p <= 3; p++) {
		mode = policy[p] "|hard"
		between("failing" suffix, mode, "unbound", 1, walk, 0, \
			"SIGBUS, full node, first fault: " walk \
			" over the signal alone at most" place)
		between("failing-swap-in" suffix, mode, "unbound", 1, walk, 0, \
			"SIGBUS, full node, swap-in: " walk \
			" over the signal alone at most" place)
	}
}

function locked(	p, s, mode)
{
	with_base("locked-first" suffix, "locked operations", 4, 0)
	with_base("locked-again" suffix, "locked operations, second attach", 4, 0)
	for (p = 1; p <= 3; p++) {
		for (s = 1; s <= 2; s++) {
			mode = policy[p] "|" strength[s]
			between("locked-first" suffix, mode, "unbound", 4, \
				extra[policy[p]], 0, "locked operations, " \
				policy[p] ": " extra[policy[p]] \
				" more than unbound at most" place)
		}
	}
}

# In MiB of the segment.
function calls(	p, s, mode, at)
{
	for (p = 1; p <= 3; p++) {
		for (s = 1; s <= 2; s++) {
			mode = policy[p] "|" strength[s]
			for (at = 4; at <= 1048576; at *= at < 1024 ? 16 : 1024)
				at_most(series("call", mode, at), \
					figure("base", "call", nearest[mode], at), \
					"the call: no more than mbind(2) on the " \
					"base", "series call " mode " " at)
			at_most(series("call", mode, 1048576), \
				series("call", mode, 4), \
				"the call: no more for 1 TiB than for 4 MiB", \
				"series call " mode " 1048576")
		}
	}
}

# Bytes. Slabs that are not full may make a difference.
function sizes(	p, s, mode)
{
	with_base("memory", "memory of a segment", 4, 0.01)
	for (p = 1; p <= 3; p++) {
		for (s = 1; s <= 2; s++) {
			mode = policy[p] "|" strength[s]
			between("memory", mode, "unbound", 4, 2112, 0, \
				"memory of a segment, bound: 2112 bytes more " \
				"than unbound at most")
		}
	}
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
	split("firstref stripe mostfree", policy)
	split("soft hard", strength)
	extra["firstref"] = extra["mostfree"] = 0
	extra["stripe"] = 1
	nearest["firstref|soft"] = nearest["firstref|hard"] = "PREFERRED_MANY"
	nearest["stripe|soft"] = nearest["stripe|hard"] = "INTERLEAVE"
	# The one mode that looks at each node of the mask, too.
	nearest["mostfree|soft"] = nearest["mostfree|hard"] = \
		"WEIGHTED_INTERLEAVE"
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
