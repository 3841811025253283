/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables that make a store one thing: a leaf for each vTPM, and the root block.
 *
 *	leaf	one row each: the hash of what was written of a vTPM (store/tree.h), and of
 *		each mark (store/archive_mark.h), in place of a UUID under a name of its own
 *	block	one row: the root over all leaves as keyd has sealed it
 *
 * Both change in the transaction that changes what they stand for. The leaves are also
 * kept in memory, as a tree; after a rollback that is read again from the table. What
 * a leaf says and what the rows say is the same, unless somebody else wrote to the file:
 * then the rows can be compared with the leaves one by one.
 *
 * Errors are positive errnos, as jobs carry them.
 */
#ifndef STORE_ARCHIVE_LEAF_H
#define STORE_ARCHIVE_LEAF_H

#include <sqlite3.h>

#include "store/archive.h"
#include "store/tree.h"

struct archive_leaf;

/** archive_leaf_open() - leaves of an open database. Return: 0 or an errno */
int archive_leaf_open(sqlite3 *db, struct archive_leaf **ret);

/** archive_leaf_close() - before the database is closed; NULL is fine */
void archive_leaf_close(struct archive_leaf *leaf);

/** archive_leaf_put() - the leaf of what a PUT or a COMMIT has written. Return: 0 or an errno */
int archive_leaf_put(struct archive_leaf *leaf, const struct archive_job *job);

/** archive_leaf_remove() - the vTPM is gone. Return: 0 or an errno */
int archive_leaf_remove(struct archive_leaf *leaf, const uint8_t *uuid);

/** archive_leaf_set() - the leaf of something that is no vTPM, as a hash. Return: 0 or an errno */
int archive_leaf_set(struct archive_leaf *leaf, const uint8_t *uuid, const uint8_t *hash);

/** archive_leaf_find() - hash of a leaf. Return: 0, @ret is set; ENOENT; another errno */
int archive_leaf_find(struct archive_leaf *leaf, const uint8_t *uuid, uint8_t ret[TREE_HASH_SIZE]);

/** archive_leaf_rolled_back() - what was done may be undone */
void archive_leaf_rolled_back(struct archive_leaf *leaf);

/** archive_leaf_root() - root over the leaves. Return: 0 or an errno */
int archive_leaf_root(struct archive_leaf *leaf, uint8_t ret[TREE_HASH_SIZE]);

/**
 * archive_leaf_rows() - the tree that the rows themselves make
 * @leaf: leaves
 * @rows: an empty tree
 * @next: another one, gets them with each vTPM in its next epoch; NULL: do not
 *
 * Return: 0 or an errno.
 */
int archive_leaf_rows(struct archive_leaf *leaf, struct tree *rows, struct tree *next);

/** archive_leaf_adopt() - make @rows the leaves, in a transaction. Return: 0 or an errno */
int archive_leaf_adopt(struct archive_leaf *leaf, const struct tree *rows);

/**
 * archive_leaf_compare() - which rows are not what their leaf says, and why
 * @leaf: leaves
 * @rows: of archive_leaf_rows()
 * @job: gets the findings
 *
 * Return: 0 or an errno.
 */
int archive_leaf_compare(struct archive_leaf *leaf, const struct tree *rows,
			 struct archive_job *job);

/**
 * archive_leaf_block() - read the root block
 * @leaf: leaves
 * @block: room for KEYD_BLOCK_MAX bytes
 * @ret_length: its bytes, 0: there is none
 *
 * Return: 0; EUCLEAN (it is longer than any); another errno.
 */
int archive_leaf_block(struct archive_leaf *leaf, uint8_t *block, size_t *ret_length);

/** archive_leaf_set_block() - replace it. Return: 0 or an errno */
int archive_leaf_set_block(struct archive_leaf *leaf, const uint8_t *block, size_t length);

#endif /* STORE_ARCHIVE_LEAF_H */
