// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client that changes its mind: it cancels or abandons increments of a counter, and
 * wakes the engine, or a dead one's successor in vain, for nothing. An increment
 * that was cancelled never ran; one that was abandoned ran once or never, and does
 * not run later.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nv.h"

#define INDEX 0x01500200

/* NV_Increment authorised by the index with its password (Part 3, 31.8). */
static const u8 increment[] = {
	0x80, 0x02, 0,	  0,	0, 0x26, 0,   0,   0x01, 0x34, 0x01, 0x50, 0x02,
	0,    0x01, 0x50, 0x02, 0, 0,	 0,   0,   0x10, 0x40, 0,    0,	   0x09,
	0,    0,    0,	  0,	7, 't',	 'o', 'r', 't',	 'u',  'r',  'e',
};

static void setup(struct client *client)
{
	struct nv *nv = client->state;

	if (!nv) {
		nv = client->state = calloc(1, sizeof(*nv));
		*nv = (struct nv){
			.handle = INDEX,
			.tr = ESYS_TR_NONE,
			.auth = ESYS_TR_PASSWORD,
		};
	}
	nv_define(client, nv, ESYS_TR_RH_OWNER, (u32)TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT);
	nv_increment(client, nv);
}

static u32 response_code(const struct vtpm_request *request)
{
	return (u32)request->data[6] << 24 | request->data[7] << 16 | request->data[8] << 8 |
	       request->data[9];
}

/* The command goes on: once, or refused as poisoned. */
static void wait_for_it(struct client *client)
{
	struct nv *nv = client->state;
	u32 rc;

	if (client_await(client))
		wrong(client, "request %llu ended with errno %d", client->request->id,
		      -client->request->error);
	rc = response_code(client->request);
	if (rc == TPM2_RC_SUCCESS)
		nv->count++;
	else if (rc != TPM2_RC_FAILURE || !client->poisoned)
		wrong(client, "returned %#x", rc);
}

static void abandon(struct client *client)
{
	struct nv *nv = client->state;
	u64 count;

	vtpm_queue_abandon(&client->world->kernel->queue, client->request);
	vtpm_request_put(client->request);
	client->request = vtpm_request_alloc(VTPM_FRAME_COMMAND, VTPM_COMMAND_SIZE);
	stat_add(&stats.abandoned);

	count = nv_read_count(client, nv);
	if (count != nv->count && count != nv->count + 1)
		wrong(client, "abandoned: counter is %llu, expected %llu or one more", count,
		      nv->count);
	nv->count = count;
}

static void round_(struct client *client)
{
	struct timespec pause = { .tv_nsec = rng_below(&client->rng, 300000) };
	struct nv *nv = client->state;

	client->doing = "NV_Increment";
	if (rng_percent(&client->rng, 10))
		vtpm_queue_wake(&client->world->kernel->queue, server_token(client->world->server));
	client_submit(client, increment, sizeof(increment));
	if (rng_percent(&client->rng, 70))
		nanosleep(&pause, NULL);
	switch (vtpm_queue_cancel(&client->world->kernel->queue, client->request)) {
	case 0:
		stat_add(&stats.cancelled);
		break;
	case -EINPROGRESS:
		if (rng_percent(&client->rng, 50)) {
			abandon(client);
			break;
		}
		/* fallthrough */
	case -EALREADY:
		wait_for_it(client);
		break;
	}
	nv_verify(client, nv);
}

static void finish(struct client *client)
{
	if (client->state && client->seen == client->world->destroyed)
		nv_undefine(client, client->state, ESYS_TR_RH_OWNER);
}

const struct client_ops fickle_client = {
	.name = "fickle",
	.setup = setup,
	.round = round_,
	.finish = finish,
};
