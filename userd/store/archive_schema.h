/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the tables of an archive are made. The schema's version is SQLite's user_version. A newer
 * one is not touched; one of version 2 to 5 gets what it lacks; one of version 1 with vTPMs is not
 * touched: nobody can say whether its rows were the newest.
 */
#ifndef STORE_ARCHIVE_SCHEMA_H
#define STORE_ARCHIVE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

/**
 * archive_schema_check() - see to it that a database has the tables of this version
 * @db: open; has digest() (store/archive_digest.h)
 * @reason: why it is not one, for the operator
 * @room: bytes of @reason
 *
 * A new file gets its tables; one that is not ours, or newer, is left as it is.
 *
 * Return: a result code of SQLite.
 */
int archive_schema_check(sqlite3 *db, char *reason, size_t room);

#endif /* STORE_ARCHIVE_SCHEMA_H */
