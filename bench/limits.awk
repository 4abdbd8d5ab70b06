# Does build/bench/result keep what the series promises? Prints a line for each
# promise, and fails if one is broken.

/^#/	{ next }
{
	median[$1, $2, $3, $4] = $5
	mean[$1, $2, $3, $4] = $6
}

function figure(kernel, what, mode, at)
{
	if (!((kernel, what, mode, at) in median))
		missing = missing " " kernel "/" what "/" mode "/" at
	return what == "order" ? mean[kernel, what, mode, at] : \
				 median[kernel, what, mode, at]
}

function series(what, mode, at)
{
	return figure("series", what, mode, at)
}

# promise(HOLDS, TEXT) - Said once for each text: of all its cases the worst.
function promise(holds, text)
{
	if (!(text in broken))
		texts[++promises] = text
	broken[text] += !holds
}

# faults_of(POLICY, NODES, NEAREST) - Against the nearest mode of mbind(2), from a
# node of the mask and, but for all nodes there are, from another one.
function faults_of(policy, nodes, nearest,	s, mode)
{
	for (s = 1; s <= 2; s++) {
		mode = policy "|" strength[s]
		promise(series("first", mode, nodes) < \
			series("first", nearest, nodes),
			policy ": a first fault is cheaper than with " nearest)
		promise(nodes == 64 || series("far", mode, nodes) < \
			series("far", nearest, nodes),
			policy ": so it is from a node outside the mask")
	}
}

function gain(what, least)
{
	promise(figure("base", what, "unbound", 4) - \
		figure("faults", what, "unbound", 4) >= least,
		"faults under the VMA lock, and around: '" what \
		"' saves " least " or more")
}

function check(	nodes, s, p, mode)
{
	for (nodes = 1; nodes <= 64; nodes *= 2) {
		promise(series("first", "unbound", nodes) <= \
			figure("faults", "first", "unbound", nodes),
			"unbound: not an instruction more in a first fault")
		faults_of("firstref", nodes, "PREFERRED_MANY")
		faults_of("stripe", nodes, "INTERLEAVE")
		for (s = 1; s <= 2; s++)
			promise(series("first", "mostfree|" strength[s], nodes) \
				- series("first", "firstref|" strength[s], nodes) \
				<= 100 + 25 * nodes,
				"mostfree: 100 + 25 a node over firstref, or less")
	}
	for (s = 1; s <= 2; s++)
		promise(series("first", "stripe|" strength[s], 64) - \
			series("first", "stripe|" strength[s], 4) <= 20,
			"stripe: 64 nodes cost 20 more than 4, or less")
	for (p in extra) {
		for (s = 1; s <= 2; s++) {
			mode = p "|" strength[s]
			promise(series("locked-first", mode, 4) - \
				series("locked-first", "unbound", 4) <= extra[p],
				p ": " extra[p] " locked operations more than " \
				"unbound, or less")
			promise(series("call", mode, 4) < \
				series("call", nearest[p], 4),
				"shmbind is cheaper than mbind")
			promise(series("call", mode, 4) == \
				series("call", mode, 1048576),
				"shmbind costs the same for 4 MiB and 1 TiB")
		}
	}
	gain("first", 649)
	gain("again", 652)
	gain("order", 1880)
}

END {
	split("soft hard", strength)
	extra["firstref"] = extra["mostfree"] = 0
	extra["stripe"] = 1
	nearest["firstref"] = nearest["mostfree"] = "PREFERRED_MANY"
	nearest["stripe"] = "INTERLEAVE"
	check()
	promise(missing == "", "all figures are there")
	for (i = 1; i <= promises; i++) {
		print (broken[texts[i]] ? "BROKEN" : "kept  ") " " texts[i]
		failed += broken[texts[i]]
	}
	if (missing)
		print "missing:" missing
	exit failed > 0
}
