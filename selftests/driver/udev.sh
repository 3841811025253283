#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# udev's links for the nodes of a device, with Debian's udev and our rules, in TAP:
#
#   udev.sh [KERNEL...]    boots each kernel of the lab
#   udev.sh guest          makes a device, looks, destroys it, looks again
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

# leads_to LINK NODE
leads_to() { [ "$(readlink -f "/dev/vtpm/$1")" = "/dev/$2" ]; }
gone() { [ ! -e "/dev/vtpm/$1" ] && [ ! -L "/dev/vtpm/$1" ]; }

guest() {
	local name uuid pid
	insmod "build/modules/$(uname -r)/vtpm.ko" || exit 1
	mkdir -p /run/udev/rules.d
	cp driver/udev/60-vtpm.rules /run/udev/rules.d
	/lib/systemd/systemd-udevd --daemon || exit 1
	udevadm control --reload

	build/selftests/driver/hold_device udev-test >/run/held &
	pid=$!
	until [ -s /run/held ]; do sleep 0.1; done
	udevadm settle --timeout 30
	name=$(cat /sys/class/vtpm/vtpm0/name)
	uuid=$(cat /sys/class/vtpm/vtpm0/uuid)
	check "name" test "$name" = udev-test
	check "by name" leads_to by-name/udev-test vtpm0
	check "by name, shared" leads_to by-name/udev-test-rm vtpmrm0
	check "by UUID" leads_to "by-uuid/$uuid" vtpm0
	check "by UUID, shared" leads_to "by-uuid/$uuid-rm" vtpmrm0
	check "udev knows the state" eval \
		'udevadm info -q property /dev/vtpm0 | grep -qx VTPM_STATE=attached'
	check "owner and mode are the creator's" test "$(stat -c %a:%u /dev/vtpm0)" = 640:4321
	kill $pid
	wait $pid 2>/dev/null
	udevadm settle --timeout 30
	check "links go with the device" eval \
		"gone by-name/udev-test && gone by-name/udev-test-rm && gone 'by-uuid/$uuid'"
	udevadm control --exit
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
	selftests/lab/run --kernel "$kernel" --timeout 300 -- selftests/driver/udev.sh guest
	check "$kernel: udev" test $? -eq 0
done
echo "1..$number"
echo "$((number - failed)) passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
