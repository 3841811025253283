// SPDX-License-Identifier: BSD-3-Clause
/*
 * File and authValue of the attestation key; see the header.
 */
#include "seal/ak.h"

#include <errno.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/keyfile.h"

#define FILE_NAME "ak"
#define MAGIC	  "vtpmakey"
#define MAGIC_LEN 8
#define FILE_MAX  4096

#define FILE_LABEL "vtpm ak file"
#define AUTH_LABEL "vtpm ak auth"

static int derive(const uint8_t *root, const char *label, uint8_t ret[SEAL_KEY_SIZE])
{
	const struct seal_bytes none = { 0 };

	return seal_derive((struct seal_bytes){ root, SEAL_KEY_SIZE }, none, label, none, ret,
			   SEAL_KEY_SIZE);
}

static int file_mac(const uint8_t *root, struct seal_bytes body, uint8_t ret[SEAL_HASH_SIZE])
{
	uint8_t key[SEAL_KEY_SIZE];
	int r;

	r = derive(root, FILE_LABEL, key);
	if (!r)
		r = seal_hmac(key, body, ret);
	secret_wipe(key, sizeof(key));
	return r;
}

static int unusable(struct reason *reason, int error, const char *how)
{
	return refuse(reason, error,
		      "keys/ak, which keeps the attestation key, %s: put a copy of it back, or "
		      "remove it and enrol the host again",
		      how);
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
static int parse(struct seal_bytes file, const struct host *host, const uint8_t *root,
		 struct host_sealed *ret, struct reason *reason)
{
	struct cursor_in in = cursor_in(file.at, file.length), body;
	const uint8_t *magic = cursor_get_bytes(&in, MAGIC_LEN), *mac;
	unsigned int version = cursor_get_u16(&in);
	uint8_t wanted[SEAL_HASH_SIZE];
	int r;

	if (in.bad || !secret_equal(magic, MAGIC, MAGIC_LEN) || in.left < SEAL_HASH_SIZE)
		return unusable(reason, -EBADMSG, "is broken");
	if (version != AK_VERSION)
		return unusable(reason, -EPROTONOSUPPORT, "is of another version");
	body = cursor_sub(&in, in.left - SEAL_HASH_SIZE);
	mac = in.at;
	if (file_mac(root, (struct seal_bytes){ file.at, file.length - SEAL_HASH_SIZE }, wanted))
		return refuse(reason, -EIO, "HMAC does not work: look at OpenSSL");
	if (!secret_equal(mac, wanted, sizeof(wanted)))
		return unusable(reason, -EBADMSG, "is broken, or of another host");
	r = parse_body(&body, host, ret);
	return r < 0 ? unusable(reason, r, "is broken") : r;
}

static int save(int directory, const struct host *host, const uint8_t *root,
		const struct host_sealed *key, struct reason *reason)
{
	uint8_t file[FILE_MAX], mac[SEAL_HASH_SIZE];
	struct cursor_out out = cursor_out(file, sizeof(file));
	int r;

	cursor_put_raw(&out, MAGIC, MAGIC_LEN);
	cursor_put_u16(&out, AK_VERSION);
	cursor_put_u16(&out, host->name.size);
	cursor_put_raw(&out, host->name.name, host->name.size);
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&key->public, out.base, out.room, &out.used) ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(&key->private, out.base, out.room, &out.used))
		return refuse(reason, -EIO, "the attestation key is too large for keys/ak");
	r = file_mac(root, (struct seal_bytes){ file, out.used }, mac);
	cursor_put_raw(&out, mac, sizeof(mac));
	if (!r && !out.bad)
		r = keyfile_save(directory, FILE_NAME, (struct seal_bytes){ file, out.used });
	return r ? refuse(reason, r, "keys/ak cannot be written: %s", strerror(-r)) : 0;
}

/* Return: 0; 1: there is none of this TPM; -errno. */
static int load(int directory, const struct host *host, const uint8_t *root,
		struct host_sealed *ret, struct reason *reason)
{
	uint8_t file[FILE_MAX];
	ssize_t n = keyfile_load(directory, FILE_NAME, file, sizeof(file));

	if (n == -ENOENT)
		return 1;
	if (n < 0)
		return unusable(reason, (int)n, strerror((int)-n));
	return parse((struct seal_bytes){ file, (size_t)n }, host, root, ret, reason);
}

int ak_get(int directory, struct host *host, const uint8_t root[SEAL_KEY_SIZE], struct ak *ret,
	   bool *ret_new, struct reason *reason)
{
	struct ak ak = { 0 };
	int r, found;

	if (host->storage == ESYS_TR_NONE)
		return refuse(
			reason, -ENODEV,
			"no host TPM vouches for this host: bind to it with vtpmctl host unlock "
			"--bind");
	if (derive(root, AUTH_LABEL, ak.auth))
		return refuse(reason, -EIO, "HKDF does not work: look at OpenSSL");
	found = load(directory, host, root, &ak.key, reason);
	r = found;
	if (found == 1)
		r = host_ak_make(host, ak.auth, &ak.key, reason);
	if (!r && found == 1)
		r = save(directory, host, root, &ak.key, reason);
	if (!r) {
		*ret = ak;
		*ret_new = found == 1;
	}
	ak_done(&ak);
	return r;
}

void ak_done(struct ak *ak)
{
	secret_wipe(ak, sizeof(*ak));
}
