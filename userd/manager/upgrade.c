// SPDX-License-Identifier: BSD-3-Clause
/*
 * Another vtpm-spawn takes over, and its engines with it: how a new version comes to
 * vTPMs that run.
 *
 *	CHECKING ─→ LEAVING ─→ WAITING ─→ done
 *
 * The program that is installed is asked first (vtpm-spawn --check), with the checkpoints of all
 * that runs: what it says on its standard error is why nothing changes. Then the spawn that runs
 * leaves, and whoever started it (systemd, or children.c) starts the next one. When that has
 * been listed, each vTPM that was left is waited for. A manager that dies meanwhile
 * costs only the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "manager/state.h"

/* From SPAWN_LEAVE until all answer; systemd and a slow disk included */
#define PATIENCE_SECONDS 60

#define SAID_MAX 384

struct upgrade {
	struct manager *manager;
	struct waiter *waiter;
	sd_event_source *source; /* the child, then the patience */
	int said;		 /* its standard error */
	bool left;		 /* the old one does, or has */
	unsigned int awaited;	 /* vTPMs, and one for asking all of them */
	struct problem problem;	 /* the first one */
};

static void end(struct upgrade *upgrade)
{
	struct manager *manager = upgrade->manager;

	manager_forget(manager, upgrade);
	sd_event_source_disable_unref(upgrade->source);
	close_fdp(&upgrade->said);
	manager_answer(manager, upgrade->waiter, upgrade->problem.code ? &upgrade->problem : NULL);
	manager->upgrade = NULL;
	free(upgrade);
}

static void fail(struct upgrade *upgrade, const char *why)
{
	problem_set(&upgrade->problem, PROBLEM_FAILED,
		    "install a version that can, and upgrade again",
		    "the vtpm-spawn that is installed cannot take over, and the one that runs goes "
		    "on: %s",
		    why);
	end(upgrade);
}

static int on_patience(sd_event_source *source, uint64_t now, void *context)
{
	struct upgrade *upgrade = context;

	(void)source;
	(void)now;
	problem_set(&upgrade->problem, PROBLEM_TIMEOUT,
		    "`systemctl status vtpm-spawn`; what the vTPMs are resumed from is kept",
		    "not all vTPMs answer %d s after vtpm-spawn was asked to make place",
		    PATIENCE_SECONDS);
	end(upgrade);
	return 0;
}

static void one_is_there(void *context, const struct problem *problem)
{
	struct upgrade *upgrade = context;

	if (problem && !upgrade->problem.code)
		upgrade->problem = *problem;
	if (!--upgrade->awaited)
		end(upgrade);
}

void upgrade_go_on(struct manager *manager)
{
	struct upgrade *upgrade = manager->upgrade;

	if (!upgrade || !upgrade->left)
		return;
	upgrade->awaited++;
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (!vtpm->resume || vtpm->goal != VTPM_GOAL_ON || !vtpm->define.name[0])
			continue;
		upgrade->awaited++;
		manager_wait(manager, vtpm->define.name, one_is_there, upgrade);
	}
	manager_tell(manager, one_is_there, upgrade, NULL);
}

static int left(void *context, const struct peer_answer *answer)
{
	struct manager *manager = context;
	struct upgrade *upgrade = manager->upgrade;

	if (!upgrade)
		return 0;
	/* It ends anyway, and so the next one takes over anyway. */
	if (answer->error && answer->error != ECANCELED && answer->error != ENOTCONN)
		fail(upgrade, strerror((int)answer->error));
	return answer->in && !ipc_ended(answer->in) ? -EPROTO : 0;
}

static void leave(struct upgrade *upgrade)
{
	struct manager *manager = upgrade->manager;

	upgrade->source = sd_event_source_disable_unref(upgrade->source);
	if (sd_event_add_time_relative(manager->event, &upgrade->source, CLOCK_MONOTONIC,
				       PATIENCE_SECONDS * 1000000ull, 0, on_patience, upgrade) < 0)
		manager_out_of_memory();
	upgrade->left = true;
	log_line("vtpm-spawn makes place for the one that is installed");
	manager_spawn_leave(manager, left, manager);
}

static int on_checked(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct upgrade *upgrade = context;
	char said[SAID_MAX];
	ssize_t n;

	(void)source;
	if (info->si_code == CLD_EXITED && !info->si_status) {
		leave(upgrade);
		return 0;
	}
	n = read(upgrade->said, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = 0;
	said[strcspn(said, "\n")] = 0;
	fail(upgrade, said[0] ? said : "it does not start");
	return 0;
}

static void be_checker(const char *path, char **arguments, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out, STDERR_FILENO) >= 0)
		execv(path, arguments);
	log_line("%s: %s", path, strerror(errno));
	_exit(127);
}

/* The lives' descriptors close at an exec but for these; only this child's copies change. */
static char **make_arguments(const struct manager *manager)
{
	char **arguments = calloc(manager->count + 5, sizeof(*arguments));
	size_t n = 0;

	if (!arguments)
		manager_out_of_memory();
	arguments[n++] = strdup("vtpm-spawn");
	arguments[n++] = strdup("--check");
	arguments[n++] = strdup("--runtime-dir");
	arguments[n++] = strdup(manager->options.runtime_dir);
	for (const struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		char option[40];

		if (!life_is_there(&vtpm->life))
			continue;
		snprintf(option, sizeof(option), "--checkpoint-fd=%d", vtpm->life.memory);
		arguments[n++] = strdup(option);
	}
	return arguments;
}

static void pass_checkpoints(const struct manager *manager)
{
	for (const struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next)
		if (life_is_there(&vtpm->life))
			fcntl(vtpm->life.memory, F_SETFD, 0);
}

static void check(struct upgrade *upgrade)
{
	struct manager *manager = upgrade->manager;
	char path[PATH_MAX], **arguments;
	int ends[2];
	pid_t pid;

	if (children_path("vtpm-spawn", path, sizeof(path)) ||
	    pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		fail(upgrade, strerror(errno));
		return;
	}
	upgrade->said = ends[0];
	arguments = make_arguments(manager);
	pid = fork();
	if (!pid) {
		pass_checkpoints(manager);
		be_checker(path, arguments, ends[1]);
	}
	close(ends[1]);
	for (size_t i = 0; arguments[i]; i++)
		free(arguments[i]);
	free(arguments);
	if (pid < 0) {
		fail(upgrade, strerror(errno));
		return;
	}
	if (sd_event_add_child(manager->event, &upgrade->source, pid, WEXITED, on_checked,
			       upgrade) < 0)
		manager_out_of_memory();
}

void manager_host_upgrade(struct manager *manager, manager_done done, void *context)
{
	struct problem problem;

	if (manager->upgrade || manager->ending) {
		problem_set(&problem, PROBLEM_CONFLICT, "wait until it has ended",
			    "an upgrade is under way, or vtpmd ends");
		manager_tell(manager, done, context, &problem);
		return;
	}
	if (!peer_here(&manager->spawn) || !manager->listed) {
		problem_set(&problem, PROBLEM_FAILED, "`systemctl status vtpm-spawn`",
			    "vtpm-spawn does not run: there is nothing to upgrade");
		manager_tell(manager, done, context, &problem);
		return;
	}
	manager->upgrade = calloc(1, sizeof(*manager->upgrade));
	if (!manager->upgrade)
		manager_out_of_memory();
	manager->upgrade->manager = manager;
	manager->upgrade->said = -1;
	manager->upgrade->waiter = manager_ask(manager, done, context);
	check(manager->upgrade);
}
