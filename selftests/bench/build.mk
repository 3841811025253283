# SPDX-License-Identifier: GPL-2.0
# make bench: time from command to response, ours beside others, in one boot.
# make bench-native: the engine alone, on this machine.
# make bench-daemon: the daemon with many vTPMs, on this machine.

$(B)/selftests/latency: selftests/bench/latency.c
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $< -ltpms

bench:
	@selftests/bench/run

bench-native:
	@selftests/bench/native

bench-daemon: programs
	@selftests/bench/daemon

.PHONY: bench bench-native bench-daemon
