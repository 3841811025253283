/* SPDX-License-Identifier: GPL-2.0-only */
/* A user of the TPM that knows what the TPM must answer. */
#ifndef TORTURE_CLIENT_H
#define TORTURE_CLIENT_H

#include <pthread.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tcti.h>

#include "kernel.h"
#include "report.h"
#include "rng.h"
#include "server.h"

struct client;

/**
 * struct client_ops - one kind of client
 * @name: for reports
 * @setup: make what it needs; again after its objects were destroyed
 * @round: one step; holds no object of the TPM afterwards but what setup made
 * @finish: give back what it holds
 * @alone: rounds need all other clients to stand still
 */
struct client_ops {
	const char *name;
	void (*setup)(struct client *client);
	void (*round)(struct client *client);
	void (*finish)(struct client *client);
	bool alone;
};

/**
 * struct world - what all clients share
 * @kernel: the device
 * @server: its server
 * @objects: held for reading in a round, for writing by who destroys objects
 * @destroyed: how many times all owner's and endorsement's objects went (@objects)
 * @stop: finish (atomic)
 */
struct world {
	struct kernel *kernel;
	struct server *server;
	pthread_rwlock_t objects;
	u64 destroyed;
	bool stop;
};

/**
 * struct tcti - ESYS's way to the TPM: the queue
 * @common: must be first
 * @client: whose
 */
struct tcti {
	TSS2_TCTI_CONTEXT_COMMON_V1 common;
	struct client *client;
};

/**
 * struct client - one thread with a request of its own
 * @ops: its kind
 * @world: what all share
 * @index: apart from its like
 * @rng: its own
 * @tcti: to the queue
 * @esys: on @tcti
 * @node: through which its commands come, &enum vtpm_node
 * @opener: its open of the shared node, 0 on a chip
 * @request: the one it has
 * @wait: where it sleeps
 * @answered: id of the last request that was answered
 * @poisoned: the last answer was to a poisoned request
 * @doing: call being made, for reports
 * @seen: @world->destroyed at the last setup
 * @state: of its kind
 * @thread: the thread
 */
struct client {
	const struct client_ops *ops;
	struct world *world;
	u32 index;
	struct rng rng;
	struct tcti tcti;
	ESYS_CONTEXT *esys;
	u8 node;
	u64 opener;
	struct vtpm_request *request;
	wait_queue_head_t wait;
	u64 answered;
	bool poisoned;
	const char *doing;
	u64 seen;
	void *state;
	pthread_t thread;
};

void client_start(struct client *client, struct world *world, u64 seed);
void client_join(struct client *client);

void client_submit(struct client *client, const u8 *command, size_t size);
void client_await_final(struct client *client);
int client_await(struct client *client);
void client_frame(struct client *client, u16 kind);

/* Ends the run, saying what was expected. */
#define wrong(client, fmt, ...) violation((client)->ops->name, (client)->doing, fmt, ##__VA_ARGS__)

void client_expect(struct client *client, TSS2_RC rc, TSS2_RC expected);

/*
 * An ESYS call, made again for as long as it is refused because its request was
 * poisoned. Such a command must not have run: @verify says so, where making it
 * again would not show it.
 */
#define TRY(client, verify, call)                                          \
	({                                                                 \
		TSS2_RC rc_;                                               \
		for (;;) {                                                 \
			(client)->doing = #call;                           \
			rc_ = call;                                        \
			if (rc_ != TPM2_RC_FAILURE || !(client)->poisoned) \
				break;                                     \
			verify;                                            \
		}                                                          \
		(client)->doing = #call;                                   \
		rc_;                                                       \
	})
#define MUST(client, verify, call) client_expect(client, TRY(client, verify, call), TSS2_RC_SUCCESS)
#define NOTHING			   (void)0

/* Ranges of handles (Part 2, 7.2); those of tss2 shift into the sign. */
#define NV_INDICES	   0x01000000u, 0x01ffffffu
#define LOADED_SESSIONS	   0x02000000u, 0x03ffffffu
#define SAVED_SESSIONS	   0x03000000u, 0x03ffffffu
#define TRANSIENT_OBJECTS  0x80000000u, 0x80ffffffu
#define PERSISTENT_OBJECTS 0x81000000u, 0x81ffffffu

u32 client_handles(struct client *client, TPM2_HANDLE first, TPM2_HANDLE last);

extern const struct client_ops pcr_client, counter_client, orderly_client, data_client;
extern const struct client_ops session_client, sequence_client, evict_client, random_client;
extern const struct client_ops fickle_client, visitor_client, destroyer_client, shared_client;

#endif
