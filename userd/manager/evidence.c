// SPDX-License-Identifier: BSD-3-Clause
/*
 * What vtpm-keyd says of the host to a verifier, passed on as it is.
 *
 *	identity	KEYD_HOST_AK, then KEYD_CERTIFICATE until there is no more
 *	quote		KEYD_HOST_QUOTE
 *	credential	KEYD_ACTIVATE
 *
 * Nothing of it is kept.
 */
#include <errno.h>
#include <stdlib.h>

#include "manager/state.h"

/* Whoever asked may go away before the answer: only @waiter knows whether it is there. */
struct evidence {
	struct manager *manager;
	struct waiter *waiter;
	struct manager_identity identity;
	manager_identity_done identity_done;
	manager_quote_done quote_done;
	manager_credential_done credential_done;
};

static struct evidence *evidence_new(struct manager *manager, void *context)
{
	struct evidence *evidence = calloc(1, sizeof(*evidence));

	if (!evidence)
		manager_out_of_memory();
	evidence->manager = manager;
	evidence->waiter = manager_ask(manager, NULL, context);
	return evidence;
}

static void end(struct evidence *evidence, const struct problem *problem)
{
	manager_answer(evidence->manager, evidence->waiter, problem);
	free(evidence);
}

/* Is there anything to read in the answer? Else what is to be said instead. */
bool manager_evidence_is_good(const struct peer_answer *answer, bool ended,
			      struct problem *problem)
{
	if (!answer->error && ended)
		return true;
	manager_keyd_problem(problem, answer->error ? answer->error : EPROTO, answer->text);
	if (answer->error == ENODEV)
		problem_set(problem, PROBLEM_NO_HARDWARE,
			    "evidence takes a host that its TPM protects", "%s", answer->text);
	return false;
}

static struct manager_bytes take(struct ipc_in *in)
{
	struct manager_bytes bytes;

	bytes.at = ipc_get_blob(in, KEYD_CERTIFICATE_MAX, &bytes.length);
	return bytes;
}

/* What has to outlive the message it came in. */
static void keep(struct ipc_in *in, struct manager_kept *ret)
{
	struct manager_bytes bytes = take(in);

	if (!cursor_copy(ret->bytes, sizeof(ret->bytes), bytes.at, bytes.length))
		in->body.bad = true;
	ret->length = bytes.length;
}

static void identity_tell(struct evidence *evidence, const struct problem *problem)
{
	if (!evidence->waiter->forgotten)
		evidence->identity_done(evidence->waiter->context, problem, &evidence->identity);
	end(evidence, problem);
}

static int certificate_is(void *context, const struct peer_answer *answer);

static void ask_certificate(struct evidence *evidence, uint32_t after)
{
	struct peer *keyd = &evidence->manager->keyd;
	uint8_t buffer[16];
	struct ipc_out out = peer_call(keyd, KEYD_CERTIFICATE, buffer, sizeof(buffer));

	cursor_put_u32(&out.body, after);
	peer_send(keyd, &out, certificate_is, evidence);
}

static int certificate_is(void *context, const struct peer_answer *answer)
{
	struct evidence *evidence = context;
	struct manager_identity *identity = &evidence->identity;
	struct manager_kept *next = &identity->certificates[identity->count];
	struct problem problem;
	bool ended = false;

	if (!answer->error) {
		next->index = cursor_get_u32(&answer->in->body);
		keep(answer->in, next);
		ended = ipc_ended(answer->in);
	}
	if (!manager_evidence_is_good(answer, ended, &problem)) {
		identity_tell(evidence, &problem);
		return answer->error ? 0 : -EPROTO;
	}
	/* one that was never written is none */
	identity->count += next->index && next->length;
	if (next->index && identity->count < MANAGER_CERTIFICATES_MAX)
		ask_certificate(evidence, next->index);
	else
		identity_tell(evidence, NULL);
	return 0;
}

static int keys_are(void *context, const struct peer_answer *answer)
{
	struct evidence *evidence = context;
	struct manager_identity *identity = &evidence->identity;
	struct problem problem;
	bool ended = false;

	if (!answer->error) {
		keep(answer->in, &identity->ak);
		keep(answer->in, &identity->ak_name);
		keep(answer->in, &identity->ek);
		ended = ipc_ended(answer->in);
	}
	if (manager_evidence_is_good(answer, ended, &problem)) {
		ask_certificate(evidence, 0);
		return 0;
	}
	identity_tell(evidence, &problem);
	return answer->error ? 0 : -EPROTO;
}

void manager_identity(struct manager *manager, manager_identity_done done, void *context)
{
	struct evidence *evidence = evidence_new(manager, context);
	uint8_t buffer[16];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_HOST_AK, buffer, sizeof(buffer));

	evidence->identity_done = done;
	peer_send(&manager->keyd, &out, keys_are, evidence);
}

void manager_quote_values(struct ipc_in *in, uint32_t *ret_pcrs, uint8_t ret[MANAGER_PCRS][32])
{
	uint32_t pcrs = cursor_get_u32(&in->body);

	if (pcrs >> MANAGER_PCRS)
		in->body.bad = true;
	for (unsigned int pcr = 0; pcr < MANAGER_PCRS; pcr++) {
		if (pcrs >> pcr & 1)
			cursor_get_raw(&in->body, ret[pcr], 32);
	}
	*ret_pcrs = pcrs;
}

void manager_quote_take(struct ipc_in *in, struct manager_quote *ret)
{
	ret->frame = take(in);
	ret->message = take(in);
	ret->signature = take(in);
	manager_quote_values(in, &ret->pcrs, ret->value);
}

static int quote_is(void *context, const struct peer_answer *answer)
{
	struct evidence *evidence = context;
	struct manager_quote quote = { 0 };
	struct problem problem;
	bool ended = false, good;

	if (!answer->error) {
		manager_quote_take(answer->in, &quote);
		ended = ipc_ended(answer->in);
	}
	good = manager_evidence_is_good(answer, ended, &problem);
	if (!evidence->waiter->forgotten)
		evidence->quote_done(evidence->waiter->context, good ? NULL : &problem, &quote);
	end(evidence, good ? NULL : &problem);
	return good || answer->error ? 0 : -EPROTO;
}

void manager_quote(struct manager *manager, const struct manager_quote_wish *what,
		   manager_quote_done done, void *context)
{
	struct evidence *evidence = evidence_new(manager, context);
	uint8_t buffer[64];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_HOST_QUOTE, buffer, sizeof(buffer));

	evidence->quote_done = done;
	cursor_put_u8(&out.body, what->share ? HOST_QUOTE_SHARE : HOST_QUOTE_HOST);
	cursor_put_raw(&out.body, what->nonce, sizeof(what->nonce));
	cursor_put_u32(&out.body, what->pcrs);
	peer_send(&manager->keyd, &out, quote_is, evidence);
}

static int activated(void *context, const struct peer_answer *answer)
{
	struct evidence *evidence = context;
	struct manager_bytes proof = { 0 };
	struct problem problem;
	bool ended = false, good;

	if (!answer->error) {
		proof = take(answer->in);
		ended = ipc_ended(answer->in);
	}
	good = manager_evidence_is_good(answer, ended, &problem);
	if (!evidence->waiter->forgotten)
		evidence->credential_done(evidence->waiter->context, good ? NULL : &problem, proof);
	end(evidence, good ? NULL : &problem);
	return good || answer->error ? 0 : -EPROTO;
}

void manager_activate(struct manager *manager, const struct manager_credential *what,
		      manager_credential_done done, void *context)
{
	struct evidence *evidence = evidence_new(manager, context);
	uint8_t buffer[2 * KEYD_CREDENTIAL_MAX + 32];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_ACTIVATE, buffer, sizeof(buffer));

	evidence->credential_done = done;
	ipc_put_blob(&out, what->blob, what->blob_length);
	ipc_put_blob(&out, what->secret, what->secret_length);
	peer_send(&manager->keyd, &out, activated, evidence);
}
