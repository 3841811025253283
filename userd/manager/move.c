// SPDX-License-Identifier: BSD-3-Clause
/*
 * A move, from its beginning to its end; see the headers.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/moving.h"

struct moving *moving_new(struct manager *manager, manager_moved_done done, void *context,
			  bool look)
{
	struct moving *moving = calloc(1, sizeof(*moving));

	if (!moving)
		manager_out_of_memory();
	moving->manager = manager;
	moving->waiter = manager_ask(manager, NULL, context);
	moving->done = done;
	moving->look = look;
	return moving;
}

void moving_copy(struct manager_bytes from, uint8_t **ret, size_t *ret_length)
{
	*ret = malloc(from.length ? from.length : 1);
	if (!*ret)
		manager_out_of_memory();
	cursor_copy(*ret, from.length, from.at, from.length);
	*ret_length = from.length;
}

void moving_block(struct moving *moving, enum problem_code code, const char *next,
		  const char *format, ...)
{
	struct manager_moved *moved = &moving->moved;
	struct problem problem;
	char text[sizeof(problem.detail)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	problem_set(&problem, code, next, "%s", text);
	if (!moving->look && !moving->problem.code)
		moving->problem = problem;
	if (moved->blocker_count < MOVE_BLOCKERS_MAX)
		moved->blockers[moved->blocker_count++] = problem;
}

void moving_block_host(struct moving *moving)
{
	struct manager *manager = moving->manager;
	struct problem problem;

	if (!manager->host.keyd_here)
		moving_block(moving, PROBLEM_LOCKED, "see the log of vtpm-keyd",
			     "vtpm-keyd is away");
	else if (manager_is_locked(manager, &problem))
		moving_block(moving, problem.code, problem.next, "%s", problem.detail);
	else if (manager->host.protection != KEYD_PROTECTION_TPM)
		moving_block(moving, PROBLEM_NO_HARDWARE, NULL,
			     "no host TPM protects this host: it moves no vTPMs");
	else if (manager->host.rollback == KEYD_ROLLBACK_OFF)
		moving_block(moving, PROBLEM_CONFLICT, NULL,
			     "this host has no rollback protection, so nothing keeps a vTPM that "
			     "left from coming back with an older store: it moves no vTPMs");
}

void moving_hold(struct moving *moving, struct vtpm *vtpm)
{
	manager_hold(vtpm);
	moving->vtpm = vtpm;
	moving->owns = !moving->look;
	vtpm->making = vtpm->making || moving->owns;
}

bool moving_may_ask(const struct moving *moving)
{
	struct manager *manager = moving->manager;
	struct problem ignored;

	if (!moving->look)
		return !moving->problem.code;
	return manager->host.keyd_here && !manager_is_locked(manager, &ignored);
}

int moving_keyd_failed(struct moving *moving, const struct peer_answer *answer)
{
	struct problem problem;

	manager_keyd_problem(&problem, answer->error ? answer->error : EPROTO, answer->text);
	switch (answer->error) {
	case ENOENT:
	case EPERM:
	case ETIME:
	case EINVAL:
		problem.code = PROBLEM_CONFLICT;
		break;
	case EXDEV:
	case EBADE:
	case EBADMSG:
	case EEXIST:
		problem.code = PROBLEM_INVALID;
		break;
	}
	moving_block(moving, problem.code, problem.next, "%s", problem.detail);
	moving_end(moving);
	return answer->error ? 0 : -EPROTO;
}

void moving_digest(struct manager_bytes bytes, uint8_t ret[PACKAGE_HASH])
{
	if (!EVP_Digest(bytes.at, bytes.length, ret, NULL, EVP_sha256(), NULL))
		manager_out_of_memory();
}

/* Anchoring */

struct anchoring {
	struct moving *moving;
	void (*then)(struct moving *moving);
};

static void anchored(struct archive_job *job)
{
	struct anchoring *anchoring = job->context;
	struct moving *moving = anchoring->moving;
	void (*then)(struct moving *moving) = anchoring->then;

	free(anchoring);
	if (!job->error) {
		manager_keyd_look(moving->manager);
		then(moving);
		return;
	}
	moving_block(moving, PROBLEM_HOST_TPM,
		     "nothing was given away; when the host TPM answers, run it with --again",
		     "the move of '%s' is stored, but not anchored in the host TPM: %s",
		     moving->moved.name, strerror(job->error));
	moving_end(moving);
}

void moving_anchor(struct moving *moving, void (*then)(struct moving *moving))
{
	struct anchoring *anchoring = calloc(1, sizeof(*anchoring));
	struct archive_job *job = archive_job(ARCHIVE_ANCHOR, anchored, anchoring);

	if (!anchoring || !job)
		manager_out_of_memory();
	*anchoring = (struct anchoring){ moving, then };
	archive_submit(moving->manager->archive, job);
}

/* The end */

void moving_end(struct moving *moving)
{
	const struct problem *problem = moving->problem.code ? &moving->problem : NULL;
	struct vtpm *vtpm = moving->vtpm;
	bool owns = moving->owns;

	if (!moving->waiter->forgotten)
		moving->done(moving->waiter->context, problem, &moving->moved);
	manager_answer(moving->manager, moving->waiter, problem);
	free(moving->package);
	free(moving->chain);
	free(moving->statement);
	free(moving->signature);
	free(moving);
	if (vtpm && owns)
		vtpm->making = false;
	if (!vtpm || !manager_release(vtpm) || !owns)
		return;
	/* whose first row was never written does not exist */
	if (!vtpm->stored)
		manager_drop(vtpm);
	else
		power_step(vtpm);
}

static int end_now(sd_event_source *source, void *context)
{
	sd_event_source_unref(source);
	moving_end(context);
	return 0;
}

void moving_end_later(struct moving *moving)
{
	sd_event_source *source;

	if (sd_event_add_defer(moving->manager->event, &source, end_now, moving) < 0)
		manager_out_of_memory();
}
