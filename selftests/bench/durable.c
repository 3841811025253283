// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs that an answer is durable: NV_Write of 32 bytes, beside files that are written
 * durably by other means, in turns.
 *
 *	durable [--rounds R] --begin PATH...
 *	durable [--rounds R] --dir DIR --size BYTES PATH...
 *
 * --begin defines the indexes that the other call writes, once for each vTPM; a PATH is its
 * socket or its node. With one PATH latencies are compared: an NV_Write, and BYTES appended to
 * one file and fdatasync(). With more, rates of that many processes: each writes to
 * its own vTPM, or replaces its own file (tmp, fsync, rename, fsync of its directory) by BYTES, as
 * a TPM with a state directory would. DIR is on the file system of the store, and BYTES is the
 * size of an envelope. A line of JSON has the median of all rounds, and of each round's ratio.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "reach.h"

#define COUNT	 50
#define ROUND_US 1500000
#define ROUNDS	 100
#define CLIENTS	 1000

static uint8_t bytes[1 << 20];
static size_t size;
static struct reach reaches[CLIENTS];
static struct client clients[CLIENTS];

/* What the children share. */
struct shared {
	int ready;
	int go;
	int end;
	long done;
};

static void append(int fd)
{
	if (write(fd, bytes, size) != (ssize_t)size || fdatasync(fd))
		err(1, "append");
}

static void replace(int directory)
{
	int fd = openat(directory, "tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fsync(fd) || close(fd) ||
	    renameat(directory, "tmp", directory, "state") || fsync(directory))
		err(1, "replace");
}

static void nv_write(struct client *client)
{
	client_nv_write(client);
	client_run(client, "NV_Write");
}

static void compare_one(int directory, int rounds)
{
	double appends[ROUNDS], writes[ROUNDS], ratios[ROUNDS], times[COUNT];
	int fd = openat(directory, "appended", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		err(1, "appended");
	for (int r = 0; r < rounds; r++) {
		for (int i = 0; i < COUNT; i++) {
			double begin = bench_now_us();

			append(fd);
			times[i] = bench_now_us() - begin;
		}
		appends[r] = bench_median(times, COUNT);
		for (int i = 0; i < COUNT; i++) {
			double begin = bench_now_us();

			nv_write(&clients[0]);
			times[i] = bench_now_us() - begin;
		}
		writes[r] = bench_median(times, COUNT);
		ratios[r] = writes[r] / appends[r];
	}
	printf("{\"append_us\": %.1f, \"write_us\": %.1f, \"ratio\": %.3f}\n",
	       bench_median(appends, rounds), bench_median(writes, rounds),
	       bench_median(ratios, rounds));
}

static _Noreturn void toil(struct shared *shared, struct client *client, int directory)
{
	long done = 0;

	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&shared->go, __ATOMIC_SEQ_CST))
		usleep(1000);
	while (!__atomic_load_n(&shared->end, __ATOMIC_SEQ_CST)) {
		if (directory < 0)
			nv_write(client);
		else
			replace(directory);
		done++;
	}
	__atomic_fetch_add(&shared->done, done, __ATOMIC_SEQ_CST);
	_exit(0);
}

static int place_of(int directory, int number)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", number);
	mkdirat(directory, name, 0700);
	fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", name);
	return fd;
}

/* Per second, of all processes together. @directory: of their files, -1: NV_Write */
static double rate(int n, int directory)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double begin, per_second;
	int status;

	if (shared == MAP_FAILED)
		err(1, "mmap");
	fflush(NULL);
	for (int i = 0; i < n; i++) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			toil(shared, &clients[i], directory < 0 ? -1 : place_of(directory, i));
		}
	}
	while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < n)
		usleep(1000);
	begin = bench_now_us();
	__atomic_store_n(&shared->go, 1, __ATOMIC_SEQ_CST);
	usleep(ROUND_US);
	__atomic_store_n(&shared->end, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < n; i++)
		if (wait(&status) < 0 || status)
			errx(1, "one of the writers failed");
	per_second = shared->done / (bench_now_us() - begin) * 1e6;
	munmap(shared, sizeof(*shared));
	return per_second;
}

static void compare_many(int n, int directory, int rounds)
{
	double replaces[ROUNDS], writes[ROUNDS], ratios[ROUNDS];

	for (int r = 0; r < rounds; r++) {
		replaces[r] = rate(n, directory);
		writes[r] = rate(n, -1);
		ratios[r] = writes[r] / replaces[r];
	}
	printf("{\"clients\": %d, \"replaces\": %.0f, \"writes\": %.0f, \"ratio\": %.3f}\n", n,
	       bench_median(replaces, rounds), bench_median(writes, rounds),
	       bench_median(ratios, rounds));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "begin", no_argument, NULL, 'b' },
		{ "dir", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ 0 },
	};
	int rounds = 5, begin = 0, directory = -1, c, n;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rounds = atoi(optarg);
		else if (c == 'b')
			begin = 1;
		else if (c == 'd')
			directory = open(optarg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		else if (c == 's')
			size = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	n = argc - optind;
	if (n < 1 || n > CLIENTS || rounds < 1 || rounds > ROUNDS ||
	    (!begin && (directory < 0 || !size || size > sizeof(bytes))))
		errx(2, "usage: %s [--rounds R] --begin PATH... | --dir DIR --size BYTES PATH...",
		     argv[0]);
	for (int i = 0; i < n; i++) {
		char text[256];

		snprintf(text, sizeof(text), "vtpm=%s", argv[optind + i]);
		reach_path(&reaches[i], text);
		clients[i] = (struct client){ .reach = &reaches[i], .index = CLIENT_NV_INDEX };
		if (begin)
			client_begin_nv(&clients[i], &reaches[i]);
	}
	if (!begin && n == 1)
		compare_one(directory, rounds);
	else if (!begin)
		compare_many(n, directory, rounds);
	return 0;
}
