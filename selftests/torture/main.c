// SPDX-License-Identifier: GPL-2.0-only
/*
 * torture-engine: an engine may die at any instant, and nobody notices.
 *
 *	clients (client.c, model_*.c)	ESYS and a model of what the TPM must say
 *	   |  submit, wait, cancel, abandon
 *	driver/queue.c			as it is in the kernel (shim/, kernel.c)
 *	   |  take, untake, answer, attach, detach
 *	server (server.c, plan.c)	moves frames, and kills
 *	   |  SOCK_SEQPACKET
 *	vtpm-engine (engine.c)		one process after another, with the same
 *					checkpoint memory and permanent store
 *
 * Ends with status 1 at the first answer that the model does not allow, at the
 * first engine that ends by itself, and when something hangs; with 2 when it could
 * not do what was asked for.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include <linux/ktime.h>

#include "birth.h"
#include "client.h"
#include "server.h"

#define DETACHED_MS 60000
#define RUNNING_MS  60000
/* Commands that must have been answered between two looks, ten seconds apart. */
#define STALL_S 10

struct options {
	const char *program;
	u64 kills;
	u64 births;
	u64 seconds;
	u64 seed;
	int sabotage;
	bool quiet;
};

static const struct client_ops *const kinds[] = {
	&pcr_client,	&pcr_client,	 &counter_client,  &orderly_client,
	&data_client,	&session_client, &sequence_client, &evict_client,
	&random_client, &fickle_client,	 &visitor_client,  &destroyer_client,
	&shared_client, &shared_client,	 &shared_client,
};
#define CLIENTS (sizeof(kinds) / sizeof(kinds[0]))

static void usage(void)
{
	fprintf(stderr,
		"usage: torture-engine --engine PATH [--kills N] [--births N] [--seconds S]\n"
		"                      [--seed N] [--sabotage KIND] [--quiet]\n");
	exit(2);
}

static struct options parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "engine", required_argument, NULL, 'e' },
		{ "kills", required_argument, NULL, 'k' },
		{ "births", required_argument, NULL, 'b' },
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "sabotage", required_argument, NULL, 'x' },
		{ "quiet", no_argument, NULL, 'q' },
		{ 0 },
	};
	struct options o = { .kills = 10000, .seconds = 3600 };
	int c;

	if (getrandom(&o.seed, sizeof(u32), 0) != sizeof(u32))
		abort();
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'e':
			o.program = optarg;
			break;
		case 'k':
			o.kills = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			o.births = strtoull(optarg, NULL, 0);
			break;
		case 's':
			o.seconds = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			o.seed = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			o.sabotage = sabotage_kind(optarg);
			break;
		case 'q':
			o.quiet = true;
			break;
		default:
			usage();
		}
	}
	if (!o.program || o.sabotage < 0 || optind != argc)
		usage();
	return o;
}

static void print_progress(struct kernel *kernel, u64 seconds)
{
	struct vtpm_counts counts;

	spin_lock(&kernel->queue.lock);
	counts = kernel->queue.counts;
	spin_unlock(&kernel->queue.lock);
	printf("%4llu s: %llu kills, %llu commands, %llu redelivered (%llu from the unit), "
	       "poisoned %llu (%llu refused, %llu executed), %llu clears, %llu reseeds\n",
	       seconds, stat_get(&stats.kills), counts.commands, counts.redelivered,
	       stat_get(&stats.from_unit), counts.poisoned, stat_get(&stats.poison_refused),
	       stat_get(&stats.poison_executed), stat_get(&stats.clears), stat_get(&stats.reseeds));
	fflush(stdout);
}

static void begin_server(struct server *server, struct kernel *kernel, const struct options *o)
{
	server->kernel = kernel;
	server->kills = o->kills;
	server->sabotage.kind = o->sabotage;
	server->engine.program = o->program;
	server->engine.instance = kernel->instance;
	server->engine.manufacture = true;
	server->engine.state_fd = memfd_create("vtpm-state", MFD_CLOEXEC);
	server->engine.checkpoint_fd =
		memfd_create("vtpm-checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rng_fork(&server->pace.rng, o->seed, 1);
	rng_fork(&server->sabotage.rng, o->seed, 2);
	server->pace.startup = 5 * NSEC_PER_MSEC;
	server_start(server);
}

/* Until the kills are done, or the time is up; none to do means all the time. Return: seconds. */
static u64 watch_over(struct world *world, const struct options *o)
{
	u64 last = 0, now, idle = 0, s;

	for (s = 0; s < o->seconds && (!o->kills || stat_get(&stats.kills) < o->kills); s++) {
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		if (!o->quiet)
			print_progress(world->kernel, s + 1);
		now = stat_get(&stats.commands);
		idle = now == last ? idle + 1 : 0;
		if (idle == STALL_S)
			violation("harness", "watch", "no command was answered for %d s", STALL_S);
		last = now;
	}
	WRITE_ONCE(world->server->kills, 0);
	return s;
}

/* Everything was given back, and the queue counted as we did. */
static void check_end(struct client *boot, struct kernel *kernel)
{
	struct vtpm_queue *queue = &kernel->queue;
	u32 n;

	n = client_handles(boot, TRANSIENT_OBJECTS) + client_handles(boot, LOADED_SESSIONS) +
	    client_handles(boot, PERSISTENT_OBJECTS);
	if (n)
		wrong(boot, "%u objects and sessions are left", n);
	spin_lock(&queue->lock);
	if (queue->running || queue->depth || !list_empty(&queue->queued))
		wrong(boot, "a request is left in the queue");
	if (queue->counts.lost)
		wrong(boot, "%llu requests were lost", queue->counts.lost);
	/* One that was answered just before it was abandoned does not count. */
	if (queue->counts.cancelled < stats.cancelled ||
	    queue->counts.cancelled > stats.cancelled + stats.abandoned)
		wrong(boot, "%llu requests cancelled", queue->counts.cancelled);
	if (queue->counts.refused > stats.abandoned)
		wrong(boot, "%llu answers refused", queue->counts.refused);
	spin_unlock(&queue->lock);
}

static void print_end(struct server *server, struct kernel *kernel, u64 seconds)
{
	print_progress(kernel, seconds);
	printf("  spared %llu frames, late answers %llu, cancelled %llu, abandoned %llu, "
	       "random values %llu, wakes %llu\n",
	       stats.spared, stats.late, stats.cancelled, stats.abandoned, stats.randoms,
	       stats.wakes);
	pace_print(&server->pace);
}

int main(int argc, char **argv)
{
	static struct kernel kernel;
	static struct server server;
	static struct client clients[CLIENTS];
	static const struct client_ops boot_ops = { .name = "boot" };
	struct client boot = { .ops = &boot_ops, .index = 99 };
	struct options o = parse(argc, argv);
	struct world world = { .kernel = &kernel, .server = &server };
	pthread_rwlockattr_t attr;
	struct rng rng;
	u64 seconds;

	/* ESYS calls every response code an error; here the model decides. */
	setenv("TSS2_LOG", "all+NONE", 0);
	printf("torture-engine: seed %llu, %llu kills\n", o.seed, o.kills);
	report_begin(o.seed);
	birth_torture(o.program, o.seed, o.births);
	stats.kills = 0;
	rng_fork(&rng, o.seed, 0);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&world.objects, &attr);

	kernel_init(&kernel, rng_next(&rng), DETACHED_MS, RUNNING_MS);
	begin_server(&server, &kernel, &o);
	client_start(&boot, &world, o.seed);
	MUST(&boot, NOTHING, Esys_Startup(boot.esys, TPM2_SU_CLEAR));
	for (u32 i = 0; i < CLIENTS; i++) {
		clients[i].ops = kinds[i];
		clients[i].index = i;
		client_start(&clients[i], &world, o.seed);
	}

	seconds = watch_over(&world, &o);
	WRITE_ONCE(world.stop, true);
	for (u32 i = 0; i < CLIENTS; i++)
		client_join(&clients[i]);
	check_end(&boot, &kernel);
	server_stop(&server);
	Esys_Finalize(&boot.esys);
	vtpm_request_put(boot.request);
	kernel_done(&kernel);

	print_end(&server, &kernel, seconds);
	if (stats.kills < o.kills) {
		printf("torture-engine: the time was up after %llu of %llu kills\n", stats.kills,
		       o.kills);
		return 2;
	}
	printf("torture-engine: %llu kills, nothing wrong\n", stats.kills);
	return 0;
}
