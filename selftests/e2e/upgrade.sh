# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of upgrades; a part of `daemon`, which has their helpers. Each process of the host is
# replaced again and again, as its service manager would, below clients that work all
# the time on one connection each and must not notice: no error, each increment counted once,
# PCRs and sessions as they were.

rounds=${UPGRADES:-2}

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

# How long clients waited, of the check that has just run
report() {
	grep -sh 'took longer' "$work/check.log" | note
	rm -f "$work/check.log"
}

upgrade() {
	for _ in $(seq "$rounds"); do
		replace "$1" "$2" || return
	done
}
for part in vtpmd:TERM vtpm-keyd:TERM vtpm-spawn:HUP; do
	check "upgrade-${part%:*}" below_work upgrade "${part%:*}" "${part#*:}"
	report
done

# All at one time, in any order; and spawn is told while there is nobody to keep what it has.
upgrade_all() {
	for _ in $(seq $(((rounds + 3) / 4))); do
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
report

# By vtpmctl, with the programs in a folder of their own; what cannot take over changes nothing.
by_command() {
	local programs=$place/bin engine spawn out status=0 working
	mkdir "$programs" && tpm tpm1 || return
	cp "$root/build/vtpmd" "$root/build/vtpm-keyd" "$root/build/vtpm-spawn" "$programs" ||
		return
	"$programs/vtpmd" --foreground --state-dir "$place/state" --runtime-dir "$place/run" \
		--spares 0 --tcti "swtpm:path=$place/tpm1" 2>>"$place/log" &
	vtpmd=$!
	until_true 20 keyd_here && init && ctl host upgrade || return
	ctl create web1 --front-end socket && define_counter web1 || return
	"$root/selftests/e2e/node" work "$(field web1 socket)" "$place/end" &
	working=$!
	engine=$(field web1 engine_pid)
	for bad in missing failing; do
		rm -f "$programs/vtpm-spawn"
		[ $bad = missing ] || printf '#!/bin/sh\necho no such library >&2\nexit 1\n' \
			>"$programs/vtpm-spawn"
		[ $bad = missing ] || chmod 755 "$programs/vtpm-spawn"
		out=$(ctl host upgrade 2>&1) && return 1
		has "$out" "the one that runs goes on" || return
		[ $bad = missing ] && { has "$out" "No such file" || return; }
		[ $bad = failing ] && { has "$out" "no such library" || return; }
		is "$(field web1 engine_pid)" "$engine" || return
	done
	cp "$root/build/vtpm-spawn" "$programs/new" && mv "$programs/new" "$programs/vtpm-spawn"
	for _ in 1 2 3; do
		spawn=$(one vtpm-spawn)
		ctl host upgrade && [ "$(one vtpm-spawn)" != "$spawn" ] || status=1
		is "$(field web1 state)" running && is "$(field web1 engine_deaths)" 0 || status=1
	done
	touch "$place/end"
	wait $working && [ $status = 0 ] && [ "$(field web1 engine_pid)" != "$engine" ] && stop
}
check upgrade-by-command by_command
report
