// SPDX-License-Identifier: BSD-3-Clause
/*
 * Rows and their leaves; see the header.
 */
#include "store/archive_mark.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/archive_leaf.h"
#include "store/archive_sql.h"

#define LABEL	   "vtpm mark"
#define LABEL_SIZE 9

enum statement {
	SELECT_MARK,
	SELECT_EACH,
	REPLACE_MARK,
	UPDATE_HEAD,
	SELECT_HEAD,
	ERASE_HEAD,
	_STATEMENT_MAX,
};

static const char *const texts[_STATEMENT_MAX] = {
	[SELECT_MARK] = ARCHIVE_MARKS " WHERE uuid = ?1",
	[SELECT_EACH] = ARCHIVE_MARKS,
	[REPLACE_MARK] = ("INSERT OR REPLACE INTO mark (uuid, epoch, way, time, host, package,"
			  " head, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
	[UPDATE_HEAD] = "UPDATE mark SET package = ?6, head = ?7 WHERE uuid = ?1",
	[SELECT_HEAD] = "SELECT head, key FROM mark WHERE uuid = ?1",
	[ERASE_HEAD] = "UPDATE mark SET head = x'', key = x'' WHERE uuid = ?1",
};

struct archive_mark_table {
	sqlite3_stmt *statements[_STATEMENT_MAX];
	struct archive_leaf *leaf;
};

int archive_mark_open(sqlite3 *db, struct archive_leaf *leaf, struct archive_mark_table **ret)
{
	struct archive_mark_table *table = calloc(1, sizeof(*table));
	int code = SQLITE_OK;

	if (!table)
		return ENOMEM;
	for (int i = 0; !code && i < _STATEMENT_MAX; i++)
		code = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					  &table->statements[i], NULL);
	if (code) {
		archive_mark_close(table);
		return archive_sql_errno(code);
	}
	table->leaf = leaf;
	*ret = table;
	return 0;
}

void archive_mark_close(struct archive_mark_table *table)
{
	if (!table)
		return;
	for (int i = 0; i < _STATEMENT_MAX; i++)
		sqlite3_finalize(table->statements[i]);
	free(table);
}

bool archive_mark_read(sqlite3_stmt *row, struct archive_mark *ret)
{
	size_t host = (size_t)sqlite3_column_bytes(row, 4);

	*ret = (struct archive_mark){
		.epoch = (uint64_t)sqlite3_column_int64(row, 1),
		.way = (enum archive_way)sqlite3_column_int(row, 2),
		.time = sqlite3_column_int64(row, 3),
	};
	return sqlite3_column_bytes(row, 0) == sizeof(ret->uuid) &&
	       cursor_copy(ret->uuid, sizeof(ret->uuid), sqlite3_column_blob(row, 0), 16) &&
	       (ret->way == ARCHIVE_LEFT || ret->way == ARCHIVE_CAME) &&
	       cursor_copy(ret->host, sizeof(ret->host) - 1, sqlite3_column_text(row, 4), host) &&
	       sqlite3_column_bytes(row, 5) == sizeof(ret->package) &&
	       cursor_copy(ret->package, sizeof(ret->package), sqlite3_column_blob(row, 5),
			   sizeof(ret->package));
}

int archive_mark_hash(const struct archive_mark *mark, uint8_t ret_name[TREE_UUID_SIZE],
		      uint8_t ret_hash[TREE_HASH_SIZE])
{
	uint8_t bytes[LABEL_SIZE + 16 + 8 + 1 + 8 + 32 + ARCHIVE_HOST_SIZE], name[TREE_HASH_SIZE];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	cursor_put_raw(&out, LABEL, LABEL_SIZE);
	cursor_put_raw(&out, mark->uuid, sizeof(mark->uuid));
	if (!EVP_Digest(bytes, out.used, name, NULL, EVP_sha256(), NULL))
		return -EIO;
	cursor_put_u64(&out, mark->epoch);
	cursor_put_u8(&out, (uint8_t)mark->way);
	cursor_put_u64(&out, (uint64_t)mark->time);
	cursor_put_raw(&out, mark->package, sizeof(mark->package));
	cursor_put_raw(&out, mark->host, strnlen(mark->host, sizeof(mark->host)));
	cursor_copy(ret_name, TREE_UUID_SIZE, name, TREE_UUID_SIZE);
	return EVP_Digest(bytes, out.used, ret_hash, NULL, EVP_sha256(), NULL) ? 0 : -EIO;
}

static void end(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static void bind_uuid(sqlite3_stmt *statement, const uint8_t *uuid)
{
	sqlite3_bind_blob(statement, 1, uuid, 16, SQLITE_STATIC);
}

static int run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	end(statement);
	return archive_sql_errno(code);
}

int archive_mark_each(struct archive_mark_table *table,
		      void (*look)(void *context, const struct archive_mark *mark), void *context)
{
	sqlite3_stmt *row = table->statements[SELECT_EACH];
	struct archive_mark mark;
	int code;

	while ((code = sqlite3_step(row)) == SQLITE_ROW) {
		if (!archive_mark_read(row, &mark)) {
			code = SQLITE_CORRUPT;
			break;
		}
		look(context, &mark);
	}
	sqlite3_reset(row);
	return -archive_sql_errno(code);
}

/* Whoever takes a row away, or puts another one there, has not changed the leaf. */
static int check_leaf(struct archive_mark_table *table, const struct archive_mark *mark, bool there)
{
	uint8_t name[TREE_UUID_SIZE], hash[TREE_HASH_SIZE], known[TREE_HASH_SIZE];
	int r;

	if (archive_mark_hash(mark, name, hash))
		return EIO;
	r = archive_leaf_find(table->leaf, name, known);
	if (r == ENOENT)
		return there ? EUCLEAN : ENOENT;
	if (r)
		return r;
	return there && secret_equal(hash, known, sizeof(hash)) ? 0 : EUCLEAN;
}

int archive_mark_get(struct archive_mark_table *table, const uint8_t uuid[16],
		     struct archive_mark *ret)
{
	sqlite3_stmt *row = table->statements[SELECT_MARK];
	struct archive_mark mark = { 0 };
	bool good = true;
	int code, r;

	bind_uuid(row, uuid);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW)
		good = archive_mark_read(row, &mark);
	end(row);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return archive_sql_errno(code);
	if (!good)
		return EUCLEAN;
	cursor_copy(mark.uuid, sizeof(mark.uuid), uuid, 16);
	r = check_leaf(table, &mark, code == SQLITE_ROW);
	if (!r)
		*ret = mark;
	return r;
}

static struct archive_mark mark_of(const struct archive_job *job)
{
	struct archive_mark mark = job->mark;

	cursor_copy(mark.uuid, sizeof(mark.uuid), job->define.uuid, sizeof(job->define.uuid));
	mark.epoch = job->define.epoch;
	return mark;
}

static int put_leaf(struct archive_mark_table *table, const struct archive_mark *mark)
{
	uint8_t name[TREE_UUID_SIZE], hash[TREE_HASH_SIZE];

	return archive_mark_hash(mark, name, hash) ? EIO :
						     archive_leaf_set(table->leaf, name, hash);
}

static void bind_head(sqlite3_stmt *statement, const struct archive_mark *mark,
		      const struct archive_job *job)
{
	bind_uuid(statement, mark->uuid);
	sqlite3_bind_blob(statement, 6, mark->package, sizeof(mark->package), SQLITE_STATIC);
	/* NULL would be no blob */
	sqlite3_bind_blob64(statement, 7, job->head ? (const void *)job->head : "",
			    job->head_length, SQLITE_STATIC);
}

int archive_mark_put(struct archive_mark_table *table, const struct archive_job *job)
{
	sqlite3_stmt *statement = table->statements[REPLACE_MARK];
	struct archive_mark mark = mark_of(job);
	bool left = mark.way == ARCHIVE_LEFT;
	int r;

	bind_head(statement, &mark, job);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)mark.epoch);
	sqlite3_bind_int(statement, 3, mark.way);
	sqlite3_bind_int64(statement, 4, mark.time);
	sqlite3_bind_text(statement, 5, mark.host, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(statement, 8, job->define.key, left ? job->define.key_length : 0,
			    SQLITE_STATIC);
	r = run(statement);
	return r ? r : put_leaf(table, &mark);
}

int archive_mark_head(struct archive_mark_table *table, const struct archive_job *job)
{
	struct archive_mark mark;
	int r = archive_mark_get(table, job->define.uuid, &mark);

	if (r)
		return r;
	cursor_copy(mark.package, sizeof(mark.package), job->mark.package,
		    sizeof(job->mark.package));
	bind_head(table->statements[UPDATE_HEAD], &mark, job);
	r = run(table->statements[UPDATE_HEAD]);
	return r ? r : put_leaf(table, &mark);
}

int archive_mark_recall(struct archive_mark_table *table, struct archive_job *job)
{
	sqlite3_stmt *row = table->statements[SELECT_HEAD];
	size_t head, key;
	int code, r;

	r = archive_mark_get(table, job->define.uuid, &job->mark);
	if (r)
		return r;
	bind_uuid(row, job->define.uuid);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW) {
		head = (size_t)sqlite3_column_bytes(row, 0);
		key = (size_t)sqlite3_column_bytes(row, 1);
		r = head && key && head <= ARCHIVE_HEAD_MAX ?
			    -archive_job_head(job, sqlite3_column_blob(row, 0), head) :
			    ENODATA;
		if (!r && !cursor_copy(job->define.key, sizeof(job->define.key),
				       sqlite3_column_blob(row, 1), key))
			r = EUCLEAN;
		job->define.key_length = key;
	}
	end(row);
	return r ? r : archive_sql_errno(code);
}

int archive_mark_erase(struct archive_mark_table *table, const uint8_t uuid[16])
{
	bind_uuid(table->statements[ERASE_HEAD], uuid);
	return run(table->statements[ERASE_HEAD]);
}
