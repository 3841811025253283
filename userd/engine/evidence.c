// SPDX-License-Identifier: BSD-3-Clause
/*
 * Note, quote, vouch; see the header.
 *
 *	question	known digest, or a quote of its own	by the attestation key
 *	TPM back	the unit is put back, and stirred	no trace in the TPM
 *	claim		nonce, digest, Names, epoch, generation	HMAC, for keyd
 *
 * A client may have filled all places for objects, so these are emptied first: in a TPM that
 * is put back afterwards nobody misses them. It has to be stirred then, for its random
 * generator is back too, and a number that a signature has used must never come again.
 */
#include "engine/evidence.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/evp.h>

#include "attest/public.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/channel.h"
#include "engine/engine.h"
#include "engine/identity.h"
#include "engine/order.h"
#include "wire/command.h"
#include "wire/ipc_engine.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_GET_COMMAND_AUDIT_DIGEST 0x133
#define TPM_CC_CERTIFY			0x148
#define TPM_CC_CERTIFY_CREATION		0x14a
#define TPM_CC_GET_TIME			0x14c
#define TPM_CC_GET_SESSION_AUDIT_DIGEST 0x14d
#define TPM_CC_QUOTE			0x158
#define TPM_CC_PCR_READ			0x17e
#define TPM_CC_NV_CERTIFY		0x184

/* Part 2, 6.3, 6.12, 7.2 */
#define TPM_ALG_SHA256	0x000b
#define TPM_CAP_HANDLES 0x00000001
#define TPM_HR_TRANSIENT 0x80000000

#define PCRS	    24
#define SELECT_SIZE 3
/* Objects that libtpms holds at a time, and many more */
#define OBJECTS_MAX 64

/* What came of a question. */
struct made {
	int error;
	char sentence[IPC_TEXT_MAX];
	struct identity ak;
	struct identity ek;
	uint8_t message[512];
	size_t message_length;
	uint8_t signature[256];
	size_t signature_length;
	uint8_t value[PCRS][LEAF_HASH];
};

static bool sha256(const void *bytes, size_t length, uint8_t ret[LEAF_HASH])
{
	return EVP_Digest(bytes, length, ret, NULL, EVP_sha256(), NULL) == 1;
}

static bool makes_statement(uint32_t code)
{
	switch (code) {
	case TPM_CC_QUOTE:
	case TPM_CC_CERTIFY:
	case TPM_CC_CERTIFY_CREATION:
	case TPM_CC_GET_TIME:
	case TPM_CC_NV_CERTIFY:
	case TPM_CC_GET_COMMAND_AUDIT_DIGEST:
	case TPM_CC_GET_SESSION_AUDIT_DIGEST:
		return true;
	default:
		return false;
	}
}

/* All of these have TPM2B_ATTEST first, behind parameterSize. */
void evidence_note(struct evidence *evidence, uint32_t code, const uint8_t *response,
		   size_t length)
{
	struct cursor_in in = cursor_in(response, length);
	const uint8_t *statement;
	size_t size;

	if (!makes_statement(code) || tpm_response_code(response, length))
		return;
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
	size = cursor_get_u16(&in);
	statement = cursor_get_bytes(&in, size);
	if (statement && size && sha256(statement, size, evidence->digests[evidence->next]))
		evidence->next = (evidence->next + 1) % EVIDENCE_KEPT;
}

bool evidence_knows(const struct evidence *evidence, const uint8_t digest[LEAF_HASH])
{
	bool known = false;

	for (size_t i = 0; i < EVIDENCE_KEPT; i++)
		known |= !cursor_is_zero(evidence->digests[i], LEAF_HASH) &&
			 secret_equal(evidence->digests[i], digest, LEAF_HASH);
	return known;
}

/* Return: 1, after which nothing more is tried; @made says why */
static int refuse(struct made *made, int error, const char *sentence)
{
	made->error = error;
	snprintf(made->sentence, sizeof(made->sentence), "%s", sentence);
	return 1;
}

/* Each of what follows returns 0, 1 (refused), or -ENOTRECOVERABLE. */

static int list_objects(struct made *made, uint32_t ret[OBJECTS_MAX], uint32_t *ret_count)
{
	struct cursor_in in;
	struct order order;
	uint32_t rc;
	int r;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	cursor_put_u32(&order.out, TPM_CAP_HANDLES);
	cursor_put_u32(&order.out, TPM_HR_TRANSIENT);
	cursor_put_u32(&order.out, OBJECTS_MAX);
	r = order_ask(&order, &rc);
	if (r)
		return r;
	if (rc == TPM_RC_INITIALIZE)
		return refuse(made, EHOSTDOWN,
			      "the vTPM was not started up by its firmware yet: boot the machine");
	/* moreData, capability, TPML_HANDLE (Part 2, 10.9.3) */
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 1 + 4);
	*ret_count = cursor_get_u32(&in);
	if (rc || *ret_count > OBJECTS_MAX)
		return -ENOTRECOVERABLE;
	for (uint32_t i = 0; i < *ret_count; i++)
		ret[i] = cursor_get_u32(&in);
	return cursor_ended(&in) ? 0 : -ENOTRECOVERABLE;
}

static int make_room(struct made *made)
{
	uint32_t handles[OBJECTS_MAX], count;
	int r = list_objects(made, handles, &count);

	for (uint32_t i = 0; !r && i < count; i++) {
		struct order order;

		order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
		cursor_put_u32(&order.out, handles[i]);
		r = order_give(&order, TPM_RC_SUCCESS);
	}
	return r;
}

static void put_selection(struct cursor_out *out, uint32_t pcrs)
{
	cursor_put_u32(out, 1);
	cursor_put_u16(out, TPM_ALG_SHA256);
	cursor_put_u8(out, SELECT_SIZE);
	for (int i = 0; i < SELECT_SIZE; i++)
		cursor_put_u8(out, (uint8_t)(pcrs >> 8 * i));
}

/* Part 3, 18.4 */
static int quote(struct made *made, uint32_t ak, const struct channel_attest *wish)
{
	struct cursor_in in, parameters;
	const uint8_t *message, *signature;
	struct order order;
	uint32_t rc;
	int r;

	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_QUOTE);
	cursor_put_u32(&order.out, ak);
	order_put_password(&order);
	cursor_put_u16(&order.out, sizeof(wish->nonce));
	cursor_put_raw(&order.out, wish->nonce, sizeof(wish->nonce));
	cursor_put_u16(&order.out, TPM_ALG_NULL);
	put_selection(&order.out, wish->pcrs);
	r = order_ask(&order, &rc);
	if (r)
		return r;
	if (rc)
		return refuse(made, ENOTSUP, "the vTPM refuses to quote: look at its hierarchies");
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	parameters = cursor_sub(&in, cursor_get_u32(&in));
	made->message_length = cursor_get_u16(&parameters);
	message = cursor_get_bytes(&parameters, made->message_length);
	made->signature_length = parameters.left;
	signature = cursor_get_bytes(&parameters, made->signature_length);
	if (!message || !signature ||
	    !cursor_copy(made->message, sizeof(made->message), message, made->message_length) ||
	    !cursor_copy(made->signature, sizeof(made->signature), signature,
			 made->signature_length))
		return -ENOTRECOVERABLE;
	return 0;
}

/* Part 3, 22.4: one at a time, as the TPM gives as many as it likes. */
static int read_pcr(struct made *made, unsigned int pcr)
{
	struct cursor_in in;
	struct order order;
	uint32_t rc;
	int r;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_PCR_READ);
	put_selection(&order.out, 1u << pcr);
	r = order_ask(&order, &rc);
	if (r || rc)
		return r ? r : -ENOTRECOVERABLE;
	/* pcrUpdateCounter, one selection as it was given, TPML_DIGEST */
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4 + 4 + 2 + 1 + SELECT_SIZE);
	if (cursor_get_u32(&in) != 1 || cursor_get_u16(&in) != LEAF_HASH)
		return refuse(made, ENOTSUP,
			      "the vTPM has no bank of SHA-256: give it one (vtpmctl create --banks)");
	cursor_get_raw(&in, made->value[pcr], LEAF_HASH);
	return cursor_ended(&in) ? 0 : -ENOTRECOVERABLE;
}

static int read_pcrs(struct made *made, uint32_t pcrs)
{
	int r = 0;

	for (unsigned int pcr = 0; !r && pcr < PCRS; pcr++)
		if (pcrs >> pcr & 1)
			r = read_pcr(made, pcr);
	return r;
}

/* In a TPM that is put back afterwards. */
static int ask_tpm(struct made *made, const struct channel_attest *wish)
{
	uint32_t handle;
	int r;

	r = make_room(made);
	if (r)
		return r;
	r = identity_read(KEYD_CERT_EK_P256, &made->ek);
	if (r == IDENTITY_NONE)
		made->ek.length = 0;
	else if (r)
		return r;
	r = identity_use(KEYD_CERT_IAK, &made->ak, &handle);
	if (r == IDENTITY_NONE)
		return refuse(made, ENOTSUP,
			      "the vTPM has no attestation key: its client removed it, or switched the "
			      "endorsement hierarchy off");
	if (r || wish->has_digest)
		return r;
	r = quote(made, handle, wish);
	return r ? r : read_pcrs(made, wish->pcrs);
}

static bool is_off(const struct engine *engine)
{
	const struct ctrl_note *note = link_note(&engine->link);

	return note && note->off;
}

static int check(const struct engine *engine, const struct channel_attest *wish, struct made *made)
{
	if (is_off(engine))
		return refuse(made, EHOSTDOWN, "the vTPM is powered off by its machine: boot it");
	if (wish->has_digest && !evidence_knows(&engine->evidence, wish->digest))
		return refuse(made, ENOENT,
			      "this vTPM made no such statement lately: have it made again, without "
			      "encrypting it, and ask right away");
	if (!wish->has_digest && (!wish->pcrs || wish->pcrs >> PCRS))
		return refuse(made, EINVAL, "a quote is about some of the PCRs 0 to 23");
	return 0;
}

static bool name_of(const struct identity *key, uint8_t ret[LEAF_NAME])
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	struct public_name name;
	struct public public;

	if (!key->length)
		return true; /* zeros: there is none */
	if (!hash || !public_parse(&public, key->public, key->length))
		return false;
	public_name(&public, hash, &name);
	return !hash_failed(hash) && name.size == LEAF_NAME &&
	       cursor_copy(ret, LEAF_NAME, name.bytes, name.size);
}

/* Return: 0; 1 (refused) */
static int claim(const struct engine *engine, const struct channel_attest *wish,
		 struct made *made, uint8_t ret[LEAF_CLAIM_SIZE])
{
	struct leaf leaf = {
		.epoch = engine->key.epoch,
		.generation = unit_label(&engine->unit).generation,
	};
	bool good;

	cursor_copy(leaf.nonce, sizeof(leaf.nonce), wish->nonce, sizeof(wish->nonce));
	cursor_copy(leaf.uuid, sizeof(leaf.uuid), engine->channel->config.uuid, sizeof(leaf.uuid));
	good = name_of(&made->ak, leaf.ak_name) && name_of(&made->ek, leaf.ek_name);
	if (wish->has_digest)
		cursor_copy(leaf.attest, sizeof(leaf.attest), wish->digest, sizeof(wish->digest));
	else
		good = good && sha256(made->message, made->message_length, leaf.attest);
	if (!good || leaf_claim(&leaf, engine->evidence.since, engine->evidence.key, ret))
		return refuse(made, EIO, "the vTPM's engine cannot hash: look at OpenSSL");
	return 0;
}

static void put_public(struct ipc_out *out, const struct identity *key)
{
	uint8_t bytes[2 + sizeof(key->public)];
	struct cursor_out sized = cursor_out(bytes, sizeof(bytes));

	cursor_put_u16(&sized, (uint16_t)key->length);
	cursor_put_raw(&sized, key->public, key->length);
	ipc_put_blob(out, bytes, key->length ? sized.used : 0);
}

static void tell(struct engine *engine, const struct channel_attest *wish, const struct made *made,
		 const uint8_t claimed[LEAF_CLAIM_SIZE])
{
	struct channel *channel = engine->channel;
	struct ipc_out out = ipc_out(ENGINE_ATTESTED, channel->out, sizeof(channel->out));
	uint32_t pcrs = wish->has_digest ? 0 : wish->pcrs;

	cursor_put_u32(&out.body, wish->tag);
	cursor_put_u32(&out.body, (uint32_t)made->error);
	ipc_put_string(&out, made->sentence);
	if (!made->error) {
		cursor_put_raw(&out.body, claimed, LEAF_CLAIM_SIZE);
		put_public(&out, &made->ak);
		put_public(&out, &made->ek);
		ipc_put_blob(&out, made->message, made->message_length);
		ipc_put_blob(&out, made->signature, made->signature_length);
		cursor_put_u32(&out.body, pcrs);
		for (unsigned int pcr = 0; pcr < PCRS; pcr++)
			if (pcrs >> pcr & 1)
				cursor_put_raw(&out.body, made->value[pcr], LEAF_HASH);
	}
	/* a manager that is gone has a successor, who knows nothing of the question */
	(void)ipc_send(channel->fd, &out);
}

int engine_attend(struct engine *engine)
{
	uint8_t claimed[LEAF_CLAIM_SIZE];
	struct channel_attest wish;
	struct made made = { 0 };
	int r, back;

	if (!engine->channel || channel_asked(engine->channel, &wish) != 1)
		return 0;
	r = check(engine, &wish, &made);
	if (!r) {
		r = ask_tpm(&made, &wish);
		back = r < 0 ? r : engine_restore(engine);
		if (back)
			return back == -EBADMSG ? -ENOTRECOVERABLE : back;
	}
	if (!r)
		r = claim(engine, &wish, &made, claimed);
	if (r)
		log_line("nothing to vouch for: %s", made.sentence);
	tell(engine, &wish, &made, claimed);
	return 0;
}
