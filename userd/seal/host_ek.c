// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make, read and open; see the header.
 */
#include "seal/host_ek.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

/* EK Credential Profile, 2.2.1.4 and 2.2.1.5 */
#define CERTIFICATE_RSA	  0x01c00002u
#define CERTIFICATE_P256  0x01c0000au
#define CERTIFICATE_FIRST 0x01c00012u
#define CERTIFICATE_LAST  0x01c0001eu
#define CHAIN_FIRST	  0x01c00100u
#define CHAIN_LAST	  0x01c001ffu

/* What each TPM reads at a time (PC Client Platform TPM Profile, 4.5: TPM2_PT_NV_BUFFER_MAX) */
#define PIECE 512

/* EK Credential Profile, B.3.2 */
#define EK_ATTRIBUTES                                                                       \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* The same, PolicyA: PolicySecret (TPM_RH_ENDORSEMENT) */
#define EK_POLICY                       \
	{                               \
		.size = 32, .buffer = { \
			0x83,           \
			0x71,           \
			0x97,           \
			0x67,           \
			0x44,           \
			0x84,           \
			0xb3,           \
			0xf8,           \
			0x1a,           \
			0x90,           \
			0xcc,           \
			0x8d,           \
			0x46,           \
			0xa5,           \
			0xd7,           \
			0x24,           \
			0xfd,           \
			0x52,           \
			0xd7,           \
			0x6e,           \
			0x06,           \
			0x52,           \
			0x0b,           \
			0x64,           \
			0xf2,           \
			0xa1,           \
			0xda,           \
			0x1b,           \
			0x33,           \
			0x14,           \
			0x69,           \
			0xaa            \
		}                       \
	}

#define EK_SYMMETRIC                                                                     \
	{                                                                                \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB, \
	}

static const TPM2B_PUBLIC rsa_template = {
	.publicArea = {
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_ATTRIBUTES,
		.authPolicy = EK_POLICY,
		.parameters.rsaDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
		},
		.unique.rsa.size = 256,
	},
};

static const TPM2B_PUBLIC p256_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_ATTRIBUTES,
		.authPolicy = EK_POLICY,
		.parameters.eccDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	},
};

static void free_public(TPM2B_PUBLIC **public)
{
	Esys_Free(*public);
}

static void free_nv_public(TPM2B_NV_PUBLIC **public)
{
	Esys_Free(*public);
}

static void free_buffer(TPM2B_MAX_NV_BUFFER **buffer)
{
	Esys_Free(*buffer);
}

static void free_capability(TPMS_CAPABILITY_DATA **data)
{
	Esys_Free(*data);
}

static void free_digest(TPM2B_DIGEST **digest)
{
	if (*digest)
		secret_wipe(*digest, sizeof(**digest));
	Esys_Free(*digest);
}

static int ek_failed(struct host *host, TSS2_RC rc, const char *doing, struct reason *reason)
{
	TSS2_RC base = host_base_rc(rc);

	if (base != TPM2_RC_BAD_AUTH && base != TPM2_RC_AUTH_FAIL)
		return host_failed(host, rc, doing, reason);
	return refuse(reason, -EACCES,
		      "the endorsement hierarchy of the host TPM at %s has a password, and it is "
		      "wanted to %s: clear it with tpm2_changeauth -c e, and try again",
		      host->tcti, doing);
}

static bool holds_certificate(uint32_t handle)
{
	if (handle >= CERTIFICATE_FIRST && handle <= CERTIFICATE_LAST)
		return handle % 2 == 0;
	return handle == CERTIFICATE_RSA || handle == CERTIFICATE_P256 ||
	       (handle >= CHAIN_FIRST && handle <= CHAIN_LAST);
}

/* Return: the next NV index that holds a certificate, 0: there is none. */
static uint32_t next_after(struct host *host, uint32_t after)
{
	uint32_t first = after < CERTIFICATE_RSA ? CERTIFICATE_RSA : after + 1;

	while (first <= CHAIN_LAST) {
		_cleanup_(free_capability) TPMS_CAPABILITY_DATA *data =
			host_capability(host, TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES);
		const TPML_HANDLE *list = data ? &data->data.handles : NULL;

		if (!list || !list->count)
			return 0;
		for (uint32_t i = 0; i < list->count; i++) {
			if (list->handle[i] < first || list->handle[i] > CHAIN_LAST)
				return 0;
			if (holds_certificate(list->handle[i]))
				return list->handle[i];
			first = list->handle[i] + 1;
		}
	}
	return 0;
}

static int make(struct host *host, struct host_handle *ret, TPM2B_PUBLIC *ret_public,
		struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(free_public) TPM2B_PUBLIC *public = NULL;
	static const TPM2B_SENSITIVE_CREATE nothing;
	static const TPM2B_DATA outside;
	static const TPML_PCR_SELECTION no_pcrs;
	const TPM2B_PUBLIC *template = &p256_template;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &session, reason);
	if (r)
		return r;
	if (next_after(host, CERTIFICATE_P256 - 1) != CERTIFICATE_P256 &&
	    next_after(host, CERTIFICATE_RSA - 1) == CERTIFICATE_RSA)
		template = &rsa_template;
	r = ek_failed(host,
		      Esys_CreatePrimary(host->esys, ESYS_TR_RH_ENDORSEMENT, session.tr,
					 ESYS_TR_NONE, ESYS_TR_NONE, &nothing, template, &outside,
					 &no_pcrs, &ret->tr, &public, NULL, NULL, NULL),
		      "make its endorsement key", reason);
	if (!r && ret_public)
		*ret_public = *public;
	return r;
}

int host_ek_public(struct host *host, TPM2B_PUBLIC *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle ek = HOST_HANDLE(host);

	return make(host, &ek, ret, reason);
}

/* As far as it was written: an index may be there for what never came. */
static int read_index(struct host *host, const struct host_handle *index, uint32_t handle,
		      struct cursor_out *out, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(free_nv_public) TPM2B_NV_PUBLIC *public = NULL;
	ESYS_TR reader;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &session, reason);
	if (!r)
		r = host_failed(host,
				Esys_NV_ReadPublic(host->esys, index->tr, ESYS_TR_NONE,
						   ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL),
				"show a certificate's index", reason);
	if (r || !(public->nvPublic.attributes & TPMA_NV_WRITTEN))
		return r;
	if (public->nvPublic.dataSize > out->room)
		return refuse(reason, -EFBIG,
			      "the host TPM has %u bytes at 0x%x, where a certificate may be of at "
			      "most %zu: nobody reads it",
			      public->nvPublic.dataSize, handle, out->room);
	reader = public->nvPublic.attributes & TPMA_NV_AUTHREAD ? index->tr : ESYS_TR_RH_OWNER;
	while (out->used < public->nvPublic.dataSize) {
		_cleanup_(free_buffer) TPM2B_MAX_NV_BUFFER *piece = NULL;
		size_t left = public->nvPublic.dataSize - out->used;

		r = ek_failed(host,
			      Esys_NV_Read(host->esys, reader, index->tr, session.tr, ESYS_TR_NONE,
					   ESYS_TR_NONE, (uint16_t)(left < PIECE ? left : PIECE),
					   (uint16_t)out->used, &piece),
			      "read a certificate", reason);
		if (!r && !piece->size)
			r = refuse(reason, -EIO, "the host TPM at %s reads nothing at 0x%x",
				   host->tcti, handle);
		if (r)
			return r;
		cursor_put_raw(out, piece->buffer, piece->size);
	}
	return 0;
}

int host_ek_certificate(struct host *host, uint32_t after, uint32_t *ret_handle,
			uint8_t ret[KEYD_CERTIFICATE_MAX], size_t *ret_length,
			struct reason *reason)
{
	_cleanup_(host_close) struct host_handle index = HOST_HANDLE(host);
	struct cursor_out out = cursor_out(ret, KEYD_CERTIFICATE_MAX);
	int r = host_reachable(host, reason);

	if (r)
		return r;
	*ret_handle = next_after(host, after);
	if (*ret_handle) {
		r = host_failed(host,
				Esys_TR_FromTPMPublic(host->esys, *ret_handle, ESYS_TR_NONE,
						      ESYS_TR_NONE, ESYS_TR_NONE, &index.tr),
				"show a certificate's index", reason);
		if (!r)
			r = read_index(host, &index, *ret_handle, &out, reason);
	}
	*ret_length = out.used;
	return r;
}

static int open_credential(struct host *host, const struct host_handle *ak,
			   const struct host_handle *ek, const TPM2B_ID_OBJECT *blob,
			   const TPM2B_ENCRYPTED_SECRET *secret, TPM2B_DIGEST *ret,
			   struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(host_flush) struct host_handle policy = HOST_HANDLE(host);
	_cleanup_(free_digest) TPM2B_DIGEST *credential = NULL;
	TSS2_RC rc;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, &session, reason);
	if (!r)
		r = host_session(host, host->storage, TPM2_SE_POLICY, 0, &policy, reason);
	if (r)
		return r;
	rc = Esys_PolicySecret(host->esys, ESYS_TR_RH_ENDORSEMENT, policy.tr, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
	r = ek_failed(host, rc, "use its endorsement key", reason);
	if (r)
		return r;
	rc = Esys_ActivateCredential(host->esys, ak->tr, ek->tr, session.tr, policy.tr,
				     ESYS_TR_NONE, blob, secret, &credential);
	switch (host_base_rc(rc)) {
	case TPM2_RC_INTEGRITY:
	case TPM2_RC_VALUE:
	case TPM2_RC_SIZE:
	case TPM2_RC_ECC_POINT:
		return refuse(reason, -EINVAL,
			      "the credential was not made for the host TPM at %s and its "
			      "attestation key: enrol again",
			      host->tcti);
	}
	r = host_failed(host, rc, "open a credential", reason);
	if (!r)
		*ret = *credential;
	return r;
}

int host_ek_activate(struct host *host, const struct host_sealed *ak,
		     const uint8_t auth[SEAL_KEY_SIZE], struct seal_bytes blob,
		     struct seal_bytes secret, TPM2B_DIGEST *ret, struct reason *reason)
{
	_cleanup_(host_forget) struct host_handle key = HOST_HANDLE(host);
	_cleanup_(host_flush) struct host_handle ek = HOST_HANDLE(host);
	TPM2B_ENCRYPTED_SECRET encrypted;
	size_t blob_at = 0, secret_at = 0;
	TPM2B_ID_OBJECT object;
	int r;

	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(blob.at, blob.length, &blob_at, &object) ||
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(secret.at, secret.length, &secret_at,
						     &encrypted) ||
	    blob_at != blob.length || secret_at != secret.length)
		return refuse(
			reason, -EINVAL,
			"this is no credential: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET are "
			"wanted");
	r = host_ak_load(host, ak, auth, &key, reason);
	if (!r)
		r = make(host, &ek, NULL, reason);
	return r ? r : open_credential(host, &key, &ek, &object, &encrypted, ret, reason);
}
