// SPDX-License-Identifier: BSD-3-Clause
/*
 * Parse, format, load and save; see the header.
 *
 * With a slot of kind "none" the file holds the root key in clear, so buffers that held
 * a file are wiped.
 */
#include "seal/slots.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/keyfile.h"

#define FILE_NAME "slots"
#define MAGIC	  "vtpmkeys"
#define MAGIC_LEN 8

#define CHECK_LABEL "vtpm check value"
#define CHECK_TEXT  "this is the host root key"

static unsigned int place_of(const struct slots *slots, enum slot_kind kind)
{
	unsigned int i = 0;

	while (i < slots->count && slots->slot[i].kind != kind)
		i++;
	return i;
}

const struct slot *slots_find(const struct slots *slots, enum slot_kind kind)
{
	unsigned int place = place_of(slots, kind);

	return place < slots->count ? &slots->slot[place] : NULL;
}

void slots_remove(struct slots *slots, enum slot_kind kind)
{
	unsigned int place = place_of(slots, kind);

	if (place == slots->count)
		return;
	for (slots->count--; place < slots->count; place++)
		slots->slot[place] = slots->slot[place + 1];
	secret_wipe(&slots->slot[slots->count], sizeof(slots->slot[0]));
}

int slots_add(struct slots *slots, const struct slot *slot)
{
	if (slots->count == SLOTS_MAX)
		return -ENOSPC;
	slots->slot[slots->count++] = *slot;
	return 0;
}

int slots_check_value(const uint8_t root[SEAL_KEY_SIZE], enum keyd_rollback mode,
		      uint8_t ret[SEAL_HASH_SIZE])
{
	const struct seal_bytes none = { 0 };
	uint8_t key[SEAL_KEY_SIZE], byte = (uint8_t)mode;
	int r;

	r = seal_derive((struct seal_bytes){ root, SEAL_KEY_SIZE }, none, CHECK_LABEL,
			(struct seal_bytes){ &byte, mode == KEYD_ROLLBACK_OFF ? 0 : 1 }, key,
			sizeof(key));
	if (!r)
		r = seal_hmac(key, (struct seal_bytes){ CHECK_TEXT, strlen(CHECK_TEXT) }, ret);
	secret_wipe(key, sizeof(key));
	return r;
}

int slots_match(const struct slots *slots, const uint8_t root[SEAL_KEY_SIZE],
		enum keyd_rollback *ret_mode)
{
	uint8_t check[SEAL_HASH_SIZE];

	for (unsigned int mode = KEYD_ROLLBACK_OFF; mode < _KEYD_ROLLBACK_MAX; mode++) {
		if (slots_check_value(root, (enum keyd_rollback)mode, check))
			return -EIO;
		if (secret_equal(check, slots->check, sizeof(check))) {
			*ret_mode = (enum keyd_rollback)mode;
			return 0;
		}
	}
	return -EKEYREJECTED;
}

static int broken(struct reason *reason, const char *how)
{
	return refuse(reason, -EBADMSG,
		      "the slots file keys/slots is broken (%s): put a copy of it back, nothing "
		      "else opens the host root key",
		      how);
}

static int check_digest(struct seal_bytes file, struct reason *reason)
{
	struct cursor_in in = cursor_in(file.at, file.length);
	uint8_t digest[SEAL_HASH_SIZE];
	size_t length;

	if (file.length < SEAL_HASH_SIZE)
		return broken(reason, "too short");
	length = file.length - SEAL_HASH_SIZE;
	cursor_get_bytes(&in, length);
	if (seal_hash((struct seal_bytes){ file.at, length }, digest))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	if (!secret_equal(in.at, digest, sizeof(digest)))
		return broken(reason, "its digest is wrong");
	return 0;
}

static bool parse_slots(struct cursor_in *in, struct slots *ret)
{
	unsigned int count = cursor_get_u16(in);

	cursor_get_raw(in, ret->check, sizeof(ret->check));
	if (count > SLOTS_MAX)
		return false;
	for (ret->count = 0; ret->count < count; ret->count++) {
		struct slot *slot = &ret->slot[ret->count];

		slot->kind = cursor_get_u16(in);
		slot->length = cursor_get_u16(in);
		if (slot->length > sizeof(slot->body) ||
		    slots_find(ret, (enum slot_kind)slot->kind))
			return false;
		cursor_get_raw(in, slot->body, slot->length);
	}
	return !in->bad && in->left == SEAL_HASH_SIZE;
}

int slots_parse(struct seal_bytes file, struct slots *ret, struct reason *reason)
{
	struct cursor_in in = cursor_in(file.at, file.length);
	const uint8_t *magic = cursor_get_bytes(&in, MAGIC_LEN);
	unsigned int version = cursor_get_u16(&in);
	int r;

	*ret = (struct slots){ 0 };
	if (in.bad || !secret_equal(magic, MAGIC, MAGIC_LEN))
		return broken(reason, "it does not begin as one");
	/* before the digest: a later version may have another one, or another place for it */
	if (version != SLOTS_VERSION)
		return refuse(reason, -EPROTONOSUPPORT,
			      "the slots file keys/slots has version %u, this vtpm-keyd knows %u: "
			      "install the one that wrote it",
			      version, SLOTS_VERSION);
	r = check_digest(file, reason);
	if (!r && !parse_slots(&in, ret))
		r = broken(reason, "its slots are not what they say");
	if (r)
		secret_wipe(ret, sizeof(*ret));
	return r;
}

int slots_format(const struct slots *slots, uint8_t *to, size_t *ret_length)
{
	struct cursor_out out = cursor_out(to, SLOTS_FILE_MAX);
	uint8_t digest[SEAL_HASH_SIZE];
	int r;

	cursor_put_raw(&out, MAGIC, MAGIC_LEN);
	cursor_put_u16(&out, SLOTS_VERSION);
	cursor_put_u16(&out, (uint16_t)slots->count);
	cursor_put_raw(&out, slots->check, sizeof(slots->check));
	for (unsigned int i = 0; i < slots->count; i++) {
		cursor_put_u16(&out, slots->slot[i].kind);
		cursor_put_u16(&out, slots->slot[i].length);
		cursor_put_raw(&out, slots->slot[i].body, slots->slot[i].length);
	}
	r = seal_hash((struct seal_bytes){ to, out.used }, digest);
	if (r)
		return r;
	cursor_put_raw(&out, digest, sizeof(digest));
	*ret_length = out.used;
	return 0;
}

int slots_load(int directory, struct slots *ret, struct reason *reason)
{
	uint8_t file[SLOTS_FILE_MAX + 1];
	ssize_t n = keyfile_load(directory, FILE_NAME, file, sizeof(file));
	int r;

	if (n == -ENOENT)
		return -ENOENT;
	if (n < 0)
		return refuse(reason, (int)n, "the slots file keys/slots cannot be read: %s",
			      strerror((int)-n));
	if (n > SLOTS_FILE_MAX)
		r = broken(reason, "too long");
	else
		r = slots_parse((struct seal_bytes){ file, (size_t)n }, ret, reason);
	secret_wipe(file, sizeof(file));
	return r;
}

int slots_save(int directory, const struct slots *slots, struct reason *reason)
{
	uint8_t file[SLOTS_FILE_MAX];
	size_t length;
	int r;

	r = slots_format(slots, file, &length);
	if (!r)
		r = keyfile_save(directory, FILE_NAME, (struct seal_bytes){ file, length });
	secret_wipe(file, sizeof(file));
	if (r)
		return refuse(reason, r, "the slots file keys/slots cannot be written: %s",
			      strerror(-r));
	return 0;
}
