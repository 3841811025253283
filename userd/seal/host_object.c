// SPDX-License-Identifier: BSD-3-Clause
/*
 * PCRs, and what is sealed to them.
 *
 * A sealed object has no authValue and may be used by policy alone (userWithAuth is
 * clear, adminWithPolicy set). The policy is one PolicyPCR; its digest is computed here
 * from PCR values that came under an HMAC, so that nobody on the wire chooses them.
 */
#include "seal/host.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "seal/policy.h"

#define PCR_BYTES (HOST_PCRS / 8)

static void free_digests(TPML_DIGEST **digests)
{
	Esys_Free(*digests);
}

static void free_selection(TPML_PCR_SELECTION **selection)
{
	Esys_Free(*selection);
}

static void free_public(TPM2B_PUBLIC **public)
{
	Esys_Free(*public);
}

static void free_private(TPM2B_PRIVATE **private)
{
	Esys_Free(*private);
}

static void free_sensitive(TPM2B_SENSITIVE_DATA **data)
{
	if (*data)
		secret_wipe(*data, sizeof(**data));
	Esys_Free(*data);
}

void host_pcr_text(uint32_t mask, char *to, size_t room)
{
	size_t used = 0;

	to[0] = 0;
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		int n;

		if (!(mask >> pcr & 1))
			continue;
		n = snprintf(to + used, room - used, used ? ",%u" : "%u", pcr);
		if (n < 0 || (size_t)n >= room - used)
			return;
		used += (size_t)n;
	}
}

TPML_PCR_SELECTION host_selection(uint32_t mask)
{
	TPML_PCR_SELECTION list = {
		.count = 1,
		.pcrSelections[0] = { .hash = TPM2_ALG_SHA256, .sizeofSelect = PCR_BYTES },
	};

	for (size_t i = 0; i < PCR_BYTES; i++)
		list.pcrSelections[0].pcrSelect[i] = (uint8_t)(mask >> (8 * i));
	return list;
}

static int read_pcr(struct host *host, ESYS_TR session, unsigned int pcr,
		    uint8_t ret[SEAL_HASH_SIZE], struct reason *reason)
{
	const TPML_PCR_SELECTION wanted = host_selection(1u << pcr);
	_cleanup_(free_selection) TPML_PCR_SELECTION *got = NULL;
	_cleanup_(free_digests) TPML_DIGEST *values = NULL;
	uint32_t counter;
	int r;

	r = host_failed(host,
			Esys_PCR_Read(host->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, &wanted,
				      &counter, &got, &values),
			"read a PCR", reason);
	if (r)
		return r;
	if (values->count != 1 || values->digests[0].size != SEAL_HASH_SIZE)
		return refuse(reason, -EIO,
			      "the host TPM at %s has no PCR %u in its SHA-256 bank: activate that "
			      "bank in the firmware",
			      host->tcti, pcr);
	cursor_copy(ret, SEAL_HASH_SIZE, values->digests[0].buffer, SEAL_HASH_SIZE);
	return 0;
}

int host_read_pcrs(struct host *host, uint32_t mask, struct host_pcrs *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	struct host_pcrs pcrs = { .mask = mask };
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, TPMA_SESSION_AUDIT, &session, reason);
	for (unsigned int pcr = 0; !r && pcr < HOST_PCRS; pcr++) {
		if (mask >> pcr & 1)
			r = read_pcr(host, session.tr, pcr, pcrs.value[pcr], reason);
	}
	if (!r)
		*ret = pcrs;
	return r;
}

int host_create(struct host *host, const TPM2B_SENSITIVE_CREATE *sensitive,
		const TPM2B_PUBLIC *template, const char *doing, struct host_sealed *ret,
		struct reason *reason)
{
	static const TPM2B_DATA outside;
	static const TPML_PCR_SELECTION no_pcrs;
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(free_private) TPM2B_PRIVATE *private = NULL;
	_cleanup_(free_public) TPM2B_PUBLIC *public = NULL;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC,
			 TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session, reason);
	if (!r)
		r = host_failed(host,
				Esys_Create(host->esys, host->storage, session.tr, ESYS_TR_NONE,
					    ESYS_TR_NONE, sensitive, template, &outside, &no_pcrs,
					    &private, &public, NULL, NULL, NULL),
				doing, reason);
	if (r)
		return r;
	ret->public = *public;
	ret->private = *private;
	return 0;
}

int host_create_signer(struct host *host, TPMA_OBJECT attributes, const TPM2B_DIGEST *policy,
		       const uint8_t auth[SEAL_KEY_SIZE], const char *doing,
		       struct host_sealed *ret, struct reason *reason)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.userAuth.size = SEAL_KEY_SIZE };
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = attributes,
			.parameters.eccDetail = {
				.symmetric.algorithm = TPM2_ALG_NULL,
				.scheme = {
					.scheme = TPM2_ALG_ECDSA,
					.details.ecdsa.hashAlg = TPM2_ALG_SHA256,
				},
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL,
			},
		},
	};
	int r;

	if (policy)
		template.publicArea.authPolicy = *policy;
	cursor_copy(sensitive.sensitive.userAuth.buffer, SEAL_KEY_SIZE, auth, SEAL_KEY_SIZE);
	r = host_create(host, &sensitive, &template, doing, ret, reason);
	secret_wipe(&sensitive, sizeof(sensitive));
	return r;
}

int host_seal_under(struct host *host, const uint8_t policy[SEAL_HASH_SIZE],
		    const uint8_t secret[SEAL_KEY_SIZE], struct host_sealed *ret,
		    struct reason *reason)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.data.size = SEAL_KEY_SIZE };
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_KEYEDHASH,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA,
			.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
			.authPolicy.size = SEAL_HASH_SIZE,
		},
	};
	int r;

	cursor_copy(template.publicArea.authPolicy.buffer,
		    sizeof(template.publicArea.authPolicy.buffer), policy, SEAL_HASH_SIZE);
	cursor_copy(sensitive.sensitive.data.buffer, SEAL_KEY_SIZE, secret, SEAL_KEY_SIZE);
	r = host_create(host, &sensitive, &template, "seal the host root key", ret, reason);
	secret_wipe(&sensitive, sizeof(sensitive));
	return r;
}

int host_seal(struct host *host, const struct host_pcrs *pcrs, const uint8_t secret[SEAL_KEY_SIZE],
	      struct host_sealed *ret, struct reason *reason)
{
	uint8_t policy[SEAL_HASH_SIZE];

	if (policy_pcrs(pcrs, policy))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	return host_seal_under(host, policy, secret, ret, reason);
}

/* The policy does not hold: say which PCRs are not what they were. */
int host_explain(struct host *host, const struct host_pcrs *sealed, struct reason *reason)
{
	struct host_pcrs now;
	uint32_t changed = 0;
	char text[64];
	int r;

	r = host_read_pcrs(host, sealed->mask, &now, reason);
	if (r)
		return r;
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if ((sealed->mask >> pcr & 1) &&
		    !secret_equal(now.value[pcr], sealed->value[pcr], SEAL_HASH_SIZE))
			changed |= 1u << pcr;
	}
	if (!changed)
		return refuse(reason, -EPERM,
			      "the host TPM at %s refuses the policy of the sealed host root key, "
			      "and no PCR says why: unlock with the recovery code, and bind",
			      host->tcti);
	host_pcr_text(changed, text, sizeof(text));
	return refuse(reason, -EPERM,
		      "PCR %s %s changed since the host root key was sealed (boot policy, its keys "
		      "or firmware): boot as before, or unlock with the recovery code and, "
		      "if the change was meant, bind",
		      text, changed & (changed - 1) ? "have" : "has");
}

int host_load(struct host *host, const struct host_sealed *sealed, const char *doing,
	      struct host_handle *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC,
			 TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session, reason);
	if (r)
		return r;
	return host_failed(host,
			   Esys_Load(host->esys, host->storage, session.tr, ESYS_TR_NONE,
				     ESYS_TR_NONE, &sealed->private, &sealed->public, &ret->tr),
			   doing, reason);
}

int host_load_with(struct host *host, const struct host_sealed *sealed,
		   const uint8_t auth[SEAL_KEY_SIZE], const char *doing, struct host_handle *ret,
		   struct reason *reason)
{
	TPM2B_AUTH value = { .size = SEAL_KEY_SIZE };
	int r = host_load(host, sealed, doing, ret, reason);

	if (r)
		return r;
	cursor_copy(value.buffer, sizeof(value.buffer), auth, SEAL_KEY_SIZE);
	Esys_TR_SetAuth(host->esys, ret->tr, &value);
	secret_wipe(&value, sizeof(value));
	return 0;
}

void host_forget(struct host_handle *handle)
{
	static const TPM2B_AUTH none;

	if (handle->tr != ESYS_TR_NONE && handle->epoch == handle->host->epoch)
		Esys_TR_SetAuth(handle->host->esys, handle->tr, &none);
	host_flush(handle);
}

int host_unseal_under(struct host *host, const struct host_sealed *sealed, ESYS_TR policy,
		      uint8_t ret_secret[SEAL_KEY_SIZE], struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle object = HOST_HANDLE(host);
	_cleanup_(free_sensitive) TPM2B_SENSITIVE_DATA *data = NULL;
	TSS2_RC rc;
	int r;

	r = host_load(host, sealed, "load the sealed host root key", &object, reason);
	if (r)
		return r;
	rc = Esys_Unseal(host->esys, object.tr, policy, ESYS_TR_NONE, ESYS_TR_NONE, &data);
	if (host_base_rc(rc) == TPM2_RC_POLICY_FAIL || rc == TPM2_RC_PCR_CHANGED)
		return 1;
	r = host_failed(host, rc, "unseal the host root key", reason);
	if (r)
		return r;
	if (data->size != SEAL_KEY_SIZE)
		return refuse(reason, -EIO, "what the host TPM at %s unsealed is no host root key",
			      host->tcti);
	cursor_copy(ret_secret, SEAL_KEY_SIZE, data->buffer, SEAL_KEY_SIZE);
	return 0;
}

int host_policy_pcrs(struct host *host, uint32_t mask, struct host_handle *ret,
		     struct reason *reason)
{
	const TPML_PCR_SELECTION selection = host_selection(mask);
	static const TPM2B_DIGEST as_they_are;
	int r;

	r = host_session(host, host->storage, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, ret, reason);
	if (r)
		return r;
	return host_failed(host,
			   Esys_PolicyPCR(host->esys, ret->tr, ESYS_TR_NONE, ESYS_TR_NONE,
					  ESYS_TR_NONE, &as_they_are, &selection),
			   "begin a policy with PCRs", reason);
}

int host_unseal(struct host *host, const struct host_sealed *sealed, const struct host_pcrs *pcrs,
		uint8_t ret_secret[SEAL_KEY_SIZE], struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle policy = HOST_HANDLE(host);
	int r;

	r = host_policy_pcrs(host, pcrs->mask, &policy, reason);
	if (!r)
		r = host_unseal_under(host, sealed, policy.tr, ret_secret, reason);
	return r == 1 ? host_explain(host, pcrs, reason) : r;
}
