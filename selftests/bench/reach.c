// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to reach a TPM: libtpms in this process, libtpms in a child behind a pair of pipes
 * (the least that any server in user space costs), a TPM's character device, or a stream
 * socket with bare TPM commands.
 */
#define _GNU_SOURCE
#include "reach.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>

/* Part 3, 9.3: TPM2_Startup(CLEAR) */
static const uint8_t startup[] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0 };

static TPM_RESULT nvram_init(void)
{
	return TPM_SUCCESS;
}

static TPM_RESULT nvram_load(unsigned char **data, uint32_t *length, uint32_t number,
			     const char *name)
{
	(void)data;
	(void)length;
	(void)number;
	(void)name;
	return TPM_RETRY;
}

static TPM_RESULT nvram_store(const unsigned char *data, uint32_t length, uint32_t number,
			      const char *name)
{
	(void)data;
	(void)length;
	(void)number;
	(void)name;
	return TPM_SUCCESS;
}

static TPM_RESULT nvram_delete(uint32_t number, const char *name, TPM_BOOL must_exist)
{
	(void)number;
	(void)name;
	(void)must_exist;
	return TPM_SUCCESS;
}

static size_t run_inproc(const uint8_t *command, size_t length, uint8_t *response)
{
	static unsigned char *buffer;
	static uint32_t room;
	uint8_t copy[REACH_MAX];
	uint32_t size = 0;

	memcpy(copy, command, length);
	if (TPMLIB_Process(&buffer, &size, &room, copy, length) != TPM_SUCCESS)
		errx(1, "libtpms failed");
	memcpy(response, buffer, size);
	return size;
}

void reach_libtpms(struct reach *reach)
{
	struct libtpms_callbacks callbacks = {
		.sizeOfStruct = sizeof(callbacks),
		.tpm_nvram_init = nvram_init,
		.tpm_nvram_loaddata = nvram_load,
		.tpm_nvram_storedata = nvram_store,
		.tpm_nvram_deletename = nvram_delete,
	};
	uint8_t response[REACH_MAX];

	*reach = (struct reach){ .name = "inproc", .in = -1, .out = -1 };
	TPMLIB_RegisterCallbacks(&callbacks);
	TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2);
	if (TPMLIB_MainInit() != TPM_SUCCESS)
		errx(1, "libtpms did not start");
	run_inproc(startup, sizeof(startup), response);
}

static void serve_pipe(int in, int out)
{
	uint8_t command[REACH_MAX], response[REACH_MAX];
	struct reach libtpms;
	size_t size;
	ssize_t n;

	reach_libtpms(&libtpms);
	while ((n = read(in, command, sizeof(command))) > 0) {
		size = run_inproc(command, n, response);
		if (write(out, response, size) != (ssize_t)size)
			break;
	}
	_exit(0);
}

/* Before reach_libtpms(): a child of a running TPM would be the same TPM. */
void reach_pipe(struct reach *reach)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		close(to[1]);
		close(from[0]);
		serve_pipe(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	*reach = (struct reach){ .name = "pipe", .in = from[0], .out = to[1] };
}

static int open_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;
	int fd;

	if (stat(path, &status) || !S_ISSOCK(status.st_mode))
		return open(path, O_RDWR | O_CLOEXEC);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -1 : fd;
}

void reach_path(struct reach *reach, char *name_and_path)
{
	char *equals = strchr(name_and_path, '=');
	int fd;

	if (!equals)
		errx(2, "%s: want NAME=PATH", name_and_path);
	*equals = 0;
	fd = open_path(equals + 1);
	if (fd < 0)
		err(1, "%s", equals + 1);
	*reach = (struct reach){ .name = name_and_path, .in = fd, .out = fd };
}

size_t reach_run(const struct reach *reach, const uint8_t *command, size_t size, uint8_t *response)
{
	ssize_t n;

	if (reach->in < 0)
		return run_inproc(command, size, response);
	if (write(reach->out, command, size) != (ssize_t)size)
		err(1, "%s: write", reach->name);
	n = read(reach->in, response, REACH_MAX);
	return n < 0 ? 0 : n;
}

/* Two idle processors wake each other slowly: everything is on one. */
void reach_pin(void)
{
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
}

double bench_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, int n)
{
	qsort(values, n, sizeof(values[0]), compare);
	return values[n / 2];
}

double bench_minimum(const double *values, int n)
{
	double least = values[0];

	for (int i = 1; i < n; i++)
		if (values[i] < least)
			least = values[i];
	return least;
}
