// SPDX-License-Identifier: GPL-2.0-only
/*
 * An HMAC session with parameter encryption. ESYS checks each response's HMAC over the
 * rolling nonces: a command that ran twice, or an answer that is not the first
 * one's, breaks the chain for good.
 */
#include <stdlib.h>

#include "nv.h"

#define COUNTER_INDEX	   0x01500100
#define DATA_INDEX	   0x01500180
#define ROUNDS_PER_SESSION 30

struct session {
	ESYS_TR tr;
	u32 rounds;
	struct nv counter;
	struct nv data;
};

static void begin(struct client *client)
{
	struct session *s = client->state;
	TPMT_SYM_DEF aes = { .algorithm = TPM2_ALG_AES,
			     .keyBits.aes = 128,
			     .mode.aes = TPM2_ALG_CFB };
	TPMA_SESSION attributes = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT |
				  TPMA_SESSION_ENCRYPT;

	MUST(client, NOTHING,
	     Esys_StartAuthSession(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &aes,
				   TPM2_ALG_SHA256, &s->tr));
	Esys_TRSess_SetAttributes(client->esys, s->tr, attributes, 0xff);
	s->counter.auth = s->data.auth = s->tr;
	s->rounds = 0;
}

static void end(struct client *client)
{
	struct session *s = client->state;

	if (s->tr == ESYS_TR_NONE)
		return;
	MUST(client, NOTHING, Esys_FlushContext(client->esys, s->tr));
	s->tr = ESYS_TR_NONE;
}

static void setup(struct client *client)
{
	struct session *s = client->state;

	if (!s) {
		s = client->state = calloc(1, sizeof(*s));
		s->tr = ESYS_TR_NONE;
		s->counter = (struct nv){ .handle = COUNTER_INDEX, .tr = ESYS_TR_NONE };
		s->data = (struct nv){ .handle = DATA_INDEX, .tr = ESYS_TR_NONE };
	}
	nv_define(client, &s->counter, ESYS_TR_RH_OWNER,
		  (u32)TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT);
	nv_define(client, &s->data, ESYS_TR_RH_OWNER, 0);
}

static void round_(struct client *client)
{
	struct session *s = client->state;

	if (s->tr == ESYS_TR_NONE)
		begin(client);

	/* NV_Increment has no parameter to encrypt. */
	Esys_TRSess_SetAttributes(client->esys, s->tr, 0,
				  TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
	nv_increment(client, &s->counter);
	Esys_TRSess_SetAttributes(client->esys, s->tr, TPMA_SESSION_ENCRYPT,
				  TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
	nv_verify(client, &s->counter);
	Esys_TRSess_SetAttributes(client->esys, s->tr, TPMA_SESSION_DECRYPT,
				  TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
	nv_write(client, &s->data);
	Esys_TRSess_SetAttributes(client->esys, s->tr, TPMA_SESSION_ENCRYPT,
				  TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
	nv_verify_data(client, &s->data);
	if (++s->rounds == ROUNDS_PER_SESSION)
		end(client);
}

static void finish(struct client *client)
{
	struct session *s = client->state;

	if (!s)
		return;
	end(client);
	if (client->seen != client->world->destroyed)
		return;
	nv_undefine(client, &s->counter, ESYS_TR_RH_OWNER);
	nv_undefine(client, &s->data, ESYS_TR_RH_OWNER);
}

const struct client_ops session_client = {
	.name = "session",
	.setup = setup,
	.round = round_,
	.finish = finish,
};
