// SPDX-License-Identifier: BSD-3-Clause
/*
 * Deep quotes, honest and not: two TPMs of nothing but OpenSSL, and what goes wrong between
 * them, each with the reason that has to name it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attest/deep.h"
#include "attest/test_deep.h"

static struct test_deep made;
static struct test_quote *other;
static struct attest_verdict verdict;
static struct leaf *const leaf = &made.leaf;
static json_t *bundle;

static void sign_host(void)
{
	test_deep_sign_host(&made);
}

static void put_deep(void)
{
	json_decref(bundle);
	bundle = test_deep_bundle(&made);
}

static int setup(void **state)
{
	(void)state;
	test_deep_init(&made);
	other = test_quote_new(false);
	test_deep_sign_vtpm(other);
	put_deep();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(bundle);
	bundle = NULL;
	test_deep_done(&made);
	test_quote_free(other);
	return 0;
}

/* As vtpm-verify goes: host's quote, vTPM's quote, links. Return: the first reason, or "" */
static const char *judge(const struct deep_wish *wish)
{
	char *text = json_dumps(bundle, 0);
	struct quote below, own;
	struct host_quote found, none;
	struct bundle read;
	struct leaf ret = { 0 };

	verdict = (struct attest_verdict){ 0 };
	if (!bundle_read(&read, text, strlen(text), &verdict) && read.below) {
		bundle_check_quote(&below, &found, read.below,
				   bundle_part(read.below, BUNDLE_AK), NULL, wish->nonce,
				   made.host->hash, &verdict);
		bundle_check_quote(&own, &none, &read, bundle_part(&read, BUNDLE_AK), NULL,
				   wish->nonce, made.host->hash, &verdict);
		if (own.signed_by_ak && found.leaves)
			assert_int_equal(deep_check(&ret, &read, &found, &own.ak_name, wish,
						    made.host->hash, &verdict),
					 0);
	}
	assert_int_equal(!verdict.count, ret.protection == LEAF_LAZY);
	bundle_done(&read);
	free(text);
	return verdict.count ? verdict.reasons[0].code : "";
}

static struct deep_wish expected(void)
{
	return (struct deep_wish){ .nonce = { test_deep_nonce, sizeof(test_deep_nonce) },
				   .uuid = test_deep_uuid,
				   .epoch = 3,
				   .has_epoch = true };
}

static const char *judge_as_expected(void)
{
	const struct deep_wish wish = expected();

	return judge(&wish);
}

static void test_deep_honest(void **state)
{
	(void)state;
	assert_string_equal(judge_as_expected(), "");
	for (made.place = 0; made.place < TEST_DEEP_LEAVES; made.place++) {
		sign_host();
		put_deep();
		assert_string_equal(judge_as_expected(), "");
	}
}

static void test_deep_expects(void **state)
{
	static const uint8_t nonce[LEAF_HASH] = { 1 }, another[LEAF_UUID] = { 1 };
	struct deep_wish wish = expected();

	(void)state;
	wish.epoch = 4;
	assert_string_equal(judge(&wish), "deep.epoch");
	wish = expected();
	wish.uuid = another;
	assert_string_equal(judge(&wish), "deep.uuid");
	wish.uuid = NULL;
	assert_string_equal(judge(&wish), "");
	/* both say so: the vTPM's own quote, and the leaf */
	wish.nonce.at = nonce;
	assert_string_equal(judge(&wish), "quote.nonce");
	assert_string_equal(verdict.reasons[1].code, "deep.nonce");
}

/* A leaf of another nonce, with the vTPM's fresh quote. */
static void test_deep_replayed_leaf(void **state)
{
	(void)state;
	leaf->nonce[0] ^= 1;
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.nonce");
}

/* Guest A, and what host B vouches for: whatever is taken of which, something is left over. */
static void test_deep_spliced(void **state)
{
	struct leaf of_a = *leaf;
	json_t *deep;

	(void)state;
	/* B's quote is over B's leaves; A's leaf is not among them */
	leaf->generation++;
	sign_host();
	*leaf = of_a;
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.proof");
	/* B's leaf stands for B's vTPM */
	test_deep_digest(other, leaf->attest);
	test_deep_name(other, &other->ak, leaf->ak_name);
	test_deep_name(other, &other->ek, leaf->ek_name);
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.link");
	/* the right statement, another vTPM's keys */
	leaf->attest[0] ^= 1;
	test_deep_digest(made.vtpm, leaf->attest);
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.key");
	test_deep_name(made.vtpm, &made.vtpm->ak, leaf->ak_name);
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.ek");
	/* another place, another number of leaves */
	*leaf = of_a;
	sign_host();
	put_deep();
	deep = json_object_get(bundle, "deep");
	json_object_set_new(deep, "index", json_integer(3));
	assert_string_equal(judge_as_expected(), "deep.proof");
	json_object_set_new(deep, "index", json_integer(2));
	json_object_set_new(deep, "count", json_integer(6));
	assert_string_equal(judge_as_expected(), "deep.proof");
}

/* Anybody may have a host quote a nonce of his choice: a root does not pass as one. */
static void test_deep_forged_root(void **state)
{
	uint8_t root[LEAF_HASH];

	(void)state;
	cursor_copy(root, sizeof(root), made.frame.root, sizeof(root));
	test_quote_frame(made.host, root, HOST_QUOTE_HOST, 7);
	test_quote_sign(made.host);
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.purpose");
	/* and a frame that was changed to be a deep one was not signed */
	host_quote_put(&made.frame, made.host->frame);
	put_deep();
	assert_string_equal(judge_as_expected(), "quote.nonce");
}

/* A deep quote is no evidence of a host's boot by itself, as it answers no nonce. */
static void test_deep_is_no_host(void **state)
{
	json_t *alone = json_deep_copy(json_object_get(json_object_get(bundle, "deep"), "host"));

	(void)state;
	json_decref(bundle);
	bundle = alone;
	{
		char *text = json_dumps(bundle, 0);
		struct host_quote found;
		struct quote quote;
		struct bundle read;

		verdict = (struct attest_verdict){ 0 };
		assert_int_equal(bundle_read(&read, text, strlen(text), &verdict), 0);
		assert_int_equal(bundle_check_quote(&quote, &found, &read,
						    bundle_part(&read, BUNDLE_AK), NULL,
						    (struct hash_part){ test_deep_nonce,
									LEAF_HASH },
						    made.host->hash, &verdict),
				 0);
		assert_string_equal(verdict.reasons[0].code, "quote.frame");
		bundle_done(&read);
		free(text);
	}
}

static void test_deep_malformed(void **state)
{
	json_t *deep, *below;
	uint8_t whole[LEAF_SIZE];

	(void)state;
	leaf->protection = LEAF_CLAIMED;
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.leaf");
	leaf->protection = LEAF_LAZY;
	sign_host();
	put_deep();
	deep = json_object_get(bundle, "deep");
	below = json_deep_copy(json_object_get(deep, "host"));
	leaf_put(leaf, whole);
	json_object_set_new(deep, "leaf", test_bytes(whole, sizeof(whole) - 1));
	assert_string_equal(judge_as_expected(), "deep.leaf");
	json_object_set_new(deep, "index", json_integer(-1));
	assert_string_equal(judge_as_expected(), "bundle.invalid@0");
	json_object_set_new(deep, "index", json_integer(2));
	/* a host below a host, a vTPM below a vTPM */
	json_object_set_new(json_object_get(deep, "host"), "deep", json_object());
	assert_string_equal(judge_as_expected(), "bundle.invalid@0");
	json_object_set_new(deep, "host", test_quote_bundle(made.vtpm, "vtpm", test_deep_nonce));
	assert_string_equal(judge_as_expected(), "bundle.invalid@0");
	json_object_set_new(deep, "host", below);
	json_object_set_new(deep, "more", json_null());
	assert_string_equal(judge_as_expected(), "bundle.invalid@0");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_deep_honest),	      CASE(test_deep_expects),
		CASE(test_deep_replayed_leaf), CASE(test_deep_spliced),
		CASE(test_deep_forged_root),   CASE(test_deep_is_no_host),
		CASE(test_deep_malformed),
	};

	return cmocka_run_group_tests_name("deep", tests, NULL, NULL);
}
