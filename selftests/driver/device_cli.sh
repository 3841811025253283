#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `vtpmctl device`: the driver's devices without the daemon, in TAP:
#
#   device_cli.sh [KERNEL...]    boots each kernel of the lab
#   device_cli.sh guest          lists, shows and destroys devices
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

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

# ends STATUS COMMAND...
ends() {
	local wanted=$1 status=0
	shift
	"$@" >/run/out 2>&1 || status=$?
	[ $status -eq "$wanted" ]
}
device() { build/vtpmctl device "$@"; }
# field NAME: of the object on standard input
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

guest() {
	local i held=()
	check "no module" ends 8 device list
	insmod "build/modules/$(uname -r)/vtpm.ko" control_name=vtpm-test || exit 1
	check "another node's name" ends 8 device list
	rmmod vtpm
	insmod "build/modules/$(uname -r)/vtpm.ko" || exit 1
	check "an empty list" ends 0 device list
	check "is an empty array" test "$(device list --json)" = '[]'
	# More than a page of the list.
	for i in {1..70}; do
		build/selftests/driver/hold_device "cli-$i" >"/run/held.$i" &
		held+=($!)
		until [ -s "/run/held.$i" ]; do sleep 0.05; done
	done
	check "all are listed" test "$(device list | grep -c '^cli-.*attached.*/dev/vtpm')" = 70
	check "info" eval 'device info cli-7 | grep -Eq "^server pid: +[1-9]"'
	check "info as an object" test "$(device info cli-7 --json | field device)" = /dev/vtpm6
	check "its UUID is sysfs's" test "$(device info cli-7 --json | field uuid)" = \
		"$(cat /sys/class/vtpm/vtpm6/uuid)"
	check "info of none" ends 3 device info other
	check "info of what is no name" ends 2 device info .x
	check "destroy asks" ends 2 device destroy cli-7 </dev/null
	check "and leaves it" test -c /dev/vtpm6
	check "destroy" ends 0 device destroy cli-7 --yes
	check "it is gone" test ! -e /dev/vtpm6
	check "destroy of none" ends 3 device destroy cli-7 --yes
	check "another's may not" ends 11 setpriv --reuid 65534 --clear-groups build/vtpmctl \
		device list
	kill "${held[@]}"
	wait
	check "none is left" test "$(device list --json)" = '[]'
	check "unloads" rmmod vtpm
	echo "1..$number"
	echo "$((number - failed)) passed, $failed failed, 0 skipped"
	exit $((failed > 0))
}

if [ "${1:-}" = guest ]; then
	guest
fi

# shellcheck disable=SC2046 # one word per kernel
[ $# -gt 0 ] || set -- $(selftests/lab/kernel list)
for kernel; do
	selftests/lab/run --kernel "$kernel" --timeout 300 -- selftests/driver/device_cli.sh guest
	check "$kernel: vtpmctl device" test $? -eq 0
done
echo "1..$number"
echo "$((number - failed)) passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
