// SPDX-License-Identifier: BSD-3-Clause
/*
 * Open or closed.
 *
 *	        passed                passed
 *	     ┌─────────┐       ┌──────────────────────┐
 *	     ↓         │       ↓                      │
 *	   OPEN ──────────→ GRACE ──────────────→ CLOSED ⇄ BROKEN_GLASS
 *	        trust ends         grace ends            glass, its end
 *
 * Trust ends when its verdict does, or at once by a verdict that did not pass; a second one of
 * those changes nothing, so that grace is no longer by it. Each span belongs to a boot: in
 * another one there was no trust that could end, so nothing is open and there is no grace.
 * Time is CLOCK_BOOTTIME, which goes on in a suspended machine and which nobody sets. Where
 * the gate would be open or in grace, broken glass is not looked at.
 */
#include "manager/gate.h"

#include <string.h>

#include "base/text.h"

static bool is_of(const struct gate_span *span, const struct gate_now *now)
{
	return now->boot[0] && !strcmp(span->boot, now->boot);
}

enum gate_state gate_look(const struct gate_span *trust, const struct gate_span *glass,
			  uint32_t grace, const struct gate_now *now, int64_t *ret_until)
{
	if (is_of(trust, now) && now->seconds < trust->until) {
		*ret_until = trust->until;
		return GATE_OPEN;
	}
	if (is_of(trust, now) && now->seconds < trust->until + grace) {
		*ret_until = trust->until + grace;
		return GATE_GRACE;
	}
	if (is_of(glass, now) && now->seconds < glass->until) {
		*ret_until = glass->until;
		return GATE_BROKEN_GLASS;
	}
	*ret_until = GATE_NEVER;
	return GATE_CLOSED;
}

void gate_trust(struct gate_span *trust, enum attest_status status, int64_t left,
		const struct gate_now *now)
{
	bool passed = status == ATTEST_PASSED && left > 0;

	if (!is_of(trust, now)) {
		/* There is no trust to end. */
		if (!passed)
			return;
		text_cut(trust->boot, sizeof(trust->boot), now->boot);
	}
	if (passed)
		trust->until = now->seconds + left;
	else if (trust->until > now->seconds)
		trust->until = now->seconds;
}

bool gate_does(enum gate_policy policy, enum gate_policy least, enum gate_state state)
{
	return state == GATE_CLOSED && policy >= least;
}

static const char *const policies[_GATE_POLICY_MAX] = {
	[GATE_LOG] = "log",
	[GATE_NO_NEW_START] = "no-new-start",
	[GATE_FREEZE_KEYS] = "freeze-keys",
	[GATE_STOP] = "stop",
};

const char *gate_policy_name(enum gate_policy policy)
{
	return policies[policy];
}

bool gate_policy_find(const char *name, enum gate_policy *ret)
{
	for (enum gate_policy policy = 0; policy < _GATE_POLICY_MAX; policy++) {
		if (!strcmp(policies[policy], name)) {
			*ret = policy;
			return true;
		}
	}
	return false;
}

const char *gate_state_name(enum gate_state state)
{
	static const char *const names[_GATE_STATE_MAX] = {
		[GATE_OPEN] = "open",
		[GATE_GRACE] = "grace",
		[GATE_CLOSED] = "closed",
		[GATE_BROKEN_GLASS] = "broken-glass",
	};

	return names[state];
}
