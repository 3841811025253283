// SPDX-License-Identifier: BSD-3-Clause
/*
 * What one engine says, and what it is told.
 *
 * An engine is not trusted: it can commit envelopes for its own vTPM, one generation
 * after the other, and say how it ends; anything else ends it. Its envelopes are
 * opaque here, and the answer to a commit leaves only when the archive says so. Until
 * then nothing more is read: one that floods us fills its own socket, not our memory.
 *
 *	phase		may say
 *	BEGINNING	COMMIT, FORK, CERTIFIED, READY, ENDS; ATTESTED, ASKED (of one found running)
 *	SERVING		COMMIT, FORK, ENDS, ATTESTED, ASKED (CERTIFIED, READY: of one found running)
 *	STOPPING	COMMIT, FORK, CERTIFIED, READY, ENDS, ATTESTED, ASKED
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/state.h"
#include "store/envelope.h"
#include "wire/ipc_engine.h"

#define BEGINNING (1u << VTPM_BEGINNING)
#define SERVING	  (1u << VTPM_SERVING)
#define STOPPING  (1u << VTPM_STOPPING)

/* Listen, unless an envelope is on its way. */
static void listen_again(struct vtpm *vtpm)
{
	if (vtpm->channel_source &&
	    sd_event_source_set_enabled(vtpm->channel_source,
					vtpm->committing ? SD_EVENT_OFF : SD_EVENT_ON) < 0)
		manager_out_of_memory();
}

static void answer_commit(struct vtpm *vtpm, uint64_t generation, uint32_t error)
{
	uint8_t buffer[32];
	struct ipc_out out = ipc_out(ENGINE_COMMITTED, buffer, sizeof(buffer));

	cursor_put_u64(&out.body, generation);
	cursor_put_u32(&out.body, error);
	/* An engine that is gone sends it again with its next life. */
	if (vtpm->channel >= 0)
		ipc_send(vtpm->channel, &out);
}

/* Its vTPM was given up while its first envelope was being written: take that back. */
static void take_back(struct archive *archive, const struct archive_job *put)
{
	struct archive_job *job = archive_job(ARCHIVE_REMOVE, NULL, NULL);

	if (!job)
		manager_out_of_memory();
	job->define = put->define;
	archive_submit(archive, job);
}

static void committed(struct archive_job *job)
{
	struct vtpm *vtpm = job->context;

	if (job->kind == ARCHIVE_PUT && vtpm->removed && !job->error)
		take_back(vtpm->manager->archive, job);
	/* This program ends; the engine sends it again to the next one. */
	if (job->error == ECANCELED) {
		manager_release(vtpm);
		return;
	}
	vtpm->storing = vtpm->storing && job->kind != ARCHIVE_PUT;
	vtpm->committing--;
	vtpm->store_error = job->error;
	if (!job->error) {
		vtpm->stored = true;
		if (job->kind == ARCHIVE_PUT)
			rollback_soon(vtpm->manager);
		if (job->generation > vtpm->generation)
			vtpm->generation = job->generation;
		if (job->define.epoch > vtpm->define.epoch) {
			vtpm->define.epoch = job->define.epoch;
			log_line("security: %s is in epoch %llu: its state came from elsewhere",
				 vtpm->define.name, (unsigned long long)vtpm->define.epoch);
		}
	} else {
		log_line("%s: cannot commit generation %llu: %s", vtpm->define.name,
			 (unsigned long long)job->generation, strerror(job->error));
	}
	if (!manager_release(vtpm))
		return;
	listen_again(vtpm);
	answer_commit(vtpm, job->generation, (uint32_t)job->error);
	if (job->kind == ARCHIVE_PUT &&
	    (vtpm->phase == VTPM_WAITING || (vtpm->phase == VTPM_IDLE && !vtpm->stored)))
		power_step(vtpm);
}

static int take(struct vtpm *vtpm, struct ipc_in *in, enum archive_kind kind)
{
	uint64_t generation = cursor_get_u64(&in->body);
	size_t length;
	const uint8_t *bytes = ipc_get_blob(in, IPC_PACKET_MAX, &length);
	struct envelope_head head;
	struct archive_job *job;

	if (!ipc_ended(in) || !length || !generation || generation > INT64_MAX ||
	    envelope_look(bytes, length, &head) || head.generation != generation)
		return -EPROTO;
	/* What is stored is evidence: nothing is written over it. */
	if (vtpm->define.quarantine[0]) {
		answer_commit(vtpm, generation, EROFS);
		return 0;
	}
	job = archive_job(kind, committed, vtpm);
	if (!job || archive_job_bytes(job, bytes, length))
		manager_out_of_memory();
	job->define = vtpm->define;
	/* That of the engine, which may be one from before an accept: the archive refuses that. */
	job->define.epoch = head.epoch;
	job->generation = generation;
	vtpm->storing = vtpm->storing || job->kind == ARCHIVE_PUT;
	vtpm->committing++;
	manager_hold(vtpm);
	archive_submit(vtpm->manager->archive, job);
	return 0;
}

static int take_commit(void *context, struct ipc_in *in)
{
	struct vtpm *vtpm = context;

	return take(vtpm, in, vtpm->stored ? ARCHIVE_COMMIT : ARCHIVE_PUT);
}

static int take_fork(void *context, struct ipc_in *in)
{
	struct vtpm *vtpm = context;

	return vtpm->stored ? take(vtpm, in, ARCHIVE_FORK) : -EPROTO;
}

static int take_ready(void *context, struct ipc_in *in)
{
	struct vtpm *vtpm = context;

	cursor_get_u64(&in->body);
	cursor_get_u8(&in->body);
	/* What serves before anything of it is durable would acknowledge what is lost. */
	if (!ipc_ended(in) || !vtpm->stored)
		return -EPROTO;
	power_ready(vtpm);
	return 0;
}

static int take_certified(void *context, struct ipc_in *in)
{
	struct vtpm *vtpm = context;

	return vtpm->stored ? certify_learn(vtpm, in) : -EPROTO;
}

/* Why it ends counts when it has: until then it is only what it says. */
static int take_ends(void *context, struct ipc_in *in)
{
	struct vtpm *vtpm = context;
	char reason[VTPM_REASON_SIZE];

	cursor_get_u32(&in->body);
	ipc_get_string(in, reason, sizeof(reason));
	if (!ipc_ended(in))
		return -EPROTO;
	text_cut(vtpm->reason, sizeof(vtpm->reason), reason);
	return 0;
}

static int take_attested(void *context, struct ipc_in *in)
{
	return attest_take(context, in);
}

static int take_asked(void *context, struct ipc_in *in)
{
	return ask_take(context, in);
}

static const struct ipc_permit permits[] = {
	{ ENGINE_COMMIT, BEGINNING | SERVING | STOPPING, take_commit },
	{ ENGINE_FORK, BEGINNING | SERVING | STOPPING, take_fork },
	{ ENGINE_CERTIFIED, BEGINNING | SERVING | STOPPING, take_certified },
	{ ENGINE_READY, BEGINNING | SERVING | STOPPING, take_ready },
	{ ENGINE_ENDS, BEGINNING | SERVING | STOPPING, take_ends },
	{ ENGINE_ATTESTED, BEGINNING | SERVING | STOPPING, take_attested },
	{ ENGINE_ASKED, BEGINNING | SERVING | STOPPING, take_asked },
};

static int take_one(struct vtpm *vtpm)
{
	static uint8_t buffer[IPC_PACKET_MAX];
	_cleanup_(ipc_in_done) struct ipc_in in = { 0 };
	int r;

	r = ipc_receive(vtpm->channel, buffer, sizeof(buffer), false, &in);
	if (r)
		return r;
	return ipc_dispatch(permits, sizeof(permits) / sizeof(permits[0]), 1u << vtpm->phase, vtpm,
			    &in);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct vtpm *vtpm = context;
	int r;

	(void)source;
	(void)fd;
	(void)events;
	/* It says nothing while it waits for its commit, so only then is it worth a system call. */
	if (vtpm->committing) {
		listen_again(vtpm);
		return 0;
	}
	r = take_one(vtpm);
	if (!r || r == -EAGAIN || r == -EINTR)
		return 0;
	/* Its end: spawn reports that too, and with it what became of the engine. */
	vtpm->channel_source = sd_event_source_disable_unref(vtpm->channel_source);
	if (r != -EPIPE) {
		log_line("%s: the engine breaks the protocol (errno %d), killing it",
			 vtpm->define.name, -r);
		manager_spawn_signal(vtpm, SIGKILL);
	}
	return 0;
}

int manager_channel_open(struct vtpm *vtpm, int fd)
{
	int r;

	manager_channel_close(vtpm);
	vtpm->channel = fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		return -errno;
	r = sd_event_add_io(vtpm->manager->event, &vtpm->channel_source, fd, EPOLLIN, on_message,
			    vtpm);
	if (r < 0)
		return r;
	listen_again(vtpm);
	return 0;
}

void manager_channel_close(struct vtpm *vtpm)
{
	attest_lost(vtpm);
	if (vtpm->channel >= 0)
		asks_lost(vtpm);
	vtpm->channel_source = sd_event_source_disable_unref(vtpm->channel_source);
	close_fdp(&vtpm->channel);
	vtpm->channel = -1;
}

void manager_channel_drain(struct vtpm *vtpm)
{
	while (vtpm->channel >= 0 && !take_one(vtpm))
		;
}

int manager_channel_configure(struct vtpm *vtpm, bool manufacture)
{
	static uint8_t buffer[IPC_PACKET_MAX];
	struct ipc_out out = ipc_out(ENGINE_CONFIG, buffer, sizeof(buffer));
	uint32_t flags = 0;

	if (manufacture)
		flags |= ENGINE_CONFIG_MANUFACTURE;
	if (vtpm->define.front == VTPM_FRONT_VM)
		flags |= ENGINE_CONFIG_FIRMWARE;
	if (vtpm->define.plain_state)
		flags |= ENGINE_CONFIG_PLAIN_STATE;
	if (vtpm->reseals)
		flags |= ENGINE_CONFIG_RESEAL;
	if (gate_freezes(vtpm))
		flags |= ENGINE_CONFIG_FROZEN;
	/* Of one that is made for nobody yet nobody waits for the certificates. */
	if (!vtpm->define.name[0])
		flags |= ENGINE_CONFIG_CERTIFY | ENGINE_CONFIG_SPARE;
	else if (!manufacture)
		flags |= ENGINE_CONFIG_CERTIFY;

	cursor_put_raw(&out.body, vtpm->define.uuid, sizeof(vtpm->define.uuid));
	cursor_put_u64(&out.body, vtpm->define.epoch);
	cursor_put_u64(&out.body, vtpm->instance);
	cursor_put_u32(&out.body, flags);
	cursor_put_u32(&out.body, vtpm->define.banks);
	cursor_put_raw(&out.body, vtpm->ticket, sizeof(vtpm->ticket));
	cursor_put_u64(&out.body, vtpm->generation);
	ipc_put_blob(&out, vtpm->envelope, vtpm->envelope_length);
	ipc_put_blob(&out, vtpm->launch.image, strlen(vtpm->launch.image));
	ipc_put_blob(&out, vtpm->launch.configuration, strlen(vtpm->launch.configuration));
	papers_wish(vtpm->papers, certify_kinds(vtpm), &out);
	return ipc_send(vtpm->channel, &out);
}

void manager_channel_again(struct vtpm *vtpm)
{
	uint8_t buffer[8];
	struct ipc_out out = ipc_out(ENGINE_AGAIN, buffer, sizeof(buffer));

	ipc_send(vtpm->channel, &out);
}
