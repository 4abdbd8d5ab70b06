# Lines of build/bench/result as a picture, SVG: the median cost of a first fault
# against the number of nodes, a curve for each mode on our kernel.

$1 == "series" && $2 == "first" {
	if (!($3 in number)) {
		number[$3] = ++modes
		name[modes] = $3
	}
	cost[$3, $4] = $5
	if ($5 > top)
		top = $5
	if (!bottom || $5 < bottom)
		bottom = $5
}

function x(nodes)	{ return 70 + log(nodes) / log(2) * 80 }
function y(value)	{ return 380 - (value - low) / (high - low) * 340 }

function text(left, up, size, anchor, words)
{
	printf "<text x=\"%d\" y=\"%d\" font-size=\"%d\" " \
	       "text-anchor=\"%s\">%s</text>\n", left, up, size, anchor, words
}

function axes(	value, nodes)
{
	for (value = low; value <= high; value += step) {
		printf "<path stroke=\"#ddd\" d=\"M70 %d H550\"/>\n", y(value)
		text(64, y(value) + 4, 11, "end", value)
	}
	for (nodes = 1; nodes <= 64; nodes *= 2)
		text(x(nodes), 398, 11, "middle", nodes)
	text(310, 418, 12, "middle", "nodes in the mask")
	text(310, 24, 13, "middle", "instructions of a first fault, median")
}

function curve(m,	nodes, path)
{
	for (nodes = 1; nodes <= 64; nodes *= 2)
		path = path (path ? " L" : "M") x(nodes) " " \
		       int(y(cost[m, nodes]))
	printf "<path fill=\"none\" stroke=\"hsl(%d,70%%,40%%)\" " \
	       "stroke-width=\"2\"%s d=\"%s\"/>\n", number[m] * 360 / modes, \
	       m ~ /\|/ ? "" : " stroke-dasharray=\"5 3\"", path
	printf "<g fill=\"hsl(%d,70%%,40%%)\">", number[m] * 360 / modes
	text(562, 40 + number[m] * 18, 12, "start", m)
	print "</g>"
}

END {
	step = 100
	while ((top - bottom) / step > 12)
		step *= 2
	low = int(bottom / step) * step
	high = (int(top / step) + 1) * step
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"740\" " \
	      "height=\"430\" font-family=\"sans-serif\">"
	print "<rect width=\"740\" height=\"430\" fill=\"#fff\"/>"
	axes()
	for (i = 1; i <= modes; i++)
		curve(name[i])
	print "</svg>"
}
