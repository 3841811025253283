// SPDX-License-Identifier: GPL-2.0
/*
 * How long a vTPM takes to be there, and how much memory many of them take.
 *
 *	start [--engines N] [--starts N] [--new N]
 *
 * The real vtpm-spawn forks real engines; this program plays manager and keyd, with a store
 * in memory. So a start includes: the fork, the sandbox, keyd's answer, libtpms, and the
 * commits' way to the manager and back, but no disk.
 *
 *	start	from SPAWN_START to the answer to a first GetRandom, state given
 *	resume	the same, after kill -9, from the checkpoint
 *	new	from SPAWN_START to ENGINE_ENDS of a new TPM: banks, three endorsement keys
 *	memory	proportional set size of N idle engines that answered one command
 */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vtpm.h>

#include "spawn/test_host.h"
#include "store/envelope.h"
#include "wire/ipc_engine.h"
#include "wire/ipc_spawn.h"

#define MAX 10000

static struct test_host host;
static struct test_vtpm vtpm;
static double times[MAX];

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_times(const char *what, int count)
{
	qsort(times, count, sizeof(times[0]), compare);
	printf("%-8s %8.0f us median, %.0f to %.0f, %d times\n", what, times[count / 2], times[0],
	       times[count - 1], count);
}

static void must(int r, const char *what)
{
	if (r)
		errx(1, "%s: %s", what, strerror(-r));
}

/* GetRandom(16); Part 3, 16.1. */
static void send_command(int fd)
{
	static const uint8_t command[] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16 };
	struct {
		struct vtpm_frame head;
		uint8_t command[sizeof(command)];
	} frame = {
		.head = {
			.size = sizeof(frame.head) + sizeof(command),
			.kind = VTPM_FRAME_COMMAND,
			.node = VTPM_NODE_RM,
			.id = 1,
			.client = 1,
		},
	};

	memcpy(frame.command, command, sizeof(command));
	if (send(fd, &frame, frame.head.size, MSG_NOSIGNAL) != frame.head.size)
		err(1, "send");
}

/* Return: microseconds until the first answer; our end of the link. */
static double start(int *ret_link)
{
	uint8_t answer[VTPM_ANSWER_SIZE];
	double begun;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	send_command(pair[0]);
	begun = now_us();
	must(test_host_start(&host, &vtpm, 0, &pair[1], 1), "start");
	close(pair[1]);
	must(test_vtpm_until(&vtpm, pair[0]), vtpm.reason);
	if (recv(pair[0], answer, sizeof(answer), 0) <= 0)
		err(1, "recv");
	*ret_link = pair[0];
	return now_us() - begun;
}

static void slay(int link)
{
	struct test_exit report;

	kill(vtpm.pid, SIGKILL);
	must(test_host_exited(&host, &report), "exit");
	close(link);
}

static void measure_new(int count)
{
	struct test_exit report;

	for (int i = 0; i < count; i++) {
		double begun = now_us();

		vtpm.instance++;
		vtpm.flags = ENGINE_CONFIG_MANUFACTURE;
		vtpm.generation = 0;
		vtpm.length = 0;
		must(test_host_start(&host, &vtpm, 0, NULL, 0), "start");
		must(test_vtpm_until_end(&vtpm), "new");
		times[i] = now_us() - begun;
		must(test_host_exited(&host, &report), "exit");
	}
	print_times("new", count);
}

static void measure_starts(int count)
{
	int link;

	for (int i = 0; i < count; i++) {
		vtpm.instance++;
		times[i] = start(&link);
		slay(link);
	}
	print_times("start", count);
	for (int i = 0; i < count; i++) {
		times[i] = start(&link);
		slay(link);
	}
	print_times("resume", count);
}

static long field_of(pid_t pid, const char *name)
{
	char path[64], line[128];
	long value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* The state, sealed for another vTPM: as keyd's stand-in gives its key to everybody. */
static void seal_for(int number)
{
	static const uint8_t bytes[GCM_KEY_SIZE] = TEST_KEYD_KEY;
	static uint8_t plain[STORE_RECORD_MAX];
	static size_t length;
	struct envelope_key key;
	const char *reason;

	must(envelope_key_init(&key, bytes, vtpm.uuid, vtpm.epoch, TEST_KEYD_ID), "key");
	if (!length)
		must(envelope_open(&key, ENVELOPE_PERMANENT, vtpm.generation, vtpm.envelope,
				   vtpm.length, plain, sizeof(plain), &length, &reason),
		     "open");
	vtpm.uuid[1] = (uint8_t)(number >> 8);
	vtpm.uuid[2] = (uint8_t)number;
	memcpy(key.uuid, vtpm.uuid, sizeof(key.uuid));
	must(envelope_seal(&key, ENVELOPE_PERMANENT, vtpm.generation, plain, length,
			   vtpm.envelope, sizeof(vtpm.envelope), &vtpm.length),
	     "seal");
	envelope_key_done(&key);
}

static void measure_memory(int count)
{
	static const char *const fields[] = { "Pss:", "Private_Dirty:", "Rss:" };
	static pid_t engines[MAX];

	for (int i = 0; i < count; i++) {
		int link;

		seal_for(i + 1);
		vtpm.instance++;
		start(&link);
		engines[i] = vtpm.pid;
	}
	for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
		double sum = 0;

		for (int i = 0; i < count; i++)
			sum += field_of(engines[i], fields[f]);
		printf("%-14s %8.1f KiB each, of %d idle engines\n", fields[f], sum / count, count);
	}
	printf("%-14s %8ld KiB, vtpm-spawn itself\n", fields[0], field_of(host.spawn, fields[0]));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "engines", required_argument, NULL, 'e' },
		{ "starts", required_argument, NULL, 's' },
		{ "new", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	int engines = 200, starts = 200, new = 50, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int value = optarg ? atoi(optarg) : 0;

		if (value < 1 || value > MAX)
			errx(2, "a number from 1 to %d is wanted", MAX);
		if (option == 'e')
			engines = value;
		else if (option == 's')
			starts = value;
		else if (option == 'n')
			new = value;
	}
	must(test_host_new(&host), "vtpm-spawn");
	vtpm.uuid[0] = 1;
	vtpm.epoch = 1;
	host.keyd->entropy = 32;
	measure_new(new);
	vtpm.flags = 0;
	measure_starts(starts);
	measure_memory(engines);
	test_host_done(&host);
	return 0;
}
