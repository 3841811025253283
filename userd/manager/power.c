// SPDX-License-Identifier: BSD-3-Clause
/*
 * From a definition to a running engine, and back.
 *
 *	IDLE ─→ GRANTING ─→ FORKING ─→ BEGINNING ─→ SERVING ─→ STOPPING ─→ IDLE
 *	  ↑        │ load the envelope, give keyd a ticket
 *	  │        │           │ be the device's server, ask spawn for an engine
 *	  │        │           │           │ it has its configuration
 *	  └─ WAITING: the host is locked, the gate is closed, keyd or spawn is away, or
 *	               too many start at once
 *
 * A vTPM has a goal and a phase; power_step() goes from the phase towards the goal, as
 * far as can be gone now, and is called again by whatever happens next. An engine
 * that dies unasked is replaced by one that resumes its life. One that dies again and
 * again is given up (failed); one that says its state cannot be right is
 * quarantined, and nothing here ever writes to that state again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "manager/state.h"

/* Exit statuses of vtpm-engine(8) that are not simply another death. */
#define EXIT_STALE	3
#define EXIT_QUARANTINE 4
#define EXIT_NO_STATE	5
#define EXIT_SANDBOX	9
#define EXIT_NO_KEY	10
#define EXIT_LEFT	11

/* How long an engine may take to begin; making keys takes minutes where CPUs are emulated. */
#define BEGIN_SECONDS 300

/* So many lives shorter than this one after the other, and the next one has to wait. */
#define SHORT_LIFE_MS	1000
#define SHORT_LIVES_MAX 20
#define PAUSE_MS	100

/* How often to look for a chip that is being registered. */
#define CHIP_LOOK_MS 20

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_starting(enum vtpm_phase phase)
{
	return phase == VTPM_GRANTING || phase == VTPM_FORKING || phase == VTPM_BEGINNING;
}

static int step_all(sd_event_source *source, void *context)
{
	sd_event_source_unref(source);
	power_step_all(context);
	return 0;
}

void power_set_phase(struct vtpm *vtpm, enum vtpm_phase phase)
{
	struct manager *manager = vtpm->manager;
	bool full = manager->starting == MANAGER_STARTS_MAX;
	sd_event_source *source;

	if (is_starting(vtpm->phase))
		manager->starting--;
	vtpm->phase = phase;
	if (is_starting(phase))
		manager->starting++;
	/* Somebody waits for a place among the starting ones. */
	if (full && manager->starting < MANAGER_STARTS_MAX &&
	    sd_event_add_defer(manager->event, &source, step_all, manager) < 0)
		manager_out_of_memory();
}

static int on_kill_timer(sd_event_source *source, uint64_t now, void *context)
{
	struct vtpm *vtpm = context;

	(void)source;
	(void)now;
	vtpm->kill_timer = sd_event_source_disable_unref(vtpm->kill_timer);
	log_line("%s: the engine takes too long, killing it", vtpm->define.name);
	manager_spawn_signal(vtpm, SIGKILL);
	return 0;
}

void power_kill_in(struct vtpm *vtpm, unsigned int seconds)
{
	vtpm->kill_timer = sd_event_source_disable_unref(vtpm->kill_timer);
	if (seconds &&
	    sd_event_add_time_relative(vtpm->manager->event, &vtpm->kill_timer, CLOCK_MONOTONIC,
				       seconds * 1000000ull, 1000, on_kill_timer, vtpm) < 0)
		manager_out_of_memory();
}

static void drop_envelope(struct vtpm *vtpm)
{
	free(vtpm->envelope);
	vtpm->envelope = NULL;
	vtpm->envelope_length = 0;
	secret_wipe(vtpm->ticket, sizeof(vtpm->ticket));
}

/* Its device or socket goes; what spawn keeps of its life too. */
void power_down(struct vtpm *vtpm)
{
	manager_spawn_forget(vtpm->manager, vtpm->define.uuid);
	if (vtpm_front_is_socket(vtpm->define.front))
		socket_close(vtpm);
	else
		driver_destroy(vtpm);
	life_close(&vtpm->life);
	launch_unwrite(vtpm);
	vtpm->instance = 0;
	vtpm->resume = false;
}

/* This start has failed; the vTPM is off until somebody starts it again. */
void power_failure(struct vtpm *vtpm, const struct problem *problem)
{
	bool stored = vtpm->stored;

	log_line("%s: %s", vtpm->define.name, problem->detail);
	power_kill_in(vtpm, 0);
	drop_envelope(vtpm);
	if (!vtpm->define.quarantine[0]) {
		vtpm->failed = true;
		text_cut(vtpm->reason, sizeof(vtpm->reason), problem->detail);
	}
	power_set_phase(vtpm, VTPM_IDLE);
	power_down(vtpm);
	if (vtpm->goal == VTPM_GOAL_ON || vtpm->goal == VTPM_GOAL_CYCLE)
		vtpm->goal = VTPM_GOAL_OFF;
	manager_settle(vtpm, VTPM_GOAL_ON, problem);
	/* Nothing of it was ever durable: it does not exist. */
	if (!stored)
		manager_drop(vtpm);
	else if (vtpm->goal != VTPM_GOAL_OFF)
		power_step(vtpm);
	else
		manager_settle(vtpm, VTPM_GOAL_OFF, NULL);
}

void power_outdate(struct vtpm *vtpm)
{
	vtpm->resume = false;
	if (vtpm->pid)
		manager_spawn_signal(vtpm, SIGKILL);
}

void power_drop(struct vtpm *vtpm)
{
	power_set_phase(vtpm, VTPM_IDLE);
	if (vtpm->pid)
		manager_spawn_signal(vtpm, SIGKILL);
}

static void wait_again(struct vtpm *vtpm)
{
	drop_envelope(vtpm);
	power_set_phase(vtpm, VTPM_WAITING);
	/* Who is to be off has nothing to wait for. */
	if (vtpm->goal == VTPM_GOAL_OFF || vtpm->goal == VTPM_GOAL_REMOVED)
		power_step(vtpm);
}

/* Be the server of what clients open, then ask for an engine. */
static void fork_engine(struct vtpm *vtpm)
{
	struct problem problem;
	int fds[2], fd;

	if (vtpm->preparing) {
		if (getrandom(&vtpm->instance, sizeof(vtpm->instance), 0) < 0)
			manager_out_of_memory();
		power_set_phase(vtpm, VTPM_FORKING);
		manager_spawn_start(vtpm, !vtpm->define.name[0], NULL, 0);
		return;
	}
	if (vtpm_front_is_socket(vtpm->define.front)) {
		if (socket_open(vtpm, &problem)) {
			power_failure(vtpm, &problem);
			return;
		}
		if (!vtpm->resume && getrandom(&vtpm->instance, sizeof(vtpm->instance), 0) < 0)
			manager_out_of_memory();
		fds[0] = vtpm->listen_fd;
		fds[1] = vtpm->control_fd;
		power_set_phase(vtpm, VTPM_FORKING);
		manager_spawn_start(vtpm, false, fds, 2);
		return;
	}
	fd = driver_attach(vtpm, vtpm->resume, &problem);
	if (fd < 0) {
		power_failure(vtpm, &problem);
		return;
	}
	power_set_phase(vtpm, VTPM_FORKING);
	manager_spawn_start(vtpm, false, &fd, 1);
	close(fd);
}

static int granted(void *context, const struct peer_answer *answer)
{
	struct vtpm *vtpm = context;
	struct manager *manager = vtpm->manager;
	struct problem problem;

	if (!manager_release(vtpm))
		return 0;
	if (answer->error == ENOTCONN || answer->error == ENOKEY || answer->error == ESTALE) {
		/* Its state is asked for anew, and then all that wait are looked at. */
		wait_again(vtpm);
		if (answer->error != ENOTCONN)
			manager_keyd_look(manager);
		return 0;
	}
	if (answer->error) {
		manager_keyd_problem(&problem, answer->error, answer->text);
		power_failure(vtpm, &problem);
		return 0;
	}
	if (!ipc_ended(answer->in)) {
		wait_again(vtpm);
		return -EPROTO;
	}
	fork_engine(vtpm);
	return 0;
}

static void grant(struct vtpm *vtpm)
{
	struct manager *manager = vtpm->manager;
	uint8_t buffer[512];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_GRANT, buffer, sizeof(buffer));

	if (getrandom(vtpm->ticket, sizeof(vtpm->ticket), 0) != sizeof(vtpm->ticket))
		manager_out_of_memory();
	cursor_put_raw(&out.body, vtpm->define.uuid, sizeof(vtpm->define.uuid));
	cursor_put_raw(&out.body, vtpm->ticket, sizeof(vtpm->ticket));
	cursor_put_u64(&out.body, vtpm->define.epoch);
	ipc_put_blob(&out, vtpm->define.key, vtpm->define.key_length);
	manager_hold(vtpm);
	peer_send(&manager->keyd, &out, granted, vtpm);
}

static void loaded(struct archive_job *job)
{
	struct vtpm *vtpm = job->context;
	struct problem problem;

	if (!manager_release(vtpm))
		return;
	if (job->error == ENODATA || job->error == ENOENT) {
		power_quarantine(vtpm, "its envelope is missing from the store");
		return;
	}
	if (job->error == EUCLEAN) {
		power_quarantine(vtpm, "the store is damaged where its envelope was");
		return;
	}
	if (job->error) {
		problem_set(&problem, PROBLEM_STORAGE, "see the system's log for I/O errors",
			    "the envelope of '%s' cannot be read: %s", vtpm->define.name,
			    strerror(job->error));
		power_failure(vtpm, &problem);
		return;
	}
	free(vtpm->envelope);
	vtpm->envelope = job->bytes;
	vtpm->envelope_length = job->length;
	job->bytes = NULL;
	vtpm->generation = job->generation;
	vtpm->define.epoch = job->define.epoch;
	vtpm->reseals = job->sealed != job->define.epoch;
	/* A checkpoint is of the former epoch, and nothing goes on from there. */
	if (vtpm->reseals) {
		manager_spawn_forget(vtpm->manager, vtpm->define.uuid);
		vtpm->resume = false;
	}
	grant(vtpm);
}

static void load(struct vtpm *vtpm)
{
	struct archive_job *job = archive_job(ARCHIVE_LOAD, loaded, vtpm);

	if (!job)
		manager_out_of_memory();
	job->define = vtpm->define;
	manager_hold(vtpm);
	archive_submit(vtpm->manager->archive, job);
}

static void begin(struct vtpm *vtpm)
{
	struct manager *manager = vtpm->manager;
	struct problem problem;

	if (vtpm->moved || vtpm->define.quarantine[0]) {
		if (vtpm->moved)
			problem_set(&problem, PROBLEM_CONFLICT,
				    "start it there; what is left of it here can be removed",
				    "'%s' left for the host %s", vtpm->define.name,
				    vtpm->moved_to);
		else
			problem_set(&problem, PROBLEM_CONFLICT,
				    "its state is kept as it is; restore a good copy of it, or "
				    "remove it",
				    "'%s' is quarantined: %s", vtpm->define.name,
				    vtpm->define.quarantine);
		vtpm->goal = VTPM_GOAL_OFF;
		power_set_phase(vtpm, VTPM_IDLE);
		manager_settle(vtpm, VTPM_GOAL_ON, &problem);
		return;
	}
	power_set_phase(vtpm, VTPM_WAITING);
	if (manager->ending || !peer_here(&manager->spawn) || !manager->listed || vtpm->storing ||
	    vtpm->former || manager->rollback.asking)
		return;
	if (manager_is_locked(manager, &problem) || gate_holds(vtpm, &problem)) {
		/* One of which nothing is durable does not wait: its creation has failed. */
		if (!vtpm->stored)
			power_failure(vtpm, &problem);
		else
			manager_settle(vtpm, VTPM_GOAL_ON, &problem);
		return;
	}
	if (!peer_here(&manager->keyd) || manager->starting == MANAGER_STARTS_MAX)
		return;
	power_set_phase(vtpm, VTPM_GRANTING);
	if (vtpm->stored)
		load(vtpm);
	else
		grant(vtpm);
}

static void erased(struct archive_job *job)
{
	struct vtpm *vtpm = job->context;
	struct problem problem;

	if (!manager_release(vtpm))
		return;
	if (!job->error || job->error == ENOENT) {
		manager_settle(vtpm, VTPM_GOAL_REMOVED, NULL);
		rollback_soon(vtpm->manager);
		manager_drop(vtpm);
		return;
	}
	problem_set(&problem, PROBLEM_STORAGE, "make room or repair the disk, and remove it again",
		    "'%s' cannot be erased from the store: %s", vtpm->define.name,
		    strerror(job->error));
	vtpm->goal = VTPM_GOAL_OFF;
	manager_settle(vtpm, VTPM_GOAL_REMOVED, &problem);
	manager_settle(vtpm, VTPM_GOAL_OFF, NULL);
}

static void erase(struct vtpm *vtpm)
{
	struct archive_job *job = archive_job(ARCHIVE_REMOVE, erased, vtpm);

	if (!job)
		manager_out_of_memory();
	job->define = vtpm->define;
	manager_hold(vtpm);
	archive_submit(vtpm->manager->archive, job);
}

static void step_from_off(struct vtpm *vtpm)
{
	switch (vtpm->goal) {
	case VTPM_GOAL_CYCLE:
		vtpm->goal = VTPM_GOAL_ON;
		vtpm->resume = false;
		begin(vtpm);
		break;
	case VTPM_GOAL_ON:
		begin(vtpm);
		break;
	case VTPM_GOAL_OFF:
		power_set_phase(vtpm, VTPM_IDLE);
		power_down(vtpm);
		manager_settle(vtpm, VTPM_GOAL_OFF, NULL);
		/* Stopped before anything of it was durable: the next manager would not know it. */
		if (!vtpm->stored && !vtpm->storing)
			manager_drop(vtpm);
		break;
	case VTPM_GOAL_REMOVED:
		power_set_phase(vtpm, VTPM_IDLE);
		power_down(vtpm);
		erase(vtpm);
		break;
	}
}

void power_step(struct vtpm *vtpm)
{
	if (vtpm->removed || vtpm->making)
		return;
	switch (vtpm->phase) {
	case VTPM_IDLE:
	case VTPM_WAITING:
		step_from_off(vtpm);
		break;
	case VTPM_GRANTING:
	case VTPM_FORKING:
	case VTPM_BEGINNING:
	case VTPM_STOPPING:
		break;
	case VTPM_SERVING:
		if (vtpm->goal == VTPM_GOAL_ON) {
			manager_settle(vtpm, VTPM_GOAL_ON, NULL);
			break;
		}
		power_set_phase(vtpm, VTPM_STOPPING);
		power_kill_in(vtpm, MANAGER_STOP_SECONDS);
		manager_spawn_signal(vtpm, SIGTERM);
		break;
	}
}

void power_step_all(struct manager *manager)
{
	struct vtpm *next;

	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = next) {
		next = vtpm->next;
		if (vtpm->phase == VTPM_WAITING ||
		    (vtpm->phase == VTPM_IDLE && vtpm->goal == VTPM_GOAL_ON))
			power_step(vtpm);
	}
	pool_look(manager);
}

void power_started(struct vtpm *vtpm, uint32_t error, pid_t pid, int channel)
{
	struct problem problem;
	int r;

	/* It is gone, or is ending: the next one will be here soon. */
	if (error == ENOTCONN || error == ECANCELED) {
		wait_again(vtpm);
		return;
	}
	if (error) {
		problem_set(&problem, PROBLEM_FAILED,
			    "look for limits of processes, files and memory (systemctl status "
			    "vtpm-spawn), then start it again",
			    "no engine can be started for '%s': %s", vtpm->define.name,
			    strerror((int)error));
		power_failure(vtpm, &problem);
		return;
	}
	vtpm->pid = pid;
	power_set_phase(vtpm, VTPM_BEGINNING);
	power_kill_in(vtpm, BEGIN_SECONDS);
	vtpm->reason[0] = 0;
	r = manager_channel_open(vtpm, channel);
	if (!r)
		r = manager_channel_configure(vtpm, !vtpm->stored);
	drop_envelope(vtpm);
	if (r) {
		log_line("%s: cannot tell the engine its configuration (errno %d), killing it",
			 vtpm->define.name, -r);
		manager_spawn_signal(vtpm, SIGKILL);
	}
}

static int on_chip_timer(sd_event_source *source, uint64_t now, void *context)
{
	struct vtpm *vtpm = context;

	(void)source;
	(void)now;
	vtpm->chip_timer = sd_event_source_disable_unref(vtpm->chip_timer);
	power_ready(vtpm);
	return 0;
}

/*
 * The TPM core registers a chip when its server answers, in a worker of its own: users see
 * /dev/tpmN some time after the engine is ready. Nothing tells us when.
 */
static bool is_chip_missing(struct vtpm *vtpm)
{
	if (vtpm->define.front != VTPM_FRONT_CHIP || vtpm->chip >= 0)
		return false;
	if (sd_event_add_time_relative(vtpm->manager->event, &vtpm->chip_timer, CLOCK_MONOTONIC,
				       CHIP_LOOK_MS * 1000, 1000, on_chip_timer, vtpm) < 0)
		manager_out_of_memory();
	return true;
}

void power_ready(struct vtpm *vtpm)
{
	/* One that only prepares serves nobody: what counts is how it ends. */
	if (vtpm->phase != VTPM_BEGINNING || vtpm->preparing || vtpm->chip_timer)
		return;
	driver_look(vtpm);
	if (is_chip_missing(vtpm))
		return;
	power_kill_in(vtpm, 0);
	vtpm->failed = false;
	vtpm->fresh = false;
	vtpm->reason[0] = 0;
	vtpm->ready_ms = now_ms();
	if (!vtpm->resume)
		launch_write(vtpm);
	/* Should this engine die, its life goes on in the next one. */
	vtpm->resume = true;
	power_set_phase(vtpm, VTPM_SERVING);
	gate_ready(vtpm);
	power_step(vtpm);
}

static int on_pause_end(sd_event_source *source, uint64_t now, void *context)
{
	struct vtpm *vtpm = context;

	(void)source;
	(void)now;
	vtpm->kill_timer = sd_event_source_disable_unref(vtpm->kill_timer);
	power_step(vtpm);
	return 0;
}

/* The next engine at once; but where one short life follows another, not at any rate. */
static void replace(struct vtpm *vtpm, bool served)
{
	bool is_short = !served || now_ms() - vtpm->ready_ms < SHORT_LIFE_MS;

	vtpm->short_lives = is_short ? vtpm->short_lives + 1 : 0;
	power_set_phase(vtpm, VTPM_IDLE);
	if (vtpm->short_lives < SHORT_LIVES_MAX) {
		power_step(vtpm);
		return;
	}
	if (sd_event_add_time_relative(vtpm->manager->event, &vtpm->kill_timer, CLOCK_MONOTONIC,
				       PAUSE_MS * 1000ull, 1000, on_pause_end, vtpm) < 0)
		manager_out_of_memory();
}

/*
 * An engine that has served may die for its client's sake, and as often as that one likes:
 * the driver sees to it that no command kills three. One that cannot even begin, though
 * nobody killed it, will not be able to the next time.
 */
static void died(struct vtpm *vtpm, uint32_t status, bool served)
{
	bool killed = WIFSIGNALED((int)status) && WTERMSIG((int)status) == SIGKILL;
	struct problem problem;
	char how[64];

	vtpm->deaths++;
	if (!served && !killed && vtpm->store_error && vtpm->store_error != EUCLEAN) {
		problem_set(&problem, PROBLEM_STORAGE,
			    "make room or repair the disk, and try again",
			    "'%s' cannot be stored in %s: %s", vtpm->define.name,
			    vtpm->manager->options.state_dir, strerror(vtpm->store_error));
		vtpm->store_error = 0;
		power_failure(vtpm, &problem);
		return;
	}
	if (WIFSIGNALED((int)status))
		snprintf(how, sizeof(how), "signal %d", WTERMSIG((int)status));
	else
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS((int)status));
	vtpm->false_starts = served || killed ? 0 : vtpm->false_starts + 1;
	if (vtpm->false_starts == MANAGER_FALSE_STARTS_MAX) {
		problem_set(&problem, PROBLEM_FAILED,
			    "its stored state is untouched; see the log, then start it again",
			    "the engine of '%s' died %d times before it could begin, at last by "
			    "%s%s%s",
			    vtpm->define.name, MANAGER_FALSE_STARTS_MAX, how,
			    vtpm->reason[0] ? ": " : "", vtpm->reason);
		vtpm->false_starts = 0;
		power_failure(vtpm, &problem);
		return;
	}
	log_line("%s: the engine died by %s, another one takes over", vtpm->define.name, how);
	/* A life that this engine refused as not its own cannot be resumed by the next. */
	if (WIFEXITED((int)status) && WEXITSTATUS((int)status) == EXIT_STALE)
		vtpm->resume = false;
	replace(vtpm, served);
}

/* It ended by itself and said why. Return: true: there is nothing more to do */
static bool ended_for_good(struct vtpm *vtpm, int code)
{
	struct problem problem;

	switch (code) {
	case EXIT_QUARANTINE:
	case EXIT_NO_STATE: {
		char reason[VTPM_REASON_SIZE];

		text_cut(reason, sizeof(reason),
			 vtpm->reason[0] ? vtpm->reason : "its engine refuses the state");
		power_quarantine(vtpm, reason);
		return true;
	}
	case EXIT_SANDBOX:
		problem_set(&problem, PROBLEM_FAILED, "a kernel with seccomp is needed",
			    "the engine of '%s' cannot enter its sandbox: %s", vtpm->define.name,
			    vtpm->reason);
		power_failure(vtpm, &problem);
		return true;
	case EXIT_NO_KEY:
		if (!manager_is_locked(vtpm->manager, &problem))
			return false;
		power_set_phase(vtpm, VTPM_WAITING);
		power_step(vtpm);
		return true;
	default:
		return false;
	}
}

/* It is whole and stored. Who shall run gets an engine that has not made keys in its memory. */
static void prepared(struct vtpm *vtpm)
{
	struct manager *manager = vtpm->manager;

	vtpm->preparing = false;
	vtpm->resume = false;
	power_set_phase(vtpm, VTPM_IDLE);
	if (vtpm->goal == VTPM_GOAL_ON && !vtpm->define.wanted) {
		vtpm->fresh = false;
		vtpm->goal = VTPM_GOAL_OFF;
		manager_settle(vtpm, VTPM_GOAL_ON, NULL);
	}
	power_step(vtpm);
	pool_look(manager);
}

void power_exited(struct vtpm *vtpm, uint32_t status)
{
	bool in_order = WIFEXITED((int)status) && WEXITSTATUS((int)status) == 0;
	enum vtpm_phase phase = vtpm->phase;

	manager_channel_drain(vtpm);
	manager_channel_close(vtpm);
	power_kill_in(vtpm, 0);
	vtpm->chip_timer = sd_event_source_disable_unref(vtpm->chip_timer);
	vtpm->pid = 0;
	driver_detach(vtpm);

	if (vtpm->preparing && vtpm->stored && in_order) {
		prepared(vtpm);
		return;
	}
	if (phase == VTPM_STOPPING || in_order) {
		if (!in_order)
			log_line("%s: the engine did not end in order (status %#x)",
				 vtpm->define.name, status);
		vtpm->resume = false;
		if (phase != VTPM_STOPPING) {
			replace(vtpm, phase == VTPM_SERVING);
			return;
		}
		power_set_phase(vtpm, VTPM_IDLE);
		power_step(vtpm);
		return;
	}
	/* As its spawn was told: the next spawn has the next engine. */
	if (WIFEXITED((int)status) && WEXITSTATUS((int)status) == EXIT_LEFT) {
		replace(vtpm, phase == VTPM_SERVING);
		return;
	}
	if (WIFEXITED((int)status) && ended_for_good(vtpm, WEXITSTATUS((int)status)))
		return;
	died(vtpm, status, phase == VTPM_SERVING);
}
