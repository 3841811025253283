// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked about configurations that are planned (seal/plan.h).
 *
 * Whoever may ask may add a plan: it is the plan key's signature that counts. To retire is to
 * narrow what opens, and leaves what runs now; so it takes no code.
 */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "keyd/answer.h"
#include "keyd/orders.h"
#include "seal/proven.h"

static void put_plans(struct answer *answer, const struct root *root,
		      const struct root_plans *plans)
{
	struct cursor_out *out = &answer->out.body;

	cursor_put_u8(out, (uint8_t)root->opened);
	cursor_put_u64(out, root->opened == KEYD_OPENED_PLAN ? root->plan : 0);
	ipc_put_blob(&answer->out, plans->slot.plan.key, sizeof(plans->slot.plan.key));
	cursor_put_u32(out, plans->slot.plan.counter);
	cursor_put_u64(out, plans->counter);
	cursor_put_u64(out, plans->slot.sequence);
	cursor_put_u32(out, plans->now.mask);
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (plans->now.mask >> pcr & 1)
			cursor_put_raw(out, plans->now.value[pcr], SEAL_HASH_SIZE);
	}
	cursor_put_u32(out, plans->plans.count);
	for (unsigned int i = 0; i < plans->plans.count; i++) {
		const struct plan *plan = &plans->plans.plan[i];

		cursor_put_u64(out, plan->sequence);
		cursor_put_u64(out, plan->made);
		cursor_put_u64(out, plan->expires);
		ipc_put_string(&answer->out, plan->label);
	}
	cursor_put_u64(out, proven_load(root->directory));
}

int keyd_on_plans(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct root_plans plans;
	struct answer answer;
	struct reason reason;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = root_plans_get(&keyd->root, &plans, &reason);
	answer_begin(&answer, KEYD_PLANS_ARE, tag, r, &reason);
	if (!r)
		put_plans(&answer, &keyd->root, &plans);
	return answer_finish(peer, &answer);
}

int keyd_on_plan_add(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct seal_bytes bytes;
	struct reason reason;
	int r;

	bytes.at = ipc_get_blob(in, KEYD_PLAN_MAX, &bytes.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = root_plan_add(&peer->keyd->root, bytes, (uint64_t)time(NULL), &reason);
	if (r)
		log_line("security: a plan of pid %d is refused: %s", (int)peer->pid, reason.text);
	else
		log_line("security: another configuration is approved, pid %d", (int)peer->pid);
	return answer_plain(peer, KEYD_PLAN_ADDED, tag, r, &reason);
}

int keyd_on_plan_retire(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	uint64_t up_to = cursor_get_u64(&in->body);
	struct reason reason;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = keyd_locked(keyd, &reason);
	if (!r)
		r = root_plan_retire(&keyd->root, up_to, &reason);
	if (r)
		log_line("security: no configuration is retired: %s", reason.text);
	else
		log_line("security: configurations are retired, pid %d", (int)peer->pid);
	return answer_plain(peer, KEYD_PLAN_RETIRED, tag, r, &reason);
}
