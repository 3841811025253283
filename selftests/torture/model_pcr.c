// SPDX-License-Identifier: GPL-2.0-only
/* PCR_Extend: a PCR of its own, extended here in the same way. */
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "client.h"

#define FIRST_PCR 8

struct pcr {
	u32 index;
	u8 value[SHA256_DIGEST_LENGTH];
};

static void read_pcr(struct client *client, u8 ret_value[SHA256_DIGEST_LENGTH])
{
	struct pcr *pcr = client->state;
	TPML_PCR_SELECTION which = {
		.count = 1,
		.pcrSelections[0] = { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3 },
	};
	TPML_PCR_SELECTION *selected = NULL;
	TPML_DIGEST *digests = NULL;
	UINT32 counter;

	which.pcrSelections[0].pcrSelect[pcr->index / 8] = 1 << pcr->index % 8;
	MUST(client, NOTHING,
	     Esys_PCR_Read(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &which, &counter,
			   &selected, &digests));
	if (digests->count != 1 || digests->digests[0].size != SHA256_DIGEST_LENGTH)
		wrong(client, "read %u digests", digests->count);
	memcpy(ret_value, digests->digests[0].buffer, SHA256_DIGEST_LENGTH);
	free(selected);
	free(digests);
}

static void verify(struct client *client)
{
	struct pcr *pcr = client->state;
	u8 value[SHA256_DIGEST_LENGTH];

	read_pcr(client, value);
	if (memcmp(value, pcr->value, sizeof(value)))
		wrong(client, "PCR %u is %02x%02x.., expected %02x%02x..", pcr->index, value[0],
		      value[1], pcr->value[0], pcr->value[1]);
}

static void setup(struct client *client)
{
	struct pcr *pcr;

	if (client->state)
		return;
	pcr = client->state = calloc(1, sizeof(*pcr));
	pcr->index = FIRST_PCR + client->index % 8;
	read_pcr(client, pcr->value);
}

static void extend(struct client *client)
{
	struct pcr *pcr = client->state;
	TPML_DIGEST_VALUES digest = { .count = 1, .digests[0].hashAlg = TPM2_ALG_SHA256 };
	u8 both[2 * SHA256_DIGEST_LENGTH];
	u8 *with = digest.digests[0].digest.sha256;

	rng_fill(&client->rng, with, SHA256_DIGEST_LENGTH);
	MUST(client, verify(client),
	     Esys_PCR_Extend(client->esys, ESYS_TR_PCR0 + pcr->index, ESYS_TR_PASSWORD,
			     ESYS_TR_NONE, ESYS_TR_NONE, &digest));
	memcpy(both, pcr->value, SHA256_DIGEST_LENGTH);
	memcpy(both + SHA256_DIGEST_LENGTH, with, SHA256_DIGEST_LENGTH);
	SHA256(both, sizeof(both), pcr->value);
}

static void round_(struct client *client)
{
	for (u64 n = rng_below(&client->rng, 3); n; n--)
		extend(client);
	extend(client);
	verify(client);
}

const struct client_ops pcr_client = {
	.name = "pcr",
	.setup = setup,
	.round = round_,
};
