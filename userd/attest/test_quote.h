/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quotes made for tests, by a TPM of nothing but OpenSSL: an EK, an AK below it, and
 * statements that say what a test wants.
 */
#ifndef ATTEST_TEST_QUOTE_H
#define ATTEST_TEST_QUOTE_H

#include <jansson.h>
#include <openssl/types.h>

#include "attest/quote.h"
#include "base/cursor.h"
#include "wire/host_quote.h"

/**
 * struct test_quote - a TPM and its quote
 * @hash: computes
 * @ek_key: private key
 * @ak_key: private key
 * @ek: TPM2B_PUBLIC
 * @ak: TPM2B_PUBLIC
 * @magic: of the statement
 * @type: of it
 * @attributes: of the AK
 * @scheme: of the signature; 0: plain
 * @bank: of the signature
 * @clock: of the statement
 * @selection: of the quote
 * @values: of all PCRs
 * @nonce: in the statement
 * @nonce_size: bytes of it; 0: it is a text
 * @certified: name that a TPM2_Certify is about
 * @certified_size: bytes of it; 0: it is a word
 * @frame: of a host's quote
 * @about: its SHA-256
 * @tail: bytes behind the statement's end
 * @message: TPMS_ATTEST
 * @signature: of it
 * @pcrs: values as text
 */
struct test_quote {
	struct hash *hash;
	EVP_PKEY *ek_key;
	EVP_PKEY *ak_key;
	struct cursor_out ek;
	struct cursor_out ak;
	uint32_t magic;
	uint16_t type;
	uint32_t attributes;
	uint16_t scheme;
	enum attest_bank bank;
	struct statement_clock clock;
	struct selection selection;
	struct attest_pcrs values;
	const char *nonce;
	size_t nonce_size;
	const void *certified;
	size_t certified_size;
	uint8_t frame[HOST_QUOTE_SIZE];
	uint8_t about[ATTEST_DIGEST_MAX];
	size_t tail;
	struct cursor_out message;
	struct cursor_out signature;
	struct cursor_out pcrs;
	uint8_t bytes[5][8192];
};

/** test_quote_new() - an honest TPM; @rsa: its keys are RSA-2048, otherwise P-256 */
struct test_quote *test_quote_new(bool rsa);
void test_quote_free(struct test_quote *quote);

/** test_quote_sign() - say and sign all that is set */
void test_quote_sign(struct test_quote *quote);

/** test_quote_frame() - have the next one be a host's: over a frame with this nonce */
void test_quote_frame(struct test_quote *quote, const uint8_t nonce[HOST_QUOTE_NONCE],
		      uint8_t purpose, uint64_t epoch);

/** test_quote_bundle() - all of it as Documentation/bundle.yaml has it; @kind: host or vtpm */
json_t *test_quote_bundle(const struct test_quote *quote, const char *kind,
			  const uint8_t nonce[HOST_QUOTE_NONCE]);

/** test_bytes() - base64url */
json_t *test_bytes(const void *bytes, size_t length);

/** test_quote_evidence() - all of it, for quote_check() */
struct quote_evidence test_quote_evidence(const struct test_quote *quote);

#endif /* ATTEST_TEST_QUOTE_H */
