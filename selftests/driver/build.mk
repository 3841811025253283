# SPDX-License-Identifier: GPL-2.0
# make kselftest
#	the driver's tests, for the host that shares its file system with the lab
# make check-driver [KERNELS="6.1 6.12 new"] [SMP="1 2"] [TESTS="client_test ..."]
#	run them in the lab
# make check-driver-debug
#	what a check has time for of check-driver KERNELS=debug
# make check-tpm2 [KERNELS=...]
#	the kernel's own TPM 2.0 tests on a chip of this driver
#
# kselftest's harness comes from the newest kernel's source (lab/linux-source).

T := selftests/driver
TB := $(B)/$(T)
DRIVER_TESTS := $(patsubst $(T)/%.c,%,$(filter-out %/abi_test.c,$(wildcard $(T)/*_test.c)))
SMP ?= 1 2
TESTS ?=
# Life and death, failures, and whatever else lockdep and KASAN may see best.
DEBUG_TESTS := chip_test danger_test fail_nth_test fault_test lifecycle_test

$(TB)/harness: $(LAB)/linux-source
	@mkdir -p $(@D)
	@source=$$($(LAB)/linux-source) && ln -sfn $$source/tools/testing/selftests $@

TEST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread
TEST_CPPFLAGS := -D_GNU_SOURCE -I$(T) -Iuapi -isystem $(TB)/harness

$(TB)/%.o: $(T)/%.c $(wildcard $(T)/*.h) $(wildcard uapi/linux/*.h) | $(TB)/harness
	$(CC) $(TEST_CPPFLAGS) $(TEST_CFLAGS) -c -o $@ $<

$(TB)/fail_nth_test: $(TB)/inject.o

$(TB)/%_test: $(TB)/%_test.o $(TB)/common.o $(TB)/fake_tpm.o
	$(CC) $(TEST_CFLAGS) -o $@ $^

$(TB)/hold_device: $(TB)/hold_device.o $(TB)/common.o
	$(CC) $(TEST_CFLAGS) -o $@ $^

# Nothing to run: it compiles or it does not.
ABI_CFLAGS := -Wall -Wextra -Werror -fsyntax-only -Iuapi
UAPI_HEADERS := -nostdinc -isystem /usr/include \
	-isystem /usr/include/$(shell $(CC) -print-multiarch)

$(TB)/abi_test.ok: $(T)/abi_test.c $(wildcard uapi/linux/*.h)
	@mkdir -p $(@D)
	$(CC) -m64 $(ABI_CFLAGS) $<
	$(CC) -m32 -ffreestanding $(UAPI_HEADERS) $(ABI_CFLAGS) $<
	$(CC) -m64 -std=c++11 -x c++ $(ABI_CFLAGS) $<
	@touch $@

kselftest: $(addprefix $(TB)/,$(DRIVER_TESTS)) $(TB)/hold_device $(TB)/abi_test.ok

check-driver: kselftest $(B)/vtpmctl
	@$(MAKE) --no-print-directory modules KERNELS="$(KERNELS)"
	$(T)/run --kernels "$(KERNELS)" --smp "$(SMP)" $(TESTS)

check-driver-debug: kselftest
	@$(MAKE) --no-print-directory modules KERNELS=debug
	$(T)/run --kernels debug --smp 2 $(DEBUG_TESTS)

check-tpm2: kselftest
	@$(MAKE) --no-print-directory modules KERNELS="$(KERNELS)"
	$(T)/tpm2.sh $(KERNELS)

.PHONY: kselftest check-driver check-driver-debug check-tpm2
.SECONDARY:
