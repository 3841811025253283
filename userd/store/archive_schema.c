// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tables, and what each version added; see the header.
 */
#include "store/archive_schema.h"

#include <stdio.h>

#include "store/archive.h"

/* "vtpm" as SQLite's application_id */
#define APPLICATION 0x7674706d
#define VERSION	    ARCHIVE_VERSION

/* What version 2 has besides version 1 */
#define LEAF_SCHEMA                                                            \
	"CREATE TABLE leaf ("                                                  \
	" uuid BLOB PRIMARY KEY NOT NULL CHECK (length(uuid) = 16),"           \
	" hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"               \
	"CREATE TABLE block ("                                                 \
	" id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL) STRICT;"

/* What version 3 has besides version 2 */
#define DIGEST_SCHEMA                               \
	"ALTER TABLE envelope ADD COLUMN digest BLOB;" \
	"UPDATE envelope SET digest = digest(bytes);"

/* What version 4 has besides version 3 */
#define PLAIN_SCHEMA \
	"ALTER TABLE vtpm ADD COLUMN plain_state INTEGER NOT NULL DEFAULT 0;"

/* What version 5 has besides version 4 */
#define PAPERS_SCHEMA                                                               \
	"CREATE TABLE papers ("                                                      \
	" uuid BLOB PRIMARY KEY NOT NULL REFERENCES vtpm (uuid) ON DELETE CASCADE," \
	" bytes BLOB NOT NULL) STRICT;"

/* What version 6 has besides version 5 */
#define MARK_SCHEMA                                                             \
	"CREATE TABLE mark ("                                                    \
	" uuid BLOB PRIMARY KEY NOT NULL CHECK (length(uuid) = 16),"             \
	" epoch INTEGER NOT NULL, way INTEGER NOT NULL, time INTEGER NOT NULL,"  \
	" host TEXT NOT NULL, package BLOB NOT NULL CHECK (length(package) = 32)," \
	" head BLOB NOT NULL, key BLOB NOT NULL) STRICT;"                        \
	"PRAGMA user_version = " ARCHIVE_VERSION_TEXT ";"

#define FROM_5 MARK_SCHEMA
#define FROM_4 PAPERS_SCHEMA FROM_5
#define FROM_3 PLAIN_SCHEMA FROM_4
#define FROM_2 DIGEST_SCHEMA FROM_3
#define FROM_1 LEAF_SCHEMA FROM_2

static const char schema[] = "BEGIN IMMEDIATE;"
			     "CREATE TABLE vtpm ("
			     " uuid BLOB PRIMARY KEY NOT NULL CHECK (length(uuid) = 16),"
			     " name TEXT UNIQUE,"
			     " front INTEGER NOT NULL, uid INTEGER NOT NULL,"
			     " gid INTEGER NOT NULL, mode INTEGER NOT NULL,"
			     " banks INTEGER NOT NULL, epoch INTEGER NOT NULL,"
			     " wanted INTEGER NOT NULL, created INTEGER NOT NULL,"
			     " quarantine TEXT NOT NULL, key BLOB NOT NULL,"
			     " generation INTEGER NOT NULL) STRICT;"
			     "CREATE TABLE envelope ("
			     " uuid BLOB NOT NULL REFERENCES vtpm (uuid), kind INTEGER NOT NULL,"
			     " epoch INTEGER NOT NULL, generation INTEGER NOT NULL,"
			     " bytes BLOB NOT NULL, PRIMARY KEY (uuid, kind)) STRICT;"
			     "PRAGMA application_id = 0x7674706d;" FROM_1 "COMMIT;";

/* What a file of each version lacks */
static const char *const steps[VERSION] = {
	[1] = "BEGIN IMMEDIATE;" FROM_1 "COMMIT;", [2] = "BEGIN IMMEDIATE;" FROM_2 "COMMIT;",
	[3] = "BEGIN IMMEDIATE;" FROM_3 "COMMIT;", [4] = "BEGIN IMMEDIATE;" FROM_4 "COMMIT;",
	[5] = "BEGIN IMMEDIATE;" FROM_5 "COMMIT;",
};

static int ask_number(sqlite3 *db, const char *question, int *ret)
{
	sqlite3_stmt *statement;
	int code;

	code = sqlite3_prepare_v2(db, question, -1, &statement, NULL);
	if (code)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Of version 1 only one without vTPMs. */
static int migrate(sqlite3 *db, int version, char *reason, size_t room)
{
	int vtpms = 0, code = SQLITE_OK;

	if (version == 1)
		code = ask_number(db, "SELECT count(*) FROM vtpm", &vtpms);
	if (code)
		return code;
	if (!vtpms)
		return sqlite3_exec(db, steps[version], NULL, NULL, NULL);
	snprintf(
		reason, room,
		"it has version 1, from before rollback protection, and %d vTPMs (spares counted); "
		"remove them with the vtpmd that made them, or move the file away",
		vtpms);
	return SQLITE_NOTADB;
}

int archive_schema_check(sqlite3 *db, char *reason, size_t room)
{
	int application = 0, version = 0, tables = 0, code;

	code = ask_number(db, "PRAGMA application_id", &application);
	if (!code)
		code = ask_number(db, "PRAGMA user_version", &version);
	if (!code)
		code = ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (code)
		return code;
	if (!application && !version && !tables)
		return sqlite3_exec(db, schema, NULL, NULL, NULL);
	if (application == APPLICATION && version == VERSION)
		return SQLITE_OK;
	if (application == APPLICATION && version >= 1 && version < VERSION)
		return migrate(db, version, reason, room);
	if (application == APPLICATION && version > VERSION)
		snprintf(reason, room, "it has version %d, this program knows up to %d", version,
			 VERSION);
	else
		snprintf(reason, room, "it is a database, but not one of vTPMs");
	return SQLITE_NOTADB;
}
