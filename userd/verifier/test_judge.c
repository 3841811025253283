// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a judge knows after a round: logs that need not come again, and all that makes it
 * forget them. A round that rests on what is known comes to what the whole one does.
 */
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
#include "attest/test_quote.h"
#include "verifier/judge.h"

static const uint8_t nonce[HOST_QUOTE_NONCE] = { 7 };
static struct judge judge;
static struct judgement judgement;
static struct test_quote *tpm;
static struct test_log *boot, *ima;

/* The TPM has measured what the log says. */
static void measure(void)
{
	struct attest_verdict verdict = { 0 };
	struct eventlog log;

	assert_int_equal(eventlog_parse(&log, boot->bytes, boot->out.used, &verdict), 0);
	eventlog_replay(&log, tpm->hash, &tpm->values);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		tpm->values.has[bank] = bank == ATTEST_SHA256 ? 0xffffff : 0;
	tpm->selection = (struct selection){ 1, { ATTEST_SHA256 }, { 0xffffff } };
	eventlog_done(&log);
	test_log_ima(ima, "boot_aggregate", &tpm->values);
}

static json_t *quote(void)
{
	json_t *root;

	test_quote_frame(tpm, nonce, HOST_QUOTE_HOST, 1);
	test_quote_sign(tpm);
	root = test_quote_bundle(tpm, "host", nonce);
	json_object_set_new(json_object_get(root, "host"), "boot_id", json_string("this boot"));
	return root;
}

static int judge_bundle(json_t *root)
{
	const struct hash_part ak = { tpm->ak.base, tpm->ak.used };
	char *text = json_dumps(root, JSON_COMPACT);
	struct bundle bundle;
	int r;

	judgement_init(&judgement);
	r = bundle_read(&bundle, text, strlen(text), &judgement.verdict);
	if (r)
		fail_msg("%s", judgement.verdict.reasons[0].text);
	r = judge_evidence(&judge, &bundle, ak, nonce, &judgement);
	bundle_done(&bundle);
	free(text);
	json_decref(root);
	return r;
}

static int judge_whole(void)
{
	json_t *root = quote();

	json_object_set_new(root, "eventlog", test_bytes(boot->bytes, boot->out.used));
	json_object_set_new(root, "ima", test_bytes(ima->bytes, ima->out.used));
	return judge_bundle(root);
}

static bool is_known(struct judge_known *ret)
{
	return judge_knows(&judge, (struct hash_part){ tpm->ak.base, tpm->ak.used }, ret);
}

/* As little as the judge says that it wants, or wrong by so much. */
static int judge_rest(size_t more, uint8_t flip)
{
	struct judge_known known;
	json_t *root = quote();

	assert_true(is_known(&known));
	known.eventlog[3] ^= flip;
	known.ima += more;
	json_object_set_new(root, "eventlog_sha256", test_bytes(known.eventlog, CACHE_DIGEST));
	json_object_set_new(root, "ima_after", json_integer((json_int_t)known.ima));
	json_object_set_new(root, "ima",
			    test_bytes(ima->bytes + known.ima, ima->out.used - known.ima));
	return judge_bundle(root);
}

static void assert_status(enum attest_status status)
{
	if (judgement.verdict.status == status)
		return;
	fail_msg("%s: %s", attest_status_name(judgement.verdict.status),
		 judgement.verdict.count ? judgement.verdict.reasons[0].text : "no reason");
}

static void test_judge_rounds(void **state)
{
	struct judge_known known;
	char path[32];

	(void)state;
	assert_false(is_known(&known));
	assert_int_equal(judge_whole(), 0);
	assert_status(ATTEST_PASSED);
	assert_true(is_known(&known));
	assert_string_equal(known.boot_id, "this boot");
	assert_int_equal(known.ima, ima->out.used);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/usr/bin/%zu", i);
		test_log_ima(ima, path, &tpm->values);
		assert_int_equal(judge_rest(0, 0), 0);
		assert_status(ATTEST_PASSED);
		assert_int_equal(judgement.ima_entries, i + 2);
		assert_string_equal(judgement.secure_boot, "on");
		/* Nothing new */
		assert_int_equal(judge_rest(0, 0), 0);
		assert_int_equal(judgement.ima_entries, i + 2);
	}
}

/* Another log, another place, another life: it is asked for all, and then it is judged again. */
static void test_judge_forgets(void **state)
{
	struct judge_known known;

	(void)state;
	assert_int_equal(judge_whole(), 0);
	assert_int_equal(judge_rest(0, 1), -ESTALE);
	assert_false(is_known(&known));
	assert_int_equal(judge_whole(), 0);
	assert_int_equal(judge_rest((size_t)-1, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	tpm->clock.resets++;
	assert_int_equal(judge_rest(0, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	tpm->clock.restarts++;
	assert_int_equal(judge_rest(0, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	/* PCR 10 says what nobody logged. */
	tpm->values.value[ATTEST_SHA256][10][0] ^= 1;
	assert_int_equal(judge_rest(0, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	assert_status(ATTEST_FAILED);
	assert_false(is_known(&known));
	tpm->values.value[ATTEST_SHA256][10][0] ^= 1;
	assert_int_equal(judge_whole(), 0);
	/* So does PCR 7, and the log has to say why. */
	tpm->values.value[ATTEST_SHA256][7][0] ^= 1;
	assert_int_equal(judge_rest(0, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	assert_status(ATTEST_FAILED);
	tpm->values.value[ATTEST_SHA256][7][0] ^= 1;
}

/* A quote that fails is no question of logs, and takes nothing away that another one made. */
static void test_judge_quote_first(void **state)
{
	struct test_quote *mine = tpm;
	struct judge_known known;
	json_t *root;

	(void)state;
	assert_int_equal(judge_whole(), 0);
	tpm = test_quote_new(false);
	root = quote();
	test_quote_free(tpm);
	tpm = mine;
	assert_int_equal(judge_bundle(root), 0);
	assert_status(ATTEST_FAILED);
	assert_string_equal(judgement.verdict.reasons[0].code, "quote.signature");
	assert_true(is_known(&known));
}

/* Each version of a policy begins anew, and both are asked for what follows as well. */
static void test_judge_policies(void **state)
{
	static const char good[] = "{\"version\": 1, \"cmdline_deny\": [\"init=\"]}";
	static const char files[] = "{\"digests\": {}, \"excludes\": [\"/usr/bin/[0-9]\"]}";
	struct attest_verdict verdict = { 0 };
	struct ima_policy *ima_policy = NULL;
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_read(&policy, good, strlen(good), &verdict), 0);
	assert_int_equal(ima_policy_read(&ima_policy, files, strlen(files), &verdict), 0);
	assert_int_equal(judge_whole(), 0);
	judge.policy = policy;
	assert_int_equal(judge_rest(0, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	judge.ima_policy = ima_policy;
	assert_int_equal(judge_rest(0, 0), -ESTALE);
	assert_int_equal(judge_whole(), 0);
	assert_status(ATTEST_PASSED);
	test_log_ima(ima, "/usr/bin/9", &tpm->values);
	assert_int_equal(judge_rest(0, 0), 0);
	assert_status(ATTEST_PASSED);
	test_log_ima(ima, "/tmp/x", &tpm->values);
	assert_int_equal(judge_rest(0, 0), 0);
	assert_status(ATTEST_FAILED);
	assert_string_equal(judgement.verdict.reasons[0].code, "ima.file");
	assert_int_equal(judgement.verdict.reasons[0].event, (long)judgement.ima_entries - 1);
	/* A host that shows no log of IMA hides it. */
	assert_int_equal(judge_bundle(quote()), 0);
	judge.policy = NULL;
	judge.ima_policy = NULL;
	policy_free(policy);
	ima_policy_free(ima_policy);
}

/* What does not fit is not kept, and goes the oldest first. */
static void test_cache_is_bounded(void **state)
{
	struct cache *cache = cache_new(20000);
	struct public_name name = { .size = 2 };
	int kept = 0;

	(void)state;
	for (uint8_t i = 0; i < 100; i++) {
		struct cache_entry *entry = calloc(1, sizeof(*entry));

		name.bytes[1] = i;
		entry->key.ak = name;
		cache_put(cache, entry);
		assert_ptr_equal(cache_find(cache, &name), entry);
		/* The first one is used all the time. */
		name.bytes[1] = 0;
		assert_non_null(cache_find(cache, &name));
	}
	for (uint8_t i = 0; i < 100; i++) {
		name.bytes[1] = i;
		kept += !!cache_find(cache, &name);
	}
	assert_true(kept > 1 && kept < 8);
	cache_free(cache);
	cache = cache_new(0);
	cache_put(cache, calloc(1, sizeof(struct cache_entry)));
	assert_null(cache_find(cache, &(struct public_name){ 0 }));
	cache_free(cache);
}

/* A failure is never kept, and neither is more than fits. */
static void test_cache_finding_add(void **state)
{
	static struct attest_verdict verdict;
	struct cache_finding finding = { 0 };

	(void)state;
	attest_verdict_say(&verdict, ATTEST_WARNING, "a", "", "a warning");
	attest_verdict_say(&verdict, ATTEST_FAILED, "b", "", "a failure");
	assert_true(cache_finding_add(&finding, &verdict, 0, 1));
	assert_false(cache_finding_add(&finding, &verdict, 0, 2));
	for (size_t i = 1; i < CACHE_REASONS; i++)
		assert_true(cache_finding_add(&finding, &verdict, 0, 1));
	assert_false(cache_finding_add(&finding, &verdict, 0, 1));
	verdict = (struct attest_verdict){ 0 };
	cache_finding_say(&finding, &verdict);
	assert_int_equal(verdict.count, CACHE_REASONS);
	assert_int_equal(verdict.status, ATTEST_WARNING);
	assert_string_equal(verdict.reasons[3].text, "a warning");
	verdict.dropped = 1;
	assert_false(cache_finding_add(&finding, &verdict, 0, 0));
	free(finding.reasons);
}

static int set_up(void **state)
{
	(void)state;
	tpm = test_quote_new(false);
	boot = test_log_good(1u << ATTEST_SHA256, 1);
	ima = test_log_new(0);
	measure();
	return judge_init(&judge, 1u << 20);
}

static int tear_down(void **state)
{
	(void)state;
	judge_done(&judge);
	test_quote_free(tpm);
	test_log_free(boot);
	test_log_free(ima);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_judge_rounds),
		TEST(test_judge_forgets),
		TEST(test_judge_quote_first),
		TEST(test_judge_policies),
		cmocka_unit_test(test_cache_is_bounded),
		cmocka_unit_test(test_cache_finding_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
