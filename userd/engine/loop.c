// SPDX-License-Identifier: BSD-3-Clause
/*
 * The way of one command, on one page.
 *
 *	fetch → already executed? → head → policy → rm → TPM → rm → publish, commit → answer
 *
 * A request that the unit names is answered from it, whatever its flags: ids
 * never come back within an instance, so it was executed. Everything that ran is
 * published before its answer leaves, but for commands that changed nothing; what
 * never reached the TPM is decided anew if it comes again, with the same outcome.
 *
 * SIGTERM (end) and SIGHUP (leave) are noticed between two commands. Should one come just
 * before the sleep begins, nothing would end that sleep: so its handler sets a timer, and the
 * next SIGALRM, or the one after it, does. Who is told both, ends.
 *
 * SIGURG says that the manager asks something (evidence.c), or freezes the TPM (freeze.h). It is
 * noticed in the same way, but the timer ends soon, for it would also disturb a client that reads
 * its answer slowly.
 */
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/log.h"
#include "engine/channel.h"
#include "engine/freeze.h"
#include "engine/channel.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* By which signal; 0: not at all */
static volatile sig_atomic_t stopping;

/* The manager asks something; and how often the timer still goes off for that */
static volatile sig_atomic_t asked, alarms;
#define ALARMS 4

static void on_signal(int number)
{
	static const struct itimerval again = {
		.it_interval = { .tv_usec = 10000 },
		.it_value = { .tv_usec = 10000 },
	};
	static const struct itimerval never;

	if (number == SIGALRM) {
		if (!stopping && --alarms <= 0)
			setitimer(ITIMER_REAL, &never, NULL);
		return;
	}
	if (!stopping)
		setitimer(ITIMER_REAL, &again, NULL);
	if (number == SIGURG) {
		asked = 1;
		alarms = ALARMS;
	} else if (stopping != SIGTERM) {
		stopping = number;
	}
}

int engine_stop_on_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART */
	sigset_t all;

	if (sigaction(SIGTERM, &action, NULL) || sigaction(SIGHUP, &action, NULL) ||
	    sigaction(SIGURG, &action, NULL) || sigaction(SIGALRM, &action, NULL))
		return -errno;
	/* A parent that reads its signals from a descriptor leaves them blocked here. */
	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGURG);
	sigaddset(&all, SIGALRM);
	if (sigprocmask(SIG_UNBLOCK, &all, NULL))
		return -errno;
	return 0;
}

static void respond_error(struct link *link, uint32_t rc)
{
	link_respond(link, tpm_response_error(link->answer.response, rc));
}

static int respond_from_unit(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	struct link *link = &engine->link;
	int r;

	r = engine_open_unit(engine, &plain);
	if (r)
		return r;
	cursor_copy(link->answer.response, sizeof(link->answer.response), plain->answer,
		    plain->answer_length);
	link_respond(link, plain->answer_length);
	return 0;
}

/* Policy: what a client may not send, although the TPM would know it. */
static uint32_t refuse(const struct engine *engine, const struct tpm_command *command,
		       const struct command_attributes *attributes)
{
	/* The host is not trusted: the keys are at rest. */
	if (engine->channel && engine->channel->frozen && !freeze_allows(command->code))
		return TPM_RC_LOCKOUT;
	/*
	 * Re-seeding belongs to a platform's firmware. Where there is none, the TPM
	 * says what one says that does not implement the command (Part 2, 6.6.3).
	 */
	if (!engine->firmware && attributes && (attributes->flags & COMMAND_FIRMWARE_ONLY))
		return TPM_RC_COMMAND_CODE;
	return TPM_RC_SUCCESS;
}

static size_t response_length(const struct link *link)
{
	return link->answer.head.size - sizeof(link->answer.head);
}

/* TPMT_SIGNATURE begins with its scheme (Part 2, 11.3.4), behind parameterSize. */
static bool ends_a_commit(const struct tpm_command *command, const struct link *link)
{
	struct cursor_in in = cursor_in(link->answer.response, response_length(link));

	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
	return command->code == TPM_CC_SIGN && cursor_get_u16(&in) == TPM_ALG_ECDAA;
}

/*
 * A monitor that powers the TPM off must not spoil what its guest has saved for a resume.
 * Return: what was noted before
 */
static bool note_shutdown(struct link *link, const struct tpm_command *command)
{
	struct ctrl_note *note = link_note(link);
	bool before = note && note->shut;

	if (note)
		note->shut = command->code == TPM_CC_SHUTDOWN &&
			     !tpm_response_code(link->answer.response, response_length(link));
	return before;
}

/* The TPM is as it was before the command. */
static void take_shutdown_back(struct link *link, bool before)
{
	struct ctrl_note *note = link_note(link);

	if (note)
		note->shut = before;
}

/* What has to outlive the engine of a command that just ran. */
enum trace {
	TRACE_NONE,    /* it can simply run again */
	TRACE_COMMAND, /* it can run again behind the unit */
	TRACE_UNIT,    /* what it made of the TPM */
};

/*
 * A unit, if the command moved a session on or is audited; or if an audit session came
 * before it, which by it ceased to be exclusive (Part 1, 17.2); or right after a start.
 */
static enum trace trace_of(struct engine *engine, const struct tpm_command *command,
			   const struct command_attributes *attributes)
{
	enum command_sessions sessions = command_sessions(command, attributes);
	const struct link *link = &engine->link;
	bool unsettled = engine->unsettled;
	size_t length;

	engine->unsettled = sessions >= COMMAND_SESSIONS_AUDIT;
	if (unsettled || engine->audits || engine->rm.changed ||
	    sessions != COMMAND_SESSIONS_NONE || !attributes || tpmlib_permanent(&length))
		return TRACE_UNIT;
	if (attributes->flags & COMMAND_READ_ONLY)
		return TRACE_NONE;
	if (attributes->flags & COMMAND_REPLAYS)
		return TRACE_COMMAND;
	if (attributes->flags & COMMAND_USES_KEY &&
	    !tpm_response_code(link->answer.response, response_length(link)) &&
	    !ends_a_commit(command, link))
		return TRACE_NONE;
	return TRACE_UNIT;
}

/* Return: 0; ENGINE_NOT_KEPT (the answer says so); -errno */
static int publish_answer(struct engine *engine)
{
	struct link *link = &engine->link;
	int r = engine_publish(engine, link->frame.head.id, false);

	if (r == ENGINE_NOT_KEPT)
		respond_error(link, TPM_RC_NV_UNAVAILABLE);
	return r;
}

/* Before the answer leaves. Return: as publish_answer() */
static int keep(struct engine *engine, uint64_t client, const struct tpm_command *command,
		const struct command_attributes *attributes)
{
	enum trace trace = trace_of(engine, command, attributes);
	int r = UNIT_E_FULL;

	if (trace == TRACE_NONE)
		return 0;
	if (trace == TRACE_COMMAND)
		r = engine_append(engine, client, command);
	return r == UNIT_E_FULL ? publish_answer(engine) : r;
}

/* What the resource manager did by itself; there is no answer that belongs to it. */
static int publish_tables(struct engine *engine)
{
	int r = engine->rm.changed ? engine_publish(engine, 0, false) : 0;

	if (r == ENGINE_NOT_KEPT)
		log_line("a client's objects could not be let go of; they stay until a reset");
	return r == ENGINE_NOT_KEPT ? 0 : r;
}

/* As the TPM core's resource manager does: no response, but an errno. */
static int refuse_handle(struct engine *engine)
{
	int r = publish_tables(engine);

	link_refuse(&engine->link, EINVAL);
	return r;
}

/* Whose command it is: on every way but the shared node there is nobody to tell apart. */
static uint64_t client_of(const struct vtpm_frame *head)
{
	return head->node == VTPM_NODE_RM ? head->client : RM_RAW;
}

static bool is_off(const struct link *link)
{
	const struct ctrl_note *note = link_note(link);

	return note && note->off;
}

static int run_command(struct engine *engine, size_t length)
{
	const struct command_attributes *attributes;
	struct link *link = &engine->link;
	uint64_t client = client_of(&link->frame.head);
	struct tpm_command command;
	bool was_shut;
	size_t size;
	uint32_t rc;
	int r;

	if (link->frame.head.id && link->frame.head.id == engine->unit.id)
		return respond_from_unit(engine);
	if (link->frame.head.flags & VTPM_FRAME_POISONED) {
		respond_error(link, TPM_RC_FAILURE);
		r = publish_answer(engine);
		return r == ENGINE_NOT_KEPT ? 0 : r;
	}
	if (is_off(link)) {
		respond_error(link, TPM_RC_FAILURE);
		return 0;
	}

	rc = tpm_command_parse(link->frame.body, length, &command);
	attributes = rc ? NULL : command_find(command.code);
	if (!rc)
		rc = refuse(engine, &command, attributes);
	if (rc) {
		respond_error(link, client && rc == TPM_RC_COMMAND_CODE ? RM_COMMAND_CODE : rc);
		return 0;
	}

	r = rm_run(&engine->rm, client, link->frame.head.locality, &command, attributes,
		   link->answer.response, &size);
	if (r < 0)
		return r;
	if (r == RM_E_HANDLE)
		return refuse_handle(engine);
	link_respond(link, size);
	evidence_note(&engine->evidence, command.code, link->answer.response, size);
	was_shut = note_shutdown(link, &command);

	r = keep(engine, client, &command, attributes);
	if (r == ENGINE_NOT_KEPT) {
		take_shutdown_back(link, was_shut);
		r = 0;
	}
	if (!r && attributes && (attributes->flags & COMMAND_AUDIT_SETUP))
		r = engine_ask_audits(engine);
	return r;
}

/*
 * A client needs no opening; it is there when it has something. Its end is published
 * without an id, since it may simply run again.
 */
static int close_client(struct engine *engine)
{
	int r = rm_close(&engine->rm, client_of(&engine->link.frame.head));

	if (!r)
		r = publish_tables(engine);
	link_refuse(&engine->link, 0);
	return r;
}

/*
 * A proof takes longer than a command may: the manager is told, and tells the driver. One that
 * comes again is passed on again, as it has the same id.
 */
static void pass_on(struct engine *engine, size_t length)
{
	struct link *link = &engine->link;
	struct vtpm_question question;
	int r = -EPROTO;

	if (engine->channel && length == sizeof(question) &&
	    cursor_copy(&question, sizeof(question), link->frame.body, length))
		r = channel_ask(engine->channel, &question);
	link_refuse(link, !r ? 0 : r == CHANNEL_BUSY ? EBUSY : EIO);
}

/* Return: 1 when link->answer is ready, 0 when there is nothing to answer, or -errno. */
static int take_frame(struct engine *engine)
{
	struct link *link = &engine->link;
	int r;

	switch (link->frame.head.kind) {
	case VTPM_FRAME_COMMAND:
		r = run_command(engine, link->frame.head.size - sizeof(link->frame.head));
		return r ? r : 1;
	case VTPM_FRAME_OPEN:
		link_refuse(link, 0);
		return 1;
	case VTPM_FRAME_CLOSE:
		r = close_client(engine);
		return r ? r : 1;
	case VTPM_FRAME_ASK:
		pass_on(engine, link->frame.head.size - sizeof(link->frame.head));
		return 1;
	case VTPM_FRAME_WAKE:
		return 0;
	default:
		link_refuse(link, EINVAL);
		return 1;
	}
}

/* Whoever waits for an answer has it first. */
static int attend(struct engine *engine, bool answer)
{
	int r = answer ? link_exchange(&engine->link, true, false) : 0;

	asked = 0;
	return r && r != -EINTR ? r : engine_attend(engine);
}

int engine_serve(struct engine *engine)
{
	int answer = 0;

	while (!stopping) {
		bool attends = asked;
		int r = attends ? attend(engine, answer)
				: link_exchange(&engine->link, answer, true);

		answer = 0;
		if (r == -EINTR || (!r && attends))
			continue;
		if (r)
			return r;
		/* It came before this command: whoever froze the TPM counts on that. */
		if (asked && engine->channel)
			(void)channel_look(engine->channel);
		answer = take_frame(engine);
		if (answer < 0)
			return answer;
	}
	answer = answer ? link_exchange(&engine->link, true, false) : 0;
	return !answer && stopping == SIGHUP ? ENGINE_LEAVES : answer;
}
