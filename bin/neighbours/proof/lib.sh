# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
# Sourced by the proofs, which run in the guest's shell. At the end, a proof
# exits with $status.
status=0
cd /tmp || exit

# verdict CLAIM COMMAND... - Print whether the command succeeds.
verdict()
{
	claim=$1
	shift
	if "$@" >/tmp/verdict 2>&1; then
		echo "ok - $claim"
	else
		echo "not ok - $claim"
		sed 's/^/# /' /tmp/verdict
		status=1
	fi
}

# same CLAIM FILE - Compare the file with what is expected, on stdin.
same()
{
	cat >/tmp/expected
	verdict "$1" diff -u /tmp/expected "$2"
}
