// SPDX-License-Identifier: BSD-3-Clause
/*
 * What another one's life or death does to the phases: engines that an earlier manager started
 * and spawn kept, and engines that went with a spawn that died.
 *
 * An engine found running is taken for one that serves. If it was still beginning, it ends by
 * itself when it hears of a new manager, and spawn reports that.
 */
#include <unistd.h>

#include "manager/state.h"

void power_adopt(struct vtpm *vtpm, pid_t pid, uint32_t status, uint64_t instance, int channel)
{
	/* Known already: this is the manager that started it, and spawn was here all the time. */
	if (vtpm->phase != VTPM_IDLE && vtpm->phase != VTPM_WAITING) {
		if (channel >= 0)
			close(channel);
		return;
	}
	vtpm->instance = instance;
	vtpm->pid = pid;
	vtpm->resume = true;
	driver_look(vtpm);
	power_set_phase(vtpm, VTPM_SERVING);
	if (channel >= 0 && manager_channel_open(vtpm, channel))
		manager_out_of_memory();
	if (!pid) {
		power_exited(vtpm, status);
		return;
	}
	manager_channel_again(vtpm);
	power_step(vtpm);
}

void power_lost(struct manager *manager)
{
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		vtpm->resume = false;
		if (!vtpm->pid)
			continue;
		manager_channel_drain(vtpm);
		manager_channel_close(vtpm);
		power_kill_in(vtpm, 0);
		vtpm->chip_timer = sd_event_source_disable_unref(vtpm->chip_timer);
		driver_detach(vtpm);
		vtpm->pid = 0;
		vtpm->deaths++;
		power_set_phase(vtpm, VTPM_WAITING);
	}
}
