# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Checks of tests that run inside the lab; to be sourced. One is a function that passes when
# it returns 0. Its output goes to $work/check.log, shown when it fails.

check() {
	local name=$1
	shift
	# shellcheck disable=SC2154 # work is the caller's
	if "$@" > "$work/check.log" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		tail -n 25 "$work/check.log" | sed 's/^/    /'
	fi
}

is() {
	[ "$1" = "$2" ] || {
		echo "got '$1', want '$2'"
		return 1
	}
}
