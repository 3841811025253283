/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key that vTPMs are moved to this host under (seal/host_move.h), kept in STATE_DIR/keys/move
 * (seal/hostkey.h), and the configuration it belongs to.
 *
 * It is of the same configuration as the key of the host's CA. Where that has changed, another
 * one is made, and what was sealed to the former one can be opened no more: it has to be sent
 * again.
 */
#ifndef SEAL_HOSTMOVE_H
#define SEAL_HOSTMOVE_H

#include "seal/box.h"
#include "seal/host_move.h"
#include "seal/hostca.h"

/**
 * hostmove_load() - read it
 * @root: UNLOCKED, and protected by its TPM
 * @ret: set on success; ended with hostkey_done()
 *
 * Return: 0; 1 (there is none of this TPM and its present configuration); as hostkey_load().
 */
int hostmove_load(const struct root *root, struct hostkey *ret, struct reason *reason);

/**
 * hostmove_make() - make one, in place of one that may be there
 * @ret: set on success; ended with hostkey_done()
 *
 * Return: 0; -ENODEV (no host TPM protects this host); as host_move_make() and hostkey_save().
 */
int hostmove_make(const struct root *root, struct hostkey *ret, struct reason *reason);

/**
 * hostmove_agree() - what opens a box that was closed for it
 * @move: by hostmove_load()
 * @box: it
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; -EBADMSG (it is no box); -EPERM (PCRs are not what they were); as
 * host_move_agree(); with a reason.
 */
int hostmove_agree(struct root *root, const struct hostkey *move, struct seal_bytes box,
		   struct box_agreed *ret, struct reason *reason);

#endif /* SEAL_HOSTMOVE_H */
