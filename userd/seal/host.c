// SPDX-License-Identifier: BSD-3-Clause
/*
 * Connection, sessions, storage key and random bytes; see the header.
 *
 * To make a storage key means to authorize as the owner before there is a key to
 * trust. An HMAC under a short password can be guessed by who listens, so that
 * session is salted too: to a primary key of the null hierarchy, made for it.
 */
#include "seal/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

/* Part 2, 8.3.3: what makes a key a storage key that never leaves its TPM. */
#define STORAGE_ATTRIBUTES                                                                  \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |             \
	 TPMA_OBJECT_DECRYPT)

/* TSS connects to a software TPM's socket for each command. */
#define SOFTWARE_TPM "swtpm:path="

static void free_name(TPM2B_NAME **name)
{
	Esys_Free(*name);
}

static void free_public(TPM2B_PUBLIC **public)
{
	Esys_Free(*public);
}

static void free_digest(TPM2B_DIGEST **digest)
{
	if (*digest)
		secret_wipe(*digest, sizeof(**digest));
	Esys_Free(*digest);
}

static void free_capability(TPMS_CAPABILITY_DATA **data)
{
	Esys_Free(*data);
}

TSS2_RC host_base_rc(TSS2_RC rc)
{
	if (rc & TSS2_RC_LAYER_MASK)
		return rc;
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

int host_failed(struct host *host, TSS2_RC rc, const char *doing, struct reason *reason)
{
	TSS2_RC base = host_base_rc(rc);

	if (!rc)
		return 0;
	switch (base) {
	case TPM2_RC_LOCKOUT:
		return refuse(reason, -EBUSY,
			      "the host TPM at %s is in lockout after wrong authorizations and "
			      "refuses to %s: wait for its recovery time, or run "
			      "tpm2_dictionarylockout --clear-lockout",
			      host->tcti, doing);
	case TPM2_RC_INITIALIZE:
		return refuse(reason, -EIO,
			      "the host TPM at %s was not started: firmware does that on a "
			      "machine, for a software TPM run tpm2_startup -c",
			      host->tcti);
	}
	/* Responses are of layer 0, or of a resource manager that speaks for the TPM. */
	switch (rc & TSS2_RC_LAYER_MASK) {
	case 0:
	case TSS2_RESMGR_RC_LAYER:
	case TSS2_RESMGR_TPM_RC_LAYER:
		return refuse(reason, -EIO,
			      "the host TPM at %s refuses to %s: %s (0x%x); see its manual, then "
			      "try again",
			      host->tcti, doing, Tss2_RC_Decode(rc), rc);
	}
	switch (rc & ~TSS2_RC_LAYER_MASK) {
	case TSS2_BASE_RC_IO_ERROR:
	case TSS2_BASE_RC_NO_CONNECTION:
		host->gone = true;
		return refuse(
			reason, -ENODEV,
			"the host TPM at %s does not answer any more (%s): look after it, then "
			"restart vtpm-keyd",
			host->tcti, Tss2_RC_Decode(rc));
	}
	host_recover(host);
	return refuse(reason, -EIO,
		      "the answer of the host TPM at %s cannot be trusted, asked to %s: %s "
		      "(0x%x); if it happens again, somebody may be on the wire",
		      host->tcti, doing, Tss2_RC_Decode(rc), rc);
}

void host_flush(struct host_handle *handle)
{
	if (handle->tr != ESYS_TR_NONE && !handle->host->gone &&
	    handle->epoch == handle->host->epoch)
		Esys_FlushContext(handle->host->esys, handle->tr);
	handle->tr = ESYS_TR_NONE;
}

void host_close(struct host_handle *handle)
{
	if (handle->tr != ESYS_TR_NONE && handle->epoch == handle->host->epoch)
		Esys_TR_Close(handle->host->esys, &handle->tr);
}

static int absent(const struct host *host, struct reason *reason)
{
	return refuse(
		reason, -ENODEV,
		"no host TPM at %s: enable it in the firmware or correct --tcti, then restart "
		"vtpm-keyd",
		host->tcti);
}

int host_open(const char *tcti, struct host *ret, struct reason *reason)
{
	TSS2_TCTI_POLL_HANDLE handle;
	size_t count = 1;

	*ret = (struct host){ .tcti = tcti, .fd = -1, .storage = ESYS_TR_NONE };
	if (!strncmp(tcti, SOFTWARE_TPM, strlen(SOFTWARE_TPM)))
		ret->connects = true;
	else if (!strncmp(tcti, "swtpm:", 6))
		return refuse(
			reason, -ENODEV,
			"no host TPM at %s: TSS would look its name up for each command, which "
			"the sandbox does not allow; use swtpm:path=SOCKET",
			tcti);
	if (Tss2_TctiLdr_Initialize(tcti, &ret->context))
		return absent(ret, reason);
	if (Esys_Initialize(&ret->esys, ret->context, NULL)) {
		Tss2_TctiLdr_Finalize(&ret->context);
		return absent(ret, reason);
	}
	if (!Tss2_Tcti_GetPollHandles(ret->context, &handle, &count) && count == 1)
		ret->fd = handle.fd;
	return 0;
}

void host_done(struct host *host)
{
	if (host->esys)
		Esys_Finalize(&host->esys);
	if (host->context)
		Tss2_TctiLdr_Finalize(&host->context);
}

int host_reachable(const struct host *host, struct reason *reason)
{
	if (!host->esys)
		return absent(host, reason);
	if (host->gone)
		return refuse(reason, -ENODEV,
			      "the host TPM at %s is gone: look after it, then restart vtpm-keyd",
			      host->tcti);
	return 0;
}

int host_session(struct host *host, ESYS_TR salt, TPM2_SE type, TPMA_SESSION attributes,
		 struct host_handle *ret, struct reason *reason)
{
	static const TPMT_SYM_DEF aes = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	TSS2_RC rc;
	int r;

	r = host_reachable(host, reason);
	if (r)
		return r;
	if (salt == ESYS_TR_NONE)
		return refuse(reason, -ENODEV,
			      "the storage key of the host TPM at %s is not known: bind to it with "
			      "vtpmctl host unlock --bind",
			      host->tcti);
	rc = Esys_StartAuthSession(host->esys, salt, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, NULL, type, &aes, TPM2_ALG_SHA256, &ret->tr);
	if (!rc)
		rc = Esys_TRSess_SetAttributes(host->esys, ret->tr,
					       attributes | TPMA_SESSION_CONTINUESESSION, 0xff);
	return host_failed(host, rc, "start a session", reason);
}

static void make_about(struct host *host, const TPML_TAGGED_TPM_PROPERTY *list)
{
	uint32_t maker = 0, first = 0, second = 0;
	char letters[5] = { 0 };

	for (uint32_t i = 0; i < list->count; i++) {
		if (list->tpmProperty[i].property == TPM2_PT_MANUFACTURER)
			maker = list->tpmProperty[i].value;
		if (list->tpmProperty[i].property == TPM2_PT_FIRMWARE_VERSION_1)
			first = list->tpmProperty[i].value;
		if (list->tpmProperty[i].property == TPM2_PT_FIRMWARE_VERSION_2)
			second = list->tpmProperty[i].value;
	}
	for (size_t i = 0; i < 4; i++) {
		char c = (char)(maker >> (24 - 8 * i));

		letters[i] = c > ' ' && c <= '~' ? c : ' ';
	}
	snprintf(host->about, sizeof(host->about), "%s %u.%u.%u.%u", letters, first >> 16,
		 first & 0xffff, second >> 16, second & 0xffff);
}

/* Maker and firmware; for people, so nothing depends on it. */
static void describe(struct host *host)
{
	_cleanup_(free_capability) TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;

	if (!Esys_GetCapability(host->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER, 8, &more, &data) &&
	    data->capability == TPM2_CAP_TPM_PROPERTIES)
		make_about(host, &data->data.tpmProperties);
}

/* Return: 0; 1: there is no such object; or as host_failed(). */
static int find_storage(struct host *host, struct host_handle *ret, struct reason *reason)
{
	TSS2_RC rc;
	int r;

	r = host_reachable(host, reason);
	if (r)
		return r;
	if (!host->about[0])
		describe(host);
	host_make_room(host);
	r = host_reachable(host, reason);
	if (r)
		return r;
	/* ESYS may give the number it gave before to the same key: let go of that first */
	if (host->storage != ESYS_TR_NONE)
		Esys_TR_Close(host->esys, &host->storage);
	rc = Esys_TR_FromTPMPublic(host->esys, HOST_STORAGE_KEY, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, &ret->tr);
	if (host_base_rc(rc) == TPM2_RC_HANDLE)
		return 1;
	return host_failed(host, rc, "read its storage key", reason);
}

/*
 * ESYS hashes the public area it holds and will salt sessions with: a Name that the
 * wire changed on its way does not get past this.
 */
static int take_storage(struct host *host, struct host_handle *storage, const TPM2B_NAME *pinned,
			struct reason *reason)
{
	_cleanup_(free_name) TPM2B_NAME *name = NULL;
	int r;

	r = host_failed(host, Esys_TR_GetName(host->esys, storage->tr, &name),
			"name its storage key", reason);
	if (r)
		return r;
	if (pinned &&
	    (name->size != pinned->size || !secret_equal(name->name, pinned->name, pinned->size)))
		return refuse(reason, -ENXIO,
			      "the host TPM at %s (%s) is another one, or its storage key 0x%x was "
			      "replaced: unlock with the recovery code, and bind if it stays",
			      host->tcti, host->about, HOST_STORAGE_KEY);
	host->storage = storage->tr;
	host->name = *name;
	storage->tr = ESYS_TR_NONE;
	return 0;
}

int host_adopt(struct host *host, const TPM2B_NAME *name, struct reason *reason)
{
	_cleanup_(host_close) struct host_handle storage = HOST_HANDLE(host);
	int r;

	r = find_storage(host, &storage, reason);
	if (r == 1)
		return refuse(
			reason, -ENXIO,
			"the host TPM at %s (%s) has no storage key 0x%x: it is another one, or "
			"was cleared; unlock with the recovery code, and bind if it stays",
			host->tcti, host->about, HOST_STORAGE_KEY);
	return r ? r : take_storage(host, &storage, name, reason);
}

/* A key somebody else has put there is good if it is a storage key. */
static int check_storage(struct host *host, ESYS_TR storage, struct reason *reason)
{
	const TPMA_OBJECT wanted = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
				   TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_USERWITHAUTH;
	_cleanup_(free_public) TPM2B_PUBLIC *public = NULL;
	int r;

	r = host_failed(host,
			Esys_ReadPublic(host->esys, storage, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE, &public, NULL, NULL),
			"read its storage key", reason);
	if (r)
		return r;
	if ((public->publicArea.objectAttributes & wanted) != wanted ||
	    (public->publicArea.type != TPM2_ALG_RSA && public->publicArea.type != TPM2_ALG_ECC))
		return refuse(reason, -EIO,
			      "what the host TPM at %s keeps at 0x%x is no storage key: free that "
			      "handle with tpm2_evictcontrol -c 0x%x, then try again",
			      host->tcti, HOST_STORAGE_KEY, HOST_STORAGE_KEY);
	return 0;
}

/*
 * The SRK template of the TCG's Provisioning Guidance, 7.5.1: the EK's P-256 template
 * (EK Credential Profile, B.3.4) with other attributes and no policy.
 */
static const TPM2B_PUBLIC storage_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = STORAGE_ATTRIBUTES,
		.parameters.eccDetail = {
			.symmetric = {
				.algorithm = TPM2_ALG_AES,
				.keyBits.aes = 128,
				.mode.aes = TPM2_ALG_CFB,
			},
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	},
};

static TSS2_RC create_primary(struct host *host, ESYS_TR hierarchy, ESYS_TR session, ESYS_TR *ret)
{
	static const TPM2B_SENSITIVE_CREATE nothing;
	static const TPM2B_DATA outside;
	static const TPML_PCR_SELECTION no_pcrs;

	return Esys_CreatePrimary(host->esys, hierarchy, session, ESYS_TR_NONE, ESYS_TR_NONE,
				  &nothing, &storage_template, &outside, &no_pcrs, ret, NULL, NULL,
				  NULL, NULL);
}

int host_owner_failed(struct host *host, TSS2_RC rc, const char *doing, const char *want,
		      struct reason *reason)
{
	TSS2_RC base = host_base_rc(rc);

	if (base != TPM2_RC_BAD_AUTH && base != TPM2_RC_AUTH_FAIL)
		return host_failed(host, rc, doing, reason);
	if (host->password)
		return refuse(reason, -EACCES,
			      "the owner password of the host TPM at %s is another one: try again "
			      "with the right one",
			      host->tcti);
	return refuse(reason, -EACCES,
		      "the owner hierarchy of the host TPM at %s has a password, and %s",
		      host->tcti, want);
}

static int create_storage(struct host *host, struct host_handle *ret, struct reason *reason)
{
	static const char want[] = "a storage key is to be made there: give it at vtpmctl host "
				   "init, or make the key with tpm2_createprimary -C o and "
				   "tpm2_evictcontrol, at 0x81000001";
	_cleanup_(host_flush) struct host_handle salt = HOST_HANDLE(host);
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(host_flush) struct host_handle primary = HOST_HANDLE(host);
	TSS2_RC rc;
	int r;

	rc = create_primary(host, ESYS_TR_RH_NULL, ESYS_TR_PASSWORD, &salt.tr);
	r = host_failed(host, rc, "make a key to salt with", reason);
	if (!r)
		r = host_session(host, salt.tr, TPM2_SE_HMAC, 0, &session, reason);
	if (r)
		return r;
	rc = create_primary(host, ESYS_TR_RH_OWNER, session.tr, &primary.tr);
	r = host_owner_failed(host, rc, "make a storage key", want, reason);
	if (r)
		return r;
	rc = Esys_EvictControl(host->esys, ESYS_TR_RH_OWNER, primary.tr, session.tr, ESYS_TR_NONE,
			       ESYS_TR_NONE, HOST_STORAGE_KEY, &ret->tr);
	return host_owner_failed(host, rc, "keep its storage key", want, reason);
}

int host_set_password(struct host *host, struct seal_bytes password, struct reason *reason)
{
	TPM2B_AUTH auth = { .size = (uint16_t)password.length };

	if (password.length > HOST_PASSWORD_MAX ||
	    !cursor_copy(auth.buffer, sizeof(auth.buffer), password.at, password.length))
		return refuse(reason, -EACCES,
			      "no owner password has more than %d bytes: try again",
			      HOST_PASSWORD_MAX);
	Esys_TR_SetAuth(host->esys, ESYS_TR_RH_OWNER, &auth);
	secret_wipe(&auth, sizeof(auth));
	host->password = password.length != 0;
	return 0;
}

/* ESYS would keep the bytes of what is set to nothing: they are written over. */
void host_forget_password(struct host *host)
{
	static const TPM2B_AUTH none;

	Esys_TR_SetAuth(host->esys, ESYS_TR_RH_OWNER, &none);
	host->password = false;
}

int host_provision(struct host *host, struct seal_bytes password, struct reason *reason)
{
	_cleanup_(host_close) struct host_handle storage = HOST_HANDLE(host);
	int r;

	r = find_storage(host, &storage, reason);
	if (!r)
		r = check_storage(host, storage.tr, reason);
	if (r == 1) {
		r = host_set_password(host, password, reason);
		if (r)
			return r;
		r = create_storage(host, &storage, reason);
		host_forget_password(host);
	}
	return r ? r : take_storage(host, &storage, NULL, reason);
}

int host_random(struct host *host, uint8_t (*to)[SEAL_KEY_SIZE], size_t count,
		struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, &session, reason);
	for (size_t i = 0; !r && i < count; i++) {
		_cleanup_(free_digest) TPM2B_DIGEST *bytes = NULL;

		r = host_failed(host,
				Esys_GetRandom(host->esys, session.tr, ESYS_TR_NONE, ESYS_TR_NONE,
					       SEAL_KEY_SIZE, &bytes),
				"give random bytes", reason);
		if (!r && bytes->size != SEAL_KEY_SIZE)
			r = refuse(reason, -EIO,
				   "the host TPM at %s gives %u random bytes at a time, %d are "
				   "needed: use another one",
				   host->tcti, bytes->size, SEAL_KEY_SIZE);
		if (!r)
			cursor_copy(to[i], SEAL_KEY_SIZE, bytes->buffer, SEAL_KEY_SIZE);
	}
	return r;
}
