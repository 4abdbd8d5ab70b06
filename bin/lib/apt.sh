# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by what asks the system's own mirror for a kernel source, through apt:
# so proxies, signatures and resuming are apt's. Its lists and its cache are
# ours, never the system's.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lib.sh"

apt=$cache/apt
suite=$(base suite) deb=deb		# what is asked for
or_ksrc='or give a kernel that you have: KSRC=/path/to/linux'

apt_mirror()
{
	local codename
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	apt-get update --print-uris -o Dir::State="$apt" |
		sed -n "s|^'\(.*\)/dists/$codename/InRelease'.*|\1|p" | sed 1q
}

apt_keyring()
{
	local key
	for key in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[[ ! -f $key ]] || { echo "$key"; return; }
	done
}

apt_configure()
{
	local url key
	url=$(apt_mirror)
	key=$(apt_keyring)
	[[ $key ]] || die "the keyring of Debian's archive is missing" \
		"install debian-archive-keyring, $or_ksrc"
	[[ $url ]] || die "apt here knows no mirror of Debian" \
		"add one to /etc/apt/sources.list, $or_ksrc"

	mkdir -p "$apt"/{lists,archives}/partial
	echo "$deb [signed-by=$key] $url $suite main" >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
	#clear APT::Update;
	APT::Update::Error-Mode "any";
	APT::Sandbox::User "root";
	APT::Install-Recommends "false";
	Acquire::Languages "none";
	Debug::NoLocking "true";
	Dir::Cache "$apt";
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State "$apt";
	Dir::State::status "/var/lib/dpkg/status";
	END
}

# Runs apt-get; when it fails, says why in one line.
apt_get()
{
	local log=$logs/fetch.log
	mkdir -p "$logs"
	apt-get -c "$apt/apt.conf" -y -qq "$@" >"$log" 2>&1 && return
	told
	case $(<"$log") in
	*NO_PUBKEY*|*EXPKEYSIG*|*BADSIG*|*'not signed'*)
		die "the signature of the mirror's $suite is not good" \
		    "install a newer debian-archive-keyring, $or_ksrc";;
	*'No space left'*|*'enough free space'*)
		die "no space left for $cache" "make room (1 GB)";;
	*404*|*'does not have a Release file'*)
		die "the system's mirror has no $suite, or not all of it" \
		    "use another mirror, $or_ksrc";;
	esac
	die "the mirror does not answer: $(sed -n '/^[EW]:/{p;q}' "$log")" \
	    "check the network and $log, $or_ksrc"
}
