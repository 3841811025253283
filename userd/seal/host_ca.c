// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make, sign and certify; see the header.
 */
#include "seal/host_ca.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "seal/host_ak.h"

#define DOING_LOAD "load the key of the host's CA"

static const TPMT_SIG_SCHEME as_the_key_is = { .scheme = TPM2_ALG_NULL };

static void free_attest(TPM2B_ATTEST **attest)
{
	Esys_Free(*attest);
}

static void free_public(TPM2B_PUBLIC **public)
{
	Esys_Free(*public);
}

static void free_signature(TPMT_SIGNATURE **signature)
{
	Esys_Free(*signature);
}

/* Part 3, 23.17: H(the policy so far || TPM_CC_PolicyAuthValue) */
int host_ca_policy(const TPM2B_DIGEST *root, TPM2B_DIGEST *ret)
{
	uint8_t bytes[SEAL_HASH_SIZE + 4];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	if (root->size != SEAL_HASH_SIZE)
		return -EINVAL;
	cursor_put_raw(&out, root->buffer, SEAL_HASH_SIZE);
	cursor_put_u32(&out, TPM2_CC_PolicyAuthValue);
	ret->size = SEAL_HASH_SIZE;
	return seal_hash((struct seal_bytes){ bytes, out.used }, ret->buffer);
}

int host_ca_make(struct host *host, const uint8_t auth[SEAL_KEY_SIZE], const TPM2B_DIGEST *policy,
		 struct host_sealed *ret, struct reason *reason)
{
	return host_create_signer(host, HOST_CA_ATTRIBUTES, policy, auth,
				  "make a key for the host's CA", ret, reason);
}

/* A TPM leaves zeros before a number out. */
static bool put_number(const TPM2B_ECC_PARAMETER *number, uint8_t ret[SEAL_HASH_SIZE])
{
	struct cursor_out out = cursor_out(ret, SEAL_HASH_SIZE);

	if (number->size > SEAL_HASH_SIZE)
		return false;
	for (size_t i = number->size; i < SEAL_HASH_SIZE; i++)
		cursor_put_u8(&out, 0);
	cursor_put_raw(&out, number->buffer, number->size);
	return true;
}

int host_ca_sign(struct host *host, const struct host_sealed *ca,
		 const uint8_t auth[SEAL_KEY_SIZE], const struct host_handle *policy,
		 const uint8_t digest[SEAL_HASH_SIZE], uint8_t ret_r[SEAL_HASH_SIZE],
		 uint8_t ret_s[SEAL_HASH_SIZE], struct reason *reason)
{
	/* Part 2, 10.6.5: no ticket, for a digest that the TPM did not make */
	static const TPMT_TK_HASHCHECK no_ticket = { .tag = TPM2_ST_HASHCHECK,
						     .hierarchy = TPM2_RH_NULL };
	_cleanup_(host_forget) struct host_handle key = HOST_HANDLE(host);
	_cleanup_(free_signature) TPMT_SIGNATURE *signature = NULL;
	TPM2B_DIGEST bytes = { .size = SEAL_HASH_SIZE };
	TSS2_RC rc;
	int r;

	cursor_copy(bytes.buffer, sizeof(bytes.buffer), digest, SEAL_HASH_SIZE);
	r = host_load_with(host, ca, auth, DOING_LOAD, &key, reason);
	if (r)
		return r;
	rc = Esys_PolicyAuthValue(host->esys, policy->tr, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE);
	/* a signature is no buffer that could be encrypted */
	if (!rc)
		rc = Esys_TRSess_SetAttributes(host->esys, policy->tr, 0, TPMA_SESSION_ENCRYPT);
	if (!rc)
		rc = Esys_Sign(host->esys, key.tr, policy->tr, ESYS_TR_NONE, ESYS_TR_NONE, &bytes,
			       &as_the_key_is, &no_ticket, &signature);
	if (host_base_rc(rc) == TPM2_RC_POLICY_FAIL || rc == TPM2_RC_PCR_CHANGED)
		return 1;
	r = host_failed(host, rc, "sign a certificate", reason);
	if (r)
		return r;
	if (signature->sigAlg != TPM2_ALG_ECDSA ||
	    !put_number(&signature->signature.ecdsa.signatureR, ret_r) ||
	    !put_number(&signature->signature.ecdsa.signatureS, ret_s))
		return refuse(reason, -EIO, "the host TPM at %s signed in another way than asked",
			      host->tcti);
	return 0;
}

static int certify(struct host *host, ESYS_TR ca, ESYS_TR ak, const TPM2B_DATA *about,
		   struct host_certified *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle of_ca = HOST_HANDLE(host);
	_cleanup_(host_flush) struct host_handle of_ak = HOST_HANDLE(host);
	_cleanup_(free_attest) TPM2B_ATTEST *message = NULL;
	_cleanup_(free_signature) TPMT_SIGNATURE *signature = NULL;
	_cleanup_(free_public) TPM2B_PUBLIC *parent = NULL;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &of_ca, reason);
	if (!r)
		r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &of_ak, reason);
	if (!r)
		r = host_failed(host,
				Esys_Certify(host->esys, ca, ak, of_ca.tr, of_ak.tr, ESYS_TR_NONE,
					     about, &as_the_key_is, &message, &signature),
				"certify the key of the host's CA", reason);
	if (!r)
		r = host_failed(host,
				Esys_ReadPublic(host->esys, host->storage, ESYS_TR_NONE,
						ESYS_TR_NONE, ESYS_TR_NONE, &parent, NULL, NULL),
				"read its storage key", reason);
	if (r)
		return r;
	*ret = (struct host_certified){ *message, *signature, *parent };
	return 0;
}

int host_ca_certify(struct host *host, const struct host_sealed *ca,
		    const uint8_t ca_auth[SEAL_KEY_SIZE], const struct host_sealed *ak,
		    const uint8_t ak_auth[SEAL_KEY_SIZE], const uint8_t about[SEAL_HASH_SIZE],
		    struct host_certified *ret, struct reason *reason)
{
	_cleanup_(host_forget) struct host_handle certified = HOST_HANDLE(host);
	_cleanup_(host_forget) struct host_handle by = HOST_HANDLE(host);
	TPM2B_DATA extra = { .size = SEAL_HASH_SIZE };
	int r;

	cursor_copy(extra.buffer, sizeof(extra.buffer), about, SEAL_HASH_SIZE);
	r = host_load_with(host, ca, ca_auth, DOING_LOAD, &certified, reason);
	if (!r)
		r = host_ak_load(host, ak, ak_auth, &by, reason);
	return r ? r : certify(host, certified.tr, by.tr, &extra, ret, reason);
}
