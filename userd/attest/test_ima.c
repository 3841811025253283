// SPDX-License-Identifier: BSD-3-Clause
/* Logs of IMA: templates, replay of prefixes, padded banks, violations, bad framing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attest/ima.h"
#include "attest/test_log.h"

static struct attest_verdict verdict;
static struct ima_result result;

/**
 * struct ima_test - a log that is being made, and the TPM it is extended into
 * @log: bytes, and a hasher
 * @pcrs: of the TPM
 * @padded: banks the kernel has no hash for
 * @old: it is Linux before 5.8, which pads violations as well
 * @bank: of the template digests in the log
 */
struct ima_test {
	struct test_log *log;
	struct attest_pcrs pcrs;
	uint32_t padded;
	bool old;
	enum attest_bank bank;
};

static struct ima_test new_test(void)
{
	struct ima_test test = { .log = test_log_new(0) };

	for (enum attest_bank bank = ATTEST_SHA1; bank <= ATTEST_SHA384; bank++) {
		test.pcrs.has[bank] = 0x7ff;
		for (uint8_t pcr = 0; pcr < 10; pcr++)
			test.pcrs.value[bank][pcr][0] = pcr + 1;
	}
	return test;
}

static void extend(struct ima_test *test, const uint8_t *bytes, size_t length, bool violation)
{
	const struct hash_part part = { bytes, length };
	uint8_t sha1[ATTEST_DIGEST_MAX] = { 0 }, digest[ATTEST_DIGEST_MAX];

	hash_parts(test->log->hash, ATTEST_SHA1, &part, 1, sha1);
	for (enum attest_bank bank = ATTEST_SHA1; bank <= ATTEST_SHA384; bank++) {
		hash_parts(test->log->hash, bank, &part, 1, digest);
		if (violation)
			memset(digest, 0xff, sizeof(digest));
		if (violation)
			memset(sha1, 0xff, 20);
		hash_extend(test->log->hash, bank, test->pcrs.value[bank][10],
			    test->padded & 1u << bank && (test->old || !violation) ? sha1
										 : digest);
	}
}

/* The head of an entry; @bytes is what its digest is of. */
static void put_head(struct ima_test *test, const char *template, const uint8_t *bytes,
		     size_t length, bool violation)
{
	const struct hash_part part = { bytes, length };
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(test->log->hash, test->bank, &part, 1, digest);
	if (violation)
		memset(digest, 0, sizeof(digest));
	test_log_le32(test->log, 10);
	cursor_put_raw(&test->log->out, digest, hash_size(test->bank));
	test_log_le32(test->log, (uint32_t)strlen(template));
	cursor_put_raw(&test->log->out, template, strlen(template));
	extend(test, bytes, length, violation);
}

static void put_le32(struct cursor_out *out, size_t value)
{
	for (int i = 0; i < 4; i++, value >>= 8)
		cursor_put_u8(out, (uint8_t)value);
}

static void put_field(struct cursor_out *out, const void *bytes, size_t length)
{
	put_le32(out, length);
	cursor_put_raw(out, bytes, length);
}

/* An entry with a digest, a path, and bytes of further fields. */
static void put_entry(struct ima_test *test, const char *template, const char *prefix,
		      const uint8_t *digest, size_t digest_length, const char *path,
		      const void *more, size_t more_length, bool violation)
{
	uint8_t bytes[1024];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	put_le32(&out, strlen(prefix) + 1 + digest_length);
	cursor_put_raw(&out, prefix, strlen(prefix) + 1);
	cursor_put_raw(&out, digest, digest_length);
	put_field(&out, path, strlen(path) + 1);
	cursor_put_raw(&out, more, more_length);
	put_head(test, template, bytes, out.used, violation);
	put_field(&test->log->out, bytes, out.used);
}

static void put_ng(struct ima_test *test, const char *path)
{
	static const uint8_t digest[32] = { 1 };

	put_entry(test, "ima-ng", "sha256:", digest, 32, path, NULL, 0, false);
}

/* SHA-256 of PCRs 0 to 9, SHA-1 of 0 to 7. */
static void put_aggregate(struct ima_test *test, enum attest_bank bank)
{
	struct hash_part parts[10];
	uint8_t digest[ATTEST_DIGEST_MAX];
	size_t count = bank == ATTEST_SHA1 ? 8 : 10;
	char prefix[16];

	for (size_t i = 0; i < count; i++)
		parts[i] = (struct hash_part){ test->pcrs.value[bank][i], hash_size(bank) };
	hash_parts(test->log->hash, bank, parts, count, digest);
	snprintf(prefix, sizeof(prefix), "%s:", hash_name(bank));
	put_entry(test, "ima-ng", prefix, digest, hash_size(bank), "boot_aggregate", NULL, 0,
		  false);
}

static int judge(struct ima_test *test, const struct attest_pcrs *given)
{
	size_t length = test->log->out.used;
	uint8_t *copy = malloc(length ? length : 1);
	int r;

	assert_false(test->log->out.bad);
	assert_true(cursor_copy(copy, length, test->log->bytes, length));
	verdict = (struct attest_verdict){ 0 };
	r = ima_appraise(&result, copy, length, test->log->hash, given, &verdict);
	assert_false(hash_failed(test->log->hash));
	free(copy);
	return r;
}

static void assert_status(const char *code, enum attest_status status)
{
	if (!verdict.count)
		fail_msg("no reason, %s is expected", code);
	assert_memory_equal(verdict.reasons[0].code, code, strlen(code));
	assert_string_equal(attest_status_name(verdict.status), attest_status_name(status));
}

static void assert_passed(void)
{
	if (verdict.count)
		fail_msg("%s: %s", verdict.reasons[0].code, verdict.reasons[0].text);
}

static struct ima_test good_test(void)
{
	struct ima_test test = new_test();

	put_aggregate(&test, ATTEST_SHA256);
	put_ng(&test, "/usr/bin/init");
	put_ng(&test, "/usr/bin/sh");
	return test;
}

static void test_ima_passes(void **state)
{
	struct ima_test test = good_test();

	(void)state;
	assert_int_equal(judge(&test, &test.pcrs), 0);
	assert_passed();
	assert_int_equal(result.entries, 3);
	assert_int_equal(result.attested, 3);
	assert_int_equal(result.boot_aggregate_status, ATTEST_PASSED);
	assert_string_equal(result.template, "ima-ng");
	assert_int_equal(result.padded, 0);
	assert_memory_equal(result.pcrs.value[ATTEST_SHA1][10], test.pcrs.value[ATTEST_SHA1][10],
			    20);
	assert_int_equal(judge(&test, NULL), 0);
	assert_passed();
	assert_int_equal(verdict.unchecked_count, 0);
	test_log_free(test.log);
}

static void test_ima_sha1_aggregate(void **state)
{
	struct ima_test test = new_test();

	(void)state;
	put_aggregate(&test, ATTEST_SHA1);
	assert_int_equal(judge(&test, &test.pcrs), 0);
	assert_passed();
	assert_int_equal(result.boot_aggregate_status, ATTEST_PASSED);
	test.pcrs.value[ATTEST_SHA1][3][0] ^= 1;
	judge(&test, &test.pcrs);
	assert_status("ima.boot-aggregate", ATTEST_FAILED);
	test_log_free(test.log);
}

static void test_ima_matches_prefix(void **state)
{
	struct ima_test test = good_test();
	struct attest_pcrs quoted = test.pcrs;

	(void)state;
	put_ng(&test, "/usr/bin/later");
	put_ng(&test, "/usr/bin/later still");
	judge(&test, &quoted);
	assert_passed();
	assert_int_equal(result.attested, 3);
	assert_int_equal(result.entries, 5);
	assert_true(verdict.unchecked_count);
	/* a bank that was read two entries later */
	cursor_copy(quoted.value[ATTEST_SHA256][10], 32, test.pcrs.value[ATTEST_SHA256][10], 32);
	judge(&test, &quoted);
	assert_status("ima.replay", ATTEST_FAILED);
	test_log_free(test.log);
}

static void test_ima_padded_banks(void **state)
{
	static const uint32_t padded[] = { 1u << ATTEST_SHA384,
					   1u << ATTEST_SHA256 | 1u << ATTEST_SHA384 };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ima_test test = new_test();

		test.padded = padded[i];
		put_aggregate(&test, ATTEST_SHA256);
		put_ng(&test, "/usr/bin/init");
		judge(&test, &test.pcrs);
		assert_passed();
		assert_int_equal(result.padded, padded[i]);
		test_log_free(test.log);
	}
}

/* Go on from a point, with what follows it. */
static int judge_more(struct ima_test *test, const struct ima_point *point,
		      const struct attest_pcrs *given)
{
	size_t length = test->log->out.used - point->bytes;
	uint8_t *copy = malloc(length ? length : 1);
	int r;

	assert_true(cursor_copy(copy, length, test->log->bytes + point->bytes, length));
	verdict = (struct attest_verdict){ 0 };
	r = ima_appraise_more(&result, point, copy, length, test->log->hash, given, &verdict);
	free(copy);
	return r;
}

/* Round by round, with entries that no round vouched for yet, it comes to what the whole does. */
static void test_ima_more(void **state)
{
	static const uint32_t padded[] = { 0, 1u << ATTEST_SHA384 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ima_test test = new_test();
		struct ima_point point;

		test.padded = padded[i];
		put_aggregate(&test, ATTEST_SHA256);
		put_ng(&test, "/usr/bin/init");
		judge(&test, &test.pcrs);
		point = result.point;
		assert_int_equal(point.entries, 2);
		assert_int_equal(point.bytes, test.log->out.used);
		assert_int_equal(judge_more(&test, &point, &test.pcrs), 0);
		assert_passed();
		assert_int_equal(result.attested, 2);
		for (int round = 0; round < 3; round++) {
			struct attest_pcrs quoted;

			put_ng(&test, "/usr/bin/one");
			quoted = test.pcrs;
			put_ng(&test, "/usr/bin/two");
			assert_int_equal(judge_more(&test, &point, &quoted), 0);
			assert_passed();
			assert_int_equal(result.attested, 3 + 2 * round);
			assert_int_equal(result.entries, 4 + 2 * round);
			assert_int_equal(result.boot_aggregate_status, ATTEST_PASSED);
			assert_int_equal(result.padded, padded[i]);
			point = result.point;
			assert_true(point.entries && point.bytes < test.log->out.used);
		}
		test_log_free(test.log);
	}
}

/* What does not follow is none of the log's: it has to come whole. */
static void test_ima_more_does_not_follow(void **state)
{
	struct ima_test test = good_test();
	struct attest_pcrs quoted;
	struct ima_point point;

	(void)state;
	judge(&test, &test.pcrs);
	point = result.point;
	put_ng(&test, "/usr/bin/one");
	quoted = test.pcrs;
	quoted.value[ATTEST_SHA1][10][3] ^= 1;
	assert_int_equal(judge_more(&test, &point, &quoted), -ESTALE);
	/* a bank that was not quoted then */
	quoted = test.pcrs;
	point.banks &= ~(1u << ATTEST_SHA384);
	assert_int_equal(judge_more(&test, &point, &quoted), -ESTALE);
	point = (struct ima_point){ 0 };
	assert_int_equal(judge_more(&test, &point, &quoted), -ESTALE);
	judge(&test, &test.pcrs);
	point = result.point;
	/* entries say where they are in the whole log */
	put_ng(&test, "/usr/bin/two");
	test.log->bytes[point.bytes] = 24;
	assert_int_equal(judge_more(&test, &point, &test.pcrs), -EBADMSG);
	assert_int_equal(verdict.reasons[0].offset, point.bytes);
	assert_int_equal(verdict.reasons[0].event, point.entries);
	test.log->bytes[point.bytes] = 11;
	assert_int_equal(judge_more(&test, &point, &test.pcrs), -ESTALE);
	test_log_free(test.log);
}

static void test_ima_templates(void **state)
{
	static const uint8_t digest[32] = { 7 }, sig[8] = { 4, 0, 0, 0, 3, 2, 4, 9 };
	static const uint8_t ids[] = { 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0,
				       2, 0, 0, 0, 0xed, 0x81 };
	static const uint8_t mod[12] = { 0 };
	const struct hash_part buffer = { sig + 4, 4 };
	struct ima_test test = good_test();
	uint8_t of_buffer[ATTEST_DIGEST_MAX];

	(void)state;
	put_entry(&test, "ima-ngv2", "ima:sha256:", digest, 32, "/a", NULL, 0, false);
	put_entry(&test, "ima-ngv2", "verity:sha256:", digest, 32, "/a b", NULL, 0, false);
	put_entry(&test, "ima-sig", "sha256:", digest, 32, "/a\nb", sig, sizeof(sig), false);
	put_entry(&test, "ima-sigv2", "verity:sha256:", digest, 32, "/a", sig, sizeof(sig), false);
	put_entry(&test, "ima-buf", "sha256:", digest, 32, "kexec-cmdline", sig, sizeof(sig),
		  false);
	put_entry(&test, "ima-modsig", "sha256:", digest, 32, "/a", mod, 4, false);
	assert_int_equal(judge(&test, &test.pcrs), -EBADMSG); /* two fields are missing */
	assert_true(verdict.malformed);
	test_log_free(test.log);

	test = good_test();
	put_entry(&test, "ima-sig", "sha256:", digest, 32, "/a\nb", sig, sizeof(sig), false);
	put_entry(&test, "ima-ngv2", "verity:sha256:", digest, 32, "/a b", NULL, 0, false);
	hash_parts(test.log->hash, ATTEST_SHA256, &buffer, 1, of_buffer);
	put_entry(&test, "ima-buf", "sha256:", of_buffer, 32, "kexec-cmdline", sig, sizeof(sig),
		  false);
	put_entry(&test, "d-ng|n-ng|sig|iuid|igid|imode", "sha256:", digest, 32, "/a", ids,
		  sizeof(ids), false);
	put_entry(&test, "d-ng|n-ng|iuid|imode", "sha256:", digest, 32, "no inode", mod, 8, false);
	judge(&test, &test.pcrs);
	assert_passed();
	put_entry(&test, "ima-future", "sha256:", digest, 32, "/a", NULL, 0, false);
	judge(&test, &test.pcrs);
	assert_status("ima.template", ATTEST_WARNING);
	test_log_free(test.log);
}

static void test_ima_custom_first(void **state)
{
	static const uint8_t data[] = "\4\0\0\0uid0\050\0\0\0sha256:\0"
				      "aaaaaaaabbbbbbbbccccccccdddddddd"
				      "\017\0\0\0boot_aggregate";
	struct ima_test test = new_test();

	(void)state;
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		test.pcrs.has[bank] &= 1u << 10;
	put_head(&test, "iuid|d-ng|n-ng", data, sizeof(data), false);
	put_field(&test.log->out, data, sizeof(data));
	assert_int_equal(judge(&test, &test.pcrs), 0);
	assert_passed();
	test_log_free(test.log);
}

/* No digest covers the template's name, and two fields of any kind fit each entry. */
static void test_ima_hidden_fields(void **state)
{
	static const uint8_t digest[32] = { 7 };
	struct ima_test test = good_test();

	(void)state;
	put_entry(&test, "sig|buf", "sha256:", digest, 32, "/usr/bin/evil", NULL, 0, false);
	judge(&test, &test.pcrs);
	assert_status("ima.template", ATTEST_WARNING);
	test_log_free(test.log);
}

static void test_ima_legacy(void **state)
{
	uint8_t bytes[20 + 256] = { 9 };
	struct ima_test test = new_test();

	(void)state;
	cursor_copy(bytes + 20, 256, "boot_aggregate", 14);
	put_head(&test, "ima", bytes, sizeof(bytes), false);
	cursor_put_raw(&test.log->out, bytes, 20);
	put_field(&test.log->out, "boot_aggregate", 14);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		test.pcrs.has[bank] &= 1u << 10;
	judge(&test, &test.pcrs);
	assert_passed();
	assert_int_equal(result.attested, 1);
	test_log_free(test.log);
}

static void test_ima_sha256_log(void **state)
{
	struct ima_test test = new_test();

	(void)state;
	test.bank = ATTEST_SHA256;
	put_aggregate(&test, ATTEST_SHA256);
	put_ng(&test, "/usr/bin/init");
	judge(&test, &test.pcrs);
	assert_passed();
	assert_int_equal(result.attested, 2);
	test_log_free(test.log);
}

static void test_ima_violation(void **state)
{
	static const uint8_t none[20];
	struct ima_test test = good_test();

	(void)state;
	put_entry(&test, "ima-ng", "sha1:", none, 20, "/var/log/x", NULL, 0, true);
	put_entry(&test, "ima-ng", "sha1:", none, 20, "/var/log/y", NULL, 0, true);
	judge(&test, &test.pcrs);
	assert_status("ima.violation", ATTEST_WARNING);
	assert_int_equal(result.violations, 2);
	assert_int_equal(result.attested, 5);
	test_log_free(test.log);
}

/* The name of a template is under no digest, and ima-sig has the fields of ima-buf. */
static void test_ima_file_as_buffer(void **state)
{
	static const uint8_t digest[32] = { 7 }, sig[8] = { 4, 0, 0, 0, 3, 2, 4, 9 };
	struct ima_test test = good_test();

	(void)state;
	put_entry(&test, "ima-buf", "sha256:", digest, 32, "/usr/bin/evil", sig, sizeof(sig),
		  false);
	judge(&test, &test.pcrs);
	assert_status("ima.template-hash", ATTEST_FAILED);
	test_log_free(test.log);
}

/* Linux before 5.8 pads violations of SHA-1 too, and later ones extend ones alone. */
static void test_ima_padded_violation(void **state)
{
	static const uint8_t none[20];

	(void)state;
	for (int old = 0; old < 2; old++) {
		struct ima_test test = new_test();
		struct ima_point point;
		size_t length;

		test.padded = 1u << ATTEST_SHA256 | 1u << ATTEST_SHA384;
		test.old = old;
		put_aggregate(&test, ATTEST_SHA1);
		put_entry(&test, "ima-ng", "sha1:", none, 20, "/var/log/x", NULL, 0, true);
		put_ng(&test, "/usr/bin/init");
		judge(&test, &test.pcrs);
		assert_status("ima.violation", ATTEST_WARNING);
		assert_int_equal(verdict.count, 1);
		assert_int_equal(result.attested, 3);
		assert_int_equal(result.padded, test.padded);
		assert_int_equal(result.point.old, old);
		point = result.point;
		length = test.log->out.used;
		put_entry(&test, "ima-ng", "sha1:", none, 20, "/var/log/y", NULL, 0, true);
		verdict = (struct attest_verdict){ 0 };
		assert_int_equal(ima_appraise_more(&result, &point, test.log->bytes + length,
						   test.log->out.used - length, test.log->hash,
						   &test.pcrs, &verdict), 0);
		assert_int_equal(result.attested, 4);
		test_log_free(test.log);
	}
}

/* Each byte of an entry is under its digest or its framing, but the name of its template. */
static void test_ima_lies(void **state)
{
	struct ima_test test = good_test();

	(void)state;
	for (size_t i = 0; i < test.log->out.used; i++) {
		test.log->bytes[i] ^= 1;
		judge(&test, &test.pcrs);
		assert_int_not_equal(verdict.status, ATTEST_PASSED);
		test.log->bytes[i] ^= 1;
	}
	test_log_free(test.log);
}

static void test_ima_cut_off(void **state)
{
	struct ima_test test = good_test();
	size_t used = test.log->out.used;

	(void)state;
	for (size_t length = 0; length < used; length++) {
		test.log->out.used = length;
		judge(&test, &test.pcrs);
		assert_int_equal(verdict.status, ATTEST_FAILED);
	}
	test_log_free(test.log);
}

static void test_ima_without_tpm(void **state)
{
	static const uint8_t none[32];
	struct ima_test test = new_test();

	(void)state;
	put_entry(&test, "ima-ng", "sha256:", none, 32, "boot_aggregate", NULL, 0, false);
	judge(&test, NULL);
	assert_status("ima.boot-aggregate", ATTEST_WARNING);
	assert_int_equal(result.boot_aggregate_status, ATTEST_UNKNOWN);
	test_log_free(test.log);
}

static void test_ima_without_start(void **state)
{
	struct ima_test test = new_test();

	(void)state;
	put_ng(&test, "/usr/bin/init");
	judge(&test, &test.pcrs);
	assert_status("ima.boot-aggregate", ATTEST_WARNING);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		test.pcrs.has[bank] &= 0xff;
	judge(&test, &test.pcrs);
	assert_int_equal(verdict.status, ATTEST_UNKNOWN);
	test_log_free(test.log);
}

/* An entry of a PCR that nobody gives takes nothing from the mismatch of another one. */
static void test_ima_foreign_pcr(void **state)
{
	struct ima_test test = good_test();
	size_t at = test.log->out.used;

	(void)state;
	put_ng(&test, "/usr/bin/sh");
	test.log->bytes[at] = 11;
	test.pcrs.value[ATTEST_SHA256][10][0] ^= 1;
	judge(&test, &test.pcrs);
	assert_status("quote.selection", ATTEST_FAILED);
	assert_string_equal(verdict.reasons[1].code, "ima.replay");
	test_log_free(test.log);
}

static void test_ima_malformed(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *text;
	} cases[] = {
		{ 0, 24, "entry 0 is of PCR 24" },
		{ 24, 0, "this is no binary log" },
		{ 24, 0xffffffff, "this is no binary log" },
		{ 34, 0xffffffff, "entry 0 says it has 4294967295" },
		{ 34, 3, "entry 0: field d-ng is longer" },
		{ 38, 0xffffffff, "entry 0: field d-ng is longer" },
		{ 38, 39, "entry 0: field d-ng is malformed" },
		{ 42, 0x32333435, NULL }, /* an algorithm that is not known may have any name */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ima_test test = good_test();
		size_t used = test.log->out.used;

		test.log->out.used = cases[i].at;
		test_log_le32(test.log, cases[i].value);
		test.log->out.used = used;
		judge(&test, &test.pcrs);
		if (!cases[i].text)
			assert_status("ima.template-hash", ATTEST_FAILED);
		else if (!verdict.malformed ||
			 strncmp(verdict.reasons[0].text, cases[i].text, strlen(cases[i].text)))
			fail_msg("case %zu: %s", i, verdict.reasons[0].text);
		test_log_free(test.log);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ima_passes),
		cmocka_unit_test(test_ima_sha1_aggregate),
		cmocka_unit_test(test_ima_matches_prefix),
		cmocka_unit_test(test_ima_padded_banks),
		cmocka_unit_test(test_ima_more),
		cmocka_unit_test(test_ima_more_does_not_follow),
		cmocka_unit_test(test_ima_templates),
		cmocka_unit_test(test_ima_custom_first),
		cmocka_unit_test(test_ima_hidden_fields),
		cmocka_unit_test(test_ima_legacy),
		cmocka_unit_test(test_ima_sha256_log),
		cmocka_unit_test(test_ima_violation),
		cmocka_unit_test(test_ima_padded_violation),
		cmocka_unit_test(test_ima_file_as_buffer),
		cmocka_unit_test(test_ima_lies),
		cmocka_unit_test(test_ima_cut_off),
		cmocka_unit_test(test_ima_without_tpm),
		cmocka_unit_test(test_ima_without_start),
		cmocka_unit_test(test_ima_foreign_pcr),
		cmocka_unit_test(test_ima_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
