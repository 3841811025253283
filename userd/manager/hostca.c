// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked of the host's CA, passed on to vtpm-keyd and back as it is.
 *
 *	show	KEYD_HOST_CA
 *	init	KEYD_CA_INIT
 *	prove	KEYD_CA_PROVE
 *	import	KEYD_CA_IMPORT
 *	move	KEYD_MOVE_KEY
 *	revoked	KEYD_ISSUED: of what was certified, which vTPMs are gone, and which are in another
 *		epoch now
 *
 * Nothing of it is kept: what is revoked follows at each asking from what was issued and from the
 * vTPMs there are, so no event of theirs can get lost on the way.
 */
#include <errno.h>
#include <stdlib.h>

#include "manager/move.h"
#include "manager/state.h"

/* Whoever asked may go away before the answer: only @waiter knows whether it is there. */
struct hostca {
	struct manager *manager;
	struct waiter *waiter;
	manager_ca_done done;
	unsigned int parts;
	bool counts;
	manager_revoked_done revoked_done;
	uint64_t from;
};

static struct hostca *hostca_new(struct manager *manager, manager_ca_done done, void *context)
{
	struct hostca *hostca = calloc(1, sizeof(*hostca));

	if (!hostca)
		manager_out_of_memory();
	hostca->manager = manager;
	hostca->done = done;
	hostca->waiter = manager_ask(manager, NULL, context);
	return hostca;
}

static void end(struct hostca *hostca, const struct problem *problem)
{
	manager_answer(hostca->manager, hostca->waiter, problem);
	free(hostca);
}

static bool is_good(const struct peer_answer *answer, bool ended, struct problem *problem)
{
	if (!answer->error && ended)
		return true;
	switch (answer->error) {
	case EKEYREJECTED:
	case EPERM:
	case EBADE:
	case ETIME:
	case EBADMSG:
		problem_set(problem, PROBLEM_INVALID, NULL, "%s", answer->text);
		break;
	case ENOENT:
		problem_set(problem, PROBLEM_CONFLICT, NULL, "%s", answer->text);
		break;
	case ENODEV:
		problem_set(problem, PROBLEM_NO_HARDWARE,
			    "a CA takes a host that its TPM protects", "%s", answer->text);
		break;
	default:
		manager_keyd_problem(problem, answer->error ? answer->error : EPROTO,
				     answer->text);
	}
	return false;
}

static int told(void *context, const struct peer_answer *answer)
{
	struct hostca *hostca = context;
	struct manager_ca ca = { 0 };
	struct problem problem;
	bool ended = false, good;

	if (!answer->error) {
		for (unsigned int i = 0; i < hostca->parts; i++)
			ca.part[i].at =
				ipc_get_blob(answer->in, KEYD_CHAIN_MAX, &ca.part[i].length);
		ca.issued = hostca->counts ? cursor_get_u64(&answer->in->body) : 0;
		ended = ipc_ended(answer->in);
	}
	good = is_good(answer, ended, &problem);
	if (!hostca->waiter->forgotten)
		hostca->done(hostca->waiter->context, good ? NULL : &problem, &ca);
	end(hostca, good ? NULL : &problem);
	return good || answer->error ? 0 : -EPROTO;
}

void manager_ca_show(struct manager *manager, manager_ca_done done, void *context)
{
	struct hostca *hostca = hostca_new(manager, done, context);
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_HOST_CA, buffer, sizeof(buffer));

	hostca->parts = 2;
	hostca->counts = true;
	peer_send(&manager->keyd, &out, told, hostca);
}

void manager_ca_init(struct manager *manager, const struct manager_ca_init *what,
		     manager_ca_done done, void *context)
{
	struct hostca *hostca = hostca_new(manager, done, context);
	uint8_t buffer[KEYD_CA_NAME_MAX + 32];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_CA_INIT, buffer, sizeof(buffer));

	hostca->parts = 1;
	cursor_put_u32(&out.body, (what->self_signed ? KEYD_CA_SELF_SIGNED : 0u) |
					  (what->anew ? KEYD_CA_NEW : 0u));
	ipc_put_string(&out, what->name);
	peer_send(&manager->keyd, &out, told, hostca);
}

void manager_ca_prove(struct manager *manager, const uint8_t nonce[KEYD_CA_NONCE],
		      manager_ca_done done, void *context)
{
	struct hostca *hostca = hostca_new(manager, done, context);
	uint8_t buffer[KEYD_CA_NONCE + 16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_CA_PROVE, buffer, sizeof(buffer));

	hostca->parts = 4;
	cursor_put_raw(&out.body, nonce, KEYD_CA_NONCE);
	peer_send(&manager->keyd, &out, told, hostca);
}

void manager_ca_import(struct manager *manager, struct manager_bytes chain, manager_ca_done done,
		       void *context)
{
	struct hostca *hostca = hostca_new(manager, done, context);
	uint8_t buffer[KEYD_CHAIN_MAX + 16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_CA_IMPORT, buffer, sizeof(buffer));

	ipc_put_blob(&out, chain.at, chain.length);
	peer_send(&manager->keyd, &out, told, hostca);
}

void manager_move_key(struct manager *manager, manager_ca_done done, void *context)
{
	struct hostca *hostca = hostca_new(manager, done, context);
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_MOVE_KEY, buffer, sizeof(buffer));

	hostca->parts = 1;
	peer_send(&manager->keyd, &out, told, hostca);
}

/* revoked */

/* A record of keyd/issued.h. Return: is what it is about good no more? */
static bool read_record(struct manager *manager, struct cursor_in *in,
			struct manager_revoked *ret)
{
	struct cursor_in record = cursor_sub(in, KEYD_ISSUED_RECORD);
	const struct vtpm *vtpm;

	cursor_get_u64(&record);
	cursor_get_raw(&record, ret->uuid, sizeof(ret->uuid));
	ret->epoch = cursor_get_u64(&record);
	vtpm = manager_find_uuid(manager, ret->uuid);
	return !in->bad && (!vtpm || vtpm->define.epoch > ret->epoch);
}

static void tell_revoked(struct hostca *hostca, const uint8_t *bytes, size_t length)
{
	struct manager_revoked revoked[KEYD_ISSUED_MOST];
	struct cursor_in in = cursor_in(bytes, length);
	size_t used = 0;

	while (in.left && used < KEYD_ISSUED_MOST)
		used += read_record(hostca->manager, &in, &revoked[used]);
	if (!hostca->waiter->forgotten)
		hostca->revoked_done(hostca->waiter->context, NULL, revoked, used,
				     hostca->from + length / KEYD_ISSUED_RECORD);
	end(hostca, NULL);
}

static int issued(void *context, const struct peer_answer *answer)
{
	struct hostca *hostca = context;
	const uint8_t *bytes = NULL;
	struct problem problem;
	size_t length = 0;
	bool ended = false;

	if (!answer->error) {
		cursor_get_u64(&answer->in->body); /* how many: who goes on finds the end */
		bytes = ipc_get_blob(answer->in, KEYD_ISSUED_MOST * KEYD_ISSUED_RECORD, &length);
		ended = ipc_ended(answer->in) && length % KEYD_ISSUED_RECORD == 0;
	}
	/* a store that is not believed knows nothing of vTPMs that are gone */
	if (is_good(answer, ended, &problem) && !manager_is_locked(hostca->manager, &problem)) {
		tell_revoked(hostca, bytes, length);
		return 0;
	}
	if (!hostca->waiter->forgotten)
		hostca->revoked_done(hostca->waiter->context, &problem, NULL, 0, 0);
	end(hostca, &problem);
	return answer->error || ended ? 0 : -EPROTO;
}

void manager_ca_revoked(struct manager *manager, uint64_t from, manager_revoked_done done,
			void *context)
{
	struct hostca *hostca = hostca_new(manager, NULL, context);
	uint8_t buffer[32];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_ISSUED, buffer, sizeof(buffer));

	hostca->revoked_done = done;
	hostca->from = from;
	cursor_put_u64(&out.body, from);
	peer_send(&manager->keyd, &out, issued, hostca);
}
