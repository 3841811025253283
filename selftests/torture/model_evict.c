// SPDX-License-Identifier: GPL-2.0-only
/* EvictControl: a primary key is made persistent and evicted again. */
#include <stdlib.h>
#include <string.h>

#include "primary.h"

#define PERSISTENT 0x81000100

struct evict {
	ESYS_TR key; /* ESYS_TR_NONE while it is not persistent */
	TPM2B_NAME name;
};

static void verify(struct client *client)
{
	struct evict *e = client->state;
	u32 expected = e->key != ESYS_TR_NONE;
	u32 n = client_handles(client, PERSISTENT, PERSISTENT);

	if (n != expected)
		wrong(client, "%u persistent objects at %#x, expected %u", n, PERSISTENT, expected);
}

static void setup(struct client *client)
{
	struct evict *e = client->state;

	if (!e)
		e = client->state = calloc(1, sizeof(*e));
	else if (e->key != ESYS_TR_NONE)
		Esys_TR_Close(client->esys, &e->key);
	e->key = ESYS_TR_NONE;
	e->name.size = 0;
}

static void persist(struct client *client)
{
	struct evict *e = client->state;
	ESYS_TR key, persistent;
	TPM2B_NAME name;

	key = primary_create(client, ESYS_TR_RH_OWNER, &name);
	if (e->name.size && !name_equal(&name, &e->name))
		wrong(client, "another primary key than before");
	e->name = name;
	MUST(client, verify(client),
	     Esys_EvictControl(client->esys, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			       ESYS_TR_NONE, PERSISTENT, &persistent));
	e->key = persistent;
	primary_flush(client, key);
}

static void read_back(struct client *client)
{
	struct evict *e = client->state;
	TPM2B_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL;

	MUST(client, NOTHING,
	     Esys_ReadPublic(client->esys, e->key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			     &public, &name, NULL));
	if (!name_equal(name, &e->name))
		wrong(client, "another persistent key than the one made");
	free(public);
	free(name);
}

static void evict(struct client *client)
{
	struct evict *e = client->state;
	ESYS_TR none;

	MUST(client, verify(client),
	     Esys_EvictControl(client->esys, ESYS_TR_RH_OWNER, e->key, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, 0, &none));
	e->key = ESYS_TR_NONE;
}

static void round_(struct client *client)
{
	struct evict *e = client->state;

	if (e->key == ESYS_TR_NONE) {
		persist(client);
		read_back(client);
	} else {
		read_back(client);
		evict(client);
	}
	verify(client);
}

static void finish(struct client *client)
{
	struct evict *e = client->state;

	if (e && e->key != ESYS_TR_NONE && client->seen == client->world->destroyed)
		evict(client);
}

const struct client_ops evict_client = {
	.name = "evict",
	.setup = setup,
	.round = round_,
	.finish = finish,
};
