// SPDX-License-Identifier: GPL-2.0
/*
 * The client's file: /dev/vtpmN and /dev/vtpmrmN behave as /dev/tpm0 does.
 *
 * A server thread echoes commands (common.h), or the test itself is the server and
 * decides when to take and when to answer. Where a wait has to be interrupted at a
 * given moment, the client is a child process.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

#define USER 4243

FIXTURE(client) {
	struct device device;
	struct server server;
	int control;
	int fd;
};

FIXTURE_VARIANT(client) {
	bool raw;
};

FIXTURE_VARIANT_ADD(client, raw) { .raw = true };
FIXTURE_VARIANT_ADD(client, rm) { .raw = false };

static const char *node_of(struct device *device, bool raw)
{
	return raw ? device->raw : device->rm;
}

FIXTURE_SETUP(client)
{
	int fd;

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, server_start(&self->server, fd));
	self->fd = device_open(&self->device, node_of(&self->device, variant->raw), 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(client)
{
	destroy_all();
	pthread_join(self->server.thread, NULL);
	close(self->server.fd);
	close(self->fd);
	close(self->control);
}

static int written(int fd, const void *bytes, size_t size)
{
	ssize_t rc = write(fd, bytes, size);

	return rc < 0 ? -errno : rc;
}

static int taken(int fd, void *bytes, size_t size)
{
	ssize_t rc = read(fd, bytes, size);

	return rc < 0 ? -errno : rc;
}

static short polled(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&poll_fd, 1, ms) < 0 ? -errno : poll_fd.revents;
}

TEST_F(client, echo)
{
	uint32_t i, got;

	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, client_run(self->fd, i));
	EXPECT_EQ(-ENODATA, client_read(self->fd, &got));
	EXPECT_EQ(200, self->server.commands);
}

/* errno:WRITE:E2BIG errno:WRITE:EINVAL errno:WRITE:ENODATA errno:WRITE:EPERM */
TEST_F(client, sizes)
{
	uint8_t bytes[VTPM_COMMAND_SIZE + 1] = { 0 };
	size_t size;

	tpm_command(bytes, TPM_CC_GET_RANDOM, 1);
	EXPECT_EQ(-E2BIG, written(self->fd, bytes, sizeof(bytes)));
	for (size = 0; size < TPM_HEAD; size++)
		EXPECT_EQ(-EINVAL, written(self->fd, bytes, size));
	EXPECT_EQ(-EINVAL, written(self->fd, bytes, TPM_HEAD + 3));
	for (size = 1; size < TPM_HEAD; size++) {
		put_u32(bytes + 2, size);
		EXPECT_EQ(-EINVAL, written(self->fd, bytes, 32));
	}
	put_u32(bytes + 2, 0);
	EXPECT_EQ(-ENODATA, written(self->fd, bytes, 32));
	put_u32(bytes + 2, 0xffffffff);
	EXPECT_EQ(-EINVAL, written(self->fd, bytes, 32));
	put_u32(bytes + 2, 0x80000000);
	EXPECT_EQ(-EINVAL, written(self->fd, bytes, 32));
	EXPECT_EQ(-EFAULT, written(self->fd, bad_address(), 32));
	EXPECT_EQ(0, self->server.commands);

	/* The largest one, and what trails is not sent. */
	put_u32(bytes + 2, VTPM_COMMAND_SIZE);
	EXPECT_EQ(VTPM_COMMAND_SIZE, written(self->fd, bytes, VTPM_COMMAND_SIZE));
	EXPECT_EQ(VTPM_COMMAND_SIZE, taken(self->fd, bytes, sizeof(bytes)));
	tpm_command(bytes, TPM_CC_GET_RANDOM, 7);
	EXPECT_EQ(32, written(self->fd, bytes, 32));
	EXPECT_EQ(14, taken(self->fd, bytes, sizeof(bytes)));
	EXPECT_EQ(7, tpm_marker(bytes));
}

/* The proxy's locality command has its meaning for some servers only. */
TEST_F(client, locality_command)
{
	static const uint16_t tags[] = { TPM_NO_SESSIONS, TPM_SESSIONS, 193, 0, 0xffff };
	uint8_t bytes[32], body[4] = { 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(tags); i++) {
		tpm_build(bytes, tags[i], TPM_CC_SET_LOCALITY, body, sizeof(body));
		EXPECT_EQ(-EPERM, written(self->fd, bytes, sizeof(bytes)));
		tpm_build(bytes, tags[i], TPM_CC_SET_LOCALITY, NULL, 0);
		EXPECT_EQ(-EPERM, written(self->fd, bytes, TPM_HEAD));
	}
	EXPECT_EQ(0, self->server.commands);
}

/* errno:WRITE:EBUSY */
TEST_F(client, second_write)
{
	uint8_t bytes[16];
	uint32_t got;

	ASSERT_EQ(0, client_write(self->fd, 1));
	EXPECT_EQ(-EBUSY, client_write(self->fd, 2));
	EXPECT_EQ(0, client_read(self->fd, &got));
	EXPECT_EQ(1, got);
	/* After a partial read the rest is given up. */
	ASSERT_EQ(0, client_write(self->fd, 3));
	EXPECT_EQ(1, taken(self->fd, bytes, 1));
	EXPECT_EQ(0, client_write(self->fd, 4));
	EXPECT_EQ(0, client_read(self->fd, &got));
	EXPECT_EQ(4, got);
}

TEST_F(client, partial_reads)
{
	uint8_t bytes[64], all[64];
	unsigned int i;

	EXPECT_EQ(0, taken(self->fd, bytes, sizeof(bytes)));
	ASSERT_EQ(0, client_write(self->fd, 0x01020304));
	EXPECT_EQ(0, taken(self->fd, bytes, 0));
	EXPECT_EQ(-EFAULT, taken(self->fd, bad_address(), 4));
	for (i = 0; i < TPM_HEAD + 4; i++)
		ASSERT_EQ(1, taken(self->fd, all + i, 1));
	EXPECT_EQ(0x01020304, tpm_marker(all));
	EXPECT_EQ(0, taken(self->fd, bytes, sizeof(bytes)));
	/* No position: the file is a stream. */
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	ASSERT_EQ(0, client_write(self->fd, 5));
	EXPECT_EQ(-1, pread(self->fd, bytes, 4, 0));
	EXPECT_EQ(ESPIPE, errno);
}

/* errno:READ:EAGAIN */
TEST_F(client, non_blocking)
{
	struct frame frame;
	uint32_t got;
	int fd;

	server_stop(&self->server);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(POLLOUT, polled(self->fd, 0));
	EXPECT_EQ(-ENODATA, client_read(self->fd, &got));
	ASSERT_EQ(0, client_write(self->fd, 1));
	EXPECT_EQ(0, polled(self->fd, 20));
	EXPECT_EQ(-EAGAIN, client_read(self->fd, &got));
	EXPECT_EQ(-EBUSY, client_write(self->fd, 2));
	fd = self->server.fd;
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	EXPECT_EQ(-EAGAIN, client_read(self->fd, &got));
	EXPECT_EQ(-EBUSY, client_write(self->fd, 2));
	ASSERT_EQ(0, server_echo(fd, &frame));
	EXPECT_EQ(POLLIN, polled(self->fd, 1000));
	EXPECT_EQ(-EBUSY, client_write(self->fd, 2));
	EXPECT_EQ(0, client_read(self->fd, &got));
	EXPECT_EQ(1, got);
	EXPECT_EQ(POLLOUT, polled(self->fd, 0));

	/* The server's errno waits for read(), and is not lost by a write(). */
	ASSERT_EQ(0, client_write(self->fd, 3));
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	ASSERT_EQ(0, server_answer(fd, frame.head.id, EIO, NULL, 0));
	EXPECT_EQ(POLLIN, polled(self->fd, 1000));
	EXPECT_EQ(-EBUSY, client_write(self->fd, 4));
	EXPECT_EQ(-EIO, client_read(self->fd, &got));
	EXPECT_EQ(-ENODATA, client_read(self->fd, &got));
	ASSERT_EQ(0, client_write(self->fd, 5));
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	ASSERT_EQ(0, server_echo(fd, &frame));
	EXPECT_EQ(0, client_read(self->fd, &got));
	EXPECT_EQ(5, got);
	ASSERT_EQ(0, server_start(&self->server, fd));
}

static void *poll_out(void *data)
{
	struct pollfd poll_fd = { .fd = *(int *)data, .events = POLLOUT };
	uint64_t begun = now_ms();

	poll(&poll_fd, 1, PATIENCE_MS);
	return (void *)(intptr_t)(now_ms() - begun);
}

/* One thread waits until it may write, another reads the response away. */
TEST_F(client, poll_out_wakes)
{
	pthread_t thread;
	uint32_t got;
	void *rc;

	ASSERT_EQ(0, client_write(self->fd, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_out, &self->fd));
	sleep_ms(100);
	ASSERT_EQ(0, client_read(self->fd, &got));
	pthread_join(thread, &rc);
	EXPECT_GT(PATIENCE_MS / 2, (intptr_t)rc);
}

/* errno:OPEN:EBUSY */
TEST_F(client, openers)
{
	int fds[8];
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(fds); i++) {
		fds[i] = device_open(&self->device, node_of(&self->device, variant->raw), 0);
		if (variant->raw) {
			EXPECT_EQ(-EBUSY, fds[i]);
			continue;
		}
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(0, client_run(fds[i], i));
	}
	/* The other node does not mind. */
	fds[0] = device_open(&self->device, node_of(&self->device, !variant->raw), 0);
	EXPECT_LE(0, fds[0]);
	close(self->fd);
	self->fd = device_open(&self->device, node_of(&self->device, variant->raw), 0);
	EXPECT_LE(0, self->fd);
	EXPECT_EQ(0, client_run(self->fd, 1));
}

/* errno:OPEN:ENFILE */
TEST_F(client, client_limit)
{
	struct vtpm_info info;
	int fds[256], rc, i;

	for (i = 1; i < 256; i++) {
		fds[i] = device_open(&self->device, self->device.rm, 0);
		ASSERT_LE(0, fds[i]);
	}
	rc = device_open(&self->device, self->device.rm, 0);
	EXPECT_EQ(-ENFILE, rc);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(256, info.clients);
	close(fds[255]);
	rc = device_open(&self->device, self->device.rm, 0);
	EXPECT_LE(0, rc);
	EXPECT_EQ(0, client_run(rc, 1));
}

/* errno:OPEN:EDQUOT */
TEST_F(client, opens_of_a_user)
{
	unsigned int old;
	pid_t pid;

	ASSERT_EQ(0, chmod(self->device.rm, 0666));
	ASSERT_EQ(0, parameter_set("max_opens_per_uid", 3, &old));
	pid = fork();
	if (pid == 0) {
		int i, rc = drop_to_user(USER);

		for (i = 0; i < 3 && rc >= 0; i++)
			rc = device_open(&self->device, self->device.rm, 0);
		if (rc < 0)
			_exit(1);
		_exit(device_open(&self->device, self->device.rm, 0) == -EDQUOT ? 0 : 2);
	}
	EXPECT_EQ(0, wait_exit(pid));
	/* What it had is given back. */
	pid = fork();
	if (pid == 0)
		_exit(drop_to_user(USER) || device_open(&self->device, self->device.rm, 0) < 0);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(0, parameter_set("max_opens_per_uid", old, NULL));
}

/* errno:WRITE:EPIPE errno:OPEN:ENODEV */
TEST_F(client, device_gone)
{
	struct stat status;
	uint32_t got;

	/* A name of our own for the number, since the node goes. */
	ASSERT_EQ(0, fstat(self->fd, &status));
	unlink("/dev/vtpm-gone");
	ASSERT_EQ(0, mknod("/dev/vtpm-gone", S_IFCHR | 0600, status.st_rdev));
	ASSERT_EQ(0, client_write(self->fd, 1));
	ASSERT_EQ(0, device_destroy(&self->device));

	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, polled(self->fd, 0));
	EXPECT_EQ(0, client_read(self->fd, &got));
	EXPECT_EQ(-EPIPE, client_write(self->fd, 1));
	EXPECT_EQ(POLLHUP | POLLERR, polled(self->fd, 0) & ~POLLOUT);
	EXPECT_EQ(-1, access(self->device.raw, F_OK));
	EXPECT_EQ(-1, access(self->device.rm, F_OK));
	got = device_open(&self->device, "/dev/vtpm-gone", 0);
	EXPECT_TRUE((int)got == -ENODEV || (int)got == -ENXIO ||
		    (variant->raw && (int)got == -EBUSY))
	{
		TH_LOG("open of a device that is gone: %d", (int)got);
	}
	unlink("/dev/vtpm-gone");
}

static void ignore(int signal)
{
	(void)signal;
}

static void on_signal(int number)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };

	sigaction(number, &action, NULL);
}

/* A client that bears SIGALRM; exit status is the errno. */
static pid_t interruptible_client(int fd)
{
	pid_t pid;

	on_signal(SIGALRM);
	pid = fork();
	if (pid == 0)
		_exit(-client_run(fd, 9));
	return pid;
}

/* errno:WRITE:EINTR */
TEST_F(client, signal_before_taken)
{
	struct vtpm_info before, after;
	pid_t pid;

	server_stop(&self->server);
	ASSERT_EQ(0, server_drain(self->server.fd));
	ASSERT_EQ(0, device_info(&self->device, &before));
	pid = interruptible_client(self->fd);
	ASSERT_TRUE(device_queues(&self->device, 1));
	kill(pid, SIGALRM);
	EXPECT_EQ(EINTR, wait_exit(pid));
	ASSERT_EQ(0, device_info(&self->device, &after));
	EXPECT_EQ(before.cancelled + 1, after.cancelled);
	EXPECT_EQ(0, after.queued);
	/* The server never sees it. */
	ASSERT_EQ(0, server_start(&self->server, self->server.fd));
	EXPECT_EQ(0, client_run(self->fd, 10));
	EXPECT_EQ(1, self->server.commands);
}

/* Once taken, a storm of signals changes nothing: each command runs once. */
TEST_F(client, signals_after_taken)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } }, none = { 0 };
	unsigned int i, ran = 0, interrupted = 0;
	uint32_t got;
	int rc;

	on_signal(SIGALRM);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (i = 0; i < 2000; i++) {
		rc = client_write(self->fd, i);
		if (rc == -EINTR) {
			interrupted++;
			continue;
		}
		if (rc)
			break;
		ran++;
		while ((rc = client_read(self->fd, &got)) == -EINTR)
			;
		if (rc || got != i)
			break;
	}
	setitimer(ITIMER_REAL, &none, NULL);
	EXPECT_EQ(2000, i);
	EXPECT_EQ(ran, self->server.commands);
	TH_LOG("%u ran, %u interrupted before the server took them", ran, interrupted);
}

TEST_F(client, one_signal_after_taken)
{
	struct frame frame;
	unsigned int i;
	pid_t pid;

	server_stop(&self->server);
	pid = interruptible_client(self->fd);
	ASSERT_LT(0, server_fetch_command(self->server.fd, &frame));
	for (i = 0; i < 100; i++) {
		kill(pid, SIGALRM);
		sleep_ms(2);
	}
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(0, server_echo(self->server.fd, &frame));
	EXPECT_EQ(0, wait_exit(pid));
	ASSERT_EQ(0, server_start(&self->server, self->server.fd));
}

TEST_F(client, killed_after_taken)
{
	struct vtpm_info info;
	struct frame frame;
	pid_t pid;
	int rc;

	server_stop(&self->server);
	pid = fork();
	if (pid == 0)
		_exit(client_run(self->fd, 9));
	ASSERT_LT(0, server_fetch_command(self->server.fd, &frame));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(pid));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(1, info.cancelled);
	rc = server_echo(self->server.fd, &frame);
	EXPECT_EQ(-ESTALE, rc);
	/* The file lives on (this process has it), and is free again. */
	ASSERT_EQ(0, server_start(&self->server, self->server.fd));
	EXPECT_EQ(0, client_run(self->fd, 11));
}

/* A thread rewrites the command while it is written: checked is what is sent. */
static void *rewrite(void *data)
{
	uint8_t *code = data;
	uint8_t good[4], bad[4];

	put_u32(good, TPM_CC_GET_RANDOM);
	put_u32(bad, TPM_CC_SET_LOCALITY);
	for (;;) {
		memcpy(code, bad, 4);
		__asm__ volatile("" ::: "memory");
		memcpy(code, good, 4);
		__asm__ volatile("" ::: "memory");
		pthread_testcancel();
	}
	return NULL;
}

TEST_F(client, double_fetch)
{
	unsigned int i, sent = 0;
	struct frame frame;
	pthread_t thread;
	uint8_t *command;
	uint32_t got;
	int rc;

	server_stop(&self->server);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	command = aligned_alloc(64, 64);
	tpm_command(command, TPM_CC_GET_RANDOM, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, rewrite, command + 6));
	for (i = 0; i < 3000; i++) {
		rc = written(self->fd, command, 14);
		if (rc == -EPERM || rc == -EAGAIN)
			continue;
		ASSERT_EQ(14, rc);
		ASSERT_LT(0, server_fetch_command(self->server.fd, &frame));
		ASSERT_NE(TPM_CC_SET_LOCALITY, tpm_code(frame.payload));
		ASSERT_EQ(0, server_echo(self->server.fd, &frame));
		ASSERT_EQ(0, client_read(self->fd, &got));
		sent++;
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	TH_LOG("%u of %u were sent", sent, i);
	ASSERT_EQ(0, server_start(&self->server, self->server.fd));
}

TEST_HARNESS_MAIN
