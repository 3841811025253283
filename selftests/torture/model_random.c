// SPDX-License-Identifier: GPL-2.0-only
/* GetRandom: no value twice, however often the generator's state was resumed. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define SIZE  16
#define SLOTS (1u << 21)

struct seen {
	u32 count;
	u8 value[SLOTS][SIZE]; /* open addressing, all zero is free */
};

static void setup(struct client *client)
{
	if (!client->state)
		client->state = calloc(1, sizeof(struct seen));
}

static void remember(struct client *client, const u8 *value)
{
	struct seen *seen = client->state;
	static const u8 none[SIZE];
	u32 slot;

	if (seen->count == SLOTS / 2)
		return;
	memcpy(&slot, value, sizeof(slot));
	for (slot %= SLOTS; memcmp(seen->value[slot], none, SIZE); slot = (slot + 1) % SLOTS)
		if (!memcmp(seen->value[slot], value, SIZE))
			wrong(client, "the value %02x%02x%02x%02x.. for the second time", value[0],
			      value[1], value[2], value[3]);
	memcpy(seen->value[slot], value, SIZE);
	seen->count++;
	stat_add(&stats.randoms);
}

static void round_(struct client *client)
{
	TPM2B_DIGEST *value = NULL;

	MUST(client, NOTHING,
	     Esys_GetRandom(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, SIZE, &value));
	if (value->size != SIZE)
		wrong(client, "%u bytes", value->size);
	remember(client, value->buffer);
	free(value);
}

const struct client_ops random_client = {
	.name = "random",
	.setup = setup,
	.round = round_,
};
