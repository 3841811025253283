// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first moments of a TPM, many times over: empty store, empty checkpoint memory,
 * TPM2_Startup as request 1, and some engines killed before its answer. The
 * next one must always come up, and Startup must have run once: a second time it
 * would answer TPM_RC_INITIALIZE (Part 3, 9.3).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ktime.h>

#include "birth.h"
#include "engine.h"
#include "report.h"
#include "rng.h"
#include "watch.h"

#define KILLS_MAX 4

/* Part 3, 9.3.2 and 16.1.2 */
static const u8 startup[] = { 0x80, 0x01, 0, 0, 0, 0x0c, 0, 0, 0x01, 0x44, 0, 0 };
static const u8 get_random[] = { 0x80, 0x01, 0, 0, 0, 0x0c, 0, 0, 0x01, 0x7b, 0, 0x10 };

struct birth {
	struct engine engine;
	struct rng rng;
	struct watch checkpoint;
	struct watch store;
	u64 usual;
};

static void send_command(struct birth *b, u64 id, const u8 *command, u32 flags)
{
	struct frame frame = {
		.head = {
			.size = sizeof(frame.head) + sizeof(startup),
			.kind = VTPM_FRAME_COMMAND,
			.node = VTPM_NODE_CHIP,
			.flags = flags,
			.id = id,
		},
	};

	memcpy(frame.payload, command, sizeof(startup));
	engine_send(&b->engine, &frame);
}

static void end(struct birth *b, bool ours)
{
	int status;

	if (ours)
		engine_kill(&b->engine);
	status = engine_reap(&b->engine);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		violation("birth", "Startup", "engine ended by itself, status %#x", status);
	stat_add(&stats.kills);
	engine_forget(&b->engine);
}

/* One engine that does not live to see its answer, or only just. */
static void stillbirth(struct birth *b, u32 flags)
{
	struct watch *watch = rng_percent(&b->rng, 50) ? &b->checkpoint : &b->store;
	bool at_change = rng_percent(&b->rng, 30);
	u64 until;

	watch_mark(watch);
	engine_spawn(&b->engine);
	send_command(b, 1, startup, flags);
	until = b->engine.spawned + rng_below(&b->rng, b->usual + b->usual / 4);
	while (at_change && !watch_changed(watch) &&
	       ktime_get_ns() < b->engine.spawned + 2 * b->usual)
		watch_mark_size(watch);
	if (at_change)
		until = ktime_get_ns() + rng_below(&b->rng, 20 * NSEC_PER_USEC);
	while (ktime_get_ns() < until)
		;
	end(b, true);
}

static u32 ask(struct birth *b, u64 id, const u8 *command, u32 flags)
{
	struct answer answer;
	u64 begun = ktime_get_ns();

	send_command(b, id, command, flags);
	while (!engine_receive(&b->engine, &answer)) {
		if (engine_dead(&b->engine))
			end(b, false);
		if (ktime_get_ns() - begun > 10 * NSEC_PER_SEC)
			violation("birth", "Startup", "no answer for 10 s");
	}
	if (answer.head.id != id || answer.head.error)
		violation("birth", "Startup", "answer to request %llu, errno %u", answer.head.id,
			  answer.head.error);
	return (u32)answer.response[6] << 24 | answer.response[7] << 16 | answer.response[8] << 8 |
	       answer.response[9];
}

static void bear(struct birth *b)
{
	u32 flags = 0, rc;

	b->engine.state_fd = memfd_create("vtpm-state", MFD_CLOEXEC);
	b->engine.checkpoint_fd = memfd_create("vtpm-checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	b->checkpoint = (struct watch){ .fd = b->engine.checkpoint_fd, .stride = SIZE_MAX / 2 };
	b->store = (struct watch){ .fd = b->engine.state_fd, .stride = 4096 };

	for (u64 n = rng_below(&b->rng, KILLS_MAX + 1); n; n--) {
		stillbirth(b, flags);
		flags = VTPM_FRAME_REDELIVERED;
	}
	engine_spawn(&b->engine);
	rc = ask(b, 1, startup, flags);
	b->usual = (b->usual * 7 + ktime_get_ns() - b->engine.spawned) / 8;
	if (!rc)
		rc = ask(b, 2, get_random, 0);
	if (rc)
		violation("birth", "Startup", "returned %#x", rc);
	end(b, true);
	watch_done(&b->checkpoint);
	watch_done(&b->store);
	close(b->engine.state_fd);
	close(b->engine.checkpoint_fd);
}

/* Return: kills. */
u64 birth_torture(const char *program, u64 seed, u64 births)
{
	struct birth b = {
		.engine = { .program = program, .manufacture = true },
		.usual = 5 * NSEC_PER_MSEC,
	};
	u64 kills = stat_get(&stats.kills);

	rng_fork(&b.rng, seed, 3);
	b.engine.instance = rng_next(&b.rng);
	for (u64 i = 0; i < births; i++)
		bear(&b);
	kills = stat_get(&stats.kills) - kills;
	printf("%llu TPMs made, engines killed meanwhile: %llu\n", births, kills);
	return kills;
}
