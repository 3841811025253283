// SPDX-License-Identifier: BSD-3-Clause
/*
 * One place to sleep. Whoever connects and is the manager replaces the one before: a
 * manager that was restarted may be here before the kernel has told us of the
 * old one's end.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* One line of log for all strangers of that time. */
#define STRANGERS_MS 10000

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop_manager(struct spawn *spawn)
{
	close_fdp(&spawn->manager);
	spawn->manager = -1;
	spawn->listing = false;
	spawn->told = false;
}

/* Reports are for the manager that was there; the next one asks for the list. */
static void forget_reports(struct spawn *spawn)
{
	for (size_t i = 0; i < spawn->table.end; i++)
		spawn->table.entries[i].unreported = false;
	spawn->unreported = 0;
}

/* Anybody may come as often as he likes, but not fill the log. */
static void refuse_stranger(struct spawn *spawn, const struct ucred *peer)
{
	int64_t now = now_ms();

	if (now < spawn->quiet_until_ms)
		return;
	spawn->quiet_until_ms = now + STRANGERS_MS;
	log_line("refused a connection of uid %u, pid %d: the manager has uid %u", peer->uid,
		 (int)peer->pid, spawn->manager_uid);
}

static void take_manager(struct spawn *spawn)
{
	_cleanup_(close_fdp) int fd = -1;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	fd = accept4(spawn->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return;
	if (peer.uid != spawn->manager_uid) {
		refuse_stranger(spawn, &peer);
		return;
	}
	drop_manager(spawn);
	forget_reports(spawn);
	spawn->manager = TAKE_FD(fd);
}

static void reap(struct spawn *spawn)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct spawn_entry *entry = spawn_table_find_pid(&spawn->table, pid);

		if (!entry)
			continue;
		entry->ended = pid;
		entry->pid = 0;
		entry->status = (uint32_t)status;
		entry->unreported = spawn->manager >= 0;
		spawn->unreported += entry->unreported;
		spawn->table.running--;
	}
}

static void take_signals(struct spawn *spawn)
{
	struct signalfd_siginfo info;

	while (read(spawn->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(spawn);
		else if (info.ssi_signo == SIGHUP)
			spawn_leave(spawn);
		else
			spawn_begin_end(spawn);
	}
}

static void end_all(struct spawn *spawn, int number, int patience_ms)
{
	spawn->ending = true;
	spawn->deadline_ms = now_ms() + patience_ms;
	notify_tell(&spawn->notify, "STOPPING=1");
	spawn_signal_all(spawn, number);
}

/* Who is leaving, too: an engine that hears both ends. */
void spawn_begin_end(struct spawn *spawn)
{
	if (spawn->ending && !spawn->leaving)
		return;
	spawn->leaving = false;
	end_all(spawn, SIGTERM, SPAWN_PATIENCE_MS);
}

void spawn_leave(struct spawn *spawn)
{
	if (spawn->ending)
		return;
	spawn->leaving = true;
	if (!spawn->told)
		log_line("will leave as soon as the manager is here and keeps what is kept here");
}

/* The last reports are waited for: whoever ended in order is not to be resumed. */
static bool is_over(const struct spawn *spawn)
{
	bool unheard = spawn->unreported && spawn->manager >= 0 && now_ms() < spawn->deadline_ms;

	return spawn->ending && !spawn->table.running && !unheard;
}

/* Send while there is something and room for it; otherwise take what is asked. */
static void talk_to_manager(struct spawn *spawn, short events)
{
	int r = 0;

	while (!r && (spawn->listing || spawn->unreported))
		r = spawn->listing ? spawn_list_next(spawn) : spawn_report_next(spawn);
	while (!r && !spawn->listing && events & (POLLIN | POLLHUP))
		r = spawn_request(spawn);
	if (r && r != -EAGAIN) {
		if (r != -EPIPE)
			log_line("end of the manager's connection: errno %d", -r);
		drop_manager(spawn);
	}
}

static int timeout_ms(const struct spawn *spawn)
{
	int64_t left = spawn->deadline_ms - now_ms();
	int watchdog = spawn->notify.interval_ms;

	if (!spawn->ending)
		return watchdog;
	if (left < 100)
		left = 100;
	return watchdog >= 0 && watchdog < left ? watchdog : (int)left;
}

int spawn_serve(struct spawn *spawn)
{
	while (!is_over(spawn)) {
		struct pollfd ready[] = {
			{ .fd = spawn->signals, .events = POLLIN },
			{ .fd = spawn->listener, .events = POLLIN },
			{ .fd = spawn->manager, .events = POLLIN },
		};

		if (spawn->listing || spawn->unreported)
			ready[2].events = POLLOUT;
		if (poll(ready, 3, timeout_ms(spawn)) < 0 && errno != EINTR)
			return -errno;
		if (ready[0].revents)
			take_signals(spawn);
		if (ready[2].revents)
			talk_to_manager(spawn, ready[2].revents);
		if (ready[1].revents)
			take_manager(spawn);
		notify_tell(&spawn->notify, "WATCHDOG=1");
		if (spawn->leaving && spawn->told && !spawn->ending)
			end_all(spawn, SIGHUP, SPAWN_LEAVE_MS);
		if (spawn->ending && now_ms() >= spawn->deadline_ms)
			spawn_signal_all(spawn, SIGKILL);
	}
	return 0;
}
