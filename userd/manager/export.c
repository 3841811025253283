// SPDX-License-Identifier: BSD-3-Clause
/*
 * A vTPM leaves.
 *
 *	it is off, and goes nowhere meanwhile
 *	envelope → KEYD_MOVE_SEAL: head of the package; a head that is not stored is nothing
 *	ARCHIVE_LEAVE: in one transaction the row has its next epoch and no key, and a mark says
 *		where it went: from here on it is never started
 *	ARCHIVE_ANCHOR: the host TPM has counted, an older store is found out
 *	ARCHIVE_RECALL → package
 *
 * So there is no state between here and gone, and no journal. Killed before the transaction is
 * durable it is here; after it, gone, and the package is what the store has: each --again gives the
 * same one, once the host TPM has counted. With another certificate of the same host its data key
 * is sealed anew, in the same epoch, of which that host takes one alone.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "manager/moving.h"

static void recall(struct moving *moving, void (*done)(struct archive_job *job))
{
	struct archive_job *job = archive_job(ARCHIVE_RECALL, done, moving);

	if (!job)
		manager_out_of_memory();
	job->define = moving->vtpm->define;
	archive_submit(moving->manager->archive, job);
}

static void block_recall(struct moving *moving, int error)
{
	if (error == EUCLEAN)
		moving_block(moving, PROBLEM_STORAGE, "`vtpmctl fsck` says what is intact",
			     "what is recorded of the move of '%s' is not what the host TPM vouches "
			     "for",
			     moving->moved.name);
	else
		moving_block(moving, PROBLEM_STORAGE, "repair the disk, and try again",
			     "the package of '%s' cannot be read: %s", moving->moved.name,
			     strerror(error));
}

static void recalled(struct archive_job *job)
{
	struct moving *moving = job->context;
	struct manager_moved *moved = &moving->moved;

	if (job->error) {
		block_recall(moving, job->error);
	} else {
		text_cut(moved->host, sizeof(moved->host), job->mark.host);
		moved->head = (struct manager_bytes){ job->head, job->head_length };
		moved->envelope = (struct manager_bytes){ job->bytes, job->length };
	}
	moving_end(moving);
}

static void deliver(struct moving *moving)
{
	recall(moving, recalled);
}

static void note_left(struct moving *moving)
{
	struct vtpm *vtpm = moving->vtpm;

	vtpm->moved = true;
	vtpm->define.wanted = false;
	text_cut(vtpm->moved_to, sizeof(vtpm->moved_to), moving->moved.host);
}

static void left(struct archive_job *job)
{
	struct moving *moving = job->context;
	struct vtpm *vtpm = moving->vtpm;

	/* Nobody can tell: then it is never started by this vtpmd, and the next one knows. */
	if (!job->error || job->error == EUCLEAN)
		note_left(moving);
	if (job->error) {
		moving_block(moving, PROBLEM_STORAGE,
			     "make room or repair the disk, see what it is with `vtpmctl list`, and "
			     "try again, with --again where it is moved",
			     "that '%s' leaves cannot be stored: %s", moving->moved.name,
			     strerror(job->error));
		moving_end(moving);
		return;
	}
	vtpm->define.epoch = job->define.epoch;
	vtpm->define.key_length = 0;
	log_line("security: '%s' left for the host %s", vtpm->define.name, moving->moved.host);
	manager_spawn_forget(moving->manager, vtpm->define.uuid);
	moving_anchor(moving, deliver);
}

static void leave(struct moving *moving, struct manager_bytes head)
{
	struct archive_job *job = archive_job(ARCHIVE_LEAVE, left, moving);

	if (!job || archive_job_head(job, head.at, head.length))
		manager_out_of_memory();
	job->define = moving->vtpm->define;
	job->define.epoch = moving->mark.epoch;
	job->generation = moving->vtpm->generation;
	job->mark.way = ARCHIVE_LEFT;
	job->mark.time = time(NULL);
	text_cut(job->mark.host, sizeof(job->mark.host), moving->moved.host);
	moving_digest(head, job->mark.package);
	archive_submit(moving->manager->archive, job);
}

static int sealed(void *context, const struct peer_answer *answer)
{
	struct moving *moving = context;
	struct manager_bytes head = { 0 };

	if (!answer->error) {
		ipc_get_string(answer->in, moving->moved.host, sizeof(moving->moved.host));
		head.at = ipc_get_blob(answer->in, PACKAGE_HEAD_MAX, &head.length);
	}
	if (answer->error || !ipc_ended(answer->in) || !head.length == !moving->look)
		return moving_keyd_failed(moving, answer);
	if (moving->look)
		moving_end(moving);
	else
		leave(moving, head);
	return 0;
}

/* @key: wrapped; its row's, or that of its mark */
static void seal(struct moving *moving, struct manager_bytes envelope, struct manager_bytes key)
{
	const struct vtpm_definition *define = &moving->vtpm->define;
	struct peer *keyd = &moving->manager->keyd;
	uint8_t buffer[12288], digest[PACKAGE_HASH] = { 0 };
	struct ipc_out out = peer_call(keyd, KEYD_MOVE_SEAL, buffer, sizeof(buffer));

	if (envelope.length)
		moving_digest(envelope, digest);
	ipc_put_blob(&out, moving->chain, moving->chain_length);
	ipc_put_string(&out, moving->mark.host);
	ipc_put_blob(&out, moving->statement, moving->statement_length);
	ipc_put_blob(&out, moving->signature, moving->signature_length);
	cursor_put_u8(&out.body, moving->look);
	cursor_put_raw(&out.body, define->uuid, sizeof(define->uuid));
	cursor_put_u64(&out.body, moving->mark.epoch);
	cursor_put_u64(&out.body, moving->vtpm->generation);
	cursor_put_raw(&out.body, digest, sizeof(digest));
	ipc_put_string(&out, define->name);
	cursor_put_u8(&out.body, (uint8_t)define->front);
	cursor_put_u32(&out.body, define->banks);
	cursor_put_u8(&out.body, define->plain_state ? KEYD_KEY_PLAIN : 0);
	cursor_put_u64(&out.body, (uint64_t)define->created);
	ipc_put_blob(&out, key.at, key.length);
	peer_send(keyd, &out, sealed, moving);
}

static void take(struct moving *moving, struct archive_job *job, uint64_t epoch)
{
	moving->mark.epoch = epoch;
	moving->vtpm->generation = job->generation;
	seal(moving, (struct manager_bytes){ job->bytes, job->length },
	     (struct manager_bytes){ job->define.key, job->define.key_length });
}

static void loaded(struct archive_job *job)
{
	struct moving *moving = job->context;

	if (!job->error) {
		take(moving, job, job->define.epoch + 1);
		return;
	}
	moving_block(moving, PROBLEM_STORAGE, "`vtpmctl fsck` says what is intact",
		     "the state of '%s' cannot be read: %s", moving->moved.name,
		     strerror(job->error));
	moving_end(moving);
}

static void recalled_to_seal(struct archive_job *job)
{
	struct moving *moving = job->context;

	if (job->error) {
		block_recall(moving, job->error);
		moving_end(moving);
		return;
	}
	moving->mark = job->mark;
	take(moving, job, job->mark.epoch);
}

static void block_state(struct moving *moving, const struct vtpm *vtpm, bool again)
{
	const char *name = vtpm->define.name;

	if (vtpm->moved && !again)
		moving_block(moving, PROBLEM_CONFLICT,
			     "--again gives the package for that host once more",
			     "'%s' left for the host %s", name, vtpm->moved_to);
	else if (!vtpm->moved && again)
		moving_block(moving, PROBLEM_CONFLICT, "leave --again out", "'%s' is here", name);
	if (vtpm->define.quarantine[0])
		moving_block(moving, PROBLEM_CONFLICT, NULL, "'%s' is quarantined: %s", name,
			     vtpm->define.quarantine);
	if (vtpm->define.plain_state)
		moving_block(moving, PROBLEM_CONFLICT, "its monitor moves it",
			     "the state of '%s' may leave in clear, so nobody can say that it is "
			     "nowhere else",
			     name);
	if (!vtpm->stored || vtpm->making || vtpm->preparing || vtpm->goal != VTPM_GOAL_OFF ||
	    vtpm->phase != VTPM_IDLE)
		moving_block(moving, PROBLEM_CONFLICT, "`vtpmctl stop` powers it off",
			     "'%s' is not powered off", name);
}

static void load(struct moving *moving)
{
	struct archive_job *job = archive_job(ARCHIVE_LOAD, loaded, moving);

	if (!job)
		manager_out_of_memory();
	job->define = moving->vtpm->define;
	archive_submit(moving->manager->archive, job);
}

static void look(struct moving *moving)
{
	moving->mark.epoch = moving->vtpm->define.epoch + 1;
	seal(moving, (struct manager_bytes){ 0 }, (struct manager_bytes){ 0 });
}

static struct moving *begin(struct manager *manager, const struct manager_export *what,
			    manager_moved_done done, void *context)
{
	struct moving *moving = moving_new(manager, done, context, what->look);

	moving_copy(what->chain, &moving->chain, &moving->chain_length);
	moving_copy(what->statement, &moving->statement, &moving->statement_length);
	moving_copy(what->signature, &moving->signature, &moving->signature_length);
	return moving;
}

void manager_export(struct manager *manager, const char *name, const struct manager_export *what,
		    manager_moved_done done, void *context)
{
	struct moving *moving = begin(manager, what, done, context);
	struct vtpm *vtpm = manager_find(manager, name);

	text_cut(moving->moved.name, sizeof(moving->moved.name), name);
	if (!vtpm) {
		problem_set(&moving->problem, PROBLEM_NOT_FOUND,
			    "`vtpmctl list` shows those there are", "there is no vTPM '%s'", name);
		moving_end_later(moving);
		return;
	}
	moving_block_host(moving);
	block_state(moving, vtpm, what->again);
	if (!what->again && !what->chain.length)
		moving_block(moving, PROBLEM_INVALID, "`vtpmctl host move-key` makes one there",
			     "nobody said which host '%s' shall go to", name);
	if (!moving_may_ask(moving) || (what->look && !what->chain.length)) {
		moving_end_later(moving);
		return;
	}
	moving_hold(moving, vtpm);
	if (what->look)
		look(moving);
	else if (!what->again)
		load(moving);
	else if (what->chain.length)
		recall(moving, recalled_to_seal);
	else
		moving_anchor(moving, deliver);
}
