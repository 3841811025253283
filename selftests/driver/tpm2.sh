#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own TPM 2.0 tests (tools/testing/selftests/tpm2, newest copy) on
# chips made by this driver, and by mainline's tpm_vtpm_proxy to compare with.
#
#   tpm2.sh [KERNEL...]              boots each kernel of the lab, prints counts
#   tpm2.sh guest MODULE SERVER...   in the guest: load MODULE (vtpm or
#                                    tpm_vtpm_proxy), start SERVER, run the tests
#
# The server is any command that makes /dev/tpm0 and keeps it; the default is an
# unmodified `swtpm chardev --vtpm-proxy`, with a fresh TPM for each run since the
# tests leave authorisation failures and extended PCRs behind. {} in the command
# stands for a fresh folder. The tests' devices are /dev/tpm0 and /dev/tpmrm0, so the
# guest has no other TPM.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

SWTPM='swtpm chardev --tpm2 --vtpm-proxy --tpmstate dir={} --flags not-need-init,startup-clear --seccomp action=none'
TESTS='tpm2_tests.SmokeTest tpm2_tests.SpaceTest tpm2_tests.AsyncTest'

# guest MODULE SERVER...
guest() {
	local module=$1 state tests output
	shift
	state=$(mktemp -d)
	tests=$(readlink -f build/selftests/driver/harness)/tpm2
	if [ "$module" = vtpm ]; then
		insmod "build/modules/$(uname -r)/vtpm.ko" || exit 1
	else
		modprobe "$module" || exit 1
	fi
	"${@//\{\}/$state}" >"$state/log" 2>&1 &
	for _ in {1..600}; do
		[ -c /dev/tpmrm0 ] && break
		sleep 0.1
	done
	[ -c /dev/tpmrm0 ] || {
		cat "$state/log"
		dmesg | tail
		exit 1
	}
	cp -r "$tests" /tmp/tpm2 && cd /tmp/tpm2 || exit 1
	output=$(python3 -m unittest -v $TESTS 2>&1)
	echo "$output" | sed 's/^/# /'
	local ran failed=0
	[[ $output =~ Ran\ ([0-9]+)\ tests ]] && ran=${BASH_REMATCH[1]}
	failed=$(grep -cE '\.\.\. (FAIL|ERROR)$' <<<"$output")
	kill %1
	wait
	# The device died with its server, so the module can go.
	for _ in {1..300}; do
		rmmod "$module" 2>/dev/null && break
		sleep 0.1
	done
	[ ! -e "/sys/module/$module" ] || echo "not ok - $module does not unload"
	echo "$(uname -r) $module: $((${ran:-0} - failed)) of ${ran:-0} passed"
	[ "${ran:-0}" -gt 0 ] && [ "$failed" -eq 0 ] && [ ! -e "/sys/module/$module" ]
}

if [ "${1:-}" = guest ]; then
	shift
	guest "$@"
	exit
fi

# shellcheck disable=SC2046 # one word per kernel
[ $# -gt 0 ] || set -- $(selftests/lab/kernel list)
passed=0 failed=0
for kernel; do
	for module in vtpm tpm_vtpm_proxy; do
		# shellcheck disable=SC2086 # one word per argument
		if selftests/lab/run --kernel "$kernel" --smp 1 --timeout 400 -- \
			selftests/driver/tpm2.sh guest $module ${VTPM_TPM2_SERVER:-$SWTPM}; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
		fi
	done
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
