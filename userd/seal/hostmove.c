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
	_cleanup_(hostkey_done) struct hostkey key = { 0 };
	struct tpm2_slot slot = { 0 };
	TPM2B_DIGEST policy;
	int r;

	r = hostca_policy(root, &slot, &policy, reason);
	if (!r)
		r = hostkey_load(&kind, root->directory, root->host, root->key, &key, reason);
	if (!r && !hostca_is_policy(&key, &policy))
		r = 1;
	if (!r)
		*ret = key;
	return r;
}

int hostmove_make(const struct root *root, struct hostkey *ret, struct reason *reason)
{
	_cleanup_(hostkey_done) struct hostkey key = { 0 };
	struct tpm2_slot slot = { 0 };
	TPM2B_DIGEST policy;
	int r;

	r = hostca_policy(root, &slot, &policy, reason);
	/* for the authValue: what else is there is replaced, if it can be read */
	if (!r)
		r = hostkey_load(&kind, root->directory, root->host, root->key, &key, reason);
	if (r >= 0)
		r = host_move_make(root->host, key.auth, &policy, &key.key, reason);
	if (!r)
		r = hostkey_save(&kind, root->directory, root->host, root->key, &key, reason);
	if (!r)
		*ret = key;
	return r;
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
