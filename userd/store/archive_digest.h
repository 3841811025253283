/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A digest of each envelope beside it, written in the transaction that writes it.
 *
 * SQLite has no checksums: a bit that flips on the disk inside an envelope is read like any
 * other, and without the data key nobody could tell. The digest tells who is harmed; against
 * people there are the leaves, the root block, and the envelope's own tag.
 *
 * In SQL it is the function digest(BLOB): SHA-256, 32 bytes, NULL of what is no blob.
 */
#ifndef STORE_ARCHIVE_DIGEST_H
#define STORE_ARCHIVE_DIGEST_H

#include <sqlite3.h>

/** archive_digest_add() - let statements of @db call digest(). Return: an SQLite result code */
int archive_digest_add(sqlite3 *db);

#endif /* STORE_ARCHIVE_DIGEST_H */
