// SPDX-License-Identifier: BSD-3-Clause
/*
 * keyd and spawn in the foreground, where no systemd starts them.
 *
 * One is started when nobody listens at its socket, at most once a second. They run in
 * sessions of their own and outlive a vtpmd that is killed: the next one finds
 * their sockets, and then they are nobody's children.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/state.h"

#define PAUSE_SECONDS 1
#define ARGUMENTS_MAX 12
#define END_MS	      5000

struct child {
	const char *program;
	pid_t pid;
	time_t begun;
	sd_event_source *source;
};

struct children {
	struct child keyd;
	struct child spawn;
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct child *child = context;

	(void)source;
	if (info->si_code != CLD_EXITED || info->si_status)
		log_line("%s has ended (%s %d)", child->program,
			 info->si_code == CLD_EXITED ? "exit status" : "signal", info->si_status);
	child->source = sd_event_source_disable_unref(child->source);
	child->pid = 0;
	return 0;
}

/* Where our own program is, there are the others. */
int children_path(const char *program, char *to, size_t room)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length < 0)
		return -errno;
	self[length] = 0;
	slash = strrchr(self, '/');
	*slash = 0;
	return snprintf(to, room, "%s/%s", self, program) < (int)room ? 0 : -ENAMETOOLONG;
}

static void fill_arguments(const struct manager_options *options, const struct child *child,
			   const char **to)
{
	bool keyd = !strcmp(child->program, "vtpm-keyd");

	*to++ = child->program;
	*to++ = "--runtime-dir";
	*to++ = options->runtime_dir;
	if (keyd) {
		*to++ = "--state-dir";
		*to++ = options->state_dir;
	}
	if (keyd && options->tcti[0]) {
		*to++ = "--tcti";
		*to++ = options->tcti;
	}
	*to = NULL;
}

static void become(const char *path, const char **arguments)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	execv(path, (char *const *)(uintptr_t)arguments);
	log_line("%s: %s", path, strerror(errno));
	_exit(127);
}

static void start(struct manager *manager, struct child *child)
{
	const char *arguments[ARGUMENTS_MAX];
	char path[PATH_MAX];
	pid_t pid;

	if (child->pid || seconds() - child->begun < PAUSE_SECONDS)
		return;
	child->begun = seconds();
	if (children_path(child->program, path, sizeof(path)))
		return;
	fill_arguments(&manager->options, child, arguments);
	pid = fork();
	if (!pid)
		become(path, arguments);
	if (pid < 0) {
		log_line("cannot start %s: %s", child->program, strerror(errno));
		return;
	}
	child->pid = pid;
	if (sd_event_add_child(manager->event, &child->source, pid, WEXITED, on_exit_of, child) < 0)
		manager_out_of_memory();
}

void children_start(struct manager *manager, const char *program)
{
	if (!manager->children || manager->ending)
		return;
	start(manager,
	      !strcmp(program, "vtpm-keyd") ? &manager->children->keyd : &manager->children->spawn);
}

int children_init(struct manager *manager)
{
	struct children *children = calloc(1, sizeof(*children));

	if (!children)
		return -ENOMEM;
	children->keyd.program = "vtpm-keyd";
	children->spawn.program = "vtpm-spawn";
	children->keyd.begun = children->spawn.begun = seconds() - PAUSE_SECONDS;
	manager->children = children;
	return 0;
}

/* It was told to end, unless it began too late for that; one that hangs is killed. */
static void wait_for(struct child *child)
{
	sd_event_source_disable_unref(child->source);
	if (!child->pid)
		return;
	kill(child->pid, SIGTERM);
	for (int i = 0; i < END_MS; i++) {
		if (waitpid(child->pid, NULL, WNOHANG))
			return;
		usleep(1000);
	}
	log_line("%s does not end, killing it", child->program);
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

void children_end(struct manager *manager)
{
	if (!manager->children)
		return;
	wait_for(&manager->children->spawn);
	wait_for(&manager->children->keyd);
	free(manager->children);
	manager->children = NULL;
}
