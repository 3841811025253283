/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The attestation key of this host: made once, and kept in STATE_DIR/keys/ak:
 *
 *	file	magic "vtpmakey" | version u16 | length u16, Name of the storage key
 *		| TPM2B_PUBLIC | TPM2B_PRIVATE
 *		| HMAC-SHA256 of all before (32), under a key derived from the host root key
 *
 * Nothing in it is secret. The TPM alone can use it, with an authValue that is derived from
 * the host root key. Where the host has another storage key than the file says, it is
 * another TPM: its key is another one too, is made and has to be enrolled.
 */
#ifndef SEAL_AK_H
#define SEAL_AK_H

#include "seal/host_ak.h"

#define AK_VERSION 1

/**
 * struct ak - it
 * @key: as the TPM returned it
 * @auth: authValue
 */
struct ak {
	struct host_sealed key;
	uint8_t auth[SEAL_KEY_SIZE];
};

/**
 * ak_get() - read it, or make it
 * @directory: STATE_DIR/keys
 * @host: host TPM, its storage key adopted
 * @root: host root key
 * @ret: set on success; ended with ak_done()
 * @ret_new: it was made now
 *
 * Return: 0; -EBADMSG (the file is broken, or of another host); -EPROTONOSUPPORT (of another
 * version); as host_ak_make(); -errno of keyfile_load() and keyfile_save(), with a reason.
 */
int ak_get(int directory, struct host *host, const uint8_t root[SEAL_KEY_SIZE], struct ak *ret,
	   bool *ret_new, struct reason *reason);

/** ak_done() - wipe it; for _cleanup_, one of zeros is fine */
void ak_done(struct ak *ak);

#endif /* SEAL_AK_H */
