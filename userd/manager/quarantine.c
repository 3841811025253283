// SPDX-License-Identifier: BSD-3-Clause
/*
 * A state that cannot be right is kept as it is, with the reason, and never started again.
 *
 * Who finds it out is the archive, the engine that was to start from it, or keyd's verdict
 * about the rows, which may come while an engine runs.
 */
#include <signal.h>

#include "base/log.h"
#include "base/text.h"
#include "manager/state.h"

static void mark(struct vtpm *vtpm, const char *reason, struct problem *problem)
{
	/* What was found first stays: an engine may find later what follows from it. */
	if (!vtpm->define.quarantine[0]) {
		text_cut(vtpm->define.quarantine, sizeof(vtpm->define.quarantine), reason);
		if (vtpm->stored)
			manager_save(vtpm);
	}
	problem_set(problem, PROBLEM_CONFLICT,
		    "its state is kept as it is; restore a good copy of it, or remove the vTPM",
		    "'%s' is quarantined: %s", vtpm->define.name, vtpm->define.quarantine);
}

void power_quarantine(struct vtpm *vtpm, const char *reason)
{
	struct problem problem;

	mark(vtpm, reason, &problem);
	power_failure(vtpm, &problem);
}

void power_quarantine_running(struct vtpm *vtpm, const char *reason)
{
	struct problem problem;

	if (vtpm->phase == VTPM_IDLE || vtpm->phase == VTPM_WAITING) {
		power_quarantine(vtpm, reason);
		return;
	}
	mark(vtpm, reason, &problem);
	log_line("%s", problem.detail);
	if (vtpm->goal == VTPM_GOAL_ON || vtpm->goal == VTPM_GOAL_CYCLE)
		vtpm->goal = VTPM_GOAL_OFF;
	manager_settle(vtpm, VTPM_GOAL_ON, &problem);
	/* One that is on its way is stopped when it is there. */
	if (!vtpm->pid)
		return;
	power_kill_in(vtpm, 0);
	power_set_phase(vtpm, VTPM_STOPPING);
	manager_spawn_signal(vtpm, SIGKILL);
}
