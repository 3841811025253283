# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2120
#
# A host for end-to-end tests on this machine, to be sourced: vtpmd --foreground, with a swtpm
# as the host's TPM, and vtpmctl as its user. The caller sets root, the project; work, a folder of
# its own; wanted, words of the checks that are to run, none for all; and passed, failed and
# skipped, which count. A check begins in an empty $place and leaves nothing running. Where lanes
# processes share the checks, each has a number below that, lane, and runs its own alone.

cleanup() {
	# Whatever runs below our folder, by its command line or as a child of spawn.
	pkill -9 -f -- "$work" 2>/dev/null
	sleep 0.2
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Set in, so that the end of a whole check shows it (selftests/check).
note() { sed 's/^/#     /'; }

# mine NAME: is it wanted, and this process's to run?
mine() {
	local word hit=${#wanted[@]}
	for word in "${wanted[@]}"; do
		[[ $1 != *"$word"* ]] || hit=0
	done
	[ "$hit" = 0 ] || return
	number=$((number + 1))
	[ $((number % ${lanes:-1})) = "${lane:-0}" ]
}

# check NAME COMMAND...: passes when it returns 0; its output is shown when not, and all at
# once, as others may write too.
check() {
	local name=$1 began=$EPOCHREALTIME
	shift
	mine "$name" || return 0
	if ("$@") >"$work/check.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok $number - $name ($(ms "$began") ms)"
	else
		failed=$((failed + 1))
		{
			echo "not ok $number - $name"
			tail -n 30 "$work/check.log" | note
			[ ! -f "$place/log" ] || tail -n 15 "$place/log" | sed 's/^/#     vtpmd: /'
		} >"$work/report"
		cat "$work/report"
	fi
	down
}

# skip NAME WHY
skip() {
	mine "$1" || return 0
	skipped=$((skipped + 1))
	echo "ok $number - $1 # SKIP $2"
}

ms() { echo $(((${EPOCHREALTIME/./} - ${1/./}) / 1000)); }

is() {
	[ "$1" = "$2" ] || {
		echo "got '$1', want '$2'"
		return 1
	}
}

has() {
	grep -qF -- "$2" <<<"$1" || {
		echo "'$2' is missing in: $1"
		return 1
	}
}

until_true() {
	local seconds=$1
	shift
	for _ in $(seq $((seconds * 20))); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	echo "not within $seconds s: $*"
	return 1
}

# tpm NAME: a host TPM; the same name is the same TPM again.
tpm() {
	mkdir -p "$place/$1.state"
	swtpm socket --tpm2 --tpmstate "dir=$place/$1.state" \
		--server "type=unixio,path=$place/$1" --ctrl "type=unixio,path=$place/$1.ctrl" \
		--flags not-need-init,startup-clear -d --pid "file=$place/$1.pid" \
		${tpm_log:+--log "file=$place/$1.log,level=20"} ||
		return
	until_true 5 test -S "$place/$1"
}

tpm_off() {
	kill "$(cat "$place/$1.pid")"
	until_true 5 test ! -e "/proc/$(cat "$place/$1.pid" 2>/dev/null || echo none)"
	rm -f "$place/$1" "$place/$1.ctrl"
}

ctl() { "$root/build/vtpmctl" --runtime-dir "$place/run" "$@"; }
field() { ctl show "$1" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$2'])"; }
host_field() { ctl host show --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }

# up [TPM]: the daemon, with this host TPM (tpm1)
up() {
	"$root/build/vtpmd" --foreground --state-dir "$place/state" --runtime-dir "$place/run" \
		--spares "${spares:-0}" --tcti "swtpm:path=$place/${1:-tpm1}" 2>>"$place/log" &
	vtpmd=$!
	until_true 20 ctl host show || return
	until_true 10 keyd_here
}

keyd_here() { [ "$(host_field keyd)" = True ] && [ "$(host_field spawn)" = True ]; }

host_is() { keyd_here && [ "$(host_field state)" = "$1" ]; }
vtpm_is() { keyd_here && [ "$(field "$1" state)" = "$2" ]; }

# stop: in order; afterwards nothing is left
stop() {
	local status
	kill "$vtpmd"
	wait "$vtpmd"
	status=$?
	is "$status" 0 || return
	! pgrep -af -- "$place/run" || {
		echo "these are left"
		return 1
	}
}

down() {
	pkill -9 -f -- "$work" 2>/dev/null
	rm -rf "${place:?}"
	mkdir -p "$place"
}

init() {
	ctl host init --recovery-code-file "$place/code" "$@"
}

# ready: a host TPM, the daemon, a root key
ready() {
	tpm tpm1 && up && init
}

socket() { echo "swtpm:path=$(field "$1" socket)"; }
tools() {
	local name=$1 tool=$2
	shift 2
	"tpm2_$tool" -T "$(socket "$name")" "$@"
}

number=0
place=$work/place
mkdir -p "$place"
