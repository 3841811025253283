// SPDX-License-Identifier: GPL-2.0
/*
 * Front end "chip": a device of the TPM core whose server may die, resume, reset,
 * stop or never answer.
 *
 * Servers are child processes around the fake TPM, so that they can be killed and
 * stopped. The number of the chip always comes from INFO, never from counting. Bounds
 * on time are generous: the promise is a second, a failure is more than three, and
 * what must not be waited for would take a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake_tpm.h"
#include "harness.h"

FIXTURE(chip) {
	struct device device;
	int control;
	pid_t server;
	int number;
	char node[32];
	char rm[32];
};

/* A process that attaches and is a TPM; returns once it is attached. */
static pid_t serve(struct device *device, uint32_t flags)
{
	int ready[2], fd;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = device_attach(device, flags);
		if (fd < 0 || write(ready[1], &device->instance, 8) != 8)
			_exit(1);
		fake_tpm_serve_framed(fd, -1);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &device->instance, 8) != 8)
		pid = -ECHILD;
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	wait_exit(pid);
}

static bool is_registered(void *data)
{
	struct vtpm_info info;

	return !device_info(data, &info) && info.chip >= 0;
}

static bool is_detached(void *data)
{
	struct vtpm_info info;

	return !device_info(data, &info) && info.state == VTPM_STATE_DETACHED;
}

/* Wait for the chip and its nodes. */
static int find_chip(struct device *device, char *node, char *rm)
{
	struct vtpm_info info;

	if (!eventually(is_registered, device, PATIENCE_MS) || device_info(device, &info))
		return -ETIME;
	snprintf(node, 32, "/dev/tpm%d", info.chip);
	snprintf(rm, 32, "/dev/tpmrm%d", info.chip);
	return info.chip;
}

FIXTURE_SETUP(chip)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
		.detached_ms = 60000,
		.running_ms = 60000,
	};

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	self->server = serve(&self->device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
	ASSERT_LT(0, self->server);
	self->number = find_chip(&self->device, self->node, self->rm);
	ASSERT_LE(0, self->number);
}

FIXTURE_TEARDOWN(chip)
{
	destroy_all();
	end(self->server);
	close(self->control);
}

/* One command on a node of its own. */
static int run_on(const char *node)
{
	int rc, fd = open(node, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	rc = tpm_get_random(fd);
	close(fd);
	return rc;
}

static bool is_usable(void *data)
{
	struct vtpm_info info;
	char node[32];

	if (device_info(data, &info) || info.chip < 0)
		return false;
	snprintf(node, sizeof(node), "/dev/tpm%d", info.chip);
	return run_on(node) == 0;
}

static uint64_t destroy_ms(struct device *device)
{
	uint64_t begun = fair_ms();

	return device_destroy(device) ? UINT64_MAX : fair_ms() - begun;
}

TEST_F(chip, works)
{
	char path[96], text[128] = { 0 };
	struct vtpm_info info;
	int fd;

	EXPECT_EQ(0, run_on(self->node));
	EXPECT_EQ(0, run_on(self->rm));
	snprintf(path, sizeof(path), "/sys/class/tpm/tpm%d/pcr-sha256/7", self->number);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_LE(64, read(fd, text, sizeof(text) - 1));
	EXPECT_EQ(0, strncasecmp(text, "A5A5A5A5", 8));
	close(fd);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(VTPM_FRONT_END_CHIP, info.front_end);
	EXPECT_EQ(self->number, info.chip);
	EXPECT_EQ(0, info.major);
	EXPECT_EQ(UINT32_MAX, info.index);
}

/* Not what is the host's: no hwrng, no firmware log. */
TEST_F(chip, keeps_to_itself)
{
	char text[4096] = { 0 }, path[96];
	int fd;

	fd = open("/sys/class/misc/hw_random/rng_available", O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0) {
		snprintf(path, sizeof(path), "tpm-rng-%d", self->number);
		EXPECT_EQ(NULL, strstr(text, path));
	}
	snprintf(path, sizeof(path), "/sys/kernel/security/tpm%d/binary_bios_measurements",
		 self->number);
	EXPECT_EQ(-1, access(path, F_OK));
}

TEST_F(chip, hwrng_on_request)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT | VTPM_CREATE_HWRNG,
	};
	char text[4096] = { 0 }, name[32], node[32], rm[32];
	struct device device = { 0 };
	pid_t server;
	int fd, number;

	fd = open("/sys/class/misc/hw_random/rng_available", O_RDONLY);
	if (fd < 0)
		SKIP(return, "no hwrng in this kernel");
	ASSERT_EQ(0, device_create(&device, self->control, &wish));
	server = serve(&device, VTPM_ATTACH_RESET);
	number = find_chip(&device, node, rm);
	ASSERT_LE(0, number);
	snprintf(name, sizeof(name), "tpm-rng-%d", number);
	ASSERT_LT(0, pread(fd, text, sizeof(text) - 1, 0));
	EXPECT_NE(NULL, strstr(text, name));
	EXPECT_GT(PROMISE_MS, destroy_ms(&device));
	end(server);
}

/* RESUME: the chip stays, and an open file notices nothing. */
TEST_F(chip, resume)
{
	int fd = open(self->rm, O_RDWR), round;

	ASSERT_LE(0, fd);
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, tpm_get_random(fd));
		end(self->server);
		ASSERT_TRUE(eventually(is_detached, &self->device, PATIENCE_MS));
		self->server = serve(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
		ASSERT_LT(0, self->server);
		ASSERT_EQ(0, tpm_get_random(fd));
		EXPECT_EQ(self->number, find_chip(&self->device, self->node, self->rm));
	}
	close(fd);
}

/* RESET: a new chip; users of the old one get EPIPE and may open again. */
TEST_F(chip, reset)
{
	int old = open(self->node, O_RDWR), rm = open(self->rm, O_RDWR), round;

	ASSERT_EQ(0, tpm_get_random(old));
	ASSERT_EQ(0, tpm_get_random(rm));
	for (round = 0; round < 5; round++) {
		end(self->server);
		ASSERT_TRUE(eventually(is_detached, &self->device, PATIENCE_MS));
		self->server = serve(&self->device, VTPM_ATTACH_RESET);
		ASSERT_LT(0, self->server);
		sleep_ms(round);
		EXPECT_EQ(-EPIPE, tpm_get_random(old));
		EXPECT_EQ(-EPIPE, tpm_get_random(rm));
	}
	EXPECT_TRUE(eventually(is_usable, &self->device, PATIENCE_MS));
	close(old);
	close(rm);
}

TEST_F(chip, destroy_while_open)
{
	int node = open(self->node, O_RDWR), rm = open(self->rm, O_RDWR);
	char path[96], text[128];
	struct pollfd poll_fd;
	uint64_t took;
	int pcr;

	snprintf(path, sizeof(path), "/sys/class/tpm/tpm%d/pcr-sha256/7", self->number);
	pcr = open(path, O_RDONLY);
	ASSERT_EQ(0, tpm_get_random(node));
	took = destroy_ms(&self->device);
	TH_LOG("DESTROY took %llu ms", (unsigned long long)took);
	EXPECT_GT(PROMISE_MS, took);
	EXPECT_EQ(-EPIPE, tpm_get_random(node));
	EXPECT_EQ(-EPIPE, tpm_get_random(rm));
	EXPECT_GT(1, read(pcr, text, sizeof(text)));
	poll_fd = (struct pollfd){ .fd = node, .events = POLLIN };
	EXPECT_LE(0, poll(&poll_fd, 1, 0));
	close(node);
	close(rm);
	close(pcr);
}

/* Stopped: with a command in flight, while it registers, and while it is opened. */
TEST_F(chip, destroy_with_stopped_server)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP, .flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device second = { 0 };
	uint64_t took;
	pid_t client;
	int fd;

	kill(self->server, SIGSTOP);
	ASSERT_TRUE(process_becomes(self->server, 'T'));
	client = fork();
	if (client == 0)
		_exit(-run_on(self->rm));
	ASSERT_TRUE(device_queues(&self->device, 1));
	took = destroy_ms(&self->device);
	TH_LOG("with a command in flight: %llu ms", (unsigned long long)took);
	EXPECT_GT(PROMISE_MS, took);
	EXPECT_EQ(EPIPE, wait_exit(client));

	ASSERT_EQ(0, device_create(&second, self->control, &wish));
	fd = device_attach(&second, VTPM_ATTACH_RESET);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(device_queues(&second, 1));
	took = destroy_ms(&second);
	TH_LOG("while it registers: %llu ms", (unsigned long long)took);
	EXPECT_GT(PROMISE_MS, took);
	close(fd);
}

/* The server dies in the middle of a registration, and the next one goes on. */
TEST_F(chip, death_during_registration)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP, .flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device device;
	char node[32], rm[32];
	int k, fd, order;
	pid_t pid;

	for (order = 0; order < 2; order++) {
		for (k = 0; k <= 6; k++) {
			memset(&device, 0, sizeof(device));
			ASSERT_EQ(0, device_create(&device, self->control, &wish));
			fd = device_attach(&device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
			pid = fork();
			if (pid == 0) {
				alarm(1);
				fake_tpm_serve_framed(fd, k);
				_exit(0);
			}
			wait_exit(pid);
			close(fd);
			if (order == 0) {
				pid = serve(&device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
				ASSERT_LT(0, pid);
				EXPECT_LE(0, find_chip(&device, node, rm));
				EXPECT_EQ(0, run_on(node));
			}
			EXPECT_GT(PROMISE_MS, destroy_ms(&device));
			end(order ? 0 : pid);
		}
	}
}

/*
 * A chip that does not answer in time is given up; a new server may try again. That one
 * has the same limit, which on a slow machine may be too short for it.
 */
TEST_F(chip, hung_registration)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
		.running_ms = 1000,
	};
	struct device device = { 0 };
	struct vtpm_info info;
	bool usable = false;
	int fd, round;
	pid_t server;

	ASSERT_EQ(0, device_create(&device, self->control, &wish));
	fd = device_attach(&device, VTPM_ATTACH_RESET);
	for (info.lost = 0; !info.lost; sleep_ms(50))
		ASSERT_EQ(0, device_info(&device, &info));
	EXPECT_EQ(-1, info.chip);
	close(fd);
	for (round = 0; round < 5 && !usable; round++) {
		server = serve(&device, VTPM_ATTACH_RESET);
		usable = eventually(is_usable, &device, 10000);
		end(server);
	}
	EXPECT_TRUE(usable);
	TH_LOG("registered by server %d", round);
}

/* Killed at any moment with clients in flight: each ends with an answer or an errno. */
TEST_F_TIMEOUT(chip, killed_servers, 200)
{
	unsigned int i, round, rounds = getenv("VTPM_TEST_SLOW") ? 200 : 40;
	pid_t clients[4];
	int rc;

	for (i = 0; i < ARRAY_LENGTH(clients); i++) {
		clients[i] = fork();
		if (clients[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			rc = run_on(i ? self->rm : self->node);
			if (rc && rc != -ECANCELED && rc != -EPIPE && rc != -ENOENT &&
			    rc != -ENODEV && rc != -EBUSY && rc != -ETIME && rc != -ENXIO)
				_exit(-rc);
		}
	}
	srandom(1);
	for (round = 0; round < rounds; round++) {
		usleep(random() % 20000);
		end(self->server);
		ASSERT_TRUE(eventually(is_detached, &self->device, PATIENCE_MS));
		self->server =
			serve(&self->device, round % 4 ? VTPM_ATTACH_RESUME : VTPM_ATTACH_RESET);
		ASSERT_LT(0, self->server);
	}
	for (i = 0; i < ARRAY_LENGTH(clients); i++) {
		EXPECT_EQ(0, waitpid(clients[i], &rc, WNOHANG));
		end(clients[i]);
	}
	EXPECT_GT(PROMISE_MS, destroy_ms(&self->device));
}

/* A server that is its own client ends by the time limit. */
TEST_F(chip, self_service)
{
	const struct vtpm_create wish = { .running_ms = 500 };
	struct device device = { 0 };
	uint64_t begun;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, device_create(&device, self->control, &wish));
	pid = fork();
	if (pid == 0) {
		fd = device_attach(&device, VTPM_ATTACH_RESET);
		begun = open(device.raw, O_RDWR);
		_exit(fd < 0 || client_write(begun, 1) != -ETIME);
	}
	begun = fair_ms();
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_GT(10000, fair_ms() - begun);
}

/*
 * All tasks freeze although servers are stopped, clients wait and chips register. The
 * kernel then counts five seconds in pieces of a millisecond, which take ten times as
 * long on a processor that others use.
 */
TEST_F_TIMEOUT(chip, suspend, 200)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
		.running_ms = 600000,
	};
	const struct vtpm_create patient = { .running_ms = 600000 };
	struct device registering = { 0 }, plain = { 0 };
	pid_t client, stopped, other;
	int fd, state, limit, rc;
	char old[16] = { 0 };
	uint64_t begun;

	fd = open("/sys/power/pm_test", O_WRONLY);
	state = open("/sys/power/state", O_WRONLY);
	limit = open("/sys/power/pm_freeze_timeout", O_RDWR);
	if (fd < 0 || state < 0 || limit < 0)
		SKIP(return, "this kernel cannot suspend, or not only for a test");
	ASSERT_LT(0, pread(limit, old, sizeof(old) - 1, 0));
	ASSERT_EQ(5, pwrite(limit, "60000", 5, 0));
	ASSERT_EQ(7, write(fd, "freezer", 7));

	ASSERT_EQ(0, device_create(&registering, self->control, &wish));
	ASSERT_LE(0, device_attach(&registering, VTPM_ATTACH_RESET));
	ASSERT_EQ(0, device_create(&plain, self->control, &patient));
	stopped = server_fork(&plain, VTPM_ATTACH_RESET);
	kill(stopped, SIGSTOP);
	kill(self->server, SIGSTOP);
	ASSERT_TRUE(process_becomes(stopped, 'T'));
	ASSERT_TRUE(process_becomes(self->server, 'T'));
	client = fork();
	if (client == 0)
		_exit(-run_on(self->rm));
	other = fork();
	if (other == 0)
		_exit(client_run(device_open(&plain, plain.rm, 0), 1) ? 1 : 0);
	ASSERT_TRUE(device_queues(&registering, 1));
	ASSERT_TRUE(device_queues(&self->device, 1));
	ASSERT_TRUE(device_queues(&plain, 2));
	begun = now_ms();
	rc = write(state, "freeze", 6);
	EXPECT_EQ(6, rc) {
		TH_LOG("suspend: errno %d after %llu ms", errno,
		       (unsigned long long)(now_ms() - begun));
	}
	TH_LOG("freezing and thawing took %llu ms", (unsigned long long)(now_ms() - begun));
	EXPECT_EQ(4, write(fd, "none", 4));
	EXPECT_LT(0, pwrite(limit, old, strlen(old), 0));
	kill(self->server, SIGCONT);
	kill(stopped, SIGCONT);
	rc = wait_exit(client);
	EXPECT_TRUE(rc == 0 || rc == ETIME);
	EXPECT_EQ(0, wait_exit(other));
	end(stopped);
	EXPECT_GT(PROMISE_MS, destroy_ms(&registering));
	close(fd);
	close(state);
	close(limit);
}

TEST_HARNESS_MAIN
