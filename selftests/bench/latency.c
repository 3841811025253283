// SPDX-License-Identifier: GPL-2.0
/*
 * Time from command to response, several ways to reach a TPM side by side.
 *
 *	latency [--rounds R] [--count N] [--json FILE] NAME=PATH...
 *
 * Two contestants are always there: "inproc", libtpms called in this process, and
 * "pipe", libtpms in a child behind a pair of pipes on the same CPU: the least that
 * any server in user space costs. NAME=PATH adds a TPM's character device, or a stream
 * socket with bare TPM commands.
 *
 * All contestants take turns: a round runs N commands on each of them. The median of
 * a round is robust against the odd interrupt; the minimum of the medians
 * over all rounds is robust against the two speeds a virtual machine has. Times
 * of different runs are not comparable, ratios within one run are.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
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

#define MAX_CONTESTANTS 16
#define MAX_COUNT 100000

struct contestant {
	const char *name;
	int in;
	int out;
	double *medians;
};

struct command {
	const char *name;
	uint8_t bytes[80];
	size_t size;
};

/* Part 3: GetRandom (16.1), PCR_Read (22.4), PCR_Extend of PCR 16 (22.2). */
static const struct command startup = {
	"Startup", { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0 }, 12
};
static const struct command commands[] = {
	{ "GetRandom(16)", { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16 }, 12 },
	{ "PCR_Read", { 0x80, 1, 0, 0, 0, 20, 0, 0, 1, 0x7e, 0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0 },
	  20 },
	{ "PCR_Extend", { 0x80, 2, 0, 0, 0, 65, 0, 0, 1, 0x82, 0, 0, 0, 16, 0, 0, 0, 9,
			  0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x0b, 1, 2, 3 }, 65 },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

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

static size_t run_inproc(const struct command *command, uint8_t *response)
{
	static unsigned char *buffer;
	static uint32_t room;
	uint8_t copy[sizeof(command->bytes)];
	uint32_t size = 0;

	memcpy(copy, command->bytes, command->size);
	if (TPMLIB_Process(&buffer, &size, &room, copy, command->size) != TPM_SUCCESS)
		errx(1, "libtpms failed");
	memcpy(response, buffer, size);
	return size;
}

static void start_libtpms(void)
{
	struct libtpms_callbacks callbacks = {
		.sizeOfStruct = sizeof(callbacks),
		.tpm_nvram_init = nvram_init,
		.tpm_nvram_loaddata = nvram_load,
		.tpm_nvram_storedata = nvram_store,
		.tpm_nvram_deletename = nvram_delete,
	};
	uint8_t response[4096];

	TPMLIB_RegisterCallbacks(&callbacks);
	TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2);
	if (TPMLIB_MainInit() != TPM_SUCCESS)
		errx(1, "libtpms did not start");
	run_inproc(&startup, response);
}

static void serve_pipe(int in, int out)
{
	struct command command = { 0 };
	uint8_t response[4096];
	size_t size;
	ssize_t n;

	start_libtpms();
	while ((n = read(in, command.bytes, sizeof(command.bytes))) > 0) {
		command.size = n;
		size = run_inproc(&command, response);
		if (write(out, response, size) != (ssize_t)size)
			break;
	}
	_exit(0);
}

static void start_pipe(struct contestant *c)
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
	c->in = from[0];
	c->out = to[1];
}

static void run(struct contestant *c, const struct command *command)
{
	uint8_t response[4096];
	ssize_t size;

	if (c->in < 0) {
		size = run_inproc(command, response);
	} else {
		if (write(c->out, command->bytes, command->size) != (ssize_t)command->size)
			err(1, "%s: write %s", c->name, command->name);
		size = read(c->in, response, sizeof(response));
	}
	if (size < 10 || memcmp(response + 6, "\0\0\0", 4))
		errx(1, "%s: %s failed (%zd bytes)", c->name, command->name, size);
}

static double now_us(void)
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

static double median_of_round(struct contestant *c, const struct command *command, int count)
{
	static double times[MAX_COUNT];

	for (int i = 0; i < 20; i++)
		run(c, command);
	for (int i = 0; i < count; i++) {
		double start = now_us();

		run(c, command);
		times[i] = now_us() - start;
	}
	qsort(times, count, sizeof(times[0]), compare);
	return times[count / 2];
}

static double minimum(const double *values, int n)
{
	double least = values[0];

	for (int i = 1; i < n; i++)
		if (values[i] < least)
			least = values[i];
	return least;
}

static void report(FILE *json, const struct command *command, const struct contestant *all, int n,
		   int rounds)
{
	double pipe = minimum(all[1].medians, rounds);

	for (int i = 0; i < n; i++) {
		double best = minimum(all[i].medians, rounds);

		printf("%-14s %-10s %10.1f us   %6.2f x pipe\n", command->name, all[i].name, best,
		       best / pipe);
		if (json)
			fprintf(json,
				"{\"command\": \"%s\", \"contestant\": \"%s\", \"us\": %.2f, \"per_pipe\": %.3f}\n",
				command->name, all[i].name, best, best / pipe);
	}
	printf("\n");
	fflush(stdout);
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

static int add_devices(struct contestant *all, int n, char **paths)
{
	for (; *paths; paths++) {
		char *equals = strchr(*paths, '=');

		if (!equals || n == MAX_CONTESTANTS)
			errx(2, "%s: want NAME=PATH, at most %d", *paths, MAX_CONTESTANTS - 2);
		*equals = 0;
		all[n].name = *paths;
		all[n].in = all[n].out = open_path(equals + 1);
		if (all[n].in < 0)
			err(1, "%s", equals + 1);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "count", required_argument, NULL, 'n' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 },
	};
	struct contestant all[MAX_CONTESTANTS] = { { .name = "inproc", .in = -1 },
						   { .name = "pipe" } };
	int rounds = 12, count = 500, n, c;
	FILE *json = NULL;
	cpu_set_t cpu;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rounds = atoi(optarg);
		else if (c == 'n')
			count = atoi(optarg);
		else if (c == 'j')
			json = fopen(optarg, "w");
		else
			errx(2, "usage: %s [--rounds R] [--count N] [--json FILE] NAME=PATH...",
			     argv[0]);
	}
	if (rounds < 1 || count < 1 || count > MAX_COUNT)
		errx(2, "rounds: 1 and more; count: 1 to %d", MAX_COUNT);

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	start_pipe(&all[1]);
	start_libtpms();
	n = add_devices(all, 2, argv + optind);
	for (int i = 0; i < n; i++) {
		all[i].medians = calloc(rounds, sizeof(double));
		if (!all[i].medians)
			err(1, "calloc");
	}

	printf("minimum over %d rounds of the median of %d commands\n\n", rounds, count);
	for (size_t k = 0; k < N_COMMANDS; k++) {
		for (int r = 0; r < rounds; r++)
			for (int i = 0; i < n; i++)
				all[i].medians[r] = median_of_round(&all[i], &commands[k], count);
		report(json, &commands[k], all, n, rounds);
	}
	return json && fclose(json) ? 1 : 0;
}
