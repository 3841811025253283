/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the real vtpm-spawn and real engines: a vTPM behind a link of packets, and one
 * more; manager and keyd are played.
 */
#ifndef SPAWN_TEST_SPAWN_H
#define SPAWN_TEST_SPAWN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "engine/engine.h"
#include "engine/test_peer.h"
#include "spawn/spawn.h"
#include "spawn/test_host.h"
#include "store/envelope.h"
#include "wire/ipc_engine.h"
#include "wire/ipc_spawn.h"
#include "wire/tpm.h"

static struct test_host host;
static struct test_vtpm vtpm, second;
static struct test_peer peer;
/* Some programs look at no answer. */
static struct test_answer answer __attribute__((unused)), other __attribute__((unused));

static inline void name_vtpm(struct test_vtpm *v, uint8_t name)
{
	test_vtpm_drop(v);
	*v = (struct test_vtpm){ .flags = ENGINE_CONFIG_MANUFACTURE, .epoch = 1, .instance = 9 };
	v->uuid[0] = 0xab;
	v->uuid[15] = name;
}

static inline int setup(void **state)
{
	(void)state;
	name_vtpm(&vtpm, 1);
	name_vtpm(&second, 2);
	peer = (struct test_peer){ .socket = -1 };
	return test_host_new(&host);
}

static inline int teardown(void **state)
{
	(void)state;
	if (peer.socket >= 0)
		close(peer.socket);
	test_host_done(&host);
	return 0;
}

/* A packet link: our end is the peer's socket. */
static inline int start_packet(struct test_vtpm *v)
{
	int pair[2], r;

	if (peer.socket >= 0)
		close(peer.socket);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	peer.socket = pair[0];
	r = test_host_start(&host, v, 0, &pair[1], 1);
	close(pair[1]);
	return r;
}

static inline void start_ready(struct test_vtpm *v)
{
	assert_int_equal(start_packet(v), 0);
	assert_int_equal(test_vtpm_until_ready(v), 0);
}

static inline uint32_t call_again(struct test_vtpm *v, uint64_t id, struct test_command command,
				  struct test_answer *ret)
{
	test_send(&peer, VTPM_FRAME_COMMAND, id, 0, &command);
	assert_int_equal(test_vtpm_until(v, peer.socket), 0);
	assert_true(test_receive(&peer, ret));
	assert_int_equal(ret->head.error, 0);
	return tpm_response_code(ret->response, ret->length);
}

static inline uint32_t call(struct test_vtpm *v, struct test_command command,
			    struct test_answer *ret)
{
	return call_again(v, ++peer.id, command, ret);
}

static inline uint64_t counter(struct test_vtpm *v)
{
	struct cursor_in in;

	assert_int_equal(call(v, test_counter_read(), &other), TPM_RC_SUCCESS);
	in = cursor_in(other.response, other.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
	assert_int_equal(cursor_get_u16(&in), 8);
	return cursor_get_u64(&in);
}

static inline void expect_exit(const struct test_vtpm *v, int status)
{
	struct test_exit report;

	assert_int_equal(test_host_exited(&host, &report), 0);
	assert_memory_equal(report.uuid, v->uuid, sizeof(v->uuid));
	assert_int_equal(report.pid, v->pid);
	assert_int_equal(report.status, status);
}

static inline void slay(struct test_vtpm *v)
{
	assert_int_equal(kill(v->pid, SIGKILL), 0);
	expect_exit(v, SIGKILL);
}

static inline int signal_engine(const struct test_vtpm *v, uint32_t number)
{
	uint8_t bytes[20];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	cursor_put_raw(&out, v->uuid, sizeof(v->uuid));
	cursor_put_u32(&out, number);
	return test_host_ask(&host, SPAWN_SIGNAL, bytes, sizeof(bytes));
}

static inline void expect_end(struct test_vtpm *v, uint32_t status, const char *part)
{
	assert_int_equal(test_vtpm_until_end(v), 0);
	assert_int_equal(v->status, status);
	if (!strstr(v->reason, part))
		fail_msg("'%s' is not in '%s'", part, v->reason);
	expect_exit(v, (int)(status << 8));
}

#define SPAWN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
