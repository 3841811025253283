/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: the real vtpm-keyd, with a state directory and a host TPM of its own, and
 * the two kinds of peers it has. A question and its answer are one call.
 */
#ifndef KEYD_TEST_KEYD_H
#define KEYD_TEST_KEYD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "seal/box.h"
#include "seal/recovery.h"
#include "seal/test_swtpm.h"
#include "wire/ipc.h"
#include "wire/ipc_keyd.h"

#define TEST_UUID   "0123456789abcde"
#define TEST_OTHER  "fedcba987654321"
#define TEST_EPOCH  5
#define TEST_TICKET "a ticket of exactly 32 bytes...."

/*
 * @channel: connection as the manager
 * @code: private half of the recovery code
 */
struct test_keyd {
	struct test_swtpm swtpm;
	char dir[64];
	pid_t pid;
	int channel;
	uint8_t scalar[SEAL_SCALAR_SIZE];
	uint8_t point[SEAL_POINT_SIZE];
	const char *tcti; /* NULL: the swtpm's */
	uint8_t mode;	  /* for init, as is the next one */
	uint32_t window;
	bool planned; /* with this key */
	uint8_t plan_key[SEAL_POINT_SIZE];
};

/* An answer: the packet, what all have, and a reader over the rest. */
struct test_reply {
	uint8_t bytes[16384];
	struct ipc_in in;
	uint32_t tag;
	int error;
	char text[IPC_TEXT_MAX];
};

/* KEYD_STATUS_IS. */
struct test_status {
	unsigned int state, protection, separated;
	uint32_t pid;
	char tcti[IPC_TEXT_MAX], host[IPC_TEXT_MAX], policy[IPC_TEXT_MAX], reason[IPC_TEXT_MAX];
	size_t name_length;
	unsigned int mode, verdict;
	uint64_t counter;
	uint32_t window;
	unsigned int migration_key, share;
};

static inline void test_sock(const struct test_keyd *keyd, char *to, size_t room)
{
	snprintf(to, room, "%s/keyd.sock", keyd->dir);
}

static inline int test_connect(const struct test_keyd *keyd)
{
	char path[96];

	test_sock(keyd, path, sizeof(path));
	return ipc_connect(path);
}

static inline const char *test_program(void)
{
	const char *path = getenv("VTPM_KEYD");

	return path ? path : "build/vtpm-keyd";
}

static inline void test_keyd_start(struct test_keyd *keyd)
{
	char line[512];

	snprintf(line, sizeof(line), "vtpm-keyd --state-dir %s --runtime-dir %s --tcti %s",
		 keyd->dir, keyd->dir, keyd->tcti ? keyd->tcti : keyd->swtpm.tcti);
	keyd->pid = test_spawn(test_program(), line, NULL);
	for (int i = 0; (keyd->channel = test_connect(keyd)) < 0; i++) {
		if (i == 1000)
			abort();
		usleep(10000);
	}
}

/* Return: exit status, or 128 + signal. */
static inline int test_keyd_stop(struct test_keyd *keyd, int number)
{
	int status;

	kill(keyd->pid, number);
	if (waitpid(keyd->pid, &status, 0) != keyd->pid)
		abort();
	close(keyd->channel);
	keyd->channel = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline struct ipc_out test_begin(uint32_t op, uint8_t *buffer, size_t room)
{
	struct ipc_out out = ipc_out(op, buffer, room);

	cursor_put_u32(&out.body, 0x7a600000 | op);
	return out;
}

/* Return: 0; -errno of the channel. */
static inline int test_ask_on(int channel, const struct ipc_out *out, struct test_reply *reply)
{
	int r = ipc_send(channel, out);

	if (!r)
		r = ipc_receive(channel, reply->bytes, sizeof(reply->bytes), true, &reply->in);
	if (r)
		return r;
	reply->tag = cursor_get_u32(&reply->in.body);
	reply->error = (int)cursor_get_u32(&reply->in.body);
	ipc_get_string(&reply->in, reply->text, sizeof(reply->text));
	return 0;
}

static inline int test_ask(struct test_keyd *keyd, const struct ipc_out *out,
			   struct test_reply *reply)
{
	return test_ask_on(keyd->channel, out, reply);
}

static inline int test_status(struct test_keyd *keyd, struct test_status *ret)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_STATUS, buffer, sizeof(buffer));
	struct test_reply reply;
	int r = test_ask(keyd, &out, &reply);

	if (r)
		return r;
	ret->state = cursor_get_u8(&reply.in.body);
	ret->protection = cursor_get_u8(&reply.in.body);
	ret->separated = cursor_get_u8(&reply.in.body);
	ret->pid = cursor_get_u32(&reply.in.body);
	ipc_get_string(&reply.in, ret->tcti, sizeof(ret->tcti));
	ipc_get_string(&reply.in, ret->host, sizeof(ret->host));
	ipc_get_string(&reply.in, ret->policy, sizeof(ret->policy));
	ipc_get_blob(&reply.in, 128, &ret->name_length);
	ipc_get_string(&reply.in, ret->reason, sizeof(ret->reason));
	ret->mode = cursor_get_u8(&reply.in.body);
	ret->verdict = cursor_get_u8(&reply.in.body);
	ret->counter = cursor_get_u64(&reply.in.body);
	ret->window = cursor_get_u32(&reply.in.body);
	ret->migration_key = cursor_get_u8(&reply.in.body);
	ret->share = cursor_get_u8(&reply.in.body);
	return ipc_ended(&reply.in) && reply.in.op == KEYD_STATUS_IS && !reply.error ? 0 : -EPROTO;
}

/* Recovery record and session key. Return: length of the record; -errno */
static inline int test_recovery(struct test_keyd *keyd, uint8_t record[KEYD_BOX_MAX],
				uint8_t session[SEAL_POINT_SIZE])
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_RECOVERY, buffer, sizeof(buffer));
	struct test_reply reply;
	const uint8_t *from, *point;
	size_t length, point_length;
	int r = test_ask(keyd, &out, &reply);

	if (r)
		return r;
	from = ipc_get_blob(&reply.in, KEYD_BOX_MAX, &length);
	point = ipc_get_blob(&reply.in, SEAL_POINT_SIZE, &point_length);
	if (!ipc_ended(&reply.in) || reply.error || point_length != SEAL_POINT_SIZE)
		return -EPROTO;
	cursor_copy(record, KEYD_BOX_MAX, from, length);
	cursor_copy(session, SEAL_POINT_SIZE, point, point_length);
	return (int)length;
}

/* Return: errno of the answer, 0 for done. */
static inline int test_init(struct test_keyd *keyd, uint32_t flags, uint32_t pcrs,
			    const char *password, struct test_reply *reply)
{
	uint8_t buffer[1024], record[KEYD_BOX_MAX], session[SEAL_POINT_SIZE], box[512];
	struct ipc_out out = test_begin(KEYD_INIT, buffer, sizeof(buffer));
	size_t length = 0;

	if (password) {
		if (test_recovery(keyd, record, session) ||
		    box_close(session, BOX_OWNER, (struct seal_bytes){ 0 },
			      (struct seal_bytes){ password, strlen(password) }, box))
			return -EPROTO;
		length = BOX_OVERHEAD + strlen(password);
	}
	cursor_put_u32(&out.body, flags);
	cursor_put_u32(&out.body, pcrs);
	ipc_put_blob(&out, keyd->point, sizeof(keyd->point));
	ipc_put_blob(&out, box, length);
	cursor_put_u8(&out.body, keyd->mode);
	cursor_put_u32(&out.body, keyd->window);
	ipc_put_blob(&out, keyd->plan_key, keyd->planned ? sizeof(keyd->plan_key) : 0);
	if (test_ask(keyd, &out, reply) || reply->in.op != KEYD_INIT_DONE)
		return -EPROTO;
	return reply->error;
}

/* What vtpmctl does with a recovery code. Return: errno of the answer, or -errno */
static inline int test_unlock(struct test_keyd *keyd, uint32_t flags,
			      const uint8_t scalar[SEAL_SCALAR_SIZE], struct test_reply *reply)
{
	uint8_t buffer[1024], record[KEYD_BOX_MAX], session[SEAL_POINT_SIZE];
	uint8_t root[SEAL_KEY_SIZE], box[BOX_OVERHEAD + SEAL_KEY_SIZE];
	struct ipc_out out = test_begin(KEYD_UNLOCK, buffer, sizeof(buffer));
	int length = test_recovery(keyd, record, session), r;

	if (length < 0)
		return length;
	r = recovery_open((struct seal_bytes){ record, (size_t)length }, scalar, root);
	if (!r)
		r = box_close(session, BOX_ROOT, (struct seal_bytes){ 0 },
			      (struct seal_bytes){ root, sizeof(root) }, box);
	if (r)
		return r;
	cursor_put_u32(&out.body, flags);
	ipc_put_blob(&out, box, sizeof(box));
	ipc_put_blob(&out, NULL, 0);
	ipc_put_blob(&out, NULL, 0);
	r = test_ask(keyd, &out, reply);
	return r ? r : reply->error;
}

static inline int test_retry(struct test_keyd *keyd, struct test_reply *reply)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_UNLOCK, buffer, sizeof(buffer));
	int r;

	cursor_put_u32(&out.body, 0);
	for (int blob = 0; blob < 3; blob++)
		ipc_put_blob(&out, NULL, 0);
	r = test_ask(keyd, &out, reply);
	return r ? r : reply->error;
}

/* Return: errno of the answer, or -errno. */
static inline int test_new_key_of(struct test_keyd *keyd, const char *uuid, uint32_t flags,
				  uint8_t wrapped[KEYD_WRAPPED_MAX], size_t *ret_length)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_NEW_KEY, buffer, sizeof(buffer));
	struct test_reply reply;
	const uint8_t *from;
	int r;

	cursor_put_raw(&out.body, uuid, IPC_UUID_SIZE);
	cursor_put_u32(&out.body, flags);
	r = test_ask(keyd, &out, &reply);
	if (r || reply.error)
		return r ? r : reply.error;
	from = ipc_get_blob(&reply.in, KEYD_WRAPPED_MAX, ret_length);
	cursor_copy(wrapped, KEYD_WRAPPED_MAX, from, *ret_length);
	return ipc_ended(&reply.in) ? 0 : -EPROTO;
}

static inline int test_new_key(struct test_keyd *keyd, const char *uuid,
			       uint8_t wrapped[KEYD_WRAPPED_MAX], size_t *ret_length)
{
	return test_new_key_of(keyd, uuid, 0, wrapped, ret_length);
}

static inline int test_grant(struct test_keyd *keyd, const char *uuid, const char *ticket,
			     const uint8_t *wrapped, size_t length, struct test_reply *reply)
{
	uint8_t buffer[512];
	struct ipc_out out = test_begin(KEYD_GRANT, buffer, sizeof(buffer));
	int r;

	cursor_put_raw(&out.body, uuid, IPC_UUID_SIZE);
	cursor_put_raw(&out.body, ticket, KEYD_TICKET_SIZE);
	cursor_put_u64(&out.body, TEST_EPOCH);
	ipc_put_blob(&out, wrapped, length);
	r = test_ask(keyd, &out, reply);
	return r ? r : reply->error;
}

/* An engine's one question, at a connection of its own. */
static inline int test_key(const struct test_keyd *keyd, const char *uuid, const char *ticket,
			   struct test_reply *reply)
{
	uint8_t buffer[128];
	struct ipc_out out = test_begin(KEYD_KEY, buffer, sizeof(buffer));
	int channel = test_connect(keyd), r;

	cursor_put_raw(&out.body, uuid, IPC_UUID_SIZE);
	cursor_put_raw(&out.body, ticket, KEYD_TICKET_SIZE);
	r = test_ask_on(channel, &out, reply);
	close(channel);
	return r ? r : reply->error;
}

static inline void test_keyd_new(struct test_keyd *keyd, const char *flags)
{
	*keyd = (struct test_keyd){ .channel = -1 };
	test_swtpm_new(&keyd->swtpm, flags);
	snprintf(keyd->dir, sizeof(keyd->dir), "/tmp/vtpm-keyd-XXXXXX");
	if (!mkdtemp(keyd->dir) || seal_pair_new(keyd->scalar, keyd->point))
		abort();
	test_keyd_start(keyd);
}

static inline void test_keyd_done(struct test_keyd *keyd)
{
	if (keyd->channel >= 0)
		test_keyd_stop(keyd, SIGTERM);
	test_swtpm_done(&keyd->swtpm);
	test_remove_tree(keyd->dir);
}

#endif /* KEYD_TEST_KEYD_H */
