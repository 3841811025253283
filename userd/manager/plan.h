/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configurations of the host that open the host root key, as keyd tells and takes them: the
 * manager keeps nothing of it, and reads no plan.
 */
#ifndef MANAGER_PLAN_H
#define MANAGER_PLAN_H

#include "manager/manager.h"

/** struct manager_plan - one that was approved; see KEYD_PLANS_ARE */
struct manager_plan {
	uint64_t sequence;
	uint64_t made;
	uint64_t expires;
	char label[KEYD_LABEL_MAX + 1];
};

/** struct manager_plans - what KEYD_PLANS_ARE says, member by member */
struct manager_plans {
	enum keyd_opened opened;
	uint64_t running;
	uint8_t key[KEYD_POINT_SIZE];
	uint32_t index;
	uint64_t counter;
	uint64_t sequence;
	uint32_t pcrs;
	uint8_t value[MANAGER_PCRS][32];
	unsigned int count;
	struct manager_plan plan[KEYD_PLANS_MAX];
	uint64_t proven;
};

/**
 * typedef manager_plans_done - the configurations
 * @problem: NULL for success; @plans is valid then only, and during the call only
 */
typedef void (*manager_plans_done)(void *context, const struct problem *problem,
				   const struct manager_plans *plans);

/** manager_plans() - ask keyd */
void manager_plans(struct manager *manager, manager_plans_done done, void *context);

/** manager_plan_add() - have another one; @done is told those there are then */
void manager_plan_add(struct manager *manager, struct manager_bytes plan, manager_plans_done done,
		      void *context);

/** manager_plan_retire() - end those up to a sequence; 0: up to that of the one that runs */
void manager_plan_retire(struct manager *manager, uint64_t up_to, manager_plans_done done,
			 void *context);

#endif /* MANAGER_PLAN_H */
