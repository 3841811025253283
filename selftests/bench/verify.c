// SPDX-License-Identifier: GPL-2.0
/*
 * What a verdict costs in processor time, without reading files and without printing.
 *
 *   verify [ROUNDS]
 *
 * An event log of 100 KB in the shape of a real one (two banks, keys, a long dbx, some two
 * hundred events) is parsed, replayed, appraised and compared with PCR values; a log of
 * IMA of 10,000 entries likewise. Medians, beside what is asked for; status 1 where
 * that is missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/ima.h"
#include "logs.h"

#define ROUNDS_MAX 1000

static struct attest_verdict verdict;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "verify: %s: %s\n", what,
		verdict.count ? verdict.reasons[0].text : "no reason is given");
	exit(1);
}

static void judge_eventlog(const struct test_log *log, struct hash *hash,
			   struct attest_pcrs *actual, bool first)
{
	struct attest_pcrs replayed;
	struct eventlog eventlog;

	verdict = (struct attest_verdict){ 0 };
	expect(!eventlog_parse(&eventlog, log->bytes, log->out.used, &verdict), "event log");
	eventlog_replay(&eventlog, hash, &replayed);
	eventlog_appraise(&eventlog, hash, &verdict);
	if (first)
		*actual = replayed;
	eventlog_compare(&eventlog, hash, &replayed, actual, &verdict);
	expect(!verdict.status, "event log");
	if (first)
		printf("event log: %zu bytes, %zu events, 2 banks\n", log->out.used,
		       eventlog.count);
	eventlog_done(&eventlog);
}

static void judge_ima(const struct test_log *log, struct hash *hash, struct attest_pcrs *given,
		      bool first)
{
	static struct ima_result result;

	verdict = (struct attest_verdict){ 0 };
	expect(!ima_appraise(&result, log->bytes, log->out.used, hash, given, &verdict) &&
		       !verdict.status, "log of IMA");
	if (first)
		printf("log of IMA: %zu bytes, %zu entries\n", log->out.used, result.entries);
}

static bool report(const char *what, double *times, int rounds, double aim)
{
	qsort(times, (size_t)rounds, sizeof(*times), compare);
	printf("%-12s median %.3f ms, least %.3f ms; at most %.0f ms is asked for\n", what,
	       times[rounds / 2], times[0], aim);
	return times[rounds / 2] <= aim;
}

int main(int argc, char **argv)
{
	long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
	int rounds = asked < 1 || asked > ROUNDS_MAX ? ROUNDS_MAX : (int)asked;
	double eventlog[ROUNDS_MAX], ima[ROUNDS_MAX], before;
	struct hash *hash = hash_new();
	struct test_log *log = logs_events(), *entries;
	struct attest_pcrs actual, given = { 0 };
	bool good;

	given.has[ATTEST_SHA256] = 1u << IMA_PCR;
	entries = logs_ima(LOGS_IMA_ENTRIES, &given);
	judge_eventlog(log, hash, &actual, true);
	judge_ima(entries, hash, &given, true);
	for (int i = 0; i < rounds; i++) {
		before = now();
		judge_eventlog(log, hash, &actual, false);
		eventlog[i] = now() - before;
		before = now();
		judge_ima(entries, hash, &given, false);
		ima[i] = now() - before;
	}
	good = report("event log", eventlog, rounds, 2);
	return report("log of IMA", ima, rounds, 25) && good ? 0 : 1;
}
