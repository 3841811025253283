// SPDX-License-Identifier: BSD-3-Clause
/*
 * Spares: whole vTPMs without a name, so that making one need not wait for its RSA key.
 *
 * One is made at a time, at idle priority, only while nothing else starts, and as long as
 * there are fewer than options.spares. A spare that could not be made is tried again
 * after a pause.
 */
#include "base/log.h"
#include "manager/state.h"

#define QUIET_MS 100
#define PAUSE_MS 60000

static bool is_spare(const struct vtpm *vtpm)
{
	return !vtpm->define.name[0];
}

static int on_timer(sd_event_source *source, uint64_t now, void *context);

static void look_in(struct manager *manager, uint64_t milliseconds)
{
	if (!manager->spare_timer &&
	    sd_event_add_time_relative(manager->event, &manager->spare_timer, CLOCK_MONOTONIC,
				       milliseconds * 1000, 1000, on_timer, manager) < 0)
		manager_out_of_memory();
}

static void made(void *context, const struct problem *problem)
{
	struct manager *manager = context;

	if (problem) {
		log_line("no spare: %s", problem->detail);
		look_in(manager, PAUSE_MS);
	} else {
		look_in(manager, QUIET_MS);
	}
}

/* Return: one more is wanted, and now is the time */
static bool is_time(struct manager *manager)
{
	struct problem problem;
	unsigned int spares = 0;

	if (manager->ending || manager->starting || !manager->listed ||
	    manager->count >= MANAGER_VTPMS_MAX || manager_is_locked(manager, &problem))
		return false;
	for (const struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (!is_spare(vtpm))
			continue;
		if (!vtpm->stored || vtpm->phase != VTPM_IDLE)
			return false;
		spares++;
	}
	return spares < manager->options.spares;
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	struct manager *manager = context;

	(void)source;
	(void)now;
	manager->spare_timer = sd_event_source_disable_unref(manager->spare_timer);
	if (is_time(manager))
		manager_create_spare(manager, made, manager);
	return 0;
}

void pool_look(struct manager *manager)
{
	if (is_time(manager))
		look_in(manager, QUIET_MS);
}

struct vtpm *pool_spare(struct manager *manager, uint32_t banks)
{
	for (struct vtpm *vtpm = manager->vtpms; vtpm && is_spare(vtpm); vtpm = vtpm->next) {
		if (vtpm->stored && vtpm->phase == VTPM_IDLE && vtpm->define.banks == banks &&
		    !vtpm->define.quarantine[0])
			return vtpm;
	}
	return NULL;
}
