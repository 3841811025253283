// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that nobody wants any more: the raw node's "cancel", and how a server hears
 * of it (SIGIO, VTPM_IOC_ABANDONED).
 *
 * The test is the server. A request ends once and in one way: with its own response,
 * or with ECANCELED, and then its answer is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

#define OWNER 4321

FIXTURE(cancel) {
	struct device device;
	int control;
	int server;
	int raw;
	int cancel;
	char path[64];
};

static volatile sig_atomic_t signals;

static void count(int signal)
{
	(void)signal;
	signals++;
}

FIXTURE_SETUP(cancel)
{
	const struct vtpm_create wish = { .uid = OWNER, .running_ms = LIMIT_MS };

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	snprintf(self->path, sizeof(self->path), "/sys/class/vtpm/vtpm%u/cancel",
		 self->device.create.index);
	self->server = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, self->server);
	self->raw = device_open(&self->device, self->device.raw, O_NONBLOCK);
	ASSERT_LE(0, self->raw);
	self->cancel = open(self->path, O_WRONLY);
	ASSERT_LE(0, self->cancel);
	ASSERT_EQ(0, server_drain(self->server));
	signal(SIGIO, count);
	ASSERT_EQ(0, fcntl(self->server, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->server, F_SETFL, O_ASYNC));
}

FIXTURE_TEARDOWN(cancel)
{
	destroy_all();
	close(self->cancel);
	close(self->raw);
	close(self->server);
	close(self->control);
}

/* One byte, as QEMU does it. */
static int cancel(int fd)
{
	return write(fd, "-", 1) == 1 ? 0 : -errno;
}

static int abandoned(int server)
{
	return call(server, VTPM_IOC_ABANDONED, NULL);
}

/* A process that writes one command to a blocking file and exits with the errno. */
static pid_t writer(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-client_write(fd, 1));
	}
	return pid;
}

TEST_F(cancel, not_taken)
{
	struct frame frame;
	struct vtpm_info info;
	pid_t pid;

	fcntl(self->raw, F_SETFL, 0);
	pid = writer(self->raw);
	ASSERT_TRUE(device_queues(&self->device, 1));
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(ECANCELED, wait_exit(pid));
	fcntl(self->server, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, server_fetch(self->server, &frame));
	EXPECT_EQ(0, abandoned(self->server));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(1, info.cancelled);
	EXPECT_EQ(0, info.lost);
	EXPECT_EQ(0, signals);
}

TEST_F(cancel, taken)
{
	struct frame frame;
	struct vtpm_info info;
	uint64_t begun;
	pid_t pid;

	fcntl(self->raw, F_SETFL, 0);
	pid = writer(self->raw);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	EXPECT_EQ(0, abandoned(self->server));
	begun = fair_ms();
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(ECANCELED, wait_exit(pid));
	EXPECT_GT(LIMIT_MS, fair_ms() - begun);
	EXPECT_EQ(1, signals);
	EXPECT_EQ(1, abandoned(self->server));
	EXPECT_EQ(-ESTALE, server_echo(self->server, &frame));
	EXPECT_EQ(0, abandoned(self->server));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(1, info.cancelled);
	EXPECT_EQ(1, info.refused);
}

/* The client goes on at once; the server finds the next command when it is done. */
TEST_F(cancel, next_command)
{
	struct frame first, second;
	uint32_t got;

	ASSERT_EQ(0, client_write(self->raw, 1));
	ASSERT_LT(0, server_fetch(self->server, &first));
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(-ECANCELED, client_read(self->raw, &got));
	ASSERT_EQ(0, client_write(self->raw, 2));
	EXPECT_EQ(1, abandoned(self->server));
	EXPECT_EQ(-ESTALE, server_echo(self->server, &first));
	ASSERT_LT(0, server_fetch(self->server, &second));
	EXPECT_EQ(0, abandoned(self->server));
	EXPECT_EQ(-ESTALE, server_echo(self->server, &first));
	EXPECT_EQ(0, server_echo(self->server, &second));
	EXPECT_EQ(0, client_read(self->raw, &got));
	EXPECT_EQ(2, got);
	EXPECT_EQ(1, signals);
}

/* The raw node's command, and no other; and nothing that comes later. */
TEST_F(cancel, nothing_else)
{
	int rm = device_open(&self->device, self->device.rm, O_NONBLOCK);
	char path[64];
	struct frame frame;
	uint32_t got;

	ASSERT_LE(0, rm);
	ASSERT_EQ(0, cancel(self->cancel));
	ASSERT_EQ(0, client_write(rm, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	ASSERT_EQ(0, client_write(self->raw, 2));
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(-ECANCELED, client_read(self->raw, &got));
	EXPECT_EQ(0, abandoned(self->server));
	EXPECT_EQ(0, server_echo(self->server, &frame));
	EXPECT_EQ(0, client_read(rm, &got));
	EXPECT_EQ(0, signals);
	ASSERT_EQ(0, client_write(self->raw, 3));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	EXPECT_EQ(0, server_echo(self->server, &frame));
	/* The answer is there already. */
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(0, client_read(self->raw, &got));
	EXPECT_EQ(3, got);
	snprintf(path, sizeof(path), "/sys/class/vtpm/vtpmrm%u/cancel", self->device.create.index);
	EXPECT_EQ(-1, access(path, F_OK));
	close(rm);
}

/* Mode 0200, the owner's of the node; "uevent" stays root's. */
TEST_F(cancel, permission)
{
	struct stat stat_;
	char path[64];
	pid_t pid;

	ASSERT_EQ(0, stat(self->path, &stat_));
	EXPECT_EQ(0200, stat_.st_mode & 0777);
	EXPECT_EQ(OWNER, stat_.st_uid);
	snprintf(path, sizeof(path), "/sys/class/vtpm/vtpm%u/uevent", self->device.create.index);
	ASSERT_EQ(0, stat(path, &stat_));
	EXPECT_EQ(0, stat_.st_uid);

	ASSERT_EQ(0, client_write(self->raw, 1));
	pid = fork();
	if (pid == 0)
		_exit(drop_to_user(OWNER + 1) || open(self->path, O_WRONLY) >= 0);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(-EAGAIN, client_read(self->raw, &(uint32_t){ 0 }));
	pid = fork();
	if (pid == 0)
		_exit(drop_to_user(OWNER) || cancel(open(self->path, O_WRONLY)));
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(-ECANCELED, client_read(self->raw, &(uint32_t){ 0 }));
}

/* A journaling server died with it, and it waits for the next: it is not delivered again. */
TEST_F(cancel, redelivered)
{
	struct frame frame;

	close(self->server);
	self->server = device_attach(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, client_write(self->raw, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	close(self->server);
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(-ECANCELED, client_read(self->raw, &(uint32_t){ 0 }));
	self->server = device_attach(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
	fcntl(self->server, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, server_fetch_command(self->server, &frame));
}

/* Each way to be abandoned sends one signal; nothing else sends any. */
TEST_F(cancel, signal_for_each_reason)
{
	struct frame frame;
	uint32_t got;
	pid_t pid;
	int rm;

	/* Not: arrival, waking, an answer, an open and a close of another. */
	ASSERT_EQ(0, client_write(self->raw, 1));
	ASSERT_EQ(0, call(self->server, VTPM_IOC_WAKE, NULL));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	rm = device_open(&self->device, self->device.rm, O_NONBLOCK);
	close(rm);
	ASSERT_EQ(0, server_echo(self->server, &frame));
	ASSERT_EQ(0, client_read(self->raw, &got));
	EXPECT_EQ(0, signals);

	/* A fatal signal. */
	rm = device_open(&self->device, self->device.rm, 0);
	pid = writer(rm);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	kill(pid, SIGKILL);
	wait_exit(pid);
	EXPECT_EQ(1, signals);
	EXPECT_EQ(1, abandoned(self->server));
	EXPECT_EQ(-ESTALE, server_echo(self->server, &frame));

	/* A close. */
	fcntl(rm, F_SETFL, O_NONBLOCK);
	ASSERT_EQ(0, client_write(rm, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	close(rm);
	EXPECT_EQ(2, signals);
	EXPECT_EQ(1, abandoned(self->server));
	EXPECT_EQ(-ESTALE, server_echo(self->server, &frame));

	/* The time limit. */
	ASSERT_EQ(0, client_write(self->raw, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	while (client_read(self->raw, &got) == -EAGAIN)
		sleep_ms(50);
	EXPECT_EQ(3, signals);
	EXPECT_EQ(1, abandoned(self->server));
	EXPECT_EQ(-ESTALE, server_echo(self->server, &frame));

	/* Whoever is not attached any more is told of nothing. */
	ASSERT_EQ(0, client_write(self->raw, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	ASSERT_EQ(0, device_detach(&self->device));
	ASSERT_EQ(0, cancel(self->cancel));
	EXPECT_EQ(3, signals);
}

/* errno:ABANDONED:EPIPE */
TEST_F(cancel, ask_when_detached)
{
	EXPECT_EQ(0, abandoned(self->server));
	ASSERT_EQ(0, device_detach(&self->device));
	EXPECT_EQ(-EPIPE, abandoned(self->server));
	EXPECT_EQ(-ENOTTY, call(self->raw, VTPM_IOC_ABANDONED, NULL));
	EXPECT_EQ(-ENOTTY, call(self->control, VTPM_IOC_ABANDONED, NULL));
}

struct race {
	int server;
	int cancel;
	bool stop;
	unsigned int stale;
	unsigned int answered;
	unsigned int wrong;
};

/* The server's thread alone takes SIGIO: a client's call would end by it. */
static int mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	return pthread_sigmask(how, &set, NULL);
}

static void *serve(void *data)
{
	struct race *race = data;
	struct frame frame;
	int asked, rc;

	mask(SIG_UNBLOCK);
	while ((rc = server_fetch(race->server, &frame)) != -EPIPE) {
		if (rc < 0 || frame.head.kind != VTPM_FRAME_COMMAND) {
			if (rc > 0 && frame.head.id)
				server_echo(race->server, &frame);
			continue;
		}
		asked = abandoned(race->server);
		rc = server_echo(race->server, &frame);
		race->stale += rc == -ESTALE;
		race->answered += rc == 0;
		/* Once abandoned is always abandoned. */
		race->wrong += (asked != 0 && asked != 1) || (asked && rc != -ESTALE);
	}
	return NULL;
}

static void *cancel_often(void *data)
{
	struct race *race = data;
	unsigned int seed = 1;

	while (!__atomic_load_n(&race->stop, __ATOMIC_SEQ_CST)) {
		usleep(rand_r(&seed) % 300);
		race->wrong += cancel(race->cancel) != 0;
	}
	return NULL;
}

/* cancel against take against answer: each command ends in one way, and all are counted. */
TEST_F(cancel, races)
{
	struct race race = { self->server, self->cancel, false, 0, 0, 0 };
	unsigned int ran = 0, cancelled = 0;
	pthread_t server, canceller;
	struct vtpm_info info;
	uint64_t begun = now_ms();
	uint32_t i;
	int rc;

	fcntl(self->raw, F_SETFL, 0);
	ASSERT_EQ(0, mask(SIG_BLOCK));
	ASSERT_EQ(0, pthread_create(&server, NULL, serve, &race));
	ASSERT_EQ(0, pthread_create(&canceller, NULL, cancel_often, &race));
	for (i = 0; now_ms() - begun < 5000; i++) {
		rc = client_run(self->raw, i);
		ASSERT_TRUE(rc == 0 || rc == -ECANCELED);
		ran += rc == 0;
		cancelled += rc != 0;
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(canceller, NULL);
	/* The last one may be in the server still: one more is answered behind it. */
	ASSERT_EQ(0, client_run(self->raw, i++));
	ran++;
	ASSERT_EQ(0, device_info(&self->device, &info));
	ASSERT_EQ(0, device_destroy(&self->device));
	pthread_join(server, NULL);
	TH_LOG("%u commands: %u ran, %u cancelled, %u of them taken", i, ran, cancelled,
	       race.stale);
	EXPECT_EQ(0, race.wrong);
	EXPECT_EQ(ran, race.answered);
	EXPECT_EQ(cancelled, info.cancelled);
	EXPECT_EQ(ran, info.commands);
	EXPECT_LE(race.stale, cancelled);
	EXPECT_LT(0, ran);
	EXPECT_LT(0, cancelled);
	EXPECT_LT(0, race.stale);
	EXPECT_LT(0, signals);
	EXPECT_LE((unsigned int)signals, race.stale);
	EXPECT_EQ(0, info.lost);
}

TEST_HARNESS_MAIN
