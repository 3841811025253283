/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A deep quote made for tests: a host and a vTPM of nothing but OpenSSL (attest/test_quote.h), and
 * the tree between them, whose leaf says what a test wants.
 */
#ifndef ATTEST_TEST_DEEP_H
#define ATTEST_TEST_DEEP_H

#include "attest/test_quote.h"
#include "wire/batch.h"
#include "wire/leaf.h"

/** define TEST_DEEP_LEAVES - of the tree */
#define TEST_DEEP_LEAVES 5

/**
 * struct test_deep - it
 * @host: quotes the tree
 * @vtpm: quotes the nonce
 * @leaf: what the host says of @vtpm
 * @place: of that leaf
 * @frame: of the host's quote
 * @batch: the tree
 */
struct test_deep {
	struct test_quote *host;
	struct test_quote *vtpm;
	struct leaf leaf;
	uint32_t place;
	struct host_quote frame;
	struct batch batch;
};

/** test_deep_nonce, test_deep_uuid - of all that is made here */
extern const uint8_t test_deep_nonce[HOST_QUOTE_NONCE];
extern const uint8_t test_deep_uuid[LEAF_UUID];

/** test_deep_init() - an honest one, signed */
void test_deep_init(struct test_deep *deep);
void test_deep_done(struct test_deep *deep);

/** test_deep_sign_vtpm() - have a vTPM quote the nonce as it is, by its own key */
void test_deep_sign_vtpm(struct test_quote *tpm);

/** test_deep_sign_host() - the host's quote over the leaf among others */
void test_deep_sign_host(struct test_deep *deep);

/** test_deep_digest() - of a vTPM's statement, for the leaf */
void test_deep_digest(const struct test_quote *tpm, uint8_t ret[LEAF_HASH]);

/** test_deep_name() - of a key of @tpm, for the leaf */
void test_deep_name(const struct test_quote *tpm, const struct cursor_out *key,
		    uint8_t ret[LEAF_NAME]);

/** test_deep_bundle() - all of it as Documentation/bundle.yaml has it */
json_t *test_deep_bundle(const struct test_deep *deep);

#endif /* ATTEST_TEST_DEEP_H */
