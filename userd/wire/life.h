/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vTPM's next engine goes on from, as descriptors. Two keep it, vtpm-spawn and the
 * manager, so that each can be replaced, or die, while the other one is there; an engine
 * has it while it runs. None of them looks into it but the engine.
 *
 *	nothing			0 descriptors
 *	of a device		1: the checkpoint memory
 *	of a stream		5: that, both journals, both ends of the pocket
 *
 * In a message it comes last.
 */
#ifndef WIRE_LIFE_H
#define WIRE_LIFE_H

#include <stdbool.h>

#include "wire/ipc.h"

/**
 * struct life - what an engine leaves behind
 * @memory: checkpoint memory, -1 for none, and then the others are -1 too
 * @journal: of its stream link, -1 where it has none
 * @control_journal: of its control connection, -1 likewise
 * @pocket: pair of sockets that keeps the stream link's connection, -1 likewise
 */
struct life {
	int memory;
	int journal;
	int control_journal;
	int pocket[2];
};

/** define LIFE_NONE - nothing */
#define LIFE_NONE                      \
	((struct life){                \
		.memory = -1,          \
		.journal = -1,         \
		.control_journal = -1, \
		.pocket = { -1, -1 },  \
	})

/** life_is_there() - is there something to go on from? */
static inline bool life_is_there(const struct life *life)
{
	return life->memory >= 0;
}

/** life_close() - give it up; nothing is there afterwards, and that is fine before too */
void life_close(struct life *life);

/** life_take() - hand it on. Return: what was there; nothing is there afterwards */
struct life life_take(struct life *life);

/** life_put() - pass it along, borrowed until ipc_send() returns */
void life_put(struct ipc_out *out, const struct life *life);

/**
 * life_get() - take it out of a message
 * @in: message; bad where what is left of its descriptors is no life
 *
 * Return: it, owned by the caller; nothing for a bad message.
 */
struct life life_get(struct ipc_in *in);

#endif /* WIRE_LIFE_H */
