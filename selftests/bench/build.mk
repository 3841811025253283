# SPDX-License-Identifier: GPL-2.0
# make bench: time from command to response, ours beside others, in one boot.

$(B)/selftests/latency: selftests/bench/latency.c
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $< -ltpms

bench:
	@selftests/bench/run

.PHONY: bench
