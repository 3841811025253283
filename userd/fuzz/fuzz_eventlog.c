// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz event logs: the input is one, or, with the first byte odd, changes bytes of one of
 * a boot without Secure Boot: {offset u16, value u8} each. Whatever is changed, the PCR
 * values of that boot never make it pass. With the second bit set it is in SHA-1 format.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/test_log.h"
#include "base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hash *hash;
static struct test_log *base[2];
static struct attest_pcrs actual[2];
static struct attest_verdict verdict;

/* Return: the log was read. */
static bool judge(const uint8_t *bytes, size_t length, const struct attest_pcrs *with,
		  struct attest_pcrs *ret)
{
	static char text[512];
	enum event_secure_boot on;
	struct eventlog log;
	int r;

	verdict = (struct attest_verdict){ 0 };
	r = eventlog_parse(&log, bytes, length, &verdict);
	if (r != 0 && r != -EBADMSG)
		abort();
	if (r && verdict.status == ATTEST_PASSED)
		abort();
	if (!r) {
		eventlog_replay(&log, hash, ret);
		on = eventlog_appraise(&log, hash, &verdict);
		if (with)
			eventlog_compare(&log, hash, ret, with, &verdict);
		if (on != EVENT_SECURE_BOOT_ON && verdict.status <= ATTEST_WARNING)
			abort();
	}
	for (size_t i = 0; !r && i < log.count; i++) {
		event_describe(&log, &log.events[i], text, sizeof(text));
		if (strlen(text) >= sizeof(text))
			abort();
		event_class_name(event_class(&log.events[i]));
	}
	eventlog_done(&log);
	return !r;
}

static void begin(void)
{
	hash = hash_new();
	for (int agile = 0; agile < 2; agile++) {
		base[agile] = test_log_good(agile ? 1u << ATTEST_SHA256 : 0, 0);
		judge(base[agile]->bytes, base[agile]->out.used, NULL, &actual[agile]);
		if (verdict.status != ATTEST_FAILED || verdict.count != 1)
			abort();
	}
}

static void change(const uint8_t *data, size_t size, int agile)
{
	struct cursor_in in = cursor_in(data, size);
	struct attest_pcrs replayed;
	size_t length = base[agile]->out.used;
	uint8_t *bytes = malloc(length);

	cursor_copy(bytes, length, base[agile]->bytes, length);
	while (in.left > 2) {
		size_t at = cursor_get_u16(&in) % length;

		bytes[at] = cursor_get_u8(&in);
	}
	judge(bytes, length, &actual[agile], &replayed);
	if (verdict.status <= ATTEST_WARNING)
		abort();
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attest_pcrs replayed;

	if (!hash)
		begin();
	if (size && data[0] & 1)
		change(data + 1, size - 1, !(data[0] & 2));
	else if (judge(data, size, NULL, &replayed))
		judge(data, size, &replayed, &replayed);
	if (hash_failed(hash))
		abort();
	return 0;
}
