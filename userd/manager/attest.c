// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a vTPM says of itself, and the host of it, carried from engine to keyd to who asked.
 *
 *	waiting		in vtpm->attests; the first one is asked of the engine
 *	vouched		the engine answered; of a deep one, keyd is asked
 *	told
 *
 * Nothing that is carried is understood here, and a claim cannot be changed. One question at a
 * time for an engine: it answers between two commands of its client. One that does not answer in
 * time loses the question, and its answer has a tag that nobody knows then.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/text.h"
#include "manager/state.h"
#include "wire/ipc_engine.h"

#define PATIENCE_USEC 30000000

/**
 * struct attesting - one request
 * @next: of the same vTPM
 * @manager: whom it was asked of
 * @waiter: knows whether whoever asked is still there
 * @wish: what is asked for
 * @done: hears what came of it
 * @timer: of the engine's patience
 * @later: ends it in the loop's next round
 * @problem: of that
 * @tag: of the question
 * @buffer: what the answer points into
 * @claim: of the engine
 * @told: what came of it so far
 */
struct attesting {
	struct attesting *next;
	struct manager *manager;
	struct waiter *waiter;
	struct manager_attest_wish wish;
	manager_attest_done done;
	sd_event_source *timer;
	sd_event_source *later;
	struct problem problem;
	uint32_t tag;
	uint8_t buffer[4096];
	struct manager_bytes claim;
	struct manager_attested told;
};

static void end(struct attesting *attesting, const struct problem *problem)
{
	if (!attesting->waiter->forgotten)
		attesting->done(attesting->waiter->context, problem, &attesting->told);
	manager_answer(attesting->manager, attesting->waiter, problem);
	sd_event_source_disable_unref(attesting->timer);
	sd_event_source_disable_unref(attesting->later);
	free(attesting);
}

static int on_later(sd_event_source *source, void *context)
{
	struct attesting *attesting = context;
	struct problem problem = attesting->problem;

	(void)source;
	end(attesting, &problem);
	return 0;
}

/* Whoever asked may be in the middle of something, asking it above all. */
static void fail(struct attesting *attesting, const struct problem *problem)
{
	attesting->problem = *problem;
	if (sd_event_add_defer(attesting->manager->event, &attesting->later, on_later,
			       attesting) < 0)
		manager_out_of_memory();
}

static void ask_first(struct vtpm *vtpm);

/* Return: the first one, off the list; another one is asked instead */
static struct attesting *pop(struct vtpm *vtpm)
{
	struct attesting *first = vtpm->attests;

	vtpm->attests = first->next;
	first->timer = sd_event_source_disable_unref(first->timer);
	return first;
}

static void fail_first(struct vtpm *vtpm, enum problem_code code, const char *next,
		       const char *text)
{
	struct attesting *first = pop(vtpm);
	struct problem problem;

	problem_set(&problem, code, next, "'%s' is not vouched for: %s", vtpm->define.name, text);
	first->told.error = ECANCELED;
	fail(first, &problem);
}

static int on_impatience(sd_event_source *source, uint64_t usec, void *context)
{
	struct vtpm *vtpm = context;

	(void)source;
	(void)usec;
	fail_first(vtpm, PROBLEM_TIMEOUT, "look what its client does, then ask again",
		   "its engine does not answer");
	ask_first(vtpm);
	return 0;
}

/* Tags of the manager before are others: what it asked may be answered to us. */
static uint32_t next_tag(struct manager *manager)
{
	if (!manager->attest_tag &&
	    getrandom(&manager->attest_tag, sizeof(manager->attest_tag), 0) < 0)
		manager_out_of_memory();
	return ++manager->attest_tag;
}

static int send_question(struct vtpm *vtpm, const struct attesting *attesting)
{
	const struct manager_attest_wish *wish = &attesting->wish;
	uint8_t buffer[128];
	struct ipc_out out = ipc_out(ENGINE_ATTEST, buffer, sizeof(buffer));
	int r;

	cursor_put_u32(&out.body, attesting->tag);
	cursor_put_raw(&out.body, wish->quote.nonce, sizeof(wish->quote.nonce));
	cursor_put_u32(&out.body, wish->quote.pcrs);
	ipc_put_blob(&out, wish->digest, wish->has_digest ? sizeof(wish->digest) : 0);
	r = ipc_send(vtpm->channel, &out);
	if (!r)
		manager_spawn_signal(vtpm, SIGURG);
	return r;
}

static void ask_first(struct vtpm *vtpm)
{
	while (vtpm->attests) {
		struct attesting *first = vtpm->attests;

		first->tag = next_tag(vtpm->manager);
		if (sd_event_add_time_relative(vtpm->manager->event, &first->timer,
					       CLOCK_MONOTONIC, PATIENCE_USEC, 0, on_impatience,
					       vtpm) < 0)
			manager_out_of_memory();
		if (!send_question(vtpm, first))
			return;
		fail_first(vtpm, PROBLEM_INTERNAL, "ask again", "its engine cannot be asked");
	}
}

void attest_lost(struct vtpm *vtpm)
{
	while (vtpm->attests)
		fail_first(vtpm, PROBLEM_CONFLICT, "ask again when it runs", "its engine ended");
}

static struct manager_bytes take(struct ipc_in *in, size_t max)
{
	struct manager_bytes bytes;

	bytes.at = ipc_get_blob(in, max, &bytes.length);
	return bytes;
}

/* Copied, as the message does not last. */
static void read_vouched(struct attesting *attesting, const struct ipc_in *in)
{
	struct manager_attested *told = &attesting->told;
	struct ipc_in copy = { .op = in->op };
	size_t length = in->body.left;

	if (!cursor_copy(attesting->buffer, sizeof(attesting->buffer), in->body.at, length))
		length = 0;
	copy.body = cursor_in(attesting->buffer, length);
	attesting->claim = (struct manager_bytes){
		cursor_get_bytes(&copy.body, LEAF_CLAIM_SIZE), LEAF_CLAIM_SIZE
	};
	told->ak = take(&copy, ATTEST_BYTES_MAX);
	told->ek = take(&copy, ATTEST_BYTES_MAX);
	told->message = take(&copy, ATTEST_BYTES_MAX);
	told->signature = take(&copy, ATTEST_BYTES_MAX);
	manager_quote_values(&copy, &told->pcrs, told->value);
	if (!ipc_ended(&copy))
		attesting->claim.at = NULL;
}

static struct problem problem_of(uint32_t error, const char *name, const char *text)
{
	struct problem problem;

	problem_set(&problem,
		    error == EINVAL ? PROBLEM_INVALID :
		    error == EIO    ? PROBLEM_INTERNAL :
				      PROBLEM_CONFLICT,
		    NULL, "'%s' is not vouched for: %s", name, text);
	return problem;
}

static int deep_is(void *context, const struct peer_answer *answer)
{
	struct attesting *attesting = context;
	struct manager_deep *deep = &attesting->told.deep;
	struct problem problem;
	bool ended = false, good;

	if (!answer->error) {
		deep->leaf = take(answer->in, LEAF_SIZE);
		deep->index = cursor_get_u32(&answer->in->body);
		deep->count = cursor_get_u32(&answer->in->body);
		deep->proof = take(answer->in, BATCH_PROOF_MAX);
		manager_quote_take(answer->in, &deep->host);
		ended = ipc_ended(answer->in);
	}
	good = manager_evidence_is_good(answer, ended, &problem);
	if (answer->error == EACCES || answer->error == EBUSY)
		problem_set(&problem, PROBLEM_CONFLICT, NULL, "no deep quote: %s", answer->text);
	attesting->told.error = answer->error;
	end(attesting, good ? NULL : &problem);
	return good || answer->error ? 0 : -EPROTO;
}

static void ask_keyd(struct attesting *attesting)
{
	struct peer *keyd = &attesting->manager->keyd;
	uint8_t buffer[LEAF_CLAIM_SIZE + 32];
	struct ipc_out out = peer_call(keyd, KEYD_DEEP, buffer, sizeof(buffer));

	ipc_put_blob(&out, attesting->claim.at, attesting->claim.length);
	peer_send(keyd, &out, deep_is, attesting);
}

int attest_take(struct vtpm *vtpm, struct ipc_in *in)
{
	uint32_t tag = cursor_get_u32(&in->body);
	uint32_t error = cursor_get_u32(&in->body);
	struct attesting *first = vtpm->attests;
	char text[IPC_TEXT_MAX];
	struct problem problem;

	ipc_get_string(in, text, sizeof(text));
	if (in->body.bad || (error && !ipc_ended(in)))
		return -EPROTO;
	/* a question of the manager before, or one that lasted too long */
	if (!first || first->tag != tag)
		return 0;
	if (!error) {
		read_vouched(first, in);
		if (!first->claim.at)
			return -EPROTO;
	}
	pop(vtpm);
	first->told.error = error;
	if (error) {
		problem = problem_of(error, vtpm->define.name, text);
		end(first, &problem);
	} else if (first->wish.deep) {
		ask_keyd(first);
	} else {
		end(first, NULL);
	}
	ask_first(vtpm);
	return 0;
}

static bool check(const struct vtpm *vtpm, const char *name, struct problem *problem)
{
	unsigned int count = 0;

	if (!vtpm) {
		problem_set(problem, PROBLEM_NOT_FOUND, "`vtpmctl list` shows those there are",
			    "there is no vTPM '%s'", name);
		return false;
	}
	if (vtpm->phase != VTPM_SERVING || vtpm->channel < 0) {
		problem_set(problem, PROBLEM_CONFLICT, "`vtpmctl start` powers it on",
			    "'%s' does not run: only one that does can be vouched for", name);
		return false;
	}
	for (const struct attesting *at = vtpm->attests; at; at = at->next)
		count++;
	if (count < ATTESTS_MAX)
		return true;
	problem_set(problem, PROBLEM_CONFLICT, "ask again in a moment",
		    "%d requests to vouch for '%s' wait already", ATTESTS_MAX, name);
	return false;
}

void manager_attest(struct manager *manager, const char *name,
		    const struct manager_attest_wish *what, manager_attest_done done,
		    void *context)
{
	struct attesting *attesting = calloc(1, sizeof(*attesting)), **at;
	struct vtpm *vtpm = manager_find(manager, name);
	struct problem problem;

	if (!attesting)
		manager_out_of_memory();
	attesting->manager = manager;
	attesting->waiter = manager_ask(manager, NULL, context);
	attesting->wish = *what;
	attesting->done = done;
	if (!check(vtpm, name, &problem)) {
		attesting->told.error = vtpm && vtpm->attests ? EBUSY : ECANCELED;
		fail(attesting, &problem);
		return;
	}
	text_cut(attesting->told.name, sizeof(attesting->told.name), name);
	cursor_copy(attesting->told.uuid, sizeof(attesting->told.uuid), vtpm->define.uuid,
		    sizeof(vtpm->define.uuid));
	attesting->told.has_digest = what->has_digest;
	attesting->told.is_deep = what->deep;
	for (at = &vtpm->attests; *at; at = &(*at)->next)
		;
	*at = attesting;
	if (vtpm->attests == attesting)
		ask_first(vtpm);
}
