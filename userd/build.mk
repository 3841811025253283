# SPDX-License-Identifier: BSD-3-Clause
# Userland: programs, unit tests beside the code, fuzzers.
#
#   make unit        build and run userd/*/test_*.c
#   make unit-asan   the same under address and undefined-behaviour sanitizers
#   make torture-store  each system call fails, each byte is changed: SEED=1
#   make fuzz-build  the libFuzzer targets in userd/fuzz (clang)
#   make fuzz SECONDS=10 | RUNS=N, FUZZ="fuzz_rm ...", FUZZ_ARGS=-max_len=N
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
FAKE_MANAGER := userd/manager/fake_for_tests.c userd/manager/fake_gate_for_tests.c \
	userd/manager/fake_move_for_tests.c
TEST_PEER := $(filter-out $(FAKE_MANAGER),$(wildcard userd/*/*_for_tests.c))

# All rooms make one archive, of which a program takes what it needs. What it may
# be linked with is named per program: a library it has no business with is a link error.
ROOMS := $(patsubst userd/%/,%,$(filter-out userd/fuzz/,$(wildcard userd/*/)))
USERD_SRC := $(filter-out %/main.c $(TEST_PEER) $(FAKE_MANAGER) $(wildcard userd/*/test_*.c), \
	$(foreach room,$(ROOMS),$(wildcard userd/$(room)/*.c)))

ENGINE_LIBS := -ltpms -lcrypto -lseccomp
SPAWN_LIBS := $(ENGINE_LIBS)
KEYD_LIBS := -ltss2-esys -ltss2-mu -ltss2-rc -ltss2-tctildr -lcrypto -ljansson -lseccomp \
	-lsystemd
MANAGER_LIBS := -lsqlite3 -lmicrohttpd -ljansson -lsystemd -linih -lcrypto -lseccomp
CLI_LIBS := -lcurl -ljansson -lcrypto -lsqlite3
VERIFIER_LIBS := -lmicrohttpd -lgnutls -lcurl -ljansson -lsqlite3 -linih -lcrypto -lseccomp
# Its start is a part of each container's: no library that takes long to load.
HOOK_LIBS := -ljansson -lcrypto
ALL_LIBS := $(sort $(ENGINE_LIBS) $(KEYD_LIBS) $(MANAGER_LIBS) $(CLI_LIBS) $(VERIFIER_LIBS))

# $(call program,name,room,libraries)
define program
PROGRAMS += $$(B)/$(1)
$$(B)/$(1): $$(B)/userd/$(2)/main.o $$(B)/userd/libuserd.a
	$$(CC) $$(USERD_HARDEN) $$(USERD_LINK) $$^ $(3) -o $$@
$$(B)/asan/$(1): $$(B)/asan/$(2)/main.o $$(B)/asan/libuserd.a
	$$(CC) $$(ASAN_FLAGS) $$^ $(3) -o $$@
endef

$(B)/userd/%.o: userd/%.c
	@mkdir -p $(@D)
	$(CC) $(USERD_FLAGS) $(USERD_HARDEN) -MMD -c $< -o $@

# A header that is gone is no reason to stop: who included it is compiled anew.
userd/%.h: ;

# All programs are linked from one archive, so a name means one thing in all rooms.
$(B)/userd/libuserd.a: $(patsubst userd/%.c,$(B)/userd/%.o,$(USERD_SRC))
	@nm --extern-only --defined-only $^ | awk '$$2 ~ /[TDBR]/ && seen[$$3]++ { \
		print "libuserd.a: " $$3 " is defined twice: name one of them anew"; bad = 1 } \
		END { exit bad }'
	@rm -f $@
	$(AR) rcs $@ $^

# -fcf-protection and _FORTIFY_SOURCE do not go well with sanitizers
ASAN_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(B)/asan/%.o: userd/%.c
	@mkdir -p $(@D)
	$(CC) $(USERD_FLAGS) $(ASAN_FLAGS) -MMD -c $< -o $@

$(B)/asan/libuserd.a: $(patsubst userd/%.c,$(B)/asan/%.o,$(USERD_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(eval $(call program,vtpm-engine,engine,$(ENGINE_LIBS)))
$(eval $(if $(wildcard userd/spawn/main.c),$(call program,vtpm-spawn,spawn,$(SPAWN_LIBS))))
$(eval $(if $(wildcard userd/keyd/main.c),$(call program,vtpm-keyd,keyd,$(KEYD_LIBS))))
$(eval $(if $(wildcard userd/manager/main.c),$(call program,vtpmd,manager,$(MANAGER_LIBS))))
$(eval $(if $(wildcard userd/cli/main.c),$(call program,vtpmctl,cli,$(CLI_LIBS))))
$(eval $(call program,vtpm-verify,verifier,$(VERIFIER_LIBS)))
$(eval $(if $(wildcard userd/oci/main.c),$(call program,vtpm-oci-hook,oci,$(HOOK_LIBS))))

-include $(wildcard $(B)/userd/*/*.d)

# Unit tests: each test_x.c is a program, linked with everything but main(). What
# stands in for something of the archive comes before it, so that it is not looked for there.

UNIT_TESTS := $(wildcard userd/*/test_*.c)
UNIT_PROGRAMS := $(patsubst userd/%.c,$(B)/userd/%,$(UNIT_TESTS))
ASAN_PROGRAMS := $(patsubst userd/%.c,$(B)/asan/%,$(UNIT_TESTS))

$(foreach test,manager/test_api manager/test_api_gate manager/test_api_host \
		manager/test_api_move cli/test_cli_move \
		cli/test_cli cli/test_cli_host,$(eval \
	$(B)/userd/$(test): $(FAKE_MANAGER:userd/%.c=$(B)/userd/%.o)) $(eval \
	$(B)/asan/$(test): $(FAKE_MANAGER:userd/%.c=$(B)/asan/%.o)))

# It takes away what the engine mixes into its TPM, and shows that it is missed.
$(B)/userd/engine/test_streams: USERD_LINK += -Wl,--wrap=engine_order_stir
$(B)/asan/engine/test_streams: ASAN_FLAGS += -Wl,--wrap=engine_order_stir

$(UNIT_PROGRAMS): $(B)/userd/%: $(B)/userd/%.o $(patsubst userd/%.c,$(B)/userd/%.o,$(TEST_PEER)) \
		$(B)/userd/libuserd.a
	$(CC) $(USERD_HARDEN) $(USERD_LINK) $(filter %.o,$^) $(filter %.a,$^) -Wl,--as-needed \
		$(ALL_LIBS) -lcmocka -o $@

$(ASAN_PROGRAMS): $(B)/asan/%: $(B)/asan/%.o $(patsubst userd/%.c,$(B)/asan/%.o,$(TEST_PEER)) \
		$(B)/asan/libuserd.a
	$(CC) $(ASAN_FLAGS) $(filter %.o,$^) $(filter %.a,$^) -Wl,--as-needed \
		$(ALL_LIBS) -lcmocka -o $@

# $(call run-tests,label,folder of the programs,tests)
define run-tests
@failed=0; for test in $(3); do \
	VTPM_ENGINE=$(2)/vtpm-engine VTPM_SPAWN=$(2)/vtpm-spawn VTPM_KEYD=$(2)/vtpm-keyd \
		$$test || { failed=$$((failed + 1)); echo "FAILED: $$test"; }; \
done; \
echo "$(1): $(words $(3)) programs, $$failed failed"; test $$failed = 0
endef

# All that `unit` runs, for who runs a part of it by hand.
unit-programs: $(UNIT_PROGRAMS)

unit: $(PROGRAMS) $(UNIT_PROGRAMS)
	$(call run-tests,$@,$(B),$(UNIT_PROGRAMS))

# The engine leaves by _exit paths under seccomp, where the leak checker cannot work.
unit-asan: export ASAN_OPTIONS := detect_leaks=0
unit-asan: $(patsubst $(B)/%,$(B)/asan/%,$(PROGRAMS)) $(ASAN_PROGRAMS)
	$(call run-tests,$@,$(B)/asan,$(ASAN_PROGRAMS))

# Their short forms are in unit; without asan for the second, which runs a hundred thousand times.
torture-store: export ASAN_OPTIONS := detect_leaks=0
torture-store: $(B)/asan/store/test_faults $(B)/userd/store/test_damage
	VTPM_TORTURE=$(or $(SEED),1) $(B)/asan/store/test_faults
	VTPM_TORTURE=$(or $(SEED),1) $(B)/userd/store/test_damage

.SECONDARY: $(patsubst userd/%.c,$(B)/userd/%.o,$(UNIT_TESTS)) \
	$(patsubst userd/%.c,$(B)/asan/%.o,$(UNIT_TESTS))
-include $(wildcard $(B)/asan/*/*.d)

.PHONY: unit unit-programs unit-asan torture-store

# Fuzzers: clang's libFuzzer. They begin with userd/fuzz/corpus/NAME, as far as there is one; what
# they find stays in $(B)/fuzz/corpus.

comma := ,
FUZZ_CC ?= clang
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_NAMES := $(patsubst userd/fuzz/%.c,%,$(wildcard userd/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(addprefix $(B)/fuzz/,$(FUZZ_NAMES))
SECONDS ?= 10
RUNS ?=
FUZZ ?= $(FUZZ_NAMES)
FUZZ_ARGS ?=

$(B)/fuzz/%.o: userd/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(USERD_FLAGS) $(subst fuzzer,fuzzer-no-link,$(FUZZ_FLAGS)) -MMD -c $< -o $@

$(B)/fuzz/libuserd.a: $(patsubst userd/%.c,$(B)/fuzz/%.o,$(USERD_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

# Comparisons are traced to find magic numbers. The resource manager's are walks over tables.
$(B)/fuzz/rm/%.o: FUZZ_FLAGS += -fno-sanitize-coverage=trace-cmp

# What stands in for the TPM: a program takes what it needs of it. Its coverage is no aim.
$(B)/fuzz/%_for_tests.o: FUZZ_FLAGS := $(subst fuzzer$(comma),,$(FUZZ_FLAGS))
$(B)/fuzz/libtest.a: $(patsubst userd/%.c,$(B)/fuzz/%.o,$(wildcard userd/rm/*_for_tests.c \
		userd/attest/*_for_tests.c))
	@rm -f $@
	$(AR) rcs $@ $^

$(FUZZ_PROGRAMS): $(B)/fuzz/%: userd/fuzz/%.c $(B)/fuzz/libtest.a $(B)/fuzz/libuserd.a
	$(FUZZ_CC) $(USERD_FLAGS) $(FUZZ_FLAGS) $^ -Wl,--as-needed $(ALL_LIBS) -o $@

-include $(wildcard $(B)/fuzz/*/*.d)

fuzz-build: $(FUZZ_PROGRAMS)

fuzz: $(FUZZ:%=$(B)/fuzz/%)
	@for name in $(FUZZ); do \
		mkdir -p $(B)/fuzz/corpus/$$name; \
		case $$name in fuzz_chain) most=16384 ;; *) most=4096 ;; esac; \
		echo "$$name: $(if $(RUNS),$(RUNS) runs,$(SECONDS) s)"; \
		$(B)/fuzz/$$name $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(SECONDS)) \
			-max_len=$$most -verbosity=0 \
			-print_final_stats=1 -artifact_prefix=$(B)/fuzz/ $(FUZZ_ARGS) \
			$(B)/fuzz/corpus/$$name \
			$$(ls -d userd/fuzz/corpus/$$name 2>/dev/null) || exit 1; \
	done

.PHONY: fuzz-build fuzz
