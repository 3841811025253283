// SPDX-License-Identifier: BSD-3-Clause
/*
 * The root key and plans: opening by one, having another one, retiring.
 *
 * A sequence number is good while the plan counter in the host TPM is not above it. The slot's
 * own configuration has one, each plan a higher one than those before it. To retire up to n is to
 * seal what runs now for n + 1, and then to count to that: whoever stops in between
 * has retired nothing, and can begin again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "seal/root.h"

/* Counts at a time: they wear NV memory out, and more are a mistake. */
#define COUNTS_MAX 32

static bool same_pcrs(const struct host_pcrs *a, const struct host_pcrs *b)
{
	bool same = a->mask == b->mask;

	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (a->mask >> pcr & 1)
			same &= secret_equal(a->value[pcr], b->value[pcr], SEAL_HASH_SIZE);
	}
	return same;
}

static bool is_expired(const struct plan *plan, uint64_t now)
{
	return plan->expires && plan->expires <= now;
}

static int retired(struct reason *reason, const char *what)
{
	return refuse(reason, -EPERM,
		      "%s was retired: boot a configuration that came after it, or unlock with the "
		      "recovery code and, if it was meant, bind",
		      what);
}

static int open_by(struct root *root, const struct tpm2_slot *slot, const struct plan *plan,
		   const struct slot_shares *shares, struct reason *reason)
{
	const struct host_configuration own = { &slot->pcrs, slot->sequence, NULL };
	const struct host_configuration now = { &plan->pcrs, plan->sequence, plan->approval };
	uint8_t secret[SEAL_KEY_SIZE], key[SEAL_KEY_SIZE] = { 0 };
	char what[PLAN_LABEL_MAX + 64];
	int r;

	snprintf(what, sizeof(what), "plan %llu (%s)", (unsigned long long)plan->sequence,
		 plan->label);
	if (is_expired(plan, (uint64_t)time(NULL)))
		return refuse(reason, -EPERM,
			      "%s, which is for what was booted, has expired: unlock with the "
			      "recovery code and, if it was meant, bind",
			      what);
	r = host_plan_unseal(root->host, &slot->plan, &own, &now, &slot->sealed, secret,
			     reason);
	if (r)
		return r == 1 ? retired(reason, what) : r;
	r = tpm2_slot_root(slot, secret, shares, key, reason);
	secret_wipe(secret, sizeof(secret));
	if (!r)
		r = root_hold(root, &root->slots, key, reason);
	secret_wipe(key, sizeof(key));
	if (r)
		return r;
	root->opened = KEYD_OPENED_PLAN;
	root->plan = plan->sequence;
	return 0;
}

int root_plan_try(struct root *root, const struct slot_shares *shares, struct reason *reason)
{
	struct host_pcrs now;
	struct tpm2_slot slot;
	struct plans plans;
	int r;

	if (!root_policy(root, &slot) || !slot.planned)
		return -EPERM;
	r = host_read_pcrs(root->host, slot.pcrs.mask, &now, reason);
	if (r)
		return r;
	r = same_pcrs(&now, &slot.pcrs) ? retired(reason, "the configuration that was booted") :
					  -EPERM;
	if (plans_load(root->directory, &plans))
		return refuse(reason, -EPERM,
			      "keys/plans cannot be read, so no plan opens what was booted: put a "
			      "copy of it back, or unlock with the recovery code");
	for (unsigned int i = 0; r == -EPERM && i < plans.count; i++) {
		const struct plan *plan = &plans.plan[i];

		if (same_pcrs(&now, &plan->pcrs) &&
		    !plan_verify(plan, slot.plan.key, slot.plan.counter))
			r = open_by(root, &slot, plan, shares, reason);
	}
	return r;
}

static int get_planned(const struct root *root, struct tpm2_slot *ret, struct reason *reason)
{
	if (root_policy(root, ret) && ret->planned)
		return 0;
	return refuse(reason, -ENOTSUP,
		      "the host root key is sealed in a way that knows no plans: initialise with a "
		      "plan key, or keep to vtpmctl host unlock --bind");
}

/* Those that are retired stay in the file while there is room, to say why one fails. */
static int make_room(struct plans *plans, uint64_t counter, struct reason *reason)
{
	if (plans->count == PLANS_MAX)
		plans_drop(plans, counter - 1);
	if (plans->count < PLANS_MAX)
		return 0;
	return refuse(reason, -ENOSPC,
		      "there are %d plans: retire those that are past, with vtpmctl seal retire",
		      PLANS_MAX);
}

static int check_plan(const struct tpm2_slot *slot, const struct plan *plan, uint64_t now,
		      struct reason *reason)
{

	if (plan_verify(plan, slot->plan.key, slot->plan.counter))
		return refuse(reason, -EKEYREJECTED,
			      "the plan is not signed by the plan key of this host: sign it with "
			      "the recovery code, or the key that was given at init");
	if (plan->pcrs.mask != slot->pcrs.mask)
		return refuse(reason, -EINVAL,
			      "the plan is about other PCRs than this host is sealed to: make it "
			      "anew");
	if (is_expired(plan, now))
		return refuse(reason, -EINVAL, "the plan has expired: make it anew");
	return 0;
}

static uint64_t highest_of(const struct plans *plans, uint64_t least)
{
	for (unsigned int i = 0; i < plans->count; i++)
		least = plans->plan[i].sequence > least ? plans->plan[i].sequence : least;
	return least;
}

static int check_sequence(const struct plans *plans, const struct plan *plan, uint64_t counter,
			  struct reason *reason)
{
	uint64_t next = highest_of(plans, counter) + 1;

	if (plan->sequence == next && next <= counter + COUNTS_MAX)
		return 0;
	return refuse(reason, -EINVAL,
		      "the plan has sequence %llu, the next one is %llu, and at most %llu: make it "
		      "anew",
		      (unsigned long long)plan->sequence, (unsigned long long)next,
		      (unsigned long long)counter + COUNTS_MAX);
}

static int load_plans(const struct root *root, struct plans *ret, struct reason *reason)
{
	int r = plans_load(root->directory, ret);

	return r ? refuse(reason, r, "keys/plans cannot be read (%s): put a copy of it back, or "
			  "remove it", strerror(-r)) :
		   0;
}

int root_plans_get(struct root *root, struct root_plans *ret, struct reason *reason)
{
	int r = get_planned(root, &ret->slot, reason);

	if (!r)
		r = host_counter_read(root->host, ret->slot.plan.counter, ret->slot.plan.auth,
				      &ret->counter, reason);
	if (!r)
		r = host_read_pcrs(root->host, ret->slot.pcrs.mask, &ret->now, reason);
	return r ? r : load_plans(root, &ret->plans, reason);
}

static int save_plans(const struct root *root, const struct plans *plans, struct reason *reason)
{
	int r = plans_save(root->directory, plans);

	return r ? refuse(reason, r, "keys/plans cannot be written: %s", strerror(-r)) : 0;
}

int root_plan_add(struct root *root, struct seal_bytes bytes, uint64_t now, struct reason *reason)
{
	struct tpm2_slot slot;
	struct plans plans;
	struct plan plan;
	uint64_t counter;
	int r;

	r = get_planned(root, &slot, reason);
	if (!r && plan_parse(bytes, &plan))
		r = refuse(reason, -EBADMSG, "this is no plan that this vtpm-keyd knows");
	if (!r)
		r = load_plans(root, &plans, reason);
	if (!r)
		r = check_plan(&slot, &plan, now, reason);
	if (!r)
		r = host_counter_read(root->host, slot.plan.counter, slot.plan.auth, &counter,
				      reason);
	if (!r)
		r = check_sequence(&plans, &plan, counter, reason);
	if (!r)
		r = make_room(&plans, counter, reason);
	if (r)
		return r;
	plans.plan[plans.count++] = plan;
	return save_plans(root, &plans, reason);
}

/* The configuration that opened the root key, if it still is the one that runs. */
static int get_running(struct root *root, const struct tpm2_slot *slot, const struct plans *plans,
		       struct host_pcrs *ret, struct reason *reason)
{
	struct host_pcrs now;
	int r;

	*ret = slot->pcrs;
	for (unsigned int i = 0; root->opened == KEYD_OPENED_PLAN && i < plans->count; i++)
		if (plans->plan[i].sequence == root->plan)
			*ret = plans->plan[i].pcrs;
	r = host_read_pcrs(root->host, slot->pcrs.mask, &now, reason);
	if (r)
		return r;
	if (root->opened == KEYD_OPENED_OTHERWISE || !same_pcrs(&now, ret))
		return refuse(reason, -EPERM,
			      "what runs now was not opened by the host TPM: bind it with vtpmctl "
			      "host unlock --bind first");
	return 0;
}

/* The root key; or the TPM's share, which is in the slot that what runs now opens. */
static int get_sealed(struct root *root, const struct tpm2_slot *slot, uint8_t ret[SEAL_KEY_SIZE],
		      struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle policy = HOST_HANDLE(root->host);
	int r;

	if (!slot->shared) {
		cursor_copy(ret, SEAL_KEY_SIZE, root->key, SEAL_KEY_SIZE);
		return 0;
	}
	r = root_enter(root, slot, &policy, reason);
	if (!r)
		r = host_unseal_under(root->host, &slot->sealed, policy.tr, ret, reason);
	return r == 1 ? host_explain(root->host, &slot->pcrs, reason) : r;
}

static int seal_anew(struct root *root, const struct tpm2_slot *old, const struct host_pcrs *pcrs,
		     uint64_t sequence, struct reason *reason)
{
	const struct host_configuration own = { pcrs, sequence, NULL };
	struct tpm2_slot body = *old;
	struct slots *slots = &(struct slots){ 0 };
	uint8_t secret[SEAL_KEY_SIZE];
	struct slot slot = { 0 };
	int r;

	body.pcrs = *pcrs;
	body.sequence = sequence;
	r = get_sealed(root, old, secret, reason);
	if (!r)
		r = host_plan_seal(root->host, &body.plan, &own, secret, &body.sealed, reason);
	secret_wipe(secret, sizeof(secret));
	if (!r && tpm2_slot_format(&body, &slot))
		r = refuse(reason, -EIO, "what the host TPM sealed does not fit a slot");
	if (r)
		return r;
	*slots = root->slots;
	slots_remove(slots, SLOT_TPM2);
	slots_add(slots, &slot);
	r = root_take(root, slots, &seal_tpm2, NULL, reason);
	secret_wipe(slots, sizeof(*slots));
	return r;
}

static int count_to(struct root *root, const struct host_plan *plan, uint64_t wanted,
		    struct reason *reason)
{
	uint64_t value;
	int r;

	r = host_counter_read(root->host, plan->counter, plan->auth, &value, reason);
	if (!r && wanted > value && wanted - value > COUNTS_MAX)
		r = refuse(reason, -EINVAL, "that is %llu sequences ahead: see vtpmctl seal list",
			   (unsigned long long)(wanted - value));
	for (; !r && value < wanted; value++)
		r = host_counter_add(root->host, plan->counter, plan->auth, reason);
	return r;
}

/* Before anything is changed: a mistake in the number shall not cost the host its slot. */
static int check_up_to(const struct root *root, const struct tpm2_slot *slot,
		       const struct plans *plans, uint64_t *up_to, struct reason *reason)
{
	uint64_t highest = highest_of(plans, slot->sequence);

	if (!*up_to && root->opened == KEYD_OPENED_PLAN)
		*up_to = root->plan;
	if (!*up_to)
		return refuse(reason, -EINVAL,
			      "what runs now is no plan: name the sequence to retire up to, see "
			      "vtpmctl seal list");
	/* one below: the retiring that sealed the slot was not finished */
	if (*up_to + 1 < slot->sequence || *up_to > highest)
		return refuse(reason, -EINVAL,
			      "sequences %llu to %llu can be retired, not %llu: see vtpmctl seal list",
			      (unsigned long long)slot->sequence, (unsigned long long)highest,
			      (unsigned long long)*up_to);
	return 0;
}

int root_plan_retire(struct root *root, uint64_t up_to, struct reason *reason)
{
	struct host_pcrs running;
	struct tpm2_slot slot;
	struct plans plans;
	int r;

	r = get_planned(root, &slot, reason);
	if (!r)
		r = load_plans(root, &plans, reason);
	if (!r)
		r = check_up_to(root, &slot, &plans, &up_to, reason);
	if (!r)
		r = get_running(root, &slot, &plans, &running, reason);
	if (!r)
		r = seal_anew(root, &slot, &running, up_to + 1, reason);
	if (!r)
		r = count_to(root, &slot.plan, up_to + 1, reason);
	if (r)
		return r;
	root->opened = KEYD_OPENED_SLOT;
	return 0;
}

/* Return: 0; 1: there is none. */
static int find_plan(const struct root *root, struct plans *plans, const struct plan **ret)
{
	if (plans_load(root->directory, plans))
		return 1;
	for (unsigned int i = 0; i < plans->count; i++) {
		if (plans->plan[i].sequence == root->plan) {
			*ret = &plans->plan[i];
			return 0;
		}
	}
	return 1;
}

int root_enter(struct root *root, const struct tpm2_slot *slot, struct host_handle *ret,
	       struct reason *reason)
{
	const struct host_configuration own = { &slot->pcrs, slot->sequence, NULL };
	struct host_configuration now = own;
	const struct plan *plan;
	struct plans plans;

	if (!slot->planned)
		return host_policy_pcrs(root->host, slot->pcrs.mask, ret, reason);
	if (root->opened == KEYD_OPENED_PLAN) {
		if (find_plan(root, &plans, &plan))
			return 1;
		now = (struct host_configuration){ &plan->pcrs, plan->sequence, plan->approval };
	}
	return host_plan_enter(root->host, &slot->plan, &own, &now, ret, reason);
}
