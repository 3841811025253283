/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard of an archive: sees to it that no root is durable which the witness has not
 * sealed, and answers the jobs that are about the archive as a whole.
 *
 *	UNASKED ──NEWEST──→ WITNESSED ──seal: -ESTALE, anchor failed──→ UNASKED
 *	   └─────UNPROTECTED──→ FREE
 *
 * What is durable is what the witness is asked about; a root that is only
 * on its way is never shown to it but to be sealed. Without a witness it is FREE at once.
 *
 * Errors are positive errnos, as jobs carry them; those of a witness that gives no
 * verdict, or another one than NEWEST, are ENOKEY.
 */
#ifndef STORE_ARCHIVE_GUARD_H
#define STORE_ARCHIVE_GUARD_H

#include "store/archive.h"
#include "store/archive_sql.h"

/**
 * enum guard_state - what the witness has said
 * @GUARD_FREE: nothing is sealed
 * @GUARD_UNASKED: nothing that counts now
 * @GUARD_WITNESSED: what is durable is the newest
 */
enum guard_state {
	GUARD_FREE,
	GUARD_UNASKED,
	GUARD_WITNESSED,
};

/**
 * struct guard_mark - one root, sealed
 * @root: over all vTPMs
 * @block: what the witness made of it
 * @length: bytes of @block, 0 for none
 */
struct guard_mark {
	uint8_t root[ARCHIVE_ROOT_SIZE];
	uint8_t block[KEYD_BLOCK_MAX];
	size_t length;
};

/**
 * struct guard - the guard; all zero but for @sql for one without a witness
 * @sql: the archive
 * @witness: who seals
 * @state: what it said
 * @strict: each change is anchored before its jobs finish
 * @dirty: something durable is not anchored
 * @known: @durable is what is in the file
 * @durable: root and block
 */
struct guard {
	struct archive_sql *sql;
	struct archive_witness witness;
	enum guard_state state;
	bool strict;
	bool dirty;
	bool known;
	struct guard_mark durable;
};

/** guard_begin() - begin a transaction. Return: 0 or an errno */
int guard_begin(struct guard *guard);

/**
 * guard_commit() - seal what the transaction has changed, and make it durable
 *
 * Return: 0; ENOSPC, ENOKEY, ECANCELED (rolled back, nothing has changed); EUCLEAN (nobody
 * can tell; or it is durable, but could not be anchored, although that was to be); another
 * errno of the archive (rolled back).
 */
int guard_commit(struct guard *guard);

/** guard_is_alone() - is a job of this kind one for guard_run()? */
bool guard_is_alone(enum archive_kind kind);

/** guard_run() - do a WITNESS, an ANCHOR or an ACCEPT. Return: 0 or the errno of the job */
int guard_run(struct guard *guard, struct archive_job *job);

#endif /* STORE_ARCHIVE_GUARD_H */
