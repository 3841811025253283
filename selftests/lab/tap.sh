# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tests that run in the lab, as TAP; to be sourced. In the guest they print "ok NAME", "not
# ok NAME" or "skip NAME: WHY" per check; these are numbered here. A boot that fails otherwise
# (a splat in the console, a time-out) is one more failure.
#
#   tap_boot KERNEL [OPTION of run...] -- COMMAND...
#   tap_end		prints "N passed, N failed, N skipped"; status 1 where some failed

tap_passed=0 tap_failed=0 tap_skipped=0
tap_log=$(mktemp)
trap 'rm -f "$tap_log"' EXIT

tap_lines() {
	local kernel=$1 line n
	while IFS= read -r line; do
		n=$((tap_passed + tap_failed + tap_skipped + 1))
		case $line in
		"ok "*)
			tap_passed=$((tap_passed + 1))
			echo "ok $n - $kernel: ${line#ok }"
			;;
		"not ok "*)
			tap_failed=$((tap_failed + 1))
			echo "not ok $n - $kernel: ${line#not ok }"
			;;
		"skip "*)
			tap_skipped=$((tap_skipped + 1))
			line=${line#skip }
			echo "ok $n - $kernel: ${line%%:*} # SKIP ${line#*: }"
			;;
		*)
			echo "# $line"
			;;
		esac
	done
}

tap_boot() {
	local kernel=$1 status=0
	shift
	selftests/lab/run --kernel "$kernel" "$@" >"$tap_log" 2>&1 || status=$?
	tap_lines "$kernel" <"$tap_log"
	case $status in
	0) ;;
	77) tap_lines "$kernel" <<<"skip the whole boot: $(grep -m1 SKIP "$tap_log")" ;;
	*) tap_lines "$kernel" <<<"not ok the boot ended with status $status" ;;
	esac
}

tap_end() {
	echo "$tap_passed passed, $tap_failed failed, $tap_skipped skipped"
	[ "$tap_failed" = 0 ]
}
