// SPDX-License-Identifier: GPL-2.0
/*
 * What a client with keys and sessions pays, several ways to reach a TPM side by side.
 *
 *	workload [--rounds R] [--json FILE] NAME=PATH...
 *	workload [--rounds R] [--json FILE] --clients N PATH
 *
 * The client holds three keys, an HMAC session and a policy session, which a resource
 * manager may have to swap. "inproc", libtpms called in this process, is always there. A round runs
 * up to COUNT commands on each contestant, fewer of slow ones; only the way from
 * the command to its response is timed, not what the client computes. As in latency.c,
 * the minimum over all rounds of a round's median counts.
 *
 * With --clients it is one client that signs against N, each with a key and an open of its
 * own: signatures per second of all together.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "reach.h"

#define COUNT	    500
#define LEAST	    10
#define ROUND_US    400000
#define CONTESTANTS 8

struct row {
	const char *name;
	void (*make)(struct client *client);
	void (*before_round)(struct client *client);
};

static const struct row rows[] = {
	{ "GetRandom", client_get_random, NULL },
	{ "PolicyPCR", client_policy_pcr, client_restart_policy },
	{ "NV_Read", client_nv_read, NULL },
	{ "NV_Increment", client_nv_increment, NULL },
	{ "PCR_Read", client_pcr_read, NULL },
	{ "PCR_Extend", client_pcr_extend, NULL },
	{ "HMAC session", client_pcr_extend_hmac, NULL },
	{ "Sign", client_sign, NULL },
	{ "Verify", client_verify, NULL },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static double one(struct client *client, const struct row *row)
{
	double start;

	row->make(client);
	start = bench_now_us();
	client_run(client, row->name);
	return bench_now_us() - start;
}

static double round_of(struct client *client, const struct row *row)
{
	double times[COUNT], first;
	int count;

	if (row->before_round)
		row->before_round(client);
	one(client, row);
	first = one(client, row);
	count = ROUND_US / first;
	count = count > COUNT ? COUNT : count < LEAST ? LEAST : count;
	for (int i = 0; i < count; i++)
		times[i] = one(client, row);
	return bench_median(times, count);
}

static void compare_paths(struct reach *reaches, int n, int rounds, FILE *json)
{
	double medians[CONTESTANTS][rounds];
	struct client clients[CONTESTANTS];

	for (int i = 0; i < n; i++)
		client_begin(&clients[i], &reaches[i], i);
	for (size_t k = 0; k < N_ROWS; k++) {
		for (int r = 0; r < rounds; r++)
			for (int i = 0; i < n; i++)
				medians[i][r] = round_of(&clients[i], &rows[k]);
		for (int i = 0; i < n; i++) {
			double best = bench_minimum(medians[i], rounds);

			printf("%-14s %-10s %10.1f us\n", rows[k].name, reaches[i].name, best);
			if (json)
				fprintf(json,
					"{\"command\": \"%s\", \"contestant\": \"%s\", \"us\": "
					"%.2f}\n",
					rows[k].name, reaches[i].name, best);
		}
		printf("\n");
		fflush(stdout);
	}
}

/* What the children share: when to go, and who is ready. */
struct start {
	int ready;
	int go;
};

static void sign_alone(const char *path, int number, int count, struct start *start)
{
	struct client client;
	struct reach reach;
	char text[128];

	snprintf(text, sizeof(text), "client=%s", path);
	reach_path(&reach, text);
	client_begin_key(&client, &reach, number);
	__atomic_fetch_add(&start->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&start->go, __ATOMIC_SEQ_CST))
		usleep(1000);
	for (int i = 0; i < count; i++) {
		client_sign(&client);
		client_run(&client, "Sign");
	}
	_exit(0);
}

/* Signatures per second of n clients together. */
static double rate(const char *path, int n, int count)
{
	struct start *start = mmap(NULL, sizeof(*start), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double begin;
	int status;

	if (start == MAP_FAILED)
		err(1, "mmap");
	fflush(NULL);
	for (int i = 0; i < n; i++) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			sign_alone(path, i, count / n, start);
		}
	}
	while (__atomic_load_n(&start->ready, __ATOMIC_SEQ_CST) < n)
		if (waitpid(-1, &status, WNOHANG) > 0)
			errx(1, "a client failed");
		else
			usleep(1000);
	begin = bench_now_us();
	__atomic_store_n(&start->go, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < n; i++)
		if (wait(&status) < 0 || status)
			errx(1, "a client failed");
	begin = bench_now_us() - begin;
	munmap(start, sizeof(*start));
	return count / n * n / begin * 1e6;
}

static void compare_clients(const char *path, int n, int rounds, FILE *json)
{
	double alone = 0, together = 0;

	for (int r = 0; r < rounds; r++) {
		double a = rate(path, 1, 25 * n), t = rate(path, n, 25 * n);

		alone = a > alone ? a : alone;
		together = t > together ? t : together;
	}
	printf("%d clients sign %.1f/s together, one %.1f/s: %.0f %%\n", n, together, alone,
	       100 * together / alone);
	if (json)
		fprintf(json, "{\"clients\": %d, \"together\": %.2f, \"alone\": %.2f}\n", n,
			together, alone);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "clients", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 },
	};
	struct reach reaches[CONTESTANTS];
	int rounds = 10, clients = 0, n = 1, c;
	FILE *json = NULL;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rounds = atoi(optarg);
		else if (c == 'c')
			clients = atoi(optarg);
		else if (c == 'j')
			json = fopen(optarg, "a");
		else
			errx(2,
			     "usage: %s [--rounds R] [--json FILE] NAME=PATH... | --clients N PATH",
			     argv[0]);
	}
	if (rounds < 1 || clients < 0 || optind == argc || argc - optind >= CONTESTANTS)
		errx(2, "rounds: 1 and more; contestants: 1 to %d", CONTESTANTS - 1);
	reach_pin();
	if (clients) {
		compare_clients(argv[optind], clients, rounds, json);
	} else {
		reach_libtpms(&reaches[0]);
		for (; optind < argc; optind++)
			reach_path(&reaches[n++], argv[optind]);
		compare_paths(reaches, n, rounds, json);
	}
	return json && fclose(json) ? 1 : 0;
}
