/* SPDX-License-Identifier: GPL-2.0-only */
/* One state of the queue and of all who use it. */
#ifndef _EXPLORER_WORLD_H
#define _EXPLORER_WORLD_H

#include "queue.h"

#define SLOTS	 3
#define CAPACITY 4

#define TICK_MS 1000
#define TICK	(TICK_MS * NSEC_PER_MSEC)
#define SLACK	NSEC_PER_MSEC
#define NOW	(1000 * TICK)
/* No limit below lies further back than this: older is as good as this old. */
#define OLD (6 * TICK)

/*
 * Where one request is. The driver's states, and what its owner and the server know:
 *
 * @AGAIN: queued after a server died with it
 * @LEFT: cancelled while a server has it
 * @LATE: lost by a time limit while a server has it
 */
enum phase {
	NONE,
	IDLE,
	QUEUED,
	AGAIN,
	TAKEN,
	LEFT,
	LATE,
	ANSWERED,
	CANCELLED,
	LOST,
	_PHASES,
};

/**
 * struct bound - how large the world is
 * @name: for the report
 * @slots: requests
 * @kind: of each
 * @bound_ms: how long each may run
 * @clock: does time pass tick by tick? Else everything is either in time or too late
 */
struct bound {
	const char *name;
	u32 slots;
	u16 kind[SLOTS];
	u32 bound_ms[SLOTS];
	bool clock;
};

/**
 * struct slot - a request and its owner
 * @used: it exists
 * @owned: its owner has a reference
 * @left: its owner has abandoned it and may only drop it
 * @wait: where the owner sleeps
 * @memory: the request
 */
struct slot {
	bool used;
	bool owned;
	bool left;
	wait_queue_head_t wait;
	_Alignas(16) u8 memory[sizeof(struct vtpm_request) + CAPACITY];
};

struct world {
	struct vtpm_queue queue;
	struct slot slot[SLOTS];
	u64 clock;
};

/* What the callbacks were told during one operation. */
struct seen {
	u32 queued, taken, answered, cancelled, lost, abandoned;
};

#define KEY_SIZE 96

extern struct world world;
extern struct seen seen;
extern const struct bound *bound;

/* Tokens of the servers; an attached one is always called A between operations. */
extern const int server_a, server_b;

static inline struct vtpm_request *request_of(u32 slot)
{
	return (struct vtpm_request *)world.slot[slot].memory;
}

static inline bool is_command(u32 slot)
{
	return bound->kind[slot] == VTPM_FRAME_COMMAND;
}

/* Commands come through different nodes. */
static inline u8 origin_of(u32 slot)
{
	return slot ? VTPM_NODE_RM : VTPM_NODE_RAW;
}

static inline bool held_by_queue(enum phase phase)
{
	return phase == QUEUED || phase == AGAIN || phase == TAKEN || phase == LEFT ||
	       phase == LATE;
}

void world_begin(const struct bound *of);
struct vtpm_request *world_new_request(u32 slot);
void world_save(struct world *to);
void world_restore(const struct world *from);
enum phase world_phase(u32 slot);
u32 world_order(u8 order[SLOTS]);
void world_normalise(void);
void world_key(u8 key[KEY_SIZE]);
const char *phase_name(enum phase phase);

#endif
