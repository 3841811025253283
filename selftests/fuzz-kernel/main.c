// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer of the driver that is led by coverage.
 *
 *	fuzz-kernel [--seconds S] [--threads N] [--seed N] [--coverage FILE]
 *
 * The parent forks one round after the other. A round is a process whose threads run
 * programs (ops.h) at the same files at once, are interrupted by signals, and are
 * killed at any moment, all files open. A program that gets somewhere new is kept, in memory
 * shared by all rounds, and is what later programs are made from.
 *
 * A round dies at once, or as soon as its devices are destroyed: a thread that waits as a
 * chip's user for the server that its own process is, is freed by that (or by the
 * time limit). A round that does not is what this program fails for; all else is found by
 * the kernel (KASAN, lockdep, kmemleak).
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common.h"
#include "cover.h"
#include "inject.h"
#include "ops.h"

#define THREADS_MAX 16
#define CORPUS_MAX 4096
#define ROUND_MS 3000
#define SOON_MS 3000
#define DEATH_MS 20000
#define REPORT_MS 30000

static struct options {
	unsigned int seconds;
	unsigned int threads;
	uint64_t seed;
	const char *coverage;
} options = { 60, 4, 1, NULL };

/* What rounds leave to each other. */
static struct shared {
	struct cover_map map;
	pthread_mutex_t lock;
	unsigned int kept;
	struct program corpus[CORPUS_MAX];
	uint64_t programs;
	uint64_t calls;
	unsigned int rounds;
	unsigned int freed;
} *shared;

struct worker {
	pthread_t thread;
	struct world *world;
	uint64_t random;
};

static uint32_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random >> 16;
}

/* What a killed holder left is a whole number of programs, or one that is odd. */
static void lock_corpus(void)
{
	if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&shared->lock);
}

static void make_op(struct op *op, uint64_t *random)
{
	*op = (struct op){
		.kind = next(random), .slot = next(random), .device = next(random),
		.place = next(random), .a = next(random), .b = next(random),
		.fail = next(random) % 8 ? 0 : 1 + next(random) % 12,
	};
	if (next(random) % 2)
		op->place = 16;
}

static void mutate(struct program *program, uint64_t *random)
{
	unsigned int at = next(random) % (program->count ?: 1);
	struct op *op = &program->ops[at];

	switch (next(random) % 6) {
	case 0:
		make_op(op, random);
		return;
	case 1:
		op->a = next(random);
		op->b ^= 1u << next(random) % 32;
		return;
	case 2:
		op->fail = next(random) % 20;
		return;
	case 3:
		op->slot = next(random);
		op->device = next(random);
		return;
	case 4:
		if (program->count == 1)
			return;
		memmove(op, op + 1, (--program->count - at) * sizeof(*op));
		return;
	default:
		if (program->count == PROGRAM_MAX)
			return;
		memmove(op + 1, op, (program->count++ - at) * sizeof(*op));
		make_op(op, random);
	}
}

static void make_program(struct program *program, uint64_t *random)
{
	unsigned int i, kept;

	lock_corpus();
	kept = shared->kept < CORPUS_MAX ? shared->kept : CORPUS_MAX;
	if (kept && next(random) % 5) {
		*program = shared->corpus[next(random) % kept];
		pthread_mutex_unlock(&shared->lock);
		for (i = next(random) % 5; i > 0; i--)
			mutate(program, random);
		return;
	}
	pthread_mutex_unlock(&shared->lock);
	program->count = 1 + next(random) % PROGRAM_MAX;
	for (i = 0; i < program->count; i++)
		make_op(&program->ops[i], random);
}

static void keep_program(const struct program *program)
{
	lock_corpus();
	shared->corpus[shared->kept++ % CORPUS_MAX] = *program;
	pthread_mutex_unlock(&shared->lock);
}

static void *work(void *data)
{
	struct worker *worker = data;
	struct program program;
	struct cover cover;
	unsigned int i;

	if (cover_open(&cover))
		exit(2);
	for (;;) {
		make_program(&program, &worker->random);
		cover_begin(&cover);
		for (i = 0; i < program.count; i++)
			op_run(worker->world, &program.ops[i]);
		if (cover_take(&cover, &shared->map))
			keep_program(&program);
		__atomic_add_fetch(&shared->programs, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&shared->calls, program.count, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *serve_chip(void *data)
{
	for (;;)
		world_serve_chip(data);
	return NULL;
}

static void interrupted(int signal)
{
	(void)signal;
}

/* Runs until it is killed. */
static void run_round(uint64_t random)
{
	struct sigaction action = { .sa_handler = interrupted };
	struct worker workers[THREADS_MAX];
	struct world world;
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (world_init(&world))
		exit(2);
	for (i = 0; i < options.threads; i++) {
		workers[i].world = &world;
		workers[i].random = random ^ (0x9e3779b97f4a7c15 * (i + 1));
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			exit(2);
	}
	if (next(&random) % 2 && pthread_create(&thread, NULL, serve_chip, &world))
		exit(2);
	for (;;) {
		sleep_ms(next(&random) % 20);
		pthread_kill(workers[next(&random) % options.threads].thread, SIGUSR1);
	}
}

static bool is_dead(void *data)
{
	return waitpid(*(pid_t *)data, NULL, WNOHANG) != 0;
}

static void show_stacks(pid_t pid)
{
	char command[64];

	snprintf(command, sizeof(command), "cat /proc/%d/task/*/stack", pid);
	fflush(stdout);
	if (system(command))
		printf("no stacks\n");
}

static int end_round(pid_t pid)
{
	kill(pid, SIGKILL);
	if (eventually(is_dead, &pid, SOON_MS)) {
		destroy_all();
		return 0;
	}
	if (!shared->freed++) {
		printf("the first round that has to be freed by DESTROY:\n");
		show_stacks(pid);
	}
	destroy_all();
	if (eventually(is_dead, &pid, DEATH_MS))
		return 0;
	printf("a round does not die:\n");
	show_stacks(pid);
	return -ETIME;
}

/* 0, or why to stop. */
static int play_round(uint64_t *random)
{
	uint64_t end = now_ms() + 200 + next(random) % ROUND_MS;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_round(*random);
	while (now_ms() < end) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			printf("a round ended by itself: status %#x\n", status);
			return -ECHILD;
		}
		sleep_ms(20);
	}
	shared->rounds++;
	return end_round(pid);
}

static void report(uint64_t begun)
{
	printf("%llu s: %u rounds (%u freed), %llu programs, %llu calls, %u kept, %u places of the driver\n",
	       (unsigned long long)(now_ms() - begun) / 1000, shared->rounds, shared->freed,
	       (unsigned long long)shared->programs, (unsigned long long)shared->calls,
	       shared->kept, cover_count(&shared->map));
	fflush(stdout);
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ "coverage", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 's')
			options.seconds = strtoul(optarg, NULL, 0);
		else if (option == 't')
			options.threads = strtoul(optarg, NULL, 0);
		else if (option == 'r')
			options.seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			options.coverage = optarg;
		else
			return -EINVAL;
	}
	return options.threads < 1 || options.threads > THREADS_MAX || optind != argc ? -EINVAL : 0;
}

static int prepare(void)
{
	pthread_mutexattr_t attributes;
	int rc;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return -ENOMEM;
	/* Whoever holds it may be killed. */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->lock, &attributes);
	rc = inject_init();
	rc = rc ?: inject_below_module();
	return rc ?: cover_find_module(&shared->map);
}

int main(int argc, char **argv)
{
	uint64_t begun = now_ms(), told = begun, random;
	int rc = parse(argc, argv);

	if (rc) {
		fprintf(stderr, "usage: fuzz-kernel [--seconds S] [--threads 1..%d] [--seed N] [--coverage FILE]\n",
			THREADS_MAX);
		return 2;
	}
	rc = prepare();
	if (rc) {
		fprintf(stderr, "fuzz-kernel: wants vtpm.ko in the lab's debug kernel: %s\n",
			strerror(-rc));
		return 2;
	}
	random = options.seed * 0x9e3779b97f4a7c15 ?: 1;
	while (!rc && now_ms() - begun < options.seconds * 1000ULL) {
		rc = play_round(&random);
		next(&random);
		if (now_ms() - told < REPORT_MS)
			continue;
		told = now_ms();
		report(begun);
	}
	report(begun);
	if (options.coverage && cover_write(&shared->map, options.coverage))
		rc = -EIO;
	return rc ? 1 : 0;
}
