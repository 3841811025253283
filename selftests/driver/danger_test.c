// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong in other drivers of this kind, where no other program here tries it:
 * Documentation/testing.rst has the list. The kernel's own checks (lockdep, KASAN) are read
 * by who runs this.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>

#include "fake_tpm.h"
#include "harness.h"

#define ROUNDS 40

FIXTURE(danger) {
	struct device device;
	int control;
};

FIXTURE_SETUP(danger)
{
	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
}

FIXTURE_TEARDOWN(danger)
{
	destroy_all();
	close(self->control);
}

/* A child that does something again and again until it is killed. */
static pid_t repeat(void (*act)(struct device *device), struct device *device)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	device->control = control_open();
	for (;;)
		act(device);
}

static int chip_of(struct device *device)
{
	struct vtpm_info info;

	return device_info(device, &info) ? -ENOENT : info.chip;
}

static void use(struct device *device, const char *format)
{
	int fd, chip = chip_of(device);
	char path[64];

	snprintf(path, sizeof(path), format, chip);
	fd = chip < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	tpm_get_random(fd);
	close(fd);
}

static void use_raw(struct device *device)
{
	use(device, "/dev/tpm%d");
}

static void use_shared(struct device *device)
{
	use(device, "/dev/tpmrm%d");
}

static void use_hwrng(struct device *device)
{
	int fd, chip = chip_of(device);
	char name[64];

	snprintf(name, sizeof(name), "tpm-rng-%d", chip);
	fd = open("/sys/class/misc/hw_random/rng_current", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, name, strlen(name)) < 0)
		sleep_ms(1);
	close(fd);
	fd = open("/dev/hwrng", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && read(fd, name, 8) < 0)
		sleep_ms(1);
	close(fd);
}

static void read_pcr(struct device *device)
{
	char path[96], text[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/tpm/tpm%d/pcr-sha256/7", chip_of(device));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text)) < 0)
		sleep_ms(1);
	close(fd);
}

static void come_and_go(struct device *device)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP, .flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device other = { 0 };
	int fd;

	device_create(&other, device->control, &wish);
	fd = device_attach(&other, VTPM_ATTACH_RESET);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fake_tpm_serve_framed(fd, 3);
	device_destroy(&other);
	close(fd);
}

static bool has_chip(void *data)
{
	return chip_of(data) >= 0;
}

/* Registering, using and unregistering at once, with every user of a chip that there is. */
TEST_F_TIMEOUT(danger, lock_order, 600)
{
	static void (*const acts[])(struct device *device) = {
		use_raw, use_shared, use_hwrng, read_pcr, come_and_go,
	};
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT | VTPM_CREATE_HWRNG,
		.detached_ms = 200,
		.running_ms = 2000,
	};
	pid_t pids[ARRAY_LENGTH(acts)], server;
	unsigned int i, registered = 0;
	uint64_t begun;

	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	for (i = 0; i < ARRAY_LENGTH(acts); i++)
		pids[i] = repeat(acts[i], &self->device);
	for (i = 0; i < ROUNDS; i++) {
		server = fork();
		if (server == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			fake_tpm_serve_framed(device_attach(&self->device, VTPM_ATTACH_RESET), -1);
			_exit(0);
		}
		registered += eventually(has_chip, &self->device, 1000);
		sleep_ms(i);
		kill(server, SIGKILL);
		wait_exit(server);
	}
	begun = fair_ms();
	EXPECT_EQ(0, device_destroy(&self->device));
	EXPECT_GT(PROMISE_MS, fair_ms() - begun);
	for (i = 0; i < ARRAY_LENGTH(acts); i++) {
		kill(pids[i], SIGKILL);
		EXPECT_EQ(128 + SIGKILL, wait_exit(pids[i]));
	}
	TH_LOG("registered in %u of %u rounds", registered, ROUNDS);
	EXPECT_LT(0, registered);
}

/* @own: id that is left alone; @laps: grows with each id that was looked at. */
struct late {
	int fd;
	bool stop;
	uint64_t own;
	uint64_t laps;
};

/* Answers with the ids of the past, and of the future. */
static void *answer_others(void *data)
{
	struct late *late = data;
	uint8_t response[64];
	size_t size = tpm_command(response, 0, 0xbad);
	uint64_t id;
	int rc;

	for (id = 1; !__atomic_load_n(&late->stop, __ATOMIC_SEQ_CST); id = id % 600 + 1) {
		__atomic_add_fetch(&late->laps, 1, __ATOMIC_SEQ_CST);
		if (id == __atomic_load_n(&late->own, __ATOMIC_SEQ_CST))
			continue;
		rc = server_answer(late->fd, id, 0, response, size);
		if (rc == -EPIPE)
			break;
	}
	return NULL;
}

/* Returns when no answer to that id is on its way any more. */
static void leave_alone(struct late *late, uint64_t id)
{
	uint64_t laps;

	__atomic_store_n(&late->own, id, __ATOMIC_SEQ_CST);
	laps = __atomic_load_n(&late->laps, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&late->laps, __ATOMIC_SEQ_CST) == laps)
		sleep_ms(1);
}

/* An answer finds the request it names or none: no client sees the marker 0xbad. */
TEST_F_TIMEOUT(danger, stale_answer, 300)
{
	const struct vtpm_create wish = { .running_ms = 60000 };
	struct late late = { 0 };
	struct vtpm_info info;
	struct frame frame;
	pthread_t thread;
	unsigned int i;
	uint32_t got;
	int client;

	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	late.fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_EQ(0, server_drain(late.fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer_others, &late));
	for (i = 0; i < 200; i++) {
		leave_alone(&late, i + 2);
		ASSERT_EQ(0, client_write(client, i));
		ASSERT_LT(0, server_fetch(late.fd, &frame));
		ASSERT_EQ(i + 2, frame.head.id);
		ASSERT_EQ(0, server_echo(late.fd, &frame));
		ASSERT_EQ(0, client_read(client, &got));
		EXPECT_EQ(i, got);
	}
	__atomic_store_n(&late.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_LT(0, info.refused);
	TH_LOG("%llu answers refused", (unsigned long long)info.refused);
}

static bool is_untouched(const uint8_t *bytes, size_t size)
{
	while (size-- > 0)
		if (*bytes++ != 0x77)
			return false;
	return true;
}

/* Short commands and responses after long ones carry nothing of them. */
TEST_F(danger, old_bytes)
{
	uint8_t bytes[VTPM_COMMAND_SIZE + 64], body[VTPM_COMMAND_SIZE - TPM_HEAD];
	struct frame frame;
	int fd, client;
	size_t size;

	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_EQ(0, server_drain(fd));
	memset(body, 0x55, sizeof(body));
	size = tpm_build(bytes, TPM_NO_SESSIONS, TPM_CC_GET_RANDOM, body, sizeof(body));
	ASSERT_EQ((ssize_t)size, write(client, bytes, size));
	ASSERT_LT(0, server_fetch(fd, &frame));
	ASSERT_EQ(0, server_echo(fd, &frame));
	ASSERT_EQ((ssize_t)size, read(client, bytes, sizeof(bytes)));

	ASSERT_EQ(0, client_write(client, 1));
	memset(&frame, 0x77, sizeof(frame));
	ASSERT_EQ((int)sizeof(frame.head) + TPM_HEAD + 4, server_fetch(fd, &frame));
	EXPECT_TRUE(is_untouched(frame.payload + TPM_HEAD + 4,
				 sizeof(frame.payload) - TPM_HEAD - 4));
	tpm_build(bytes, TPM_NO_SESSIONS, 0, NULL, 0);
	ASSERT_EQ(0, server_answer(fd, frame.head.id, 0, bytes, TPM_HEAD));
	memset(bytes, 0x77, sizeof(bytes));
	ASSERT_EQ(TPM_HEAD, read(client, bytes, sizeof(bytes)));
	EXPECT_TRUE(is_untouched(bytes + TPM_HEAD, sizeof(bytes) - TPM_HEAD));
	EXPECT_EQ(0, read(client, bytes, sizeof(bytes)));
}

TEST_HARNESS_MAIN
