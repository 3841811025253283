// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: the times they tell are the times it took, and a histogram can be made of
 * them as Documentation/driver.rst shows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>

#include "common.h"
#include "harness.h"

#define TRACING "/sys/kernel/tracing/"
#define ANSWERED TRACING "events/vtpm/vtpm_answered/"
#define HISTOGRAM "hist:keys=running_ns.log2:sort=running_ns if kind == 1"

FIXTURE(trace) {
	struct device device;
	int control;
	int server;
	int client;
};

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t rc = fd < 0 ? -1 : write(fd, text, strlen(text));

	rc = rc < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static const char *get(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "r");

	text[file ? fread(text, 1, sizeof(text) - 1, file) : 0] = 0;
	if (file)
		fclose(file);
	return text;
}

FIXTURE_SETUP(trace)
{
	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(&self->device, self->control, NULL));
	self->server = device_attach(&self->device, VTPM_ATTACH_RESET);
	self->client = device_open(&self->device, self->device.rm, O_NONBLOCK);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, server_drain(self->server));
	if (access(ANSWERED, F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	ASSERT_EQ(0, access(ANSWERED, F_OK));
	ASSERT_EQ(0, put(TRACING "trace", ""));
}

FIXTURE_TEARDOWN(trace)
{
	put(TRACING "events/vtpm/enable", "0");
	destroy_all();
	close(self->client);
	close(self->server);
	close(self->control);
}

/* The number behind the last @name of @event, or 0. */
static unsigned long long told(const char *event, const char *name)
{
	const char *line, *at, *found = NULL;

	for (line = get(TRACING "trace"); (line = strstr(line, event)); line++)
		found = line;
	at = found ? strstr(found, name) : NULL;
	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* 60 ms in the queue, 120 ms in the server, at least, and not much more than it took. */
TEST_F(trace, times)
{
	unsigned long long begun, queued, running, took;
	struct frame frame;

	ASSERT_EQ(0, put(TRACING "events/vtpm/enable", "1"));
	begun = now_ms();
	ASSERT_EQ(0, client_write(self->client, 1));
	sleep_ms(60);
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	sleep_ms(120);
	ASSERT_EQ(0, server_echo(self->server, &frame));
	took = now_ms() - begun + 1;
	ASSERT_EQ(0, put(TRACING "events/vtpm/enable", "0"));

	EXPECT_LT(0, told("vtpm_queued:", "size="));
	queued = told("vtpm_answered:", "queued_ns=");
	running = told("vtpm_answered:", "running_ns=");
	EXPECT_EQ(queued, told("vtpm_taken:", "queued_ns="));
	EXPECT_LE(60000000, queued);
	EXPECT_LE(120000000, running);
	EXPECT_GE(took * 1000000, queued + running);
}

/* The time of an abandoned one is its server's, not its client's. */
TEST_F(trace, abandoned)
{
	struct frame frame;

	ASSERT_EQ(0, put(TRACING "events/vtpm/enable", "1"));
	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	sleep_ms(60);
	close(self->client);
	ASSERT_EQ(-ESTALE, server_echo(self->server, &frame));
	ASSERT_EQ(0, put(TRACING "events/vtpm/enable", "0"));
	EXPECT_LE(60000000, told("vtpm_answered:", "running_ns="));
	self->client = -1;
}

TEST_F(trace, histogram)
{
	struct server server;
	const char *total;
	uint32_t i;
	int rc;

	rc = put(ANSWERED "trigger", HISTOGRAM);
	if (rc == -EINVAL || rc == -ENOENT)
		SKIP(return, "no histogram triggers");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, server_start(&server, self->server));
	fcntl(self->client, F_SETFL, 0);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, client_run(self->client, i));
	total = strstr(get(ANSWERED "hist"), "Hits: ");
	ASSERT_NE(NULL, total);
	EXPECT_EQ(100, atoi(total + strlen("Hits: ")));
	EXPECT_NE(NULL, strstr(get(ANSWERED "hist"), "running_ns: ~ 2^"));
	ASSERT_EQ(0, put(ANSWERED "trigger", "!" HISTOGRAM));
	server_stop(&server);
}

TEST_HARNESS_MAIN
