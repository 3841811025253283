// SPDX-License-Identifier: BSD-3-Clause
/*
 * Derive and check; see the header.
 */
#include "keyd/claim.h"

#include <errno.h>
#include <systemd/sd-id128.h>

#include "base/secret.h"
#include "keyd/orders.h"

#define LABEL "vtpm claims of an engine"

int claim_key(const struct keyd *keyd, const struct leaf_claimant *who,
	      uint8_t ret[LEAF_KEY_SIZE])
{
	const struct seal_bytes none = { 0 };
	uint8_t bytes[LEAF_UUID + 8 + sizeof(sd_id128_t)];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	sd_id128_t boot;

	/* it was read before the sandbox, and is remembered (loop.c) */
	if (sd_id128_get_boot(&boot) < 0)
		return -EIO;
	cursor_put_raw(&out, who->uuid, sizeof(who->uuid));
	cursor_put_u64(&out, who->since);
	cursor_put_raw(&out, boot.bytes, sizeof(boot.bytes));
	return seal_derive((struct seal_bytes){ keyd->root.key, SEAL_KEY_SIZE }, none, LABEL,
			   (struct seal_bytes){ bytes, out.used }, ret, LEAF_KEY_SIZE);
}

static enum leaf_protection protection_of(const struct keyd *keyd)
{
	switch (witness_mode(&keyd->witness)) {
	case KEYD_ROLLBACK_STRICT:
		return LEAF_STRICT;
	case KEYD_ROLLBACK_LAZY:
		return LEAF_LAZY;
	default:
		return LEAF_SEALED;
	}
}

int claim_read(const struct keyd *keyd, struct seal_bytes claim, struct leaf *ret,
	       struct reason *reason)
{
	uint8_t key[LEAF_KEY_SIZE];
	struct leaf_claimant who;
	int r = keyd_locked(keyd, reason);

	if (r)
		return r;
	if (!leaf_claimant(claim.at, claim.length, &who))
		return refuse(reason, -EACCES, "what came is no claim of an engine");
	r = claim_key(keyd, &who, key);
	if (!r)
		r = leaf_believe(claim.at, key, ret);
	secret_wipe(key, sizeof(key));
	if (!r)
		ret->protection = (uint8_t)protection_of(keyd);
	return r == -EACCES ? refuse(reason, r, "no engine of this host claimed that since it was "
						"booted: start the vTPM again")
	       : r	    ? refuse(reason, r, "a claim cannot be checked: look at OpenSSL")
			    : 0;
}
