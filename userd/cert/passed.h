/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A verdict that the fleet's CA signed: does it say that a host has passed?
 *
 *	signed	"vtpm-verdict-v1", a NUL, and the statement as it is: ECDSA with SHA-256, DER
 *	statement	a JSON object as text (userd/verifier/signed.h)
 *
 * The signature is checked first: what is no word of the fleet's CA is never read.
 */
#ifndef CERT_PASSED_H
#define CERT_PASSED_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct passed - a signed verdict
 * @statement: text, not ended by a NUL
 * @length: bytes of it
 * @signature: of it
 * @signature_length: bytes of that
 */
struct passed {
	const char *statement;
	size_t length;
	const uint8_t *signature;
	size_t signature_length;
};

/**
 * passed_check() - has this host passed, and does that still hold?
 * @verdict: it
 * @key: of the fleet's CA
 * @host: its name at the fleet's CA
 * @now: seconds since 1970
 *
 * Return: 0; -EKEYREJECTED (not signed by this key); -EBADMSG (signed, but no verdict); -EXDEV (of
 * another host); -EPERM (it has not passed); -ETIME (it is over, or not yet).
 */
int passed_check(const struct passed *verdict, EVP_PKEY *key, const char *host, int64_t now);

#endif /* CERT_PASSED_H */
