// SPDX-License-Identifier: GPL-2.0
/*
 * A device outlives its servers: what becomes of requests and of open files.
 *
 *	request     server dies, JOURNALS   server dies       RESET        DESTROY
 *	queued      waits                   waits             ECANCELED    EPIPE
 *	taken       delivered again         ECANCELED         ECANCELED    EPIPE
 *	abandoned   never delivered again
 *
 * Clients are non-blocking files (their errors come from read()) or child processes.
 * Races run in bounded loops; what they must not do is hang, or leave the
 * kernel complaining, which the runner sees.
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
#include <sys/socket.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

FIXTURE(life) {
	struct device device;
	int control;
	int fd;
	int client;
};

FIXTURE_SETUP(life)
{
	const struct vtpm_create wish = { .detached_ms = 600000, .running_ms = 600000 };

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	self->fd = device_attach(&self->device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
	ASSERT_LE(0, self->fd);
	self->client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, server_drain(self->fd));
}

FIXTURE_TEARDOWN(life)
{
	destroy_all();
	close(self->fd);
	close(self->client);
	close(self->control);
}

/* Let the server die and the next one resume. */
static int succeed(struct device *device, int *fd, uint32_t flags)
{
	close(*fd);
	*fd = device_attach(device, flags);
	return *fd < 0 ? *fd : 0;
}

static int client_wait(int fd, uint32_t *ret_marker)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	poll(&poll_fd, 1, PATIENCE_MS);
	return client_read(fd, ret_marker);
}

TEST_F(life, queued_waits)
{
	struct vtpm_info info;
	struct frame frame;
	uint32_t got;

	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_EQ(0, succeed(&self->device, &self->fd, VTPM_ATTACH_RESUME));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_COMMAND, frame.head.kind);
	EXPECT_EQ(0, frame.head.flags);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	EXPECT_EQ(0, client_wait(self->client, &got));
	EXPECT_EQ(1, got);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(1, info.deaths);
	EXPECT_EQ(0, info.lost);
	EXPECT_EQ(0, info.redelivered);
	EXPECT_EQ(VTPM_STATE_ATTACHED, info.state);
	EXPECT_EQ(getpid(), info.server_pid);
	EXPECT_EQ(VTPM_ATTACH_RESUME, info.attach_flags);
}

TEST_F(life, taken_is_delivered_again_then_poisoned)
{
	const uint32_t flags = VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS;
	struct vtpm_info info;
	struct frame frame;
	uint64_t id;
	uint32_t got, i;

	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	id = frame.head.id;
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, succeed(&self->device, &self->fd, flags));
		ASSERT_LT(0, server_fetch(self->fd, &frame));
		EXPECT_EQ(id, frame.head.id);
		EXPECT_EQ(VTPM_FRAME_REDELIVERED | (i ? VTPM_FRAME_POISONED : 0), frame.head.flags);
		EXPECT_EQ(1, tpm_marker(frame.payload));
	}
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	EXPECT_EQ(0, client_wait(self->client, &got));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(4, info.redelivered);
	EXPECT_EQ(1, info.poisoned);
	EXPECT_EQ(4, info.deaths);
	/* The next command is clean. */
	ASSERT_EQ(0, client_write(self->client, 2));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(0, frame.head.flags);
	EXPECT_LT(id, frame.head.id);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
}

/* errno:WRITE:ECANCELED */
TEST_F(life, taken_is_lost_without_journal)
{
	struct vtpm_info info;
	struct frame frame;
	uint32_t got;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, succeed(&self->device, &self->fd, VTPM_ATTACH_RESUME));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	fd = device_open(&self->device, self->device.raw, 0);
	ASSERT_LE(0, fd);
	pid = fork();
	if (pid == 0) {
		/* Or the server would not die with its last copy here. */
		close(self->fd);
		_exit(-client_run(fd, 2));
	}
	/* With the OPEN of its file. */
	ASSERT_TRUE(device_queues(&self->device, 2));
	ASSERT_EQ(0, succeed(&self->device, &self->fd, VTPM_ATTACH_RESUME));
	EXPECT_EQ(-ECANCELED, client_wait(self->client, &got));
	/* The other one was not taken. */
	ASSERT_LT(0, server_fetch_command(self->fd, &frame));
	EXPECT_EQ(2, tpm_marker(frame.payload));
	ASSERT_EQ(0, succeed(&self->device, &self->fd, VTPM_ATTACH_RESUME));
	EXPECT_EQ(ECANCELED, wait_exit(pid));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(2, info.lost);
}

TEST_F(life, abandoned_is_not_delivered_again)
{
	struct vtpm_info info;
	struct frame frame;
	uint64_t client;

	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	client = frame.head.client;
	close(self->client);
	self->client = -1;
	ASSERT_EQ(0, succeed(&self->device, &self->fd, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_CLOSE, frame.head.kind);
	EXPECT_EQ(client, frame.head.client);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(0, info.redelivered);
	EXPECT_EQ(1, info.cancelled);
}

TEST_F(life, reset_begins_anew)
{
	const uint32_t flags = VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS;
	uint64_t instance = self->device.instance;
	int clients[3], i;
	struct frame frame;
	uint32_t got;

	for (i = 0; i < 3; i++)
		ASSERT_LE(0, clients[i] = device_open(&self->device, self->device.rm, O_NONBLOCK));
	ASSERT_EQ(0, server_drain(self->fd));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_EQ(0, client_write(clients[0], 2));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	ASSERT_EQ(0, succeed(&self->device, &self->fd, flags));
	EXPECT_NE(instance, self->device.instance);
	EXPECT_EQ(-ECANCELED, client_wait(self->client, &got));
	EXPECT_EQ(-ECANCELED, client_wait(clients[0], &got));
	/* All clients again, in order, before anything else. */
	ASSERT_EQ(0, client_write(clients[1], 3));
	for (i = 0; i < 4; i++) {
		ASSERT_LT(0, server_fetch(self->fd, &frame));
		EXPECT_EQ(VTPM_FRAME_OPEN, frame.head.kind);
		EXPECT_EQ(i + 1, frame.head.client);
		EXPECT_EQ(getpid(), ((struct vtpm_opener *)frame.payload)->pid);
		ASSERT_EQ(0, server_echo(self->fd, &frame));
	}
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(3, tpm_marker(frame.payload));
	ASSERT_EQ(0, server_echo(self->fd, &frame));

	self->device.instance = instance;
	close(self->fd);
	EXPECT_EQ(-ESTALE, device_attach(&self->device, VTPM_ATTACH_RESUME));
	for (i = 0; i < 3; i++)
		close(clients[i]);
}

struct attempt {
	struct device *device;
	pthread_barrier_t *barrier;
	uint32_t flags;
	int rc;
};

static void *attach(void *data)
{
	struct attempt *attempt = data;

	pthread_barrier_wait(attempt->barrier);
	attempt->rc = device_attach(attempt->device, attempt->flags);
	return NULL;
}

TEST_F(life, eight_servers)
{
	struct attempt attempts[8];
	pthread_barrier_t barrier;
	pthread_t threads[8];
	unsigned int i, round, busy;
	int fd;

	pthread_barrier_init(&barrier, NULL, 8);
	close(self->fd);
	self->fd = -1;
	for (round = 0; round < 50; round++) {
		for (i = 0, busy = 0, fd = -1; i < 8; i++) {
			attempts[i] =
				(struct attempt){ &self->device, &barrier, VTPM_ATTACH_RESET, 0 };
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, attach, &attempts[i]));
		}
		for (i = 0; i < 8; i++) {
			pthread_join(threads[i], NULL);
			busy += attempts[i].rc == -EBUSY;
			fd = attempts[i].rc >= 0 ? attempts[i].rc : fd;
		}
		EXPECT_EQ(7, busy);
		ASSERT_LE(0, fd);
		close(fd);
	}
}

static void *sleep_in_read(void *data)
{
	struct frame frame;
	ssize_t rc = read(*(int *)data, &frame, sizeof(frame));

	return (void *)(intptr_t)(rc < 0 ? -errno : rc);
}

/* The old server's sleeping read() ends; it does not steal from the new one. */
TEST_F(life, old_server_sleeps)
{
	unsigned int round;
	struct frame frame;
	pthread_t thread;
	int old, client;
	void *rc;

	for (round = 0; round < 20; round++) {
		old = self->fd;
		ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_in_read, &old));
		sleep_ms(round);
		ASSERT_EQ(0, device_detach(&self->device));
		ASSERT_LE(0, self->fd = device_attach(&self->device, VTPM_ATTACH_RESUME));
		ASSERT_EQ(0, client_write(self->client, round));
		pthread_join(thread, &rc);
		EXPECT_EQ(-EPIPE, (intptr_t)rc);
		ASSERT_LT(0, server_fetch_command(self->fd, &frame));
		EXPECT_EQ(-EPIPE, server_echo(old, &frame));
		ASSERT_EQ(0, server_echo(self->fd, &frame));
		ASSERT_EQ(0, client_wait(self->client, &(uint32_t){ 0 }));
		close(old);
	}
	client = device_open(&self->device, self->device.raw, 0);
	ASSERT_LE(0, client);
	close(client);
}

/* Makers, servers, clients and destroyers of one name, all at once. */
static void churn(struct device *device, unsigned int role, unsigned int rounds)
{
	struct vtpm_info info;
	unsigned int i;
	int fd;

	for (i = 0; i < rounds; i++) {
		switch (role) {
		case 0:
			device_create(device, device->control, NULL);
			break;
		case 1:
			device_destroy(device);
			sleep_ms(i % 3);
			break;
		case 2:
			fd = device_attach(device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
			if (fd >= 0) {
				server_drain(fd);
				close(fd);
			}
			break;
		case 3:
			device_detach(device);
			break;
		default:
			if (device_info(device, &info))
				break;
			device->create.index = info.index;
			snprintf(device->rm, sizeof(device->rm), "/dev/vtpmrm%u", info.index);
			fd = device_open(device, device->rm, O_NONBLOCK);
			if (fd >= 0) {
				client_write(fd, i);
				client_read(fd, &(uint32_t){ 0 });
				close(fd);
			}
		}
	}
}

TEST_F(life, churn)
{
	struct device device = { 0 };
	pid_t pids[8];
	unsigned int i;

	device_name(&device);
	device.control = self->control;
	for (i = 0; i < ARRAY_LENGTH(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			churn(&device, i, i == 1 ? 300 : 600);
			_exit(0);
		}
	}
	for (i = 0; i < ARRAY_LENGTH(pids); i++)
		EXPECT_EQ(0, wait_exit(pids[i]));
}

/* Every kind of open file, used and waited on after the device has gone. */
TEST_F(life, files_after_destroy)
{
	struct epoll_event event = { EPOLLIN | EPOLLOUT, { 0 } };
	char path[64], text[64];
	struct frame frame;
	int epoll, sysfs, i;

	snprintf(path, sizeof(path), "/sys/class/vtpm/vtpm%u/name", self->device.create.index);
	sysfs = open(path, O_RDONLY);
	ASSERT_LE(0, sysfs);
	epoll = epoll_create1(0);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->client, &event));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	ASSERT_EQ(0, device_destroy(&self->device));
	for (i = 0; i < 3; i++) {
		EXPECT_LT(0, epoll_wait(epoll, &event, 1, 0));
		EXPECT_EQ(i ? -ENODATA : -EPIPE, client_read(self->client, &(uint32_t){ 0 }));
		EXPECT_EQ(-EPIPE, client_write(self->client, 2));
		EXPECT_EQ(-EPIPE, server_echo(self->fd, &frame));
		EXPECT_EQ(-EPIPE, server_fetch(self->fd, &frame));
		EXPECT_EQ(-EPIPE, call(self->fd, VTPM_IOC_WAKE, NULL));
		EXPECT_GT(1, read(sysfs, text, sizeof(text)));
		EXPECT_EQ(-1, open(path, O_RDONLY));
	}
	/* The name is free. */
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	close(sysfs);
	close(epoll);
}

/* A file sent to another process keeps working and keeps its client's number. */
TEST_F(life, passed_file)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec vec = { "x", 1 };
	struct msghdr message = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct frame frame;
	int pair[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (pid == 0) {
		char byte;

		vec.iov_base = &byte;
		close(self->client);
		if (recvmsg(pair[1], &message, 0) != 1)
			_exit(1);
		memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
		fcntl(fd, F_SETFL, 0);
		_exit(drop_to_user(4245) ? 2 : client_run(fd, 8) ? 3 : 0);
	}
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &self->client, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &message, 0));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	EXPECT_EQ(VTPM_FRAME_COMMAND, frame.head.kind);
	EXPECT_EQ(1, frame.head.client);
	ASSERT_EQ(0, server_echo(self->fd, &frame));
	EXPECT_EQ(0, wait_exit(pid));
}

/* A stopped server holds up neither DESTROY nor its clients' end. */
TEST_F(life, destroy_with_stopped_server)
{
	uint64_t begun, took;
	pid_t server, client;
	int fd;

	close(self->fd);
	self->fd = -1;
	server = server_fork(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LT(0, server);
	kill(server, SIGSTOP);
	ASSERT_TRUE(process_becomes(server, 'T'));
	fd = device_open(&self->device, self->device.raw, 0);
	client = fork();
	if (client == 0)
		_exit(-client_run(fd, 1));
	ASSERT_TRUE(device_queues(&self->device, 2));
	begun = fair_ms();
	EXPECT_EQ(0, device_destroy(&self->device));
	took = fair_ms() - begun;
	TH_LOG("DESTROY took %llu ms", (unsigned long long)took);
	EXPECT_GT(PROMISE_MS, took);
	EXPECT_EQ(EPIPE, wait_exit(client));
	kill(server, SIGKILL);
	wait_exit(server);
}

TEST_HARNESS_MAIN
