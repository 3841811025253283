// SPDX-License-Identifier: GPL-2.0-only
/* A hash sequence, checked against OpenSSL. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "client.h"

static void round_(struct client *client)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	TPM2B_AUTH auth = { .size = 0 };
	TPM2B_MAX_BUFFER buffer;
	TPM2B_DIGEST *digest = NULL;
	TPMT_TK_HASHCHECK *ticket = NULL;
	ESYS_TR sequence;
	u8 expected[EVP_MAX_MD_SIZE];
	unsigned int size;

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	MUST(client, NOTHING,
	     Esys_HashSequenceStart(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &auth,
				    TPM2_ALG_SHA256, &sequence));
	for (u64 n = 1 + rng_below(&client->rng, 5); n; n--) {
		buffer.size = rng_below(&client->rng, 1024);
		rng_fill(&client->rng, buffer.buffer, buffer.size);
		EVP_DigestUpdate(ctx, buffer.buffer, buffer.size);
		MUST(client, NOTHING,
		     Esys_SequenceUpdate(client->esys, sequence, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					 ESYS_TR_NONE, &buffer));
	}
	buffer.size = rng_below(&client->rng, 1024);
	rng_fill(&client->rng, buffer.buffer, buffer.size);
	EVP_DigestUpdate(ctx, buffer.buffer, buffer.size);
	MUST(client, NOTHING,
	     Esys_SequenceComplete(client->esys, sequence, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				   ESYS_TR_NONE, &buffer, ESYS_TR_RH_NULL, &digest, &ticket));
	EVP_DigestFinal_ex(ctx, expected, &size);
	if (digest->size != size || memcmp(digest->buffer, expected, size))
		wrong(client, "digest %02x%02x.., expected %02x%02x..", digest->buffer[0],
		      digest->buffer[1], expected[0], expected[1]);
	free(digest);
	free(ticket);
	EVP_MD_CTX_free(ctx);
}

const struct client_ops sequence_client = {
	.name = "sequence",
	.round = round_,
};
