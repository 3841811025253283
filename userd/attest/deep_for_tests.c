// SPDX-License-Identifier: BSD-3-Clause
#include "attest/test_deep.h"

#include <stdio.h>
#include <stdlib.h>

const uint8_t test_deep_nonce[HOST_QUOTE_NONCE] = { 9, 8, 7 };
const uint8_t test_deep_uuid[LEAF_UUID] = { 0x6f, 0x8b, 0x0e, 0x5e, 0x1c, 0x5e, 0x4b, 0x7e,
					    0x9d, 0x0a, 0x3f, 0x1f, 0x5c, 0x0a, 0x7e, 0x11 };

static void must(bool good)
{
	if (good)
		return;
	fprintf(stderr, "a deep quote for tests cannot be made\n");
	abort();
}

void test_deep_name(const struct test_quote *tpm, const struct cursor_out *key,
		    uint8_t ret[LEAF_NAME])
{
	struct public_name name;
	struct public public;

	must(public_parse(&public, key->base, key->used));
	public_name(&public, tpm->hash, &name);
	must(name.size == LEAF_NAME && cursor_copy(ret, LEAF_NAME, name.bytes, LEAF_NAME));
}

void test_deep_digest(const struct test_quote *tpm, uint8_t ret[LEAF_HASH])
{
	const struct hash_part message = { tpm->message.base, tpm->message.used };
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(tpm->hash, ATTEST_SHA256, &message, 1, digest);
	must(cursor_copy(ret, LEAF_HASH, digest, LEAF_HASH));
}

void test_deep_sign_vtpm(struct test_quote *tpm)
{
	tpm->nonce = (const char *)test_deep_nonce;
	tpm->nonce_size = sizeof(test_deep_nonce);
	test_quote_sign(tpm);
}

void test_deep_sign_host(struct test_deep *deep)
{
	struct test_quote *host = deep->host;
	uint8_t bytes[LEAF_SIZE];
	struct leaf another = { .protection = LEAF_SEALED };

	deep->batch.count = 0;
	for (uint32_t i = 0; i < TEST_DEEP_LEAVES; i++) {
		another.generation = i;
		leaf_put(i == deep->place ? &deep->leaf : &another, bytes);
		must(!batch_add(&deep->batch, bytes, sizeof(bytes)));
	}
	deep->frame = (struct host_quote){ .purpose = HOST_QUOTE_DEEP,
					   .leaves = TEST_DEEP_LEAVES,
					   .epoch = 7 };
	must(!batch_root(&deep->batch, deep->frame.root));
	host_quote_put(&deep->frame, host->frame);
	hash_parts(host->hash, ATTEST_SHA256,
		   &(struct hash_part){ host->frame, sizeof(host->frame) }, 1, host->about);
	host->nonce = (const char *)host->about;
	host->nonce_size = LEAF_HASH;
	test_quote_sign(host);
}

json_t *test_deep_bundle(const struct test_deep *deep)
{
	json_t *bundle = test_quote_bundle(deep->vtpm, "vtpm", test_deep_nonce), *proof;
	uint8_t leaf[LEAF_SIZE], path[BATCH_PROOF_MAX];

	leaf_put(&deep->leaf, leaf);
	proof = test_bytes(path, batch_proof(&deep->batch, deep->place, path));
	must(!json_object_set_new(
		bundle, "deep",
		json_pack("{s:o, s:i, s:i, s:o, s:o}", "leaf", test_bytes(leaf, sizeof(leaf)),
			  "index", deep->place, "count", TEST_DEEP_LEAVES, "proof", proof, "host",
			  test_quote_bundle(deep->host, "host", test_deep_nonce))));
	return bundle;
}

void test_deep_init(struct test_deep *deep)
{
	struct leaf *leaf = &deep->leaf;

	deep->host = test_quote_new(false);
	deep->vtpm = test_quote_new(false);
	test_deep_sign_vtpm(deep->vtpm);
	*leaf = (struct leaf){ .epoch = 3, .generation = 12, .protection = LEAF_LAZY };
	cursor_copy(leaf->nonce, sizeof(leaf->nonce), test_deep_nonce, sizeof(test_deep_nonce));
	cursor_copy(leaf->uuid, sizeof(leaf->uuid), test_deep_uuid, sizeof(test_deep_uuid));
	test_deep_digest(deep->vtpm, leaf->attest);
	test_deep_name(deep->vtpm, &deep->vtpm->ak, leaf->ak_name);
	test_deep_name(deep->vtpm, &deep->vtpm->ek, leaf->ek_name);
	deep->place = 2;
	test_deep_sign_host(deep);
}

void test_deep_done(struct test_deep *deep)
{
	test_quote_free(deep->host);
	test_quote_free(deep->vtpm);
}
