/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A key of the host TPM that is kept outside of it, in a file of STATE_DIR/keys:
 *
 *	file	magic (8) | version u16 | length u16, Name of the storage key
 *		| TPM2B_PUBLIC | TPM2B_PRIVATE
 *		| HMAC-SHA256 of all before (32), under a key derived from the host root key
 *
 * Nothing in it is secret. The TPM alone can use it, with an authValue that is derived from
 * the host root key. Where the host has another storage key than the file says, it is
 * another TPM, and has no such key yet.
 */
#ifndef SEAL_HOSTKEY_H
#define SEAL_HOSTKEY_H

#include "seal/host.h"

#define HOSTKEY_VERSION	  1
#define HOSTKEY_MAGIC_LEN 8

/**
 * struct hostkey_kind - what a key is for
 * @file: its name in STATE_DIR/keys
 * @magic: what it begins with
 * @what: the key, for the operator
 * @file_label: the file's HMAC key is derived with it
 * @auth_label: the authValue is
 */
struct hostkey_kind {
	const char *file;
	char magic[HOSTKEY_MAGIC_LEN + 1];
	const char *what;
	const char *file_label;
	const char *auth_label;
};

/**
 * struct hostkey_keys - what derives from the host root key for one kind
 * @file: HMAC key of the file
 * @auth: authValue
 */
struct hostkey_keys {
	uint8_t file[SEAL_KEY_SIZE];
	uint8_t auth[SEAL_KEY_SIZE];
};

/** hostkey_derive() - derive them; the caller wipes them. Return: 0; -EIO */
int hostkey_derive(const struct hostkey_kind *kind, const uint8_t root[SEAL_KEY_SIZE],
		   struct hostkey_keys *ret);

/**
 * struct hostkey - it
 * @key: as the TPM returned it
 * @auth: authValue
 */
struct hostkey {
	struct host_sealed key;
	uint8_t auth[SEAL_KEY_SIZE];
};

/**
 * hostkey_load() - read it
 * @directory: STATE_DIR/keys
 * @host: host TPM, its storage key adopted
 * @root: host root key
 * @ret: set where the return value is 0 or 1, at 1 with the authValue only; ended with
 *	hostkey_done()
 *
 * Return: 0; 1 (there is none of this TPM); -ENODEV (no host TPM vouches for this host);
 * -EBADMSG (the file is broken, or of another host); -EPROTONOSUPPORT (of another
 * version); -EIO; -errno of keyfile_load(), with a reason.
 */
int hostkey_load(const struct hostkey_kind *kind, int directory, const struct host *host,
		 const uint8_t root[SEAL_KEY_SIZE], struct hostkey *ret, struct reason *reason);

/** hostkey_load_with() - the same for who has these keys alone. Return: as hostkey_load() */
int hostkey_load_with(const struct hostkey_kind *kind, int directory, const struct host *host,
		      const struct hostkey_keys *keys, struct hostkey *ret, struct reason *reason);

/** hostkey_save() - keep it. Return: 0; -EIO; -errno of keyfile_save(), with a reason */
int hostkey_save(const struct hostkey_kind *kind, int directory, const struct host *host,
		 const uint8_t root[SEAL_KEY_SIZE], const struct hostkey *key,
		 struct reason *reason);

/** hostkey_done() - wipe it; for _cleanup_, one of zeros is fine */
void hostkey_done(struct hostkey *key);

#endif /* SEAL_HOSTKEY_H */
