/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Under which key an engine makes its claims (wire/leaf.h): derived from the host root key,
 * the vTPM, the epoch it was started in, and this boot of the host. So keyd keeps nothing of it,
 * and one that was started anew still knows its engines.
 */
#ifndef KEYD_CLAIM_H
#define KEYD_CLAIM_H

#include "keyd/keyd.h"
#include "wire/leaf.h"

/**
 * claim_key() - derive it; the host is unlocked
 * @who: vTPM and epoch
 * @ret: the caller wipes it
 *
 * Return: 0; -EIO (OpenSSL fails, or the kernel does not say which boot this is).
 */
int claim_key(const struct keyd *keyd, const struct leaf_claimant *who,
	      uint8_t ret[LEAF_KEY_SIZE]);

/**
 * claim_read() - what an engine says, with what is known of it here
 * @claim: bytes of anybody
 * @ret: set on success
 *
 * Return: 0; -EACCES (no engine of this host said so in this boot); -ENOKEY (locked); -EIO; with
 * a reason.
 */
int claim_read(const struct keyd *keyd, struct seal_bytes claim, struct leaf *ret,
	       struct reason *reason);

#endif /* KEYD_CLAIM_H */
