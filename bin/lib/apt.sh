# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by scripts that download from the system's mirror. apt does it, so it
# handles proxies, signatures and interrupted downloads. Lists and cache are our
# own, never the system's.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/lib.sh"

apt=$cache/apt
suite=$(base suite) deb=deb		# what to download from
or_ksrc='or use a kernel tree of your own: KSRC=/path/to/linux'

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
	[[ $url ]] || die "apt has no mirror of Debian in its sources" \
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

# Run apt-get; if it fails, print the cause in one line.
apt_get()
{
	local log=$logs/fetch.log
	mkdir -p "$logs"
	apt-get -c "$apt/apt.conf" -y -qq "$@" >"$log" 2>&1 && return
	told
	case $(<"$log") in
	*NO_PUBKEY*|*EXPKEYSIG*|*BADSIG*|*'not signed'*)
		die "the signature of $suite at the mirror is not valid" \
		    "install a newer debian-archive-keyring, $or_ksrc";;
	*'No space left'*|*'enough free space'*)
		die "no space left for $cache" "free 1 GB";;
	*404*|*'does not have a Release file'*)
		die "the system's mirror does not have all of $suite" \
		    "use another mirror, $or_ksrc";;
	esac
	die "the mirror does not answer: $(sed -n '/^[EW]:/{p;q}' "$log")" \
	    "check the network and $log, $or_ksrc"
}
