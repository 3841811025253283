// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read, make and use; see the header.
 */
#include "seal/hostmove.h"

#include <errno.h>

#include "base/cleanup.h"

static const struct hostkey_kind kind = {
	.file = "move",
	.magic = "vtpmmove",
	.what = "key that vTPMs are moved here under",
	.file_label = "vtpm host move file",
	.auth_label = "vtpm host move auth",
};

int hostmove_load(const struct root *root, struct hostkey *ret, struct reason *reason)
{
	return hostca_load_kind(&kind, root, ret, reason);
}

int hostmove_make(const struct root *root, struct hostkey *ret, struct reason *reason)
{
	return hostca_make_kind(&kind, host_move_make, root, ret, reason);
}

int hostmove_agree(struct root *root, const struct hostkey *move, struct seal_bytes box,
		   struct box_agreed *ret, struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle policy = HOST_HANDLE(root->host);
	uint8_t sender[SEAL_POINT_SIZE];
	struct tpm2_slot slot = { 0 };
	TPM2B_DIGEST unused;
	int r;

	if (box_sender(box, sender) || !host_move_point(&move->key, ret->point))
		return refuse(reason, -EBADMSG, "what was sent has no data key for this host");
	r = hostca_policy(root, &slot, &unused, reason);
	if (!r)
		r = root_enter(root, &slot, &policy, reason);
	if (!r)
		r = host_move_agree(root->host, &move->key, move->auth, &policy, sender,
				    ret->shared, reason);
	return r == 1 ? host_explain(root->host, &slot.pcrs, reason) : r;
}
