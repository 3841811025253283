/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key of this host's CA (seal/host_ca.h), kept in STATE_DIR/keys/ca (seal/hostkey.h), and
 * the configuration it belongs to.
 *
 * Its policy is made from that of the host root key's slot. Where the root key was bound to
 * another configuration since, the key is of the former one: it signs no more, and another one
 * has to be made and certified.
 */
#ifndef SEAL_HOSTCA_H
#define SEAL_HOSTCA_H

#include "seal/host_ca.h"
#include "seal/hostkey.h"
#include "seal/root.h"

/**
 * hostca_load() - read it
 * @root: UNLOCKED, and protected by its TPM
 * @ret: set on success; ended with hostkey_done()
 *
 * Return: 0; 1 (there is none of this TPM and its present configuration); as hostkey_load().
 */
int hostca_load(const struct root *root, struct hostkey *ret, struct reason *reason);

/**
 * hostca_make() - make one, in place of one that may be there
 * @ret: set on success; ended with hostkey_done()
 *
 * Return: 0; -ENODEV (no host TPM protects this host); as host_ca_make() and hostkey_save().
 */
int hostca_make(const struct root *root, struct hostkey *ret, struct reason *reason);

/**
 * hostca_sign() - sign a digest
 * @ca: by hostca_load()
 *
 * Return: 0; -EPERM (PCRs are not what they were); as host_ca_sign().
 */
int hostca_sign(struct root *root, const struct hostkey *ca, const uint8_t digest[SEAL_HASH_SIZE],
	    uint8_t ret_r[SEAL_HASH_SIZE], uint8_t ret_s[SEAL_HASH_SIZE], struct reason *reason);

/* Of the host's other keys that are used in its accepted configuration alone. */

/**
 * hostca_policy() - what it takes to use them
 * @ret_slot: of the host root key
 * @ret_policy: of the keys
 *
 * Return: 0; -ENODEV (no host TPM protects this host); -EIO; with a reason.
 */
int hostca_policy(const struct root *root, struct tpm2_slot *ret_slot, TPM2B_DIGEST *ret_policy,
		  struct reason *reason);

/** hostca_maker - makes a key in the TPM, as host_ca_make() does */
typedef int hostca_maker(struct host *host, const uint8_t auth[SEAL_KEY_SIZE],
			 const TPM2B_DIGEST *policy, struct host_sealed *ret,
			 struct reason *reason);

/** hostca_load_kind() - read one; as hostca_load() */
int hostca_load_kind(const struct hostkey_kind *of, const struct root *root, struct hostkey *ret,
		     struct reason *reason);

/** hostca_make_kind() - make one by @make, in place of one that may be there; as hostca_make() */
int hostca_make_kind(const struct hostkey_kind *of, hostca_maker *make, const struct root *root,
		     struct hostkey *ret, struct reason *reason);

#endif /* SEAL_HOSTCA_H */
