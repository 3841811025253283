/* SPDX-License-Identifier: GPL-2.0-only */
/* A primary key, which is the same one each time until its hierarchy's seed changes. */
#ifndef TORTURE_PRIMARY_H
#define TORTURE_PRIMARY_H

#include "client.h"

ESYS_TR primary_create(struct client *client, ESYS_TR hierarchy, TPM2B_NAME *ret_name);
ESYS_TR primary_create_unique(struct client *client, ESYS_TR hierarchy, u32 unique,
			      TPM2B_NAME *ret_name);
void primary_flush(struct client *client, ESYS_TR key);

static inline bool name_equal(const TPM2B_NAME *a, const TPM2B_NAME *b)
{
	return a->size == b->size && !memcmp(a->name, b->name, a->size);
}

#endif
