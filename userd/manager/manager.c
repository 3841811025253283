// SPDX-License-Identifier: BSD-3-Clause
/*
 * The list of vTPMs, and what can be asked of it.
 *
 * An operation sets a goal (power.c goes there) and leaves a waiter, which hears how it
 * ended in the loop's next round: whoever asked may be in the middle of something
 * when it ends.
 */
#include "manager/manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "manager/state.h"

void manager_out_of_memory(void)
{
	log_line("no memory; ending, the next vtpmd takes over");
	_exit(EXIT_FAILURE);
}

/* Waiters */

/* One at a time, off the list first: a done function may forget another one's context. */
static int tell_all(sd_event_source *source, void *context)
{
	struct manager *manager = context;
	struct waiter *waiter;

	sd_event_source_unref(source);
	while ((waiter = manager->ended)) {
		manager->ended = waiter->next;
		if (waiter->done)
			waiter->done(waiter->context,
				     waiter->problem.code ? &waiter->problem : NULL);
		free(waiter);
	}
	return 0;
}

static void tell(struct manager *manager, struct waiter *waiter, const struct problem *problem)
{
	sd_event_source *source;

	if (problem)
		waiter->problem = *problem;
	if (!manager->ended && sd_event_add_defer(manager->event, &source, tell_all, manager) < 0)
		manager_out_of_memory();
	waiter->next = manager->ended;
	manager->ended = waiter;
}

static struct waiter *new_waiter(enum vtpm_goal goal, manager_done done, void *context)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		manager_out_of_memory();
	waiter->goal = goal;
	waiter->done = done;
	waiter->context = context;
	return waiter;
}

void manager_tell(struct manager *manager, manager_done done, void *context,
		  const struct problem *problem)
{
	tell(manager, new_waiter(VTPM_GOAL_OFF, done, context), problem);
}

static void add_waiter(struct vtpm *vtpm, enum vtpm_goal goal, manager_done done, void *context)
{
	struct waiter *waiter = new_waiter(goal, done, context);

	waiter->next = vtpm->waiters;
	vtpm->waiters = waiter;
}

struct waiter *manager_ask(struct manager *manager, manager_done done, void *context)
{
	struct waiter *waiter = new_waiter(VTPM_GOAL_ON, done, context);

	waiter->next = manager->asked;
	manager->asked = waiter;
	return waiter;
}

static void unask(struct manager *manager, struct waiter *waiter)
{
	struct waiter **at = &manager->asked;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
}

void manager_answer(struct manager *manager, struct waiter *waiter, const struct problem *problem)
{
	unask(manager, waiter);
	tell(manager, waiter, problem);
}

void manager_settle(struct vtpm *vtpm, enum vtpm_goal goal, const struct problem *problem)
{
	struct waiter **at = &vtpm->waiters;

	while (*at) {
		struct waiter *waiter = *at;

		if (waiter->goal != goal) {
			at = &waiter->next;
			continue;
		}
		*at = waiter->next;
		tell(vtpm->manager, waiter, problem);
	}
}

static void forget_in(struct waiter *waiters, const void *context)
{
	for (; waiters; waiters = waiters->next) {
		if (waiters->context == context) {
			waiters->done = NULL;
			waiters->forgotten = true;
		}
	}
}

void manager_forget(struct manager *manager, void *context)
{
	forget_in(manager->ended, context);
	forget_in(manager->asked, context);
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next)
		forget_in(vtpm->waiters, context);
}

/* The list */

static void put_in(struct vtpm *vtpm)
{
	struct vtpm **at = &vtpm->manager->vtpms;

	while (*at && strcmp((*at)->define.name, vtpm->define.name) < 0)
		at = &(*at)->next;
	vtpm->next = *at;
	*at = vtpm;
	vtpm->manager->count++;
}

static void take_out(struct vtpm *vtpm)
{
	struct vtpm **at = &vtpm->manager->vtpms;

	while (*at != vtpm)
		at = &(*at)->next;
	*at = vtpm->next;
	vtpm->manager->count--;
}

struct vtpm *manager_add(struct manager *manager, const struct vtpm_definition *define)
{
	struct vtpm *vtpm = calloc(1, sizeof(*vtpm));

	if (!vtpm)
		manager_out_of_memory();
	vtpm->manager = manager;
	vtpm->define = *define;
	vtpm->life = LIFE_NONE;
	vtpm->former_fd = -1;
	vtpm->channel = -1;
	vtpm->listen_fd = -1;
	vtpm->control_fd = -1;
	vtpm->index = -1;
	vtpm->chip = -1;
	vtpm->goal = define->wanted ? VTPM_GOAL_ON : VTPM_GOAL_OFF;
	put_in(vtpm);
	return vtpm;
}

void manager_rename(struct vtpm *vtpm, const char *name)
{
	take_out(vtpm);
	text_cut(vtpm->define.name, sizeof(vtpm->define.name), name);
	put_in(vtpm);
}

static void free_vtpm(struct vtpm *vtpm)
{
	manager_channel_close(vtpm);
	power_former_is_gone(vtpm);
	life_close(&vtpm->life);
	sd_event_source_disable_unref(vtpm->kill_timer);
	sd_event_source_disable_unref(vtpm->chip_timer);
	free(vtpm->envelope);
	papers_free(vtpm->papers);
	free(vtpm);
}

void manager_drop(struct vtpm *vtpm)
{
	struct problem problem;

	power_drop(vtpm);
	manager_settle(vtpm, VTPM_GOAL_REMOVED, NULL);
	problem_set(&problem, PROBLEM_NOT_FOUND, NULL, "'%s' is removed", vtpm->define.name);
	for (int goal = VTPM_GOAL_OFF; goal <= VTPM_GOAL_REMOVED; goal++)
		manager_settle(vtpm, (enum vtpm_goal)goal, &problem);
	take_out(vtpm);
	vtpm->removed = true;
	if (!vtpm->pending)
		free_vtpm(vtpm);
}

void manager_hold(struct vtpm *vtpm)
{
	vtpm->pending++;
}

bool manager_release(struct vtpm *vtpm)
{
	vtpm->pending--;
	if (!vtpm->removed)
		return true;
	if (!vtpm->pending)
		free_vtpm(vtpm);
	return false;
}

struct vtpm *manager_find(struct manager *manager, const char *name)
{
	for (struct vtpm *vtpm = manager->vtpms; name[0] && vtpm; vtpm = vtpm->next) {
		if (!strcmp(vtpm->define.name, name))
			return vtpm;
	}
	return NULL;
}

struct vtpm *manager_find_uuid(struct manager *manager, const uint8_t *uuid)
{
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (secret_equal(vtpm->define.uuid, uuid, sizeof(vtpm->define.uuid)))
			return vtpm;
	}
	return NULL;
}

static void saved(struct archive_job *job)
{
	struct vtpm *vtpm = job->context;

	if (job->error)
		log_line("%s: cannot store its definition: %s", vtpm->define.name,
			 strerror(job->error));
	manager_release(vtpm);
}

static void save(struct vtpm *vtpm, void (*done)(struct archive_job *job), void *context)
{
	struct archive_job *job = archive_job(ARCHIVE_CHANGE, done, context);

	if (!job)
		manager_out_of_memory();
	job->define = vtpm->define;
	manager_hold(vtpm);
	archive_submit(vtpm->manager->archive, job);
}

void manager_save(struct vtpm *vtpm)
{
	save(vtpm, saved, vtpm);
}

/* Views */

static bool is_locked(const struct manager *manager, const char **ret_reason)
{
	const char *next;

	*ret_reason = manager->host.reason;
	return manager->host.state != KEYD_STATE_UNLOCKED ||
	       rollback_locks(manager, ret_reason, &next);
}

static enum vtpm_condition condition(const struct vtpm *vtpm)
{
	struct problem problem;
	const char *reason;

	if (vtpm->moved)
		return VTPM_MOVED;
	if (vtpm->define.quarantine[0])
		return VTPM_QUARANTINED;
	if (vtpm->failed)
		return VTPM_FAILED;
	if (vtpm->phase == VTPM_SERVING || vtpm->phase == VTPM_STOPPING)
		return VTPM_RUNNING;
	if (vtpm->phase == VTPM_WAITING && vtpm->manager->host.keyd_here &&
	    !vtpm->manager->rollback.asking &&
	    (is_locked(vtpm->manager, &reason) || gate_holds(vtpm, &problem)))
		return VTPM_LOCKED;
	return VTPM_DEFINED;
}

static void view_devices(const struct vtpm *vtpm, struct vtpm_view *ret)
{
	bool chip = vtpm->define.front == VTPM_FRONT_CHIP;
	int number = chip ? vtpm->chip : vtpm->index;

	if (number < 0)
		return;
	snprintf(ret->devices[0], sizeof(ret->devices[0]), "/dev/%s%d", chip ? "tpm" : "vtpm",
		 number);
	snprintf(ret->devices[1], sizeof(ret->devices[1]), "/dev/%s%d", chip ? "tpmrm" : "vtpmrm",
		 number);
}

void manager_view_of(const struct vtpm *vtpm, struct vtpm_view *ret)
{
	const char *reason;

	*ret = (struct vtpm_view){
		.define = &vtpm->define,
		.condition = condition(vtpm),
		.phase = vtpm->phase,
		.engine_pid = vtpm->pid,
		.generation = vtpm->generation,
		.instance = vtpm->instance,
		.hardware_protected = vtpm->manager->host.protection == KEYD_PROTECTION_TPM,
		.rollback = vtpm->manager->host.rollback,
		.deaths = vtpm->deaths,
		.certificate = papers_state(vtpm->papers, vtpm->define.epoch, time(NULL)),
	};
	switch (ret->condition) {
	case VTPM_QUARANTINED:
		text_cut(ret->reason, sizeof(ret->reason), vtpm->define.quarantine);
		break;
	case VTPM_FAILED:
		text_cut(ret->reason, sizeof(ret->reason), vtpm->reason);
		break;
	case VTPM_LOCKED:
		if (is_locked(vtpm->manager, &reason))
			text_cut(ret->reason, sizeof(ret->reason), reason);
		else
			gate_reason(vtpm->manager, ret->reason, sizeof(ret->reason));
		break;
	case VTPM_MOVED:
		snprintf(ret->reason, sizeof(ret->reason), "it left for the host %s",
			 vtpm->moved_to);
		break;
	default:
		break;
	}
	view_devices(vtpm, ret);
	/* While one engine takes over from another, clients wait there. */
	if (vtpm_front_is_socket(vtpm->define.front) &&
	    (ret->condition == VTPM_RUNNING || vtpm->listen_fd >= 0)) {
		socket_path(vtpm, ret->socket, sizeof(ret->socket));
		socket_control_path(vtpm, ret->control, sizeof(ret->control));
	}
}

bool manager_view(struct manager *manager, const char *name, struct vtpm_view *ret)
{
	struct vtpm *vtpm = manager_find(manager, name);

	if (vtpm)
		manager_view_of(vtpm, ret);
	return vtpm != NULL;
}

void manager_each(struct manager *manager,
		  void (*look)(void *context, const struct vtpm_view *view), void *context)
{
	struct vtpm_view view;

	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (!vtpm->define.name[0])
			continue;
		manager_view_of(vtpm, &view);
		look(context, &view);
	}
}

/* Operations */

/* The vTPM that is meant; where there is none, @done hears so. */
static struct vtpm *meant(struct manager *manager, const char *name, manager_done done,
			  void *context)
{
	struct vtpm *vtpm = manager_find(manager, name);
	struct problem problem;

	if (vtpm)
		return vtpm;
	problem_set(&problem, PROBLEM_NOT_FOUND, "`vtpmctl list` shows those there are",
		    "there is no vTPM '%s'", name);
	manager_tell(manager, done, context, &problem);
	return NULL;
}

static void want(struct vtpm *vtpm, bool wanted)
{
	if (vtpm->define.wanted == wanted)
		return;
	vtpm->define.wanted = wanted;
	if (vtpm->stored || vtpm->storing)
		manager_save(vtpm);
}

/* Those who wait for it to be off, wait in vain. */
static void disappoint_stoppers(struct vtpm *vtpm)
{
	struct problem problem;

	problem_set(&problem, PROBLEM_CONFLICT, "stop it again if it shall be off",
		    "'%s' was started meanwhile", vtpm->define.name);
	manager_settle(vtpm, VTPM_GOAL_OFF, &problem);
}

/* Those who wait for it to run, wait in vain. */
static void disappoint(struct vtpm *vtpm)
{
	struct problem problem;

	problem_set(&problem, PROBLEM_CONFLICT, "start it again if it shall run",
		    "'%s' was stopped meanwhile", vtpm->define.name);
	manager_settle(vtpm, VTPM_GOAL_ON, &problem);
}

void manager_start(struct manager *manager, const char *name, manager_done done, void *context)
{
	struct vtpm *vtpm = meant(manager, name, done, context);

	if (!vtpm)
		return;
	add_waiter(vtpm, VTPM_GOAL_ON, done, context);
	if (vtpm->goal == VTPM_GOAL_REMOVED) {
		disappoint(vtpm);
		return;
	}
	if (!vtpm->define.quarantine[0] && !vtpm->moved)
		want(vtpm, true);
	vtpm->failed = false;
	disappoint_stoppers(vtpm);
	if (vtpm->goal == VTPM_GOAL_OFF)
		vtpm->launch = (struct launch){ 0 };
	if (vtpm->goal != VTPM_GOAL_CYCLE)
		vtpm->goal = VTPM_GOAL_ON;
	power_step(vtpm);
}

void manager_start_new(struct vtpm *vtpm, struct waiter *waiter)
{
	unask(vtpm->manager, waiter);
	waiter->next = vtpm->waiters;
	vtpm->waiters = waiter;
	power_step(vtpm);
}

void manager_stop(struct manager *manager, const char *name, manager_done done, void *context)
{
	struct vtpm *vtpm = meant(manager, name, done, context);

	if (!vtpm)
		return;
	want(vtpm, false);
	disappoint(vtpm);
	add_waiter(vtpm, VTPM_GOAL_OFF, done, context);
	if (vtpm->goal != VTPM_GOAL_REMOVED)
		vtpm->goal = VTPM_GOAL_OFF;
	vtpm->failed = false;
	power_step(vtpm);
}

/* Who asked for it has no answer yet, and would be told of a launch that a reset undid. */
static bool is_launching(const struct vtpm *vtpm)
{
	return vtpm->launch.image[0] &&
	       (vtpm->goal == VTPM_GOAL_CYCLE || (vtpm->goal == VTPM_GOAL_ON && !vtpm->resume));
}

void manager_reset(struct manager *manager, const char *name, manager_done done, void *context)
{
	struct vtpm *vtpm = meant(manager, name, done, context);
	struct problem problem;

	if (!vtpm)
		return;
	if (is_launching(vtpm)) {
		problem_set(&problem, PROBLEM_CONFLICT, "try again, or stop it",
			    "'%s' is being launched just now", name);
		manager_tell(manager, done, context, &problem);
		return;
	}
	if (vtpm->preparing || (vtpm->goal != VTPM_GOAL_ON && vtpm->goal != VTPM_GOAL_CYCLE)) {
		problem_set(&problem, PROBLEM_CONFLICT, "start it instead",
			    "'%s' is powered off: there is nothing to reset", name);
		manager_tell(manager, done, context, &problem);
		return;
	}
	if (gate_refuses(vtpm, &problem)) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	add_waiter(vtpm, VTPM_GOAL_ON, done, context);
	vtpm->launch = (struct launch){ 0 };
	vtpm->goal = VTPM_GOAL_CYCLE;
	power_step(vtpm);
}

/* One that goes off or comes up has no answer yet to what is measured in it. */
static bool is_settled(const struct vtpm *vtpm)
{
	return !vtpm->making && !vtpm->preparing &&
	       ((vtpm->goal == VTPM_GOAL_OFF && vtpm->phase == VTPM_IDLE) ||
		(vtpm->goal == VTPM_GOAL_ON && vtpm->phase == VTPM_SERVING));
}

void manager_launch(struct manager *manager, const char *name, const struct manager_launch *what,
		    manager_done done, void *context)
{
	struct vtpm *vtpm = meant(manager, name, done, context);
	struct problem problem;
	bool runs;

	if (!vtpm)
		return;
	runs = vtpm->goal == VTPM_GOAL_ON;
	if (!is_settled(vtpm)) {
		problem_set(&problem, PROBLEM_CONFLICT, "try again",
			    "'%s' is being started or stopped just now", name);
		manager_tell(manager, done, context, &problem);
	} else if (runs && what->keep && launch_is(vtpm, what)) {
		manager_tell(manager, done, context, NULL);
	} else if (runs && what->keep) {
		problem_set(&problem, PROBLEM_CONFLICT, "let it be reset, or stop it first",
			    "'%s' runs, and what is measured in it is not this launch", name);
		manager_tell(manager, done, context, &problem);
	} else if (gate_refuses(vtpm, &problem)) {
		manager_tell(manager, done, context, &problem);
	} else if (runs) {
		manager_reset(manager, name, done, context);
		launch_set(vtpm, what);
	} else {
		manager_start(manager, name, done, context);
		launch_set(vtpm, what);
	}
}

bool manager_log_path(struct manager *manager, const char *name, char *ret, size_t room)
{
	const struct vtpm *vtpm = manager_find(manager, name);

	if (vtpm)
		launch_path(vtpm, ret, room);
	return vtpm;
}

void manager_remove(struct manager *manager, const char *name, manager_done done, void *context)
{
	struct vtpm *vtpm = meant(manager, name, done, context);
	struct problem problem;

	if (!vtpm)
		return;
	/* The store would have to be sealed without it, and cannot be. */
	if (manager->host.rollback != KEYD_ROLLBACK_OFF && manager_is_locked(manager, &problem)) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	want(vtpm, false);
	disappoint(vtpm);
	add_waiter(vtpm, VTPM_GOAL_REMOVED, done, context);
	if (vtpm->goal == VTPM_GOAL_REMOVED)
		return;
	vtpm->goal = VTPM_GOAL_REMOVED;
	power_step(vtpm);
}

void manager_wait(struct manager *manager, const char *name, manager_done done, void *context)
{
	struct vtpm *vtpm = meant(manager, name, done, context);
	struct vtpm_view view;
	struct problem problem;

	if (!vtpm)
		return;
	manager_view_of(vtpm, &view);
	problem = (struct problem){ 0 };
	switch (view.condition) {
	case VTPM_QUARANTINED:
		problem_set(&problem, PROBLEM_CONFLICT, "restore a good copy of it, or remove it",
			    "'%s' is quarantined: %s", name, view.reason);
		break;
	case VTPM_FAILED:
		problem_set(&problem, PROBLEM_FAILED, "see the log, then start it again",
			    "'%s' has failed: %s", name, view.reason);
		break;
	case VTPM_LOCKED:
		if (!manager_is_locked(manager, &problem))
			gate_holds(vtpm, &problem);
		break;
	case VTPM_MOVED:
		problem_set(&problem, PROBLEM_CONFLICT, "start it there", "'%s' is not here: %s",
			    name, view.reason);
		break;
	default:
		if (!vtpm->define.wanted || vtpm->goal == VTPM_GOAL_REMOVED)
			problem_set(&problem, PROBLEM_CONFLICT, "`vtpmctl start` powers it on",
				    "'%s' is powered off", name);
		break;
	}
	if (problem.code) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	add_waiter(vtpm, VTPM_GOAL_ON, done, context);
	if (vtpm->phase == VTPM_SERVING)
		power_step(vtpm);
}

/* The end, in the foreground: engines first, for keyd and the archive serve them. */

void manager_end(struct manager *manager)
{
	if (peer_here(&manager->spawn))
		manager_spawn_end(manager);
	else
		manager_ended(manager);
}

void manager_ended(struct manager *manager)
{
	if (!manager->ending || peer_here(&manager->spawn))
		return;
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next)
		power_down(vtpm);
	rollback_end(manager);
	if (peer_here(&manager->keyd))
		manager_keyd_end(manager);
	else
		sd_event_exit(manager->event, EXIT_SUCCESS);
}
