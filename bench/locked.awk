# What the plugin locked.c has counted, put beside the names that bench.c printed
# and the kernel's symbols. Prints lines of build/bench/result; to the file
# `places`, for each figure, whose cache lines the locked operations were on.
#
# Read one after the other, each with `part` set before it:
#   names    what mode nodes, a line for each figure
#   lines    bench/lines
#   symbols  address name, sorted
#   figures  the plugin's log

part == "names"		{ name[++names] = $0; next }

part == "lines" && !/^#/ {
	split($0, field, "\t")
	sharer[field[1]] = field[2]
	line[field[1]] = field[3]
}

part == "lines"		{ next }

part == "symbols"	{ address[++symbols] = $1; symbol[symbols] = $2; next }

# The symbol before a hexadecimal address; of equal length they sort as numbers.
function of(addr,	low, high, middle)
{
	addr = sprintf("%16s", addr)
	gsub(/ /, "0", addr)
	low = 1
	high = symbols
	while (low < high) {
		middle = int((low + high + 1) / 2)
		if (address[middle] "" <= addr "")
			low = middle
		else
			high = middle - 1
	}
	return symbol[low]
}

# A lock's own function says little: who called it?
function place(addr, call,	function_name)
{
	function_name = of(addr)
	if (function_name ~ /^_raw_|^queued_|^native_|^down_|^up_|_lock$/)
		function_name = function_name " < " of(call)
	return function_name
}

# The place with most; nothing if none has any to speak of.
function most(	p, best)
{
	for (p in times)
		if (best == "" || times[p] > times[best] || \
		    times[p] == times[best] && p < best)
			best = p
	return best != "" && times[best] / samples >= 0.02 ? best : ""
}

function flush(	p, who, sum)
{
	while ((p = most()) != "") {
		who = p in sharer ? sharer[p] : "?"
		sum[who] += times[p] / samples
		printf "  %5.2f  %-8s %s%s\n", times[p] / samples, who, p,
		       p in line ? ": " line[p] : "" >places
		delete times[p]
	}
	for (p in times)
		delete times[p]
	for (who in sum)
		printf "  %5.2f  in all on lines of: %s\n", sum[who], who >places
}

part == "figures" && $1 == "figure" {
	flush()
	samples = $4
	print kernel, name[++figures], $2, $3, $4
	print name[figures] ": " $2 >places
}

part == "figures" && $1 == "at" {
	times[place($2, $3)] += $4
}

END {
	flush()
	if (figures != names) {
		print "locked.awk: " names " names, " figures + 0 " figures" \
			>"/dev/stderr"
		exit 1
	}
}
