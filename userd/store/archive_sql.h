/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The statements of an archive: one connection, one thread at a time.
 *
 * Errors of single steps are positive errnos, as jobs carry them. ENOSPC and EIO may end the
 * transaction they happen in: ask archive_sql_in_transaction().
 */
#ifndef STORE_ARCHIVE_SQL_H
#define STORE_ARCHIVE_SQL_H

#include "store/archive.h"

struct archive_sql;
struct archive_leaf;
struct archive_mark_table;

/** archive_sql_open() - see archive_open(). Return: 0 or -errno */
int archive_sql_open(const char *path, char *reason, size_t room, struct archive_sql **ret);

/** archive_sql_close() - close; NULL is fine */
void archive_sql_close(struct archive_sql *sql);

/** archive_sql_each() - see archive_each() */
int archive_sql_each(struct archive_sql *sql,
		     void (*look)(void *context, const struct vtpm_definition *define,
				  uint64_t generation),
		     void *context);

/** archive_sql_each_papers() - see archive_each_papers() */
int archive_sql_each_papers(struct archive_sql *sql,
			    void (*look)(void *context, const uint8_t uuid[16],
					 const uint8_t *bytes, size_t length),
			    void *context);

/** archive_sql_next_epochs() - all vTPMs go to their next one. Return: 0 or an errno */
int archive_sql_next_epochs(struct archive_sql *sql);

/** archive_sql_changes() - rows changed since it was opened, rolled back or not */
uint64_t archive_sql_changes(const struct archive_sql *sql);

/** archive_sql_begin() - begin a transaction. Return: 0 or a positive errno */
int archive_sql_begin(struct archive_sql *sql);

/** archive_sql_run() - do a job inside the transaction. Return: 0 or a positive errno */
int archive_sql_run(struct archive_sql *sql, struct archive_job *job);

/** archive_sql_rollback() - undo the transaction, where there is one */
void archive_sql_rollback(struct archive_sql *sql);

/** archive_sql_leaf() - its leaves */
struct archive_leaf *archive_sql_leaf(struct archive_sql *sql);

/** archive_sql_mark() - its marks */
struct archive_mark_table *archive_sql_mark(struct archive_sql *sql);

/** archive_sql_errno() - the errno of an SQLite result code */
int archive_sql_errno(int code);

/** archive_sql_in_transaction() - is the transaction still there? */
bool archive_sql_in_transaction(const struct archive_sql *sql);

/**
 * archive_sql_commit() - make the transaction durable
 *
 * Return: 0; ENOSPC (rolled back, nothing has changed); EUCLEAN (nobody can tell).
 */
int archive_sql_commit(struct archive_sql *sql);

#endif /* STORE_ARCHIVE_SQL_H */
