# SPDX-License-Identifier: GPL-2.0
# make fuzz-kernel [MINUTES=30] [SEED=1]
#	random calls to the driver from many threads, led by coverage, on the debug kernel

FK := selftests/fuzz-kernel
FKB := $(B)/$(FK)
FK_OBJECTS := $(patsubst $(FK)/%.c,$(FKB)/%.o,$(wildcard $(FK)/*.c))
MINUTES ?= 30

$(FKB)/%.o: $(FK)/%.c $(wildcard $(FK)/*.h $(T)/*.h) $(wildcard uapi/linux/*.h)
	@mkdir -p $(@D)
	$(CC) $(TEST_CPPFLAGS) $(TEST_CFLAGS) -c -o $@ $<

$(FKB)/fuzz-kernel: $(FK_OBJECTS) $(addprefix $(TB)/,common.o fake_tpm.o inject.o)
	$(CC) $(TEST_CFLAGS) -o $@ $^

fuzz-kernel: $(FKB)/fuzz-kernel
	@$(MAKE) --no-print-directory modules KERNELS=debug
	$(FK)/run --minutes $(MINUTES) --seed $(or $(SEED),1)

.PHONY: fuzz-kernel
