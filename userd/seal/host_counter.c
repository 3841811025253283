// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make, find, read and count; see the header.
 */
#include "seal/host_counter.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "seal/policy.h"

static void free_name(TPM2B_NAME **name)
{
	Esys_Free(*name);
}

static void free_buffer(TPM2B_MAX_NV_BUFFER **buffer)
{
	Esys_Free(*buffer);
}

/* The authValue is written over in ESYS, which would free it as it is. */
static void forget(struct host_handle *handle)
{
	static const TPM2B_AUTH none;

	if (handle->tr == ESYS_TR_NONE || handle->epoch != handle->host->epoch)
		return;
	Esys_TR_SetAuth(handle->host->esys, handle->tr, &none);
	host_close(handle);
}

static void set_auth(struct host_handle *counter, const uint8_t *auth)
{
	TPM2B_AUTH value = { .size = SEAL_KEY_SIZE };

	cursor_copy(value.buffer, sizeof(value.buffer), auth, SEAL_KEY_SIZE);
	Esys_TR_SetAuth(counter->host->esys, counter->tr, &value);
	secret_wipe(&value, sizeof(value));
}

static int template_of(uint32_t handle, TPMS_NV_PUBLIC *ret)
{
	*ret = (TPMS_NV_PUBLIC){
		.nvIndex = handle,
		.nameAlg = TPM2_ALG_SHA256,
		.attributes = HOST_COUNTER_ATTRIBUTES,
		.authPolicy.size = SEAL_HASH_SIZE,
		.dataSize = HOST_COUNTER_SIZE,
	};
	return policy_counter(ret->authPolicy.buffer);
}

static int missing(const struct host *host, uint32_t handle, const char *how, struct reason *reason)
{
	return refuse(reason, -ENXIO,
		      "the host TPM at %s (%s) %s at 0x%x: it is another TPM, or its owner removed "
		      "the counter; if that was meant, run vtpmctl host unlock --accept-move",
		      host->tcti, host->about, how, handle);
}

/* The counter at a handle, if its public area is that of ours. */
static int open_counter(struct host *host, uint32_t handle, const uint8_t *auth,
			struct host_handle *ret, struct reason *reason)
{
	_cleanup_(free_name) TPM2B_NAME *name = NULL;
	uint8_t wanted[POLICY_NAME_SIZE];
	TSS2_RC rc;
	int r;

	r = host_reachable(host, reason);
	if (r)
		return r;
	rc = Esys_TR_FromTPMPublic(host->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   &ret->tr);
	if (host_base_rc(rc) == TPM2_RC_HANDLE)
		return missing(host, handle, "has no counter of ours", reason);
	if (!rc)
		rc = Esys_TR_GetName(host->esys, ret->tr, &name);
	r = host_failed(host, rc, "show its counter", reason);
	if (r)
		return r;
	if (policy_counter_name(handle, wanted))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	if (name->size != sizeof(wanted) || !secret_equal(name->name, wanted, sizeof(wanted)))
		return missing(host, handle, "has something else than our counter", reason);
	if (auth)
		set_auth(ret, auth);
	return 0;
}

static int counter_failed(struct host *host, uint32_t handle, TSS2_RC rc, const char *doing,
			  struct reason *reason)
{
	TSS2_RC base = host_base_rc(rc);

	if (base == TPM2_RC_BAD_AUTH || base == TPM2_RC_AUTH_FAIL)
		return missing(host, handle, "has a counter that is not ours", reason);
	if (base == TPM2_RC_NV_RATE)
		return refuse(reason, -EBUSY,
			      "the host TPM at %s refuses to %s so often, to save its NV memory: "
			      "it is tried again",
			      host->tcti, doing);
	return host_failed(host, rc, doing, reason);
}

static int read_value(struct host *host, const struct host_handle *counter, uint32_t handle,
		      uint64_t *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	_cleanup_(free_buffer) TPM2B_MAX_NV_BUFFER *buffer = NULL;
	struct cursor_in in;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &session, reason);
	if (r)
		return r;
	r = counter_failed(host, handle,
			   Esys_NV_Read(host->esys, counter->tr, counter->tr, session.tr,
					ESYS_TR_NONE, ESYS_TR_NONE, HOST_COUNTER_SIZE, 0, &buffer),
			   "read its counter", reason);
	if (r)
		return r;
	in = cursor_in(buffer->buffer, buffer->size);
	*ret = cursor_get_u64(&in);
	return cursor_ended(&in) ? 0
				 : refuse(reason, -EIO, "the counter of the host TPM at %s is none",
					  host->tcti);
}

static int add_one(struct host *host, const struct host_handle *counter, uint32_t handle,
		   struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle policy = HOST_HANDLE(host);
	TSS2_RC rc;
	int r;

	r = host_session(host, host->storage, TPM2_SE_POLICY, 0, &policy, reason);
	if (r)
		return r;
	rc = Esys_PolicyAuthValue(host->esys, policy.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
	if (!rc)
		rc = Esys_PolicyCommandCode(host->esys, policy.tr, ESYS_TR_NONE, ESYS_TR_NONE,
					    ESYS_TR_NONE, TPM2_CC_NV_Increment);
	if (!rc)
		rc = Esys_NV_Increment(host->esys, counter->tr, counter->tr, policy.tr,
				       ESYS_TR_NONE, ESYS_TR_NONE);
	return counter_failed(host, handle, rc, "count", reason);
}

int host_counter_read(struct host *host, uint32_t handle, const uint8_t auth[SEAL_KEY_SIZE],
		      uint64_t *ret_value, struct reason *reason)
{
	_cleanup_(forget) struct host_handle counter = HOST_HANDLE(host);
	int r = open_counter(host, handle, auth, &counter, reason);

	return r ? r : read_value(host, &counter, handle, ret_value, reason);
}

int host_counter_add(struct host *host, uint32_t handle, const uint8_t auth[SEAL_KEY_SIZE],
		     struct reason *reason)
{
	_cleanup_(forget) struct host_handle counter = HOST_HANDLE(host);
	int r = open_counter(host, handle, auth, &counter, reason);

	return r ? r : add_one(host, &counter, handle, reason);
}

static int compare(struct host *host, const struct host_handle *counter, uint32_t handle,
		   ESYS_TR policy, uint64_t most, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	TPM2B_OPERAND operand = { .size = HOST_COUNTER_SIZE };
	struct cursor_out out = cursor_out(operand.buffer, sizeof(operand.buffer));
	TSS2_RC rc;
	int r;

	cursor_put_u64(&out, most);
	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &session, reason);
	if (r)
		return r;
	rc = Esys_PolicyNV(host->esys, counter->tr, counter->tr, policy, session.tr, ESYS_TR_NONE,
			   ESYS_TR_NONE, &operand, 0, TPM2_EO_UNSIGNED_LE);
	if (host_base_rc(rc) == TPM2_RC_POLICY)
		return 1;
	return counter_failed(host, handle, rc, "compare its counter", reason);
}

int host_counter_policy(struct host *host, uint32_t handle, const uint8_t auth[SEAL_KEY_SIZE],
			ESYS_TR policy, uint64_t most, struct reason *reason)
{
	_cleanup_(forget) struct host_handle counter = HOST_HANDLE(host);
	int r = open_counter(host, handle, auth, &counter, reason);

	return r ? r : compare(host, &counter, handle, policy, most, reason);
}

int host_counter_find(struct host *host, const uint8_t auth[SEAL_KEY_SIZE], uint32_t *ret_handle,
		      struct reason *reason)
{
	uint32_t handle = HOST_COUNTER_FIRST;
	uint64_t value;
	int r;

	do {
		r = host_counter_read(host, handle, auth, &value, reason);
		if (!r)
			*ret_handle = handle;
	} while (r == -ENXIO && ++handle < HOST_COUNTER_FIRST + HOST_COUNTER_RANGE);
	return r;
}

/* What the owner's password is wanted for. */
static const char wanted_for[] = "a counter against rollback is to be made there: give it, or do "
				 "without at vtpmctl host init --rollback off";

/* Return: as host_counter_make(); 1: something is at this handle. */
static int define(struct host *host, ESYS_TR session, const uint8_t *auth, uint32_t handle,
		  struct host_handle *ret, struct reason *reason)
{
	TPM2B_AUTH value = { .size = SEAL_KEY_SIZE };
	TPM2B_NV_PUBLIC public = { 0 };
	TSS2_RC rc;

	if (template_of(handle, &public.nvPublic))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	cursor_copy(value.buffer, sizeof(value.buffer), auth, SEAL_KEY_SIZE);
	rc = Esys_NV_DefineSpace(host->esys, ESYS_TR_RH_OWNER, session, ESYS_TR_NONE, ESYS_TR_NONE,
				 &value, &public, &ret->tr);
	secret_wipe(&value, sizeof(value));
	if (host_base_rc(rc) == TPM2_RC_NV_DEFINED)
		return 1;
	if (host_base_rc(rc) == TPM2_RC_NV_SPACE)
		return refuse(
			reason, -ENOSPC,
			"the host TPM at %s has no room for a counter: remove an NV index with "
			"tpm2_nvundefine, or do without at vtpmctl host init --rollback off",
			host->tcti);
	return host_owner_failed(host, rc, "make a counter", wanted_for, reason);
}

static int define_first(struct host *host, const uint8_t *auth, uint32_t *ret_handle,
			struct host_handle *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	uint32_t handle = HOST_COUNTER_FIRST;
	int r;

	r = host_session(host, host->storage, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session, reason);
	if (r)
		return r;
	do {
		r = define(host, session.tr, auth, handle, ret, reason);
		*ret_handle = handle++;
	} while (r == 1 && handle < HOST_COUNTER_FIRST + HOST_COUNTER_RANGE);
	if (r == 1)
		r = refuse(
			reason, -ENOSPC,
			"the host TPM at %s has NV indices at each of 0x%x to 0x%x: remove those "
			"of hosts that are no more with tpm2_nvundefine",
			host->tcti, HOST_COUNTER_FIRST, handle - 1);
	return r;
}

static int undefine(struct host *host, struct host_handle *counter, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	TSS2_RC rc;
	int r;

	if (counter->epoch != host->epoch)
		return refuse(reason, -EIO, "the counter of the host TPM was lost sight of");
	r = host_session(host, host->storage, TPM2_SE_HMAC, 0, &session, reason);
	if (r)
		return r;
	rc = Esys_NV_UndefineSpace(host->esys, ESYS_TR_RH_OWNER, counter->tr, session.tr,
				   ESYS_TR_NONE, ESYS_TR_NONE);
	if (!rc)
		counter->tr = ESYS_TR_NONE;
	return host_owner_failed(host, rc, "remove its counter", wanted_for, reason);
}

static int make(struct host *host, const uint8_t *auth, uint32_t *ret_handle, uint64_t *ret_value,
		struct reason *reason)
{
	_cleanup_(forget) struct host_handle counter = HOST_HANDLE(host);
	struct reason ignored;
	int r;

	r = define_first(host, auth, ret_handle, &counter, reason);
	if (r)
		return r;
	set_auth(&counter, auth);
	r = add_one(host, &counter, *ret_handle, reason);
	if (!r)
		r = read_value(host, &counter, *ret_handle, ret_value, reason);
	if (r)
		undefine(host, &counter, &ignored);
	return r;
}

int host_counter_make(struct host *host, struct seal_bytes password,
		      const uint8_t auth[SEAL_KEY_SIZE], uint32_t *ret_handle, uint64_t *ret_value,
		      struct reason *reason)
{
	int r = host_reachable(host, reason);

	if (!r)
		r = host_set_password(host, password, reason);
	if (r)
		return r;
	r = make(host, auth, ret_handle, ret_value, reason);
	host_forget_password(host);
	return r;
}

int host_counter_remove(struct host *host, uint32_t handle, struct seal_bytes password,
			struct reason *reason)
{
	_cleanup_(forget) struct host_handle counter = HOST_HANDLE(host);
	int r = open_counter(host, handle, NULL, &counter, reason);

	if (!r)
		r = host_set_password(host, password, reason);
	if (r)
		return r;
	r = undefine(host, &counter, reason);
	host_forget_password(host);
	return r;
}
