// SPDX-License-Identifier: GPL-2.0-only
/* NV_Increment of a plain and of an orderly counter, and NV_Write. */
#include <stdlib.h>

#include "nv.h"

#define FIRST_INDEX 0x01500000

#define TYPE(type) ((u32)TPM2_NT_##type << TPMA_NV_TPM2_NT_SHIFT)

static void setup(struct client *client, TPMA_NV attributes)
{
	struct nv *nv = client->state;

	if (!nv) {
		nv = client->state = calloc(1, sizeof(*nv));
		*nv = (struct nv){
			.handle = FIRST_INDEX + client->index,
			.tr = ESYS_TR_NONE,
			.auth = ESYS_TR_PASSWORD,
		};
	}
	nv_define(client, nv, ESYS_TR_RH_OWNER, attributes);
}

static void setup_counter(struct client *client)
{
	setup(client, TYPE(COUNTER));
}

static void setup_orderly(struct client *client)
{
	struct nv *nv;

	setup(client, TYPE(COUNTER) | TPMA_NV_ORDERLY);
	/* libtpms forgets the value of an orderly counter that TPM2_Clear deletes. */
	nv = client->state;
	nv->count = 0;
}

static void setup_data(struct client *client)
{
	setup(client, TYPE(ORDINARY));
}

static void round_counter(struct client *client)
{
	for (u64 n = rng_below(&client->rng, 4); n; n--)
		nv_increment(client, client->state);
	nv_verify(client, client->state);
}

static void round_data(struct client *client)
{
	nv_write(client, client->state);
	nv_verify_data(client, client->state);
}

static void finish(struct client *client)
{
	if (client->state && client->seen == client->world->destroyed)
		nv_undefine(client, client->state, ESYS_TR_RH_OWNER);
}

const struct client_ops counter_client = {
	.name = "counter",
	.setup = setup_counter,
	.round = round_counter,
	.finish = finish,
};

const struct client_ops orderly_client = {
	.name = "orderly",
	.setup = setup_orderly,
	.round = round_counter,
	.finish = finish,
};

const struct client_ops data_client = {
	.name = "data",
	.setup = setup_data,
	.round = round_data,
	.finish = finish,
};
