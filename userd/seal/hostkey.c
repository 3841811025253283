// SPDX-License-Identifier: BSD-3-Clause
/*
 * File and authValue; see the header.
 */
#include "seal/hostkey.h"

#include <errno.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/keyfile.h"

#define FILE_MAX 4096

static int derive(const uint8_t *root, const char *label, uint8_t ret[SEAL_KEY_SIZE])
{
	const struct seal_bytes none = { 0 };

	return seal_derive((struct seal_bytes){ root, SEAL_KEY_SIZE }, none, label, none, ret,
			   SEAL_KEY_SIZE);
}

int hostkey_derive(const struct hostkey_kind *kind, const uint8_t root[SEAL_KEY_SIZE],
		   struct hostkey_keys *ret)
{
	int r = derive(root, kind->file_label, ret->file);

	return r ? r : derive(root, kind->auth_label, ret->auth);
}

static int unusable(const struct hostkey_kind *kind, struct reason *reason, int error,
		    const char *how)
{
	return refuse(reason, error,
		      "keys/%s, which keeps the %s, %s: put a copy of it back, or remove it and "
		      "enrol the host again",
		      kind->file, kind->what, how);
}

/* Return: 0; 1: of another TPM; -EBADMSG. */
static int parse_body(struct cursor_in *in, const struct host *host, struct host_sealed *ret)
{
	uint16_t length = cursor_get_u16(in);
	const uint8_t *name = cursor_get_bytes(in, length);
	size_t at = 0;

	if (in->bad || Tss2_MU_TPM2B_PUBLIC_Unmarshal(in->at, in->left, &at, &ret->public) ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(in->at, in->left, &at, &ret->private))
		return -EBADMSG;
	cursor_get_bytes(in, at);
	if (!cursor_ended(in))
		return -EBADMSG;
	return length == host->name.size && secret_equal(name, host->name.name, length) ? 0 : 1;
}

/* Return: as parse_body(); -EPROTONOSUPPORT; -EIO. */
static int parse(const struct hostkey_kind *kind, struct seal_bytes file, const struct host *host,
		 const struct hostkey_keys *keys, struct host_sealed *ret, struct reason *reason)
{
	struct cursor_in in = cursor_in(file.at, file.length), body;
	const uint8_t *magic = cursor_get_bytes(&in, HOSTKEY_MAGIC_LEN), *mac;
	unsigned int version = cursor_get_u16(&in);
	uint8_t wanted[SEAL_HASH_SIZE];
	int r;

	if (in.bad || !secret_equal(magic, kind->magic, HOSTKEY_MAGIC_LEN) ||
	    in.left < SEAL_HASH_SIZE)
		return unusable(kind, reason, -EBADMSG, "is broken");
	if (version != HOSTKEY_VERSION)
		return unusable(kind, reason, -EPROTONOSUPPORT, "is of another version");
	body = cursor_sub(&in, in.left - SEAL_HASH_SIZE);
	mac = in.at;
	if (seal_hmac(keys->file, (struct seal_bytes){ file.at, file.length - SEAL_HASH_SIZE },
		      wanted))
		return refuse(reason, -EIO, "HMAC does not work: look at OpenSSL");
	if (!secret_equal(mac, wanted, sizeof(wanted)))
		return unusable(kind, reason, -EBADMSG, "is broken, or of another host");
	r = parse_body(&body, host, ret);
	return r < 0 ? unusable(kind, reason, r, "is broken") : r;
}

int hostkey_save(const struct hostkey_kind *kind, int directory, const struct host *host,
		 const uint8_t root[SEAL_KEY_SIZE], const struct hostkey *key,
		 struct reason *reason)
{
	uint8_t file[FILE_MAX], mac[SEAL_HASH_SIZE], key_of_file[SEAL_KEY_SIZE];
	struct cursor_out out = cursor_out(file, sizeof(file));
	int r;

	cursor_put_raw(&out, kind->magic, HOSTKEY_MAGIC_LEN);
	cursor_put_u16(&out, HOSTKEY_VERSION);
	cursor_put_u16(&out, host->name.size);
	cursor_put_raw(&out, host->name.name, host->name.size);
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&key->key.public, out.base, out.room, &out.used) ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(&key->key.private, out.base, out.room, &out.used))
		return refuse(reason, -EIO, "the %s is too large for keys/%s", kind->what,
			      kind->file);
	r = derive(root, kind->file_label, key_of_file);
	if (!r)
		r = seal_hmac(key_of_file, (struct seal_bytes){ file, out.used }, mac);
	secret_wipe(key_of_file, sizeof(key_of_file));
	cursor_put_raw(&out, mac, sizeof(mac));
	if (!r && !out.bad)
		r = keyfile_save(directory, kind->file, (struct seal_bytes){ file, out.used });
	return r ? refuse(reason, r, "keys/%s cannot be written: %s", kind->file, strerror(-r)) : 0;
}

int hostkey_load_with(const struct hostkey_kind *kind, int directory, const struct host *host,
		      const struct hostkey_keys *keys, struct hostkey *ret, struct reason *reason)
{
	struct hostkey key = { 0 };
	uint8_t file[FILE_MAX];
	ssize_t n;
	int r = 1;

	if (host->storage == ESYS_TR_NONE)
		return refuse(
			reason, -ENODEV,
			"no host TPM vouches for this host: bind to it with vtpmctl host unlock "
			"--bind");
	cursor_copy(key.auth, sizeof(key.auth), keys->auth, sizeof(keys->auth));
	n = keyfile_load(directory, kind->file, file, sizeof(file));
	if (n >= 0)
		r = parse(kind, (struct seal_bytes){ file, (size_t)n }, host, keys, &key.key,
			  reason);
	else if (n != -ENOENT)
		r = unusable(kind, reason, (int)n, strerror((int)-n));
	if (r >= 0)
		*ret = key;
	hostkey_done(&key);
	return r;
}

int hostkey_load(const struct hostkey_kind *kind, int directory, const struct host *host,
		 const uint8_t root[SEAL_KEY_SIZE], struct hostkey *ret, struct reason *reason)
{
	struct hostkey_keys keys;
	int r = hostkey_derive(kind, root, &keys);

	r = r ? refuse(reason, r, "HKDF does not work: look at OpenSSL") :
		hostkey_load_with(kind, directory, host, &keys, ret, reason);
	secret_wipe(&keys, sizeof(keys));
	return r;
}

void hostkey_done(struct hostkey *key)
{
	secret_wipe(key, sizeof(*key));
}
