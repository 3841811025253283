// SPDX-License-Identifier: BSD-3-Clause
/*
 * File and counter of an anchor; see the header.
 */
#include "seal/anchor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/keyfile.h"

#define FILE_NAME "anchor"
#define MAGIC	  "vtpmanch"
#define MAGIC_LEN 8
#define BODY_SIZE (MAGIC_LEN + 2 + 1 + 4 + 4)
#define FILE_SIZE (BODY_SIZE + SEAL_HASH_SIZE)

#define FILE_LABEL    "vtpm anchor file"
#define COUNTER_LABEL "vtpm anchor counter"

static int derive(const uint8_t *key, const char *label, uint8_t ret[SEAL_KEY_SIZE])
{
	const struct seal_bytes none = { 0 };

	return seal_derive((struct seal_bytes){ key, SEAL_KEY_SIZE }, none, label, none, ret,
			   SEAL_KEY_SIZE);
}

static int file_mac(const uint8_t *key, const uint8_t *file, uint8_t ret[SEAL_HASH_SIZE])
{
	uint8_t mac_key[SEAL_KEY_SIZE];
	int r;

	r = derive(key, FILE_LABEL, mac_key);
	if (!r)
		r = seal_hmac(mac_key, (struct seal_bytes){ file, BODY_SIZE }, ret);
	secret_wipe(mac_key, sizeof(mac_key));
	return r;
}

static int unusable(struct reason *reason, int error, const char *how)
{
	return refuse(reason, error,
		      "keys/anchor, which says where the counter against rollback is, %s: put a "
		      "copy of it back, or run vtpmctl host unlock --accept-move",
		      how);
}

static int parse(const uint8_t *file, size_t length, const uint8_t *key, struct anchor *ret,
		 struct reason *reason)
{
	struct cursor_in in = cursor_in(file, length);
	const uint8_t *magic = cursor_get_bytes(&in, MAGIC_LEN);
	unsigned int version = cursor_get_u16(&in);
	uint8_t mac[SEAL_HASH_SIZE];
	struct anchor anchor;

	if (in.bad || !secret_equal(magic, MAGIC, MAGIC_LEN))
		return unusable(reason, -EBADMSG, "is broken");
	if (version != ANCHOR_VERSION)
		return unusable(reason, -EPROTONOSUPPORT, "is of another version");
	anchor.mode = (enum keyd_rollback)cursor_get_u8(&in);
	anchor.window = cursor_get_u32(&in);
	anchor.handle = cursor_get_u32(&in);
	if (in.bad || in.left != SEAL_HASH_SIZE || anchor.mode >= _KEYD_ROLLBACK_MAX)
		return unusable(reason, -EBADMSG, "is broken");
	if (key && file_mac(key, file, mac))
		return refuse(reason, -EIO, "HMAC does not work: look at OpenSSL");
	if (key && !secret_equal(in.at, mac, sizeof(mac)))
		return unusable(reason, -EBADMSG, "is broken, or of another host");
	*ret = anchor;
	return 0;
}

int anchor_load(int directory, const uint8_t *key, struct anchor *ret, struct reason *reason)
{
	uint8_t file[FILE_SIZE + 1];
	ssize_t n = keyfile_load(directory, FILE_NAME, file, sizeof(file));

	if (n == -ENOENT)
		return unusable(reason, -ENOENT, "is not there");
	if (n < 0)
		return unusable(reason, (int)n, strerror((int)-n));
	return parse(file, (size_t)n, key, ret, reason);
}

int anchor_save(int directory, const uint8_t key[SEAL_KEY_SIZE], const struct anchor *anchor,
		struct reason *reason)
{
	uint8_t file[FILE_SIZE], mac[SEAL_HASH_SIZE];
	struct cursor_out out = cursor_out(file, sizeof(file));
	int r;

	cursor_put_raw(&out, MAGIC, MAGIC_LEN);
	cursor_put_u16(&out, ANCHOR_VERSION);
	cursor_put_u8(&out, (uint8_t)anchor->mode);
	cursor_put_u32(&out, anchor->window);
	cursor_put_u32(&out, anchor->handle);
	r = file_mac(key, file, mac);
	cursor_put_raw(&out, mac, sizeof(mac));
	if (!r)
		r = keyfile_save(directory, FILE_NAME, (struct seal_bytes){ file, out.used });
	return r ? refuse(reason, r, "keys/anchor cannot be written: %s", strerror(-r)) : 0;
}

static int counter_auth(const uint8_t *key, uint8_t ret[SEAL_KEY_SIZE], struct reason *reason)
{
	int r = derive(key, COUNTER_LABEL, ret);

	return r ? refuse(reason, r, "HKDF does not work: look at OpenSSL") : 0;
}

int anchor_make(int directory, struct host *host, struct seal_bytes password,
		const uint8_t key[SEAL_KEY_SIZE], struct anchor *anchor, struct reason *reason)
{
	uint8_t auth[SEAL_KEY_SIZE];
	uint64_t value;
	int r;

	r = counter_auth(key, auth, reason);
	if (!r)
		r = host_counter_make(host, password, auth, &anchor->handle, &value, reason);
	secret_wipe(auth, sizeof(auth));
	if (r)
		return r;
	r = anchor_save(directory, key, anchor, reason);
	if (r)
		anchor_undo(directory, host, password, anchor);
	return r;
}

int anchor_find(int directory, struct host *host, const uint8_t key[SEAL_KEY_SIZE],
		struct anchor *anchor, struct reason *reason)
{
	uint8_t auth[SEAL_KEY_SIZE];
	int r;

	r = counter_auth(key, auth, reason);
	if (!r)
		r = host_counter_find(host, auth, &anchor->handle, reason);
	secret_wipe(auth, sizeof(auth));
	return r ? r : anchor_save(directory, key, anchor, reason);
}

void anchor_undo(int directory, struct host *host, struct seal_bytes password,
		 const struct anchor *anchor)
{
	struct reason ignored;

	host_counter_remove(host, anchor->handle, password, &ignored);
	unlinkat(directory, FILE_NAME, 0);
}

int anchor_read(struct host *host, const uint8_t key[SEAL_KEY_SIZE], const struct anchor *anchor,
		uint64_t *ret_value, struct reason *reason)
{
	uint8_t auth[SEAL_KEY_SIZE];
	int r;

	r = counter_auth(key, auth, reason);
	if (!r)
		r = host_counter_read(host, anchor->handle, auth, ret_value, reason);
	secret_wipe(auth, sizeof(auth));
	return r;
}

int anchor_add(struct host *host, const uint8_t key[SEAL_KEY_SIZE], const struct anchor *anchor,
	       struct reason *reason)
{
	uint8_t auth[SEAL_KEY_SIZE];
	int r;

	r = counter_auth(key, auth, reason);
	if (!r)
		r = host_counter_add(host, anchor->handle, auth, reason);
	secret_wipe(auth, sizeof(auth));
	return r;
}
