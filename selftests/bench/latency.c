// SPDX-License-Identifier: GPL-2.0
/*
 * Time from command to response, several ways to reach a TPM side by side.
 *
 *	latency [--rounds R] [--count N] [--pause US] [--json FILE] NAME=PATH...
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
 *
 * With a pause before each command, caches are as cold as they are for a TPM that is seldom
 * asked.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reach.h"

#define MAX_CONTESTANTS 16
#define MAX_COUNT	100000

struct contestant {
	struct reach reach;
	double *medians;
};

struct command {
	const char *name;
	uint8_t bytes[80];
	size_t size;
};

/* Part 3: GetRandom (16.1), PCR_Read (22.4), PCR_Extend of PCR 16 (22.2). */
static const struct command commands[] = {
	{ "GetRandom(16)", { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16 }, 12 },
	{ "PCR_Read",
	  { 0x80, 1, 0, 0, 0, 20, 0, 0, 1, 0x7e, 0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0 },
	  20 },
	{ "PCR_Extend",
	  { 0x80, 2, 0, 0, 0, 65, 0, 0, 1, 0x82, 0, 0, 0, 16, 0,    0, 0, 9,
	    0x40, 0, 0, 9, 0, 0,  0, 0, 0, 0,	 0, 0, 1, 0,  0x0b, 1, 2, 3 },
	  65 },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void run(const struct contestant *c, const struct command *command)
{
	uint8_t response[REACH_MAX];
	size_t size = reach_run(&c->reach, command->bytes, command->size, response);

	if (size < 10 || memcmp(response + 6, "\0\0\0", 4))
		errx(1, "%s: %s failed (%zu bytes)", c->reach.name, command->name, size);
}

static double median_of_round(struct contestant *c, const struct command *command, int count,
			      int pause)
{
	static double times[MAX_COUNT];

	for (int i = 0; i < 20; i++)
		run(c, command);
	for (int i = 0; i < count; i++) {
		double start;

		if (pause)
			usleep(pause);
		start = bench_now_us();
		run(c, command);
		times[i] = bench_now_us() - start;
	}
	return bench_median(times, count);
}

static void report(FILE *json, const struct command *command, const struct contestant *all, int n,
		   int rounds)
{
	double pipe = bench_minimum(all[1].medians, rounds);

	for (int i = 0; i < n; i++) {
		double best = bench_minimum(all[i].medians, rounds);

		printf("%-14s %-10s %10.1f us   %6.2f x pipe\n", command->name, all[i].reach.name,
		       best, best / pipe);
		if (json)
			fprintf(json,
				"{\"command\": \"%s\", \"contestant\": \"%s\", \"us\": %.2f, "
				"\"per_pipe\": %.3f}\n",
				command->name, all[i].reach.name, best, best / pipe);
	}
	printf("\n");
	fflush(stdout);
}

static int add_devices(struct contestant *all, int n, char **paths)
{
	for (; *paths; paths++) {
		if (n == MAX_CONTESTANTS)
			errx(2, "%s: at most %d", *paths, MAX_CONTESTANTS - 2);
		reach_path(&all[n++].reach, *paths);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "count", required_argument, NULL, 'n' },
		{ "pause", required_argument, NULL, 'p' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 },
	};
	struct contestant all[MAX_CONTESTANTS];
	int rounds = 12, count = 500, pause = 0, n, c;
	FILE *json = NULL;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rounds = atoi(optarg);
		else if (c == 'n')
			count = atoi(optarg);
		else if (c == 'p')
			pause = atoi(optarg);
		else if (c == 'j')
			json = fopen(optarg, "w");
		else
			errx(2, "usage: %s [--rounds R] [--count N] [--pause US] [--json FILE] "
				"NAME=PATH...", argv[0]);
	}
	if (rounds < 1 || count < 1 || count > MAX_COUNT)
		errx(2, "rounds: 1 and more; count: 1 to %d", MAX_COUNT);

	reach_pin();
	reach_pipe(&all[1].reach);
	reach_libtpms(&all[0].reach);
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
				all[i].medians[r] = median_of_round(&all[i], &commands[k], count,
								  pause);
		report(json, &commands[k], all, n, rounds);
	}
	return json && fclose(json) ? 1 : 0;
}
