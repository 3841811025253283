// SPDX-License-Identifier: BSD-3-Clause
/*
 * Asking, sealing, anchoring; see the header for the states.
 *
 * A store may be found with rows that are not what their leaves say, and leaves that are
 * the newest: then somebody exchanged single rows. The witness vouches for the
 * leaves, so all other rows are fine, and the bad ones are named.
 */
#include "store/archive_guard.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/archive_leaf.h"

static struct archive_leaf *leaf_of(const struct guard *guard)
{
	return archive_sql_leaf(guard->sql);
}

/* What is durable: to be asked outside of a transaction. */
static int know(struct guard *guard)
{
	struct guard_mark *durable = &guard->durable;
	int r;

	if (guard->known)
		return 0;
	archive_leaf_rolled_back(leaf_of(guard));
	r = archive_leaf_root(leaf_of(guard), durable->root);
	if (!r)
		r = archive_leaf_block(leaf_of(guard), durable->block, &durable->length);
	guard->known = !r;
	return r;
}

/* Ask about @root with the durable block. */
static int ask(struct guard *guard, const uint8_t *root, enum keyd_verdict *ret)
{
	const struct archive_witness *witness = &guard->witness;
	int r = witness->witness(witness->context, guard->durable.block, guard->durable.length,
				 root, ret, &guard->strict);

	guard->state = GUARD_UNASKED;
	if (r)
		return r == -ECANCELED ? ECANCELED : ENOKEY;
	if (*ret == KEYD_VERDICT_UNPROTECTED)
		guard->state = GUARD_FREE;
	if (*ret == KEYD_VERDICT_NEWEST)
		guard->state = GUARD_WITNESSED;
	return 0;
}

static int ask_again(struct guard *guard)
{
	enum keyd_verdict verdict;
	int r = ask(guard, guard->durable.root, &verdict);

	return !r && guard->state == GUARD_UNASKED ? ENOKEY : r;
}

/* A witness that was started anew has to be asked first; then, once more, it seals. */
static int seal(struct guard *guard, struct guard_mark *mark, bool *ahead)
{
	const struct archive_witness *witness = &guard->witness;
	int r = -ESTALE;

	for (int tries = 0; r == -ESTALE && tries < 2; tries++) {
		if (tries || guard->state == GUARD_UNASKED)
			r = ask_again(guard);
		else
			r = 0;
		if (r || guard->state == GUARD_FREE)
			return r;
		*ahead |= guard->strict;
		r = witness->seal(witness->context, *ahead, mark->root, mark->block,
				  sizeof(mark->block), &mark->length);
	}
	if (r)
		return r == -ECANCELED ? ECANCELED : ENOKEY;
	return archive_leaf_set_block(leaf_of(guard), mark->block, mark->length);
}

/* It has counted; or it finds a block one ahead when it is asked, and counts then. */
static int anchor(struct guard *guard)
{
	int r = guard->witness.anchor(guard->witness.context);

	if (r)
		r = r == -ECANCELED ? ECANCELED : ask_again(guard);
	if (!r)
		guard->dirty = false;
	return r;
}

/* @mark is durable. That it cannot be taken back is certain only when it is anchored. */
static int settle(struct guard *guard, const struct guard_mark *mark, bool ahead)
{
	guard->durable = *mark;
	guard->dirty = true;
	return ahead && anchor(guard) ? EUCLEAN : 0;
}

/* @ahead: count, and so seal whether or not the root has changed. */
static int commit(struct guard *guard, bool ahead)
{
	struct guard_mark mark = { 0 };
	bool changed = false;
	int r = 0;

	if (guard->state != GUARD_FREE)
		r = archive_leaf_root(leaf_of(guard), mark.root);
	if (!r && guard->state != GUARD_FREE)
		changed = ahead || !secret_equal(mark.root, guard->durable.root, sizeof(mark.root));
	if (!r && changed)
		r = seal(guard, &mark, &ahead);
	if (r) {
		archive_sql_rollback(guard->sql);
		return r;
	}
	r = archive_sql_commit(guard->sql);
	if (r == EUCLEAN)
		guard->known = false;
	if (r || !changed || guard->state == GUARD_FREE)
		return r;
	return settle(guard, &mark, ahead);
}

int guard_begin(struct guard *guard)
{
	int r = guard->state == GUARD_FREE ? 0 : know(guard);

	return r ? r : archive_sql_begin(guard->sql);
}

int guard_commit(struct guard *guard)
{
	return commit(guard, false);
}

/* Jobs about the whole */

/* The rows are the newest, whatever the leaves say. */
static int adopt(struct guard *guard, const struct tree *rows)
{
	int r = archive_sql_begin(guard->sql);

	if (!r)
		r = archive_leaf_adopt(leaf_of(guard), rows);
	if (r)
		archive_sql_rollback(guard->sql);
	else
		r = archive_sql_commit(guard->sql);
	guard->known = false;
	return r ? r : know(guard);
}

static int witness(struct guard *guard, const struct tree *rows, const uint8_t *root,
		   struct archive_job *job)
{
	bool same = secret_equal(root, guard->durable.root, sizeof(guard->durable.root));
	enum keyd_verdict verdict;
	int r = ask(guard, root, &job->verdict);

	if (!r && guard->state != GUARD_UNASKED && !same)
		r = adopt(guard, rows);
	if (!r && job->verdict == KEYD_VERDICT_DIFFERENT && !same) {
		r = ask(guard, guard->durable.root, &verdict);
		if (!r && guard->state == GUARD_WITNESSED) {
			job->verdict = verdict;
			r = archive_leaf_compare(leaf_of(guard), rows, job);
		}
	}
	/* What was committed before, perhaps by an earlier run, need not have been anchored. */
	guard->dirty = guard->state == GUARD_WITNESSED && guard->durable.length;
	return r;
}

/*
 * The rows as they were judged, but each vTPM in its next epoch: its engine seals its state anew
 * when it starts, and no envelope of before opens in its place any more.
 */
static int accept(struct guard *guard, const struct tree *next, struct archive_job *job)
{
	struct guard_mark mark = { .length = job->length };
	int r;

	cursor_copy(mark.root, sizeof(mark.root), job->root, sizeof(job->root));
	if (!job->length || !cursor_copy(mark.block, sizeof(mark.block), job->bytes, job->length))
		return EINVAL;
	r = archive_sql_begin(guard->sql);
	if (!r)
		r = archive_sql_next_epochs(guard->sql);
	if (!r)
		r = archive_leaf_adopt(leaf_of(guard), next);
	if (!r)
		r = archive_leaf_set_block(leaf_of(guard), mark.block, mark.length);
	if (r)
		archive_sql_rollback(guard->sql);
	else
		r = archive_sql_commit(guard->sql);
	guard->known = !r;
	if (r)
		return r;
	guard->state = GUARD_WITNESSED;
	return settle(guard, &mark, true);
}

static int judge(struct guard *guard, struct tree *rows, struct tree *next, struct archive_job *job)
{
	uint8_t root[ARCHIVE_ROOT_SIZE], next_root[ARCHIVE_ROOT_SIZE];
	int r = -tree_root(rows, root);

	if (!r)
		r = -tree_root(next, next_root);
	if (r)
		return r;
	if (job->kind == ARCHIVE_ACCEPT)
		return secret_equal(job->root, next_root, sizeof(next_root))
			       ? accept(guard, next, job)
			       : ESTALE;
	cursor_copy(job->root, sizeof(job->root), next_root, sizeof(next_root));
	return witness(guard, rows, root, job);
}

/* Those that look at all rows. */
static int run_over_rows(struct guard *guard, struct archive_job *job)
{
	struct tree rows = { 0 }, next = { 0 };
	int r = -tree_init(&rows);

	if (!r)
		r = -tree_init(&next);
	if (!r)
		r = archive_leaf_rows(leaf_of(guard), &rows, &next);
	if (!r)
		r = judge(guard, &rows, &next, job);
	tree_done(&next);
	tree_done(&rows);
	return r;
}

bool guard_is_alone(enum archive_kind kind)
{
	return kind == ARCHIVE_WITNESS || kind == ARCHIVE_ANCHOR || kind == ARCHIVE_ACCEPT;
}

int guard_run(struct guard *guard, struct archive_job *job)
{
	int r;

	if (!guard->witness.witness)
		return EOPNOTSUPP;
	r = know(guard);
	if (r)
		return r;
	if (job->kind != ARCHIVE_ANCHOR)
		return run_over_rows(guard, job);
	if (!guard->dirty)
		return 0;
	r = archive_sql_begin(guard->sql);
	return r ? r : commit(guard, true);
}
