// SPDX-License-Identifier: BSD-3-Clause
/*
 * Judge, seal, count and accept; see the header.
 */
#include "keyd/witness.h"

#include <errno.h>
#include <inttypes.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"

#define SECOND UINT64_C(1000000)
#define DAY    (86400 * SECOND)
#define YEAR   (365 * DAY)

/* Starts and stops of vTPMs may come in a heap; that is no rate. */
#define HEAP 1000

void witness_init(struct witness *witness, const struct root *root)
{
	*witness = (struct witness){ .root = root, .verdict = KEYD_VERDICT_UNASKED };
}

void witness_look(struct witness *witness)
{
	struct reason ignored;

	if (anchor_load(witness->root->directory, NULL, &witness->anchor, &ignored))
		witness->anchor = (struct anchor){ 0 };
}

enum keyd_rollback witness_mode(const struct witness *witness)
{
	return witness->root->state == KEYD_STATE_UNLOCKED ? witness->root->mode
							   : witness->anchor.mode;
}

enum keyd_verdict witness_verdict(const struct witness *witness)
{
	return witness_mode(witness) == KEYD_ROLLBACK_OFF ? KEYD_VERDICT_UNPROTECTED
							  : witness->verdict;
}

uint64_t witness_value(const struct witness *witness)
{
	return witness->known ? witness->value : 0;
}

int witness_permits(const struct witness *witness, struct reason *reason)
{
	switch (witness_verdict(witness)) {
	case KEYD_VERDICT_UNPROTECTED:
	case KEYD_VERDICT_NEWEST:
		return 0;
	case KEYD_VERDICT_UNASKED:
		return refuse(reason, -ESTALE,
			      "nobody has shown that the store of vTPMs is the newest: vtpmd does "
			      "that when it finds vtpm-keyd unlocked; see its log");
	default:
		return refuse(reason, -ESTALE,
			      "the store of vTPMs was not found to be the newest: put the newest "
			      "one back, or run vtpmctl host unlock --accept-rollback");
	}
}

/*
 * The file as the holder of the root key has written it, and nobody else. One that says lazy where
 * the slots say strict is of a change of mode that was not finished (orders_store.c).
 */
static int load_anchor(struct witness *witness, struct reason *reason)
{
	const struct root *root = witness->root;
	struct anchor anchor;
	int r;

	r = anchor_load(root->directory, root->key, &anchor, reason);
	if (!r && anchor.mode != root->mode && root->mode != KEYD_ROLLBACK_STRICT)
		r = refuse(reason, -EBADMSG,
			   "keys/anchor and keys/slots are not of the same init: put the right "
			   "ones back, or run vtpmctl host unlock --accept-move");
	if (!r)
		witness->anchor = anchor;
	return r;
}

/* Return: 0; -ENXIO: there is no counter; -ENODEV, -EBUSY, -EIO. */
static int read_counter(struct witness *witness, struct reason *reason)
{
	const struct root *root = witness->root;
	uint64_t value;
	int r;

	r = host_reachable(root->host, reason);
	if (!r && root->host->storage == ESYS_TR_NONE)
		r = refuse(reason, -ENXIO,
			   "the host TPM at %s is not the one the host root key is sealed to: bind "
			   "to it with vtpmctl host unlock --bind, then use --accept-move",
			   root->host->tcti);
	if (!r && load_anchor(witness, reason))
		r = -ENXIO;
	if (!r)
		r = anchor_read(root->host, root->key, &witness->anchor, &value, reason);
	if (r)
		return r;
	witness->unsure = false;
	witness->value = value;
	witness->known = true;
	return 0;
}

static struct block_place place_of(const struct witness *witness)
{
	return (struct block_place){
		.key = witness->root->key,
		.storage = &witness->root->host->name,
		.handle = witness->anchor.handle,
	};
}

/* Whoever pays for the TPM should know that it is worn out. */
static void note_count(struct witness *witness, uint64_t now)
{
	if (!witness->counts++)
		witness->since = now;
	if (witness->counts < HEAP + (now - witness->since) / (YEAR / WITNESS_COUNTS_A_YEAR) ||
	    (witness->warned && now - witness->warned < DAY))
		return;
	witness->warned = now;
	log_line("the counter of the host TPM counted %" PRIu64 " times in %" PRIu64 " hours: more "
		 "than %d a year wear out the NV memory of some; rollback protection 'lazy' with "
		 "a longer window counts less",
		 witness->counts, (now - witness->since) / (3600 * SECOND), WITNESS_COUNTS_A_YEAR);
}

/* Count from value to value + 1, or find out that it was done. */
static int count(struct witness *witness, uint64_t now, struct reason *reason)
{
	const struct root *root = witness->root;
	const uint64_t wanted = witness->value + 1;
	struct reason ignored;
	int r = 0;

	if (witness->unsure)
		r = read_counter(witness, reason);
	if (r)
		return r;
	if (witness->value != wanted) {
		r = anchor_add(root->host, root->key, &witness->anchor, reason);
		if (!r)
			witness->value++;
		else if (read_counter(witness, &ignored))
			witness->unsure = true;
		/* the answer was lost: what was read says whether it counted */
		if (r && (witness->unsure || witness->value != wanted))
			return r;
		note_count(witness, now);
	}
	witness->ahead = false;
	return 0;
}

static enum keyd_verdict compare(const struct witness *witness, const struct block *block,
				 const uint8_t *root)
{
	/* where it may have counted already, only the block it counted for is the newest */
	if (block->counter < witness->value + witness->unsure)
		return KEYD_VERDICT_OLD;
	if (block->counter > witness->value + 1)
		return KEYD_VERDICT_AHEAD;
	if (!secret_equal(block->root, root, KEYD_ROOT_SIZE))
		return KEYD_VERDICT_DIFFERENT;
	return KEYD_VERDICT_NEWEST;
}

/* The counter is known. */
static int judge(struct witness *witness, struct seal_bytes bytes, const uint8_t *root,
		 uint64_t now, uint64_t *ret_counter, struct reason *reason)
{
	const struct block_place place = place_of(witness);
	struct block block = { 0 };
	int r;

	if (!bytes.length && secret_equal(root, KEYD_EMPTY_ROOT, KEYD_ROOT_SIZE)) {
		witness->verdict = KEYD_VERDICT_NEWEST;
		return 0;
	}
	witness->verdict = KEYD_VERDICT_FOREIGN;
	r = block_open(&place, bytes, &block);
	if (r == -EBADMSG)
		return 0;
	if (r)
		return refuse(reason, r, "AES or HKDF does not work: look at OpenSSL");
	*ret_counter = block.counter;
	witness->verdict = compare(witness, &block, root);
	if (witness->verdict != KEYD_VERDICT_NEWEST || block.counter == witness->value)
		return 0;
	witness->ahead = true;
	if (count(witness, now, reason)) {
		log_line("the store is the newest, but is not anchored yet: %s", reason->text);
		witness->unsure = true;
	}
	return 0;
}

int witness_judge(struct witness *witness, struct seal_bytes bytes,
		  const uint8_t root[KEYD_ROOT_SIZE], uint64_t now, uint64_t *ret_counter,
		  struct reason *reason)
{
	int r;

	*ret_counter = 0;
	if (witness_mode(witness) == KEYD_ROLLBACK_OFF)
		return 0;
	witness->verdict = KEYD_VERDICT_UNASKED;
	r = read_counter(witness, reason);
	if (r == -ENXIO) {
		log_line("%s", reason->text);
		witness->verdict = KEYD_VERDICT_MISSING;
		witness->known = false;
		return 0;
	}
	if (r && !witness->known)
		return r;
	if (!witness->unsure)
		witness->ahead = false;
	return judge(witness, bytes, root, now, ret_counter, reason);
}

int witness_seal(struct witness *witness, bool ahead, const uint8_t root[KEYD_ROOT_SIZE],
		 uint8_t ret[BLOCK_SIZE], size_t *ret_length, struct reason *reason)
{
	const struct block_place place = place_of(witness);
	struct block block = { 0 };
	int r;

	*ret_length = 0;
	r = witness_permits(witness, reason);
	if (r || witness_mode(witness) == KEYD_ROLLBACK_OFF)
		return r;
	ahead = ahead || witness->unsure;
	block.counter = witness->value + ahead;
	cursor_copy(block.root, sizeof(block.root), root, KEYD_ROOT_SIZE);
	if (block_seal(&place, &block, ret))
		return refuse(reason, -EIO, "this machine gives no random bytes, or OpenSSL fails");
	witness->ahead = ahead;
	*ret_length = BLOCK_SIZE;
	return 0;
}

int witness_anchor(struct witness *witness, uint64_t now, struct reason *reason)
{
	int r;

	r = witness_permits(witness, reason);
	if (r)
		return r;
	if (!witness->ahead)
		return refuse(reason, -EINVAL,
			      "the last root block was not sealed ahead, so there is nothing to "
			      "anchor");
	return count(witness, now, reason);
}

/* Find our counter, or make one; afterwards it is known. */
static int have_counter(struct witness *witness, struct seal_bytes password, struct reason *reason)
{
	const struct root *root = witness->root;
	struct anchor anchor = { .mode = root->mode, .window = ANCHOR_WINDOW };
	int r;

	r = read_counter(witness, reason);
	if (r != -ENXIO)
		return r;
	if (!load_anchor(witness, reason))
		anchor.window = witness->anchor.window;
	r = anchor_find(root->directory, root->host, root->key, &anchor, reason);
	if (r == -ENXIO) {
		r = anchor_make(root->directory, root->host, password, root->key, &anchor, reason);
		if (!r)
			log_line("a new counter in the host TPM, at 0x%x", anchor.handle);
	}
	return r ? r : read_counter(witness, reason);
}

int witness_accept(struct witness *witness, struct seal_bytes password,
		   const uint8_t root[KEYD_ROOT_SIZE], uint8_t ret[BLOCK_SIZE],
		   struct reason *reason)
{
	size_t length;
	int r;

	if (witness_mode(witness) == KEYD_ROLLBACK_OFF)
		return refuse(
			reason, -EINVAL,
			"this host has no rollback protection, so there is nothing to accept: "
			"it is chosen at vtpmctl host init");
	r = have_counter(witness, password, reason);
	if (r)
		return r;
	witness->unsure = false;
	witness->verdict = KEYD_VERDICT_NEWEST;
	return witness_seal(witness, true, root, ret, &length, reason);
}
