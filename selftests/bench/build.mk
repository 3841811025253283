# SPDX-License-Identifier: GPL-2.0
# make bench: time from command to response, ours beside others, in one boot; bare, and
#	with keys and sessions.
# make bench-native: the engine alone, on this machine.
# make bench-daemon: the daemon with many vTPMs, on this machine.
# make bench-devices: what many devices cost the driver.
# make bench-state: what many vTPMs and durable answers cost, beside what is asked;
#	make check-state is a short form, which fails where a ratio is far off.
# make bench-verify: what a verdict on an event log and on a log of IMA costs.
# make bench-deep: what a deep quote and a verdict on one cost, and how many share a host's quote.
# make bench-create: what certificates cost the one who makes a vTPM; ROUNDS=5
# make bench-serve: how many hosts the service of the verifier keeps judged; HOSTS=20000 COLD=500
# make bench-start: how soon an engine is there, and how much memory many take.

$(B)/selftests/latency: selftests/bench/latency.c selftests/bench/reach.c selftests/bench/reach.h
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $(filter %.c,$^) -ltpms

$(B)/selftests/crb: selftests/bench/crb.c selftests/bench/reach.c selftests/bench/reach.h
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $(filter %.c,$^) -ltpms

$(B)/selftests/workload: $(addprefix selftests/bench/,workload.c client.c reach.c client.h reach.h)
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $(filter %.c,$^) -ltpms -lcrypto

$(B)/selftests/start: selftests/bench/start.c $(B)/userd/spawn/host_for_tests.o \
		$(B)/userd/libuserd.a
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -Iuserd -o $@ $^ -lcrypto

$(B)/selftests/devices: selftests/bench/devices.c $(B)/selftests/driver/common.o
	@mkdir -p $(@D)
	$(CC) $(TEST_CPPFLAGS) $(TEST_CFLAGS) -o $@ $^

$(B)/selftests/durable: $(addprefix selftests/bench/,durable.c client.c reach.c client.h reach.h)
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -o $@ $(filter %.c,$^) -ltpms -lcrypto

BENCH_LOGS := $(B)/userd/attest/log_for_tests.o selftests/bench/logs.c

$(B)/selftests/verify: selftests/bench/verify.c $(BENCH_LOGS) $(B)/userd/libuserd.a
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -Iuserd -o $@ $^ -ljansson -lcrypto

$(B)/selftests/hosts: selftests/bench/hosts.c $(BENCH_LOGS) \
		$(B)/userd/attest/quote_for_tests.o $(B)/userd/libuserd.a
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -D_GNU_SOURCE -Iuserd -o $@ $^ $(VERIFIER_LIBS)

$(B)/selftests/deep: selftests/bench/deep.c $(BENCH_LOGS) $(B)/userd/attest/deep_for_tests.o \
		$(B)/userd/attest/quote_for_tests.o $(B)/userd/libuserd.a
	@mkdir -p $(@D)
	$(CC) $(E2E_CFLAGS) -D_GNU_SOURCE -Iuserd -o $@ $^ $(VERIFIER_LIBS)

bench:
	@selftests/bench/run

bench-native:
	@selftests/bench/native

bench-daemon: programs
	@selftests/bench/daemon

bench-state: programs $(B)/selftests/durable $(B)/selftests/start
	@selftests/bench/state

check-state: programs $(B)/selftests/durable
	@selftests/bench/state --short

bench-devices:
	@selftests/bench/devices

bench-start: $(B)/selftests/start $(B)/vtpm-spawn
	@VTPM_SPAWN=$(B)/vtpm-spawn taskset -c 0 $<

bench-verify: $(B)/selftests/verify
	@taskset -c 0 $<

bench-create: programs
	@selftests/bench/create

bench-deep: programs $(B)/selftests/deep $(B)/userd/keyd/test_deep
	@selftests/bench/deep "taskset -c 0 $(B)/selftests/deep" $(B)/userd/keyd/test_deep

bench-serve: $(B)/selftests/hosts $(B)/vtpm-verify
	@$< $(B)/vtpm-verify $(HOSTS) $(COLD)

.PHONY: bench bench-native bench-devices bench-start bench-daemon bench-state bench-verify \
	bench-create bench-deep bench-serve check-state
