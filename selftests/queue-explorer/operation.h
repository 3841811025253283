/* SPDX-License-Identifier: GPL-2.0-only */
/* All that can be done to the queue, one call at a time. */
#ifndef _EXPLORER_OPERATION_H
#define _EXPLORER_OPERATION_H

#include "world.h"

/* The calls of queue.h, and what owners do by themselves. */
enum verb {
	SUBMIT,
	ANNOUNCE,
	CANCEL,
	ABANDON,
	DROP,
	REUSE,
	ATTACH,
	DETACH,
	RESET,
	WITHDRAW,
	TAKE,
	UNTAKE,
	ANSWER,
	REFUSE,
	WAKE,
	LOOK,
	EXPIRE,
	KILL,
	PASS,
	_VERBS,
};

/* The same call said in different ways. */
enum way {
	PLAIN,
	LIFE_CURRENT,
	LIFE_OLD,
	NOT_JOURNALING,
	ID_ZERO,
	ID_OTHER,
	ERRNO,
	TOO_LARGE,
	WRONG_SHAPE,
	WHOEVER,
	MUCH_LATER,
};

/**
 * struct operation - one call with its arguments
 * @verb: what
 * @slot: the request, where the verb is an owner's
 * @server: the token, where it is a server's
 * @way: with which arguments
 */
struct operation {
	enum verb verb;
	u32 slot;
	const void *server;
	enum way way;
};

/**
 * struct outcome - what a call returned, and what queue.h promises
 * @rc: returned
 * @wanted: promised
 */
struct outcome {
	int rc;
	int wanted;
};

#define MAX_OPERATIONS 96

u32 operation_list(struct operation list[MAX_OPERATIONS]);
bool operation_allowed(const struct operation *operation);
struct outcome operation_perform(const struct operation *operation);
bool operation_of_owner(const struct operation *operation);
const char *operation_text(const struct operation *operation, char text[64]);

#endif
