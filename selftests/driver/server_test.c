// SPDX-License-Identifier: GPL-2.0
/*
 * The server's file: frames, answers, waiting, waking.
 *
 * Here the test is the server; clients are threads or child processes, or write
 * on a non-blocking file. A server that is told of an error has to know what became
 * of the request: each error is followed by a look at where the request is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

/* An answer to one of client_write()'s commands. */
struct answer {
	struct vtpm_answer head;
	uint8_t response[14];
};
#define ANSWER_SIZE ((int)offsetof(struct answer, response) + 14)

FIXTURE(server) {
	struct device device;
	int control;
	int fd;
	int client;
};

FIXTURE_SETUP(server)
{
	struct frame frame;

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	self->fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, self->fd);
	self->client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_LE(0, self->client);
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	ASSERT_EQ(VTPM_FRAME_OPEN, frame.head.kind);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
}

FIXTURE_TEARDOWN(server)
{
	destroy_all();
	close(self->fd);
	close(self->client);
	close(self->control);
}

static short polled(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&poll_fd, 1, ms) < 0 ? -errno : poll_fd.revents;
}

static void ignore(int signal)
{
	(void)signal;
}

static void non_blocking(int fd, bool on)
{
	fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0);
}

TEST_F(server, frames)
{
	uint64_t id, client;
	struct frame frame;
	uint32_t got;
	int raw;

	raw = device_open(&self->device, self->device.raw, O_NONBLOCK);
	ASSERT_LE(0, raw);
	ASSERT_EQ(sizeof(struct vtpm_frame) + sizeof(struct vtpm_opener),
		  server_fetch(self->fd, &frame));
	EXPECT_EQ(sizeof(struct vtpm_frame) + sizeof(struct vtpm_opener), frame.head.size);
	EXPECT_EQ(VTPM_FRAME_OPEN, frame.head.kind);
	EXPECT_EQ(VTPM_NODE_RAW, frame.head.node);
	EXPECT_EQ(0, frame.head.flags);
	EXPECT_EQ(0, frame.head.__reserved);
	EXPECT_NE(0, frame.head.client);
	id = frame.head.id;
	client = frame.head.client;
	ASSERT_EQ(0, server_echo(self->fd, &frame));

	ASSERT_EQ(0, client_write(raw, 0xcafe));
	ASSERT_EQ(sizeof(struct vtpm_frame) + 14, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_COMMAND, frame.head.kind);
	EXPECT_EQ(VTPM_NODE_RAW, frame.head.node);
	EXPECT_EQ(0, frame.head.locality);
	EXPECT_LT(id, frame.head.id);
	EXPECT_EQ(client, frame.head.client);
	EXPECT_EQ(0xcafe, tpm_marker(frame.payload));
	id = frame.head.id;
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	EXPECT_EQ(0, client_read(raw, &got));
	EXPECT_EQ(0xcafe, got);

	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_NODE_RM, frame.head.node);
	EXPECT_NE(client, frame.head.client);
	ASSERT_EQ(0, server_echo(self->fd, &frame));

	close(raw);
	ASSERT_EQ(sizeof(struct vtpm_frame), server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_CLOSE, frame.head.kind);
	EXPECT_EQ(client, frame.head.client);
	EXPECT_LT(id, frame.head.id);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
}

/* A client that came and went before the server looked leaves no trace. */
TEST_F(server, unseen_client)
{
	struct frame frame;
	int fd;

	non_blocking(self->fd, true);
	fd = device_open(&self->device, self->device.raw, O_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, client_write(fd, 1));
	close(fd);
	EXPECT_EQ(-EAGAIN, server_fetch(self->fd, &frame));
}

/* Whoever opens is described, and stays so when the file is passed on. */
TEST_F(server, identity)
{
	const char *copy = "/dev/shm/vtpm-opener";
	struct vtpm_opener opener;
	struct frame frame;
	char command[256];
	struct stat exe;
	pid_t pid;
	int fd;

	snprintf(command, sizeof(command), "cp /bin/busybox %s", copy);
	ASSERT_EQ(0, system(command));
	ASSERT_EQ(0, stat(copy, &exe));
	ASSERT_EQ(0, chmod(self->device.raw, 0666));
	pid = fork();
	if (pid == 0) {
		if (drop_to_user(4244))
			_exit(1);
		/* Opened by the shell's redirection in the copied program. */
		execl(copy, "sh", "-c", "exec 3<>\"$0\"; kill -STOP $$", self->device.raw, NULL);
		_exit(2);
	}
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	memcpy(&opener, frame.payload, sizeof(opener));
	EXPECT_EQ(pid, opener.pid);
	EXPECT_EQ(4244, opener.uid);
	EXPECT_EQ(4244, opener.gid);
	EXPECT_EQ(exe.st_ino, opener.exe_inode);
	EXPECT_EQ(major(exe.st_dev), opener.exe_major);
	EXPECT_EQ(minor(exe.st_dev), opener.exe_minor);
	EXPECT_NE(0, opener.cgroup);
	EXPECT_NE(0, opener.start_time);
	EXPECT_EQ(0, opener.__reserved);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	kill(pid, SIGKILL);
	wait_exit(pid);
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_CLOSE, frame.head.kind);
	ASSERT_EQ(0, server_echo(self->fd, &frame));

	/* A file that a child inherits stays its opener's: no OPEN, the same client. */
	fd = device_open(&self->device, self->device.raw, 0);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	memcpy(&opener, frame.payload, sizeof(opener));
	EXPECT_EQ(getpid(), opener.pid);
	EXPECT_EQ(0, opener.uid);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	pid = fork();
	if (pid == 0)
		_exit(drop_to_user(4244) || client_run(fd, 1));
	close(fd);
	fd = frame.head.client;
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_COMMAND, frame.head.kind);
	EXPECT_EQ(fd, frame.head.client);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	EXPECT_EQ(0, wait_exit(pid));
	unlink(copy);
}

/* errno:EXCHANGE:EAGAIN errno:EXCHANGE:EINTR errno:EXCHANGE:EFAULT */
TEST_F(server, answer_comes_first)
{
	struct itimerval timer = { { 0, 100000 }, { 0, 100000 } }, none = { 0 };
	struct sigaction action = { .sa_handler = ignore };
	struct answer answer = { .head.size = ANSWER_SIZE };
	struct frame frame;
	uint32_t got;
	unsigned int i;
	int rc;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, client_write(self->client, i));
		ASSERT_LT(0, server_fetch(self->fd, &frame));
		answer.head.id = frame.head.id;
		tpm_command(answer.response, 0, i);
		switch (i) {
		case 0:
			non_blocking(self->fd, true);
			rc = server_exchange(self->fd, &answer.head, ANSWER_SIZE, &frame);
			EXPECT_EQ(-EAGAIN, rc);
			non_blocking(self->fd, false);
			break;
		case 1:
			sigaction(SIGALRM, &action, NULL);
			setitimer(ITIMER_REAL, &timer, NULL);
			rc = server_exchange(self->fd, &answer.head, ANSWER_SIZE, &frame);
			setitimer(ITIMER_REAL, &none, NULL);
			EXPECT_EQ(-EINTR, rc);
			break;
		case 2:
			ASSERT_EQ(0, ioctl(self->fd, VTPM_IOC_WAKE));
			rc = server_exchange(self->fd, &answer.head, ANSWER_SIZE, bad_address());
			EXPECT_EQ(-EFAULT, rc);
			break;
		}
		EXPECT_EQ(0, client_read(self->client, &got));
		EXPECT_EQ(i, got);
	}
	/* The frame whose copying failed is fetched again. */
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_WAKE, frame.head.kind);
	ASSERT_EQ(0, client_write(self->client, 5));
	EXPECT_EQ(-EFAULT, server_exchange(self->fd, NULL, 0, bad_address()));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(5, tpm_marker(frame.payload));
	EXPECT_EQ(0, frame.head.flags);
	/* An answer that cannot be read is no answer. */
	EXPECT_EQ(-EFAULT, server_exchange(self->fd, bad_address(), 30, NULL));
	EXPECT_EQ(0, server_echo(self->fd, &frame));
}

/* errno:EXCHANGE:ESTALE */
TEST_F(server, unknown_ids)
{
	struct vtpm_info info;
	struct frame frame;
	uint8_t response[14];
	uint32_t got;

	tpm_command(response, 0, 1);
	EXPECT_EQ(-ESTALE, server_answer(self->fd, 1, 0, response, 14));
	ASSERT_EQ(0, client_write(self->client, 1));
	EXPECT_EQ(-ESTALE, server_answer(self->fd, 2, 0, response, 14));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(-ESTALE, server_answer(self->fd, frame.head.id + 1, 0, response, 14));
	EXPECT_EQ(-ESTALE, server_answer(self->fd, frame.head.id - 1, 0, response, 14));
	EXPECT_EQ(-ESTALE, server_answer(self->fd, 0, 0, response, 14));
	EXPECT_EQ(0, server_echo(self->fd, &frame));
	EXPECT_EQ(-ESTALE, server_echo(self->fd, &frame));
	EXPECT_EQ(0, client_read(self->client, &got));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(6, info.refused);
	EXPECT_EQ(1, info.commands);
}

/*
 * errno:EXCHANGE:EINVAL errno:EXCHANGE:E2BIG errno:EXCHANGE:EOPNOTSUPP
 * Malformed: the request stays with the server.
 */
TEST_F(server, malformed_answers)
{
	struct {
		struct vtpm_answer head;
		uint8_t response[VTPM_COMMAND_SIZE + 16];
	} answer;
	static const struct {
		uint32_t head, error, bytes, stated;
	} bad[] = {
		{ 16, 0, 0, 0 },		/* nothing, to a command */
		{ 15, 0, 0, 0 }, { 17, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0xffffffff, 0, 0, 0 },
		{ 16 + 9, 0, 9, 9 },		/* less than a head */
		{ 16 + 10, 0, 10, 9 }, { 16 + 10, 0, 10, 11 }, { 16 + 10, 0, 10, 0xffffffff },
		{ 16 + 10, 0, 11, 11 }, { 16 + 11, 0, 10, 10 },
		{ 16 + 10, EIO, 10, 10 },	/* both */
		{ 16 + 4097, 0, 4097, 4097 },
	};
	struct vtpm_exchange exchange = { .size = sizeof(exchange) };
	struct vtpm_info info;
	struct frame frame;
	unsigned int i;
	ssize_t size;

	memset(&answer, 0, sizeof(answer));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	for (i = 0; i < ARRAY_LENGTH(bad); i++) {
		answer.head.size = bad[i].head;
		answer.head.error = bad[i].error;
		answer.head.id = frame.head.id;
		put_u32(answer.response + 2, bad[i].stated);
		size = sizeof(answer.head) + bad[i].bytes;
		EXPECT_EQ(-EINVAL, server_exchange(self->fd, &answer.head, size, NULL)) {
			TH_LOG("answer %u", i);
		}
		EXPECT_EQ(-1, write(self->fd, &answer, size));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-EINVAL, server_exchange(self->fd, &answer.head, 15, NULL));
	EXPECT_EQ(-1, write(self->fd, &answer, 15));
	EXPECT_EQ(-EINVAL, server_exchange(self->fd, &answer.head, 0, NULL));
	EXPECT_EQ(-EINVAL, server_exchange(self->fd, NULL, 16, NULL));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(2 * ARRAY_LENGTH(bad) + 2, info.refused);

	/* The call's own structure. */
	exchange.size = sizeof(exchange) - 1;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_EXCHANGE, &exchange));
	exchange.size = sizeof(exchange);
	exchange.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, VTPM_IOC_EXCHANGE, &exchange));
	exchange.flags = 0;
	exchange.frame = (uintptr_t)&frame;
	exchange.frame_size = VTPM_FRAME_SIZE - 1;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_EXCHANGE, &exchange));
	exchange.frame_size = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_EXCHANGE, &exchange));
	exchange.frame = 0;
	exchange.frame_size = VTPM_FRAME_SIZE;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_EXCHANGE, &exchange));
	memset(&answer, 1, sizeof(answer));
	answer.head.size = 64;
	memset(&answer.head.error, 0, 28);
	EXPECT_EQ(-E2BIG, call(self->fd, VTPM_IOC_EXCHANGE, &answer));
	answer.head.size = 4097;
	EXPECT_EQ(-E2BIG, call(self->fd, VTPM_IOC_EXCHANGE, &answer));
	EXPECT_EQ(-EFAULT, call(self->fd, VTPM_IOC_EXCHANGE, bad_address()));
	EXPECT_EQ(-1, read(self->fd, &frame, VTPM_FRAME_SIZE - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, server_echo(self->fd, &frame));
}

/* errno:EXCHANGE:ENOTTY errno:WAKE:ENOTTY belong to proxy_test.c; here other calls. */
TEST_F(server, unknown_calls)
{
	EXPECT_EQ(-1, ioctl(self->fd, _IO(VTPM_IOC_TYPE, VTPM_CMD_CREATE)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->fd, VTPM_PROXY_IOC_NEW_DEV));
	EXPECT_EQ(ENOTTY, errno);
}

/*
 * errno:ANSWER:EINVAL errno:ANSWER:EPERM errno:ANSWER:EBUSY errno:ANSWER:ENOMEM
 * errno:ANSWER:EIO errno:ANSWER:ECANCELED errno:ANSWER:ETIME
 */
TEST_F(server, errors_for_clients)
{
	static const int allowed[] = { EINVAL, EPERM, EBUSY, ENOMEM, EIO, ECANCELED, ETIME };
	unsigned int i, j;
	struct frame frame;
	uint32_t got;
	bool good;

	for (i = 1; i < 600; i++) {
		for (good = false, j = 0; j < ARRAY_LENGTH(allowed); j++)
			good |= i == (unsigned int)allowed[j];
		ASSERT_EQ(0, client_write(self->client, i));
		ASSERT_LT(0, server_fetch(self->fd, &frame));
		EXPECT_EQ(good ? 0 : -EINVAL, server_answer(self->fd, frame.head.id, i, NULL, 0));
		if (!good)
			ASSERT_EQ(0, server_answer(self->fd, frame.head.id, EIO, NULL, 0));
		EXPECT_EQ(good ? -(int)i : -EIO, client_read(self->client, &got));
	}
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(-EINVAL, server_answer(self->fd, frame.head.id, -EIO, NULL, 0));
	EXPECT_EQ(-EINVAL, server_answer(self->fd, frame.head.id, 0x80000000, NULL, 0));
}

/* errno:EXCHANGE:EPIPE errno:WAKE:EPIPE */
TEST_F(server, declared_dead)
{
	struct frame frame;

	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	ASSERT_EQ(0, device_detach(&self->device));
	EXPECT_EQ(-EPIPE, server_echo(self->fd, &frame));
	EXPECT_EQ(-EPIPE, server_fetch(self->fd, &frame));
	EXPECT_EQ(-EPIPE, call(self->fd, VTPM_IOC_WAKE, NULL));
	EXPECT_EQ(-1, read(self->fd, &frame, sizeof(frame)));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(POLLHUP, polled(self->fd, 0));
}

TEST_F(server, read_and_write)
{
	struct answer answer = { .head.size = ANSWER_SIZE };
	struct frame frame;
	uint32_t got;

	EXPECT_EQ(0, polled(self->fd, 0));
	ASSERT_EQ(0, client_write(self->client, 1));
	EXPECT_EQ(POLLIN, polled(self->fd, 0));
	ASSERT_EQ(sizeof(frame.head) + 14, read(self->fd, &frame, sizeof(frame)));
	EXPECT_EQ(POLLOUT, polled(self->fd, 0));
	answer.head.id = frame.head.id;
	tpm_command(answer.response, 0, 77);
	ASSERT_EQ(ANSWER_SIZE, write(self->fd, &answer, ANSWER_SIZE));
	EXPECT_EQ(0, polled(self->fd, 0));
	EXPECT_EQ(0, client_read(self->client, &got));
	EXPECT_EQ(77, got);
}

TEST_F(server, one_at_a_time)
{
	struct frame first, second;
	int other;

	other = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_LE(0, other);
	ASSERT_LT(0, server_fetch(self->fd, &first));
	ASSERT_EQ(0, server_echo(self->fd, &first));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_EQ(0, client_write(other, 2));
	non_blocking(self->fd, true);
	ASSERT_LT(0, server_fetch(self->fd, &first));
	EXPECT_EQ(-EAGAIN, server_fetch(self->fd, &second));
	EXPECT_EQ(POLLOUT, polled(self->fd, 0));
	ASSERT_EQ(0, server_echo(self->fd, &first));
	EXPECT_EQ(POLLIN, polled(self->fd, 0));
	ASSERT_LT(0, server_fetch(self->fd, &second));
	EXPECT_EQ(2, tpm_marker(second.payload));
	ASSERT_EQ(0, server_echo(self->fd, &second));
}

TEST_F(server, wake)
{
	struct frame frame;

	/* Sticky, and two may be one. */
	ASSERT_EQ(0, ioctl(self->fd, VTPM_IOC_WAKE));
	ASSERT_EQ(0, ioctl(self->fd, VTPM_IOC_WAKE));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_EQ(sizeof(frame.head), server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_WAKE, frame.head.kind);
	EXPECT_EQ(VTPM_NODE_NONE, frame.head.node);
	EXPECT_EQ(0, frame.head.id);
	EXPECT_EQ(0, frame.head.client);
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_COMMAND, frame.head.kind);
	/* While a request runs, too. */
	ASSERT_EQ(0, ioctl(self->fd, VTPM_IOC_WAKE));
	EXPECT_EQ(POLLIN | POLLOUT, polled(self->fd, 0));
	EXPECT_EQ(sizeof(struct vtpm_frame), server_exchange(self->fd, NULL, 0, &frame));
	EXPECT_EQ(VTPM_FRAME_WAKE, frame.head.kind);
}

/* Edge-triggered on both sides: nobody waits for a wake-up that does not come. */
TEST_F(server, edge_triggered)
{
	struct epoll_event event, server_event = { EPOLLIN | EPOLLET, { .fd = 1 } };
	struct epoll_event client_event = { EPOLLIN | EPOLLET, { .fd = 2 } };
	unsigned int i, stalls = 0;
	uint64_t begun, longest = 0;
	struct frame frame;
	uint32_t got;
	int epoll, rc;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		epoll = epoll_create1(0);
		epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &server_event);
		non_blocking(self->fd, true);
		for (;;) {
			epoll_wait(epoll, &event, 1, -1);
			while ((rc = server_fetch(self->fd, &frame)) > 0)
				server_echo(self->fd, &frame);
			if (rc != -EAGAIN)
				_exit(rc == -EPIPE ? 0 : -rc);
		}
	}
	epoll = epoll_create1(0);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->client, &client_event));
	for (i = 0; i < 1000; i++) {
		begun = now_ms();
		ASSERT_EQ(0, client_write(self->client, i));
		rc = client_read(self->client, &got);
		while (rc == -EAGAIN) {
			if (epoll_wait(epoll, &event, 1, PATIENCE_MS) == 0)
				stalls++;
			rc = client_read(self->client, &got);
			ASSERT_LT(stalls, 3);
		}
		ASSERT_EQ(0, rc);
		ASSERT_EQ(i, got);
		longest = now_ms() - begun > longest ? now_ms() - begun : longest;
	}
	EXPECT_EQ(0, stalls);
	TH_LOG("longest of 1000: %llu ms", (unsigned long long)longest);
	ASSERT_EQ(0, device_detach(&self->device));
	EXPECT_EQ(0, wait_exit(pid));
}

struct clumsy {
	int fd;
	bool stop;
};

/* Fetches to nowhere, once per wake-up. */
static void *fetch_badly(void *data)
{
	struct clumsy *clumsy = data;

	while (!__atomic_load_n(&clumsy->stop, __ATOMIC_SEQ_CST) &&
	       server_exchange(clumsy->fd, NULL, 0, bad_address()) != -EPIPE)
		sleep_ms(1);
	return NULL;
}

/* A thread whose copying fails must not leave the frame lying while another sleeps. */
TEST_F(server, two_threads_one_clumsy)
{
	struct clumsy clumsy = { .fd = self->fd };
	struct server server;
	pthread_t thread;
	uint64_t begun;
	uint32_t i;

	non_blocking(self->client, false);
	ASSERT_EQ(0, pthread_create(&thread, NULL, fetch_badly, &clumsy));
	ASSERT_EQ(0, server_start(&server, self->fd));
	begun = fair_ms();
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, client_run(self->client, i));
	EXPECT_GT(20000, fair_ms() - begun);
	ASSERT_EQ(0, device_detach(&self->device));
	pthread_join(thread, NULL);
	pthread_join(server.thread, NULL);
	EXPECT_EQ(300, server.commands);
}

static bool four_have_left(void *data)
{
	struct server *servers = data;

	return __atomic_load_n(&servers[0].closes, __ATOMIC_SEQ_CST) +
	       __atomic_load_n(&servers[1].closes, __ATOMIC_SEQ_CST) == 4;
}

TEST_F(server, two_threads)
{
	struct server servers[2];
	pid_t pids[4];
	unsigned int i, j;
	int fd;

	ASSERT_EQ(0, server_start(&servers[0], self->fd));
	ASSERT_EQ(0, server_start(&servers[1], self->fd));
	for (i = 0; i < ARRAY_LENGTH(pids); i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		fd = device_open(&self->device, self->device.rm, 0);
		for (j = 0; j < 500; j++)
			if (client_run(fd, i << 16 | j))
				_exit(1);
		_exit(0);
	}
	for (i = 0; i < ARRAY_LENGTH(pids); i++)
		EXPECT_EQ(0, wait_exit(pids[i]));
	EXPECT_TRUE(eventually(four_have_left, servers, PATIENCE_MS));
	ASSERT_EQ(0, device_detach(&self->device));
	pthread_join(servers[0].thread, NULL);
	pthread_join(servers[1].thread, NULL);
	EXPECT_EQ(2000, servers[0].commands + servers[1].commands);
	EXPECT_EQ(4, servers[0].closes + servers[1].closes);
}

TEST_HARNESS_MAIN
