# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by selftests and command, which run tests in a guest and have the run
# judged. They set
#
#   name      the name of the set, and of its files in build/results
#   topology  the guest's
#   limit     seconds
#   program   what runs in the guest, with its arguments
#   tests     the names of the tests that must appear
. "$(dirname "${BASH_SOURCE[0]}")/../guest/guest.sh"

# Show each test as it ends, and the output of those that failed.
show()
{
	local line file='' said=()
	[[ ${V:-} != 1 ]] || { cat; return; }
	while IFS= read -r line; do
		case $line in
		'# selftests: '*)	file=${line##* } said=() ;;
		'# ok '*' # SKIP '*)	ended SKIP ;;
		'# ok '*)		ended PASS ;;
		'# not ok '*)		ended FAIL; printf '%s\n' "${said[@]}" ;;
		'# #  RUN '*)		said=() ;;
		'# # '*)		said+=("          ${line#\# \# }") ;;
		esac
	done
}

ended()
{
	line=${line#\# } line=${line#not } line=${line#ok * }
	say "$1" "$topology: $file.${line/ # SKIP /: }"
}

# The functions of our files, in which no data race is accepted.
own_functions()
{
	"${cross}nm" "$objects"/{mm,ipc}/shmbind.o | awk '$2 ~ /^[tT]$/ { print $3 }'
}

# Run the tests, and judge the run.
run_judged()
{
	local status=0
	mkdir -p "$results" "$logs"
	exec 8>"$logs/$name.lock"
	flock -n 8 ||
		die "the tests are running in $name already" "wait until they end"
	rm -f "$results/$name".* "$logs/$name.console"
	ACCEL=$("$root/bin/guest/accel")
	export ACCEL
	say QEMU "$name: $(wc -l <<<"$tests") tests, $ACCEL"
	"$root/bin/guest/vm" --limit "$limit" "${places[@]}" \
		"$topology" "$name" "${program[@]}" </dev/null |
		tee "$results/$name.ktap" | show || status=$?
	"$root/bin/check/judge.py" --status "$status" --races "$(own_functions)" \
		--facts "$("$root/bin/guest/topology.py" facts "$topology")" \
		--console "$logs/$name.console" "$results/$name.ktap" <<<"$tests"
}
