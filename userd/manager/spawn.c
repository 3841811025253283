// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-spawn: engines begun, found again, and ended.
 *
 * When it appears it is asked what it keeps. Nothing is started before it has told all:
 * an engine that runs already must be found, not doubled.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "manager/state.h"
#include "wire/ipc_spawn.h"

static int nothing_more(void *context, const struct peer_answer *answer)
{
	(void)context;
	return answer->in && !ipc_ended(answer->in) ? -EPROTO : 0;
}

static void send_signal(struct manager *manager, const uint8_t *uuid, int number)
{
	uint8_t buffer[64];
	struct ipc_out out = peer_call(&manager->spawn, SPAWN_SIGNAL, buffer, sizeof(buffer));

	cursor_put_raw(&out.body, uuid, IPC_UUID_SIZE);
	cursor_put_u32(&out.body, (uint32_t)number);
	peer_send(&manager->spawn, &out, nothing_more, manager);
}

void manager_spawn_signal(struct vtpm *vtpm, int number)
{
	send_signal(vtpm->manager, vtpm->define.uuid, number);
}

void manager_spawn_kill_unknown(struct manager *manager, const uint8_t *uuid)
{
	send_signal(manager, uuid, SIGKILL);
}

void manager_spawn_forget(struct manager *manager, const uint8_t *uuid)
{
	uint8_t buffer[64];
	struct ipc_out out;

	if (!peer_here(&manager->spawn))
		return;
	out = peer_call(&manager->spawn, SPAWN_FORGET, buffer, sizeof(buffer));
	cursor_put_raw(&out.body, uuid, IPC_UUID_SIZE);
	peer_send(&manager->spawn, &out, nothing_more, manager);
}

void manager_spawn_leave(struct manager *manager, peer_done done, void *context)
{
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->spawn, SPAWN_LEAVE, buffer, sizeof(buffer));

	peer_send(&manager->spawn, &out, done, context);
}

void manager_spawn_end(struct manager *manager)
{
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->spawn, SPAWN_END, buffer, sizeof(buffer));

	peer_send(&manager->spawn, &out, nothing_more, manager);
}

static int started(void *context, const struct peer_answer *answer)
{
	struct vtpm *vtpm = context;
	struct life life = LIFE_NONE;
	uint32_t pid = 0;
	int channel = -1;
	bool nonsense = false;

	if (!answer->error) {
		pid = cursor_get_u32(&answer->in->body);
		channel = ipc_get_fd(answer->in);
		life = life_get(answer->in);
		nonsense = !ipc_ended(answer->in) || !pid;
	}
	if (nonsense)
		close_fdp(&channel);
	if (vtpm->removed && pid)
		manager_spawn_kill_unknown(vtpm->manager, vtpm->define.uuid);
	if (!manager_release(vtpm)) {
		close_fdp(&channel);
		life_close(&life);
		return nonsense ? -EPROTO : 0;
	}
	if (life_is_there(&life)) {
		life_close(&vtpm->life);
		vtpm->life = life;
	}
	power_started(vtpm, nonsense ? ENOTCONN : answer->error, (pid_t)pid, channel);
	return nonsense ? -EPROTO : 0;
}

void manager_spawn_start(struct vtpm *vtpm, bool idle, const int *fds, unsigned int count)
{
	struct manager *manager = vtpm->manager;
	uint8_t buffer[64];
	struct ipc_out out = peer_call(&manager->spawn, SPAWN_START, buffer, sizeof(buffer));

	cursor_put_raw(&out.body, vtpm->define.uuid, IPC_UUID_SIZE);
	cursor_put_u64(&out.body, vtpm->instance);
	cursor_put_u32(&out.body, idle ? SPAWN_START_IDLE : 0);
	cursor_put_u8(&out.body, (uint8_t)count);
	for (unsigned int i = 0; i < count; i++)
		ipc_put_fd(&out, fds[i]);
	/* What is left of another life is nobody's. */
	if (!vtpm->resume)
		life_close(&vtpm->life);
	life_put(&out, &vtpm->life);
	manager_hold(vtpm);
	peer_send(&manager->spawn, &out, started, vtpm);
}

static void listed(struct manager *manager)
{
	manager->listed = true;
	upgrade_go_on(manager);
	power_step_all(manager);
}

/* Entries answer SPAWN_LIST one by one: the list's call ended with the first. */
static int take_entry(struct manager *manager, struct ipc_in *in)
{
	_cleanup_(life_close) struct life life = LIFE_NONE;
	_cleanup_(close_fdp) int channel = -1;
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t instance;
	uint32_t pid, status;
	struct vtpm *vtpm;

	cursor_get_raw(&in->body, uuid, sizeof(uuid));
	instance = cursor_get_u64(&in->body);
	pid = cursor_get_u32(&in->body);
	status = cursor_get_u32(&in->body);
	if (!cursor_is_zero(uuid, sizeof(uuid)) && in->fd_count)
		channel = ipc_get_fd(in);
	life = life_get(in);
	if (!ipc_ended(in))
		return -EPROTO;
	if (cursor_is_zero(uuid, sizeof(uuid))) {
		listed(manager);
		return 0;
	}
	vtpm = manager_find_uuid(manager, uuid);
	if (vtpm)
		power_adopt(vtpm, (pid_t)pid, status, instance, TAKE_FD(channel),
			    life_take(&life));
	else if (pid)
		manager_spawn_kill_unknown(manager, uuid);
	else
		manager_spawn_forget(manager, uuid);
	return 0;
}

static int first_entry(void *context, const struct peer_answer *answer)
{
	if (answer->error)
		return 0;
	if (answer->op != SPAWN_ENTRY)
		return -EPROTO;
	return take_entry(context, answer->in);
}

static int take_exited(struct manager *manager, struct ipc_in *in)
{
	uint8_t uuid[IPC_UUID_SIZE];
	uint32_t pid, status;
	struct vtpm *vtpm;

	cursor_get_raw(&in->body, uuid, sizeof(uuid));
	pid = cursor_get_u32(&in->body);
	status = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	vtpm = manager_find_uuid(manager, uuid);
	if (!vtpm)
		manager_spawn_forget(manager, uuid);
	else if (vtpm->pid == (pid_t)pid)
		power_exited(vtpm, status);
	return 0;
}

static int on_report(void *context, struct ipc_in *in)
{
	switch (in->op) {
	case SPAWN_ENTRY:
		/* tag and errno, which peer.c reads of answers it knows the call of */
		cursor_get_u32(&in->body);
		cursor_get_u32(&in->body);
		return take_entry(context, in);
	case SPAWN_EXITED:
		return take_exited(context, in);
	default:
		return -EPROTO;
	}
}

static void on_here(void *context)
{
	struct manager *manager = context;
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->spawn, SPAWN_LIST, buffer, sizeof(buffer));

	peer_send(&manager->spawn, &out, first_entry, manager);
}

static void on_away(void *context)
{
	struct manager *manager = context;

	manager->listed = false;
	if (!manager->ending)
		log_line("vtpm-spawn is gone, and its engines with it; the next one takes over");
	power_lost(manager);
	manager_ended(manager);
}

static void on_absent(void *context)
{
	children_start(context, "vtpm-spawn");
}

static const struct peer_ops spawn_ops = {
	.name = "vtpm-spawn",
	.reports = SPAWN_EXITED,
	.here = on_here,
	.away = on_away,
	.absent = on_absent,
	.report = on_report,
};

int manager_spawn_init(struct manager *manager)
{
	char path[sizeof(manager->options.runtime_dir) + 16];

	snprintf(path, sizeof(path), "%s/spawn.sock", manager->options.runtime_dir);
	return peer_init(&manager->spawn, manager->event, path, &spawn_ops, manager);
}
