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
TEST_PEER := userd/engine/peer_for_tests.c
ENGINE_LIBS := -ltpms -lcrypto -lseccomp

ENGINE_SRC := $(filter-out %/main.c $(TEST_PEER) $(wildcard userd/*/test_*.c), \
	$(foreach room,base wire sandbox store engine,$(wildcard userd/$(room)/*.c)))
ENGINE_MAIN := userd/engine/main.c

PROGRAMS += $(B)/vtpm-engine

$(B)/userd/%.o: userd/%.c
	@mkdir -p $(@D)
	$(CC) $(USERD_FLAGS) $(USERD_HARDEN) -MMD -c $< -o $@

$(B)/vtpm-engine: $(patsubst userd/%.c,$(B)/userd/%.o,$(ENGINE_SRC) $(ENGINE_MAIN))
	$(CC) $(USERD_HARDEN) $(USERD_LINK) $^ $(ENGINE_LIBS) -o $@

-include $(wildcard $(B)/userd/*/*.d)

# Unit tests: each test_x.c is a program, linked with everything but main().

UNIT_TESTS := $(wildcard userd/*/test_*.c)
UNIT_PROGRAMS := $(patsubst userd/%.c,$(B)/userd/%,$(UNIT_TESTS))
# -fcf-protection and _FORTIFY_SOURCE do not go well with sanitizers
ASAN_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ASAN_PROGRAMS := $(patsubst userd/%.c,$(B)/asan/%,$(UNIT_TESTS))

$(UNIT_PROGRAMS): $(B)/userd/%: $(B)/userd/%.o \
		$(patsubst userd/%.c,$(B)/userd/%.o,$(ENGINE_SRC) $(TEST_PEER))
	$(CC) $(USERD_HARDEN) $(USERD_LINK) $^ $(ENGINE_LIBS) -lcmocka -o $@

$(B)/asan/%.o: userd/%.c
	@mkdir -p $(@D)
	$(CC) $(USERD_FLAGS) $(ASAN_FLAGS) -MMD -c $< -o $@

$(B)/asan/vtpm-engine: $(patsubst userd/%.c,$(B)/asan/%.o,$(ENGINE_SRC) $(ENGINE_MAIN))
	$(CC) $(ASAN_FLAGS) $^ $(ENGINE_LIBS) -o $@

$(ASAN_PROGRAMS): $(B)/asan/%: $(B)/asan/%.o \
		$(patsubst userd/%.c,$(B)/asan/%.o,$(ENGINE_SRC) $(TEST_PEER))
	$(CC) $(ASAN_FLAGS) $^ $(ENGINE_LIBS) -lcmocka -o $@

# $(call run-tests,label,engine,programs)
define run-tests
@failed=0; for test in $(3); do \
	VTPM_ENGINE=$(2) $$test || { failed=$$((failed + 1)); echo "FAILED: $$test"; }; \
done; \
echo "$(1): $(words $(3)) programs, $$failed failed"; test $$failed = 0
endef

unit: $(B)/vtpm-engine $(UNIT_PROGRAMS)
	$(call run-tests,$@,$(B)/vtpm-engine,$(UNIT_PROGRAMS))

# The engine leaves by _exit paths under seccomp, where the leak checker cannot work.
unit-asan: export ASAN_OPTIONS := detect_leaks=0
unit-asan: $(B)/asan/vtpm-engine $(ASAN_PROGRAMS)
	$(call run-tests,$@,$(B)/asan/vtpm-engine,$(ASAN_PROGRAMS))

.SECONDARY: $(patsubst userd/%.c,$(B)/userd/%.o,$(UNIT_TESTS)) \
	$(patsubst userd/%.c,$(B)/asan/%.o,$(UNIT_TESTS))
-include $(wildcard $(B)/asan/*/*.d)

.PHONY: unit unit-asan

# Fuzzers: clang's libFuzzer; their corpora stay in $(B)/fuzz/corpus.

FUZZ_CC ?= clang
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_NAMES := $(patsubst userd/fuzz/%.c,%,$(wildcard userd/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(addprefix $(B)/fuzz/,$(FUZZ_NAMES))
FUZZ_SRC := $(filter-out userd/engine/%,$(ENGINE_SRC)) userd/engine/unit.c
SECONDS ?= 10

$(FUZZ_PROGRAMS): $(B)/fuzz/%: userd/fuzz/%.c $(FUZZ_SRC)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(USERD_FLAGS) $(FUZZ_FLAGS) $^ $(ENGINE_LIBS) -o $@

fuzz-build: $(FUZZ_PROGRAMS)

fuzz: fuzz-build
	@for name in $(FUZZ_NAMES); do \
		mkdir -p $(B)/fuzz/corpus/$$name; \
		echo "$$name: $(SECONDS) s"; \
		$(B)/fuzz/$$name -max_total_time=$(SECONDS) -max_len=4096 -verbosity=0 \
			-print_final_stats=1 -artifact_prefix=$(B)/fuzz/ \
			$(B)/fuzz/corpus/$$name || exit 1; \
	done

.PHONY: fuzz-build fuzz
