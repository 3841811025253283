# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian packages of any suite without touching this machine: each suite has
# its own sources list, package lists and cache below $CACHE/apt. The servers
# are those this machine already uses for Debian; only the suite's name changes.
# Lists are refreshed once a day; without a network the old ones stay in use.

APT_LISTS_DAYS=1

# apt_bases: "main URI" and "security URI" as this machine knows them.
apt_bases() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets \
		--format '$(ORIGIN) $(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
		awk '$1 == "Debian" || (NF == 2 && $1 ~ /\/debian(-security)?\/$/) {
			uri = $(NF - 1)
			kind = $NF ~ /-security/ ? "security" : "main"
			if (!seen[kind]++) print kind, uri
		}'
}

# apt_sources SUITE...: the lines of a sources list.
apt_sources() {
	local suite kind uri bases
	bases=$(apt_bases)
	for suite; do
		kind=main
		[[ $suite == *-security ]] && kind=security
		uri=$(awk -v k="$kind" '$1 == k { print $2 }' <<<"$bases")
		[ -n "$uri" ] || {
			say "no Debian '$kind' server is known to this machine's apt" \
				"(wanted for $suite); run apt-get update, or add it to sources.list"
			return 1
		}
		printf 'deb [signed-by=%s] %s %s main\n' \
			/usr/share/keyrings/debian-archive-keyring.gpg "$uri" "$suite"
	done
}

apt_write_config() {
	local dir=$1 suites=$2
	mkdir -p "$dir"/{lists/partial,cache/archives/partial,state,none}
	: >"$dir/state/status"
	# shellcheck disable=SC2086 # a comma separated list of suites
	apt_sources ${suites//,/ } >"$dir/sources.list.new" || return 1
	mv "$dir/sources.list.new" "$dir/sources.list"
	cat >"$dir/apt.conf" <<-EOF
		Dir::State "$dir/state";
		Dir::State::status "$dir/state/status";
		Dir::State::lists "$dir/lists";
		Dir::Cache "$dir/cache";
		Dir::Cache::archives "$dir/cache/archives";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "$dir/none";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "$dir/none";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "3";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Post-Invoke;
	EOF
}

# apt_open SUITES: print the configuration file for SUITES, lists refreshed.
apt_open() {
	local suites=$1 dir=$CACHE/apt/$1
	mkdir -p "$dir"
	(
		exec 9>"$dir/.lock"
		flock 9
		if [ -z "$(find "$dir/fresh" -newer "${BASH_SOURCE[0]}" \
			-mtime -$APT_LISTS_DAYS 2>/dev/null)" ]; then
			if apt_write_config "$dir" "$suites" &&
				apt-get -c "$dir/apt.conf" -qq update >"$dir/log" 2>&1 9>&-; then
				touch "$dir/fresh"
			elif [ -e "$dir/fresh" ]; then
				say "package lists of $suites could not be refreshed" \
					"(see $dir/log); the old ones stay in use"
			else
				say "package lists of $suites could not be fetched:" \
					"$(tail -n 2 "$dir/log" 2>/dev/null)"
				exit 1
			fi
		fi
	) || return 1
	printf '%s\n' "$dir/apt.conf"
}

# apt_unpack CONF DIR PACKAGE...: fetch packages and unpack them into DIR.
apt_unpack() {
	local conf=$1 dir=$2 deb
	shift 2
	mkdir -p "$dir/.debs"
	(cd "$dir/.debs" && apt-get -c "$conf" -qq download "$@" >&2) || {
		say "could not fetch $*; is the network there?"
		return 1
	}
	for deb in "$dir"/.debs/*.deb; do
		dpkg -x "$deb" "$dir" || return 1
	done
	rm -rf "$dir/.debs"
}

# apt_field CONF PACKAGE FIELD: one field of the newest version of a package.
apt_field() {
	apt-cache -c "$1" --no-all-versions show "$2" 2>/dev/null |
		sed -n "s/^$3: //p" | head -n 1
}
