// SPDX-License-Identifier: BSD-3-Clause
/*
 * A TPM's side of a quote, straight from the tables of Part 2.
 */
#include "attest/test_quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "attest/tpm2b.h"
#include "base/base64.h"

#define EK_ATTRIBUTES 0x000300b2
#define AK_ATTRIBUTES 0x00050072
#define ENDORSEMENT   0x4000000b

static void must(bool good)
{
	if (!good)
		abort();
}

static void put_number(struct cursor_out *out, const EVP_PKEY *key, const char *name, int size)
{
	uint8_t bytes[512];
	BIGNUM *number = NULL;

	must(EVP_PKEY_get_bn_param(key, name, &number) == 1);
	size = size ? size : BN_num_bytes(number);
	must(BN_bn2binpad(number, bytes, size) == size);
	BN_free(number);
	tpm2b_put(out, bytes, (size_t)size);
}

static void put_public(struct cursor_out *out, const EVP_PKEY *key, uint32_t attributes,
		       uint16_t scheme)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA"), decrypts = attributes & TPMA_OBJECT_DECRYPT;
	size_t length;

	*out = cursor_out(out->base, out->room);
	cursor_put_u16(out, 0);
	cursor_put_u16(out, rsa ? TPM_ALG_RSA : TPM_ALG_ECC);
	cursor_put_u16(out, hash_id(ATTEST_SHA256));
	cursor_put_u32(out, attributes);
	tpm2b_put(out, NULL, 0);
	cursor_put_u16(out, decrypts ? TPM_ALG_AES : TPM_ALG_NULL);
	if (decrypts) {
		cursor_put_u16(out, 128);
		cursor_put_u16(out, TPM_ALG_CFB);
	}
	cursor_put_u16(out, decrypts || !scheme ? TPM_ALG_NULL : scheme);
	if (!decrypts && scheme)
		cursor_put_u16(out, hash_id(ATTEST_SHA256));
	if (rsa) {
		cursor_put_u16(out, 2048);
		cursor_put_u32(out, 0);
		put_number(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
	} else {
		cursor_put_u16(out, 0x0003);
		cursor_put_u16(out, TPM_ALG_NULL);
		put_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
		put_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
	}
	must(!out->bad);
	length = out->used;
	*out = cursor_out(out->base, out->room);
	cursor_put_u16(out, (uint16_t)(length - 2));
	out->used = length;
}

struct test_quote *test_quote_new(bool rsa)
{
	struct test_quote *quote = calloc(1, sizeof(*quote));

	must(quote);
	quote->hash = hash_new();
	quote->ek_key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	quote->ak_key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	must(quote->hash && quote->ek_key && quote->ak_key);
	quote->ek = cursor_out(quote->bytes[0], sizeof(quote->bytes[0]));
	quote->ak = cursor_out(quote->bytes[1], sizeof(quote->bytes[1]));
	quote->message = cursor_out(quote->bytes[2], sizeof(quote->bytes[2]));
	quote->signature = cursor_out(quote->bytes[3], sizeof(quote->bytes[3]));
	quote->pcrs = cursor_out(quote->bytes[4], sizeof(quote->bytes[4]));
	quote->magic = STATEMENT_MAGIC;
	quote->type = TPM_ST_ATTEST_QUOTE;
	quote->attributes = AK_ATTRIBUTES;
	quote->scheme = rsa ? TPM_ALG_RSASSA : TPM_ALG_ECDSA;
	quote->bank = ATTEST_SHA256;
	quote->clock = (struct statement_clock){ 1000, 3, 1, true };
	quote->nonce = "a nonce of 32 bytes, used once..";
	quote->selection = (struct selection){ 1, { ATTEST_SHA256 }, { 0x47ff } };
	quote->values.has[ATTEST_SHA256] = 0x47ff;
	test_quote_sign(quote);
	return quote;
}

void test_quote_free(struct test_quote *quote)
{
	if (!quote)
		return;
	EVP_PKEY_free(quote->ek_key);
	EVP_PKEY_free(quote->ak_key);
	hash_free(quote->hash);
	free(quote);
}

static void put_signer(struct test_quote *quote, struct cursor_out *out)
{
	struct public_name parent, own;
	struct public public;

	must(public_parse(&public, quote->ek.base, quote->ek.used));
	public_qualified(NULL, ENDORSEMENT, &public, quote->hash, &parent);
	must(public_parse(&public, quote->ak.base, quote->ak.used));
	public_qualified(&parent, 0, &public, quote->hash, &own);
	tpm2b_put(out, own.bytes, own.size);
}

static void put_quoted(struct test_quote *quote, struct cursor_out *out)
{
	const struct selection *selection = &quote->selection;
	struct hash_part parts[SELECTION_BANKS * ATTEST_PCRS];
	uint8_t digest[ATTEST_DIGEST_MAX];
	size_t count = 0;

	cursor_put_u32(out, (uint32_t)selection->count);
	for (size_t i = 0; i < selection->count; i++) {
		cursor_put_u16(out, hash_id(selection->banks[i]));
		cursor_put_u8(out, 3);
		for (int j = 0; j < 3; j++)
			cursor_put_u8(out, (uint8_t)(selection->pcrs[i] >> 8 * j));
		for (uint32_t left = selection->pcrs[i]; left; left &= left - 1)
			parts[count++] = (struct hash_part){
				quote->values.value[selection->banks[i]][__builtin_ctz(left)],
				hash_size(selection->banks[i])
			};
	}
	hash_parts(quote->hash, quote->bank, parts, count, digest);
	tpm2b_put(out, digest, hash_size(quote->bank));
}

static void put_message(struct test_quote *quote)
{
	struct cursor_out *out = &quote->message;

	*out = cursor_out(out->base, out->room);
	cursor_put_u32(out, quote->magic);
	cursor_put_u16(out, quote->type);
	put_signer(quote, out);
	tpm2b_put(out, quote->nonce,
		  quote->nonce_size ? quote->nonce_size : strlen(quote->nonce));
	cursor_put_u64(out, quote->clock.clock);
	cursor_put_u32(out, quote->clock.resets);
	cursor_put_u32(out, quote->clock.restarts);
	cursor_put_u8(out, quote->clock.safe);
	cursor_put_u64(out, 0x0102030405060708);
	switch (quote->type) {
	case TPM_ST_ATTEST_QUOTE:
		put_quoted(quote, out);
		break;
	case TPM_ST_ATTEST_TIME:
		for (int i = 0; i < 33; i++)
			cursor_put_u8(out, 0);
		break;
	case TPM_ST_ATTEST_NV:
		tpm2b_put(out, "name", 4);
		cursor_put_u16(out, 0);
		tpm2b_put(out, "contents", 8);
		break;
	default:
		tpm2b_put(out, quote->certified_size ? quote->certified : "name",
			  quote->certified_size ? quote->certified_size : 4);
		tpm2b_put(out, "another", 7);
	}
	for (size_t i = 0; i < quote->tail; i++)
		cursor_put_u8(out, 0);
	must(!out->bad);
}

static void put_signature(struct test_quote *quote, const uint8_t *bytes, size_t length)
{
	struct cursor_out *out = &quote->signature;
	const uint8_t *at = bytes;
	uint8_t number[32];
	ECDSA_SIG *pair;

	*out = cursor_out(out->base, out->room);
	if (!quote->scheme) {
		cursor_put_raw(out, bytes, length);
		return;
	}
	cursor_put_u16(out, quote->scheme);
	cursor_put_u16(out, hash_id(quote->bank));
	if (quote->scheme != TPM_ALG_ECDSA) {
		tpm2b_put(out, bytes, length);
		return;
	}
	pair = d2i_ECDSA_SIG(NULL, &at, (long)length);
	must(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), number, 32) == 32);
	tpm2b_put(out, number, 32);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), number, 32) == 32);
	tpm2b_put(out, number, 32);
	ECDSA_SIG_free(pair);
}

static void put_pcrs(struct test_quote *quote)
{
	struct cursor_out *out = &quote->pcrs;
	char line[200], hex[ATTEST_HEX_MAX];

	*out = cursor_out(out->base, out->room);
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!quote->values.has[bank])
			continue;
		snprintf(line, sizeof(line), "%s:\n", hash_name(bank));
		cursor_put_raw(out, line, strlen(line));
		for (uint32_t left = quote->values.has[bank]; left; left &= left - 1) {
			int pcr = __builtin_ctz(left);

			attest_text_hex(hex, quote->values.value[bank][pcr], hash_size(bank));
			snprintf(line, sizeof(line), "  %d : 0x%s\n", pcr, hex);
			cursor_put_raw(out, line, strlen(line));
		}
	}
	must(!out->bad);
}

void test_quote_sign(struct test_quote *quote)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	uint8_t bytes[512];
	size_t length = sizeof(bytes);

	put_public(&quote->ek, quote->ek_key, EK_ATTRIBUTES, 0);
	put_public(&quote->ak, quote->ak_key, quote->attributes, quote->scheme);
	put_message(quote);
	must(EVP_DigestSignInit_ex(context, &key_context, hash_openssl(quote->bank), NULL, NULL,
				   quote->ak_key, NULL) == 1);
	if (quote->scheme == TPM_ALG_RSAPSS)
		must(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1);
	must(EVP_DigestSign(context, bytes, &length, quote->message.base,
			    quote->message.used) == 1);
	EVP_MD_CTX_free(context);
	put_signature(quote, bytes, length);
	put_pcrs(quote);
}

void test_quote_frame(struct test_quote *quote, const uint8_t nonce[HOST_QUOTE_NONCE],
		      uint8_t purpose, uint64_t epoch)
{
	struct host_quote frame = { .purpose = purpose, .epoch = epoch };

	must(cursor_copy(frame.nonce, sizeof(frame.nonce), nonce, HOST_QUOTE_NONCE));
	host_quote_put(&frame, quote->frame);
	hash_parts(quote->hash, ATTEST_SHA256,
		   &(struct hash_part){ quote->frame, sizeof(quote->frame) }, 1, quote->about);
	quote->nonce = (const char *)quote->about;
	quote->nonce_size = HOST_QUOTE_HASH;
}

json_t *test_bytes(const void *bytes, size_t length)
{
	char *text = malloc(BASE64_ROOM(length));
	json_t *value;

	must(text);
	base64_write(bytes, length, text);
	value = json_string(text);
	free(text);
	return value;
}

static json_t *part(const struct cursor_out *bytes)
{
	return test_bytes(bytes->base, bytes->used);
}

json_t *test_quote_bundle(const struct test_quote *quote, const char *kind,
			  const uint8_t nonce[HOST_QUOTE_NONCE])
{
	json_t *root, *values = json_object();
	char number[12];

	for (uint32_t left = quote->values.has[ATTEST_SHA256]; left; left &= left - 1) {
		int pcr = __builtin_ctz(left);

		snprintf(number, sizeof(number), "%d", pcr);
		json_object_set_new(values, number,
				    test_bytes(quote->values.value[ATTEST_SHA256][pcr], 32));
	}
	root = json_pack("{s:i, s:s, s:{s:s}, s:o, s:{s:o}, s:{s:o}, s:{s:o, s:o, s:{s:o}}}",
			 "version", 1, "kind", kind, "host", "name", "a host that is not this one",
			 "nonce", test_bytes(nonce, HOST_QUOTE_NONCE), "ek", "public",
			 part(&quote->ek), "ak", "public", part(&quote->ak), "quote", "message",
			 part(&quote->message), "signature", part(&quote->signature), "pcrs",
			 "sha256", values);
	must(root);
	if (!strcmp(kind, "host"))
		json_object_set_new(json_object_get(root, "quote"), "frame",
				    test_bytes(quote->frame, sizeof(quote->frame)));
	else
		json_object_set_new(root, "vtpm",
				    json_pack("{s:s, s:s}", "name", "web1", "uuid",
					      "6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e11"));
	return root;
}

struct quote_evidence test_quote_evidence(const struct test_quote *quote)
{
	return (struct quote_evidence){
		.message = { quote->message.base, quote->message.used },
		.signature = { quote->signature.base, quote->signature.used },
		.pcrs = { quote->pcrs.base, quote->pcrs.used },
		.ak = { quote->ak.base, quote->ak.used },
		.ek = { quote->ek.base, quote->ek.used },
		.nonce = { quote->nonce, strlen(quote->nonce) },
	};
}
