/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests and the bench: the processes around vtpm-spawn, played. A keyd that gives
 * everybody the key he is told to, and a manager with a store in memory.
 *
 * Functions that return int: 0, or -errno; the caller decides what that means.
 */
#ifndef SPAWN_TEST_HOST_H
#define SPAWN_TEST_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/store.h"
#include "wire/ipc.h"
#include "wire/life.h"

/* What keyd gives: its first byte is keyd->key_byte, 1 unless a test says otherwise. */
#define TEST_KEYD_KEY     \
	{                 \
		1, 2, 3   \
	}
#define TEST_KEYD_ID 77

/**
 * struct test_keyd - what keyd answers, in memory shared with it
 * @error: errno, with a sentence
 * @broken: answer with nonsense
 * @entropy: bytes of entropy: 0 or 32
 * @key_byte: first byte of the key
 * @asked: questions so far
 */
struct test_keyd {
	uint32_t error;
	bool broken;
	uint32_t entropy;
	uint8_t key_byte;
	uint32_t asked;
};

/**
 * struct test_host - spawn, keyd, and the manager's connection
 * @dir: runtime folder
 * @spawn: process of vtpm-spawn
 * @keyd_pid: process of keyd
 * @keyd: what it answers
 * @manager: connection to spawn
 * @tag: last one used
 * @user: vtpm-spawn becomes this one; set before test_host_new(), NULL for none
 */
struct test_host {
	char dir[64];
	pid_t spawn;
	pid_t keyd_pid;
	struct test_keyd *keyd;
	int manager;
	uint32_t tag;
	const char *user;
};

/**
 * struct test_vtpm - a vTPM as its manager knows it
 * @uuid: of it
 * @epoch: of it
 * @instance: of its device
 * @flags: of ENGINE_CONFIG
 * @banks: of ENGINE_CONFIG
 * @image: of ENGINE_CONFIG, NULL for none
 * @configuration: of ENGINE_CONFIG, NULL for none
 * @certify: of ENGINE_CONFIG
 * @certified: bytes of the last ENGINE_CERTIFIED
 * @generation: durable
 * @envelope: durable
 * @length: bytes of it
 * @channel: the manager's end, > 0 where @life is its own too
 * @life: what the next engine goes on from
 * @life_instance: whose
 * @pid: engine
 * @commits: ENGINE_COMMITs seen
 * @refuse: errno to answer the next commits with
 * @deaf: take no commit
 * @ready: ENGINE_READY came
 * @resumed: and said so
 * @ended: ENGINE_ENDS came
 * @status: and said so
 * @reason: and said so
 */
struct test_vtpm {
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
	uint64_t instance;
	uint32_t flags;
	uint32_t banks;
	const char *image;
	const char *configuration;
	uint32_t certify;
	size_t certified;
	uint64_t generation;
	uint8_t envelope[STORE_RECORD_MAX];
	size_t length;
	int channel;
	struct life life;
	uint64_t life_instance;
	pid_t pid;
	unsigned int commits;
	uint32_t refuse;
	bool deaf;
	bool ready;
	bool resumed;
	bool ended;
	uint32_t status;
	char reason[IPC_TEXT_MAX];
};

/** struct test_exit - SPAWN_EXITED */
struct test_exit {
	uint8_t uuid[IPC_UUID_SIZE];
	uint32_t pid;
	uint32_t status;
};

/** struct test_entry - SPAWN_ENTRY */
struct test_entry {
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t instance;
	uint32_t pid;
	uint32_t status;
	int channel;
	struct life life;
};

/** test_host_new() - make the folder, start keyd and VTPM_SPAWN, connect */
int test_host_new(struct test_host *host);
void test_host_done(struct test_host *host);

/** test_host_replace() - end VTPM_SPAWN by this signal, start another one, connect */
int test_host_replace(struct test_host *host, int number);

/** test_host_begin() - start VTPM_SPAWN, connect */
int test_host_begin(struct test_host *host);

/** test_host_connect() - be a new manager */
int test_host_connect(struct test_host *host);

/** test_host_ask() - send @op with a tag and @length bytes; wait for its answer's errno */
int test_host_ask(struct test_host *host, uint32_t op, const void *bytes, size_t length);

/** test_host_start() - SPAWN_START with @links, then ENGINE_CONFIG. Return: -errno as answered */
int test_host_start(struct test_host *host, struct test_vtpm *vtpm, uint32_t flags,
		    const int *links, unsigned int count);

/** test_host_list() - SPAWN_LIST. Return: entries (at most @room are given), or -errno */
int test_host_list(struct test_host *host, struct test_entry *ret, int room);

/** test_host_exited() - wait for SPAWN_EXITED, at most 10 s */
int test_host_exited(struct test_host *host, struct test_exit *ret);

/** test_vtpm_drop() - close what is kept of it */
void test_vtpm_drop(struct test_vtpm *vtpm);

/** test_vtpm_configure() - send ENGINE_CONFIG */
int test_vtpm_configure(struct test_vtpm *vtpm);

/** test_vtpm_step() - take one message of the engine and answer it, waiting for it */
int test_vtpm_step(struct test_vtpm *vtpm);

/** test_vtpm_until() - play the manager until @fd can be read, or the engine ends */
int test_vtpm_until(struct test_vtpm *vtpm, int fd);

/** test_vtpm_until_ready() - play the manager until ENGINE_READY, or the engine ends */
int test_vtpm_until_ready(struct test_vtpm *vtpm);

/** test_vtpm_until_end() - play the manager until ENGINE_ENDS */
int test_vtpm_until_end(struct test_vtpm *vtpm);

#endif /* SPAWN_TEST_HOST_H */
