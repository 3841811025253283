// SPDX-License-Identifier: BSD-3-Clause
/*
 * A vTPM arrives.
 *
 *	package → KEYD_MOVE_OPEN: it was sent by a host of this fleet, to this one; data key
 *	ARCHIVE_ARRIVE: in one transaction definition, envelope and a mark, or nothing. In the epoch
 *		of its mark, or one before, a vTPM is never taken again
 *	ARCHIVE_ANCHOR: the host TPM has counted, a store of before is found out
 *
 * Its row has the next epoch and its envelope that of before, as after a store was accepted: the
 * first engine seals the state anew, and has its keys certified by this host's CA.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "manager/moving.h"

static void finish(struct moving *moving)
{
	log_line("security: '%s' came from the host %s", moving->moved.name, moving->moved.host);
	moving_end(moving);
}

static void block_arrival(struct moving *moving, int error)
{
	const char *name = moving->moved.name;

	switch (error) {
	case EALREADY:
		moving_block(moving, PROBLEM_CONFLICT,
			     "a package is taken once; that host can send it again only when it "
			     "went back there",
			     "'%s' was on this host already, in the epoch of the package or a later "
			     "one",
			     name);
		break;
	case EEXIST:
		moving_block(moving, PROBLEM_EXISTS,
			     "choose another name, or remove what is left of it here",
			     "there is a vTPM of the name '%s', or of the same UUID", name);
		break;
	case EUCLEAN:
		moving_block(moving, PROBLEM_STORAGE, "`vtpmctl fsck` says what is intact",
			     "what is recorded of former moves of '%s' is not what the host TPM "
			     "vouches for, or it is not known whether it is stored",
			     name);
		break;
	case EINVAL:
		moving_block(moving, PROBLEM_INVALID, NULL,
			     "the state in the package of '%s' is not what its head says", name);
		break;
	default:
		moving_block(moving, PROBLEM_STORAGE, "make room or repair the disk, and try again",
			     "'%s' cannot be stored: %s", name, strerror(error));
	}
}

static void stored(struct archive_job *job)
{
	struct moving *moving = job->context;
	struct vtpm *vtpm = moving->vtpm;

	if (job->error) {
		block_arrival(moving, job->error);
		moving_end(moving);
		return;
	}
	vtpm->stored = true;
	vtpm->generation = job->generation;
	moving_anchor(moving, finish);
}

static void arrive(struct moving *moving, const struct package *package,
		   struct manager_bytes head, struct manager_bytes envelope)
{
	struct archive_job *job = archive_job(ARCHIVE_ARRIVE, stored, moving);

	if (!job || archive_job_bytes(job, envelope.at, envelope.length))
		manager_out_of_memory();
	job->define = moving->vtpm->define;
	job->generation = package->generation;
	job->mark.way = ARCHIVE_CAME;
	job->mark.time = time(NULL);
	text_cut(job->mark.host, sizeof(job->mark.host), moving->moved.host);
	moving_digest(head, job->mark.package);
	archive_submit(moving->manager->archive, job);
}

/* Nobody else has the bytes, and they were split before. */
static void parts_of(const struct moving *moving, struct package *ret,
		     struct manager_bytes *ret_head, struct manager_bytes *ret_envelope)
{
	struct package_bytes head = { 0 }, envelope = { 0 };

	package_split(moving->package, moving->length, &head, &envelope);
	package_get_head(head.at, head.length, ret);
	*ret_head = (struct manager_bytes){ head.at, head.length };
	*ret_envelope = (struct manager_bytes){ envelope.at, envelope.length };
}

static int opened(void *context, const struct peer_answer *answer)
{
	struct moving *moving = context;
	struct manager_bytes head, envelope, key = { 0 };
	struct package package = { 0 };
	struct vtpm_definition *define;

	if (!answer->error) {
		ipc_get_string(answer->in, moving->moved.host, sizeof(moving->moved.host));
		key.at = ipc_get_blob(answer->in, KEYD_WRAPPED_MAX, &key.length);
	}
	if (answer->error || !ipc_ended(answer->in) || !key.length == !moving->look)
		return moving_keyd_failed(moving, answer);
	if (moving->look) {
		moving_end(moving);
		return 0;
	}
	define = &moving->vtpm->define;
	cursor_copy(define->key, sizeof(define->key), key.at, key.length);
	define->key_length = key.length;
	parts_of(moving, &package, &head, &envelope);
	arrive(moving, &package, head, envelope);
	return 0;
}

static void open_head(struct moving *moving, struct package_bytes head)
{
	struct peer *keyd = &moving->manager->keyd;
	uint8_t buffer[PACKAGE_HEAD_MAX + 64];
	struct ipc_out out = peer_call(keyd, KEYD_MOVE_OPEN, buffer, sizeof(buffer));

	cursor_put_u8(&out.body, moving->look);
	ipc_put_blob(&out, head.at, head.length);
	peer_send(keyd, &out, opened, moving);
}

static void block_package(struct moving *moving, const struct package *package,
			  struct package_bytes envelope, const struct manager_create *what)
{
	struct manager *manager = moving->manager;
	const struct vtpm *same = manager_find_uuid(manager, package->uuid);
	uint8_t digest[PACKAGE_HASH];
	struct problem problem;

	moving_digest((struct manager_bytes){ envelope.at, envelope.length }, digest);
	if (!secret_equal(digest, package->envelope, sizeof(digest)))
		moving_block(moving, PROBLEM_INVALID, "have it sent again",
			     "the package of '%s' was changed, or is not whole", what->name);
	if (same)
		moving_block(moving, PROBLEM_EXISTS,
			     same->moved ? "`vtpmctl remove` erases what is left of it" : NULL,
			     "the vTPM of the package is here, as '%s'", same->define.name);
	if (manager_create_is_refused(manager, what, &problem) && problem.code != PROBLEM_LOCKED &&
	    problem.code != PROBLEM_UNINITIALISED)
		moving_block(moving, problem.code, problem.next, "%s", problem.detail);
}

static void hold_new(struct moving *moving, const struct package *package,
		     const struct manager_create *what)
{
	struct vtpm_definition define = {
		.front = what->front,
		.uid = what->uid,
		.gid = what->gid,
		.mode = what->mode,
		.banks = package->banks,
		.epoch = package->epoch,
		.plain_state = package->plain,
		.created = (int64_t)package->created,
	};

	cursor_copy(define.uuid, sizeof(define.uuid), package->uuid, sizeof(package->uuid));
	text_cut(define.name, sizeof(define.name), what->name);
	moving_hold(moving, manager_add(moving->manager, &define));
}

void manager_import(struct manager *manager, const struct manager_import *what,
		    manager_moved_done done, void *context)
{
	struct moving *moving = moving_new(manager, done, context, what->look);
	struct package_bytes head = { 0 }, envelope = { 0 };
	struct package package;

	text_cut(moving->moved.name, sizeof(moving->moved.name), what->what.name);
	moving_copy(what->package, &moving->package, &moving->length);
	if (!package_split(moving->package, moving->length, &head, &envelope) ||
	    !package_get_head(head.at, head.length, &package)) {
		problem_set(&moving->problem, PROBLEM_INVALID, "`vtpmctl export` makes one",
			    "this is no package of a vTPM, or of another version");
		moving_end_later(moving);
		return;
	}
	moving_block_host(moving);
	block_package(moving, &package, envelope, &what->what);
	if (!moving_may_ask(moving)) {
		moving_end_later(moving);
		return;
	}
	if (!what->look)
		hold_new(moving, &package, &what->what);
	open_head(moving, head);
}
