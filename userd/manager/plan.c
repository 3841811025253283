// SPDX-License-Identifier: BSD-3-Clause
/*
 * Planned configurations, passed on; see the header.
 *
 *	ask	KEYD_PLANS
 *	add	KEYD_PLAN_ADD, then KEYD_PLANS
 *	retire	KEYD_PLAN_RETIRE, then KEYD_PLANS
 */
#include "manager/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "manager/state.h"

/* Whoever asked may go away before the answer: only @waiter knows whether it is there. */
struct asking {
	struct manager *manager;
	struct waiter *waiter;
	manager_plans_done done;
};

static void tell(struct asking *asking, const struct problem *problem,
		 const struct manager_plans *plans)
{
	if (!asking->waiter->forgotten)
		asking->done(asking->waiter->context, problem, plans);
	manager_answer(asking->manager, asking->waiter, problem);
	free(asking);
}

static int fail(struct asking *asking, const struct peer_answer *answer)
{
	struct problem problem;

	manager_keyd_problem(&problem, answer->error ? answer->error : EPROTO, answer->text);
	if (answer->error == ENOTSUP || answer->error == EPERM)
		problem_set(&problem, PROBLEM_CONFLICT, NULL, "%s", answer->text);
	else if (answer->error == EBADMSG)
		problem_set(&problem, PROBLEM_INVALID, NULL, "%s", answer->text);
	tell(asking, &problem, NULL);
	return answer->error ? 0 : -EPROTO;
}

static void take_plans(struct ipc_in *in, struct manager_plans *ret)
{
	for (unsigned int i = 0; i < ret->count; i++) {
		struct manager_plan *plan = &ret->plan[i];

		plan->sequence = cursor_get_u64(&in->body);
		plan->made = cursor_get_u64(&in->body);
		plan->expires = cursor_get_u64(&in->body);
		ipc_get_string(in, plan->label, sizeof(plan->label));
	}
}

static bool take(struct ipc_in *in, struct manager_plans *ret)
{
	const uint8_t *key;
	size_t length;

	ret->opened = (enum keyd_opened)cursor_get_u8(&in->body);
	ret->running = cursor_get_u64(&in->body);
	key = ipc_get_blob(in, sizeof(ret->key), &length);
	ret->index = cursor_get_u32(&in->body);
	ret->counter = cursor_get_u64(&in->body);
	ret->sequence = cursor_get_u64(&in->body);
	ret->pcrs = cursor_get_u32(&in->body);
	for (unsigned int pcr = 0; pcr < MANAGER_PCRS; pcr++) {
		if (ret->pcrs >> pcr & 1)
			cursor_get_raw(&in->body, ret->value[pcr], sizeof(ret->value[pcr]));
	}
	ret->count = cursor_get_u32(&in->body);
	if (ret->count > KEYD_PLANS_MAX || ret->opened >= _KEYD_OPENED_MAX ||
	    ret->pcrs >> MANAGER_PCRS || length != sizeof(ret->key))
		return false;
	cursor_copy(ret->key, sizeof(ret->key), key, length);
	take_plans(in, ret);
	ret->proven = cursor_get_u64(&in->body);
	return ipc_ended(in);
}

static int plans_are(void *context, const struct peer_answer *answer)
{
	struct manager_plans plans = { 0 };

	if (answer->error || !take(answer->in, &plans))
		return fail(context, answer);
	tell(context, NULL, &plans);
	return 0;
}

static void ask(struct asking *asking)
{
	struct peer *keyd = &asking->manager->keyd;
	uint8_t buffer[16];
	struct ipc_out out = peer_call(keyd, KEYD_PLANS, buffer, sizeof(buffer));

	peer_send(keyd, &out, plans_are, asking);
}

static int changed(void *context, const struct peer_answer *answer)
{
	if (answer->error || !ipc_ended(answer->in))
		return fail(context, answer);
	ask(context);
	return 0;
}

static struct asking *asking_new(struct manager *manager, manager_plans_done done, void *context)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		manager_out_of_memory();
	asking->manager = manager;
	asking->waiter = manager_ask(manager, NULL, context);
	asking->done = done;
	return asking;
}

void manager_plans(struct manager *manager, manager_plans_done done, void *context)
{
	ask(asking_new(manager, done, context));
}

void manager_plan_add(struct manager *manager, struct manager_bytes plan, manager_plans_done done,
		      void *context)
{
	uint8_t buffer[KEYD_PLAN_MAX + 32];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_PLAN_ADD, buffer, sizeof(buffer));

	ipc_put_blob(&out, plan.at, plan.length);
	peer_send(&manager->keyd, &out, changed, asking_new(manager, done, context));
}

void manager_plan_retire(struct manager *manager, uint64_t up_to, manager_plans_done done,
			 void *context)
{
	uint8_t buffer[32];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_PLAN_RETIRE, buffer, sizeof(buffer));

	cursor_put_u64(&out.body, up_to);
	peer_send(&manager->keyd, &out, changed, asking_new(manager, done, context));
}
