/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Logs of a host as large as a real one's, for benchmarks of the verifier.
 */
#ifndef BENCH_LOGS_H
#define BENCH_LOGS_H

#include "attest/test_log.h"

#define LOGS_EVENTS_SIZE 100000
#define LOGS_IMA_ENTRIES 10000

/** logs_events() - an event log in the shape of a real one: two banks, keys, 200 events */
struct test_log *logs_events(void);

/** logs_ima() - a log of IMA of @entries, which PCR 10 of the SHA-256 bank of @pcrs has */
struct test_log *logs_ima(size_t entries, struct attest_pcrs *pcrs);

#endif /* BENCH_LOGS_H */
