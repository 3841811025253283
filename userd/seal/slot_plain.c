// SPDX-License-Identifier: BSD-3-Clause
/*
 * The slots that need no TPM: "none", the host root key as it is, behind nothing but the
 * file's mode; and "recovery", a box only the recovery code opens.
 */
#include "seal/slot.h"

#include <errno.h>

#include "base/cursor.h"
#include "seal/recovery.h"

static int make_none(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE],
		     struct slot *ret, struct reason *reason)
{
	(void)wish;
	(void)reason;
	cursor_copy(ret->body, sizeof(ret->body), root, SEAL_KEY_SIZE);
	ret->kind = SLOT_NONE;
	ret->length = SEAL_KEY_SIZE;
	return 0;
}

static int open_none(struct host *host, const struct slot *slot, const struct slot_shares *shares,
		     uint8_t ret_root[SEAL_KEY_SIZE], struct reason *reason)
{
	(void)host;
	(void)shares;
	if (slot->length != SEAL_KEY_SIZE)
		return refuse(
			reason, -EBADMSG,
			"the unprotected slot in keys/slots holds no host root key: unlock with "
			"the recovery code");
	cursor_copy(ret_root, SEAL_KEY_SIZE, slot->body, SEAL_KEY_SIZE);
	return 0;
}

const struct slot_ops seal_none = { .kind = SLOT_NONE, .make = make_none, .open = open_none };

static int make_recovery(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE],
			 struct slot *ret, struct reason *reason)
{
	int r = recovery_make(wish->point, root, ret->body);

	if (r == -EINVAL)
		return refuse(
			reason, r,
			"the public half of the recovery code is no point of P-256: use vtpmctl");
	if (r)
		return refuse(reason, r, "the recovery slot cannot be made: look at OpenSSL");
	ret->kind = SLOT_RECOVERY;
	ret->length = RECOVERY_RECORD_SIZE;
	return 0;
}

const struct slot_ops seal_recovery = { .kind = SLOT_RECOVERY, .make = make_recovery };
