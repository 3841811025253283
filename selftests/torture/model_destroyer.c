// SPDX-License-Identifier: GPL-2.0-only
/*
 * TPM2_Clear and TPM2_ChangeEPS, while all other clients stand still. Both are
 * authorised by an HMAC session; Clear also changes lockoutAuth, so that running it a
 * second time would fail. A counter of the platform outlives both.
 */
#include <stdlib.h>
#include <string.h>

#include "nv.h"
#include "primary.h"

#define PLATFORM_INDEX 0x01400000
#define LOCKOUT_AUTH   "lockout"

struct destroyer {
	ESYS_TR session;
	struct nv survivor;
	TPM2B_NAME owner;
	TPM2B_NAME endorsement;
};

static TPM2B_NAME name_of(struct client *client, ESYS_TR hierarchy)
{
	TPM2B_NAME name;

	primary_flush(client, primary_create(client, hierarchy, &name));
	return name;
}

static void expect_name(struct client *client, ESYS_TR hierarchy, const TPM2B_NAME *before,
			bool same)
{
	TPM2B_NAME name = name_of(client, hierarchy);

	if (name_equal(&name, before) != same)
		wrong(client, "the %s primary key is %s",
		      hierarchy == ESYS_TR_RH_OWNER ? "owner's" : "endorsement's",
		      same ? "another one" : "the same as before");
}

static void begin(struct client *client)
{
	struct destroyer *d = client->state;
	TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };

	MUST(client, NOTHING,
	     Esys_StartAuthSession(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &none,
				   TPM2_ALG_SHA256, &d->session));
	Esys_TRSess_SetAttributes(client->esys, d->session, TPMA_SESSION_CONTINUESESSION, 0xff);
}

static void setup(struct client *client)
{
	struct destroyer *d = client->state;

	if (d)
		return;
	d = client->state = calloc(1, sizeof(*d));
	d->survivor = (struct nv){
		.handle = PLATFORM_INDEX,
		.tr = ESYS_TR_NONE,
		.auth = ESYS_TR_PASSWORD,
	};
	nv_define(client, &d->survivor, ESYS_TR_RH_PLATFORM,
		  TPMA_NV_PLATFORMCREATE | (u32)TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT);
	nv_increment(client, &d->survivor);
}

static void clear(struct client *client)
{
	struct destroyer *d = client->state;
	TPM2B_AUTH auth = { .size = strlen(LOCKOUT_AUTH), .buffer = LOCKOUT_AUTH };
	u32 n;

	MUST(client, NOTHING,
	     Esys_HierarchyChangeAuth(client->esys, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD,
				      ESYS_TR_NONE, ESYS_TR_NONE, &auth));
	Esys_TR_SetAuth(client->esys, ESYS_TR_RH_LOCKOUT, &auth);
	MUST(client, expect_name(client, ESYS_TR_RH_OWNER, &d->owner, true),
	     Esys_Clear(client->esys, ESYS_TR_RH_LOCKOUT, d->session, ESYS_TR_NONE, ESYS_TR_NONE));
	Esys_TR_SetAuth(client->esys, ESYS_TR_RH_LOCKOUT, NULL);
	stat_add(&stats.clears);

	n = client_handles(client, NV_INDICES);
	if (n != 1)
		wrong(client, "%u NV indices are left, expected the platform's alone", n);
	n = client_handles(client, PERSISTENT_OBJECTS);
	if (n)
		wrong(client, "%u persistent objects are left", n);
	expect_name(client, ESYS_TR_RH_OWNER, &d->owner, false);
	expect_name(client, ESYS_TR_RH_ENDORSEMENT, &d->endorsement, true);
	client->world->destroyed++;
}

static void reseed(struct client *client)
{
	struct destroyer *d = client->state;

	MUST(client, expect_name(client, ESYS_TR_RH_ENDORSEMENT, &d->endorsement, true),
	     Esys_ChangeEPS(client->esys, ESYS_TR_RH_PLATFORM, d->session, ESYS_TR_NONE,
			    ESYS_TR_NONE));
	stat_add(&stats.reseeds);
	expect_name(client, ESYS_TR_RH_ENDORSEMENT, &d->endorsement, false);
	expect_name(client, ESYS_TR_RH_OWNER, &d->owner, true);
}

static void round_(struct client *client)
{
	struct destroyer *d = client->state;

	d->owner = name_of(client, ESYS_TR_RH_OWNER);
	d->endorsement = name_of(client, ESYS_TR_RH_ENDORSEMENT);
	begin(client);
	if (rng_percent(&client->rng, 50))
		clear(client);
	else
		reseed(client);
	MUST(client, NOTHING, Esys_FlushContext(client->esys, d->session));
	nv_verify(client, &d->survivor);
	nv_increment(client, &d->survivor);
}

static void finish(struct client *client)
{
	struct destroyer *d = client->state;

	if (!d)
		return;
	nv_verify(client, &d->survivor);
	nv_undefine(client, &d->survivor, ESYS_TR_RH_PLATFORM);
}

const struct client_ops destroyer_client = {
	.name = "destroyer",
	.setup = setup,
	.round = round_,
	.finish = finish,
	.alone = true,
};
