// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody opens and closes a node, again and again: two frames that want an empty
 * answer, are delivered again like commands, and are never refused.
 */
#include <time.h>

#include "client.h"

static void round_(struct client *client)
{
	static const struct timespec pause = { .tv_nsec = 2000000 };

	client->opener = 1 + rng_below(&client->rng, 1000);
	client_frame(client, VTPM_FRAME_OPEN);
	nanosleep(&pause, NULL);
	client_frame(client, VTPM_FRAME_CLOSE);
}

const struct client_ops visitor_client = {
	.name = "visitor",
	.round = round_,
};
