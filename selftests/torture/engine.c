// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's process. Its link is a SOCK_SEQPACKET pair: a packet is a frame or
 * an answer, as one call of the driver's file would move it. We keep a copy of the engine's own
 * end: what is still in there when it is dead was never fetched, which the
 * driver would know because no call of the engine had taken it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ktime.h>

#include "engine.h"
#include "report.h"

extern char **environ;

static void fail(const char *what)
{
	violation("harness", what, "%s", strerror(errno));
}

/* The data key is read once by each engine. Return: where. */
static int key_pipe(void)
{
	static const u8 key[32] = "the torture harness has this key";
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || write(ends[1], key, sizeof(key)) != sizeof(key))
		fail("pipe");
	close(ends[1]);
	return ends[0];
}

void engine_spawn(struct engine *engine)
{
	posix_spawn_file_actions_t actions;
	char instance[20], link[12], state[12], checkpoint[12], key[12];
	int keys = key_pipe();
	const char *argv[] = {
		"vtpm-engine",
		"--fd",
		link,
		"--state-fd",
		state,
		"--checkpoint-fd",
		checkpoint,
		"--key-fd",
		key,
		"--instance",
		instance,
		"--firmware",
		engine->manufacture ? "--manufacture" : NULL,
		NULL,
	};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		fail("socketpair");
	engine->fd = pair[0];
	engine->peer = pair[1];
	snprintf(link, sizeof(link), "%d", engine->peer);
	snprintf(state, sizeof(state), "%d", engine->state_fd);
	snprintf(checkpoint, sizeof(checkpoint), "%d", engine->checkpoint_fd);
	snprintf(key, sizeof(key), "%d", keys);
	snprintf(instance, sizeof(instance), "%016llx", engine->instance);

	/* A descriptor copied onto itself is one that the engine inherits. */
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, engine->peer, engine->peer);
	posix_spawn_file_actions_adddup2(&actions, engine->state_fd, engine->state_fd);
	posix_spawn_file_actions_adddup2(&actions, engine->checkpoint_fd, engine->checkpoint_fd);

	posix_spawn_file_actions_adddup2(&actions, keys, keys);

	engine->spawned = ktime_get_ns();
	errno = posix_spawn(&engine->pid, engine->program, &actions, NULL, (char **)argv, environ);
	if (errno)
		fail(engine->program);
	posix_spawn_file_actions_destroy(&actions);
	close(keys);
	report_engine(engine->pid);
	engine->pidfd = pidfd_open(engine->pid, 0);
	if (engine->pidfd < 0)
		fail("pidfd_open");
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

bool engine_dead(const struct engine *engine)
{
	return readable(engine->pidfd);
}

bool engine_has_answer(const struct engine *engine)
{
	return readable(engine->fd);
}

bool engine_has_unread(const struct engine *engine)
{
	return readable(engine->peer);
}

/* False when the engine is gone. */
bool engine_send(struct engine *engine, const struct frame *frame)
{
	return send(engine->fd, frame, frame->head.size, MSG_NOSIGNAL) == (ssize_t)frame->head.size;
}

/* False when there is no answer now. */
bool engine_receive(struct engine *engine, struct answer *ret_answer)
{
	ssize_t n = recv(engine->fd, ret_answer, sizeof(*ret_answer), MSG_DONTWAIT | MSG_TRUNC);

	if (n <= 0)
		return false;
	if (n > (ssize_t)sizeof(*ret_answer) || n < (ssize_t)sizeof(ret_answer->head) ||
	    ret_answer->head.size != n)
		violation("engine", "answer", "%zd bytes, size says %u", n, ret_answer->head.size);
	return true;
}

/* Id of the frame that the dead engine had not fetched, or 0. */
u64 engine_unread(struct engine *engine)
{
	struct frame frame;
	u64 id = 0;

	while (recv(engine->peer, &frame, sizeof(frame), MSG_DONTWAIT) > 0)
		if (frame.head.kind != VTPM_FRAME_WAKE)
			id = frame.head.id;
	return id;
}

void engine_kill(struct engine *engine)
{
	if (kill(engine->pid, SIGKILL))
		fail("kill");
}

/* Status as by waitpid(). */
int engine_reap(struct engine *engine)
{
	int status;

	while (waitpid(engine->pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid");
	report_engine(0);
	return status;
}

void engine_forget(struct engine *engine)
{
	close(engine->pidfd);
	close(engine->fd);
	close(engine->peer);
	engine->pid = 0;
}

/* Ask the engine to end in order. Return: status as by waitpid(). */
int engine_leave(struct engine *engine)
{
	struct pollfd p = { .fd = engine->pidfd, .events = POLLIN };
	int status;

	kill(engine->pid, SIGTERM);
	if (poll(&p, 1, 10000) != 1)
		violation("engine", "leave", "still runs 10 s after SIGTERM");
	status = engine_reap(engine);
	engine_forget(engine);
	return status;
}
