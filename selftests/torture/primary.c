// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "primary.h"

static const TPM2B_PUBLIC usual = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
				    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
				    TPMA_OBJECT_NODA,
		.parameters.eccDetail = {
			.symmetric = {
				.algorithm = TPM2_ALG_AES,
				.keyBits.aes = 128,
				.mode.aes = TPM2_ALG_CFB,
			},
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

static ESYS_TR create(struct client *client, ESYS_TR hierarchy, const TPM2B_PUBLIC *template,
		      TPM2B_NAME *ret_name)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .size = 0 };
	TPM2B_DATA outside = { .size = 0 };
	TPML_PCR_SELECTION pcrs = { .count = 0 };
	TPM2B_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL;
	ESYS_TR key;

	MUST(client, NOTHING,
	     Esys_CreatePrimary(client->esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &sensitive, template, &outside, &pcrs, &key, &public,
				NULL, NULL, NULL));
	if (Esys_TR_GetName(client->esys, key, &name))
		wrong(client, "no name");
	*ret_name = *name;
	free(name);
	free(public);
	return key;
}

ESYS_TR primary_create(struct client *client, ESYS_TR hierarchy, TPM2B_NAME *ret_name)
{
	return create(client, hierarchy, &usual, ret_name);
}

/* One of its own for each @unique. */
ESYS_TR primary_create_unique(struct client *client, ESYS_TR hierarchy, u32 unique,
			      TPM2B_NAME *ret_name)
{
	TPM2B_PUBLIC template = usual;

	template.publicArea.unique.ecc.x.size = sizeof(unique);
	memcpy(template.publicArea.unique.ecc.x.buffer, &unique, sizeof(unique));
	return create(client, hierarchy, &template, ret_name);
}

void primary_flush(struct client *client, ESYS_TR key)
{
	MUST(client, NOTHING, Esys_FlushContext(client->esys, key));
}
