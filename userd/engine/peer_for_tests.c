// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands and a driver's stand-in for the tests; see test_peer.h. Linked into
 * test programs only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/test_peer.h"
#include "wire/command.h"
#include "wire/tpm.h"

#define TPM_RH_OWNER   0x40000001u
#define TPM_ALG_SHA256 0x000bu

static struct test_command begin(uint16_t tag, uint32_t code)
{
	struct test_command command = { 0 };

	command.out = cursor_out(command.bytes, sizeof(command.bytes));
	cursor_put_u16(&command.out, tag);
	cursor_put_u32(&command.out, 0);
	cursor_put_u32(&command.out, code);
	return command;
}

/* A command is passed by value, so its writer must follow it. Fill in the size. */
static struct test_command *seal(struct test_command *command)
{
	command->out.base = command->bytes;
	cursor_patch_u32(&command->out, 2, (uint32_t)command->out.used);
	assert_false(command->out.bad);
	return command;
}

static struct cursor_out *open_at(struct test_command *command)
{
	command->out.base = command->bytes;
	return &command->out;
}

static void put_password(struct cursor_out *out)
{
	cursor_put_u32(out, 9);
	cursor_put_u32(out, TPM_RS_PW);
	cursor_put_u16(out, 0);
	cursor_put_u8(out, 0);
	cursor_put_u16(out, 0);
}

struct test_command test_plain(uint32_t code)
{
	struct test_command command = begin(TPM_ST_NO_SESSIONS, code);

	return *seal(&command);
}

struct test_command test_get_random(uint16_t bytes)
{
	struct test_command command = begin(TPM_ST_NO_SESSIONS, 0x17b);

	cursor_put_u16(open_at(&command), bytes);
	return *seal(&command);
}

struct test_command test_startup(void)
{
	struct test_command command = begin(TPM_ST_NO_SESSIONS, TPM_CC_STARTUP);

	cursor_put_u16(open_at(&command), TPM_SU_CLEAR);
	return *seal(&command);
}

struct test_command test_pcr_read(unsigned int pcr)
{
	struct test_command command = begin(TPM_ST_NO_SESSIONS, 0x17e);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, 1);
	cursor_put_u16(out, TPM_ALG_SHA256);
	cursor_put_u8(out, 3);
	for (unsigned int i = 0; i < 3; i++)
		cursor_put_u8(out, (uint8_t)((1u << pcr) >> (8 * i)));
	return *seal(&command);
}

struct test_command test_pcr_extend(unsigned int pcr)
{
	struct test_command command = begin(TPM_ST_SESSIONS, 0x182);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, pcr);
	put_password(out);
	cursor_put_u32(out, 1);
	cursor_put_u16(out, TPM_ALG_SHA256);
	for (int i = 0; i < 32; i++)
		cursor_put_u8(out, 0x5a);
	return *seal(&command);
}

struct test_command test_counter_define(void)
{
	struct test_command command = begin(TPM_ST_SESSIONS, 0x12a);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, TPM_RH_OWNER);
	put_password(out);
	cursor_put_u16(out, 0);	 /* auth */
	cursor_put_u16(out, 14); /* TPMS_NV_PUBLIC, Part 2, 13.5 */
	cursor_put_u32(out, TEST_COUNTER);
	cursor_put_u16(out, TPM_ALG_SHA256);
	/* NO_DA, AUTHREAD, OWNERREAD, COUNTER, AUTHWRITE, OWNERWRITE */
	cursor_put_u32(out, 0x02060016);
	cursor_put_u16(out, 0);
	cursor_put_u16(out, 8);
	return *seal(&command);
}

static struct test_command on_counter(uint32_t code)
{
	struct test_command command = begin(TPM_ST_SESSIONS, code);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, TPM_RH_OWNER);
	cursor_put_u32(out, TEST_COUNTER);
	put_password(out);
	return *seal(&command);
}

struct test_command test_counter_increment(void)
{
	return on_counter(0x134);
}

struct test_command test_counter_read(void)
{
	struct test_command command = on_counter(0x14e);
	struct cursor_out *out = open_at(&command);

	cursor_put_u16(out, 8);
	cursor_put_u16(out, 0);
	return *seal(&command);
}

struct test_command test_change_eps(void)
{
	struct test_command command = begin(TPM_ST_SESSIONS, 0x124);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, TPM_RH_PLATFORM);
	put_password(out);
	return *seal(&command);
}

struct test_command test_audit_add(uint32_t code)
{
	struct test_command command = begin(TPM_ST_SESSIONS, TPM_CC_SET_COMMAND_CODE_AUDIT_STATUS);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, TPM_RH_OWNER);
	put_password(out);
	cursor_put_u16(out, 0x0010); /* auditAlg: TPM_ALG_NULL, no change */
	cursor_put_u32(out, 1);
	cursor_put_u32(out, code);
	cursor_put_u32(out, 0);
	return *seal(&command);
}

struct test_command test_audit_digest(void)
{
	struct test_command command = begin(TPM_ST_SESSIONS, 0x133);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, 0x4000000b); /* privacyHandle: TPM_RH_ENDORSEMENT */
	cursor_put_u32(out, 0x40000007); /* signHandle: TPM_RH_NULL */
	cursor_put_u32(out, 18);
	for (int i = 0; i < 2; i++) {
		cursor_put_u32(out, TPM_RS_PW);
		cursor_put_u16(out, 0);
		cursor_put_u8(out, 0);
		cursor_put_u16(out, 0);
	}
	cursor_put_u16(out, 0);	     /* qualifyingData */
	cursor_put_u16(out, 0x0010); /* inScheme: TPM_ALG_NULL */
	return *seal(&command);
}

struct test_command test_get_capability(uint32_t capability, uint32_t property, uint32_t count)
{
	struct test_command command = begin(TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	struct cursor_out *out = open_at(&command);

	cursor_put_u32(out, capability);
	cursor_put_u32(out, property);
	cursor_put_u32(out, count);
	return *seal(&command);
}

void test_peer_new(struct test_peer *peer)
{
	*peer = (struct test_peer){ .socket = -1, .instance = 0x1234567890abcdefull };
	peer->state = memfd_create("state", MFD_CLOEXEC);
	peer->checkpoint = memfd_create("checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(peer->state >= 0 && peer->checkpoint >= 0);
}

void test_peer_done(struct test_peer *peer)
{
	if (peer->pid)
		test_peer_kill(peer, SIGKILL);
	close(peer->state);
	close(peer->checkpoint);
}

static void run_engine(const struct test_peer *peer, int fd, const char *const *options)
{
	const char *program = getenv("VTPM_ENGINE");
	int binary = open(program ? program : "build/vtpm-engine", O_PATH | O_CLOEXEC);
	char instance[20];
	const char *argv[16] = { "vtpm-engine",	    "--fd", "10",	  "--state-fd", "11",
				 "--checkpoint-fd", "12",   "--instance", instance };
	int count = 9;

	snprintf(instance, sizeof(instance), "%" PRIx64, peer->instance);
	while (options && *options && count < 15)
		argv[count++] = *options++;
	if (dup2(fd, 10) < 0 || dup2(peer->state, 11) < 0 || dup2(peer->checkpoint, 12) < 0)
		_exit(125);
	if (peer->uid && (setresgid(peer->uid, peer->uid, peer->uid) ||
			  setresuid(peer->uid, peer->uid, peer->uid)))
		_exit(124);
	fexecve(binary, (char *const *)(uintptr_t)argv, environ);
	_exit(126);
}

void test_peer_start(struct test_peer *peer, const char *const *options)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (!peer->pid)
		run_engine(peer, pair[1], options);
	close(pair[1]);
	peer->socket = pair[0];
}

int test_peer_wait(struct test_peer *peer)
{
	int status = 0, patience = 30000;
	pid_t pid;

	while (!(pid = waitpid(peer->pid, &status, WNOHANG)) && patience--)
		usleep(1000);
	if (!pid) {
		kill(peer->pid, SIGKILL);
		pid = waitpid(peer->pid, &status, 0);
	}
	assert_int_equal(pid, peer->pid);
	peer->pid = 0;
	if (peer->socket >= 0)
		close(peer->socket);
	peer->socket = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int test_peer_kill(struct test_peer *peer, int number)
{
	kill(peer->pid, number);
	return test_peer_wait(peer);
}

void test_send(struct test_peer *peer, uint16_t kind, uint64_t id, uint32_t flags,
	       const struct test_command *command)
{
	uint8_t bytes[VTPM_FRAME_SIZE];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	size_t length = command ? command->out.used : 0;
	struct vtpm_frame head = {
		.size = (uint32_t)(sizeof(head) + length),
		.kind = kind,
		.node = kind == VTPM_FRAME_WAKE ? VTPM_NODE_NONE : VTPM_NODE_RM,
		.flags = flags,
		.id = id,
		.client = kind == VTPM_FRAME_WAKE ? 0 : 1,
	};

	cursor_put_raw(&out, &head, sizeof(head));
	if (command)
		cursor_put_raw(&out, command->bytes, length);
	assert_int_equal(send(peer->socket, bytes, out.used, MSG_NOSIGNAL), out.used);
}

/* Return: false when the engine is gone. */
bool test_receive(struct test_peer *peer, struct test_answer *ret)
{
	struct pollfd wait = { .fd = peer->socket, .events = POLLIN };
	uint8_t bytes[VTPM_ANSWER_SIZE];
	struct cursor_in in;
	ssize_t n;

	assert_int_equal(poll(&wait, 1, 60000), 1);
	n = recv(peer->socket, bytes, sizeof(bytes), 0);
	if (n <= 0)
		return false;
	in = cursor_in(bytes, (size_t)n);
	cursor_get_raw(&in, &ret->head, sizeof(ret->head));
	assert_int_equal(ret->head.size, n);
	ret->length = in.left;
	cursor_get_raw(&in, ret->response, in.left);
	assert_true(cursor_ended(&in));
	return true;
}

uint32_t test_again(struct test_peer *peer, uint64_t id, uint32_t flags,
		    struct test_command command, struct test_answer *ret)
{
	test_send(peer, VTPM_FRAME_COMMAND, id, flags, &command);
	assert_true(test_receive(peer, ret));
	assert_int_equal(ret->head.error, 0);
	assert_true(ret->head.id == id);
	return tpm_response_code(ret->response, ret->length);
}

uint32_t test_call(struct test_peer *peer, struct test_command command, struct test_answer *ret)
{
	return test_again(peer, ++peer->id, 0, command, ret);
}

uint64_t test_counter(struct test_peer *peer)
{
	struct test_answer answer;
	struct cursor_in in;

	assert_int_equal(test_call(peer, test_counter_read(), &answer), TPM_RC_SUCCESS);
	in = cursor_in(answer.response, answer.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
	assert_int_equal(cursor_get_u16(&in), 8);
	return cursor_get_u64(&in);
}
