/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The attestation key of this host: made once, and kept in STATE_DIR/keys/ak (seal/hostkey.h).
 * Another TPM makes another one, which has to be enrolled.
 */
#ifndef SEAL_AK_H
#define SEAL_AK_H

#include "seal/host_ak.h"
#include "seal/hostkey.h"

/** ak_keys() - what it takes to use it; the caller wipes them. Return: 0; -EIO */
int ak_keys(const uint8_t root[SEAL_KEY_SIZE], struct hostkey_keys *ret);

/**
 * ak_load() - read it
 * @directory: STATE_DIR/keys
 * @host: host TPM, its storage key adopted
 * @keys: of ak_keys()
 * @ret: set on success; ended with hostkey_done()
 *
 * Return: 0; -ENOENT (there is none of this TPM); as hostkey_load(), with a reason.
 */
int ak_load(int directory, struct host *host, const struct hostkey_keys *keys,
	    struct hostkey *ret, struct reason *reason);

/**
 * ak_get() - read it, or make it
 * @directory: STATE_DIR/keys
 * @host: host TPM, its storage key adopted
 * @root: host root key
 * @ret: set on success; ended with hostkey_done()
 * @ret_new: it was made now
 *
 * Return: 0; as hostkey_load(), host_ak_make() and hostkey_save(), with a reason.
 */
int ak_get(int directory, struct host *host, const uint8_t root[SEAL_KEY_SIZE],
	   struct hostkey *ret, bool *ret_new, struct reason *reason);

#endif /* SEAL_AK_H */
