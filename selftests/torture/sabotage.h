/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver and the disk could do wrong: proof that the harness would notice. */
#ifndef TORTURE_SABOTAGE_H
#define TORTURE_SABOTAGE_H

#include "engine.h"
#include "rng.h"

/**
 * enum sabotage_kind - one wrong thing
 * @SABOTAGE_NONE: nothing
 * @SABOTAGE_NEW_ID: a request is delivered again as if it were a new one
 * @SABOTAGE_DROP_FLAG: a request is delivered again without REDELIVERED; an engine
 *	goes by the id, so this one must do no harm
 * @SABOTAGE_REPLAY: an answered command is delivered once more, as a new one
 * @SABOTAGE_LOSE: a command is not run, but answered as the last one of its kind was
 * @SABOTAGE_OLD_CHECKPOINT: the checkpoint memory is put back by some commands
 * @SABOTAGE_OLD_STORE: the permanent store is put back by some commits
 * @SABOTAGE_OLD_BOTH: both are put back, to the same moment
 * @SABOTAGE_STALE_INSTANCE: the engine is told another instance
 */
enum sabotage_kind {
	SABOTAGE_NONE,
	SABOTAGE_NEW_ID,
	SABOTAGE_DROP_FLAG,
	SABOTAGE_REPLAY,
	SABOTAGE_LOSE,
	SABOTAGE_OLD_CHECKPOINT,
	SABOTAGE_OLD_STORE,
	SABOTAGE_OLD_BOTH,
	SABOTAGE_STALE_INSTANCE,
	_SABOTAGE_MAX,
};

struct copy {
	u8 *bytes;
	size_t size;
};

/**
 * struct sabotage - the wrong thing and what it needs
 * @kind: &enum sabotage_kind
 * @rng: when to do it
 * @checkpoint: an earlier content of the checkpoint memory
 * @store: an earlier content of the permanent store
 * @age: engines since the copies were made
 * @cc: command code of @answer
 * @answer: an earlier answer
 */
struct sabotage {
	enum sabotage_kind kind;
	struct rng rng;
	struct copy checkpoint;
	struct copy store;
	u32 age;
	u32 cc;
	struct answer answer;
};

int sabotage_kind(const char *name);
void sabotage_restart(struct sabotage *sabotage, struct engine *engine);
void sabotage_frame(struct sabotage *sabotage, struct frame *frame);
bool sabotage_replays(struct sabotage *sabotage, struct frame *frame);
bool sabotage_loses(struct sabotage *sabotage, u32 cc);

#endif
