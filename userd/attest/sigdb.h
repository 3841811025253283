/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signature databases: PK, KEK, db, dbx (UEFI 2.10, 32.4.1). A database is lists, one
 * behind the other, and a list has entries of one kind and one size.
 *
 *	list	kind [16] | list size u32 | header size u32 | entry size u32 | header
 *		| entries
 *	entry	owner [16] | data
 */
#ifndef ATTEST_SIGDB_H
#define ATTEST_SIGDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/** enum sigdb_kind - what an entry is */
enum sigdb_kind {
	SIGDB_OTHER,
	SIGDB_X509,
	SIGDB_SHA256,
};

/**
 * struct sigdb - a walk over a database
 * @in: lists that follow
 * @entries: of this list that follow
 * @start: of the database
 * @kind: of the entries of this list
 * @entry_size: bytes of one, its owner included
 */
struct sigdb {
	struct cursor_in in;
	struct cursor_in entries;
	const uint8_t *start;
	enum sigdb_kind kind;
	uint32_t entry_size;
};

/**
 * struct sigdb_entry - an entry
 * @kind: what it is
 * @owner: GUID of who put it there
 * @data: certificate or digest
 * @size: bytes of it
 */
struct sigdb_entry {
	enum sigdb_kind kind;
	const uint8_t *owner;
	const uint8_t *data;
	size_t size;
};

/** sigdb() - walk over @length bytes at @bytes; none is an empty database */
struct sigdb sigdb(const uint8_t *bytes, size_t length);

/**
 * sigdb_next() - the next entry
 *
 * Return: 1 and @ret; 0 at the end; -EBADMSG (a list whose sizes do not fit), and then
 * sigdb_offset() says where.
 */
int sigdb_next(struct sigdb *db, struct sigdb_entry *ret);

/** sigdb_offset() - where in the database the walk is */
size_t sigdb_offset(const struct sigdb *db);

#endif /* ATTEST_SIGDB_H */
