// SPDX-License-Identifier: BSD-3-Clause
/*
 * Taking a store that is not the newest, because a person says so.
 *
 *	KEYD_ACCEPT (with the root key in a box: proof of the recovery code) → block →
 *	ARCHIVE_ACCEPT: leaves from rows, block, counted → asked anew, and shown
 *
 * Each vTPM comes into its next epoch with it: an engine that still runs has a state that was
 * given up, and ends; the next one seals the accepted state anew before it answers anybody.
 *
 * What is accepted are the rows as they were judged: where they have changed since, the
 * archive refuses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "manager/state.h"

struct acceptance {
	struct manager *manager;
	struct waiter *waiter;
};

static void fail(struct acceptance *acceptance, const struct problem *problem)
{
	manager_answer(acceptance->manager, acceptance->waiter, problem);
	free(acceptance);
}

static void stored(struct archive_job *job)
{
	struct acceptance *acceptance = job->context;
	struct manager *manager = acceptance->manager;
	struct problem problem;

	if (job->error) {
		problem_set(&problem, PROBLEM_STORAGE,
			    "make room or repair the disk, and run it again",
			    "the store could not be taken over whole: %s", strerror(job->error));
		fail(acceptance, &problem);
		rollback_ask(manager);
		return;
	}
	log_line("the store is taken for the newest one because a person said so");
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		vtpm->define.epoch += vtpm->stored;
		power_outdate(vtpm);
	}
	rollback_ask(manager);
	manager_keyd_answer(manager, acceptance->waiter);
	free(acceptance);
}

static void store(struct acceptance *acceptance, const uint8_t *block, size_t length)
{
	struct manager *manager = acceptance->manager;
	struct archive_job *job = archive_job(ARCHIVE_ACCEPT, stored, acceptance);

	if (!job || archive_job_bytes(job, block, length))
		manager_out_of_memory();
	cursor_copy(job->root, sizeof(job->root), manager->rollback.root, sizeof(job->root));
	archive_submit(manager->archive, job);
}

static int accepted(void *context, const struct peer_answer *answer)
{
	struct acceptance *acceptance = context;
	const uint8_t *block = NULL;
	struct problem problem;
	size_t length = 0;
	int r = 0;

	if (!answer->error) {
		block = ipc_get_blob(answer->in, KEYD_BLOCK_MAX, &length);
		r = ipc_ended(answer->in) && length ? 0 : -EPROTO;
	}
	if (answer->error || r) {
		manager_keyd_problem(&problem, r ? EPROTO : answer->error, answer->text);
		fail(acceptance, &problem);
		return r;
	}
	store(acceptance, block, length);
	return 0;
}

/* Return: there is nothing that can be accepted, and @problem says why */
static bool is_refused(struct manager *manager, struct problem *problem)
{
	enum keyd_verdict verdict = manager->rollback.verdict;

	if (manager->host.state != KEYD_STATE_UNLOCKED)
		return manager_is_locked(manager, problem);
	if (verdict == KEYD_VERDICT_UNPROTECTED)
		problem_set(problem, PROBLEM_CONFLICT, NULL,
			    "this host has no rollback protection: there is nothing to accept");
	else if (verdict == KEYD_VERDICT_NEWEST)
		problem_set(problem, PROBLEM_CONFLICT, NULL,
			    "the store is the newest one: there is nothing to accept");
	else
		return verdict == KEYD_VERDICT_UNASKED && manager_is_locked(manager, problem);
	return true;
}

void manager_host_accept(struct manager *manager, const struct manager_host_accept *what,
			 manager_done done, void *context)
{
	uint8_t buffer[2 * KEYD_BOX_MAX + 256];
	struct acceptance *acceptance;
	struct problem problem;
	struct ipc_out out;

	if (is_refused(manager, &problem)) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	acceptance = calloc(1, sizeof(*acceptance));
	if (!acceptance)
		manager_out_of_memory();
	acceptance->manager = manager;
	acceptance->waiter = manager_ask(manager, done, context);
	out = peer_call(&manager->keyd, KEYD_ACCEPT, buffer, sizeof(buffer));
	cursor_put_u32(&out.body, (what->rollback ? KEYD_ACCEPT_ROLLBACK : 0) |
					  (what->move ? KEYD_ACCEPT_MOVE : 0));
	ipc_put_blob(&out, what->box, what->box_length);
	ipc_put_blob(&out, what->owner_box, what->owner_box_length);
	cursor_put_raw(&out.body, manager->rollback.root, sizeof(manager->rollback.root));
	peer_send(&manager->keyd, &out, accepted, acceptance);
}
