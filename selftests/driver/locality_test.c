// SPDX-License-Identifier: GPL-2.0
/*
 * VTPM_IOC_LOCALITY: who may set it, when, and which commands have it.
 *
 * The test is the server and looks at the locality in each frame.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fake_tpm.h"
#include "harness.h"

FIXTURE(locality) {
	struct device device;
	int control;
	int server;
	int client;
};

FIXTURE_SETUP(locality)
{
	const struct vtpm_create wish = { .mode = 0666 };

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	self->server = device_attach(&self->device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, self->server);
	self->client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, server_drain(self->server));
}

FIXTURE_TEARDOWN(locality)
{
	destroy_all();
	close(self->client);
	close(self->server);
	close(self->control);
}

static int set(int fd, uint32_t locality)
{
	struct vtpm_locality arg = { .size = sizeof(arg), .locality = locality };

	return call(fd, VTPM_IOC_LOCALITY, &arg);
}

/* Run one command of a non-blocking client: the locality its frame has, or an errno. */
static int seen(int server, int client)
{
	struct frame frame;
	uint32_t got;
	int rc;

	rc = client_write(client, 1);
	if (!rc)
		rc = server_fetch_command(server, &frame);
	if (rc < 0)
		return rc;
	rc = server_echo(server, &frame);
	if (!rc)
		rc = client_read(client, &got);
	return rc ?: frame.head.locality;
}

/* It stays until it is set again, and is this open file's alone. */
TEST_F(locality, of_later_commands)
{
	uint32_t locality;
	int other;

	EXPECT_EQ(0, seen(self->server, self->client));
	for (locality = 4; locality <= 4; locality--) {
		ASSERT_EQ(0, set(self->client, locality));
		EXPECT_EQ((int)locality, seen(self->server, self->client));
		EXPECT_EQ((int)locality, seen(self->server, self->client));
	}
	ASSERT_EQ(0, set(self->client, 3));
	other = device_open(&self->device, self->device.raw, O_NONBLOCK);
	EXPECT_EQ(0, seen(self->server, other));
	ASSERT_EQ(0, set(other, 2));
	EXPECT_EQ(2, seen(self->server, other));
	EXPECT_EQ(3, seen(self->server, self->client));
	close(other);
	other = device_open(&self->device, self->device.raw, O_NONBLOCK);
	EXPECT_EQ(0, seen(self->server, other));
	close(other);
}

/* errno:LOCALITY:EINVAL */
TEST_F(locality, values)
{
	struct vtpm_locality arg = { .size = sizeof(arg), .locality = 1, .__reserved = 1 };

	ASSERT_EQ(0, set(self->client, 1));
	EXPECT_EQ(-EINVAL, set(self->client, 5));
	EXPECT_EQ(-EINVAL, set(self->client, 32));
	EXPECT_EQ(-EINVAL, set(self->client, 256));
	EXPECT_EQ(-EINVAL, set(self->client, 0xffffffff));
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_LOCALITY, &arg));
	EXPECT_EQ(1, seen(self->server, self->client));
}

/* errno:LOCALITY:E2BIG errno:LOCALITY:EOPNOTSUPP errno:LOCALITY:EFAULT */
TEST_F(locality, sizes)
{
	struct {
		struct vtpm_locality arg;
		uint32_t more;
	} longer = { .arg = { .size = sizeof(longer), .locality = 2 } };
	struct vtpm_locality *arg = &longer.arg;
	unsigned int bit;

	EXPECT_EQ(0, call(self->client, VTPM_IOC_LOCALITY, arg));
	longer.more = 1;
	EXPECT_EQ(-E2BIG, call(self->client, VTPM_IOC_LOCALITY, arg));
	arg->size = 4097;
	EXPECT_EQ(-E2BIG, call(self->client, VTPM_IOC_LOCALITY, arg));
	arg->size = sizeof(*arg) - 1;
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_LOCALITY, arg));
	arg->size = 0;
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_LOCALITY, arg));
	arg->size = sizeof(*arg);
	for (bit = 0; bit < 32; bit++) {
		arg->flags = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, call(self->client, VTPM_IOC_LOCALITY, arg));
	}
	EXPECT_EQ(-EFAULT, call(self->client, VTPM_IOC_LOCALITY, bad_address()));
	EXPECT_EQ(-ENOTTY, call(self->client, VTPM_IOC_WAKE, NULL));
	EXPECT_EQ(-ENOTTY, call(self->client, VTPM_IOC_PROOF + 1, arg));
	EXPECT_EQ(-ENOTTY, call(self->server, VTPM_IOC_LOCALITY, arg));
	EXPECT_EQ(2, seen(self->server, self->client));
}

/* errno:LOCALITY:EPERM at the call, whoever opened; and what was set stays set */
TEST_F(locality, privilege)
{
	pid_t pid;

	ASSERT_EQ(0, set(self->client, 4));
	pid = fork();
	if (pid == 0) {
		int own;

		if (drop_to_user(65534))
			_exit(1);
		own = device_open(&self->device, self->device.rm, O_NONBLOCK);
		if (own < 0 || set(own, 0) != -EPERM)
			_exit(2);
		if (set(self->client, 0) != -EPERM)
			_exit(3);
		_exit(seen(self->server, self->client) == 4 ? 0 : 4);
	}
	EXPECT_EQ(0, wait_exit(pid));
}

/* errno:LOCALITY:EBUSY and the command that was under way keeps its own */
TEST_F(locality, while_a_command_runs)
{
	struct frame frame;
	uint32_t got;

	ASSERT_EQ(0, set(self->client, 1));
	ASSERT_EQ(0, client_write(self->client, 7));
	EXPECT_EQ(-EBUSY, set(self->client, 2));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	EXPECT_EQ(1, frame.head.locality);
	EXPECT_EQ(-EBUSY, set(self->client, 2));
	ASSERT_EQ(0, server_echo(self->server, &frame));
	/* The response waits to be read, nothing runs. */
	EXPECT_EQ(0, set(self->client, 2));
	EXPECT_EQ(0, client_read(self->client, &got));
	EXPECT_EQ(7, got);
	EXPECT_EQ(2, seen(self->server, self->client));
}

/* A blocking write of another process: the file is busy, too. */
TEST_F(locality, while_another_writes)
{
	int client = device_open(&self->device, self->device.raw, 0);
	struct frame frame;
	pid_t pid;

	ASSERT_LE(0, client);
	ASSERT_EQ(0, server_drain(self->server));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-client_write(client, 1));
	}
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	EXPECT_EQ(-EBUSY, set(client, 2));
	ASSERT_EQ(0, server_echo(self->server, &frame));
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(0, set(client, 2));
	close(client);
}

/* What is redelivered has the locality it was written with. */
TEST_F(locality, redelivered)
{
	struct frame frame;

	close(self->server);
	self->server = device_attach(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, set(self->client, 3));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	close(self->server);
	self->server = device_attach(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	EXPECT_EQ(VTPM_FRAME_REDELIVERED, frame.head.flags);
	EXPECT_EQ(3, frame.head.locality);
	ASSERT_EQ(0, server_echo(self->server, &frame));
}

/* The TPM core asks for locality 0 and for no other, once. */
TEST_F(locality, chip)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device chip = { 0 };
	struct frame frame;
	int fd;

	ASSERT_EQ(0, device_create(&chip, self->control, &wish));
	fd = device_attach(&chip, VTPM_ATTACH_RESET);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	EXPECT_EQ(VTPM_NODE_CHIP, frame.head.node);
	EXPECT_EQ(0, frame.head.locality);
	/* In the frame, not in band. */
	EXPECT_NE(TPM_CC_SET_LOCALITY, tpm_code(frame.payload));
	ASSERT_EQ(0, device_destroy(&chip));
	close(fd);
}

TEST_HARNESS_MAIN
