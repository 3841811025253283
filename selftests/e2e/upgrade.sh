# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of upgrades; a part of `daemon`, which has their helpers. Each process of the host is
# replaced again and again, as its service manager would, below clients that work all
# the time on one connection each and must not notice: no error, each increment counted once,
# PCRs and sessions as they were.

rounds=${UPGRADES:-20}

# serve PROGRAM: start it as its unit does, without --foreground
serve() {
	local -a options=(--runtime-dir "$place/run")
	case $1 in
	vtpm-keyd) options+=(--state-dir "$place/state" --tcti "swtpm:path=$place/tpm1") ;;
	vtpmd) options+=(--state-dir "$place/state" --spares 0) ;;
	esac
	"$root/build/$1" "${options[@]}" 2>>"$place/log" &
	pids[$1]=$!
}

# replace PROGRAM SIGNAL
replace() {
	kill -s "$2" "${pids[$1]}" && wait "${pids[$1]}" || return
	serve "$1"
	until_true 20 keyd_here && for name in web1 web2 web3; do
		until_true 20 vtpm_is $name running && ctl wait $name || return
	done
}

# below_work COMMAND...: it, while three clients work
below_work() {
	local -A pids=()
	local -a workers=()
	local name path status=0
	mkdir -p "$place/run" "$place/state"
	tpm tpm1 && serve vtpm-keyd && serve vtpm-spawn && serve vtpmd || return
	until_true 20 keyd_here && init || return
	for name in web1 web2 web3; do
		ctl create $name --front-end socket && define_counter $name || return
		path=$(field $name socket)
		"$root/selftests/e2e/node" work "$path" "$place/end" &
		workers+=($!)
	done
	"$@" || {
		status=$?
		kill "${workers[@]}"
	}
	touch "$place/end"
	for name in "${workers[@]}"; do
		wait "$name" || status=1
	done
	return $status
}

upgrade() {
	for _ in $(seq "$rounds"); do
		replace "$1" "$2" || return
	done
}
for part in vtpmd:TERM vtpm-keyd:TERM vtpm-spawn:HUP; do
	check "upgrade-${part%:*}" below_work upgrade "${part%:*}" "${part#*:}"
	note <"$work/check.log"
done

# All at one time, in any order; and spawn is told while there is nobody to keep what it has.
upgrade_all() {
	for _ in $(seq $((rounds / 4))); do
		replace vtpmd TERM && replace vtpm-spawn HUP && replace vtpm-keyd TERM || return
		kill -s TERM "${pids[vtpmd]}" && wait "${pids[vtpmd]}" || return
		kill -s HUP "${pids[vtpm-spawn]}" || return
		sleep 0.2
		kill -0 "${pids[vtpm-spawn]}" || return
		serve vtpmd
		wait "${pids[vtpm-spawn]}" || return
		serve vtpm-spawn
		until_true 20 keyd_here || return
		ctl wait web1 && ctl wait web2 && ctl wait web3 || return
	done
}
check upgrade-all below_work upgrade_all
note <"$work/check.log"
