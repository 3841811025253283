# SPDX-License-Identifier: GPL-2.0
# The tools of the end-to-end tests, the demo and the benchmark.

E2E_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iuapi

$(B)/selftests/serve: selftests/e2e/serve.c uapi/linux/vtpm.h
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $<

check-e2e: programs $(B)/selftests/serve
	@$(MAKE) -s modules
	@selftests/e2e/run $(KERNELS)

check-daemon: programs
	@selftests/e2e/daemon

check-vm: programs $(B)/selftests/crb
	@selftests/e2e/vm

# STORM="--seconds 300 --seed 7 --programs build/asan", the last after `make unit-asan`.
check-storm: programs
	@selftests/e2e/storm $(STORM)

.PHONY: check-e2e check-daemon check-vm check-storm
