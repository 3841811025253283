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
#include "attest/test_quote.h"
#include "attest/tpm2b.h"
#include "wire/batch.h"

static const uint8_t asked[HOST_QUOTE_NONCE] = { 9, 8, 7 };
static const uint8_t uuid[LEAF_UUID] = { 0x6f, 0x8b, 0x0e, 0x5e, 0x1c, 0x5e, 0x4b, 0x7e,
					 0x9d, 0x0a, 0x3f, 0x1f, 0x5c, 0x0a, 0x7e, 0x11 };

static struct test_quote *host, *vtpm, *other;
static struct attest_verdict verdict;
static struct batch batch;
static struct leaf leaf;
static uint8_t leaf_bytes[LEAF_SIZE], proof[BATCH_PROOF_MAX];
static uint32_t place;
static struct host_quote frame;
static json_t *bundle;

static void name_of(const struct test_quote *tpm, const struct cursor_out *key,
		    uint8_t ret[LEAF_NAME])
{
	struct public_name name;
	struct public public;

	assert_true(public_parse(&public, key->base, key->used));
	public_name(&public, tpm->hash, &name);
	assert_int_equal(name.size, LEAF_NAME);
	cursor_copy(ret, LEAF_NAME, name.bytes, LEAF_NAME);
}

static void digest_of(const struct test_quote *tpm, uint8_t ret[LEAF_HASH])
{
	const struct hash_part message = { tpm->message.base, tpm->message.used };
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(tpm->hash, ATTEST_SHA256, &message, 1, digest);
	cursor_copy(ret, LEAF_HASH, digest, LEAF_HASH);
}

/* The vTPM quotes the nonce as it is, as its own key. */
static void sign_vtpm(struct test_quote *tpm)
{
	tpm->nonce = (const char *)asked;
	tpm->nonce_size = sizeof(asked);
	test_quote_sign(tpm);
}

/* The host's quote over the leaf among others. */
static void sign_host(void)
{
	uint8_t bytes[LEAF_SIZE];
	struct leaf another = { .protection = LEAF_SEALED };

	batch.count = 0;
	for (uint32_t i = 0; i < 5; i++) {
		another.generation = i;
		leaf_put(i == place ? &leaf : &another, bytes);
		assert_int_equal(batch_add(&batch, bytes, sizeof(bytes)), 0);
	}
	frame = (struct host_quote){ .purpose = HOST_QUOTE_DEEP, .leaves = 5, .epoch = 7 };
	assert_int_equal(batch_root(&batch, frame.root), 0);
	host_quote_put(&frame, host->frame);
	hash_parts(host->hash, ATTEST_SHA256,
		   &(struct hash_part){ host->frame, sizeof(host->frame) }, 1, host->about);
	host->nonce = (const char *)host->about;
	host->nonce_size = LEAF_HASH;
	test_quote_sign(host);
}

static void put_deep(void)
{
	size_t length = batch_proof(&batch, place, proof);

	leaf_put(&leaf, leaf_bytes);
	json_decref(bundle);
	bundle = test_quote_bundle(vtpm, "vtpm", asked);
	json_object_set_new(bundle, "deep",
			    json_pack("{s:o, s:i, s:i, s:o, s:o}", "leaf",
				      test_bytes(leaf_bytes, sizeof(leaf_bytes)), "index", place,
				      "count", 5, "proof", test_bytes(proof, length), "host",
				      test_quote_bundle(host, "host", asked)));
}

static int setup(void **state)
{
	(void)state;
	host = test_quote_new(false);
	vtpm = test_quote_new(false);
	other = test_quote_new(false);
	sign_vtpm(vtpm);
	sign_vtpm(other);
	leaf = (struct leaf){ .epoch = 3, .generation = 12, .protection = LEAF_LAZY };
	cursor_copy(leaf.nonce, sizeof(leaf.nonce), asked, sizeof(asked));
	cursor_copy(leaf.uuid, sizeof(leaf.uuid), uuid, sizeof(uuid));
	digest_of(vtpm, leaf.attest);
	name_of(vtpm, &vtpm->ak, leaf.ak_name);
	name_of(vtpm, &vtpm->ek, leaf.ek_name);
	place = 2;
	sign_host();
	put_deep();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(bundle);
	bundle = NULL;
	test_quote_free(host);
	test_quote_free(vtpm);
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
				   host->hash, &verdict);
		bundle_check_quote(&own, &none, &read, bundle_part(&read, BUNDLE_AK), NULL,
				   wish->nonce, host->hash, &verdict);
		if (own.signed_by_ak && found.leaves)
			assert_int_equal(deep_check(&ret, &read, &found, &own.ak_name, wish,
						    host->hash, &verdict),
					 0);
	}
	assert_int_equal(!verdict.count, ret.protection == LEAF_LAZY);
	bundle_done(&read);
	free(text);
	return verdict.count ? verdict.reasons[0].code : "";
}

static struct deep_wish expected(void)
{
	return (struct deep_wish){ .nonce = { asked, sizeof(asked) }, .uuid = uuid, .epoch = 3,
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
	for (place = 0; place < 5; place++) {
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
	leaf.nonce[0] ^= 1;
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.nonce");
}

/* Guest A, and what host B vouches for: whatever is taken of which, something is left over. */
static void test_deep_spliced(void **state)
{
	struct leaf of_a = leaf;
	json_t *deep;

	(void)state;
	/* B's quote is over B's leaves; A's leaf is not among them */
	leaf.generation++;
	sign_host();
	leaf = of_a;
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.proof");
	/* B's leaf stands for B's vTPM */
	digest_of(other, leaf.attest);
	name_of(other, &other->ak, leaf.ak_name);
	name_of(other, &other->ek, leaf.ek_name);
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.link");
	/* the right statement, another vTPM's keys */
	leaf.attest[0] ^= 1;
	digest_of(vtpm, leaf.attest);
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.key");
	name_of(vtpm, &vtpm->ak, leaf.ak_name);
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.ek");
	/* another place, another number of leaves */
	leaf = of_a;
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
	cursor_copy(root, sizeof(root), frame.root, sizeof(root));
	test_quote_frame(host, root, HOST_QUOTE_HOST, 7);
	test_quote_sign(host);
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.purpose");
	/* and a frame that was changed to be a deep one was not signed */
	host_quote_put(&frame, host->frame);
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
						    (struct hash_part){ asked, sizeof(asked) },
						    host->hash, &verdict),
				 0);
		assert_string_equal(verdict.reasons[0].code, "quote.frame");
		bundle_done(&read);
		free(text);
	}
}

static void test_deep_malformed(void **state)
{
	json_t *deep = json_object_get(bundle, "deep"), *below = json_object_get(deep, "host");

	(void)state;
	leaf.protection = LEAF_CLAIMED;
	sign_host();
	put_deep();
	assert_string_equal(judge_as_expected(), "deep.leaf");
	leaf.protection = LEAF_LAZY;
	sign_host();
	put_deep();
	deep = json_object_get(bundle, "deep");
	below = json_deep_copy(json_object_get(deep, "host"));
	json_object_set_new(deep, "leaf", test_bytes(leaf_bytes, sizeof(leaf_bytes) - 1));
	assert_string_equal(judge_as_expected(), "deep.leaf");
	json_object_set_new(deep, "index", json_integer(-1));
	assert_string_equal(judge_as_expected(), "bundle.invalid@0");
	json_object_set_new(deep, "index", json_integer(2));
	/* a host below a host, a vTPM below a vTPM */
	json_object_set(json_object_get(deep, "host"), "deep", json_object());
	assert_string_equal(judge_as_expected(), "bundle.invalid@0");
	json_object_set_new(deep, "host", test_quote_bundle(vtpm, "vtpm", asked));
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
