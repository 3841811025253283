/* SPDX-License-Identifier: GPL-2.0-only */
/* What must hold in every state, and what one operation may change. */
#ifndef _EXPLORER_RULES_H
#define _EXPLORER_RULES_H

#include "operation.h"

/* What is compared before and after an operation. */
struct before {
	enum phase phase[SLOTS];
	u64 waiter_wakes[SLOTS];
	u32 flags[SLOTS];
	u8 order[SLOTS];
	u32 queued;
	u64 server_wakes;
	bool ready;
	bool journals;
	bool wake;
	const void *server;
};

typedef void (*broken_fn)(const char *rule);

void rules_note(struct before *before);
void rules_step(const struct before *before, const struct operation *operation,
		const struct outcome *outcome, broken_fn broken);
void rules_state(broken_fn broken);
u32 rules_rows(u32 *ret_seen);
void rules_show_unseen(void);

#endif
