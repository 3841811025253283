// SPDX-License-Identifier: BSD-3-Clause
/*
 * A verdict, from whoever brings it, checked before it changes anything:
 *
 *	signature	by the verifier that this host was enrolled at (gate_verifier())
 *	order		not older than the one that counts
 *	host, boot	attestation key, resets and restarts are those that vtpm-keyd reads in a
 *			quote made now
 *	age		by the clock of the host TPM, from the verifier's quote to this one: less
 *			than the verifier says that it holds. No clock of the host is asked
 *
 * One that did not pass may be of any age: it is the newest there is. A verdict that is refused
 * leaves a line in the log, and what it said is forgotten.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"
#include "manager/state.h"

/* Whoever brought it may go away before keyd answers: it counts all the same. */
struct taking {
	struct manager *manager;
	struct waiter *waiter;
	struct ruling ruling;
	uint8_t by[32];
};

/* Which boot this is, as keyd says. */
struct boot {
	const uint8_t *name;
	size_t size;
	uint64_t clock;
	uint32_t resets;
	uint32_t restarts;
};

static void end(struct taking *taking, const struct problem *problem)
{
	if (problem)
		log_line("security: a verdict is refused: %s", problem->detail);
	manager_answer(taking->manager, taking->waiter, problem);
	free(taking);
}

/* Times of the verifier alone are compared, and in one second the clock of the TPM. */
static bool is_older(const struct taking *taking)
{
	const struct gate *gate = &taking->manager->gate;
	const struct ruling *held = &gate->ruling, *new = &taking->ruling;

	/* Another verifier's say nothing about this one's. */
	if (!gate->ruled || !secret_equal(gate->by, taking->by, sizeof(gate->by)))
		return false;
	return new->verified_at < held->verified_at ||
	       (new->verified_at == held->verified_at && new->clock < held->clock);
}

static bool check_order(const struct taking *taking, struct problem *problem)
{
	if (is_older(taking))
		problem_set(problem, PROBLEM_CONFLICT,
			    "have the host attest itself: `vtpmctl host attest --to URL`",
			    "this verdict is older than the one that counts");
	return !problem->code;
}

/* Return: milliseconds that it still holds, in the time of the host TPM */
static int64_t left_of(const struct ruling *ruling, const struct boot *boot)
{
	return (ruling->valid_until - ruling->verified_at) * 1000 -
	       (int64_t)(boot->clock - ruling->clock);
}

static bool check_boot(const struct taking *taking, const struct boot *boot,
		       struct problem *problem)
{
	static const char next[] = "have this host attest itself: `vtpmctl host attest --to URL`";
	const struct ruling *ruling = &taking->ruling;

	if (boot->size != ruling->ak_name.size ||
	    !secret_equal(boot->name, ruling->ak_name.bytes, boot->size))
		problem_set(problem, PROBLEM_CONFLICT, next, "this verdict is about another host");
	else if (boot->resets != ruling->resets || boot->restarts != ruling->restarts)
		problem_set(problem, PROBLEM_CONFLICT, next,
			    "this verdict is about another boot of this host");
	else if (boot->clock < ruling->clock)
		problem_set(problem, PROBLEM_CONFLICT, next,
			    "this verdict is about a quote that the host TPM's clock has not come "
			    "to yet");
	else if (ruling->status == ATTEST_PASSED && left_of(ruling, boot) < 1000)
		problem_set(problem, PROBLEM_CONFLICT, next, "this verdict has ended");
	return !problem->code;
}

static void take(struct taking *taking, const struct boot *boot)
{
	struct manager *manager = taking->manager;
	struct gate *gate = &manager->gate;
	struct problem problem;
	struct gate_now now;
	int r;

	gate_now(&now);
	gate->ruled = true;
	gate->ruling = taking->ruling;
	cursor_copy(gate->by, sizeof(gate->by), taking->by, sizeof(taking->by));
	gate_trust(&gate->trust, taking->ruling.status, left_of(&taking->ruling, boot) / 1000,
		   &now);
	r = gate_save(manager, &problem);
	/* What did not pass closes, durable or not. */
	gate_apply(manager);
	end(taking, r ? &problem : NULL);
}

static int boot_is(void *context, const struct peer_answer *answer)
{
	struct taking *taking = context;
	struct problem problem = { 0 };
	struct boot boot = { 0 };
	bool ended = false;

	if (!answer->error) {
		boot.name = ipc_get_blob(answer->in, PUBLIC_NAME_MAX, &boot.size);
		boot.clock = cursor_get_u64(&answer->in->body);
		boot.resets = cursor_get_u32(&answer->in->body);
		boot.restarts = cursor_get_u32(&answer->in->body);
		ended = ipc_ended(answer->in);
	}
	if (!manager_evidence_is_good(answer, ended, &problem)) {
		end(taking, &problem);
		return answer->error ? 0 : -EPROTO;
	}
	if (check_order(taking, &problem) && check_boot(taking, &boot, &problem))
		take(taking, &boot);
	else
		end(taking, &problem);
	return 0;
}

static bool read_ruling(struct taking *taking, const struct manager_gate_verdict *what,
			struct problem *problem)
{
	X509 *by = gate_verifier(taking->manager, taking->by, problem);
	int r;

	if (!by)
		return false;
	r = ruling_read(&taking->ruling, by, what->text, what->length, what->signature,
			what->size);
	X509_free(by);
	if (r == -EKEYREJECTED)
		problem_set(problem, PROBLEM_AUTH,
			    "take it as the verifier answered it; a host that has another verifier "
			    "now is enrolled anew",
			    "the verifier of this host did not sign this verdict");
	else if (r)
		problem_set(problem, PROBLEM_INVALID, "are both of the same version?",
			    "the verifier of this host signed a verdict that vtpmd does not "
			    "understand");
	return !r;
}

void manager_gate_verdict(struct manager *manager, const struct manager_gate_verdict *what,
			  manager_done done, void *context)
{
	struct taking *taking = calloc(1, sizeof(*taking));
	struct problem problem = { 0 };
	uint8_t buffer[16];
	struct ipc_out out;

	if (!taking)
		manager_out_of_memory();
	taking->manager = manager;
	taking->waiter = manager_ask(manager, done, context);
	if (!read_ruling(taking, what, &problem) || !check_order(taking, &problem)) {
		end(taking, &problem);
		return;
	}
	out = peer_call(&manager->keyd, KEYD_HOST_BOOT, buffer, sizeof(buffer));
	peer_send(&manager->keyd, &out, boot_is, taking);
}
