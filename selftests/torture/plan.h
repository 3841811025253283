/* SPDX-License-Identifier: GPL-2.0-only */
/* When the present engine is to be killed, and what the driver sees of it. */
#ifndef TORTURE_PLAN_H
#define TORTURE_PLAN_H

#include "rng.h"

/**
 * enum kill_point - the event that a kill is timed from
 * @KILL_NONE: let it live
 * @KILL_START: the engine was started (it loads, resumes, recovers a commit)
 * @KILL_RECEIVE: it has fetched a frame
 * @KILL_PUBLISH: the checkpoint memory has changed since
 * @KILL_COMMIT: the permanent store has changed since
 * @KILL_ANSWER: its answer is on the way
 * @KILL_IDLE: it has nothing to do
 */
enum kill_point {
	KILL_NONE,
	KILL_START,
	KILL_RECEIVE,
	KILL_PUBLISH,
	KILL_COMMIT,
	KILL_ANSWER,
	KILL_IDLE,
	_KILL_MAX,
};

/**
 * struct plan - the fate of one engine
 * @point: the event
 * @skip: frames it may answer before
 * @patience: frames after @skip in which to wait for @cc
 * @cc: command code to wait for, 0 for any
 * @delay: from the event, nanoseconds
 * @detach_first: the driver declares it dead before it dies: an answer of its last
 *	moment is too late
 * @untake: a frame that it had not fetched goes back as untaken; otherwise it counts
 *	as taken
 */
struct plan {
	enum kill_point point;
	u32 skip;
	u32 patience;
	u32 cc;
	u64 delay;
	bool detach_first;
	bool untake;
};

#define PACE_MAX 48

/**
 * struct pace - how long things take, so that kills fall into them evenly
 * @rng: of the killer
 * @startup: from the start of an engine to its first answer, nanoseconds
 * @count: length of @seen
 * @seen: commands, their usual time in the engine, and kills by point while they ran
 */
struct pace {
	struct rng rng;
	u64 startup;
	u32 count;
	struct {
		u32 cc;
		u64 usual;
		u32 kills[_KILL_MAX];
	} seen[PACE_MAX];
};

void pace_startup(struct pace *pace, u64 ns);
void pace_command(struct pace *pace, u32 cc, u64 ns);
void pace_kill(struct pace *pace, u32 cc, enum kill_point point);
void pace_print(const struct pace *pace);

void plan_next(struct plan *plan, struct pace *pace, bool chase);
u64 plan_delay(const struct plan *plan, struct pace *pace, u32 cc);

#endif
