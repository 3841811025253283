// SPDX-License-Identifier: BSD-3-Clause
/*
 * Seal and unseal under a policy with plans; see the header.
 *
 *	PolicyPCR | PolicyNV | PolicyAuthorize where it was approved | PolicyOR | Unseal
 */
#include "seal/host_plan.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/cursor.h"

static void free_ticket(TPMT_TK_VERIFIED **ticket)
{
	Esys_Free(*ticket);
}

static void free_name(TPM2B_NAME **name)
{
	Esys_Free(*name);
}

static int make_branches(const struct host_plan *plan, const struct host_configuration *own,
			 uint8_t ret[POLICY_BRANCHES][SEAL_HASH_SIZE])
{
	int r = policy_configuration(own->pcrs, plan->counter, own->sequence, ret[0]);

	return r ? r : policy_authorize(plan->key, ret[1]);
}

static int no_hash(struct reason *reason)
{
	return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
}

int host_plan_seal(struct host *host, const struct host_plan *plan,
		   const struct host_configuration *own, const uint8_t secret[SEAL_KEY_SIZE],
		   struct host_sealed *ret, struct reason *reason)
{
	uint8_t branch[POLICY_BRANCHES][SEAL_HASH_SIZE], policy[SEAL_HASH_SIZE];

	if (make_branches(plan, own, branch) || policy_or(branch, policy))
		return no_hash(reason);
	return host_seal_under(host, policy, secret, ret, reason);
}

/* Of the owner's hierarchy: a ticket of the null hierarchy proves nothing to PolicyAuthorize. */
static int load_key(struct host *host, const struct host_plan *plan, struct host_handle *ret,
		    struct reason *reason)
{
	TPM2B_PUBLIC public = { 0 };
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t at = 0, length = policy_key(plan->key, area, sizeof(area));

	if (Tss2_MU_TPMT_PUBLIC_Unmarshal(area, length, &at, &public.publicArea))
		return refuse(reason, -EIO, "the plan key is none: bind anew");
	return host_failed(host,
			   Esys_LoadExternal(host->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					     NULL, &public, ESYS_TR_RH_OWNER, &ret->tr),
			   "load the plan key", reason);
}

static TPMT_SIGNATURE signature_of(const uint8_t approval[SEAL_SIGNATURE_SIZE])
{
	TPMT_SIGNATURE signature = {
		.sigAlg = TPM2_ALG_ECDSA,
		.signature.ecdsa = {
			.hash = TPM2_ALG_SHA256,
			.signatureR.size = SEAL_SIGNATURE_SIZE / 2,
			.signatureS.size = SEAL_SIGNATURE_SIZE / 2,
		},
	};

	cursor_copy(signature.signature.ecdsa.signatureR.buffer, SEAL_SIGNATURE_SIZE / 2, approval,
		    SEAL_SIGNATURE_SIZE / 2);
	cursor_copy(signature.signature.ecdsa.signatureS.buffer, SEAL_SIGNATURE_SIZE / 2,
		    approval + SEAL_SIGNATURE_SIZE / 2, SEAL_SIGNATURE_SIZE / 2);
	return signature;
}

/* The TPM's word that the plan key signed: TPM2_VerifySignature's ticket. Return: also 1, no */
static int get_ticket(struct host *host, const struct host_handle *key, const TPM2B_DIGEST *policy,
		      const uint8_t *approval, TPMT_TK_VERIFIED **ret, struct reason *reason)
{
	const TPMT_SIGNATURE signature = signature_of(approval);
	TPM2B_DIGEST digest = { .size = SEAL_HASH_SIZE };
	TSS2_RC rc;

	if (seal_hash((struct seal_bytes){ policy->buffer, policy->size }, digest.buffer))
		return no_hash(reason);
	rc = Esys_VerifySignature(host->esys, key->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &digest, &signature, ret);
	if (host_base_rc(rc) == TPM2_RC_SIGNATURE)
		return 1;
	return host_failed(host, rc, "verify the approval of a plan", reason);
}

static int authorize(struct host *host, const struct host_plan *plan,
		     const struct host_configuration *now, ESYS_TR session, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle key = HOST_HANDLE(host);
	_cleanup_(free_ticket) TPMT_TK_VERIFIED *ticket = NULL;
	_cleanup_(free_name) TPM2B_NAME *name = NULL;
	TPM2B_DIGEST policy = { .size = SEAL_HASH_SIZE };
	static const TPM2B_NONCE no_ref;
	TSS2_RC rc;
	int r;

	if (policy_configuration(now->pcrs, plan->counter, now->sequence, policy.buffer))
		return no_hash(reason);
	r = load_key(host, plan, &key, reason);
	if (!r)
		r = get_ticket(host, &key, &policy, now->approval, &ticket, reason);
	if (!r)
		r = host_failed(host, Esys_TR_GetName(host->esys, key.tr, &name),
				"name the plan key", reason);
	if (r)
		return r;
	rc = Esys_PolicyAuthorize(host->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &policy, &no_ref, name, ticket);
	/* what the session went through is not what was approved */
	if (host_base_rc(rc) == TPM2_RC_VALUE)
		return 1;
	return host_failed(host, rc, "take an approved policy", reason);
}

static int choose(struct host *host, const struct host_plan *plan,
		  const struct host_configuration *own, ESYS_TR session, struct reason *reason)
{
	uint8_t branch[POLICY_BRANCHES][SEAL_HASH_SIZE];
	TPML_DIGEST list = { .count = POLICY_BRANCHES };
	TSS2_RC rc;

	if (make_branches(plan, own, branch))
		return no_hash(reason);
	for (size_t i = 0; i < POLICY_BRANCHES; i++) {
		list.digests[i].size = SEAL_HASH_SIZE;
		cursor_copy(list.digests[i].buffer, SEAL_HASH_SIZE, branch[i], SEAL_HASH_SIZE);
	}
	rc = Esys_PolicyOR(host->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &list);
	if (host_base_rc(rc) == TPM2_RC_VALUE)
		return 1;
	return host_failed(host, rc, "take one of two policies", reason);
}

int host_plan_enter(struct host *host, const struct host_plan *plan,
		    const struct host_configuration *own, const struct host_configuration *now,
		    struct host_handle *ret, struct reason *reason)
{
	int r;

	r = host_policy_pcrs(host, now->pcrs->mask, ret, reason);
	if (!r)
		r = host_counter_policy(host, plan->counter, plan->auth, ret->tr, now->sequence,
					reason);
	if (!r && now->approval)
		r = authorize(host, plan, now, ret->tr, reason);
	return r ? r : choose(host, plan, own, ret->tr, reason);
}

int host_plan_unseal(struct host *host, const struct host_plan *plan,
		     const struct host_configuration *own, const struct host_configuration *now,
		     const struct host_sealed *sealed, uint8_t ret_secret[SEAL_KEY_SIZE],
		     struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle session = HOST_HANDLE(host);
	int r = host_plan_enter(host, plan, own, now, &session, reason);

	return r ? r : host_unseal_under(host, sealed, session.tr, ret_secret, reason);
}
