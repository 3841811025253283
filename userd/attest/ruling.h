/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ruling: a verdict that the fleet's CA signed, for its host to show to others.
 *
 *	{"format":"vtpm-verdict-v1","host":id,"ak_name":digits,"clock":ms,"resets":n,
 *	 "restarts":n,"status":"passed","verified_at":time,"valid_until":time,
 *	 "verified_by":name,"policy":digits,"ima_policy":digits}
 *
 * It is about one attestation key, and about one boot of its machine: resets and restarts are
 * those of the TPM's quote, and another boot has others. The clock is the TPM's too, so who has
 * that TPM knows how old the ruling is without a clock of his own. The policies are named by the
 * SHA-256 of their files; null is for none. Signed are RULING_WORDS with their NUL and the text
 * as it is: ECDSA with SHA-256, in DER.
 */
#ifndef ATTEST_RULING_H
#define ATTEST_RULING_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/attest.h"
#include "attest/public.h"

#define RULING_WORDS "vtpm-verdict-v1"

/** define RULING_TEXT_MAX - longest text */
#define RULING_TEXT_MAX 2048

/** define RULING_SIGNATURE_MAX - largest signature, in bytes */
#define RULING_SIGNATURE_MAX 80

/**
 * struct ruling - what it says
 * @host: id of the host
 * @ak_name: Name of its attestation key
 * @clock: of the quote, milliseconds
 * @resets: of the quote
 * @restarts: of the quote
 * @status: of the host
 * @verified_at: seconds since 1970, by the verifier's clock
 * @valid_until: the same
 * @verified_by: name of the verifier
 * @policy: digits; empty for none
 * @ima_policy: digits; empty for none
 */
struct ruling {
	char host[37];
	struct public_name ak_name;
	uint64_t clock;
	uint32_t resets;
	uint32_t restarts;
	enum attest_status status;
	int64_t verified_at;
	int64_t valid_until;
	char verified_by[64];
	char policy[65];
	char ima_policy[65];
};

/**
 * ruling_read() - check a ruling, and read it
 * @ret: set on success
 * @by: certificate of the CA that shall have signed it; not looked at but for its key
 * @text: of the ruling
 * @length: bytes of it
 * @signature: of it
 * @size: bytes of it
 *
 * Return: 0; -EKEYREJECTED (the CA did not sign it); -EBADMSG (it did, and nobody here
 * understands it).
 */
int ruling_read(struct ruling *ret, X509 *by, const char *text, size_t length,
		const uint8_t *signature, size_t size);

#endif /* ATTEST_RULING_H */
