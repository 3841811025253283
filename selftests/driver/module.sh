#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What needs a boot of its own, or a module that is not loaded yet, in TAP:
#
#   module.sh [KERNEL...]    boots each kernel of the lab
#   module.sh guest          control_name, the clash with tpm_vtpm_proxy, unloading
#   module.sh poweroff [mainline]
#                            leaves a chip with a stopped server and a command in
#                            flight; the caller measures how long the power-off takes.
#                            With mainline's module: 120 s, what the limit is there for
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

MODULE=build/modules/$(uname -r)/vtpm.ko
POWEROFF_LIMIT=60
number=0 failed=0

# check NAME COMMAND...
check() {
	local name=$1 result=ok
	shift
	number=$((number + 1))
	"$@" || {
		result='not ok'
		failed=$((failed + 1))
	}
	echo "$result $number - $name"
}

# load [PARAMETER=VALUE]
# shellcheck disable=SC2120 # called by eval, too
load() { insmod "$MODULE" "$@" 2>/dev/null; }
said() { dmesg | grep -q "$1"; }

guest() {
	check "another name" load control_name=other
	check "its node" test -c /dev/other
	check "nothing under the usual name" test ! -e /dev/vtpmx
	check "mainline's module beside it" modprobe tpm_vtpm_proxy
	check "unloads" rmmod vtpm
	dmesg --clear
	check "refused where the name is taken" eval '! load'
	check "and said why" said 'vtpm: /dev/vtpmx exists already'
	check "without a stack trace" eval '! said "Call Trace"'
	check "nothing is left" test ! -e /sys/module/vtpm -a ! -e /sys/class/vtpm
	rmmod tpm_vtpm_proxy
	for name in a/b '' .hidden -x '..'; do
		check "refused as a name: '$name'" eval "! load control_name='$name'"
	done
	for _ in {1..20}; do
		load && rmmod vtpm || break
	done
	check "loads and unloads" test ! -e /sys/module/vtpm
	check "loads once more" load
	exit $((failed > 0))
}

poweroff() {
	local pid
	if [ "${1:-}" = mainline ]; then
		modprobe tpm_vtpm_proxy || exit 1
	else
		load || exit 1
	fi
	swtpm chardev --tpm2 --vtpm-proxy --tpmstate dir="$(mktemp -d)" \
		--flags not-need-init,startup-clear --seccomp action=none >/dev/null 2>&1 &
	pid=$!
	for _ in {1..600}; do
		[ -c /dev/tpm0 ] && break
		sleep 0.1
	done
	[ -c /dev/tpm0 ] || exit 1
	kill -STOP $pid
	cat /sys/class/tpm/tpm0/pcr-sha256/0 &
	sleep 0.5
	echo "powering off"
	exec /run/vtpm-lab/busybox poweroff -f
}

case ${1:-} in
guest | poweroff)
	"$@"
	exit 1
	;;
esac

# shellcheck disable=SC2046 # one word per kernel
[ $# -gt 0 ] || set -- $(selftests/lab/kernel list)
for kernel; do
	selftests/lab/run --kernel "$kernel" --smp 2 --timeout 300 -- selftests/driver/module.sh guest
	check "$kernel: module" test $? -eq 0
	begun='' took=''
	# The guest ends before its command does: that is what is asked for.
	while read -r line; do
		[ "$line" != 'powering off' ] || begun=$SECONDS
	done < <(selftests/lab/run --kernel "$kernel" --timeout 200 -- \
		selftests/driver/module.sh poweroff 2>/dev/null)
	[ -z "$begun" ] || took=$((SECONDS - begun))
	echo "# $kernel: powered off in ${took:-no} s"
	check "$kernel: power-off with a stopped server" test "${took:-999}" -lt $POWEROFF_LIMIT
done
echo "1..$number"
echo "$((number - failed)) passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
