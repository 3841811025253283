// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody opens and closes a node, again and again: two frames that want an empty
 * answer, are delivered again like commands, and are never refused.
 */
#include <string.h>
#include <time.h>

#include "client.h"

static void send(struct client *client, u16 kind, u64 id)
{
	struct vtpm_queue *queue = &client->world->kernel->queue;
	struct vtpm_request *request = client->request;
	struct vtpm_opener opener = { .pid = 1000 + client->index };

	client->doing = kind == VTPM_FRAME_OPEN ? "OPEN" : "CLOSE";
	request->kind = kind;
	request->origin = VTPM_NODE_RM;
	request->client = id;
	request->size = 0;
	if (kind == VTPM_FRAME_OPEN) {
		memcpy(request->data, &opener, sizeof(opener));
		request->size = sizeof(opener);
	}
	if (vtpm_queue_submit(queue, request, &client->wait))
		wrong(client, "submit refused");
	client_await_final(client);
	if (request->state != VTPM_REQUEST_ANSWERED || request->error || request->size)
		wrong(client, "state %d, errno %d, %u bytes", request->state, -request->error,
		      request->size);
}

static void round_(struct client *client)
{
	static const struct timespec pause = { .tv_nsec = 2000000 };
	u64 id = 1 + rng_below(&client->rng, 1000);

	send(client, VTPM_FRAME_OPEN, id);
	nanosleep(&pause, NULL);
	send(client, VTPM_FRAME_CLOSE, id);
}

const struct client_ops visitor_client = {
	.name = "visitor",
	.round = round_,
};
