// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread of a client, and the TCTI by which ESYS reaches the queue. ESYS checks the HMAC
 * and the rolling nonces of every session; the kinds of clients check the rest.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/ktime.h>

#include "client.h"

/* Nobody may wait longer for one command. */
#define PATIENCE_NS (60 * NSEC_PER_SEC)
/* Who needs all others to stand still lets them run so long. */
#define PAUSE_NS (30 * NSEC_PER_MSEC)

static struct client *tcti_client(TSS2_TCTI_CONTEXT *context)
{
	return ((struct tcti *)context)->client;
}

void client_submit(struct client *client, const u8 *command, size_t size)
{
	struct vtpm_request *request = client->request;

	request->kind = VTPM_FRAME_COMMAND;
	request->origin = client->node;
	request->client = client->opener;
	request->bound_ms = client->world->kernel->queue.running_ms;
	memcpy(request->data, command, size);
	request->size = size;
	if (vtpm_queue_submit(&client->world->kernel->queue, request, &client->wait))
		wrong(client, "submit refused");
}

static u32 response_code(const struct vtpm_request *request)
{
	const u8 *p = request->data;

	return (u32)p[6] << 24 | p[7] << 16 | p[8] << 8 | p[9];
}

void client_await_final(struct client *client)
{
	struct vtpm_request *request = client->request;
	u64 begun = ktime_get_ns();

	while (!shim_wait(&client->wait, vtpm_request_final(request), NSEC_PER_SEC))
		if (ktime_get_ns() - begun > PATIENCE_NS)
			wrong(client, "request %llu has no answer, state %d", request->id,
			      READ_ONCE(request->state));
}

/* An OPEN or a CLOSE of its node: answered by nothing, and never refused. */
void client_frame(struct client *client, u16 kind)
{
	struct vtpm_request *request = client->request;
	struct vtpm_opener opener = { .pid = 1000 + client->index };

	client->doing = kind == VTPM_FRAME_OPEN ? "OPEN" : "CLOSE";
	request->kind = kind;
	request->origin = VTPM_NODE_RM;
	request->client = client->opener;
	request->size = 0;
	if (kind == VTPM_FRAME_OPEN) {
		memcpy(request->data, &opener, sizeof(opener));
		request->size = sizeof(opener);
	}
	if (vtpm_queue_submit(&client->world->kernel->queue, request, &client->wait))
		wrong(client, "submit refused");
	client_await_final(client);
	if (request->state != VTPM_REQUEST_ANSWERED || request->error || request->size)
		wrong(client, "state %d, errno %d, %u bytes", request->state, -request->error,
		      request->size);
}

/* Return: the request's error, 0 when there is a response. */
int client_await(struct client *client)
{
	struct vtpm_request *request = client->request;

	client_await_final(client);
	if (request->error)
		return request->error;
	if (request->size < 10)
		wrong(client, "response of %u bytes", request->size);

	if (client->answered == request->id)
		return 0;
	client->answered = request->id;
	stat_add(&stats.commands);
	client->poisoned = request->flags & VTPM_FRAME_POISONED;
	if (client->poisoned)
		stat_add(response_code(request) == TPM2_RC_FAILURE ? &stats.poison_refused
								   : &stats.poison_executed);
	return 0;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
	client_submit(tcti_client(context), command, size);
	return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
	struct client *client = tcti_client(context);
	int error;

	(void)timeout; /* ESYS's synchronous calls wait for ever, and ask twice for the size */
	error = client_await(client);
	if (error)
		wrong(client, "request %llu ended with errno %d", client->request->id, -error);
	if (response && *size < client->request->size)
		wrong(client, "response of %u bytes, room for %zu", client->request->size, *size);
	if (response)
		memcpy(response, client->request->data, client->request->size);
	*size = client->request->size;
	return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
	(void)context;
}

void client_expect(struct client *client, TSS2_RC rc, TSS2_RC expected)
{
	if (rc != expected)
		wrong(client, "returned %#x, expected %#x (request %llu, flags %#x)", rc, expected,
		      client->request->id, client->request->flags);
}

/* How many handles of a range the TPM knows. */
u32 client_handles(struct client *client, TPM2_HANDLE first, TPM2_HANDLE last)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	u32 n = 0;

	MUST(client, NOTHING,
	     Esys_GetCapability(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES, &more, &data));
	for (u32 i = 0; i < data->data.handles.count; i++)
		n += data->data.handles.handle[i] <= last;
	free(data);
	return n;
}

static void step(struct client *client)
{
	struct world *world = client->world;

	if (client->ops->alone)
		pthread_rwlock_wrlock(&world->objects);
	else
		pthread_rwlock_rdlock(&world->objects);
	if (client->seen != world->destroyed && client->ops->setup)
		client->ops->setup(client);
	client->seen = world->destroyed;
	client->ops->round(client);
	pthread_rwlock_unlock(&world->objects);
}

static void *run(void *arg)
{
	struct client *client = arg;
	struct world *world = client->world;

	while (!READ_ONCE(world->stop)) {
		if (client->ops->alone)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		step(client);
	}

	pthread_rwlock_rdlock(&world->objects);
	if (client->ops->finish)
		client->ops->finish(client);
	pthread_rwlock_unlock(&world->objects);
	Esys_Finalize(&client->esys);
	vtpm_request_put(client->request);
	free(client->state);
	return NULL;
}

void client_start(struct client *client, struct world *world, u64 seed)
{
	client->world = world;
	client->seen = (u64)-1;
	client->doing = "start";
	client->node = VTPM_NODE_CHIP;
	rng_fork(&client->rng, seed, 100 + client->index);
	init_waitqueue_head(&client->wait);
	client->request = vtpm_request_alloc(VTPM_FRAME_COMMAND, VTPM_COMMAND_SIZE);
	client->tcti = (struct tcti){
		.common = {
			.magic = 0x7674706d,
			.version = 1,
			.transmit = transmit,
			.receive = receive,
			.finalize = finalize,
		},
		.client = client,
	};
	if (!client->request ||
	    Esys_Initialize(&client->esys, (TSS2_TCTI_CONTEXT *)&client->tcti, NULL))
		abort();
	if (client->ops->round && pthread_create(&client->thread, NULL, run, client))
		abort();
}

void client_join(struct client *client)
{
	pthread_join(client->thread, NULL);
}
