// SPDX-License-Identifier: GPL-2.0-only
/*
 * NV indices and their models. A new counter begins above the last value of the
 * deleted one of the same handle; from then on each increment is worth one, an orderly counter's
 * too: to a resume nothing was disorderly.
 */
#include <stdlib.h>
#include <string.h>

#include "nv.h"

void nv_define(struct client *client, struct nv *nv, ESYS_TR hierarchy, TPMA_NV attributes)
{
	bool counter = (attributes & TPMA_NV_TPM2_NT_MASK) >> TPMA_NV_TPM2_NT_SHIFT ==
		       TPM2_NT_COUNTER;
	TPM2B_AUTH auth = { .size = strlen(NV_AUTH), .buffer = NV_AUTH };
	TPM2B_NV_PUBLIC public = {
		.nvPublic = {
			.nvIndex = nv->handle,
			.nameAlg = TPM2_ALG_SHA256,
			.attributes = attributes | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE |
				      TPMA_NV_NO_DA,
			.dataSize = counter ? 8 : NV_DATA_SIZE,
		},
	};

	if (nv->tr != ESYS_TR_NONE)
		Esys_TR_Close(client->esys, &nv->tr);
	MUST(client, NOTHING,
	     Esys_NV_DefineSpace(client->esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				 ESYS_TR_NONE, &auth, &public, &nv->tr));
	nv->written = false;
}

void nv_undefine(struct client *client, struct nv *nv, ESYS_TR hierarchy)
{
	MUST(client, NOTHING,
	     Esys_NV_UndefineSpace(client->esys, hierarchy, nv->tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				   ESYS_TR_NONE));
	nv->tr = ESYS_TR_NONE;
}

static TSS2_RC read_nv(struct client *client, struct nv *nv, u16 size, TPM2B_MAX_NV_BUFFER **ret)
{
	return TRY(client, NOTHING,
		   Esys_NV_Read(client->esys, nv->tr, nv->tr, nv->auth, ESYS_TR_NONE, ESYS_TR_NONE,
				size, 0, ret));
}

u64 nv_read_count(struct client *client, struct nv *nv)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	u64 count = 0;

	client_expect(client, read_nv(client, nv, 8, &data), TSS2_RC_SUCCESS);
	for (u16 i = 0; i < data->size; i++)
		count = count << 8 | data->buffer[i];
	free(data);
	return count;
}

void nv_verify(struct client *client, struct nv *nv)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	u64 count;

	if (!nv->written) {
		client_expect(client, read_nv(client, nv, 8, &data), TPM2_RC_NV_UNINITIALIZED);
		return;
	}
	count = nv_read_count(client, nv);
	if (count != nv->count)
		wrong(client, "counter %#x is %llu, expected %llu", nv->handle, count, nv->count);
}

void nv_increment(struct client *client, struct nv *nv)
{
	u64 count;

	MUST(client, nv_verify(client, nv),
	     Esys_NV_Increment(client->esys, nv->tr, nv->tr, nv->auth, ESYS_TR_NONE, ESYS_TR_NONE));
	if (nv->written) {
		nv->count++;
		return;
	}
	count = nv_read_count(client, nv);
	if (count <= nv->count)
		wrong(client, "new counter %#x begins at %llu, expected more than %llu", nv->handle,
		      count, nv->count);
	nv->count = count;
	nv->written = true;
}

void nv_verify_data(struct client *client, struct nv *nv)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	TSS2_RC rc = read_nv(client, nv, NV_DATA_SIZE, &data);

	if (!nv->written) {
		client_expect(client, rc, TPM2_RC_NV_UNINITIALIZED);
		return;
	}
	client_expect(client, rc, TSS2_RC_SUCCESS);
	if (data->size != NV_DATA_SIZE || memcmp(data->buffer, nv->data, NV_DATA_SIZE))
		for (u32 i = 0; i < NV_DATA_SIZE; i++)
			if (data->buffer[i] != nv->data[i])
				wrong(client, "index %#x has %02x at %u, expected %02x", nv->handle,
				      data->buffer[i], i, nv->data[i]);
	free(data);
}

void nv_write(struct client *client, struct nv *nv)
{
	TPM2B_MAX_NV_BUFFER data = { .size = NV_DATA_SIZE };
	u16 offset = 0;

	/* The first one is whole, later ones a piece. */
	if (nv->written) {
		offset = rng_below(&client->rng, NV_DATA_SIZE);
		data.size = 1 + rng_below(&client->rng, NV_DATA_SIZE - offset);
	}
	rng_fill(&client->rng, data.buffer, data.size);
	MUST(client, nv_verify_data(client, nv),
	     Esys_NV_Write(client->esys, nv->tr, nv->tr, nv->auth, ESYS_TR_NONE, ESYS_TR_NONE,
			   &data, offset));
	memcpy(nv->data + offset, data.buffer, data.size);
	nv->written = true;
}
