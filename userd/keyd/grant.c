// SPDX-License-Identifier: BSD-3-Clause
/*
 * The ring; see the header. Each is looked at whole: 4096 comparisons are some tens of
 * microseconds, and their time does not say which one came close.
 */
#include "keyd/grant.h"

#include <errno.h>

#include "base/secret.h"

#define LIFETIME (KEYD_TICKET_SECONDS * 1000000ull)

void grants_add(struct grants *grants, const struct grant *grant, uint64_t now)
{
	struct grant *at = &grants->ring[grants->next];

	*at = *grant;
	at->expires = now + LIFETIME;
	grants->next = (grants->next + 1) % GRANTS_MAX;
}

uint64_t grants_expire(struct grants *grants, uint64_t now)
{
	uint64_t next = 0;

	for (size_t i = 0; i < GRANTS_MAX; i++) {
		struct grant *grant = &grants->ring[i];

		if (!grant->expires)
			continue;
		if (grant->expires <= now)
			secret_wipe(grant, sizeof(*grant));
		else if (!next || grant->expires < next)
			next = grant->expires;
	}
	return next;
}

int grants_take(struct grants *grants, const uint8_t uuid[IPC_UUID_SIZE],
		const uint8_t ticket[KEYD_TICKET_SIZE], uint64_t now, struct grant *ret)
{
	struct grant *found = NULL;
	int r = -EACCES;

	for (size_t i = 0; i < GRANTS_MAX; i++) {
		struct grant *grant = &grants->ring[i];

		if (grant->expires > now &&
		    secret_equal(grant->ticket, ticket, sizeof(grant->ticket)))
			found = grant;
	}
	if (!found)
		return r;
	if (secret_equal(found->uuid, uuid, sizeof(found->uuid))) {
		*ret = *found;
		r = 0;
	}
	secret_wipe(found, sizeof(*found));
	return r;
}
