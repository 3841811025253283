// SPDX-License-Identifier: GPL-2.0
/*
 * Time limits: detached_ms without a server, running_ms with one that does not
 * answer. What is checked is that limits end the wait at all, and not before their time,
 * which counts from before the call that begins it. Seconds of slack are allowed above,
 * since the lab's processors are slow and shared. A test that has to fetch a command before
 * its time is over has LIMIT_MS for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "common.h"
#include "harness.h"

#define SLACK_MS 5000

FIXTURE(timeout) {
	struct device device;
	int control;
};

FIXTURE_SETUP(timeout)
{
	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
}

FIXTURE_TEARDOWN(timeout)
{
	destroy_all();
	close(self->control);
}

static int make(struct device *device, int control, unsigned int detached_ms,
		unsigned int running_ms)
{
	const struct vtpm_create wish = { .detached_ms = detached_ms, .running_ms = running_ms };

	return device_create(device, control, &wish);
}

/* How long until the non-blocking client has something to read; 0 for never. */
static uint64_t wait_for(int client, uint64_t begun)
{
	struct pollfd poll_fd = { .fd = client, .events = POLLIN };

	return poll(&poll_fd, 1, PATIENCE_MS) == 1 ? now_ms() - begun + 1 : 0;
}

/* errno:WRITE:ETIME */
TEST_F(timeout, detached)
{
	uint64_t begun, fair;
	int client;

	ASSERT_EQ(0, make(&self->device, self->control, 300, 3600000));
	client = device_open(&self->device, self->device.rm, 0);
	begun = now_ms();
	fair = fair_ms();
	EXPECT_EQ(-ETIME, client_write(client, 1));
	EXPECT_LE(299, now_ms() - begun);
	EXPECT_GT(300 + SLACK_MS, fair_ms() - fair);
	EXPECT_EQ(-ETIME, client_write(client, 1));
}

/* Late is too late, and the server can go on. */
TEST_F(timeout, running)
{
	struct vtpm_info info;
	struct frame frame;
	uint64_t begun, fair;
	uint32_t got;
	int client, fd;

	ASSERT_EQ(0, make(&self->device, self->control, 3600000, LIMIT_MS));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_EQ(0, server_drain(fd));
	begun = now_ms();
	fair = fair_ms();
	ASSERT_EQ(0, client_write(client, 1));
	ASSERT_LT(0, server_fetch(fd, &frame));
	EXPECT_LE(LIMIT_MS - 1, wait_for(client, begun));
	EXPECT_GT(LIMIT_MS + SLACK_MS, fair_ms() - fair);
	EXPECT_EQ(-ETIME, client_read(client, &got));
	EXPECT_EQ(-ESTALE, server_echo(fd, &frame));
	ASSERT_EQ(0, client_write_long(client, 2));
	ASSERT_LT(0, server_fetch(fd, &frame));
	EXPECT_EQ(2, tpm_marker(frame.payload));
	ASSERT_EQ(0, server_echo(fd, &frame));
	EXPECT_EQ(0, client_read(client, &got));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(1, info.lost);
	EXPECT_EQ(1, info.refused);
}

/* Attached but never fetching is not running either. */
TEST_F(timeout, not_fetched)
{
	uint64_t begun;
	int client, fd;

	ASSERT_EQ(0, make(&self->device, self->control, 3600000, 300));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, fd);
	client = device_open(&self->device, self->device.rm, 0);
	begun = now_ms();
	EXPECT_EQ(-ETIME, client_write(client, 1));
	EXPECT_LE(299, now_ms() - begun);
}

/* The limit in force changes while a request waits: the new one counts. */
TEST_F(timeout, attach_shortens)
{
	struct frame frame;
	uint64_t begun;
	int client, fd;

	ASSERT_EQ(0, make(&self->device, self->control, 3600000, LIMIT_MS));
	client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_EQ(0, client_write(client, 1));
	begun = now_ms();
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, fd);
	EXPECT_LE(LIMIT_MS - 1, wait_for(client, begun));
	EXPECT_EQ(-ETIME, client_read(client, &(uint32_t){ 0 }));

	close(fd);
	ASSERT_EQ(0, client_write(client, 2));
	fd = device_attach(&self->device, VTPM_ATTACH_RESUME);
	begun = now_ms();
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	EXPECT_LE(LIMIT_MS - 1, wait_for(client, begun));
	EXPECT_EQ(-ETIME, client_read(client, &(uint32_t){ 0 }));
}

TEST_F(timeout, detach_shortens)
{
	uint64_t begun;
	int client, fd;

	ASSERT_EQ(0, make(&self->device, self->control, 300, 3600000));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_EQ(0, client_write(client, 1));
	begun = now_ms();
	close(fd);
	EXPECT_LE(299, wait_for(client, begun));
	EXPECT_EQ(-ETIME, client_read(client, &(uint32_t){ 0 }));
}

/* Behind a command that may take minutes, but when that is done, not for minutes. */
TEST_F(timeout, behind_a_long_one)
{
	struct frame frame;
	uint64_t begun, fair;
	int slow, quick, fd;

	ASSERT_EQ(0, make(&self->device, self->control, 3600000, LIMIT_MS));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	slow = device_open(&self->device, self->device.rm, O_NONBLOCK);
	quick = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_EQ(0, server_drain(fd));
	ASSERT_EQ(0, client_write_long(slow, 1));
	ASSERT_LT(0, server_fetch(fd, &frame));
	ASSERT_EQ(0, client_write(quick, 2));
	sleep_ms(LIMIT_MS + 1000);
	EXPECT_EQ(-EAGAIN, client_read(quick, &(uint32_t){ 0 }));
	begun = now_ms();
	fair = fair_ms();
	ASSERT_EQ(0, server_echo(fd, &frame));
	EXPECT_LE(LIMIT_MS - 1, wait_for(quick, begun));
	EXPECT_GT(LIMIT_MS + SLACK_MS, fair_ms() - fair);
	EXPECT_EQ(-ETIME, client_read(quick, &(uint32_t){ 0 }));
	EXPECT_EQ(0, client_read(slow, &(uint32_t){ 0 }));
}

/* More hung chips than a workqueue has workers: their time limits still come. */
TEST_F(timeout, many_hung_chips)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
		.running_ms = 1000,
	};
	struct device devices[300] = { 0 }, last = { 0 };
	struct vtpm_info info;
	uint64_t begun;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_LENGTH(devices); i++) {
		ASSERT_EQ(0, device_create(&devices[i], self->control, &wish));
		ASSERT_LE(0, device_attach(&devices[i], VTPM_ATTACH_RESET));
	}
	ASSERT_EQ(0, device_create(&last, self->control, &wish));
	ASSERT_LE(0, fd = device_attach(&last, VTPM_ATTACH_RESET));
	begun = now_ms();
	do {
		sleep_ms(100);
		ASSERT_EQ(0, device_info(&devices[0], &info));
	} while (!info.lost && now_ms() - begun < PATIENCE_MS);
	EXPECT_NE(0, info.lost);
	TH_LOG("the first of %u hung chips gave up after %llu ms", i,
	       (unsigned long long)(now_ms() - begun));
	begun = now_ms();
	destroy_all();
	TH_LOG("all were destroyed in %llu ms", (unsigned long long)(now_ms() - begun));
	close(fd);
}

/*
 * An unread response goes on time without anybody looking: who polls is woken by it, and
 * does not meet what woke it (EAGAIN would say that another thread is in a call).
 */
TEST_F(timeout, unread)
{
	struct pollfd poll_fd = { .events = POLLOUT };
	unsigned int old;
	struct frame frame;
	uint64_t answered;
	uint8_t bytes[4];
	int client, fd, i;

	ASSERT_EQ(0, parameter_set("unread_ms", LIMIT_MS, &old));
	ASSERT_EQ(0, make(&self->device, self->control, 3600000, 3600000));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	client = poll_fd.fd = device_open(&self->device, self->device.rm, O_NONBLOCK);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, client_write(client, 1));
		ASSERT_LT(0, server_fetch_command(fd, &frame));
		/* Asked for before the answer was there, the work item comes too early. */
		if (i == 1)
			sleep_ms(LIMIT_MS - 300);
		answered = now_ms();
		ASSERT_EQ(0, server_echo(fd, &frame));
		if (i == 2)
			EXPECT_EQ(4, read(client, bytes, 4));
		EXPECT_EQ(0, poll(&poll_fd, 1, LIMIT_MS / 2));
		EXPECT_EQ(1, poll(&poll_fd, 1, PATIENCE_MS));
		EXPECT_LE(LIMIT_MS, now_ms() - answered + 1);
		EXPECT_GT(LIMIT_MS + SLACK_MS, now_ms() - answered);
		EXPECT_EQ(0, read(client, bytes, 4));
	}
	ASSERT_EQ(0, parameter_set("unread_ms", 20, NULL));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, client_write(client, 1));
		ASSERT_LT(0, server_fetch_command(fd, &frame));
		ASSERT_EQ(0, server_echo(fd, &frame));
		ASSERT_EQ(1, poll(&poll_fd, 1, PATIENCE_MS));
		ASSERT_EQ(0, read(client, bytes, 4));
	}
	/* An errno nobody asks for goes as well. */
	ASSERT_EQ(0, client_write(client, 1));
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	ASSERT_EQ(0, server_answer(fd, frame.head.id, EIO, NULL, 0));
	EXPECT_EQ(1, poll(&poll_fd, 1, PATIENCE_MS));
	EXPECT_EQ(0, read(client, bytes, 4));
	EXPECT_EQ(0, parameter_set("unread_ms", old, NULL));
}

/* However late the writer comes to look: an errno that is its own to tell is kept. */
TEST_F(timeout, unread_by_writer)
{
	unsigned int old;
	struct frame frame;
	int client, fd;
	pid_t pid;

	ASSERT_EQ(0, parameter_set("unread_ms", 0, &old));
	ASSERT_EQ(0, make(&self->device, self->control, 3600000, 3600000));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	client = device_open(&self->device, self->device.rm, 0);
	pid = fork();
	if (pid == 0)
		_exit(-client_write(client, 1));
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	ASSERT_EQ(0, server_answer(fd, frame.head.id, EIO, NULL, 0));
	EXPECT_EQ(EIO, wait_exit(pid));
	EXPECT_EQ(0, parameter_set("unread_ms", old, NULL));
}

TEST_HARNESS_MAIN
