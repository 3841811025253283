// SPDX-License-Identifier: GPL-2.0
/*
 * VTPM_PROXY_IOC_NEW_DEV: what a program written for tpm_vtpm_proxy relies on.
 *
 * A chip that lives as long as the returned file, numbers told in advance, bare
 * framing, mainline's errors. The server is a thread or process around the fake TPM
 * (fake_tpm.h); "after k commands" walks a server's death over every command of the
 * registration.
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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "fake_tpm.h"
#include "harness.h"

FIXTURE(proxy) {
	struct vtpm_proxy_new_dev device;
	int control;
	int fd;
	char node[32];
};

static int new_dev(int control, struct vtpm_proxy_new_dev *device, uint32_t flags)
{
	*device = (struct vtpm_proxy_new_dev){ .flags = flags };
	return call(control, VTPM_PROXY_IOC_NEW_DEV, device);
}

FIXTURE_SETUP(proxy)
{
	destroy_all();
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, new_dev(self->control, &self->device, VTPM_PROXY_FLAG_TPM2));
	self->fd = self->device.fd;
	snprintf(self->node, sizeof(self->node), "/dev/tpm%u", self->device.tpm_num);
}

FIXTURE_TEARDOWN(proxy)
{
	destroy_all();
	close(self->fd);
	close(self->control);
}

static bool exists(void *path)
{
	return access(path, F_OK) == 0;
}

static bool is_gone(void *path)
{
	return access(path, F_OK) != 0;
}

static void *serve(void *fd)
{
	return (void *)(intptr_t)fake_tpm_serve_bare((intptr_t)fd, -1);
}

/* errno:NEW_DEV:EOPNOTSUPP errno:NEW_DEV:EFAULT */
TEST_F(proxy, errors)
{
	struct vtpm_proxy_new_dev device;
	unsigned int bit;

	for (bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, new_dev(self->control, &device, 1U << bit));
	EXPECT_EQ(-EFAULT, call(self->control, VTPM_PROXY_IOC_NEW_DEV, bad_address()));
	EXPECT_EQ(-EFAULT, call(self->control, VTPM_PROXY_IOC_NEW_DEV, NULL));
	/* No O_CLOEXEC: swtpm is started with the file. */
	EXPECT_EQ(0, fcntl(self->fd, F_GETFD));
}

TEST_F(proxy, comes_and_goes)
{
	struct stat node;
	pthread_t thread;
	char rm[32];
	int client, i;
	void *rc;

	ASSERT_EQ(0, pthread_create(&thread, NULL, serve, (void *)(intptr_t)self->fd));
	ASSERT_TRUE(eventually(exists, self->node, PATIENCE_MS));
	ASSERT_EQ(0, stat(self->node, &node));
	EXPECT_EQ(self->device.major, major(node.st_rdev));
	EXPECT_EQ(self->device.minor, minor(node.st_rdev));
	client = open(self->node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, client);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, tpm_get_random(client));
	snprintf(rm, sizeof(rm), "/dev/tpmrm%u", self->device.tpm_num);
	/* The core adds it after the other one. */
	ASSERT_TRUE(eventually(exists, rm, PATIENCE_MS));
	i = open(rm, O_RDWR | O_CLOEXEC);
	EXPECT_LE(0, i);
	EXPECT_EQ(0, tpm_get_random(i));
	destroy_all();
	EXPECT_TRUE(is_gone(self->node));
	pthread_join(thread, &rc);
	EXPECT_EQ(-EPIPE, (intptr_t)rc);
	EXPECT_EQ(-EPIPE, tpm_get_random(client));
	EXPECT_EQ(-EPIPE, tpm_get_random(i));
	close(client);
	close(i);
}

/* The file's last copy ends the device; a forked one keeps it. */
TEST_F(proxy, dies_with_its_file)
{
	pid_t pid = fork();

	if (pid == 0) {
		fake_tpm_serve_bare(self->fd, -1);
		_exit(0);
	}
	close(self->fd);
	ASSERT_TRUE(eventually(exists, self->node, PATIENCE_MS));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(pid));
	EXPECT_TRUE(eventually(is_gone, self->node, PATIENCE_MS));
	self->fd = -1;
}

/* errno:ATTACH:EBUSY for the devices of NEW_DEV; DETACH ends them. */
TEST_F(proxy, by_name)
{
	struct vtpm_list_entry entry;
	struct vtpm_list list = {
		.size = sizeof(list), .entries = (uintptr_t)&entry, .count = 1,
	};
	struct device device = { .control = self->control };
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN };
	struct vtpm_info info;
	uint8_t bytes[64];

	ASSERT_EQ(0, call(self->control, VTPM_IOC_LIST, &list));
	ASSERT_EQ(1, list.count);
	memcpy(device.name, entry.name, sizeof(device.name));
	EXPECT_EQ(0, strncmp(device.name, "proxy-", 6));
	ASSERT_EQ(0, device_info(&device, &info));
	EXPECT_EQ(VTPM_INFO_PROXY, info.create_flags);
	EXPECT_EQ(VTPM_FRONT_END_CHIP, info.front_end);
	EXPECT_EQ(VTPM_STATE_ATTACHED, info.state);
	EXPECT_EQ(-EBUSY, device_attach(&device, VTPM_ATTACH_RESET));
	EXPECT_EQ(0, device_detach(&device));
	EXPECT_EQ(-ENOENT, device_info(&device, &info));
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLHUP, poll_fd.revents & POLLHUP);
	EXPECT_EQ(-1, read(self->fd, bytes, sizeof(bytes)));
	EXPECT_EQ(EPIPE, errno);
}

/* errno:EXCHANGE:ENOTTY errno:WAKE:ENOTTY errno:ABANDONED:ENOTTY and mainline's EIO */
TEST_F(proxy, bare_framing)
{
	uint8_t command[VTPM_COMMAND_SIZE], response[VTPM_COMMAND_SIZE + 1] = { 0 };
	struct vtpm_exchange exchange = { .size = sizeof(exchange) };

	EXPECT_EQ(-ENOTTY, call(self->fd, VTPM_IOC_EXCHANGE, &exchange));
	EXPECT_EQ(-ENOTTY, call(self->fd, VTPM_IOC_WAKE, NULL));
	EXPECT_EQ(-ENOTTY, call(self->fd, VTPM_IOC_ABANDONED, NULL));
	EXPECT_EQ(-1, write(self->fd, response, 10));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, read(self->fd, command, 4));
	EXPECT_EQ(EIO, errno);
	/* A buffer that was too small has not lost the command: the first is the locality's. */
	EXPECT_LT(10, read(self->fd, command, sizeof(command)));
	EXPECT_EQ(TPM_CC_SET_LOCALITY, tpm_code(command));
	EXPECT_EQ(-1, write(self->fd, response, sizeof(response)));
	EXPECT_EQ(EIO, errno);
	tpm_build(response, TPM_NO_SESSIONS, 0, NULL, 0);
	EXPECT_EQ(10, write(self->fd, response, 10));
	EXPECT_EQ(-1, write(self->fd, response, 10));
	EXPECT_EQ(EIO, errno);
}

/*
 * The server dies after k commands of the registration: its exit is the last
 * close (order 0), or another process closes later, a command in flight (order 1).
 */
TEST_F(proxy, death_during_registration)
{
	struct vtpm_proxy_new_dev device;
	uint64_t begun, longest = 0;
	int k, order;
	pid_t pid;

	for (order = 0; order < 2; order++) {
		for (k = 0; k <= 8; k++) {
			ASSERT_EQ(0, new_dev(self->control, &device, VTPM_PROXY_FLAG_TPM2));
			pid = fork();
			if (pid == 0) {
				/* All are answered, or there are no more. */
				alarm(1);
				fake_tpm_serve_bare(device.fd, k);
				_exit(0);
			}
			if (order == 0)
				close(device.fd);
			wait_exit(pid);
			begun = fair_ms();
			if (order == 1)
				close(device.fd);
			destroy_all();
			begun = fair_ms() - begun;
			longest = begun > longest ? begun : longest;
		}
	}
	EXPECT_GT(PROMISE_MS, longest);
	TH_LOG("longest end: %llu ms", (unsigned long long)longest);
}

/* A user cannot speak the in-band locality command. */
TEST_F(proxy, locality_command)
{
	uint8_t command[16], body[1] = { 3 };
	pthread_t thread;
	int client, rm;
	char path[32];

	ASSERT_EQ(0, pthread_create(&thread, NULL, serve, (void *)(intptr_t)self->fd));
	ASSERT_TRUE(eventually(exists, self->node, PATIENCE_MS));
	client = open(self->node, O_RDWR);
	snprintf(path, sizeof(path), "/dev/tpmrm%u", self->device.tpm_num);
	rm = open(path, O_RDWR);
	tpm_build(command, TPM_SESSIONS, TPM_CC_SET_LOCALITY, body, 1);
	EXPECT_EQ(-1, write(client, command, 11));
	EXPECT_EQ(EFAULT, errno);
	tpm_build(command, 193, TPM_CC_SET_LOCALITY, body, 1);
	EXPECT_EQ(-1, write(client, command, 11));
	EXPECT_EQ(EFAULT, errno);
	write(rm, command, 11);
	EXPECT_EQ(0, tpm_get_random(client));
	close(client);
	close(rm);
	destroy_all();
	pthread_join(thread, NULL);
}

/* Another one's hung server delays neither this registration nor its own end. */
TEST_F(proxy, hung_neighbours)
{
	struct vtpm_proxy_new_dev hung[8];
	uint64_t begun, took;
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(hung); i++)
		ASSERT_EQ(0, new_dev(self->control, &hung[i], VTPM_PROXY_FLAG_TPM2));
	begun = now_ms();
	ASSERT_EQ(0, pthread_create(&thread, NULL, serve, (void *)(intptr_t)self->fd));
	EXPECT_TRUE(eventually(exists, self->node, PATIENCE_MS));
	TH_LOG("registered in %llu ms", (unsigned long long)(now_ms() - begun));
	begun = fair_ms();
	for (i = 0; i < ARRAY_LENGTH(hung); i++)
		close(hung[i].fd);
	took = fair_ms() - begun;
	TH_LOG("8 hung ones closed in %llu ms", (unsigned long long)took);
	EXPECT_GT(PROMISE_MS, took);
	destroy_all();
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
