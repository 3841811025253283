// SPDX-License-Identifier: GPL-2.0
/*
 * The control node: every call with every error that <linux/vtpm.h> documents.
 *
 * Rules common to all calls are run over a table of the six calls; what is
 * particular to CREATE is a table of one wrong member each. A row or a comment
 * names what it covers, errno:<call>:<errno>, and selftests/lint/errnos compares these
 * names with the header. Devices are asked for by a name that does not exist where
 * that is enough, so that a wrongly accepted argument shows as ENOENT.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

#define USER 4242

/* Head of all arguments. */
struct head {
	uint32_t size;
	uint32_t flags;
};

union argument {
	struct head head;
	struct vtpm_create create;
	struct vtpm_destroy destroy;
	struct vtpm_attach attach;
	struct vtpm_detach detach;
	struct vtpm_info info;
	struct vtpm_list list;
	struct vtpm_tell tell;
	uint8_t bytes[512];
};

static struct vtpm_list_entry entries[8];

/* A valid argument for a device that does not exist; @rc is what the call says. */
static const struct {
	unsigned long cmd;
	const char *name;
	size_t size;
	uint32_t flags;
	int rc;
} calls[] = {
	{ VTPM_IOC_CREATE, "CREATE", sizeof(struct vtpm_create), 0, 0 },
	{ VTPM_IOC_DESTROY, "DESTROY", sizeof(struct vtpm_destroy), 0, -ENOENT },
	{ VTPM_IOC_ATTACH, "ATTACH", sizeof(struct vtpm_attach), VTPM_ATTACH_RESET, -ENOENT },
	{ VTPM_IOC_DETACH, "DETACH", sizeof(struct vtpm_detach), 0, -ENOENT },
	{ VTPM_IOC_INFO, "INFO", sizeof(struct vtpm_info), 0, -ENOENT },
	{ VTPM_IOC_LIST, "LIST", sizeof(struct vtpm_list), 0, 0 },
	{ VTPM_IOC_TELL, "TELL", sizeof(struct vtpm_tell), 0, -ENOENT },
};

static void fill(union argument *arg, unsigned int i, struct device *device)
{
	device_name(device);
	memset(arg, 0, sizeof(*arg));
	arg->head.size = calls[i].size;
	arg->head.flags = calls[i].flags;
	if (calls[i].cmd == VTPM_IOC_LIST) {
		arg->list.entries = (uintptr_t)entries;
		arg->list.count = ARRAY_LENGTH(entries);
		return;
	}
	memcpy(arg->destroy.name, device->name, sizeof(device->name));
	if (calls[i].cmd == VTPM_IOC_TELL)
		arg->tell.error = EIO;
	if (calls[i].cmd == VTPM_IOC_CREATE) {
		memcpy(arg->create.uuid, device->uuid, sizeof(device->uuid));
		arg->create.front_end = VTPM_FRONT_END_DEVICE;
	}
}

FIXTURE(control) {
	struct device device;
	int fd;
};

FIXTURE_SETUP(control)
{
	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->fd = self->device.control = control_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(control)
{
	destroy_all();
	close(self->fd);
}

/* errno:COMMON:ENOTTY */
TEST_F(control, unknown_call)
{
	union argument arg = { .head.size = sizeof(arg) };
	unsigned int i;

	for (i = 0; i < 256; i++) {
		if (i == 0 || (i >= VTPM_CMD_CREATE && i <= VTPM_CMD_TELL))
			continue;
		EXPECT_EQ(-ENOTTY, call(self->fd, _IO(VTPM_IOC_TYPE, i), &arg));
	}
	EXPECT_EQ(-ENOTTY, call(self->fd, _IO(VTPM_IOC_TYPE + 1, VTPM_CMD_CREATE), &arg));
	EXPECT_EQ(-ENOTTY, call(self->fd, _IOW(VTPM_IOC_TYPE, VTPM_CMD_CREATE, int), &arg));
}

/*
 * errno:CREATE:EINVAL errno:DESTROY:EINVAL errno:ATTACH:EINVAL errno:DETACH:EINVAL
 * errno:INFO:EINVAL errno:LIST:EINVAL errno:TELL:EINVAL
 * errno:CREATE:E2BIG errno:DESTROY:E2BIG errno:ATTACH:E2BIG errno:DETACH:E2BIG
 * errno:INFO:E2BIG errno:LIST:E2BIG errno:TELL:E2BIG
 */
TEST_F(control, sizes)
{
	union argument arg;
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(calls); i++) {
		TH_LOG("%s", calls[i].name);
		fill(&arg, i, &self->device);
		EXPECT_EQ(calls[i].rc, call(self->fd, calls[i].cmd, &arg));
		fill(&arg, i, &self->device);
		arg.head.size = 0;
		EXPECT_EQ(-EINVAL, call(self->fd, calls[i].cmd, &arg));
		arg.head.size = calls[i].size - 1;
		EXPECT_EQ(-EINVAL, call(self->fd, calls[i].cmd, &arg));
		/* A newer caller: what is unknown here is zero. */
		fill(&arg, i, &self->device);
		arg.head.size = calls[i].size + 1;
		EXPECT_EQ(calls[i].rc, call(self->fd, calls[i].cmd, &arg));
		fill(&arg, i, &self->device);
		arg.head.size = sizeof(arg);
		EXPECT_EQ(calls[i].rc, call(self->fd, calls[i].cmd, &arg));
		/* Or not. */
		fill(&arg, i, &self->device);
		arg.head.size = calls[i].size + 1;
		arg.bytes[calls[i].size] = 1;
		EXPECT_EQ(-E2BIG, call(self->fd, calls[i].cmd, &arg));
		fill(&arg, i, &self->device);
		arg.head.size = sizeof(arg);
		arg.bytes[sizeof(arg) - 1] = 1;
		EXPECT_EQ(-E2BIG, call(self->fd, calls[i].cmd, &arg));
		arg.head.size = 4097;
		EXPECT_EQ(-E2BIG, call(self->fd, calls[i].cmd, &arg));
	}
}

/*
 * errno:CREATE:EOPNOTSUPP errno:DESTROY:EOPNOTSUPP errno:ATTACH:EOPNOTSUPP
 * errno:DETACH:EOPNOTSUPP errno:INFO:EOPNOTSUPP errno:LIST:EOPNOTSUPP
 * errno:TELL:EOPNOTSUPP
 */
TEST_F(control, unknown_flags)
{
	static const uint32_t known[] = {
		VTPM_CREATE_HWRNG | VTPM_CREATE_ALLOW_DEFAULT, 0,
		VTPM_ATTACH_RESET | VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS | VTPM_ATTACH_ASKS,
		0, 0, 0, 0,
	};
	union argument arg;
	unsigned int i, bit;

	for (i = 0; i < ARRAY_LENGTH(calls); i++) {
		for (bit = 0; bit < 32; bit++) {
			if (known[i] & 1U << bit)
				continue;
			fill(&arg, i, &self->device);
			arg.head.flags |= 1U << bit;
			EXPECT_EQ(-EOPNOTSUPP, call(self->fd, calls[i].cmd, &arg));
		}
	}
}

/*
 * errno:CREATE:EFAULT errno:DESTROY:EFAULT errno:ATTACH:EFAULT errno:DETACH:EFAULT
 * errno:INFO:EFAULT errno:LIST:EFAULT errno:TELL:EFAULT
 */
TEST_F(control, bad_addresses)
{
	uint8_t *page = page_before_hole(), *at;
	union argument arg;
	unsigned int i;

	ASSERT_NE(NULL, page);
	for (i = 0; i < ARRAY_LENGTH(calls); i++) {
		EXPECT_EQ(-EFAULT, call(self->fd, calls[i].cmd, NULL));
		EXPECT_EQ(-EFAULT, call(self->fd, calls[i].cmd, page + 4096));
		/* All is there but the last byte. */
		fill(&arg, i, &self->device);
		at = page + 4096 - calls[i].size + 1;
		memcpy(at, &arg, calls[i].size - 1);
		EXPECT_EQ(-EFAULT, call(self->fd, calls[i].cmd, at));
		/* The structure is there, the rest of the largest size is not. */
		arg.head.size = 4096;
		at = page + 4096 - calls[i].size;
		memcpy(at, &arg, calls[i].size);
		EXPECT_EQ(-EFAULT, call(self->fd, calls[i].cmd, at));
	}
}

/* The answer cannot be written: nothing has changed. */
TEST_F(control, read_only_argument)
{
	uint8_t *page = page_before_hole();
	struct device *device = &self->device;
	union argument arg;
	struct vtpm_info info;

	ASSERT_NE(NULL, page);
	fill(&arg, 0, device);
	memcpy(page, &arg, sizeof(arg));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, VTPM_IOC_CREATE, page));
	EXPECT_EQ(-ENOENT, device_info(device, &info));

	ASSERT_EQ(0, device_create(device, self->fd, NULL));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	arg.attach = (struct vtpm_attach){ .size = sizeof(arg.attach), .flags = VTPM_ATTACH_RESET };
	memcpy(arg.attach.name, device->name, sizeof(device->name));
	memcpy(page, &arg, sizeof(arg));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, VTPM_IOC_ATTACH, page));
	ASSERT_EQ(0, device_info(device, &info));
	EXPECT_EQ(VTPM_STATE_NEW, info.state);
	EXPECT_EQ(0, info.instance);
}

/* Longer than any known structure, and only so much comes back. */
TEST_F(control, no_more_than_asked)
{
	struct {
		struct vtpm_info info;
		uint8_t tail[16];
	} arg;

	ASSERT_EQ(0, device_create(&self->device, self->fd, NULL));
	memset(&arg, 0, sizeof(arg));
	arg.info.size = sizeof(arg);
	memcpy(arg.info.name, self->device.name, sizeof(arg.info.name));
	EXPECT_EQ(0, call(self->fd, VTPM_IOC_INFO, &arg));
	EXPECT_EQ(sizeof(arg), arg.info.size);
	EXPECT_EQ(0, arg.tail[0]);
	EXPECT_EQ(VTPM_FRONT_END_DEVICE, arg.info.front_end);
}

TEST_F(control, names)
{
	static const char *const good[] = { "a", "Z.9_-", "_", "0", "a..b", "a-" };
	static const char *const bad[] = { "", ".", "..", "-a", ".a", "a/b", "a b", "a\n", "\x80", "\xe9",
					   "a\x7f", "a:b", "../a" };
	union argument arg;
	unsigned int i, j;

	for (i = 0; i < ARRAY_LENGTH(good); i++) {
		device_name(&self->device);
		memset(self->device.name, 0, sizeof(self->device.name));
		strcpy(self->device.name, good[i]);
		EXPECT_EQ(0, device_create(&self->device, self->fd, NULL));
		EXPECT_EQ(0, device_destroy(&self->device));
	}
	for (i = 0; i < ARRAY_LENGTH(calls); i++) {
		if (calls[i].cmd == VTPM_IOC_LIST)
			continue;
		for (j = 0; j < ARRAY_LENGTH(bad); j++) {
			fill(&arg, i, &self->device);
			memset(arg.destroy.name, 0, VTPM_NAME_SIZE);
			strcpy(arg.destroy.name, bad[j]);
			EXPECT_EQ(-EINVAL, call(self->fd, calls[i].cmd, &arg));
		}
		/* 64 characters have no end; 63 are a name. */
		memset(arg.destroy.name, 'n', VTPM_NAME_SIZE);
		EXPECT_EQ(-EINVAL, call(self->fd, calls[i].cmd, &arg));
		arg.destroy.name[VTPM_NAME_SIZE - 1] = 0;
		EXPECT_EQ(calls[i].rc, call(self->fd, calls[i].cmd, &arg));
		destroy_all();
	}
}

/* One wrong member each, in an argument that is right otherwise. */
static const struct {
	const char *name;
	size_t offset;
	uint32_t value;
	uint32_t front_end;
	uint32_t flags;
	int rc;
} wrong[] = {
#define DEVICE_ROW(member, value, rc)                                            \
	{                                                                        \
#member "=" #value, offsetof(struct vtpm_create, member), value, \
			VTPM_FRONT_END_DEVICE, 0, rc                             \
	}
#define CHIP_ROW(member, value, rc) \
	{ "chip " #member "=" #value, offsetof(struct vtpm_create, member), value, \
	  VTPM_FRONT_END_CHIP, VTPM_CREATE_ALLOW_DEFAULT, rc }
	DEVICE_ROW(front_end, 0, -EINVAL),
	DEVICE_ROW(front_end, 3, -EINVAL),
	DEVICE_ROW(front_end, 0x10001, -EINVAL),
	DEVICE_ROW(mode, 0777, 0),
	DEVICE_ROW(mode, 01000, -EINVAL),
	DEVICE_ROW(mode, 04600, -EINVAL),
	DEVICE_ROW(mode, 0xffffffff, -EINVAL),
	DEVICE_ROW(uid, 0xffffffff, -EINVAL),
	DEVICE_ROW(gid, 0xffffffff, -EINVAL),
	DEVICE_ROW(uid, 0xfffffffe, 0),
	DEVICE_ROW(detached_ms, 1, 0),
	DEVICE_ROW(detached_ms, 3600000, 0),
	DEVICE_ROW(detached_ms, 3600001, -EINVAL),
	DEVICE_ROW(detached_ms, 0xffffffff, -EINVAL),
	DEVICE_ROW(running_ms, 1, 0),
	DEVICE_ROW(running_ms, 3600000, 0),
	DEVICE_ROW(running_ms, 3600001, -EINVAL),
	DEVICE_ROW(__reserved, 1, -EINVAL),
	DEVICE_ROW(__reserved, 0x80000000, -EINVAL),
	DEVICE_ROW(flags, VTPM_CREATE_HWRNG, -EINVAL),
	DEVICE_ROW(flags, VTPM_CREATE_ALLOW_DEFAULT, -EINVAL),
	CHIP_ROW(uid, 1, -EINVAL),
	CHIP_ROW(gid, 1, -EINVAL),
	CHIP_ROW(mode, 0600, -EINVAL),
	CHIP_ROW(mode, 0, 0),
	CHIP_ROW(flags, VTPM_CREATE_ALLOW_DEFAULT | VTPM_CREATE_HWRNG, 0),
};

TEST_F(control, create_members)
{
	union argument arg;
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(wrong); i++) {
		fill(&arg, 0, &self->device);
		arg.create.front_end = wrong[i].front_end;
		arg.create.flags = wrong[i].flags;
		memcpy(arg.bytes + wrong[i].offset, &wrong[i].value, sizeof(wrong[i].value));
		EXPECT_EQ(wrong[i].rc, call(self->fd, VTPM_IOC_CREATE, &arg)) {
			TH_LOG("CREATE with %s", wrong[i].name);
		}
	}
	fill(&arg, 0, &self->device);
	memset(arg.create.uuid, 0, sizeof(arg.create.uuid));
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_CREATE, &arg));
	fill(&arg, 0, &self->device);
	strcpy(arg.create.name, "proxy-1");
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_CREATE, &arg));
}

/* errno:CREATE:EEXIST */
TEST_F(control, create_taken)
{
	struct device second;

	ASSERT_EQ(0, device_create(&self->device, self->fd, NULL));
	memset(&second, 0, sizeof(second));
	device_name(&second);
	memcpy(second.name, self->device.name, sizeof(second.name));
	EXPECT_EQ(-EEXIST, device_create(&second, self->fd, NULL));
	device_name(&second);
	memcpy(second.uuid, self->device.uuid, sizeof(second.uuid));
	EXPECT_EQ(-EEXIST, device_create(&second, self->fd, NULL));
	EXPECT_EQ(0, device_destroy(&self->device));
	EXPECT_EQ(0, device_create(&second, self->fd, NULL));
}

/*
 * errno:DESTROY:ENOENT errno:ATTACH:ENOENT errno:DETACH:ENOENT errno:INFO:ENOENT
 * errno:DETACH:ENOTCONN errno:ATTACH:EBUSY errno:ATTACH:ESTALE
 */
TEST_F(control, wrong_moment)
{
	struct device *device = &self->device;
	struct vtpm_info info;
	int server;

	device_name(device);
	EXPECT_EQ(-ENOENT, device_destroy(device));
	EXPECT_EQ(-ENOENT, device_attach(device, VTPM_ATTACH_RESET));
	EXPECT_EQ(-ENOENT, device_detach(device));
	EXPECT_EQ(-ENOENT, device_info(device, &info));

	ASSERT_EQ(0, device_create(device, self->fd, NULL));
	EXPECT_EQ(-ENOTCONN, device_detach(device));
	EXPECT_EQ(-EINVAL, device_attach(device, 0));
	EXPECT_EQ(-EINVAL, device_attach(device, VTPM_ATTACH_JOURNALS));
	EXPECT_EQ(-EINVAL, device_attach(device, VTPM_ATTACH_RESET | VTPM_ATTACH_RESUME));
	EXPECT_EQ(-ESTALE, device_attach(device, VTPM_ATTACH_RESUME));

	server = device_attach(device, VTPM_ATTACH_RESET);
	ASSERT_LE(0, server);
	EXPECT_EQ(FD_CLOEXEC, fcntl(server, F_GETFD));
	EXPECT_EQ(0, fcntl(server, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EBUSY, device_attach(device, VTPM_ATTACH_RESET));
	EXPECT_EQ(-EBUSY, device_attach(device, VTPM_ATTACH_RESUME));
	EXPECT_EQ(0, device_detach(device));
	EXPECT_EQ(-ENOTCONN, device_detach(device));
	device->instance++;
	EXPECT_EQ(-ESTALE, device_attach(device, VTPM_ATTACH_RESUME));
	EXPECT_EQ(0, device_destroy(device));
	EXPECT_EQ(-ENOENT, device_destroy(device));
	close(server);
}

TEST_F(control, attach_reserved)
{
	struct vtpm_attach arg = {
		.size = sizeof(arg),
		.flags = VTPM_ATTACH_RESET,
		.__reserved = 1,
	};

	ASSERT_EQ(0, device_create(&self->device, self->fd, NULL));
	memcpy(arg.name, self->device.name, sizeof(arg.name));
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_ATTACH, &arg));
}

TEST_F(control, list)
{
	struct vtpm_list list = {
		.size = sizeof(list), .entries = (uintptr_t)entries, .count = 2,
	};
	struct device devices[5] = { 0 };
	uint64_t last = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(devices); i++)
		ASSERT_EQ(0, device_create(&devices[i], self->fd, NULL));
	for (i = 0; i < ARRAY_LENGTH(devices); i++) {
		if (i % 2 == 0) {
			list.count = 2;
			ASSERT_EQ(0, call(self->fd, VTPM_IOC_LIST, &list));
			ASSERT_EQ(i == 4 ? 1 : 2, list.count);
		}
		EXPECT_STREQ(devices[i].name, entries[i % 2].name);
		EXPECT_EQ(0, memcmp(devices[i].uuid, entries[i % 2].uuid, 16));
		EXPECT_LT(last, entries[i % 2].serial);
		last = entries[i % 2].serial;
	}
	EXPECT_EQ(last, list.cursor);
	list.count = 2;
	EXPECT_EQ(0, call(self->fd, VTPM_IOC_LIST, &list));
	EXPECT_EQ(0, list.count);
	EXPECT_EQ(last, list.cursor);

	list.cursor = 0;
	list.count = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_LIST, &list));
	list.count = 65537;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_LIST, &list));
	list.count = 65536;
	list.__reserved = 1;
	EXPECT_EQ(-EINVAL, call(self->fd, VTPM_IOC_LIST, &list));
	list.__reserved = 0;
	list.entries = 8;
	EXPECT_EQ(-EFAULT, call(self->fd, VTPM_IOC_LIST, &list));
	EXPECT_EQ(65536, list.count);
}

/* Eight makers at once: what a cursor has passed never shows up behind it. */
TEST_F(control, list_during_creation)
{
	struct vtpm_list list = { .size = sizeof(list), .entries = (uintptr_t)entries };
	unsigned int i, j, seen = 0;
	struct device device;
	pid_t pids[8];

	for (i = 0; i < ARRAY_LENGTH(pids); i++) {
		pids[i] = fork();
		for (j = 0; pids[i] == 0 && j < 25; j++) {
			memset(&device, 0, sizeof(device));
			if (device_create(&device, self->fd, NULL))
				_exit(1);
		}
		if (pids[i] == 0)
			_exit(0);
	}
	for (i = 0; i < ARRAY_LENGTH(pids); ) {
		if (waitpid(pids[i], NULL, WNOHANG) == pids[i])
			i++;
		list.count = ARRAY_LENGTH(entries);
		ASSERT_EQ(0, call(self->fd, VTPM_IOC_LIST, &list));
		seen += list.count;
	}
	do {
		list.count = ARRAY_LENGTH(entries);
		ASSERT_EQ(0, call(self->fd, VTPM_IOC_LIST, &list));
		seen += list.count;
	} while (list.count);
	EXPECT_EQ(200, seen);
}

TEST_HARNESS_MAIN
