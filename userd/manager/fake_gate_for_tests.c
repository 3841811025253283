// SPDX-License-Identifier: BSD-3-Clause
/*
 * A gate that only pretends: it remembers what it was told, and says what the test set.
 */
#include "base/text.h"
#include "manager/fake_for_tests.h"

void manager_gate(struct manager *fake, struct manager_gate *ret)
{
	*ret = fake->gate_view;
	ret->gate = &fake->gate;
}

void manager_gate_each(struct manager *fake,
		       void (*look)(void *context, const struct manager_gated *gated),
		       void *context)
{
	for (size_t i = 0; i < FAKE_VTPMS; i++) {
		struct manager_gated gated = { .name = fake->vtpms[i].define.name,
					       .rule = fake->gate.rule,
					       .until = -1 };

		if (gated.name[0])
			look(context, &gated);
	}
}

void manager_gate_set(struct manager *fake, const char *name, const struct gate_rule *rule,
		      manager_done done, void *context)
{
	fake->gate.rule = *rule;
	fake_later(fake, name ? name : "", done, context);
}

void manager_gate_verdict(struct manager *fake, const struct manager_gate_verdict *what,
			  manager_done done, void *context)
{
	fake->gate_verdict = *what;
	fake_later(fake, "", done, context);
}

void manager_gate_break(struct manager *fake, uid_t uid, const char *reason, uint32_t seconds,
			manager_done done, void *context)
{
	fake->gate.record.uid = uid;
	fake->gate.record.until = seconds;
	text_cut(fake->gate.record.reason, sizeof(fake->gate.record.reason), reason);
	fake->gate.log.count++;
	fake_later(fake, "", done, context);
}

void manager_gate_wait(struct manager *fake, manager_done done, void *context)
{
	fake_later(fake, fake->gate_view.state == GATE_CLOSED ? "never" : "", done, context);
}
