// SPDX-License-Identifier: BSD-3-Clause
/*
 * A keyd and a manager that do what a test says; see test_host.h.
 */
#include "spawn/test_host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/ipc_engine.h"
#include "wire/ipc_keyd.h"
#include "wire/ipc_spawn.h"
#include "wire/leaf.h"

#define PATIENCE_MS 10000

static void answer_key(int fd, struct test_keyd *keyd, uint32_t tag)
{
	uint8_t bytes[IPC_TEXT_MAX], key[KEYD_DATA_KEY_SIZE] = TEST_KEYD_KEY;
	uint8_t entropy[KEYD_ENTROPY_SIZE], claims[LEAF_KEY_SIZE] = { 7 };
	struct ipc_out out = ipc_out(KEYD_KEY_IS, bytes, sizeof(bytes));

	key[0] = keyd->key_byte;
	if (getrandom(entropy, sizeof(entropy), 0) != sizeof(entropy))
		return;
	cursor_put_u32(&out.body, keyd->broken ? tag + 1 : tag);
	cursor_put_u32(&out.body, keyd->error);
	ipc_put_string(&out, keyd->error ? "The host is locked: unlock it." : "");
	if (!keyd->error) {
		cursor_put_u32(&out.body, TEST_KEYD_ID);
		cursor_put_u32(&out.body, 0);
		cursor_put_raw(&out.body, key, sizeof(key));
		ipc_put_blob(&out, entropy, keyd->entropy);
		ipc_put_blob(&out, NULL, 0);
		cursor_put_raw(&out.body, claims, sizeof(claims));
	}
	(void)ipc_send(fd, &out);
}

static _Noreturn void be_keyd(int listener, struct test_keyd *keyd)
{
	uint8_t bytes[256];
	struct ipc_in in;

	for (;;) {
		struct pollfd ready = { .fd = listener, .events = POLLIN };
		int fd;

		poll(&ready, 1, -1);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (!ipc_receive(fd, bytes, sizeof(bytes), true, &in)) {
			uint32_t tag = cursor_get_u32(&in.body);

			keyd->asked++;
			cursor_get_bytes(&in.body, IPC_UUID_SIZE + KEYD_TICKET_SIZE);
			if (in.op == KEYD_KEY && ipc_ended(&in))
				answer_key(fd, keyd, tag);
			ipc_in_done(&in);
		}
		close(fd);
	}
}

static int start_keyd(struct test_host *host)
{
	char path[96];
	int listener;

	host->keyd = mmap(NULL, sizeof(*host->keyd), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (host->keyd == MAP_FAILED)
		return -ENOMEM;
	host->keyd->key_byte = 1;
	snprintf(path, sizeof(path), "%s/keyd.sock", host->dir);
	listener = ipc_listen(path, host->user ? 0666 : 0600);
	if (listener < 0)
		return listener;
	host->keyd_pid = fork();
	if (!host->keyd_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		be_keyd(listener, host->keyd);
	}
	close(listener);
	return host->keyd_pid < 0 ? -errno : 0;
}

static int start_spawn(struct test_host *host)
{
	const char *program = getenv("VTPM_SPAWN");

	if (!program)
		program = "build/vtpm-spawn";
	host->spawn = fork();
	if (!host->spawn) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (host->user)
			execl(program, "vtpm-spawn", "--runtime-dir", host->dir, "--user",
			      host->user, "--manager-uid", "root", (char *)NULL);
		execl(program, "vtpm-spawn", "--runtime-dir", host->dir, (char *)NULL);
		_exit(127);
	}
	return host->spawn < 0 ? -errno : 0;
}

int test_host_connect(struct test_host *host)
{
	char path[96];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/spawn.sock", host->dir);
	for (int patience = 10000; patience; patience--) {
		fd = ipc_connect(path);
		if (fd != -ENOENT && fd != -ECONNREFUSED)
			break;
		if (kill(host->spawn, 0) || waitpid(host->spawn, NULL, WNOHANG) > 0)
			return -ECHILD;
		usleep(1000);
	}
	if (fd < 0)
		return fd;
	if (host->manager >= 0)
		close(host->manager);
	host->manager = fd;
	return 0;
}

int test_host_begin(struct test_host *host)
{
	int r = start_spawn(host);

	return r ? r : test_host_connect(host);
}

int test_host_replace(struct test_host *host, int number)
{
	if (kill(host->spawn, number) || waitpid(host->spawn, NULL, 0) != host->spawn)
		return -errno;
	return test_host_begin(host);
}

int test_host_new(struct test_host *host)
{
	int r;

	*host = (struct test_host){
		.manager = -1,
		.dir = "/tmp/vtpm-test-XXXXXX",
		.user = host->user,
	};
	if (!mkdtemp(host->dir))
		return -errno;
	/* whoever vtpm-spawn becomes has to find keyd */
	if (host->user && chmod(host->dir, 0755))
		return -errno;
	r = start_keyd(host);
	return r ? r : test_host_begin(host);
}

void test_host_done(struct test_host *host)
{
	static const char *const files[] = { "keyd.sock", "spawn.sock" };
	char path[96];

	close(host->manager);
	for (int i = 0; i < 2; i++) {
		pid_t pid = i ? host->keyd_pid : host->spawn;

		if (pid > 0 && !kill(pid, SIGKILL))
			waitpid(pid, NULL, 0);
		snprintf(path, sizeof(path), "%s/%s", host->dir, files[i]);
		unlink(path);
	}
	munmap(host->keyd, sizeof(*host->keyd));
	rmdir(host->dir);
}

static int await(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int r = poll(&ready, 1, PATIENCE_MS);

	return r > 0 ? 0 : r ? -errno : -ETIMEDOUT;
}

/* The next message of spawn that is @op; reports that come before are passed over. */
static int hear(struct test_host *host, uint32_t op, uint8_t *bytes, size_t room,
		struct ipc_in *ret)
{
	for (;;) {
		int r = await(host->manager);

		if (!r)
			r = ipc_receive(host->manager, bytes, room, true, ret);
		if (r || ret->op == op)
			return r;
		ipc_in_done(ret);
	}
}

int test_host_ask(struct test_host *host, uint32_t op, const void *body, size_t length)
{
	uint8_t bytes[256];
	struct ipc_out out = ipc_out(op, bytes, sizeof(bytes));
	struct ipc_in in;
	uint32_t tag, error;
	int r;

	cursor_put_u32(&out.body, ++host->tag);
	cursor_put_raw(&out.body, body, length);
	r = ipc_send(host->manager, &out);
	if (!r)
		r = hear(host, op + 1, bytes, sizeof(bytes), &in);
	if (r)
		return r;
	tag = cursor_get_u32(&in.body);
	error = cursor_get_u32(&in.body);
	r = ipc_ended(&in) && tag == host->tag ? -(int)error : -EPROTO;
	ipc_in_done(&in);
	return r;
}

int test_vtpm_configure(struct test_vtpm *vtpm)
{
	static uint8_t bytes[IPC_PACKET_MAX];
	static const uint8_t ticket[KEYD_TICKET_SIZE] = { 5 };
	struct ipc_out out = ipc_out(ENGINE_CONFIG, bytes, sizeof(bytes));

	cursor_put_raw(&out.body, vtpm->uuid, sizeof(vtpm->uuid));
	cursor_put_u64(&out.body, vtpm->epoch);
	cursor_put_u64(&out.body, vtpm->instance);
	cursor_put_u32(&out.body, vtpm->flags);
	cursor_put_u32(&out.body, vtpm->banks);
	cursor_put_raw(&out.body, ticket, sizeof(ticket));
	cursor_put_u64(&out.body, vtpm->generation);
	ipc_put_blob(&out, vtpm->envelope, vtpm->length);
	ipc_put_blob(&out, vtpm->image, vtpm->image ? strlen(vtpm->image) : 0);
	ipc_put_blob(&out, vtpm->configuration,
		     vtpm->configuration ? strlen(vtpm->configuration) : 0);
	cursor_put_u32(&out.body, vtpm->certify);
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		ipc_put_blob(&out, NULL, 0);
	return ipc_send(vtpm->channel, &out);
}

void test_vtpm_drop(struct test_vtpm *vtpm)
{
	if (vtpm->channel <= 0)
		return;
	close(vtpm->channel);
	life_close(&vtpm->life);
	vtpm->channel = -1;
}

int test_host_start(struct test_host *host, struct test_vtpm *vtpm, uint32_t flags,
		    const int *links, unsigned int count)
{
	uint8_t bytes[256];
	struct ipc_out out = ipc_out(SPAWN_START, bytes, sizeof(bytes));
	uint32_t error, pid;
	struct ipc_in in;
	struct life life;
	int r, fd = -1;

	cursor_put_u32(&out.body, ++host->tag);
	cursor_put_raw(&out.body, vtpm->uuid, sizeof(vtpm->uuid));
	cursor_put_u64(&out.body, vtpm->instance);
	cursor_put_u32(&out.body, flags);
	cursor_put_u8(&out.body, (uint8_t)count);
	for (unsigned int i = 0; i < count; i++)
		ipc_put_fd(&out, links[i]);
	if (vtpm->channel > 0 && vtpm->life_instance == vtpm->instance)
		life_put(&out, &vtpm->life);
	r = ipc_send(host->manager, &out);
	if (!r)
		r = hear(host, SPAWN_STARTED, bytes, sizeof(bytes), &in);
	if (r)
		return r;
	cursor_get_u32(&in.body);
	error = cursor_get_u32(&in.body);
	pid = cursor_get_u32(&in.body);
	if (!error)
		fd = ipc_get_fd(&in);
	life = life_get(&in);
	r = ipc_ended(&in) ? -(int)error : -EPROTO;
	ipc_in_done(&in);
	if (r)
		return r;
	test_vtpm_drop(vtpm);
	vtpm->channel = fd;
	vtpm->life = life;
	vtpm->life_instance = vtpm->instance;
	vtpm->pid = (pid_t)pid;
	vtpm->ready = vtpm->resumed = vtpm->ended = false;
	return test_vtpm_configure(vtpm);
}

int test_host_list(struct test_host *host, struct test_entry *ret, int room)
{
	uint8_t bytes[256];
	struct ipc_out out = ipc_out(SPAWN_LIST, bytes, sizeof(bytes));
	int count = 0, r;

	cursor_put_u32(&out.body, ++host->tag);
	r = ipc_send(host->manager, &out);
	while (!r) {
		struct test_entry entry = { .channel = -1, .life = LIFE_NONE };
		struct ipc_in in;

		r = hear(host, SPAWN_ENTRY, bytes, sizeof(bytes), &in);
		if (r)
			break;
		cursor_get_bytes(&in.body, 8);
		cursor_get_raw(&in.body, entry.uuid, sizeof(entry.uuid));
		entry.instance = cursor_get_u64(&in.body);
		entry.pid = cursor_get_u32(&in.body);
		entry.status = cursor_get_u32(&in.body);
		if (in.fd_count)
			entry.channel = ipc_get_fd(&in);
		entry.life = life_get(&in);
		if (!ipc_ended(&in))
			r = -EPROTO;
		ipc_in_done(&in);
		if (cursor_is_zero(entry.uuid, sizeof(entry.uuid)))
			return r ? r : count;
		if (count < room) {
			ret[count] = entry;
		} else {
			close(entry.channel);
			life_close(&entry.life);
		}
		count++;
	}
	return r;
}

int test_host_exited(struct test_host *host, struct test_exit *ret)
{
	uint8_t bytes[256];
	struct ipc_in in;
	int r;

	r = hear(host, SPAWN_EXITED, bytes, sizeof(bytes), &in);
	if (r)
		return r;
	cursor_get_raw(&in.body, ret->uuid, sizeof(ret->uuid));
	ret->pid = cursor_get_u32(&in.body);
	ret->status = cursor_get_u32(&in.body);
	return ipc_ended(&in) ? 0 : -EPROTO;
}

static int on_commit(struct test_vtpm *vtpm, struct ipc_in *in)
{
	uint64_t generation = cursor_get_u64(&in->body);
	uint8_t bytes[64];
	struct ipc_out out = ipc_out(ENGINE_COMMITTED, bytes, sizeof(bytes));
	const uint8_t *envelope;
	size_t length;

	envelope = ipc_get_blob(in, STORE_RECORD_MAX, &length);
	if (!ipc_ended(in) || generation < vtpm->generation || generation > vtpm->generation + 1)
		return -EPROTO;
	vtpm->commits++;
	if (vtpm->deaf)
		return 0;
	if (!vtpm->refuse) {
		cursor_copy(vtpm->envelope, sizeof(vtpm->envelope), envelope, length);
		vtpm->length = length;
		vtpm->generation = generation;
	}
	cursor_put_u64(&out.body, generation);
	cursor_put_u32(&out.body, vtpm->refuse);
	return ipc_send(vtpm->channel, &out);
}

int test_vtpm_step(struct test_vtpm *vtpm)
{
	static uint8_t bytes[IPC_PACKET_MAX];
	struct ipc_in in;
	int r;

	r = await(vtpm->channel);
	if (!r)
		r = ipc_receive(vtpm->channel, bytes, sizeof(bytes), true, &in);
	if (r)
		return r;
	switch (in.op) {
	case ENGINE_READY:
		vtpm->ready = true;
		if (cursor_get_u64(&in.body) != vtpm->generation)
			return -EPROTO;
		vtpm->resumed = cursor_get_u8(&in.body);
		return ipc_ended(&in) ? 0 : -EPROTO;
	case ENGINE_COMMIT:
		return on_commit(vtpm, &in);
	case ENGINE_CERTIFIED:
		vtpm->certified = in.body.left;
		return vtpm->ready ? -EPROTO : 0;
	case ENGINE_ENDS:
		vtpm->ended = true;
		vtpm->status = cursor_get_u32(&in.body);
		ipc_get_string(&in, vtpm->reason, sizeof(vtpm->reason));
		return ipc_ended(&in) ? 0 : -EPROTO;
	default:
		return -EPROTO;
	}
}

int test_vtpm_until(struct test_vtpm *vtpm, int fd)
{
	struct pollfd ready[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = vtpm->channel, .events = POLLIN },
	};
	int r = 0;

	while (!r) {
		if (poll(ready, 2, PATIENCE_MS) <= 0)
			return -ETIMEDOUT;
		if (ready[0].revents)
			return 0;
		r = test_vtpm_step(vtpm);
		if (!r && vtpm->ended)
			return -EPIPE;
	}
	return r;
}

int test_vtpm_until_ready(struct test_vtpm *vtpm)
{
	int r = 0;

	while (!r && !vtpm->ready && !vtpm->ended)
		r = test_vtpm_step(vtpm);
	return r ? r : vtpm->ready ? 0 : -EPIPE;
}

int test_vtpm_until_end(struct test_vtpm *vtpm)
{
	int r = 0;

	while (!r && !vtpm->ended)
		r = test_vtpm_step(vtpm);
	return r;
}
