// SPDX-License-Identifier: BSD-3-Clause
/*
 * What another one's life or death does to the phases: engines that an earlier manager started
 * and spawn kept, and engines that went with a spawn that died.
 *
 * An engine found running is taken for one that serves. If it was still beginning, it ends by
 * itself when it hears of a new manager, and spawn reports that.
 *
 * Of what went with spawn the lives are here: the next spawn is given them with the next
 * start, and its engines resume. An engine dies a moment after the spawn that forked it,
 * and until it has it may write to that memory: its pidfd is waited for.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "manager/state.h"

void power_former_is_gone(struct vtpm *vtpm)
{
	vtpm->former = sd_event_source_disable_unref(vtpm->former);
	close_fdp(&vtpm->former_fd);
	vtpm->former_fd = -1;
}

static int on_former_end(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct vtpm *vtpm = context;

	(void)source;
	(void)fd;
	(void)events;
	power_former_is_gone(vtpm);
	power_step(vtpm);
	return 0;
}

/* One that has been reaped already has no pidfd. Return: false: when it dies cannot be known */
static bool wait_for_former(struct vtpm *vtpm, pid_t pid)
{
	power_former_is_gone(vtpm);
	vtpm->former_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (vtpm->former_fd < 0)
		return errno == ESRCH;
	if (sd_event_add_io(vtpm->manager->event, &vtpm->former, vtpm->former_fd, EPOLLIN,
			    on_former_end, vtpm) < 0)
		manager_out_of_memory();
	return true;
}

void power_adopt(struct vtpm *vtpm, pid_t pid, uint32_t status, uint64_t instance, int channel,
		 struct life life)
{
	/* Known already: this is the manager that started it, and spawn was here all the time. */
	if (vtpm->phase != VTPM_IDLE && vtpm->phase != VTPM_WAITING) {
		if (channel >= 0)
			close(channel);
		life_close(&life);
		return;
	}
	power_former_is_gone(vtpm);
	life_close(&vtpm->life);
	vtpm->life = life;
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
	/* What the manager before was asked died with it. */
	asks_lost(vtpm);
	manager_channel_again(vtpm);
	vtpm->unheard = true;
	gate_ready(vtpm);
	power_step(vtpm);
}

void power_lost(struct manager *manager)
{
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		vtpm->resume = vtpm->resume && life_is_there(&vtpm->life);
		if (!vtpm->pid)
			continue;
		manager_channel_drain(vtpm);
		manager_channel_close(vtpm);
		power_kill_in(vtpm, 0);
		vtpm->chip_timer = sd_event_source_disable_unref(vtpm->chip_timer);
		driver_detach(vtpm);
		vtpm->resume = wait_for_former(vtpm, vtpm->pid) && vtpm->resume;
		vtpm->pid = 0;
		vtpm->deaths++;
		power_set_phase(vtpm, VTPM_WAITING);
	}
}
