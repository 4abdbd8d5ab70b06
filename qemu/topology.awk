# A topology, nodes on the first line and distances on the second, as arguments
# for QEMU (show=qemu) or Linux (show=linux), or as what a test may need
# (show=facts).
# host is the MiB of memory that the guest may have, if that is to be looked at.
# With tells=0 slow memory, and offline memory, is there like any other. That of
# a node is a multiple of align MiB. offers are needs that the kernel meets.
# With debug=1 the first node gets in addition what that kernel takes from it for
# itself, so that the tests find the same machine: its tables, and KASAN's eighth
# of all memory.

function fail(cause)
{
	print cause
	failed = 1
	exit 1
}

function mebibytes(size)
{
	if (size !~ /^(0|[1-9][0-9]?[0-9]?[0-9]?[0-9]?[MG])$/)
		fail("'" size "' is no size like 512M or 1G (node " nodes ")")
	return size ~ /G/ ? size * 1024 : size + 0
}

# take_cpus(LIST) - FIRST or FIRST-LAST, for the node that is being read.
function take_cpus(list,	range, n, cpu)
{
	if (list !~ /^cpus=[0-9][0-9]?[0-9]?(-[0-9][0-9]?[0-9]?)?$/)
		fail("'" list "' is nothing like cpus=0 or cpus=0-1 (node " \
		     nodes ")")
	sub(/cpus=/, "", list)
	n = split(list, range, "-")
	if (range[1] + 0 > range[n] + 0)
		fail("'" list "' are no CPUs, the last is before the first")
	for (cpu = range[1] + 0; cpu <= range[n] + 0; cpu++) {
		if (cpu in node_of)
			fail("CPU " cpu " is on nodes " node_of[cpu] " and " \
			     nodes)
		node_of[cpu] = nodes
		cpus++
	}
	cpus_of[nodes] = cpus_of[nodes] ",cpus=" list
}

# take_area(SIZE) - A CMA area on the node that is being read.
function take_area(size)
{
	sub(/cma=/, "", size)
	cma[nodes] = mebibytes(size)
	if (cma[nodes] >= memory[nodes])
		fail("node " nodes " has a CMA area of " size ", and not more " \
		     "memory than that")
}

function read_node(word,	part, n, i)
{
	if (plugged)
		fail("node " nodes - 1 " is offline, and not the last")
	n = split(word, part, ",")
	memory[nodes] = mebibytes(part[1])
	memory[nodes] += (align - memory[nodes] % align) % align
	total += memory[nodes]
	for (i = 2; i <= n; i++)
		if (part[i] ~ /^cma=/)
			take_area(part[i])
		else if (part[i] !~ /^(slow|offline)$/)
			take_cpus(part[i])
		else if (tells && part[i] == "slow")
			slow[nodes] = ++tiers
		else if (tells)
			plugged = memory[nodes]
	if (!memory[nodes] && !cpus_of[nodes])
		fail("node " nodes " has neither memory nor CPUs")
	if (memory[nodes] && memory[nodes] < 4)
		fail("node " nodes " has " memory[nodes] " MiB, Linux " \
		     "passes over less than 4")
	if (plugged)
		memory[nodes] = 0
	nodes++
}

function check_nodes(	cpu, n, numbered)
{
	if (!total)
		fail("there is no node with memory")
	if (!cpus)
		fail("there is no node with CPUs")
	for (cpu = 0; cpu < cpus; cpu++)
		if (!(cpu in node_of))
			fail("CPU " cpu " is on no node")
		else if (node_of[cpu] > numbered)
			fail("CPU " cpu " is on node " node_of[cpu] ", which " \
			     "Linux numbers " numbered + 0 ": by CPU, and those " \
			     "without after the others")
		else if (node_of[cpu] == numbered)
			numbered++
	if (cpus > 64)
		fail("there are " cpus " CPUs, the guest's kernel knows 64")
	if (nodes > 64)
		fail("there are " nodes " nodes, the guest's kernel knows 64")
	for (n = 0; n < nodes; n++) {
		if (n in slow && (cpus_of[n] != "" || !memory[n]))
			fail("node " n " is slow: that is memory without CPUs")
		if (tiers && !memory[n])
			fail("node " n " has no memory, where another is " \
			     "slow: QEMU cannot describe that")
	}
	if (plugged && cpus_of[nodes - 1] != "")
		fail("node " nodes - 1 " is offline: that is memory without CPUs")
	if (host != "" && total > host + 0)
		fail("the nodes have " total " MiB, this machine can give " \
		     host)
}

function read_distance(word,	part)
{
	if (word !~ /^[0-9]+,[0-9]+=[0-9]+$/)
		fail("'" word "' is no distance like 0,1=20")
	split(word, part, /[,=]/)
	if (part[1] + 0 >= nodes || part[2] + 0 >= nodes)
		fail("'" word "' names a node that is not there")
	if (part[1] + 0 == part[2] + 0 && part[3] != 10)
		fail("'" word "': a node is 10 from itself")
	if (part[1] + 0 != part[2] + 0 && (part[3] < 11 || part[3] > 254))
		fail("'" word "': to another node it is 11 to 254")
	distance[part[1] + 0, part[2] + 0] = part[3] + 0
}

function complete_distances(	a, b)
{
	for (a = 0; a < nodes; a++)
		for (b = 0; b < nodes; b++) {
			if ((a, b) in distance)
				continue
			if (a == b)
				distance[a, b] = 10
			else if ((b, a) in distance)
				distance[a, b] = distance[b, a]
			else
				distance[a, b] = distance[b, a] = 20
		}
}

function first_with_memory(	n)
{
	for (n = 0; !memory[n]; n++)
		;
	return n
}

function make_room_for_debugging(	room)
{
	room = 64 + int(total / 8)
	memory[first_with_memory()] += room
	total += room
}

function nearest_with_cpus(n,	m, nearest)
{
	nearest = -1
	for (m = 0; m < nodes; m++)
		if (cpus_of[m] != "" && (nearest < 0 || \
		    distance[m, n] < distance[nearest, n]))
			nearest = m
	return nearest
}

# ACPI's HMAT, which makes slow memory a tier of its own: nanoseconds and bytes
# per second, a tenth of what the others have.
function print_speeds(	n, m, to)
{
	for (n = 0; n < nodes; n++) {
		if (!memory[n])
			continue
		for (m = 0; m < nodes; m++) {
			if (cpus_of[m] == "")
				continue
			to = "-numa hmat-lb,initiator=" m ",target=" n \
			     ",hierarchy=memory,data-type=access-"
			print to "latency,latency=" (n in slow ? 1000 : 100)
			print to "bandwidth,bandwidth=" (n in slow ? 1 : 10) "G"
		}
	}
}

function print_qemu(	n, m)
{
	print "-m", total - plugged "M" \
	      (plugged ? ",slots=1,maxmem=" total "M" : "")
	# what lies there has holes and tables: no huge page of 1 GiB fits
	if (total >= 4096 && ENVIRON["ARCH"] == "x86_64")
		print "-machine max-ram-below-4g=1G"
	if (plugged) {
		print "-object memory-backend-ram,id=plugged,size=" plugged "M"
		print "-device pc-dimm,memdev=plugged,node=" nodes - 1
	}
	if (tiers)
		print "-machine hmat=on"
	print "-smp", cpus ",sockets=" cpus ",cores=1,threads=1"
	for (n = 0; n < nodes; n++) {
		if (memory[n])
			print "-object memory-backend-ram,id=m" n ",size=" \
			      memory[n] "M"
		print "-numa node,nodeid=" n cpus_of[n] \
		      (memory[n] ? ",memdev=m" n : "") \
		      (tiers ? ",initiator=" nearest_with_cpus(n) : "")
	}
	for (n = 0; n < nodes; n++)
		for (m = 0; m < nodes; m++)
			print "-numa dist,src=" n ",dst=" m ",val=" \
			      distance[n, m]
	if (tiers)
		print_speeds()
}

# Kernel parameters.
function print_linux(	n, areas)
{
	for (n = 0; n < nodes; n++)
		if (n in cma)
			areas = areas (areas ? "," : "") n ":" cma[n] "M"
	if (areas)
		print "numa_cma=" areas
}

function different_distances(from,	to, seen, count)
{
	for (to = 0; to < nodes; to++)
		if (memory[to] && !seen[distance[from, to]]++)
			count++
	return count
}

function print_facts(	n, part, has, both, cpuless, memless, far, gigantic,\
			areas)
{
	for (n = 0; n < nodes; n++) {
		has += memory[n] > 0
		both += memory[n] > 0 && cpus_of[n] != ""
		cpuless += memory[n] && cpus_of[n] == ""
		memless += !memory[n] && cpus_of[n] != ""
		gigantic += memory[n] > 2048
		far += cpus_of[n] != "" && different_distances(n) >= 3
	}
	print "nodes=" has
	print "cpunodes=" both + 0
	if (cpuless)
		print "cpuless"
	if (memless)
		print "memless"
	if (far)
		print "distances"
	if (has == 1)
		print "single"
	if (tiers)
		print "slow=" tiers
	if (gigantic)
		print "gigantic=" gigantic
	for (n in cma)
		areas++
	if (areas)
		print "cma"
	if (plugged)
		print "offline"
	n = split(offers, part, " ")
	while (n)
		print part[n--]
	print "failslab"
}

BEGIN	{ nodes = cpus = 0 }
NR == 1	{ for (i = 1; i <= NF; i++) read_node($i); check_nodes() }
NR == 2	{ for (i = 1; i <= NF; i++) read_distance($i) }

END {
	if (failed)
		exit 1
	complete_distances()
	if (debug)
		make_room_for_debugging()
	if (show == "qemu")
		print_qemu()
	else if (show == "linux")
		print_linux()
	else
		print_facts()
}
