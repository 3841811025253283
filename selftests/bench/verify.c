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
#include "attest/test_log.h"

#define ROUNDS_MAX  1000
#define IMA_ENTRIES 10000
#define IMA_ROOM    (4u << 20)

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

static struct test_log *make_eventlog(void)
{
	struct test_log *log = test_log_good(1u << ATTEST_SHA1 | 1u << ATTEST_SHA256, 1);
	static uint8_t bytes[1024];

	while (log->out.used < 100000) {
		test_log_event(log, 9, EV_IPL, "a file", 6, "(hd0,gpt2)/boot/grub/x86_64", 28);
		test_log_event(log, 8, EV_IPL, "test -n x", 9, "grub_cmd: test -n x", 20);
		test_log_event(log, 4, EV_EFI_BOOT_SERVICES_APPLICATION, "an image", 8, bytes,
			       120);
		test_log_true(log, 5, EV_EFI_GPT_EVENT, bytes, sizeof(bytes));
		test_log_variable(log, EV_EFI_VARIABLE_AUTHORITY, true, "db", bytes, 1000);
	}
	return log;
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

static void put_le32(struct cursor_out *out, size_t value)
{
	for (int i = 0; i < 4; i++, value >>= 8)
		cursor_put_u8(out, (uint8_t)value);
}

static void put_entry(struct cursor_out *out, struct hash *hash, const char *path)
{
	uint8_t bytes[256], digest[ATTEST_DIGEST_MAX] = { 1 };
	struct cursor_out data = cursor_out(bytes, sizeof(bytes));
	struct hash_part part = { bytes, 0 };

	put_le32(&data, 40);
	cursor_put_raw(&data, "sha256:", 8);
	cursor_put_raw(&data, digest, 32);
	put_le32(&data, strlen(path) + 1);
	cursor_put_raw(&data, path, strlen(path) + 1);
	put_le32(&data, 0);
	part.length = data.used;
	hash_parts(hash, ATTEST_SHA1, &part, 1, digest);
	put_le32(out, IMA_PCR);
	cursor_put_raw(out, digest, 20);
	put_le32(out, 7);
	cursor_put_raw(out, "ima-sig", 7);
	put_le32(out, data.used);
	cursor_put_raw(out, bytes, data.used);
}

static void judge_ima(const struct cursor_out *log, struct hash *hash, struct attest_pcrs *given,
		      bool first)
{
	static struct ima_result result;

	verdict = (struct attest_verdict){ 0 };
	expect(!ima_appraise(&result, log->base, log->used, hash, first ? NULL : given, &verdict) &&
		       !verdict.status, "log of IMA");
	if (first) {
		*given = result.pcrs;
		printf("log of IMA: %zu bytes, %zu entries, 2 banks\n", log->used, result.entries);
	}
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
	struct test_log *log = make_eventlog();
	struct cursor_out entries = cursor_out(malloc(IMA_ROOM), IMA_ROOM);
	struct attest_pcrs actual, given;
	char path[64];
	bool good;

	put_entry(&entries, hash, "boot_aggregate");
	for (int i = 1; i < IMA_ENTRIES; i++) {
		snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/libnumber-%d.so.1", i);
		put_entry(&entries, hash, path);
	}
	judge_eventlog(log, hash, &actual, true);
	judge_ima(&entries, hash, &given, true);
	for (int i = 0; i < rounds; i++) {
		before = now();
		judge_eventlog(log, hash, &actual, false);
		eventlog[i] = now() - before;
		before = now();
		judge_ima(&entries, hash, &given, false);
		ima[i] = now() - before;
	}
	good = report("event log", eventlog, rounds, 2);
	return report("log of IMA", ima, rounds, 25) && good ? 0 : 1;
}
