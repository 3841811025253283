// SPDX-License-Identifier: BSD-3-Clause
/*
 * Leaves in their table and in memory; see the header.
 *
 * A row that is not what its leaf says is told by a sentence, which its vTPM will be
 * quarantined with. What it should have been nobody can tell: a leaf is only a hash.
 */
#include "store/archive_leaf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/archive_mark.h"
#include "store/archive_sql.h"
#include "store/envelope.h"

enum statement {
	INSERT_LEAF,
	DELETE_LEAF,
	DELETE_LEAVES,
	SELECT_LEAVES,
	SELECT_ROWS,
	SELECT_ROW,
	SELECT_MARKS,
	INSERT_BLOCK,
	SELECT_BLOCK,
	_STATEMENT_MAX,
};

#define ROWS                                                             \
	"SELECT vtpm.uuid, vtpm.epoch, vtpm.generation, vtpm.key, bytes" \
	" FROM vtpm LEFT JOIN envelope ON envelope.uuid = vtpm.uuid AND envelope.kind = 1"

static const char *const texts[_STATEMENT_MAX] = {
	/* REPLACE would move the row, and its place in the index with it. */
	[INSERT_LEAF] = "INSERT INTO leaf (uuid, hash) VALUES (?1, ?2)"
			" ON CONFLICT (uuid) DO UPDATE SET hash = excluded.hash",
	[DELETE_LEAF] = "DELETE FROM leaf WHERE uuid = ?1",
	[DELETE_LEAVES] = "DELETE FROM leaf",
	[SELECT_LEAVES] = "SELECT uuid, hash FROM leaf ORDER BY uuid",
	[SELECT_ROWS] = ROWS " ORDER BY vtpm.uuid",
	[SELECT_ROW] = ROWS " WHERE vtpm.uuid = ?1",
	[SELECT_MARKS] = ARCHIVE_MARKS,
	[INSERT_BLOCK] = "INSERT OR REPLACE INTO block (id, bytes) VALUES (1, ?1)",
	[SELECT_BLOCK] = "SELECT bytes FROM block WHERE id = 1",
};

struct archive_leaf {
	sqlite3_stmt *statements[_STATEMENT_MAX];
	struct tree tree;
	bool stale;
};

int archive_leaf_open(sqlite3 *db, struct archive_leaf **ret)
{
	struct archive_leaf *leaf = calloc(1, sizeof(*leaf));
	int code = SQLITE_OK, r = leaf ? -tree_init(&leaf->tree) : ENOMEM;

	for (int i = 0; !r && !code && i < _STATEMENT_MAX; i++)
		code = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					  &leaf->statements[i], NULL);
	if (r || code) {
		archive_leaf_close(leaf);
		return r ? r : archive_sql_errno(code);
	}
	leaf->stale = true;
	*ret = leaf;
	return 0;
}

void archive_leaf_close(struct archive_leaf *leaf)
{
	if (!leaf)
		return;
	for (int i = 0; i < _STATEMENT_MAX; i++)
		sqlite3_finalize(leaf->statements[i]);
	tree_done(&leaf->tree);
	free(leaf);
}

static int run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return archive_sql_errno(code);
}

static int insert(struct archive_leaf *leaf, const uint8_t *uuid, const uint8_t *hash)
{
	sqlite3_stmt *statement = leaf->statements[INSERT_LEAF];

	sqlite3_bind_blob(statement, 1, uuid, TREE_UUID_SIZE, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 2, hash, TREE_HASH_SIZE, SQLITE_STATIC);
	return run(statement);
}

int archive_leaf_put(struct archive_leaf *leaf, const struct archive_job *job)
{
	const struct tree_content content = {
		.uuid = job->define.uuid,
		.epoch = job->define.epoch,
		.generation = job->generation,
		.envelope = job->bytes,
		.length = job->length,
		.key = job->define.key,
		.key_length = job->define.key_length,
	};
	uint8_t hash[TREE_HASH_SIZE];

	if (tree_leaf(&leaf->tree, &content, hash))
		return EIO;
	return archive_leaf_set(leaf, job->define.uuid, hash);
}

int archive_leaf_set(struct archive_leaf *leaf, const uint8_t *uuid, const uint8_t *hash)
{
	if (!leaf->stale && tree_put(&leaf->tree, uuid, hash))
		return ENOMEM;
	return insert(leaf, uuid, hash);
}

int archive_leaf_remove(struct archive_leaf *leaf, const uint8_t *uuid)
{
	sqlite3_stmt *statement = leaf->statements[DELETE_LEAF];

	tree_remove(&leaf->tree, uuid);
	sqlite3_bind_blob(statement, 1, uuid, TREE_UUID_SIZE, SQLITE_STATIC);
	return run(statement);
}

void archive_leaf_rolled_back(struct archive_leaf *leaf)
{
	leaf->stale = true;
}

static bool is_blob(sqlite3_stmt *row, int column, int length)
{
	return sqlite3_column_bytes(row, column) == length && sqlite3_column_blob(row, column);
}

static int take_leaf(struct archive_leaf *leaf, sqlite3_stmt *row)
{
	if (!is_blob(row, 0, TREE_UUID_SIZE) || !is_blob(row, 1, TREE_HASH_SIZE))
		return EUCLEAN;
	return -tree_put(&leaf->tree, sqlite3_column_blob(row, 0), sqlite3_column_blob(row, 1));
}

/* Inside a transaction the table has what that has done so far, as it should. */
static int refresh(struct archive_leaf *leaf)
{
	sqlite3_stmt *row = leaf->statements[SELECT_LEAVES];
	int code = SQLITE_DONE, r = 0;

	if (!leaf->stale)
		return 0;
	tree_clear(&leaf->tree);
	while (!r && (code = sqlite3_step(row)) == SQLITE_ROW)
		r = take_leaf(leaf, row);
	sqlite3_reset(row);
	if (!r)
		r = archive_sql_errno(code);
	leaf->stale = r != 0;
	return r;
}

int archive_leaf_find(struct archive_leaf *leaf, const uint8_t *uuid, uint8_t ret[TREE_HASH_SIZE])
{
	const uint8_t *hash;
	int r = refresh(leaf);

	if (r)
		return r;
	hash = tree_find(&leaf->tree, uuid);
	return hash && cursor_copy(ret, TREE_HASH_SIZE, hash, TREE_HASH_SIZE) ? 0 : ENOENT;
}

int archive_leaf_root(struct archive_leaf *leaf, uint8_t ret[TREE_HASH_SIZE])
{
	int r = refresh(leaf);

	return r ? r : -tree_root(&leaf->tree, ret);
}

static int add_row(struct tree *rows, sqlite3_stmt *row, uint64_t ahead)
{
	const struct tree_content content = {
		.uuid = sqlite3_column_blob(row, 0),
		.epoch = (uint64_t)sqlite3_column_int64(row, 1) + ahead,
		.generation = (uint64_t)sqlite3_column_int64(row, 2),
		.key = sqlite3_column_blob(row, 3),
		.key_length = (size_t)sqlite3_column_bytes(row, 3),
		.envelope = sqlite3_column_blob(row, 4),
		.length = (size_t)sqlite3_column_bytes(row, 4),
	};
	uint8_t hash[TREE_HASH_SIZE];

	if (!is_blob(row, 0, TREE_UUID_SIZE))
		return EUCLEAN;
	if (tree_leaf(rows, &content, hash))
		return EIO;
	return -tree_put(rows, content.uuid, hash);
}

static int add_mark(struct tree *rows, const struct archive_mark *mark)
{
	uint8_t name[TREE_UUID_SIZE], hash[TREE_HASH_SIZE];

	if (archive_mark_hash(mark, name, hash))
		return EIO;
	return -tree_put(rows, name, hash);
}

/* Marks have no next epoch: what they say is past. */
static int add_marks(struct archive_leaf *leaf, struct tree *rows, struct tree *next)
{
	sqlite3_stmt *row = leaf->statements[SELECT_MARKS];
	int code = SQLITE_DONE, r = 0;
	struct archive_mark mark;

	while (!r && (code = sqlite3_step(row)) == SQLITE_ROW) {
		r = archive_mark_read(row, &mark) ? 0 : EUCLEAN;
		if (!r)
			r = add_mark(rows, &mark);
		if (!r && next)
			r = add_mark(next, &mark);
	}
	sqlite3_reset(row);
	return r ? r : archive_sql_errno(code);
}

int archive_leaf_rows(struct archive_leaf *leaf, struct tree *rows, struct tree *next)
{
	sqlite3_stmt *row = leaf->statements[SELECT_ROWS];
	int code = SQLITE_DONE, r = 0;

	while (!r && (code = sqlite3_step(row)) == SQLITE_ROW) {
		r = add_row(rows, row, 0);
		if (!r && next)
			r = add_row(next, row, 1);
	}
	sqlite3_reset(row);
	if (!r)
		r = archive_sql_errno(code);
	return r ? r : add_marks(leaf, rows, next);
}

int archive_leaf_adopt(struct archive_leaf *leaf, const struct tree *rows)
{
	int r = run(leaf->statements[DELETE_LEAVES]);

	leaf->stale = true;
	for (size_t i = 0; !r && i < rows->count; i++)
		r = insert(leaf, rows->leaves[i].uuid, rows->leaves[i].hash);
	return r;
}

static void say_why(sqlite3_stmt *row, const uint8_t *uuid, bool known, char *to, size_t room)
{
	const void *bytes = sqlite3_column_blob(row, 4);
	size_t length = (size_t)sqlite3_column_bytes(row, 4);
	struct envelope_head head;

	if (!known)
		snprintf(to, room,
			 "it is not among those that the host TPM vouches for: it was "
			 "removed before, or comes from another store");
	else if (!bytes)
		snprintf(to, room, "its envelope is missing from the store");
	else if (envelope_look(bytes, length, &head))
		snprintf(to, room, "what is stored in place of its envelope is none");
	else if (!secret_equal(head.uuid, uuid, TREE_UUID_SIZE))
		snprintf(to, room, "the envelope in its place is that of another vTPM");
	else
		snprintf(to, room,
			 "its row in the store (generation %llu) is not the newest one: "
			 "an older copy was put in its place, or it was changed",
			 (unsigned long long)head.generation);
}

static int explain(struct archive_leaf *leaf, const uint8_t *uuid, bool known,
		   struct archive_finding *finding)
{
	sqlite3_stmt *row = leaf->statements[SELECT_ROW];
	int code;

	cursor_copy(finding->uuid, sizeof(finding->uuid), uuid, TREE_UUID_SIZE);
	sqlite3_bind_blob(row, 1, uuid, TREE_UUID_SIZE, SQLITE_STATIC);
	code = sqlite3_step(row);
	finding->missing = code == SQLITE_DONE;
	if (finding->missing)
		snprintf(finding->reason, sizeof(finding->reason),
			 "it, or what is recorded of a move of it, is missing from the store "
			 "although nobody removed it");
	else if (code == SQLITE_ROW)
		say_why(row, uuid, known, finding->reason, sizeof(finding->reason));
	sqlite3_reset(row);
	sqlite3_clear_bindings(row);
	return archive_sql_errno(code);
}

int archive_leaf_compare(struct archive_leaf *leaf, const struct tree *rows,
			 struct archive_job *job)
{
	const uint8_t *hash;
	int r = refresh(leaf);

	job->findings = calloc(rows->count + leaf->tree.count + 1, sizeof(*job->findings));
	if (!job->findings)
		return ENOMEM;
	for (size_t i = 0; !r && i < rows->count; i++) {
		const struct tree_leaf *row = &rows->leaves[i];

		hash = tree_find(&leaf->tree, row->uuid);
		if (!hash || !secret_equal(hash, row->hash, TREE_HASH_SIZE))
			r = explain(leaf, row->uuid, hash != NULL,
				    &job->findings[job->finding_count++]);
	}
	for (size_t i = 0; !r && i < leaf->tree.count; i++) {
		const uint8_t *uuid = leaf->tree.leaves[i].uuid;

		if (!tree_find(rows, uuid))
			r = explain(leaf, uuid, true, &job->findings[job->finding_count++]);
	}
	return r;
}

int archive_leaf_block(struct archive_leaf *leaf, uint8_t *block, size_t *ret_length)
{
	sqlite3_stmt *row = leaf->statements[SELECT_BLOCK];
	int code = sqlite3_step(row);
	bool fits = true;

	*ret_length = 0;
	if (code == SQLITE_ROW) {
		*ret_length = (size_t)sqlite3_column_bytes(row, 0);
		fits = cursor_copy(block, KEYD_BLOCK_MAX, sqlite3_column_blob(row, 0), *ret_length);
	}
	sqlite3_reset(row);
	return fits ? archive_sql_errno(code) : EUCLEAN;
}

int archive_leaf_set_block(struct archive_leaf *leaf, const uint8_t *block, size_t length)
{
	sqlite3_stmt *statement = leaf->statements[INSERT_BLOCK];

	sqlite3_bind_blob64(statement, 1, block, length, SQLITE_STATIC);
	return run(statement);
}
