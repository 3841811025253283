// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits is woken: by whatever ends the reason to wait, not only by an answer.
 *
 * Each test has one waiter in a process or thread of its own and takes away what it
 * waits for. A waiter that is forgotten sleeps until WAIT_MS; one that is woken is
 * back long before.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fake_tpm.h"
#include "harness.h"

#define WAIT_MS 20000
#define SOON_MS 10000

FIXTURE(wake) {
	struct device device;
	int control;
	int server;
	int fd;
};

FIXTURE_SETUP(wake)
{
	const struct vtpm_create wish = { .detached_ms = 600000, .running_ms = 600000 };

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	self->server = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, self->server);
	self->fd = device_open(&self->device, self->device.rm, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, server_drain(self->server));
}

FIXTURE_TEARDOWN(wake)
{
	destroy_all();
	close(self->fd);
	close(self->server);
	close(self->control);
}

/* A process that writes one command and exits with the errno. */
static pid_t writer(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-client_write(fd, 1));
	}
	return pid;
}

/* A process that polls, and exits with 0 if it saw @events in time. */
static pid_t poller(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(poll(&poll_fd, 1, WAIT_MS) == 1 && poll_fd.revents & events ? 0 : 1);
	}
	return pid;
}

/* The writer of a shared file is killed: who waits to read its response gets none. */
TEST_F(wake, reader_of_a_killed_writer)
{
	struct frame frame;
	uint64_t begun;
	pid_t pid, reader;
	uint8_t byte;

	pid = writer(self->fd);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	reader = fork();
	if (reader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(WAIT_MS / 1000);
		_exit(read(self->fd, &byte, 1) == 0 ? 0 : 1);
	}
	ASSERT_TRUE(process_becomes(reader, 'S'));
	kill(pid, SIGKILL);
	wait_exit(pid);
	begun = now_ms();
	EXPECT_EQ(0, wait_exit(reader));
	EXPECT_GT(SOON_MS, now_ms() - begun);
}

/* The next command can be written when the last one has failed. */
TEST_F(wake, poll_out_after_an_error)
{
	struct frame frame;
	pid_t pid, waiter;
	uint64_t begun;

	pid = writer(self->fd);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	waiter = poller(self->fd, POLLOUT);
	ASSERT_TRUE(process_becomes(waiter, 'S'));
	begun = now_ms();
	ASSERT_EQ(0, server_answer(self->server, frame.head.id, EIO, NULL, 0));
	EXPECT_EQ(EIO, wait_exit(pid));
	EXPECT_EQ(0, wait_exit(waiter));
	EXPECT_GT(SOON_MS, now_ms() - begun);
}

/* One thread of a server fetches, another one waits until it may answer. */
TEST_F(wake, server_poll_out)
{
	struct frame frame;
	pid_t pid, waiter;
	uint64_t begun;

	waiter = poller(self->server, POLLOUT);
	ASSERT_TRUE(process_becomes(waiter, 'S'));
	begun = now_ms();
	pid = writer(self->fd);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	EXPECT_EQ(0, wait_exit(waiter));
	EXPECT_GT(SOON_MS, now_ms() - begun);
	ASSERT_EQ(0, server_echo(self->server, &frame));
	EXPECT_EQ(0, wait_exit(pid));
}

static bool is_registered(void *data)
{
	struct vtpm_info info;

	return !device_info(data, &info) && info.chip >= 0;
}

/*
 * A server without a journal dies during a chip's registration, which fails; the next
 * server is faster than the failure (with one processor for certain: it runs in real
 * time), and the registration has to be tried again.
 */
TEST_F(wake, registration_after_a_quick_resume)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP, .flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device device;
	struct frame frame;
	const struct sched_param first = { .sched_priority = 1 }, normal = { 0 };
	int i, fd;
	pid_t pid;

	for (i = 0; i < 5; i++) {
		memset(&device, 0, sizeof(device));
		ASSERT_EQ(0, device_create(&device, self->control, &wish));
		fd = device_attach(&device, VTPM_ATTACH_RESET);
		ASSERT_LE(0, fd);
		/* The core bears with all that comes before the question for the PCRs. */
		ASSERT_EQ(0, fake_tpm_serve_framed(fd, 3));
		ASSERT_LT(0, server_fetch_command(fd, &frame));
		ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &first));
		close(fd);
		fd = device_attach(&device, VTPM_ATTACH_RESUME);
		ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &normal));
		ASSERT_LE(0, fd);
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			fake_tpm_serve_framed(fd, -1);
			_exit(0);
		}
		EXPECT_TRUE(eventually(is_registered, &device, PATIENCE_MS));
		kill(pid, SIGKILL);
		wait_exit(pid);
		close(fd);
		ASSERT_EQ(0, device_destroy(&device));
	}
}

/* Somebody destroys devices of VTPM_PROXY_IOC_NEW_DEV while they are being made. */
TEST_F(wake, proxies_destroyed_at_birth)
{
	struct vtpm_proxy_new_dev new = { .flags = VTPM_PROXY_FLAG_TPM2 };
	unsigned int made = 0, lost = 0;
	uint64_t begun = now_ms();
	pid_t pid = fork();
	int rc;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			destroy_all();
	}
	while (now_ms() - begun < 2000) {
		rc = call(self->control, VTPM_PROXY_IOC_NEW_DEV, &new);
		if (rc) {
			EXPECT_EQ(-ENOENT, rc);
			lost++;
			continue;
		}
		close(new.fd);
		made++;
	}
	kill(pid, SIGKILL);
	wait_exit(pid);
	TH_LOG("%u made, %u destroyed before they were", made, lost);
}

TEST_HARNESS_MAIN
