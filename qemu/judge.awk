# What came of a run: one line for each test, PASS, SKIP (needs what the
# topology lacks) or FAIL, then FAIL lines for what is wrong with the run itself.
#
# Read one after the other, each with `part` set before it:
#   tests      every test that must appear, as bin/check/tests prints them
#   facts      the topology's, as bin/guest/topology prints them
#   console    the kernel's messages
#   channel    the results: KTAP of run_kselftest.sh, in it that of each file
# Set for the whole: status, how the guest ended (0, or 124 by the time limit).

function fail(name, cause)
{
	print "FAIL " name ": " cause
}

function plan_of(line)
{
	sub(/.*1\.\./, "", line)
	return line + 0
}

{ sub(/\r$/, "") }

part == "tests"		{ expected[$0]; next }

part == "facts" {
	n = index($0, "=")
	fact[n ? substr($0, 1, n - 1) : $0] = n ? substr($0, n + 1) : 1
	next
}

# The kernel's own complaints. A kill for want of memory is one unless a test
# that provokes it has announced it, for that very program, and a memory cgroup's
# limit is what it ran into.

part == "console"	{ messages++ }

part == "console" && sub(/.*shmbind: expect oom /, "") {
	doomed[$0]
	announced = 1
	next
}

part == "console" && /Killed process [0-9]+ \(/ {
	victim = $0
	sub(/.*Killed process [0-9]+ \(/, "", victim)
	sub(/\).*/, "", victim)
	if (!(victim in doomed) || !/Memory cgroup out of memory/)
		fail("console", $0)
	next
}

part == "console" && /invoked oom-killer|no killable processes/ && announced {
	next
}

part == "console" && \
(/BUG[: ]|WARNING|Oops|KASAN|UBSAN|KCSAN|ODEBUG|INFO: |DEADLOCK|Bad page/ || \
 /soft lockup|hard LOCKUP|blocked for more than|detected stall/ || \
 /general protection|[Uu]nable to handle|corruption|Kernel panic/ || \
 /new suspected memory leak|unreferenced object/ || \
 /page allocation failure|invoked oom-killer|no killable processes/ || \
 /scheduling while atomic|sleeping function called|RCU used illegally/) {
	fail("console", $0)
}

part == "console"	{ next }

# has(NEED) - Has the topology what the test said it needs?
function has(need,	n)
{
	n = index(need, "=")
	if (!n)
		return need in fact
	return substr(need, n + 1) + 0 <= fact[substr(need, 1, n - 1)] + 0
}

function known(need)
{
	return need ~ /^((cpu)?nodes|slow|gigantic)=[0-9]+$/ ||
	       need ~ /^(cpuless|memless|distances|single|cma|offline)$/ ||
	       need ~ /^(failslab|uffdwp|thpswap)$/
}

# A skip stands when each need is one that we know and one of them is not met.
function skip(name, reason,	need, n, i, lacking)
{
	if (reason !~ /^needs /) {
		print "SKIP " name ": unexpected, " reason
		return
	}
	n = split(substr(reason, 7), need, " ")
	for (i = 1; i <= n; i++) {
		if (!known(need[i])) {
			print "SKIP " name ": unexpected, " reason
			return
		}
		lacking += !has(need[i])
	}
	if (lacking)
		print "ELSE " name ": " reason
	else
		print "SKIP " name ": unexpected, this topology has it, " reason
}

# A result of one test: number, name, and what stands behind a hash.
function result(line,	ok, number, name, n, directive)
{
	ok = line ~ /^ok/
	sub(/^(not )?ok /, "", line)
	number = line + 0
	sub(/^[0-9]+ /, "", line)
	n = index(line, " # ")
	directive = n ? substr(line, n + 3) : ""
	name = file "." (n ? substr(line, 1, n - 1) : line)

	if (number != ++results)
		fail(name, "is number " number ", " results " was to come")
	if (seen[name]++)
		fail(name, "has two results")
	else if (!(name in expected))
		fail(name, "is no test that we know")
	else if (ok && directive ~ /^SKIP /)
		skip(name, substr(directive, 6))
	else if (ok && directive == "")
		print "PASS " name
	else {
		failures++
		fail(name, directive == "" ? "not ok" said : directive)
	}
}

# The result of a file: it agrees with those of its tests.
function end_of_file(line)
{
	if (line !~ /: [^ ]+$/ && line !~ /# exit=1$/ || \
	    line ~ /^not/ && !failures) {
		sub(/.*selftests: [^:]*: /, "", line)
		fail(file, "ended with: " line)
	}
	if (plan == "")
		fail(file, "has no plan")
	else if (!plan)
		fail(file, "has no tests")
	else if (results != plan)
		fail(file, "has " results " results, the plan is " plan)
	file = ""
}

file_plan == "" && /^1\.\.[0-9]+$/ {
	file_plan = plan_of($0)
}

/^# selftests: [^:]*: / {
	if (file != "")
		fail(file, "has not come to its end")
	file = $NF
	plan = ""
	results = failures = 0
}

file != "" && /^# 1\.\.[0-9]+/ {
	plan = plan_of($0)
}

# The first of its expectations that did not hold.
file != "" && /^# #  RUN / {
	said = ""
}

file != "" && /^# # [a-z]+\.[ch]:[0-9]+:/ && said == "" {
	said = ", " substr($0, 5)
}

file != "" && /^# (not )?ok [0-9]+ / {
	result(substr($0, 3))
	said = ""
}

/^(not )?ok [0-9]+ selftests: / {
	files++
	end_of_file($0)
}

ended != "" {
	fail("run", "goes on behind its end")
}

/^# end of run: exit status [0-9]+$/ {
	ended = $NF
}

END {
	if (status == 124)
		fail("run", "the time limit")
	else if (status)
		fail("run", "QEMU ended with status " status)
	if (!messages)
		fail("run", "the console is empty")
	if (file != "")
		fail(file, "has not come to its end")
	if (file_plan == "")
		fail("run", "there is no plan")
	else if (!file_plan)
		fail("run", "there are no tests")
	else if (files != file_plan)
		fail("run", files + 0 " files, the plan is " file_plan)
	if (ended == "")
		fail("run", "there is no end marker")
	else if (ended > 1)
		fail("run", "the runner ended with status " ended)
	for (name in expected)
		if (!(name in seen))
			fail(name, "has no result")
}
