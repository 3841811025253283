/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of marks: what stays of a vTPM that went to another host, or came from one.
 *
 *	mark	one row each: epoch, way, other host, package; and as long as the vTPM is here
 *		that left, the head of its package and its data key
 *
 * A vTPM is taken in an epoch after that of its mark alone: so a package comes once, and what left
 * does not come back as it was. The key is kept for another certificate of the same host, should
 * the first one be of no more use; it is in no row that is started.
 *
 * A mark is a leaf of the tree too:
 *
 *	name	the first 16 bytes of SHA-256("vtpm mark" | uuid 16)
 *	hash	SHA-256("vtpm mark" | uuid 16 | epoch u64 | way u8 | time u64 | package 32 | host)
 *
 * Errors are positive errnos, as jobs carry them.
 */
#ifndef STORE_ARCHIVE_MARK_H
#define STORE_ARCHIVE_MARK_H

#include <sqlite3.h>

#include "store/archive.h"
#include "store/tree.h"

/** define ARCHIVE_MARKS - a statement whose rows archive_mark_read() reads */
#define ARCHIVE_MARKS "SELECT uuid, epoch, way, time, host, package FROM mark"

struct archive_leaf;
struct archive_mark_table;

/** archive_mark_open() - marks of an open database. Return: 0 or an errno */
int archive_mark_open(sqlite3 *db, struct archive_leaf *leaf, struct archive_mark_table **ret);

/** archive_mark_close() - before the database is closed; NULL is fine */
void archive_mark_close(struct archive_mark_table *table);

/** archive_mark_each() - see archive_each_mark() */
int archive_mark_each(struct archive_mark_table *table,
		      void (*look)(void *context, const struct archive_mark *mark), void *context);

/**
 * archive_mark_get() - the mark of a vTPM, where the leaves say the same
 *
 * Return: 0; ENOENT: it has none; EUCLEAN: leaf and row differ; another errno.
 */
int archive_mark_get(struct archive_mark_table *table, const uint8_t uuid[16],
		     struct archive_mark *ret);

/** archive_mark_put() - replace it, with the job's head and data key. Return: 0 or an errno */
int archive_mark_put(struct archive_mark_table *table, const struct archive_job *job);

/** archive_mark_head() - replace the head and what it is of, and no more. Return: 0 or an errno */
int archive_mark_head(struct archive_mark_table *table, const struct archive_job *job);

/** archive_mark_recall() - read head and key into the job. Return: 0; ENODATA; another errno */
int archive_mark_recall(struct archive_mark_table *table, struct archive_job *job);

/** archive_mark_erase() - head and key of a vTPM that is erased. Return: 0 or an errno */
int archive_mark_erase(struct archive_mark_table *table, const uint8_t uuid[16]);

/** archive_mark_read() - read a row of ARCHIVE_MARKS. Return: can it be one? */
bool archive_mark_read(sqlite3_stmt *row, struct archive_mark *ret);

/** archive_mark_hash() - its leaf. Return: 0 or -EIO */
int archive_mark_hash(const struct archive_mark *mark, uint8_t ret_name[TREE_UUID_SIZE],
		      uint8_t ret_hash[TREE_HASH_SIZE]);

#endif /* STORE_ARCHIVE_MARK_H */
