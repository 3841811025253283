# SPDX-License-Identifier: BSD-3-Clause
# Userland: programs, unit tests beside the code, fuzzers.
#
#   make unit        build and run userd/*/test_*.c
#   make unit-asan   the same under address and undefined-behaviour sanitizers
#   make fuzz-build  the libFuzzer targets in userd/fuzz (clang)
#   make fuzz SECONDS=10
#
# Objects go below $(B)/userd, those of sanitized builds below $(B)/asan.

USERD_WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef \
	-Wformat=2 -Wconversion -Wno-sign-conversion
USERD_FORTIFY ?= $(if $(findstring clang,$(CC)),2,3)
USERD_HARDEN := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(USERD_FORTIFY) \
	-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
USERD_LINK := -pie -Wl,-z,relro,-z,now
USERD_FLAGS := -std=gnu11 -D_GNU_SOURCE -Iuserd -Iuapi $(USERD_WARN)
ENGINE_LIBS := -ltpms -lcrypto -lseccomp

ENGINE_SRC := $(filter-out %/main.c $(wildcard userd/*/test_*.c), \
	$(foreach room,base wire sandbox store engine,$(wildcard userd/$(room)/*.c)))
ENGINE_MAIN := userd/engine/main.c

PROGRAMS += $(B)/vtpm-engine

$(B)/userd/%.o: userd/%.c
	@mkdir -p $(@D)
	$(CC) $(USERD_FLAGS) $(USERD_HARDEN) -MMD -c $< -o $@

$(B)/vtpm-engine: $(patsubst userd/%.c,$(B)/userd/%.o,$(ENGINE_SRC) $(ENGINE_MAIN))
	$(CC) $(USERD_HARDEN) $(USERD_LINK) $^ $(ENGINE_LIBS) -o $@

-include $(wildcard $(B)/userd/*/*.d)
