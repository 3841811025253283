// SPDX-License-Identifier: BSD-3-Clause
/*
 * One read-only connection, five questions; see the header.
 */
#include "store/archive_inspect.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/archive_digest.h"
#include "store/archive_leaf.h"
#include "store/archive_sql.h"
#include "store/envelope.h"

struct inspection {
	sqlite3 *db;
	struct archive_leaf *leaf;
	struct archive_job *found;
	void (*look)(void *context, const struct archive_seen *seen);
	void *context;
	char *reason;
	size_t room;
};

static const char each_vtpm[] = "SELECT uuid, name FROM vtpm ORDER BY name";
static const char one_vtpm[] =
	"SELECT vtpm.uuid, vtpm.name, vtpm.epoch, vtpm.generation, vtpm.quarantine,"
	" envelope.epoch, envelope.generation, envelope.bytes,"
	" envelope.digest IS NOT digest(envelope.bytes)"
	" FROM vtpm LEFT JOIN envelope ON envelope.uuid = vtpm.uuid AND envelope.kind = 1"
	" WHERE vtpm.uuid = ?1";

/*
 * Without a log nobody has it open, or nobody has written: as it lies there. With one, its
 * index is only read. An SQLite URI gives %, ? and # a meaning.
 */
static int open_readonly(struct inspection *inspection, const char *path)
{
	char uri[3 * 512 + 64] = "file:", wal[520];
	size_t used = strlen(uri);
	struct stat about;
	int code;

	if (stat(path, &about))
		return errno;
	if (strlen(path) >= 512)
		return ENAMETOOLONG;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	for (; *path; path++)
		used += (size_t)snprintf(uri + used, sizeof(uri) - used,
					 strchr("%?#", *path) ? "%%%02x" : "%c",
					 (unsigned char)*path);
	snprintf(uri + used, sizeof(uri) - used, "?mode=ro&%s",
		 stat(wal, &about) || !about.st_size ? "immutable=1" : "readonly_shm=1");
	code = sqlite3_open_v2(uri, &inspection->db,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	return archive_sql_errno(code ? code : archive_digest_add(inspection->db));
}

/* The first text that a question gives. */
static int ask(struct inspection *inspection, const char *question, char *ret, size_t room)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(inspection->db, question, -1, &statement, NULL);
	const unsigned char *text;

	if (code)
		return archive_sql_errno(code);
	code = sqlite3_step(statement);
	text = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
	snprintf(ret, room, "%s", text ? (const char *)text : "");
	sqlite3_finalize(statement);
	return archive_sql_errno(code);
}

static int check_version(struct inspection *inspection)
{
	char answer[128];
	int r = ask(inspection, "PRAGMA user_version", answer, sizeof(answer));

	if (r || !strcmp(answer, ARCHIVE_VERSION_TEXT))
		return r;
	snprintf(inspection->reason, inspection->room,
		 "it is no store of version " ARCHIVE_VERSION_TEXT);
	return EUCLEAN;
}

static int check_file(struct inspection *inspection)
{
	char answer[128];
	int r = ask(inspection, "PRAGMA integrity_check(1)", answer, sizeof(answer));

	if (r || !strcmp(answer, "ok"))
		return r;
	snprintf(inspection->reason, inspection->room, "the file is damaged: %s", answer);
	return EUCLEAN;
}

/* Rows against leaves; what differs is in @found. */
static int compare(struct inspection *inspection)
{
	struct tree rows;
	int r = -tree_init(&rows);

	if (!r)
		r = archive_leaf_rows(inspection->leaf, &rows, NULL);
	if (!r)
		r = archive_leaf_compare(inspection->leaf, &rows, inspection->found);
	tree_done(&rows);
	return r;
}

static void say_head(struct archive_seen *seen, sqlite3_stmt *row)
{
	const void *bytes = sqlite3_column_blob(row, 7);
	struct envelope_head head;

	if (!bytes)
		snprintf(seen->problem, sizeof(seen->problem), "its envelope is missing");
	else if (envelope_look(bytes, seen->length, &head))
		snprintf(seen->problem, sizeof(seen->problem),
			 "what is stored in place of its envelope is none");
	else if (!secret_equal(head.uuid, seen->uuid, sizeof(head.uuid)))
		snprintf(seen->problem, sizeof(seen->problem),
			 "its envelope is that of another vTPM");
	else if (head.epoch > seen->epoch || head.generation != seen->generation ||
		 (uint64_t)sqlite3_column_int64(row, 5) != head.epoch ||
		 (uint64_t)sqlite3_column_int64(row, 6) != seen->generation)
		snprintf(seen->problem, sizeof(seen->problem),
			 "its envelope has generation %llu, its row %llu",
			 (unsigned long long)head.generation, (unsigned long long)seen->generation);
}

static void say_leaf(struct archive_seen *seen, const struct archive_job *found)
{
	for (size_t i = 0; i < found->finding_count; i++) {
		if (secret_equal(found->findings[i].uuid, seen->uuid, sizeof(seen->uuid)))
			snprintf(seen->problem, sizeof(seen->problem), "%s",
				 found->findings[i].reason);
	}
}

static void look_at(struct inspection *inspection, sqlite3_stmt *row)
{
	struct archive_seen seen = {
		.epoch = (uint64_t)sqlite3_column_int64(row, 2),
		.generation = (uint64_t)sqlite3_column_int64(row, 3),
		.length = (size_t)sqlite3_column_bytes(row, 7),
	};
	const unsigned char *name = sqlite3_column_text(row, 1);
	const unsigned char *quarantine = sqlite3_column_text(row, 4);

	cursor_copy(seen.uuid, sizeof(seen.uuid), sqlite3_column_blob(row, 0), sizeof(seen.uuid));
	snprintf(seen.name, sizeof(seen.name), "%s", name ? (const char *)name : "");
	snprintf(seen.quarantine, sizeof(seen.quarantine), "%s",
		 quarantine ? (const char *)quarantine : "");
	say_head(&seen, row);
	if (!seen.problem[0])
		say_leaf(&seen, inspection->found);
	if (!seen.problem[0] && sqlite3_column_int(row, 8))
		snprintf(seen.problem, sizeof(seen.problem),
			 "its envelope was damaged on the disk: it is not what its digest says");
	inspection->look(inspection->context, &seen);
}

/* Its pages are damaged, or those on the way to them. */
static void look_at_ruin(struct inspection *inspection, sqlite3_stmt *listed, const char *why)
{
	const unsigned char *name = sqlite3_column_text(listed, 1);
	struct archive_seen seen = { 0 };

	cursor_copy(seen.uuid, sizeof(seen.uuid), sqlite3_column_blob(listed, 0),
		    sizeof(seen.uuid));
	snprintf(seen.name, sizeof(seen.name), "%s", name ? (const char *)name : "");
	snprintf(seen.problem, sizeof(seen.problem), "the file is damaged where it lies: %s", why);
	inspection->look(inspection->context, &seen);
}

static int look_at_each(struct inspection *inspection, sqlite3_stmt *listed, sqlite3_stmt *row)
{
	int code;

	while ((code = sqlite3_step(listed)) == SQLITE_ROW) {
		if (sqlite3_column_bytes(listed, 0) != 16)
			return EUCLEAN;
		sqlite3_bind_blob(row, 1, sqlite3_column_blob(listed, 0), 16, SQLITE_TRANSIENT);
		code = sqlite3_step(row);
		if (code == SQLITE_ROW && sqlite3_column_bytes(row, 0) != 16)
			return EUCLEAN;
		if (code == SQLITE_ROW)
			look_at(inspection, row);
		else
			look_at_ruin(inspection, listed,
				     code == SQLITE_DONE ? "its row is not found" :
							   sqlite3_errstr(code));
		sqlite3_reset(row);
	}
	return archive_sql_errno(code);
}

static void tell_missing(struct inspection *inspection)
{
	for (size_t i = 0; i < inspection->found->finding_count; i++) {
		const struct archive_finding *finding = &inspection->found->findings[i];
		struct archive_seen seen = { 0 };

		if (!finding->missing)
			continue;
		cursor_copy(seen.uuid, sizeof(seen.uuid), finding->uuid, sizeof(finding->uuid));
		snprintf(seen.problem, sizeof(seen.problem), "%s", finding->reason);
		inspection->look(inspection->context, &seen);
	}
}

static int look_at_all(struct inspection *inspection)
{
	sqlite3_stmt *listed = NULL, *row = NULL;
	int code = sqlite3_prepare_v2(inspection->db, each_vtpm, -1, &listed, NULL), r;

	if (!code)
		code = sqlite3_prepare_v2(inspection->db, one_vtpm, -1, &row, NULL);
	r = code ? archive_sql_errno(code) : look_at_each(inspection, listed, row);
	sqlite3_finalize(listed);
	sqlite3_finalize(row);
	if (!r)
		tell_missing(inspection);
	return r;
}

static int inspect_whole(struct inspection *inspection, bool *ret_block)
{
	uint8_t block[KEYD_BLOCK_MAX];
	size_t length = 0;
	int r = archive_leaf_open(inspection->db, &inspection->leaf);

	if (!r)
		r = compare(inspection);
	if (!r)
		r = archive_leaf_block(inspection->leaf, block, &length);
	*ret_block = length;
	return r ? r : look_at_all(inspection);
}

static int inspect(struct inspection *inspection, const char *path, bool *ret_block)
{
	int r = open_readonly(inspection, path);

	*ret_block = false;
	/* One state of the store for all questions. */
	if (!r)
		r = archive_sql_errno(sqlite3_exec(inspection->db, "BEGIN", NULL, NULL, NULL));
	if (!r)
		r = check_version(inspection);
	if (r)
		return r;
	r = check_file(inspection);
	if (!r)
		return inspect_whole(inspection, ret_block);
	/* What cannot be compared with all others can be looked at by itself. */
	if (r == EUCLEAN)
		look_at_all(inspection);
	return r;
}

int archive_inspect(const char *path, void (*look)(void *context, const struct archive_seen *seen),
		    void *context, bool *ret_block, char *reason, size_t room)
{
	struct inspection inspection = {
		.found = archive_job(ARCHIVE_WITNESS, NULL, NULL),
		.look = look,
		.context = context,
		.reason = reason,
		.room = room,
	};
	int r = inspection.found ? 0 : ENOMEM;

	reason[0] = '\0';
	if (!r)
		r = inspect(&inspection, path, ret_block);
	if (r && !reason[0])
		snprintf(reason, room, "%s",
			 inspection.db && sqlite3_errcode(inspection.db)
				 ? sqlite3_errmsg(inspection.db)
				 : strerror(r));
	archive_leaf_close(inspection.leaf);
	sqlite3_close(inspection.db);
	archive_job_free(inspection.found);
	return -r;
}
