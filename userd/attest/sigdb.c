// SPDX-License-Identifier: BSD-3-Clause
/*
 * A list of size 0 would be read for ever, and an entry of size 0 too: both have a
 * least size.
 */
#include "attest/sigdb.h"

#include <errno.h>

#include "base/secret.h"

#define GUID_SIZE   16
#define LIST_HEAD   28
#define SHA256_SIZE 32

/* UEFI 2.10, 32.4.1: a5c059a1-94e4-4aa7-87b5-ab155c2bf072 */
static const uint8_t x509[GUID_SIZE] = { 0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
					 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72 };
/* c1c41626-504c-4092-aca9-41f936934328 */
static const uint8_t sha256[GUID_SIZE] = { 0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
					   0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28 };

struct sigdb sigdb(const uint8_t *bytes, size_t length)
{
	return (struct sigdb){ .in = cursor_in(bytes, length), .start = bytes };
}

static int next_list(struct sigdb *db)
{
	struct cursor_in in = db->in;
	const uint8_t *kind = cursor_get_bytes(&in, GUID_SIZE);
	uint32_t size = cursor_get_le32(&in), header = cursor_get_le32(&in);

	db->entry_size = cursor_get_le32(&in);
	if (in.bad || size < LIST_HEAD || size - LIST_HEAD > in.left ||
	    header > size - LIST_HEAD || db->entry_size <= GUID_SIZE ||
	    (size - LIST_HEAD - header) % db->entry_size)
		return -EBADMSG;
	db->kind = secret_equal(kind, x509, GUID_SIZE)	 ? SIGDB_X509
		   : secret_equal(kind, sha256, GUID_SIZE) ? SIGDB_SHA256
							   : SIGDB_OTHER;
	if (db->kind == SIGDB_SHA256 && db->entry_size != GUID_SIZE + SHA256_SIZE)
		return -EBADMSG;
	cursor_get_bytes(&in, header);
	db->entries = cursor_sub(&in, size - LIST_HEAD - header);
	db->in = in;
	return 0;
}

int sigdb_next(struct sigdb *db, struct sigdb_entry *ret)
{
	int r;

	while (!db->entries.left) {
		if (!db->in.left)
			return 0;
		r = next_list(db);
		if (r)
			return r;
	}
	ret->kind = db->kind;
	ret->owner = cursor_get_bytes(&db->entries, GUID_SIZE);
	ret->size = db->entry_size - GUID_SIZE;
	ret->data = cursor_get_bytes(&db->entries, ret->size);
	return 1;
}

size_t sigdb_offset(const struct sigdb *db)
{
	return db->start ? (size_t)(db->in.at - db->start) : 0;
}
