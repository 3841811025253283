// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing the instant. A kill is timed from an event, and its delay drawn from the
 * time that what follows has taken so far: short commands are hit as often within as
 * long ones. Commands are aimed at evenly, not in proportion to how often they come.
 * One in three kills that caught a command chases it, to make it die twice.
 */
#include <stdio.h>

#include <linux/ktime.h>

#include "plan.h"
#include "report.h"

/* Follows the median: a machine that is busy with other things does not stretch it. */
static u64 follow(u64 typical, u64 sample)
{
	if (!typical)
		return sample;
	return sample > typical ? typical + typical / 16 + 1 : typical - typical / 16;
}

static u32 find(struct pace *pace, u32 cc)
{
	u32 i;

	for (i = 0; i < pace->count; i++)
		if (pace->seen[i].cc == cc)
			return i;
	if (i == PACE_MAX)
		return 0;
	pace->seen[i].cc = cc;
	pace->count++;
	return i;
}

void pace_startup(struct pace *pace, u64 ns)
{
	pace->startup = follow(pace->startup, ns);
}

void pace_command(struct pace *pace, u32 cc, u64 ns)
{
	u32 i = find(pace, cc);

	pace->seen[i].usual = follow(pace->seen[i].usual, ns);
}

/* @cc 0: while none ran. */
void pace_kill(struct pace *pace, u32 cc, enum kill_point point)
{
	pace->seen[find(pace, cc)].kills[point]++;
}

void pace_print(const struct pace *pace)
{
	printf("kills by what ran, timed from     start receive publish  commit  answer    idle"
	       "   usual us\n");
	for (u32 i = 0; i < pace->count; i++) {
		u32 cc = pace->seen[i].cc;

		printf("  %-26s", cc ? report_command_name(cc) : "(nothing)");
		for (int point = KILL_START; point < _KILL_MAX; point++)
			printf(" %7u", pace->seen[i].kills[point]);
		printf(" %9llu\n", pace->seen[i].usual / NSEC_PER_USEC);
	}
	printf("  start-up to first answer: %llu us\n", pace->startup / NSEC_PER_USEC);
}

static u32 aim(struct pace *pace)
{
	if (!pace->count || rng_percent(&pace->rng, 30))
		return 0;
	return pace->seen[rng_below(&pace->rng, pace->count)].cc;
}

static enum kill_point draw_point(struct pace *pace, bool chase)
{
	u32 n = rng_below(&pace->rng, 100);

	if (chase)
		return n < 40	? KILL_RECEIVE
		       : n < 65 ? KILL_PUBLISH
		       : n < 85 ? KILL_ANSWER
				: KILL_START;
	if (n < 20)
		return KILL_START;
	if (n < 55)
		return KILL_RECEIVE;
	if (n < 70)
		return KILL_PUBLISH;
	if (n < 80)
		return KILL_COMMIT;
	return n < 92 ? KILL_ANSWER : KILL_IDLE;
}

/**
 * plan_next() - the fate of the next engine
 * @plan: to fill
 * @pace: of the killer
 * @chase: a command waits that has died once or more
 */
void plan_next(struct plan *plan, struct pace *pace, bool chase)
{
	struct rng *rng = &pace->rng;

	chase = chase && rng_percent(rng, 35);
	*plan = (struct plan){
		.point = draw_point(pace, chase),
		.skip = chase || rng_percent(rng, 30) ? 0 : rng_below(rng, 12),
		.patience = 40,
		.cc = chase ? 0 : aim(pace),
		.detach_first = rng_percent(rng, 35),
		.untake = rng_percent(rng, 50),
	};
}

/**
 * plan_delay() - how long after its event to kill
 * @plan: the event
 * @pace: what to expect
 * @cc: command that runs, if one does
 *
 * Return: nanoseconds.
 */
u64 plan_delay(const struct plan *plan, struct pace *pace, u32 cc)
{
	struct rng *rng = &pace->rng;
	u64 usual = max(pace->seen[find(pace, cc)].usual, (u64)20 * NSEC_PER_USEC);

	switch (plan->point) {
	case KILL_START:
		return rng_below(rng, pace->startup + pace->startup / 2);
	case KILL_RECEIVE:
		if (rng_percent(rng, 60))
			return rng_below(rng, usual + usual / 3);
		if (rng_percent(rng, 60))
			return rng_below(rng, 60 * NSEC_PER_USEC);
		return rng_below(rng, (1ull << rng_below(rng, 14)) * NSEC_PER_USEC);
	case KILL_PUBLISH:
	case KILL_COMMIT:
		return rng_percent(rng, 30) ? 0 : rng_below(rng, min(usual, 100 * NSEC_PER_USEC));
	case KILL_ANSWER:
		return rng_percent(rng, 30) ? 0 : rng_below(rng, 50 * NSEC_PER_USEC);
	default:
		return rng_below(rng, 300 * NSEC_PER_USEC);
	}
}
