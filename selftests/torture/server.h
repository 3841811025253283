/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread between queue and engine, which is also the killer. */
#ifndef TORTURE_SERVER_H
#define TORTURE_SERVER_H

#include <pthread.h>

#include "engine.h"
#include "kernel.h"
#include "plan.h"
#include "sabotage.h"
#include "watch.h"

/**
 * struct server - the engines of one device, one after another
 * @kernel: the device
 * @engine: the present one
 * @sabotage: what the driver is made to do wrong, normally nothing
 * @pace: of the killer
 * @plan: for the present engine
 * @due: when to kill it, nanoseconds, 0 while the event has not come
 * @token: of the present engine, also read by who wakes it (atomic)
 * @frame: taken and not answered, if its id is not 0
 * @sent: when it was sent, nanoseconds
 * @sent_id: the id it was sent under; differs under sabotage only
 * @in_unit: an earlier engine had published its answer
 * @answered: answers of the present engine
 * @late: the answer that came too late; the same must come again
 * @checkpoint: sees changes of the checkpoint memory
 * @store: sees changes of the permanent store
 * @kills: how many to do (atomic)
 * @stop: end the thread (atomic)
 * @thread: the thread
 */
struct server {
	struct kernel *kernel;
	struct engine engine;
	struct sabotage sabotage;
	struct pace pace;
	struct plan plan;
	u64 due;
	u64 token;
	struct frame frame;
	u64 sent;
	u64 sent_id;
	bool in_unit;
	u32 answered;
	struct answer late;
	struct watch checkpoint;
	struct watch store;
	u64 kills;
	bool stop;
	pthread_t thread;
};

void server_start(struct server *server);
void server_stop(struct server *server);

static inline const void *server_token(struct server *server)
{
	return (const void *)(uintptr_t)smp_load_acquire(&server->token);
}

#endif
