// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of the kernel's allocations and copies: see inject.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject.h"

#define DEBUGFS "/sys/kernel/debug"
#define SECTIONS "/sys/module/vtpm/sections/.text"
#define CORESIZE "/sys/module/vtpm/coresize"

static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
static __thread int fail_nth = -1;
/* The kernel's own count of what could have failed, as far as inject_anywhere() moved it. */
static unsigned int seen;

static int put(const char *kind, const char *file, const char *text)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", kind, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int put_number(const char *kind, const char *file, unsigned long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%#lx", number);
	return put(kind, file, text);
}

/* A file with one number in it. */
static int get_number(const char *path, unsigned long *ret_number)
{
	FILE *file = fopen(path, "re");
	char text[32] = "";
	int rc;

	if (!file)
		return -errno;
	rc = fgets(text, sizeof(text), file) ? 0 : -EIO;
	fclose(file);
	*ret_number = strtoul(text, NULL, 0);
	return rc;
}

/* 0, or why this kernel cannot. */
int inject_init(void)
{
	unsigned int i;
	int rc = 0;

	rc = inject_arm(0);
	for (i = 0; !rc && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		rc = put(kinds[i], "verbose", "0");
		rc = rc ?: put(kinds[i], "probability", "0");
		rc = rc ?: put(kinds[i], "stacktrace-depth", "32");
	}
	rc = rc ?: put("failslab", "ignore-gfp-wait", "N");
	rc = rc ?: put("fail_page_alloc", "ignore-gfp-wait", "N");
	rc = rc ?: put("fail_page_alloc", "ignore-gfp-highmem", "N");
	return rc ?: put("fail_page_alloc", "min-order", "0");
}

static int filter(unsigned long begin, unsigned long end)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		rc = put_number(kinds[i], "require-start", begin) ?:
		     put_number(kinds[i], "require-end", end);
	return rc;
}

int inject_below_module(void)
{
	unsigned long begin, size;
	int rc = get_number(SECTIONS, &begin);

	rc = rc ?: get_number(CORESIZE, &size);
	return rc ?: filter(begin, begin + size);
}

int inject_below_symbol(const char *name)
{
	unsigned long begin = 0, address;
	FILE *file = fopen("/proc/kallsyms", "re");
	char symbol[256];

	if (!file)
		return -errno;
	/* In order of addresses: the next symbol is the end of this one. */
	while (fscanf(file, "%lx %*c %255s%*[^\n]", &address, symbol) == 2) {
		if (begin && address > begin)
			break;
		if (!strcmp(symbol, name))
			begin = address;
	}
	fclose(file);
	return begin ? filter(begin, address) : -ENOENT;
}

int inject_arm(unsigned int n)
{
	char text[16];

	if (fail_nth < 0)
		fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		return -errno;
	snprintf(text, sizeof(text), "%u", n);
	return pwrite(fail_nth, text, strlen(text), 0) < 0 ? -errno : 0;
}

bool inject_disarm(void)
{
	char text[16] = { 0 };
	bool done = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	inject_arm(0);
	return done;
}

/*
 * The kernel counts on from call to call and fails what makes its count a multiple of
 * `interval`, which it does not look at below 2.
 */
int inject_anywhere(unsigned int n)
{
	int rc;

	if (!n)
		return put("failslab", "probability", "0");
	rc = put("failslab", "task-filter", "N");

	rc = rc ?: put_number("failslab", "interval", seen + n > 1 ? seen + n : 1);
	rc = rc ?: put("failslab", "times", "1");
	if (seen + n > 1)
		seen += n;
	return rc ?: put("failslab", "probability", "100");
}

bool inject_anywhere_done(void)
{
	unsigned long times = 1;

	get_number(DEBUGFS "/failslab/times", &times);
	return !times;
}
