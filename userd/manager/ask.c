// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a client asks through its device node (VTPM_IOC_ASK), carried from its engine to whoever
 * vouches, and the proof back to the driver.
 *
 *	asked		its engine passed it on; a request to vouch as any other (attest.c)
 *	vouched		with a certificate of its attestation key: keyd is asked for the chain
 *	told		the driver; the client fetches it there
 *
 * A proof is what POST /v1/vtpms/{name}/attest answers with "deep", and the certificates. Logs of
 * the host are large, and hers: they are not in it. An engine that dies is one question lost for
 * whoever asked; it is told so, and asks again.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "manager/api_json.h"
#include "manager/state.h"
#include "wire/ipc_engine.h"

#include <linux/vtpm_ask.h>

/**
 * struct asking - one question
 * @next: of the same vTPM
 * @vtpm: held
 * @id: the driver's
 * @proof: in the making
 */
struct asking {
	struct asking *next;
	struct vtpm *vtpm;
	uint64_t id;
	json_t *proof;
};

static void end(struct asking *asking, uint32_t error, const char *proof, size_t length)
{
	struct vtpm *vtpm = asking->vtpm;
	struct asking **at = &vtpm->asks;

	while (*at != asking)
		at = &(*at)->next;
	*at = asking->next;
	driver_tell(vtpm, asking->id, error, proof, length);
	json_decref(asking->proof);
	free(asking);
	manager_release(vtpm);
}

/* What a client can do about it; the rest is for whoever reads the log. */
static uint32_t error_of(const struct asking *asking, uint32_t error)
{
	switch (error) {
	case ENOENT:
	case EHOSTDOWN:
	case EBUSY:
	case ECANCELED:
	case ENODEV:
		return error;
	case ENOTSUP:
		return ENOKEY;
	case ENOTCONN:
		return ECANCELED;
	default:
		log_line("%s: its client gets no proof: errno %u", asking->vtpm->define.name,
			 error);
		return EIO;
	}
}

static void tell(struct asking *asking)
{
	char *text = json_dumps(asking->proof, JSON_COMPACT);
	size_t length = 0;

	if (!text)
		manager_out_of_memory();
	while (text[length])
		length++;
	end(asking, length > VTPM_PROOF_SIZE ? EIO : 0, length > VTPM_PROOF_SIZE ? NULL : text,
	    length > VTPM_PROOF_SIZE ? 0 : length);
	free(text);
}

/* Without the chain the certificate still names who issued it. */
static void shown(void *context, const struct problem *problem, const struct manager_ca *ca)
{
	struct asking *asking = context;
	if (!problem && ca->part[1].length)
		json_object_set_new(asking->proof, "chain",
				    api_json_hex(ca->part[1].at, ca->part[1].length));
	tell(asking);
}

static bool add(struct asking *asking, const char *member, enum keyd_cert_kind kind)
{
	const struct papers *papers = asking->vtpm->papers;
	const struct paper_bytes *der = papers ? &papers->of[kind].der : NULL;

	return der && der->length &&
	       !json_object_set_new(asking->proof, member, api_json_hex(der->at, der->length));
}

static void attested(void *context, const struct problem *problem,
		     const struct manager_attested *what)
{
	struct asking *asking = context;
	if (problem) {
		end(asking, error_of(asking, what->error), NULL, 0);
		return;
	}
	asking->proof = api_json_attested(what);
	if (!asking->proof)
		manager_out_of_memory();
	add(asking, "ek_certificate", KEYD_CERT_EK_P256);
	if (add(asking, "certificate", KEYD_CERT_IAK))
		manager_ca_show(asking->vtpm->manager, shown, asking);
	else
		tell(asking);
}

/* One that its engine passes on a second time, since it died in between. */
static bool is_known(const struct vtpm *vtpm, uint64_t id, unsigned int *ret_count)
{
	*ret_count = 0;
	for (const struct asking *at = vtpm->asks; at; at = at->next) {
		if (at->id == id)
			return true;
		++*ret_count;
	}
	return false;
}

int ask_take(struct vtpm *vtpm, struct ipc_in *in)
{
	struct manager_attest_wish wish = { .deep = true };
	uint64_t id = cursor_get_u64(&in->body);
	struct asking *asking;
	const uint8_t *digest;
	unsigned int count;
	size_t length;

	cursor_get_raw(&in->body, wish.quote.nonce, sizeof(wish.quote.nonce));
	digest = ipc_get_blob(in, sizeof(wish.digest), &length);
	if (!ipc_ended(in) || !id || (length && length != sizeof(wish.digest)))
		return -EPROTO;
	if (is_known(vtpm, id, &count))
		return 0;
	if (count >= ASKS_MAX) {
		driver_tell(vtpm, id, EBUSY, NULL, 0);
		return 0;
	}
	wish.has_digest = length;
	if (wish.has_digest)
		cursor_copy(wish.digest, sizeof(wish.digest), digest, length);
	else
		wish.quote.pcrs = (1u << MANAGER_PCRS) - 1;

	asking = calloc(1, sizeof(*asking));
	if (!asking)
		manager_out_of_memory();
	*asking = (struct asking){ .next = vtpm->asks, .vtpm = vtpm, .id = id };
	vtpm->asks = asking;
	manager_hold(vtpm);
	manager_attest(vtpm->manager, vtpm->define.name, &wish, attested, asking);
	return 0;
}

void asks_lost(struct vtpm *vtpm)
{
	driver_tell(vtpm, 0, ECANCELED, NULL, 0);
}
