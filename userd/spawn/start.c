// SPDX-License-Identifier: BSD-3-Clause
/*
 * A fork that becomes an engine.
 *
 * All that can fail for lack of something is made before the fork, and the entry
 * changes after it, so a start that fails leaves everything as it was. The
 * child puts its descriptors in their places and closes all others: those of other
 * vTPMs among them.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/engine.h"
#include "wire/ipc_spawn.h"

/* Above every descriptor of a child, so that none is overwritten while they move. */
#define ASIDE 32

struct parts {
	int ours;   /* of the channel */
	int theirs; /* of the channel */
	struct life life;
	bool kept; /* the life is the entry's already */
};

static int place_descriptors(const struct spawn *spawn, const struct spawn_start *start,
			     const struct parts *parts)
{
	const int from[_ENGINE_FD_END] = {
		[ENGINE_FD_CHANNEL] = parts->theirs,
		[ENGINE_FD_CHECKPOINT] = parts->life.memory,
		[ENGINE_FD_LINK] = start->count > 0 ? start->links[0] : -1,
		[ENGINE_FD_CONTROL] = start->count > 1 ? start->links[1] : -1,
		[ENGINE_FD_RULESET] = spawn->zygote.sandbox[0].ruleset,
		[ENGINE_FD_JOURNAL] = parts->life.journal,
		[ENGINE_FD_POCKET_IN] = parts->life.pocket[0],
		[ENGINE_FD_POCKET_OUT] = parts->life.pocket[1],
		[ENGINE_FD_CONTROL_JOURNAL] = parts->life.control_journal,
	};
	int aside[_ENGINE_FD_END];

	for (int fd = ENGINE_FD_CHANNEL; fd < _ENGINE_FD_END; fd++) {
		aside[fd] = from[fd] < 0 ? -1 : fcntl(from[fd], F_DUPFD_CLOEXEC, ASIDE);
		if (from[fd] >= 0 && aside[fd] < 0)
			return -errno;
	}
	for (int fd = ENGINE_FD_CHANNEL; fd < _ENGINE_FD_END; fd++) {
		if (aside[fd] < 0)
			close(fd);
		else if (dup3(aside[fd], fd, O_CLOEXEC) < 0)
			return -errno;
	}
	return close_range(_ENGINE_FD_END, UINT_MAX, 0) ? -errno : 0;
}

static void default_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void be_idle(void)
{
	const struct sched_param param = { 0 };

	(void)sched_setscheduler(0, SCHED_IDLE, &param);
}

/* Never returns to the zygote's code. */
static _Noreturn void become_engine(const struct spawn *spawn, const struct spawn_start *start,
				    const struct parts *parts, pid_t parent)
{
	static char name[16];

	snprintf(name, sizeof(name), "vtpm:%08x", (unsigned int)(start->uuid.high >> 32));
	prctl(PR_SET_NAME, name, 0, 0, 0);
	log_name(name);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		_exit(ENGINE_EXIT_ERROR);
	default_signals();
	if (start->flags & SPAWN_START_IDLE)
		be_idle();
	if (place_descriptors(spawn, start, parts))
		_exit(ENGINE_EXIT_ERROR);
	_exit(engine_child(&spawn->zygote, start->count));
}

/* Descriptors are given lowest first, so the last one tells how many there are. */
static bool is_crowded(int fd)
{
	struct rlimit files;

	return !getrlimit(RLIMIT_NOFILE, &files) &&
	       (rlim_t)fd + SPAWN_FILES_SPARE >= files.rlim_cur;
}

/* What belongs to one life of the device, unless it is there. A stream has a control socket. */
static int make_life(const struct spawn_entry *entry, struct spawn_start *start,
		     struct parts *parts)
{
	struct life *life = &parts->life;
	int r = 0;

	parts->kept = entry && life_is_there(&entry->life) && entry->instance == start->instance;
	if (parts->kept || life_is_there(&start->life)) {
		*life = parts->kept ? entry->life : life_take(&start->life);
		return 0;
	}
	life->memory = memfd_create("vtpm-checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (life->memory < 0)
		return -errno;
	if (start->count > 1) {
		life->journal = memfd_create("vtpm-journal", MFD_CLOEXEC);
		if (life->journal < 0)
			return -errno;
		life->control_journal = memfd_create("vtpm-control", MFD_CLOEXEC);
		r = life->control_journal < 0 ? -errno : ipc_pair(life->pocket);
	}
	return r;
}

static int make_parts(const struct spawn_entry *entry, struct spawn_start *start,
		      struct parts *parts)
{
	int pair[2], r;

	r = make_life(entry, start, parts);
	if (!r)
		r = ipc_pair(pair);
	if (!r && !entry && is_crowded(pair[1])) {
		close(pair[0]);
		close(pair[1]);
		r = -EMFILE;
	}
	if (r) {
		if (!parts->kept)
			life_close(&parts->life);
		return r;
	}
	parts->ours = pair[0];
	parts->theirs = pair[1];
	return 0;
}

/* The engine runs: what was made for it is the entry's. */
static void hand_over(struct spawn_entry *entry, const struct parts *parts)
{
	if (!parts->kept) {
		life_close(&entry->life);
		entry->life = parts->life;
	}
	close_fdp(&entry->channel);
	entry->channel = parts->ours;
}

int spawn_start(struct spawn *spawn, struct spawn_start *start, struct spawn_entry **ret)
{
	struct spawn_entry *entry = spawn_table_find(&spawn->table, start->uuid);
	struct parts parts = { -1, -1, LIFE_NONE, false };
	pid_t parent = getpid(), pid;
	int r;

	if (entry && entry->pid)
		return -EBUSY;
	r = make_parts(entry, start, &parts);
	if (r)
		return r;
	if (!entry)
		entry = spawn_table_add(&spawn->table, start->uuid);
	pid = entry ? fork() : -1;
	if (!pid)
		become_engine(spawn, start, &parts, parent);
	r = pid > 0 ? 0 : entry ? -errno : -EMFILE;
	close(parts.theirs);
	if (r) {
		close(parts.ours);
		if (!parts.kept)
			life_close(&parts.life);
		if (entry && !life_is_there(&entry->life))
			spawn_table_remove(&spawn->table, entry);
		return r;
	}

	hand_over(entry, &parts);
	entry->instance = start->instance;
	entry->pid = pid;
	entry->status = 0;
	if (entry->unreported)
		spawn->unreported--;
	entry->unreported = false;
	spawn->table.running++;
	*ret = entry;
	return 0;
}
