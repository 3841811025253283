// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tables and statements of an archive.
 *
 *	vtpm		one row each: the definition, and the generation that is durable
 *	envelope	one row each: the newest envelope, with its own epoch and generation,
 *			and its digest (store/archive_digest.h)
 *	mark		what stays of moves to and from other hosts (store/archive_mark.h)
 *	papers		one row each, where there is one: the manager's record of certificates. It
 *			goes with its vTPM, and nothing vouches for it
 *
 * Both say the generation, so that a missing or an exchanged envelope shows; what each
 * is worth is written to the tables of archive_leaf.c in the same transaction. How they are made
 * stands in archive_schema.c.
 */
#include "store/archive_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "store/archive_digest.h"
#include "store/archive_leaf.h"
#include "store/archive_mark.h"
#include "store/archive_schema.h"
#include "store/envelope.h"

#define ENVELOPE_STATE 1
/* Of SQLite's files: one page */
#define SMALLEST 512

/* 16 MiB: a checkpoint is two syncs, and writes a page once, however often it is in the log. */
#define LOG_PAGES "4096"

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	SAVE,
	UNSAVE,
	RELEASE,
	INSERT_VTPM,
	UPDATE_VTPM,
	INSERT_ENVELOPE,
	UPDATE_ENVELOPE,
	UPDATE_GENERATION,
	SELECT_ENVELOPE,
	UPDATE_EPOCHS,
	UPDATE_EPOCH,
	UPDATE_LEFT,
	SELECT_POSITION,
	DELETE_VTPM,
	DELETE_ENVELOPE,
	REPLACE_PAPERS,
	SELECT_ALL,
	SELECT_PAPERS,
	_STATEMENT_MAX,
};

static const char *const texts[_STATEMENT_MAX] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[SAVE] = "SAVEPOINT job",
	[UNSAVE] = "ROLLBACK TO job",
	[RELEASE] = "RELEASE job",
	[INSERT_VTPM] = "INSERT INTO vtpm (uuid, name, front, uid, gid, mode, banks, epoch, wanted,"
			" created, quarantine, plain_state, key, generation)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[UPDATE_VTPM] = "UPDATE vtpm SET name = ?2, front = ?3, uid = ?4, gid = ?5, mode = ?6,"
			" banks = ?7, wanted = ?9, created = ?10, quarantine = ?11,"
			" plain_state = ?12 WHERE uuid = ?1",
	[INSERT_ENVELOPE] = "INSERT INTO envelope (uuid, kind, epoch, generation, bytes, digest)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, digest(?5))",
	[UPDATE_ENVELOPE] = "UPDATE envelope SET epoch = ?3, generation = ?4, bytes = ?5,"
			    " digest = digest(?5)"
			    " WHERE uuid = ?1 AND kind = ?2 AND epoch <= ?3"
			    " AND generation = ?4 - 1"
			    " AND ?3 = (SELECT epoch FROM vtpm WHERE uuid = ?1)",
	[UPDATE_GENERATION] = "UPDATE vtpm SET generation = ?2 WHERE uuid = ?1",
	[SELECT_ENVELOPE] = "SELECT epoch, generation, bytes FROM envelope"
			    " WHERE uuid = ?1 AND kind = ?2",
	[UPDATE_EPOCHS] = "UPDATE vtpm SET epoch = epoch + 1",
	[UPDATE_EPOCH] = "UPDATE vtpm SET epoch = ?2 WHERE uuid = ?1 AND epoch = ?2 - 1",
	[UPDATE_LEFT] = "UPDATE vtpm SET epoch = ?2, key = x'', wanted = 0 WHERE uuid = ?1",
	[SELECT_POSITION] = "SELECT epoch, generation FROM vtpm WHERE uuid = ?1",
	[DELETE_VTPM] = "DELETE FROM vtpm WHERE uuid = ?1",
	[DELETE_ENVELOPE] = "DELETE FROM envelope WHERE uuid = ?1",
	[REPLACE_PAPERS] = "INSERT OR REPLACE INTO papers (uuid, bytes)"
			   " SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM vtpm WHERE uuid = ?1)",
	[SELECT_PAPERS] = "SELECT uuid, bytes FROM papers",
	[SELECT_ALL] = "SELECT uuid, name, front, uid, gid, mode, banks, epoch, wanted, created,"
		       " quarantine, key, generation, plain_state FROM vtpm ORDER BY name",
};

struct archive_sql {
	sqlite3 *db;
	sqlite3_stmt *statements[_STATEMENT_MAX];
	struct archive_leaf *leaf;
	struct archive_mark_table *mark;
};

int archive_sql_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_CONSTRAINT:
		return EEXIST;
	case SQLITE_TOOBIG:
		return EFBIG;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EUCLEAN;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return EACCES;
	default:
		return EIO;
	}
}

/* Run a statement that returns no row. */
static int run(struct archive_sql *sql, enum statement which)
{
	int code = sqlite3_step(sql->statements[which]);

	sqlite3_reset(sql->statements[which]);
	sqlite3_clear_bindings(sql->statements[which]);
	return archive_sql_errno(code);
}

static void bind_uuid(sqlite3_stmt *statement, const uint8_t *uuid)
{
	sqlite3_bind_blob(statement, 1, uuid, 16, SQLITE_STATIC);
}

static void bind_envelope(sqlite3_stmt *statement, const struct archive_job *job)
{
	bind_uuid(statement, job->define.uuid);
	sqlite3_bind_int(statement, 2, ENVELOPE_STATE);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)job->define.epoch);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)job->generation);
	sqlite3_bind_blob64(statement, 5, job->bytes, job->length, SQLITE_STATIC);
}

static void bind_definition(sqlite3_stmt *statement, const struct vtpm_definition *define)
{
	bind_uuid(statement, define->uuid);
	if (define->name[0])
		sqlite3_bind_text(statement, 2, define->name, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 3, define->front);
	sqlite3_bind_int64(statement, 4, define->uid);
	sqlite3_bind_int64(statement, 5, define->gid);
	sqlite3_bind_int64(statement, 6, define->mode);
	sqlite3_bind_int64(statement, 7, define->banks);
	sqlite3_bind_int64(statement, 8, (sqlite3_int64)define->epoch);
	sqlite3_bind_int(statement, 9, define->wanted);
	sqlite3_bind_int64(statement, 10, define->created);
	sqlite3_bind_text(statement, 11, define->quarantine, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 12, define->plain_state);
}

static int put(struct archive_sql *sql, struct archive_job *job)
{
	int r;

	bind_definition(sql->statements[INSERT_VTPM], &job->define);
	sqlite3_bind_blob64(sql->statements[INSERT_VTPM], 13, job->define.key,
			    job->define.key_length, SQLITE_STATIC);
	sqlite3_bind_int64(sql->statements[INSERT_VTPM], 14, (sqlite3_int64)job->generation);
	r = run(sql, INSERT_VTPM);
	if (r)
		return r;
	bind_envelope(sql->statements[INSERT_ENVELOPE], job);
	/* it is sealed anew at its first start here */
	if (job->kind == ARCHIVE_ARRIVE)
		sqlite3_bind_int64(sql->statements[INSERT_ENVELOPE], 3, (sqlite3_int64)job->sealed);
	r = run(sql, INSERT_ENVELOPE);
	return r ? r : archive_leaf_put(sql->leaf, job);
}

static int change(struct archive_sql *sql, struct archive_job *job)
{
	int r;

	bind_definition(sql->statements[UPDATE_VTPM], &job->define);
	r = run(sql, UPDATE_VTPM);
	return !r && !sqlite3_changes(sql->db) ? ENOENT : r;
}

/* Why a commit found nothing to replace: it may be there already. */
static int commit_again(struct archive_sql *sql, const struct archive_job *job)
{
	sqlite3_stmt *statement = sql->statements[SELECT_ENVELOPE];
	int r, code;

	bind_uuid(statement, job->define.uuid);
	sqlite3_bind_int(statement, 2, ENVELOPE_STATE);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		bool same =
			(uint64_t)sqlite3_column_int64(statement, 0) == job->define.epoch &&
			(uint64_t)sqlite3_column_int64(statement, 1) == job->generation &&
			(size_t)sqlite3_column_bytes(statement, 2) == job->length &&
			secret_equal(sqlite3_column_blob(statement, 2), job->bytes, job->length);

		r = same ? 0 : ESTALE;
	} else {
		r = code == SQLITE_DONE ? ENOENT : archive_sql_errno(code);
	}
	sqlite3_reset(statement);
	return r;
}

static int commit(struct archive_sql *sql, struct archive_job *job)
{
	int r;

	bind_envelope(sql->statements[UPDATE_ENVELOPE], job);
	r = run(sql, UPDATE_ENVELOPE);
	if (r)
		return r;
	if (!sqlite3_changes(sql->db))
		return commit_again(sql, job);
	bind_uuid(sql->statements[UPDATE_GENERATION], job->define.uuid);
	sqlite3_bind_int64(sql->statements[UPDATE_GENERATION], 2, (sqlite3_int64)job->generation);
	r = run(sql, UPDATE_GENERATION);
	return r ? r : archive_leaf_put(sql->leaf, job);
}

/* What is undone if the commit fails; what was done already is not done again. */
static int commit_fork(struct archive_sql *sql, struct archive_job *job)
{
	int r;

	bind_uuid(sql->statements[UPDATE_EPOCH], job->define.uuid);
	sqlite3_bind_int64(sql->statements[UPDATE_EPOCH], 2, (sqlite3_int64)job->define.epoch);
	r = run(sql, UPDATE_EPOCH);
	if (r)
		return r;
	return sqlite3_changes(sql->db) ? commit(sql, job) : commit_again(sql, job);
}

static int remove_all(struct archive_sql *sql, struct archive_job *job)
{
	int r;

	bind_uuid(sql->statements[DELETE_ENVELOPE], job->define.uuid);
	r = run(sql, DELETE_ENVELOPE);
	if (r)
		return r;
	bind_uuid(sql->statements[DELETE_VTPM], job->define.uuid);
	r = run(sql, DELETE_VTPM);
	if (!r && !sqlite3_changes(sql->db))
		r = ENOENT;
	if (!r)
		r = archive_mark_erase(sql->mark, job->define.uuid);
	return r ? r : archive_leaf_remove(sql->leaf, job->define.uuid);
}

static int load_position(struct archive_sql *sql, struct archive_job *job)
{
	sqlite3_stmt *statement = sql->statements[SELECT_POSITION];
	int code;

	bind_uuid(statement, job->define.uuid);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		job->define.epoch = (uint64_t)sqlite3_column_int64(statement, 0);
		job->generation = (uint64_t)sqlite3_column_int64(statement, 1);
	}
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? ENOENT : archive_sql_errno(code);
}

static int load(struct archive_sql *sql, struct archive_job *job)
{
	sqlite3_stmt *statement = sql->statements[SELECT_ENVELOPE];
	int r, code;

	r = load_position(sql, job);
	if (r)
		return r;
	bind_uuid(statement, job->define.uuid);
	sqlite3_bind_int(statement, 2, ENVELOPE_STATE);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		/* Which epoch and generation it really is says the envelope, to the engine. */
		job->sealed = (uint64_t)sqlite3_column_int64(statement, 0);
		r = -archive_job_bytes(job, sqlite3_column_blob(statement, 2),
				       (size_t)sqlite3_column_bytes(statement, 2));
	} else {
		r = code == SQLITE_DONE ? ENODATA : archive_sql_errno(code);
	}
	sqlite3_reset(statement);
	return r;
}

/* Its row keeps the envelope and has no key any more: nothing that is started is left of it. */
static int leave(struct archive_sql *sql, struct archive_job *job)
{
	struct archive_job now = { .define = job->define };
	int r = archive_mark_get(sql->mark, job->define.uuid, &now.mark);

	if (!r && now.mark.way == ARCHIVE_LEFT && now.mark.epoch == job->define.epoch)
		return archive_mark_head(sql->mark, job);
	if (!r || r == ENOENT)
		r = load(sql, &now);
	if (!r && (now.define.epoch + 1 != job->define.epoch || now.generation != job->generation))
		r = ESTALE;
	if (!r) {
		bind_uuid(sql->statements[UPDATE_LEFT], job->define.uuid);
		sqlite3_bind_int64(sql->statements[UPDATE_LEFT], 2,
				   (sqlite3_int64)job->define.epoch);
		r = run(sql, UPDATE_LEFT);
	}
	if (!r)
		r = archive_mark_put(sql->mark, job);
	now.define.epoch = job->define.epoch;
	now.define.key_length = 0;
	if (!r)
		r = archive_leaf_put(sql->leaf, &now);
	free(now.bytes);
	return r;
}

static int arrive(struct archive_sql *sql, struct archive_job *job)
{
	struct envelope_head head;
	struct archive_mark mark;
	int r;

	if (envelope_look(job->bytes, job->length, &head) || head.epoch >= job->define.epoch ||
	    head.generation != job->generation ||
	    !secret_equal(head.uuid, job->define.uuid, sizeof(head.uuid)))
		return EINVAL;
	job->sealed = head.epoch;
	r = archive_mark_get(sql->mark, job->define.uuid, &mark);
	if (!r)
		r = mark.epoch >= job->define.epoch ? EALREADY : 0;
	else if (r == ENOENT)
		r = 0;
	if (!r)
		r = put(sql, job);
	return r ? r : archive_mark_put(sql->mark, job);
}

static int recall(struct archive_sql *sql, struct archive_job *job)
{
	int r = archive_mark_recall(sql->mark, job);

	if (!r && job->mark.way != ARCHIVE_LEFT)
		r = ENOENT;
	return r ? r : load(sql, job);
}

static int put_papers(struct archive_sql *sql, const struct archive_job *job)
{
	sqlite3_stmt *statement = sql->statements[REPLACE_PAPERS];
	int r;

	bind_uuid(statement, job->define.uuid);
	sqlite3_bind_blob64(statement, 2, job->bytes, job->length, SQLITE_STATIC);
	r = run(sql, REPLACE_PAPERS);
	return !r && !sqlite3_changes(sql->db) ? ENOENT : r;
}

static int run_kind(struct archive_sql *sql, struct archive_job *job)
{
	switch (job->kind) {
	case ARCHIVE_PUT:
		return put(sql, job);
	case ARCHIVE_CHANGE:
		return change(sql, job);
	case ARCHIVE_COMMIT:
		return commit(sql, job);
	case ARCHIVE_FORK:
		return commit_fork(sql, job);
	case ARCHIVE_REMOVE:
		return remove_all(sql, job);
	case ARCHIVE_LOAD:
		return load(sql, job);
	case ARCHIVE_PAPERS:
		return put_papers(sql, job);
	case ARCHIVE_LEAVE:
		return leave(sql, job);
	case ARCHIVE_ARRIVE:
		return arrive(sql, job);
	case ARCHIVE_RECALL:
		return recall(sql, job);
	default:
		break;
	}
	return EINVAL;
}

int archive_sql_run(struct archive_sql *sql, struct archive_job *job)
{
	int before = sqlite3_total_changes(sql->db), r = run(sql, SAVE);

	if (r)
		return r;
	r = run_kind(sql, job);
	if (r && sqlite3_total_changes(sql->db) != before)
		archive_leaf_rolled_back(sql->leaf);
	if (r && archive_sql_in_transaction(sql))
		run(sql, UNSAVE);
	if (archive_sql_in_transaction(sql))
		run(sql, RELEASE);
	return r;
}

bool archive_sql_in_transaction(const struct archive_sql *sql)
{
	return !sqlite3_get_autocommit(sql->db);
}

int archive_sql_next_epochs(struct archive_sql *sql)
{
	return run(sql, UPDATE_EPOCHS);
}

uint64_t archive_sql_changes(const struct archive_sql *sql)
{
	return (uint64_t)sqlite3_total_changes64(sql->db);
}

int archive_sql_begin(struct archive_sql *sql)
{
	return run(sql, BEGIN);
}

int archive_sql_commit(struct archive_sql *sql)
{
	int r = run(sql, COMMIT);

	if (!r)
		return 0;
	archive_sql_rollback(sql);
	return r == ENOSPC ? ENOSPC : EUCLEAN;
}

void archive_sql_rollback(struct archive_sql *sql)
{
	archive_leaf_rolled_back(sql->leaf);
	if (archive_sql_in_transaction(sql))
		run(sql, ROLLBACK);
}

struct archive_leaf *archive_sql_leaf(struct archive_sql *sql)
{
	return sql->leaf;
}

struct archive_mark_table *archive_sql_mark(struct archive_sql *sql)
{
	return sql->mark;
}

static bool read_definition(sqlite3_stmt *row, struct vtpm_definition *to)
{
	const void *name = sqlite3_column_text(row, 1);
	const void *quarantine = sqlite3_column_text(row, 10);

	*to = (struct vtpm_definition){
		.front = (enum vtpm_front)sqlite3_column_int(row, 2),
		.uid = (uid_t)sqlite3_column_int64(row, 3),
		.gid = (gid_t)sqlite3_column_int64(row, 4),
		.mode = (mode_t)sqlite3_column_int64(row, 5),
		.banks = (uint32_t)sqlite3_column_int64(row, 6),
		.epoch = (uint64_t)sqlite3_column_int64(row, 7),
		.wanted = sqlite3_column_int(row, 8) != 0,
		.created = sqlite3_column_int64(row, 9),
		.key_length = (size_t)sqlite3_column_bytes(row, 11),
		.plain_state = sqlite3_column_int(row, 13) != 0,
	};
	/* sqlite3_column_bytes() of a text is without its NUL, which stays zero in @to */
	return to->front >= VTPM_FRONT_DEVICE && to->front <= VTPM_FRONT_VM &&
	       sqlite3_column_bytes(row, 0) == sizeof(to->uuid) &&
	       cursor_copy(to->uuid, sizeof(to->uuid), sqlite3_column_blob(row, 0), 16) &&
	       cursor_copy(to->name, sizeof(to->name) - 1, name,
			   (size_t)sqlite3_column_bytes(row, 1)) &&
	       cursor_copy(to->quarantine, sizeof(to->quarantine) - 1, quarantine,
			   (size_t)sqlite3_column_bytes(row, 10)) &&
	       cursor_copy(to->key, sizeof(to->key), sqlite3_column_blob(row, 11), to->key_length);
}

int archive_sql_each(struct archive_sql *sql,
		     void (*look)(void *context, const struct vtpm_definition *define,
				  uint64_t generation),
		     void *context)
{
	sqlite3_stmt *row = sql->statements[SELECT_ALL];
	struct vtpm_definition define;
	int code;

	while ((code = sqlite3_step(row)) == SQLITE_ROW) {
		if (!read_definition(row, &define)) {
			code = SQLITE_CORRUPT;
			break;
		}
		look(context, &define, (uint64_t)sqlite3_column_int64(row, 12));
	}
	sqlite3_reset(row);
	return -archive_sql_errno(code);
}

int archive_sql_each_papers(struct archive_sql *sql,
			    void (*look)(void *context, const uint8_t uuid[16],
					 const uint8_t *bytes, size_t length),
			    void *context)
{
	sqlite3_stmt *row = sql->statements[SELECT_PAPERS];
	int code;

	while ((code = sqlite3_step(row)) == SQLITE_ROW) {
		if (sqlite3_column_bytes(row, 0) != 16) {
			code = SQLITE_CORRUPT;
			break;
		}
		look(context, sqlite3_column_blob(row, 0), sqlite3_column_blob(row, 1),
		     (size_t)sqlite3_column_bytes(row, 1));
	}
	sqlite3_reset(row);
	return -archive_sql_errno(code);
}

static int prepare(struct archive_sql *sql, const char *path, char *reason, size_t room)
{
	static const char settings[] = "PRAGMA trusted_schema = OFF;"
				       "PRAGMA cell_size_check = ON;"
				       "PRAGMA foreign_keys = ON;"
				       "PRAGMA secure_delete = ON;"
				       "PRAGMA journal_mode = WAL;"
				       "PRAGMA synchronous = FULL;"
				       "PRAGMA wal_autocheckpoint = " LOG_PAGES ";";
	int code;

	code = sqlite3_open_v2(path, &sql->db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_NOFOLLOW,
			       NULL);
	if (!code)
		code = sqlite3_busy_timeout(sql->db, 1000);
	if (!code)
		code = archive_digest_add(sql->db);
	if (!code)
		code = archive_schema_check(sql->db, reason, room);
	if (!code)
		code = sqlite3_exec(sql->db, settings, NULL, NULL, NULL);
	for (int i = 0; !code && i < _STATEMENT_MAX; i++)
		code = sqlite3_prepare_v3(sql->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					  &sql->statements[i], NULL);
	return code;
}

/*
 * SQLite syncs the folder too, and does not look whether that worked. Until it has, a cut of
 * the power may take the log away, or bring back a journal that is done with.
 */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(close_fdp) int fd = -1;
	char folder[PATH_MAX];
	size_t length = slash ? (size_t)(slash - path) + (slash == path) : 1;

	if (length >= sizeof(folder))
		return ENAMETOOLONG;
	cursor_copy(folder, sizeof(folder), slash ? path : ".", length);
	folder[length] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? errno : 0;
}

/* SQLite takes a file of one byte for an empty one, and would make a new store of it. */
static int check_size(const char *path, char *reason, size_t room)
{
	struct stat about;

	if (lstat(path, &about) || !about.st_size || about.st_size >= SMALLEST)
		return 0;
	snprintf(reason, room,
		 "it is not a database: %lld bytes are fewer than any has; put a copy in its "
		 "place, or move it away",
		 (long long)about.st_size);
	return EUCLEAN;
}

int archive_sql_open(const char *path, char *reason, size_t room, struct archive_sql **ret)
{
	struct archive_sql *sql = calloc(1, sizeof(*sql));
	int code, r;

	if (!sql)
		return -ENOMEM;
	reason[0] = 0;
	r = check_size(path, reason, room);
	if (!r) {
		code = prepare(sql, path, reason, room);
		r = code ? archive_sql_errno(code) : archive_leaf_open(sql->db, &sql->leaf);
		if (!r)
			r = archive_mark_open(sql->db, sql->leaf, &sql->mark);
	}
	if (!r) {
		r = sync_folder(path);
		if (r)
			snprintf(reason, room, "its folder cannot be synced: %s", strerror(r));
	}
	if (!r) {
		*ret = sql;
		return 0;
	}
	if (!reason[0])
		snprintf(reason, room, "%s", sql->db ? sqlite3_errmsg(sql->db) : "no memory");
	archive_sql_close(sql);
	return -r;
}

void archive_sql_close(struct archive_sql *sql)
{
	if (!sql)
		return;
	for (int i = 0; i < _STATEMENT_MAX; i++)
		sqlite3_finalize(sql->statements[i]);
	archive_mark_close(sql->mark);
	archive_leaf_close(sql->leaf);
	sqlite3_close(sql->db);
	free(sql);
}
