# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# How stories about hosts are told (attest, plan): a host is a machine of the lab, where `host`
# does what it is asked. To be sourced; the caller sets place, a folder of its own, and
# guest_options, what its machines have in common.

declare -A lab

chapter() { printf '\n\033[1m%s\033[0m\n' "$*"; }
tell() { printf '  %s\n' "$*"; }
indent() { sed 's/^/    /'; }

fail() {
	printf '\nThis step did not hold: %s\n' "$*"
	tail -n 5 "$place"/*/vtpmd.log "$place"/*.log 2>/dev/null
	exit 1
}

# show COMMAND: print it, run it here, show its output.
show() {
	printf '  $ %s\n' "$1"
	bash -o pipefail -c "$1" 2>&1 | indent || fail "$1"
}

# boot NAME OPTION...: the machine, in the background
boot() {
	local name=$1
	shift
	mkdir -p "$place/$name/state"
	rm -f "$place/$name"/{ready,*.do,*.out,*.status}
	VTPM_LAB_RESULTS=$place/$name selftests/lab/run --smp 1 --mem 1024 --timeout 900 \
		--tpm-state "$place/$name/tpm" "${guest_options[@]}" "$@" -- \
		selftests/demo/host "$name" >"$place/$name.log" 2>&1 &
	lab[$name]=$!
}

# until_there NAME FILE: for a machine that runs
until_there() {
	while [ ! -e "$place/$1/$2" ]; do
		kill -0 "${lab[$1]}" 2>/dev/null || fail "host $1 is not there any more"
		sleep 0.1
	done
}

# ask NAME COMMAND: its output, and its status
ask() {
	local task=${EPOCHREALTIME/./}
	printf '%s\n' "$2" >"$place/$1/$task.new"
	mv "$place/$1/$task.new" "$place/$1/$task.do"
	until_there "$1" "$task.status"
	until [ -s "$place/$1/$task.status" ]; do sleep 0.1; done
	cat "$place/$1/$task.out"
	return "$(<"$place/$1/$task.status")"
}

# on NAME COMMAND: the same, shown
on() {
	printf '  %s# %s\n' "$1" "$2"
	ask "$1" "$2" | indent || fail "on $1: $2"
}

power_off() {
	echo exit >"$place/$1/9.do"
	wait "${lab[$1]}" || fail "host $1 ended with status $?"
	unset "lab[$1]"
}

# of MEMBER...: of the JSON on stdin
of() {
	python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value[int(key) if key.isdigit() else key]
print(value if isinstance(value, str) else json.dumps(value))' "$@"
}
