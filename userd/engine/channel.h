/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's end of the channel to the manager (wire/ipc_engine.h), and a store
 * behind it.
 *
 *	CONFIG	waits for ENGINE_CONFIG, whose envelope is what the store loads
 *	IDLE	nobody reads, but after SIGURG; ENGINE_AGAIN may lie there and means nothing
 *	COMMIT	ENGINE_COMMIT or ENGINE_FORK is sent, its ENGINE_COMMITTED is awaited
 *
 * The other end belongs to the manager, and a dup of it to spawn: so a manager that
 * dies is waited for, and what it had not read the next one reads. ENGINE_AGAIN in
 * COMMIT has the commit sent once more. The manager may then answer both; the
 * second answer is recognised by a generation that is durable already. It cannot be
 * recognised where the first answer was a failure, since the generation is
 * used again: a failure after ENGINE_AGAIN therefore counts as an unknown outcome, and
 * the engine that follows finds out on a channel of its own.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vtpm_ask.h>

#include "engine/certify.h"
#include "engine/launch.h"
#include "store/store.h"
#include "wire/ipc.h"
#include "wire/ipc_keyd.h"
#include "wire/leaf.h"

/**
 * struct channel_config - what ENGINE_CONFIG says
 * @uuid: TPM
 * @epoch: of its history, moved on by an ENGINE_FORK that is durable
 * @instance: life of its device
 * @flags: &enum engine_config_flags
 * @banks: PCR banks, bit n: TPM_ALG_ID n; 0: as they are
 * @ticket: for keyd
 * @generation: of @envelope
 * @envelope: durable permanent state, in the channel's buffer; NULL: none
 * @envelope_length: bytes of it
 * @launch: what a container is started from, in the channel's buffer
 * @certify: which keys shall get certificates, in the channel's buffer
 */
struct channel_config {
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
	uint64_t instance;
	uint32_t flags;
	uint32_t banks;
	uint8_t ticket[KEYD_TICKET_SIZE];
	uint64_t generation;
	const uint8_t *envelope;
	size_t envelope_length;
	struct engine_launch launch;
	struct certify_wish certify;
};

/**
 * struct channel_attest - what ENGINE_ATTEST says
 * @tag: of the question
 * @nonce: of a verifier
 * @pcrs: PCRs of the SHA-256 bank
 * @digest: of a TPMS_ATTEST
 * @has_digest: that is meant, not PCRs
 */
struct channel_attest {
	uint32_t tag;
	uint8_t nonce[LEAF_HASH];
	uint32_t pcrs;
	uint8_t digest[LEAF_HASH];
	bool has_digest;
};

/**
 * struct channel - the engine's end
 * @store: the store behind it
 * @fd: borrowed
 * @state: see the top
 * @config: as received
 * @awaited: generation whose outcome is awaited
 * @outcome: errno of it, once @state is no longer COMMIT
 * @again: a new manager wants the commit
 * @resent: the commit was sent more than once
 * @attest: what is asked for
 * @attests: it is, and not answered yet
 * @frozen: by ENGINE_CONFIG, or the last ENGINE_FREEZE that was read
 * @in: buffer of ENGINE_CONFIG
 * @out: buffer of a commit
 */
struct channel {
	struct store store;
	int fd;
	uint32_t state;
	struct channel_config config;
	uint64_t awaited;
	uint32_t outcome;
	bool again;
	bool resent;
	struct channel_attest attest;
	bool attests;
	bool frozen;
	uint8_t in[IPC_PACKET_MAX];
	uint8_t out[IPC_PACKET_MAX];
};

/** define CHANNEL_BUSY - the manager has not read what was said before */
#define CHANNEL_BUSY 1

/**
 * channel_ask() - pass a client's question on, never waiting
 *
 * Return: 0; CHANNEL_BUSY; -errno of ipc_send().
 */
int channel_ask(struct channel *channel, const struct vtpm_question *question);

/** channel_init() - set it up around @fd, a blocking channel that is borrowed */
void channel_init(struct channel *channel, int fd);

/**
 * channel_configure() - wait for ENGINE_CONFIG
 *
 * Return: 0, channel->config is set; -EPIPE (the other end is gone); -EPROTO (something
 * else came); -errno.
 */
int channel_configure(struct channel *channel);

/**
 * channel_look() - read what the manager says to one that serves
 *
 * Return: 0; -EPIPE (the other end is gone); -EPROTO; -errno.
 */
int channel_look(struct channel *channel);

/**
 * channel_asked() - take what the manager asks of one that serves
 * @ret: set where there is something
 *
 * Return: 1; 0 (nothing); -EPIPE (the other end is gone); -EPROTO; -errno.
 */
int channel_asked(struct channel *channel, struct channel_attest *ret);

/** channel_certified() - say ENGINE_CERTIFIED; @results as of certify(). Return: as ipc_send() */
int channel_certified(struct channel *channel, const struct certify_result *results);

/** channel_ready() - say ENGINE_READY. Return: as ipc_send() */
int channel_ready(struct channel *channel, uint64_t generation, bool resumed);

/** channel_ends() - say ENGINE_ENDS, if anybody can still hear it */
void channel_ends(struct channel *channel, uint32_t status, const char *reason);

#endif /* ENGINE_CHANNEL_H */
