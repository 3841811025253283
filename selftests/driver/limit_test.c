// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what, and how much of it: capabilities, owners, limits, INFO's answers.
 *
 * The open control node is the right to the VTPM_IOC calls: what counts is who
 * opened it. VTPM_PROXY_IOC_NEW_DEV asks at the call, as mainline does. What needs
 * another user runs in a child process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>

#include "common.h"
#include "harness.h"

#define USER 4246

FIXTURE(limit) {
	struct device device;
	int control;
};

FIXTURE_SETUP(limit)
{
	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
}

FIXTURE_TEARDOWN(limit)
{
	destroy_all();
	close(self->control);
}

static int new_dev(int control)
{
	struct vtpm_proxy_new_dev arg = { .flags = VTPM_PROXY_FLAG_TPM2 };
	int rc = call(control, VTPM_PROXY_IOC_NEW_DEV, &arg);

	return rc ? rc : (int)arg.fd;
}

/*
 * errno:CREATE:EPERM errno:DESTROY:EPERM errno:ATTACH:EPERM errno:DETACH:EPERM
 * errno:INFO:EPERM errno:LIST:EPERM errno:TELL:EPERM errno:NEW_DEV:EPERM
 */
TEST_F(limit, opened_without_capability)
{
	static const unsigned long cmds[] = {
		VTPM_IOC_CREATE, VTPM_IOC_DESTROY, VTPM_IOC_ATTACH, VTPM_IOC_DETACH, VTPM_IOC_INFO,
		VTPM_IOC_LIST, VTPM_IOC_TELL,
	};
	struct stat node;
	unsigned int i;
	pid_t pid;

	ASSERT_EQ(0, stat(control_path(), &node));
	EXPECT_EQ(0600, node.st_mode & 07777);
	EXPECT_EQ(0, node.st_uid);
	EXPECT_EQ(0, node.st_gid);
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	ASSERT_EQ(0, chmod(control_path(), 0666));
	pid = fork();
	if (pid == 0) {
		if (drop_to_user(USER))
			_exit(100);
		self->device.control = control_open();
		for (i = 0; i < ARRAY_LENGTH(cmds); i++)
			if (call(self->device.control, cmds[i], &self->device.create) != -EPERM)
				_exit(i + 1);
		_exit(new_dev(self->device.control) == -EPERM ? 0 : 50);
	}
	EXPECT_EQ(0, wait_exit(pid));
	ASSERT_EQ(0, chmod(control_path(), 0600));
}

/* A manager opens the node, drops its rights and goes on. */
TEST_F(limit, opened_with_capability)
{
	struct vtpm_info info;
	pid_t pid;
	int fd;

	pid = fork();
	if (pid == 0) {
		if (drop_to_user(USER) || device_create(&self->device, self->control, NULL))
			_exit(1);
		fd = device_attach(&self->device, VTPM_ATTACH_RESET);
		if (fd < 0 || device_info(&self->device, &info) || device_detach(&self->device))
			_exit(2);
		if (new_dev(self->control) != -EPERM)
			_exit(3);
		_exit(device_destroy(&self->device) ? 4 : 0);
	}
	EXPECT_EQ(0, wait_exit(pid));
}

TEST_F(limit, owners_and_modes)
{
	const struct vtpm_create wish = { .uid = 12, .gid = 34, .mode = 0641 };
	struct vtpm_info info;
	struct stat node;
	unsigned int i;

	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, stat(i ? self->device.rm : self->device.raw, &node));
		EXPECT_EQ(S_IFCHR | 0641, node.st_mode);
		EXPECT_EQ(12, node.st_uid);
		EXPECT_EQ(34, node.st_gid);
		EXPECT_EQ(self->device.create.major, major(node.st_rdev));
		EXPECT_EQ(self->device.create.minor + i, minor(node.st_rdev));
	}
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(12, info.uid);
	EXPECT_EQ(34, info.gid);
	EXPECT_EQ(0641, info.mode);
	ASSERT_EQ(0, device_destroy(&self->device));
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	ASSERT_EQ(0, stat(self->device.raw, &node));
	EXPECT_EQ(S_IFCHR | 0600, node.st_mode);
	EXPECT_EQ(0, node.st_uid);
}

TEST_F(limit, information)
{
	const struct vtpm_create wish = { .detached_ms = 5, .running_ms = 3600000 };
	struct vtpm_info info;
	int fd, client;

	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(0, memcmp(info.uuid, self->device.uuid, 16));
	EXPECT_EQ(VTPM_FRONT_END_DEVICE, info.front_end);
	EXPECT_EQ(0, info.create_flags);
	EXPECT_EQ(VTPM_STATE_NEW, info.state);
	EXPECT_EQ(self->device.create.index, info.index);
	EXPECT_EQ(self->device.create.major, info.major);
	EXPECT_EQ(self->device.create.minor, info.minor);
	EXPECT_EQ(-1, info.chip);
	EXPECT_EQ(0, info.server_pid);
	EXPECT_EQ(5, info.detached_ms);
	EXPECT_EQ(3600000, info.running_ms);
	EXPECT_EQ(0, info.instance);
	EXPECT_EQ(0, info.deaths);

	fd = device_attach(&self->device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
	client = device_open(&self->device, self->device.raw, O_NONBLOCK);
	ASSERT_EQ(0, client_write(client, 1));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(VTPM_STATE_ATTACHED, info.state);
	EXPECT_EQ(VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS, info.attach_flags);
	EXPECT_EQ(getpid(), info.server_pid);
	EXPECT_EQ(self->device.instance, info.instance);
	EXPECT_EQ(1, info.clients);
	EXPECT_EQ(2, info.queued);
	close(fd);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(VTPM_STATE_DETACHED, info.state);
	EXPECT_EQ(0, info.attach_flags);
	EXPECT_EQ(0, info.server_pid);
	EXPECT_EQ(1, info.deaths);
	close(client);

	/* 0 means the defaults. */
	ASSERT_EQ(0, device_destroy(&self->device));
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(10000, info.detached_ms);
	EXPECT_EQ(30000, info.running_ms);
}

/* errno:CREATE:EDQUOT */
TEST_F(limit, devices_of_a_user)
{
	const struct vtpm_create wish = { .uid = USER };
	struct device devices[4] = { 0 };
	unsigned int i, old;

	ASSERT_EQ(0, parameter_set("max_devices_per_uid", 3, &old));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, device_create(&devices[i], self->control, &wish));
	EXPECT_EQ(-EDQUOT, device_create(&devices[3], self->control, &wish));
	EXPECT_EQ(0, device_create(&self->device, self->control, NULL));
	EXPECT_EQ(0, device_destroy(&devices[0]));
	EXPECT_EQ(0, device_create(&devices[3], self->control, &wish));
	EXPECT_EQ(0, parameter_set("max_devices_per_uid", old, NULL));
}

/* errno:CREATE:ENOSPC */
TEST_F_TIMEOUT(limit, device_numbers, 2000)
{
	uint64_t begun = now_ms();
	unsigned int old, i;
	int rc;

	if (!getenv("VTPM_TEST_SLOW"))
		SKIP(return, "makes 32768 devices, minutes; set VTPM_TEST_SLOW=1");
	ASSERT_EQ(0, parameter_set("max_devices_per_uid", 40000, &old));
	for (i = 0; i < 40000; i++) {
		self->device.name[0] = 0;
		rc = device_create(&self->device, self->control, NULL);
		if (rc)
			break;
	}
	EXPECT_EQ(-ENOSPC, rc);
	EXPECT_EQ(32768, i);
	TH_LOG("%u devices in %llu ms", i, (unsigned long long)(now_ms() - begun));
	EXPECT_EQ(0, parameter_set("max_devices_per_uid", old, NULL));
}

/* A number just given back is not the next one given out. */
TEST_F(limit, numbers_go_round)
{
	uint32_t first;

	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	first = self->device.create.index;
	ASSERT_EQ(0, device_destroy(&self->device));
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	EXPECT_NE(first, self->device.create.index);
}

/* errno:ATTACH:EMFILE errno:NEW_DEV:EMFILE */
TEST_F(limit, no_file_numbers)
{
	struct rlimit limit = { 3, 64 };
	struct vtpm_info info;

	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, device_attach(&self->device, VTPM_ATTACH_RESET));
	EXPECT_EQ(-EMFILE, new_dev(self->control));
	limit.rlim_cur = 64;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(VTPM_STATE_NEW, info.state);
	EXPECT_LE(0, device_attach(&self->device, VTPM_ATTACH_RESET));
}

/* errno:ATTACH:ENFILE */
TEST_F(limit, no_files)
{
	struct vtpm_info info;
	int many[256], i;
	unsigned long old;
	FILE *file;
	pid_t pid;

	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	/* The kernel counts files per processor and adds them up in dozens. */
	for (i = 0; i < 256; i++)
		many[i] = open("/dev/null", O_RDONLY);
	file = fopen("/proc/sys/fs/file-max", "r+");
	ASSERT_NE(NULL, file);
	ASSERT_EQ(1, fscanf(file, "%lu", &old));
	rewind(file);
	fprintf(file, "1\n");
	fflush(file);
	pid = fork();
	if (pid == 0)
		_exit(drop_to_user(USER) ||
		      device_attach(&self->device, VTPM_ATTACH_RESET) != -ENFILE);
	EXPECT_EQ(0, wait_exit(pid));
	rewind(file);
	fprintf(file, "%lu\n", old);
	fclose(file);
	for (i = 0; i < 256; i++)
		close(many[i]);
	ASSERT_EQ(0, device_info(&self->device, &info));
	EXPECT_EQ(VTPM_STATE_NEW, info.state);
}

/* In a user namespace ids are the caller's, and those without a mapping none. */
TEST_F(limit, user_namespace)
{
	const struct vtpm_create wishes[] = { { .uid = 1 }, { .gid = 1 }, { .mode = 0600 } };
	struct vtpm_info info;
	unsigned int i;
	FILE *file;
	pid_t pid;
	int rc;

	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER))
			_exit(77);
		for (i = 0; i < 3; i++) {
			file = fopen((const char *[]){ "/proc/self/setgroups", "/proc/self/uid_map",
						       "/proc/self/gid_map" }[i], "w");
			if (!file || fputs(i ? "0 0 1\n" : "deny\n", file) < 0 || fclose(file))
				_exit(77);
		}
		for (i = 0; i < 3; i++) {
			self->device.name[0] = 0;
			rc = device_create(&self->device, self->control, &wishes[i]);
			if (rc != (i < 2 ? -EINVAL : 0))
				_exit(i + 1);
		}
		if (device_info(&self->device, &info) || info.uid || info.gid)
			_exit(4);
		_exit(0);
	}
	rc = wait_exit(pid);
	if (rc == 77)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, rc);
}

/* errno:CREATE:ENXIO */
TEST_F(limit, chip_needs_hardware)
{
	struct vtpm_create wish = { .front_end = VTPM_FRONT_END_CHIP };
	bool hardware = access("/sys/class/tpm/tpm0/device/driver", F_OK) == 0;

	EXPECT_EQ(hardware ? 0 : -ENXIO, device_create(&self->device, self->control, &wish));
	if (hardware)
		EXPECT_EQ(0, device_destroy(&self->device));
	wish.flags = VTPM_CREATE_ALLOW_DEFAULT;
	EXPECT_EQ(0, device_create(&self->device, self->control, &wish));
	EXPECT_EQ(UINT32_MAX, self->device.create.index);
	EXPECT_EQ(0, self->device.create.major);
	EXPECT_EQ(0, self->device.create.minor);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "vtpm", O_NONBLOCK) ? -errno : 0;
}

/* Each device holds the module, and so does each open file; none for ever. */
TEST_F(limit, module_stays)
{
	pid_t pids[4];
	unsigned int i, j;

	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	close(self->control);
	EXPECT_NE(0, unload());
	self->control = self->device.control = control_open();
	ASSERT_LE(0, self->control);
	/* With files, devices and calls coming and going. */
	for (i = 0; i < ARRAY_LENGTH(pids); i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (j = 0; j < 200; j++) {
			struct device device = { .control = control_open() };

			if (i == 0) {
				unload();
			} else if (i == 1) {
				close(device_open(&device, self->device.rm, O_NONBLOCK));
			} else {
				device_create(&device, device.control, NULL);
				device_destroy(&device);
			}
			close(device.control);
		}
		_exit(0);
	}
	for (i = 0; i < ARRAY_LENGTH(pids); i++)
		EXPECT_EQ(0, wait_exit(pids[i]));
	EXPECT_EQ(0, access(self->device.raw, F_OK));
}

TEST_HARNESS_MAIN
