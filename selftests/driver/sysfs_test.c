// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/vtpm and uevents: what is shown, to whom, and when it changes.
 *
 * Counters are compared with VTPM_IOC_INFO. uevents are read from the kernel itself,
 * by netlink; udev's links are tested by udev.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake_tpm.h"
#include "harness.h"

#define OWNER 4321

FIXTURE(sysfs) {
	struct device device;
	int control;
};

FIXTURE_SETUP(sysfs)
{
	const struct vtpm_create wish = { .uid = OWNER, .gid = OWNER, .detached_ms = 600000 };

	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, &wish));
}

FIXTURE_TEARDOWN(sysfs)
{
	destroy_all();
	close(self->control);
}

/* What a file of a node says, without its newline; "!" if it cannot be read. */
static const char *shown(const char *node, const char *file)
{
	static char text[256];
	char path[128];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/vtpm/%s/%s", strrchr(node, '/') + 1, file);
	fd = open(path, O_RDONLY);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size < 0)
		return "!";
	text[size] = 0;
	text[strcspn(text, "\n")] = 0;
	return text;
}

static int look(const char *node, const char *file, struct stat *ret_stat)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/vtpm/%s/%s", strrchr(node, '/') + 1, file);
	return stat(path, ret_stat);
}

static const char *chip_node(struct device *device)
{
	struct vtpm_list_entry entries[64];
	struct vtpm_list list = {
		.size = sizeof(list),
		.entries = (uintptr_t)entries,
		.count = ARRAY_LENGTH(entries),
	};
	static char node[64];
	unsigned int i;

	if (call(device->control, VTPM_IOC_LIST, &list))
		return NULL;
	for (i = 0; i < list.count; i++)
		if (!strcmp(entries[i].name, device->name))
			snprintf(node, sizeof(node), "/chip%llu",
				 (unsigned long long)entries[i].serial);
	return node;
}

TEST_F(sysfs, what_it_is)
{
	const char *nodes[] = { self->device.raw, self->device.rm };
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_LENGTH(nodes); i++) {
		EXPECT_STREQ(self->device.name, shown(nodes[i], "name"));
		EXPECT_EQ(36, strlen(shown(nodes[i], "uuid")));
		EXPECT_STREQ("device", shown(nodes[i], "front_end"));
		EXPECT_STREQ("new", shown(nodes[i], "state"));
	}
	fd = device_attach(&self->device, VTPM_ATTACH_RESET);
	EXPECT_STREQ("attached", shown(self->device.rm, "state"));
	close(fd);
	EXPECT_STREQ("detached", shown(self->device.raw, "state"));
	/* What is done with it is shown once, and there is no power to manage. */
	EXPECT_STREQ("!", shown(self->device.rm, "opener"));
	EXPECT_STREQ("!", shown(self->device.rm, "counters/commands"));
	EXPECT_STREQ("!", shown(self->device.raw, "power/control"));
}

TEST_F(sysfs, opener)
{
	char want[64];
	pid_t pid;
	int raw, rm;

	rm = device_open(&self->device, self->device.rm, 0);
	EXPECT_STREQ("", shown(self->device.raw, "opener"));
	raw = device_open(&self->device, self->device.raw, 0);
	snprintf(want, sizeof(want), "%d 0", getpid());
	EXPECT_STREQ(want, shown(self->device.raw, "opener"));
	close(raw);
	EXPECT_STREQ("", shown(self->device.raw, "opener"));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (drop_to_user(OWNER) || open(self->device.raw, O_RDWR) < 0)
			_exit(1);
		snprintf(want, sizeof(want), "%d %d", getpid(), OWNER);
		_exit(strcmp(want, shown(self->device.raw, "opener")) ? 2 : 0);
	}
	EXPECT_EQ(0, wait_exit(pid));
	close(rm);
}

/* Who the node is not open to does not see how busy it is. */
TEST_F(sysfs, whose)
{
	static const char *const files[] = { "opener", "wait_left_ms", "counters/commands" };
	unsigned int i;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (drop_to_user(OWNER + 1))
			_exit(100);
		for (i = 0; i < ARRAY_LENGTH(files); i++)
			if (strcmp("!", shown(self->device.raw, files[i])))
				_exit(1 + i);
		_exit(strcmp(self->device.name, shown(self->device.raw, "name")) ? 50 : 0);
	}
	EXPECT_EQ(0, wait_exit(pid));
	pid = fork();
	if (pid == 0) {
		if (drop_to_user(OWNER))
			_exit(100);
		for (i = 0; i < ARRAY_LENGTH(files); i++)
			if (!strcmp("!", shown(self->device.raw, files[i])))
				_exit(1 + i);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(pid));
}

/* The group's only where the node is; the folder is root's, who owns it could close it. */
TEST_F(sysfs, mode)
{
	const struct vtpm_create wish = { .uid = OWNER, .gid = OWNER, .mode = 0640 };
	struct device open_to_group = { 0 };
	struct stat stat_;

	ASSERT_EQ(0, device_create(&open_to_group, self->control, &wish));
	ASSERT_EQ(0, look(open_to_group.raw, "opener", &stat_));
	EXPECT_EQ(0440, stat_.st_mode & 0777);
	ASSERT_EQ(0, look(self->device.raw, "counters/deaths", &stat_));
	EXPECT_EQ(0400, stat_.st_mode & 0777);
	ASSERT_EQ(0, look(self->device.raw, "opener", &stat_));
	EXPECT_EQ(0400, stat_.st_mode & 0777);
	EXPECT_EQ(OWNER, stat_.st_uid);
	ASSERT_EQ(0, look(self->device.raw, ".", &stat_));
	EXPECT_EQ(0, stat_.st_uid);
	EXPECT_EQ(0, stat_.st_gid);
}

TEST_F(sysfs, counters)
{
	struct vtpm_info info;
	struct frame frame;
	struct {
		const char *file;
		uint64_t value;
	} counters[9];
	unsigned int i;
	char want[32];
	int raw, fd;

	fd = device_attach(&self->device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
	raw = device_open(&self->device, self->device.raw, O_NONBLOCK);
	/* Redelivered, answered, refused, lost, waiting: each counter has another number. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, client_write(raw, 1));
		ASSERT_LT(0, server_fetch_command(fd, &frame));
		close(fd);
		fd = device_attach(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS);
		ASSERT_LT(0, server_fetch_command(fd, &frame));
		ASSERT_EQ(0, server_echo(fd, &frame));
		EXPECT_EQ(-ESTALE, server_echo(fd, &frame));
		ASSERT_EQ(0, client_read(raw, &(uint32_t){ 0 }));
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-ESTALE, server_echo(fd, &frame));
	ASSERT_EQ(0, client_write(raw, 1));
	close(fd);
	ASSERT_EQ(0, device_info(&self->device, &info));
	counters[0].file = "clients", counters[0].value = info.clients;
	counters[1].file = "queued", counters[1].value = info.queued;
	counters[2].file = "commands", counters[2].value = info.commands;
	counters[3].file = "redelivered", counters[3].value = info.redelivered;
	counters[4].file = "poisoned", counters[4].value = info.poisoned;
	counters[5].file = "lost", counters[5].value = info.lost;
	counters[6].file = "cancelled", counters[6].value = info.cancelled;
	counters[7].file = "refused", counters[7].value = info.refused;
	counters[8].file = "deaths", counters[8].value = info.deaths;
	for (i = 0; i < ARRAY_LENGTH(counters); i++) {
		char file[32];

		snprintf(file, sizeof(file), "counters/%s", counters[i].file);
		snprintf(want, sizeof(want), "%llu", (unsigned long long)counters[i].value);
		EXPECT_STREQ(want, shown(self->device.raw, file));
	}
	EXPECT_EQ(3, info.commands);
	EXPECT_EQ(1, info.queued);
	EXPECT_EQ(1, info.clients);
	EXPECT_EQ(5, info.refused);
	EXPECT_EQ(4, info.deaths);
	close(raw);
}

TEST_F(sysfs, wait_left)
{
	long before, after;
	int raw;

	raw = device_open(&self->device, self->device.raw, O_NONBLOCK);
	/* Its OPEN waits, for ever. */
	EXPECT_STREQ("-1", shown(self->device.raw, "wait_left_ms"));
	ASSERT_EQ(0, client_write(raw, 1));
	before = atol(shown(self->device.raw, "wait_left_ms"));
	EXPECT_GE(600000, before);
	EXPECT_LT(600000 - PATIENCE_MS, before);
	sleep_ms(50);
	after = atol(shown(self->device.raw, "wait_left_ms"));
	EXPECT_GE(before - 49, after);
	close(raw);
	EXPECT_STREQ("-1", shown(self->device.raw, "wait_left_ms"));
}

/* A chip has no node; its name is the TPM core's, and goes when the chip does. */
TEST_F(sysfs, chip)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device chip = { 0 };
	struct vtpm_info info;
	uint64_t begun = now_ms();
	char want[32] = "";
	const char *node;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, device_create(&chip, self->control, &wish));
	node = chip_node(&chip);
	EXPECT_STREQ("chip", shown(node, "front_end"));
	EXPECT_STREQ(chip.name, shown(node, "name"));
	EXPECT_STREQ("", shown(node, "tpm"));
	EXPECT_STREQ("!", shown(node, "dev"));
	EXPECT_STREQ("!", shown(node, "cancel"));
	fd = device_attach(&chip, VTPM_ATTACH_RESET);
	ASSERT_LE(0, fd);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fake_tpm_serve_framed(fd, -1);
		_exit(0);
	}
	do {
		sleep_ms(20);
		ASSERT_EQ(0, device_info(&chip, &info));
	} while (info.chip < 0 && now_ms() - begun < PATIENCE_MS);
	snprintf(want, sizeof(want), "tpm%d", info.chip);
	EXPECT_STREQ(want, shown(node, "tpm"));
	EXPECT_STREQ("attached", shown(node, "state"));
	EXPECT_NE(0, atol(shown(node, "counters/commands")));
	ASSERT_EQ(0, device_destroy(&chip));
	EXPECT_STREQ("!", shown(node, "name"));
	kill(pid, SIGKILL);
	wait_exit(pid);
	close(fd);
}

static int uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	int size = 1 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -1 : fd;
}

/* Whether an event with all of these, and VTPM_NAME, comes. */
static bool heard(int fd, const char *name, const char *const wanted[])
{
	char text[4096], has[80];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	unsigned int i, missing;
	ssize_t size;
	char *line;

	snprintf(has, sizeof(has), "VTPM_NAME=%s", name);
	while (poll(&poll_fd, 1, LIMIT_MS) == 1) {
		size = recv(fd, text, sizeof(text) - 1, 0);
		if (size <= 0)
			continue;
		text[size] = 0;
		missing = 1;
		for (i = 0; wanted[i]; i++)
			missing++;
		for (line = text; line < text + size; line += strlen(line) + 1) {
			missing -= !strcmp(line, has);
			for (i = 0; wanted[i]; i++)
				missing -= !strcmp(line, wanted[i]);
		}
		if (!missing)
			return true;
	}
	return false;
}

TEST_F(sysfs, uevents)
{
	static const char *const added[] = { "ACTION=add", "VTPM_NODE=rm", "VTPM_STATE=new", NULL };
	static const char *const attached[] = { "ACTION=change", "VTPM_NODE=raw",
						"VTPM_STATE=attached", NULL };
	static const char *const detached[] = { "ACTION=change", "VTPM_NODE=rm",
						"VTPM_STATE=detached", NULL };
	static const char *const removed[] = { "ACTION=remove", "VTPM_NODE=raw", NULL };
	static const char *const chip_added[] = { "ACTION=add", "VTPM_NODE=chip", NULL };
	const struct vtpm_create chip_wish = {
		.front_end = VTPM_FRONT_END_CHIP,
		.flags = VTPM_CREATE_ALLOW_DEFAULT,
	};
	struct device device = { 0 }, chip = { 0 };
	int fd, events = uevents();

	ASSERT_LE(0, events);
	ASSERT_EQ(0, device_create(&device, self->control, NULL));
	EXPECT_TRUE(heard(events, device.name, added));
	fd = device_attach(&device, VTPM_ATTACH_RESET);
	EXPECT_TRUE(heard(events, device.name, attached));
	close(fd);
	EXPECT_TRUE(heard(events, device.name, detached));
	ASSERT_EQ(0, device_destroy(&device));
	EXPECT_TRUE(heard(events, device.name, removed));
	ASSERT_EQ(0, device_create(&chip, self->control, &chip_wish));
	EXPECT_TRUE(heard(events, chip.name, chip_added));
	/* An attached device that goes says so once: it is removed, it has not changed. */
	ASSERT_LE(0, fd = device_attach(&self->device, VTPM_ATTACH_RESET));
	EXPECT_TRUE(heard(events, self->device.name, attached));
	ASSERT_EQ(0, device_destroy(&self->device));
	EXPECT_FALSE(heard(events, self->device.name, detached));
	close(fd);
	close(events);
}

/* Files are read while devices, servers and openers come and go. */
TEST_F(sysfs, storm)
{
	static const char *const files[] = {
		"name", "state", "opener", "wait_left_ms", "counters/commands", "uevent",
	};
	uint64_t begun = now_ms();
	unsigned int i, rounds = 0;
	struct device device;
	int fd, raw;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (i = 0;; i++) {
			char node[32];

			snprintf(node, sizeof(node), "/vtpm%u",
				 self->device.create.index + i / 6 % 64);
			shown(node, files[i % ARRAY_LENGTH(files)]);
		}
	}
	while (now_ms() - begun < 3000) {
		memset(&device, 0, sizeof(device));
		ASSERT_EQ(0, device_create(&device, self->control, NULL));
		fd = device_attach(&device, VTPM_ATTACH_RESET);
		raw = device_open(&device, device.raw, O_NONBLOCK);
		ASSERT_EQ(0, client_write(raw, 1));
		close(fd);
		ASSERT_EQ(0, device_destroy(&device));
		close(raw);
		rounds++;
	}
	kill(pid, SIGKILL);
	wait_exit(pid);
	TH_LOG("%u devices", rounds);
}

TEST_HARNESS_MAIN
