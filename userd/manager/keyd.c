// SPDX-License-Identifier: BSD-3-Clause
/*
 * The host as vtpm-keyd sees it, and what is asked of keyd for the host as a whole.
 *
 * What keyd says of itself is asked for when it appears, and after everything that may
 * have changed it; in between, the last answer counts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/state.h"

/* Whoever asked may go away before the answer: only @waiter knows whether it is there. */
struct asker {
	struct asker *next;
	struct manager *manager;
	struct waiter *waiter;
	manager_recovery_done recovery_done;
};

static void take_rollback(struct manager_host *host, struct ipc_in *in)
{
	host->rollback = (enum keyd_rollback)cursor_get_u8(&in->body);
	cursor_get_u8(&in->body); /* verdict: ours is newer */
	host->counter = cursor_get_u64(&in->body);
	host->window = cursor_get_u32(&in->body);
}

int manager_keyd_take_status(struct manager_host *host, struct ipc_in *in)
{
	size_t length;
	const uint8_t *name;

	host->state = (enum keyd_state)cursor_get_u8(&in->body);
	host->protection = (enum keyd_protection)cursor_get_u8(&in->body);
	host->separated = cursor_get_u8(&in->body) != 0;
	cursor_get_u32(&in->body);
	ipc_get_string(in, host->tcti, sizeof(host->tcti));
	ipc_get_string(in, host->host_tpm, sizeof(host->host_tpm));
	ipc_get_string(in, host->policy, sizeof(host->policy));
	name = ipc_get_blob(in, sizeof(host->storage_key), &length);
	ipc_get_string(in, host->reason, sizeof(host->reason));
	take_rollback(host, in);
	host->migration_key = cursor_get_u8(&in->body) != 0;
	host->share = (enum keyd_share)cursor_get_u8(&in->body);
	if (!ipc_ended(in) || host->rollback >= _KEYD_ROLLBACK_MAX ||
	    host->share >= _KEYD_SHARE_MAX ||
	    host->state > KEYD_STATE_UNLOCKED || host->protection > KEYD_PROTECTION_TPM)
		return -EPROTO;
	cursor_copy(host->storage_key, sizeof(host->storage_key), name, length);
	host->storage_key_length = length;
	return 0;
}

/* A keyd of an earlier run, that talks to another TPM than we are told to use. */
static bool is_another(const struct manager *manager)
{
	return manager->options.foreground && manager->options.tcti[0] &&
	       strcmp(manager->options.tcti, manager->host.tcti) != 0;
}

static int ending(void *context, const struct peer_answer *answer)
{
	(void)context;
	return answer->in && !ipc_ended(answer->in) ? -EPROTO : 0;
}

void manager_keyd_end(struct manager *manager)
{
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_END, buffer, sizeof(buffer));

	peer_send(&manager->keyd, &out, ending, manager);
}

static int look(struct manager *manager, const struct peer_answer *answer)
{
	int r;

	if (answer->error)
		return 0;
	r = manager_keyd_take_status(&manager->host, answer->in);
	if (r)
		return r;
	if (is_another(manager)) {
		log_line("vtpm-keyd of an earlier run uses TCTI '%s', ending it",
			 manager->host.tcti);
		manager_keyd_end(manager);
		return 0;
	}
	manager->host.keyd_here = true;
	if (rollback_is_pending(manager))
		rollback_ask(manager);
	power_step_all(manager);
	return 0;
}

static int looked(void *context, const struct peer_answer *answer)
{
	return look(context, answer);
}

static void ask(struct manager *manager, peer_done done, void *context)
{
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_STATUS, buffer, sizeof(buffer));

	peer_send(&manager->keyd, &out, done, context);
}

void manager_keyd_look(struct manager *manager)
{
	ask(manager, looked, manager);
}

static void on_here(void *context)
{
	rollback_forget(context);
	manager_keyd_look(context);
}

static void on_away(void *context)
{
	struct manager *manager = context;

	manager->host.keyd_here = false;
	manager_ended(manager);
}

static void on_absent(void *context)
{
	children_start(context, "vtpm-keyd");
}

static int on_report(void *context, struct ipc_in *in)
{
	(void)context;
	(void)in;
	return -EPROTO;
}

static const struct peer_ops keyd_ops = {
	.name = "vtpm-keyd",
	.texts = true,
	.here = on_here,
	.away = on_away,
	.absent = on_absent,
	.report = on_report,
};

int manager_keyd_init(struct manager *manager)
{
	char path[sizeof(manager->options.runtime_dir) + 16];

	snprintf(path, sizeof(path), "%s/keyd.sock", manager->options.runtime_dir);
	return peer_init(&manager->keyd, manager->event, path, &keyd_ops, manager);
}

static enum problem_code code_of(uint32_t error)
{
	switch (error) {
	case EEXIST:
		return PROBLEM_EXISTS;
	case EACCES:
	case EKEYREJECTED:
		return PROBLEM_AUTH;
	case ENODEV:
		return PROBLEM_NO_HARDWARE;
	case EINPROGRESS:
	case ENOKEY:
		return PROBLEM_LOCKED;
	case EAGAIN:
	case EBUSY:
	case EFBIG:
	case EIO:
		return PROBLEM_HOST_TPM;
	case EBADMSG:
	case ENOSPC:
	case EPROTONOSUPPORT:
		return PROBLEM_STORAGE;
	case EINVAL:
		return PROBLEM_INVALID;
	default:
		return PROBLEM_INTERNAL;
	}
}

static const char *next_of(uint32_t error)
{
	if (error == ENODEV)
		return "to do without one, and be shown as not hardware protected: "
		       "`vtpmctl host init --no-hardware`";
	return NULL;
}

void manager_keyd_problem(struct problem *problem, uint32_t error, const char *text)
{
	if (error == ENOTCONN)
		problem_set(problem, PROBLEM_INTERNAL,
			    "it is started again by itself; if not, see its log",
			    "vtpm-keyd went away before it answered");
	else
		problem_set(problem, code_of(error), next_of(error), "%s",
			    text && text[0] ? text : strerror((int)error));
}

bool manager_is_locked(struct manager *manager, struct problem *problem)
{
	const char *reason, *next;

	if (!manager->host.keyd_here)
		return false;
	switch (manager->host.state) {
	case KEYD_STATE_NONE:
		problem_set(problem, PROBLEM_UNINITIALISED, "run `vtpmctl host init` first",
			    "this host has no root key yet");
		return true;
	case KEYD_STATE_LOCKED:
		problem_set(problem, PROBLEM_LOCKED,
			    manager->host.share == KEYD_SHARE_WAITED_FOR
				    ? "`vtpmctl host attest --to URL` fetches the verifier's share"
				    : "`vtpmctl host unlock` opens it with the recovery code",
			    "the host root key is locked: %s", manager->host.reason);
		return true;
	case KEYD_STATE_UNLOCKED:
		break;
	}
	if (!rollback_locks(manager, &reason, &next))
		return false;
	problem_set(problem, PROBLEM_LOCKED, next, "the host is locked: %s", reason);
	return true;
}

void manager_host(struct manager *manager, struct manager_host *ret)
{
	const char *reason, *next;

	*ret = manager->host;
	ret->verdict = manager->rollback.verdict;
	/* Whoever asks in the moment before the verdict is not frightened. */
	if (ret->state == KEYD_STATE_UNLOCKED && !manager->rollback.asking &&
	    rollback_locks(manager, &reason, &next)) {
		ret->state = KEYD_STATE_LOCKED;
		snprintf(ret->reason, sizeof(ret->reason), "%s; %s", reason, next);
	}
	ret->spawn_here = peer_here(&manager->spawn);
	ret->driver_here = manager->control >= 0;
	ret->vtpms = 0;
	ret->running = 0;
	ret->spares = 0;
	for (const struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (!vtpm->define.name[0]) {
			ret->spares += vtpm->stored;
			continue;
		}
		ret->vtpms++;
		ret->running += vtpm->phase == VTPM_SERVING;
	}
}

static struct asker *new_asker(struct manager *manager, manager_done done, void *context)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker)
		manager_out_of_memory();
	asker->manager = manager;
	asker->waiter = manager_ask(manager, done, context);
	return asker;
}

static void end(struct asker *asker, const struct problem *problem)
{
	manager_answer(asker->manager, asker->waiter, problem);
	free(asker);
}

void manager_keyd_judged(struct manager *manager)
{
	struct asker *asker;

	while ((asker = manager->unjudged)) {
		manager->unjudged = asker->next;
		end(asker, NULL);
	}
}

/* What the asker sees next is the host as it is now, with a verdict about its store. */
static int looked_again(void *context, const struct peer_answer *answer)
{
	struct asker *asker = context;
	struct manager *manager = asker->manager;
	int r = look(manager, answer);

	if (!r && manager->rollback.asking) {
		asker->next = manager->unjudged;
		manager->unjudged = asker;
		return 0;
	}
	end(asker, NULL);
	return r;
}

void manager_keyd_answer(struct manager *manager, struct waiter *waiter)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker)
		manager_out_of_memory();
	*asker = (struct asker){ .manager = manager, .waiter = waiter };
	ask(manager, looked_again, asker);
}

/* INIT and UNLOCK have ended. */
static int host_done(void *context, const struct peer_answer *answer)
{
	struct asker *asker = context;
	struct manager *manager = asker->manager;
	struct problem problem;
	bool nonsense = !answer->error && !ipc_ended(answer->in);

	if (!answer->error && !nonsense) {
		ask(manager, looked_again, asker);
		return 0;
	}
	manager_keyd_look(manager);
	manager_keyd_problem(&problem, nonsense ? EPROTO : answer->error, answer->text);
	end(asker, &problem);
	return nonsense ? -EPROTO : 0;
}

void manager_host_init(struct manager *manager, const struct manager_host_init *what,
		       manager_done done, void *context)
{
	uint8_t buffer[KEYD_BOX_MAX + 512];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_INIT, buffer, sizeof(buffer));

	cursor_put_u32(&out.body, what->no_hardware ? KEYD_INIT_NO_HARDWARE : 0);
	cursor_put_u32(&out.body, what->pcrs ? what->pcrs : 1u << 7 | 1u << 14);
	ipc_put_blob(&out, what->recovery_public, sizeof(what->recovery_public));
	ipc_put_blob(&out, what->box, what->box_length);
	cursor_put_u8(&out.body, (uint8_t)what->rollback);
	cursor_put_u32(&out.body, what->window);
	ipc_put_blob(&out, what->plan_key, what->planned ? sizeof(what->plan_key) : 0);
	peer_send(&manager->keyd, &out, host_done, new_asker(manager, done, context));
}

void manager_host_unlock(struct manager *manager, const struct manager_host_unlock *what,
			 manager_done done, void *context)
{
	uint8_t buffer[2 * KEYD_BOX_MAX + 256];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_UNLOCK, buffer, sizeof(buffer));

	cursor_put_u32(&out.body, (what->bind ? KEYD_UNLOCK_BIND : 0) |
				  (what->new_plan_key ? KEYD_UNLOCK_NEW_PLAN_KEY : 0));
	ipc_put_blob(&out, what->box, what->box_length);
	ipc_put_blob(&out, what->plan_key, what->planned ? sizeof(what->plan_key) : 0);
	ipc_put_blob(&out, what->password, what->password_length);
	peer_send(&manager->keyd, &out, host_done, new_asker(manager, done, context));
}

void manager_host_migration_key(struct manager *manager, const uint8_t *box, size_t length,
				manager_done done, void *context)
{
	uint8_t buffer[KEYD_BOX_MAX + 256];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_MIGRATION, buffer, sizeof(buffer));

	ipc_put_blob(&out, box, length);
	peer_send(&manager->keyd, &out, host_done, new_asker(manager, done, context));
}

static int recovery_is(void *context, const struct peer_answer *answer)
{
	struct asker *asker = context;
	const uint8_t *record = NULL, *session = NULL;
	size_t length = 0, session_length = 0;
	struct problem problem = { 0 };
	int r = 0;

	if (!answer->error) {
		record = ipc_get_blob(answer->in, KEYD_BOX_MAX, &length);
		session = ipc_get_blob(answer->in, KEYD_POINT_SIZE, &session_length);
		if (!ipc_ended(answer->in) || session_length != KEYD_POINT_SIZE)
			r = -EPROTO;
	}
	if (answer->error || r)
		manager_keyd_problem(&problem, r ? EPROTO : answer->error, answer->text);
	if (!asker->waiter->forgotten)
		asker->recovery_done(asker->waiter->context, problem.code ? &problem : NULL, record,
				     length, session);
	end(asker, NULL);
	return r;
}

void manager_recovery(struct manager *manager, manager_recovery_done done, void *context)
{
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_RECOVERY, buffer, sizeof(buffer));
	struct asker *asker = new_asker(manager, NULL, context);

	asker->recovery_done = done;
	peer_send(&manager->keyd, &out, recovery_is, asker);
}
