// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make, load and quote; see the header.
 *
 * A quote holds a digest of PCRs, not their values. These are read after it and compared
 * with the digest; where something was measured in between, both are done again.
 */
#include "seal/host_ak.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

#define TRIES 16

#define ATTRIBUTES                                                                          \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |             \
	 TPMA_OBJECT_SIGN_ENCRYPT)

static void free_attest(TPM2B_ATTEST **attest)
{
	Esys_Free(*attest);
}

static void free_signature(TPMT_SIGNATURE **signature)
{
	Esys_Free(*signature);
}

int host_ak_make(struct host *host, const uint8_t auth[SEAL_KEY_SIZE], struct host_sealed *ret,
		 struct reason *reason)
{
	return host_create_signer(host, ATTRIBUTES, NULL, auth, "make an attestation key", ret,
				  reason);
}

int host_ak_load(struct host *host, const struct host_sealed *ak, const uint8_t auth[SEAL_KEY_SIZE],
		 struct host_handle *ret, struct reason *reason)
{
	return host_load_with(host, ak, auth, "load the attestation key", ret, reason);
}

static int quote(struct host *host, ESYS_TR ak, const TPM2B_DATA *about, uint32_t mask,
		 struct host_quoted *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(free_attest) TPM2B_ATTEST *message = NULL;
	_cleanup_(free_signature) TPMT_SIGNATURE *signature = NULL;
	static const TPMT_SIG_SCHEME as_the_key_is = { .scheme = TPM2_ALG_NULL };
	const TPML_PCR_SELECTION selection = host_selection(mask);
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &session, reason);
	if (!r)
		r = host_failed(host,
				Esys_Quote(host->esys, ak, session.tr, ESYS_TR_NONE, ESYS_TR_NONE,
					   about, &as_the_key_is, &selection, &message, &signature),
				"quote PCRs", reason);
	if (r)
		return r;
	ret->message = *message;
	ret->signature = *signature;
	return 0;
}

/* Part 2, 10.12.1: pcrDigest is over the values, lowest PCR first. */
static bool is_about(const TPM2B_ATTEST *message, const struct host_pcrs *pcrs)
{
	uint8_t values[HOST_PCRS * SEAL_HASH_SIZE], digest[SEAL_HASH_SIZE];
	struct cursor_out all = cursor_out(values, sizeof(values));
	TPMS_ATTEST attest;
	size_t at = 0;

	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (pcrs->mask >> pcr & 1)
			cursor_put_raw(&all, pcrs->value[pcr], SEAL_HASH_SIZE);
	}
	return !seal_hash((struct seal_bytes){ values, all.used }, digest) &&
	       !Tss2_MU_TPMS_ATTEST_Unmarshal(message->attestationData, message->size, &at,
					      &attest) &&
	       attest.type == TPM2_ST_ATTEST_QUOTE &&
	       attest.attested.quote.pcrDigest.size == SEAL_HASH_SIZE &&
	       secret_equal(attest.attested.quote.pcrDigest.buffer, digest, SEAL_HASH_SIZE);
}

int host_ak_quote(struct host *host, const struct host_sealed *ak,
		  const uint8_t auth[SEAL_KEY_SIZE], const uint8_t about[SEAL_HASH_SIZE],
		  uint32_t mask, struct host_quoted *ret, struct reason *reason)
{
	_cleanup_(host_forget) struct host_handle key = HOST_HANDLE(host);
	TPM2B_DATA extra = { .size = SEAL_HASH_SIZE };
	struct host_quoted quoted;
	int r;

	cursor_copy(extra.buffer, sizeof(extra.buffer), about, SEAL_HASH_SIZE);
	r = host_ak_load(host, ak, auth, &key, reason);
	for (unsigned int tries = 0; !r && tries < TRIES; tries++) {
		r = quote(host, key.tr, &extra, mask, &quoted, reason);
		if (!r)
			r = host_read_pcrs(host, mask, &quoted.pcrs, reason);
		if (!r && is_about(&quoted.message, &quoted.pcrs)) {
			*ret = quoted;
			return 0;
		}
	}
	return r ? r
		 : refuse(reason, -EAGAIN,
			  "the PCRs of the host TPM at %s change faster than they can be quoted "
			  "and "
			  "read: leave those out that IMA extends, or try again",
			  host->tcti);
}
