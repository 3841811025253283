// SPDX-License-Identifier: BSD-3-Clause
/*
 * Making a vTPM: from a spare where there is one, otherwise from nothing.
 *
 *	spare		its row gets the name and the owner: one durable write
 *	from nothing	keyd makes a data key; an engine manufactures the TPM and ends; its
 *			first commit brings definition and envelope into the archive together
 *
 * Either way the vTPM is in the archive whole, or it is not there at all.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/cursor.h"
#include "manager/state.h"

/* TPM_ALG_ID of the hashes that libtpms has banks for (Part 2, 6.3) */
#define BANKS (1u << 0x04 | 1u << 0x0b | 1u << 0x0c | 1u << 0x0d)

struct creation {
	struct manager *manager;
	struct vtpm *vtpm;
	struct waiter *waiter;
};

static bool name_is_fit(const char *name)
{
	size_t length = strnlen(name, VTPM_NAME_SIZE);

	if (!length || length == VTPM_NAME_SIZE || name[0] == '.' || name[0] == '-' ||
	    !strncmp(name, "proxy-", 6))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	}
	return true;
}

bool manager_create_is_refused(struct manager *manager, const struct manager_create *what,
			       struct problem *problem)
{
	if (!name_is_fit(what->name)) {
		problem_set(problem, PROBLEM_INVALID, "choose another name",
			    "'%.64s' is no name for a vTPM: it has 1 to 63 of A-Z a-z 0-9 . _ - "
			    "and begins neither with . or - nor with \"proxy-\"",
			    what->name);
	} else if (manager_find(manager, what->name)) {
		problem_set(problem, PROBLEM_EXISTS,
			    "choose another name, or remove that one first",
			    "there is a vTPM '%s' already", what->name);
	} else if ((what->banks & ~BANKS) || (what->mode & ~0777u)) {
		problem_set(problem, PROBLEM_INVALID, "banks: sha1, sha256, sha384, sha512",
			    "'%s': mode or PCR banks are out of range", what->name);
	} else if (what->front == VTPM_FRONT_CHIP &&
		   (what->uid || what->gid || what->mode != VTPM_DEFAULT_MODE)) {
		problem_set(problem, PROBLEM_INVALID,
			    "leave owner and mode out, or use the front end device",
			    "'%s': the nodes of a chip belong to the kernel's TPM core and to root",
			    what->name);
	} else if (!vtpm_front_is_socket(what->front) && driver_open(manager)) {
		problem_set(problem, PROBLEM_NO_DRIVER,
			    "load it (modprobe vtpm), or use the front end socket or vm",
			    "'%s': the kernel module vtpm is not loaded, or %s cannot be opened",
			    what->name, manager->options.control_node);
	} else if (manager->count >= MANAGER_VTPMS_MAX) {
		problem_set(problem, PROBLEM_CONFLICT, "remove one first",
			    "'%s': this host has %u vTPMs, no more are allowed", what->name,
			    manager->count);
	} else {
		return manager_is_locked(manager, problem);
	}
	return true;
}

static void fill(struct vtpm_definition *define, const struct manager_create *what)
{
	cursor_copy(define->name, sizeof(define->name), what->name, sizeof(what->name));
	define->front = what->front;
	define->uid = what->uid;
	define->gid = what->gid;
	define->mode = what->mode;
	define->plain_state = what->plain_state;
	define->wanted = what->start;
	define->created = time(NULL);
}

/* RFC 9562, 5.4: version 4, all random */
static void new_uuid(uint8_t *uuid)
{
	if (getrandom(uuid, 16, 0) != 16)
		manager_out_of_memory();
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static void end(struct creation *creation, const struct problem *problem)
{
	manager_answer(creation->manager, creation->waiter, problem);
	free(creation);
}

/* It cannot be: it is out of the list at once, and whoever asked hears why. */
static void give_up(struct creation *creation, const struct problem *problem)
{
	struct vtpm *vtpm = creation->vtpm;

	vtpm->making = false;
	if (manager_release(vtpm))
		manager_drop(vtpm);
	end(creation, problem);
}

/*
 * The definition is complete: go on until it answers, or until it is durable. Others may
 * have asked for something meanwhile: it is stopped, started or removed now.
 */
static void go_on(struct creation *creation)
{
	struct vtpm *vtpm = creation->vtpm;
	struct problem problem;

	vtpm->making = false;
	if (vtpm->goal == VTPM_GOAL_REMOVED) {
		problem_set(&problem, PROBLEM_CONFLICT, NULL, "'%s' was removed meanwhile",
			    vtpm->define.name);
		end(creation, &problem);
		power_step(vtpm);
		return;
	}
	if (vtpm->stored && !vtpm->define.wanted) {
		vtpm->fresh = false;
		end(creation, NULL);
		power_step(vtpm);
		return;
	}
	vtpm->preparing = !vtpm->stored;
	vtpm->goal = VTPM_GOAL_ON;
	manager_start_new(vtpm, creation->waiter);
	free(creation);
}

/* Whether its row has the new name is not certain, and a name must not be blocked. */
static void take_back(struct creation *creation)
{
	struct archive_job *job = archive_job(ARCHIVE_REMOVE, NULL, NULL);

	if (!job)
		manager_out_of_memory();
	job->define = creation->vtpm->define;
	archive_submit(creation->manager->archive, job);
}

static void renamed(struct archive_job *job)
{
	struct creation *creation = job->context;
	struct vtpm *vtpm = creation->vtpm;
	struct problem problem;

	if (job->error) {
		problem_set(&problem, PROBLEM_STORAGE,
			    "make room or repair the disk, and try again",
			    "'%s' cannot be stored: %s", vtpm->define.name, strerror(job->error));
		take_back(creation);
		give_up(creation, &problem);
		return;
	}
	rollback_soon(creation->manager);
	manager_release(vtpm);
	go_on(creation);
}

static void from_spare(struct creation *creation)
{
	struct archive_job *job = archive_job(ARCHIVE_CHANGE, renamed, creation);

	if (!job)
		manager_out_of_memory();
	job->define = creation->vtpm->define;
	manager_hold(creation->vtpm);
	archive_submit(creation->manager->archive, job);
}

static int take_key(struct vtpm *vtpm, struct ipc_in *in)
{
	size_t length;
	const uint8_t *key = ipc_get_blob(in, sizeof(vtpm->define.key), &length);

	if (!ipc_ended(in) || !length)
		return -EPROTO;
	cursor_copy(vtpm->define.key, sizeof(vtpm->define.key), key, length);
	vtpm->define.key_length = length;
	return 0;
}

static int keyed(void *context, const struct peer_answer *answer)
{
	struct creation *creation = context;
	struct vtpm *vtpm = creation->vtpm;
	struct problem problem;
	int r = 0;

	if (!answer->error)
		r = take_key(vtpm, answer->in);
	if (answer->error || r) {
		manager_keyd_problem(&problem, r ? EPROTO : answer->error, answer->text);
		give_up(creation, &problem);
		return r;
	}
	manager_release(vtpm);
	go_on(creation);
	return 0;
}

static void from_nothing(struct creation *creation)
{
	struct manager *manager = creation->manager;
	uint8_t buffer[64];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_NEW_KEY, buffer, sizeof(buffer));
	bool plain = creation->vtpm->define.plain_state;

	cursor_put_raw(&out.body, creation->vtpm->define.uuid, 16);
	cursor_put_u32(&out.body, plain ? KEYD_KEY_PLAIN : 0);
	manager_hold(creation->vtpm);
	peer_send(&manager->keyd, &out, keyed, creation);
}

static struct creation *begin(struct manager *manager, struct vtpm *vtpm, manager_done done,
			      void *context)
{
	struct creation *creation = calloc(1, sizeof(*creation));

	if (!creation)
		manager_out_of_memory();
	*creation = (struct creation){
		.manager = manager,
		.vtpm = vtpm,
		.waiter = manager_ask(manager, done, context),
	};
	vtpm->making = true;
	vtpm->fresh = true;
	return creation;
}

static struct vtpm *blank(struct manager *manager, uint32_t banks,
			  const struct manager_create *what)
{
	struct vtpm_definition define = { .epoch = 1, .banks = banks, .created = time(NULL) };
	struct vtpm *vtpm;

	define.front = VTPM_FRONT_SOCKET;
	new_uuid(define.uuid);
	if (what)
		fill(&define, what);
	vtpm = manager_add(manager, &define);
	vtpm->goal = VTPM_GOAL_OFF;
	return vtpm;
}

void manager_create(struct manager *manager, const struct manager_create *what, manager_done done,
		    void *context)
{
	struct problem problem;
	struct vtpm *vtpm;

	if (manager_create_is_refused(manager, what, &problem) ||
	    (what->start && gate_holds_new(manager, &problem))) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	/* A spare's key has been made, and lets nothing leave in clear. */
	vtpm = what->plain_state ? NULL : pool_spare(manager, what->banks);
	if (vtpm) {
		manager_rename(vtpm, what->name);
		fill(&vtpm->define, what);
		from_spare(begin(manager, vtpm, done, context));
		return;
	}
	vtpm = blank(manager, what->banks, what);
	from_nothing(begin(manager, vtpm, done, context));
}

void manager_create_spare(struct manager *manager, manager_done done, void *context)
{
	struct vtpm *vtpm = blank(manager, 0, NULL);

	from_nothing(begin(manager, vtpm, done, context));
}
