// SPDX-License-Identifier: BSD-3-Clause
/* Event logs: formats, replay, bad framing, and each lie that has to be caught. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attest/test_log.h"

#define SHA1   (1u << ATTEST_SHA1)
#define SHA256 (1u << ATTEST_SHA256)
#define SHA384 (1u << ATTEST_SHA384)
#define BANKS  (SHA1 | SHA256)

/* What a log came to; one at a time. */
static struct attest_verdict verdict;
static struct attest_pcrs replayed;
static struct eventlog eventlog;
static enum event_secure_boot secure_boot;

static const uint8_t zeros[64];

static int judge_bytes(struct hash *hash, const uint8_t *bytes, size_t length,
		       const struct attest_pcrs *actual)
{
	/* Exactly as long as the log, so that sanitizers see a byte too far. */
	uint8_t *copy = malloc(length ? length : 1);
	int r;

	assert_true(cursor_copy(copy, length, bytes, length));
	verdict = (struct attest_verdict){ 0 };
	r = eventlog_parse(&eventlog, copy, length, &verdict);
	if (!r) {
		eventlog_replay(&eventlog, hash, &replayed);
		secure_boot = eventlog_appraise(&eventlog, hash, &verdict);
		if (actual)
			eventlog_compare(&eventlog, hash, &replayed, actual, &verdict);
		assert_false(hash_failed(hash));
	}
	eventlog_done(&eventlog);
	free(copy);
	return r;
}

static int judge(struct test_log *log, const struct attest_pcrs *actual)
{
	assert_false(log->out.bad);
	return judge_bytes(log->hash, log->bytes, log->out.used, actual);
}

static const struct attest_reason *find_reason(const char *code)
{
	for (size_t i = 0; i < verdict.count; i++)
		if (!strncmp(verdict.reasons[i].code, code, strlen(code)))
			return &verdict.reasons[i];
	return NULL;
}

static void assert_reason(const char *code, enum attest_status status)
{
	const struct attest_reason *reason = find_reason(code);

	if (!reason) {
		for (size_t i = 0; i < verdict.count; i++)
			print_message("%s: %s\n", verdict.reasons[i].code, verdict.reasons[i].text);
		fail_msg("no reason %s", code);
		return;
	}
	assert_string_equal(attest_status_name(reason->status), attest_status_name(status));
	assert_true(*reason->text && *reason->next);
}

static void assert_passed(void)
{
	for (size_t i = 0; i < verdict.count; i++)
		print_message("%s: %s\n", verdict.reasons[i].code, verdict.reasons[i].text);
	assert_int_equal(verdict.status, ATTEST_PASSED);
}

static void test_eventlog_passes(void **state)
{
	static const uint32_t banks[] = { SHA256, BANKS, BANKS | SHA384, SHA384 };

	(void)state;
	for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++) {
		struct test_log *log = test_log_good(banks[i], 1);
		struct attest_pcrs actual;

		assert_int_equal(judge(log, NULL), 0);
		assert_passed();
		assert_int_equal(secure_boot, EVENT_SECURE_BOOT_ON);
		actual = replayed;
		assert_int_equal(judge(log, &actual), 0);
		assert_passed();
		test_log_free(log);
	}
}

/* By hand: PCR 6 has a separator alone. */
static void test_eventlog_replays(void **state)
{
	static const char sha1[] = "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236";
	struct test_log *log = test_log_good(0, 1);
	char hex[ATTEST_HEX_MAX];

	(void)state;
	assert_int_equal(judge(log, NULL), 0);
	attest_text_hex(hex, replayed.value[ATTEST_SHA1][6], 20);
	assert_string_equal(hex, sha1);
	assert_int_equal(replayed.has[ATTEST_SHA256], 0);
	test_log_free(log);
}

static void assert_start(struct test_log *log, uint8_t start)
{
	uint8_t expected[ATTEST_DIGEST_MAX] = { 0 }, digest[ATTEST_DIGEST_MAX];
	const struct hash_part part = { "code", 4 };

	expected[31] = start;
	hash_parts(log->hash, ATTEST_SHA256, &part, 1, digest);
	hash_extend(log->hash, ATTEST_SHA256, expected, digest);
	judge(log, NULL);
	assert_memory_equal(replayed.value[ATTEST_SHA256][0], expected, 32);
	test_log_free(log);
}

static void test_eventlog_starts_pcr0(void **state)
{
	struct test_log *log = test_log_new(SHA256);

	(void)state;
	test_log_mute(log, 0, "StartupLocality\0\003", 17);
	test_log_event(log, 0, EV_POST_CODE, "code", 4, "x", 1);
	assert_start(log, 3);
	assert_null(find_reason("log.data"));

	log = test_log_new(SHA256);
	test_log_mute(log, 0, "SP800-155 Event\0and more", 24);
	test_log_event(log, 0, EV_EFI_HCRTM_EVENT, "code", 4, "HCRTM", 5);
	assert_start(log, 4);

	log = test_log_new(SHA256);
	test_log_event(log, 0, EV_POST_CODE, "code", 4, "x", 1);
	assert_start(log, 0);
}

/* Whatever is cut off, what is left does not account for the PCR values. */
static void test_eventlog_cut_off(void **state)
{
	struct test_log *log = test_log_good(BANKS, 1);
	struct attest_pcrs actual;

	(void)state;
	judge(log, NULL);
	actual = replayed;
	for (size_t length = 0; length < log->out.used; length++) {
		int r = judge_bytes(log->hash, log->bytes, length, &actual);

		assert_int_equal(r == -EBADMSG, verdict.malformed);
		assert_int_equal(verdict.status, ATTEST_FAILED);
	}
	test_log_free(log);
}

static void test_eventlog_flipped(void **state)
{
	struct test_log *log = test_log_good(BANKS, 1);
	struct attest_pcrs actual;

	(void)state;
	judge(log, NULL);
	actual = replayed;
	for (size_t i = 0; i < log->out.used; i++) {
		log->bytes[i] ^= 0x41;
		judge(log, &actual);
		log->bytes[i] ^= 0x41;
	}
	judge(log, &actual);
	assert_passed();
	test_log_free(log);
}

/* name, bytes written over a good log of both banks at an offset, start of the text */
static void test_eventlog_malformed(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *text;
	} cases[] = {
		{ 28, 0xffffffff, "event 0 says it has" },
		{ 28, 36, "the Spec ID event has a wrong length" },
		{ 48, 2, "the Spec ID event is of no version" },
		{ 56, 0, "the Spec ID event lists 0 alg" },
		{ 56, 17, "the Spec ID event lists 17 alg" },
		{ 56, 0xffffffff, "the Spec ID event lists 4294967295 alg" },
		{ 56, 1, "the Spec ID event has a wrong length" },
		{ 60, 0x00150004, "the Spec ID event says that a sha1" },
		{ 60, 0x0020000b, "the Spec ID event lists algorithm 0x000b twice" },
		{ 60, 0x00000099, "the Spec ID event gives algorithm 0x0099" },
		{ 69, 24, "event 1 is of PCR 24" },
		{ 77, 0, "event 1 has 0 digests" },
		{ 77, 3, "event 1 has 3 digests" },
		{ 77, 0xffffffff, "event 1 has 4294967295 digests" },
		{ 81, 0x00000005, "event 1 has a digest of algorithm 0x0005" },
		{ 103, 0x00000004, "event 1 has two digests" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_log *log = test_log_good(BANKS, 1);
		size_t used = log->out.used;

		log->out.used = cases[i].at;
		if (cases[i].at == 81 || cases[i].at == 103)
			test_log_le16(log, (uint16_t)cases[i].value);
		else
			test_log_le32(log, cases[i].value);
		log->out.used = used;
		assert_int_equal(judge(log, NULL), -EBADMSG);
		assert_true(verdict.malformed);
		assert_reason("log.invalid@", ATTEST_FAILED);
		if (strncmp(verdict.reasons[0].text, cases[i].text, strlen(cases[i].text)) != 0)
			fail_msg("case %zu: %s", i, verdict.reasons[0].text);
		test_log_free(log);
	}
}

static void test_eventlog_ends(void **state)
{
	struct test_log *log = test_log_good(SHA256, 1);

	(void)state;
	cursor_put_raw(&log->out, zeros, 3);
	assert_int_equal(judge(log, NULL), -EBADMSG);
	cursor_put_raw(&log->out, zeros, 61);
	assert_int_equal(judge(log, NULL), 0);
	assert_reason("log.padding", ATTEST_WARNING);
	cursor_put_u8(&log->out, 1);
	assert_int_equal(judge(log, NULL), -EBADMSG);
	test_log_free(log);
	log = test_log_new(0);
	assert_int_equal(judge(log, NULL), -EBADMSG);
	assert_reason("log.missing", ATTEST_FAILED);
	test_log_free(log);
}

/* A bank that is not known here has digests that are stepped over. */
static void test_eventlog_unknown_bank(void **state)
{
	struct test_log *log = test_log_new(SHA256);

	(void)state;
	log->out.used = 56;
	test_log_le32(log, 2);
	test_log_le32(log, 0x0020000b);
	test_log_le32(log, 0x00300028);
	cursor_put_u8(&log->out, 0);
	log->bytes[28] = (uint8_t)(log->out.used - 32);
	test_log_le32(log, 6);
	test_log_le32(log, EV_SEPARATOR);
	test_log_le32(log, 2);
	test_log_le16(log, 0x28);
	cursor_put_raw(&log->out, zeros, 48);
	test_log_le16(log, 0x0b);
	cursor_put_raw(&log->out, zeros, 32);
	test_log_le32(log, 4);
	cursor_put_raw(&log->out, zeros, 4);
	assert_int_equal(judge(log, NULL), 0);
	assert_int_equal(replayed.has[ATTEST_SHA256], 1u << 6);
	test_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eventlog_passes),
		cmocka_unit_test(test_eventlog_replays),
		cmocka_unit_test(test_eventlog_starts_pcr0),
		cmocka_unit_test(test_eventlog_cut_off),
		cmocka_unit_test(test_eventlog_flipped),
		cmocka_unit_test(test_eventlog_malformed),
		cmocka_unit_test(test_eventlog_ends),
		cmocka_unit_test(test_eventlog_unknown_bank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
