/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the tests of this room: TPM commands made by hand, and the other end of a
 * packet link, that is, a driver that does what the test says.
 */
#ifndef ENGINE_TEST_PEER_H
#define ENGINE_TEST_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cursor.h"
#include "engine/link.h"

#define TEST_COUNTER 0x01500001u /* an NV index */

/** struct test_command - a TPM command */
struct test_command {
	uint8_t bytes[256];
	struct cursor_out out;
};

struct test_command test_get_random(uint16_t bytes);
struct test_command test_pcr_read(unsigned int pcr);
struct test_command test_pcr_extend(unsigned int pcr);
struct test_command test_counter_define(void);
struct test_command test_counter_increment(void);
struct test_command test_counter_read(void);
struct test_command test_plain(uint32_t code);
struct test_command test_change_eps(void);
struct test_command test_get_capability(uint32_t capability, uint32_t property, uint32_t count);
struct test_command test_startup(void);
struct test_command test_audit_add(uint32_t code);
struct test_command test_audit_digest(void);

/** struct test_answer - an answer as it came */
struct test_answer {
	struct vtpm_answer head;
	uint8_t response[VTPM_COMMAND_SIZE];
	size_t length;
};

/**
 * struct test_peer - an engine and the files that outlive it
 * @pid: engine, 0 for none
 * @socket: our end of its link
 * @state: state file
 * @checkpoint: memfd
 * @instance: given to it
 * @id: last request id used
 * @uid: user to run it as, 0 for this one
 */
struct test_peer {
	pid_t pid;
	int socket;
	int state;
	int checkpoint;
	uint64_t instance;
	uint64_t id;
	uid_t uid;
};

/** test_peer_new() - make the files; no engine yet */
void test_peer_new(struct test_peer *peer);
void test_peer_done(struct test_peer *peer);

/** test_peer_start() - run the real engine (VTPM_ENGINE), @options: more of them, or NULL */
void test_peer_start(struct test_peer *peer, const char *const *options);

/** test_peer_wait() - Return: exit status of the engine, or 128 + signal; killed after 30 s */
int test_peer_wait(struct test_peer *peer);
int test_peer_kill(struct test_peer *peer, int number);

void test_send(struct test_peer *peer, uint16_t kind, uint64_t id, uint32_t flags,
	       const struct test_command *command);
bool test_receive(struct test_peer *peer, struct test_answer *ret);

/** test_call() - a new request and its answer. Return: the response code */
uint32_t test_call(struct test_peer *peer, struct test_command command, struct test_answer *ret);

/** test_again() - deliver a request again. Return: the response code */
uint32_t test_again(struct test_peer *peer, uint64_t id, uint32_t flags,
		    struct test_command command, struct test_answer *ret);

/** test_counter() - read TEST_COUNTER */
uint64_t test_counter(struct test_peer *peer);

#endif /* ENGINE_TEST_PEER_H */
