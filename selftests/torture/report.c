// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a run. A violation prints the seed, the number of kills so far, who
 * saw it, and the last transitions of the queue, which the tracepoints of queue.c
 * leave in a ring. The engine is killed as well, so that nothing is left behind.
 */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_tpm2_types.h>

#include <linux/ktime.h>

#include "queue.h"
#include "report.h"

#define RING 64

struct stats stats;
u64 shim_clock_offset;

static u64 seed;
static u64 begun;
static pid_t engine;
static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;

static struct {
	u64 time;
	const char *event;
	u64 id;
	u32 flags;
	u32 size;
	int error;
} ring[RING];
static u64 ring_next;

/* Called under the queue's lock. */
void shim_trace(const char *event, const struct vtpm_queue *queue,
		const struct vtpm_request *request, int error)
{
	u64 slot = ring_next++ % RING;

	(void)queue;
	ring[slot].time = ktime_get_ns();
	ring[slot].event = event;
	ring[slot].id = request->id;
	ring[slot].flags = request->flags;
	ring[slot].size = request->size;
	ring[slot].error = error;
}

void report_begin(u64 run_seed)
{
	seed = run_seed;
	begun = ktime_get_ns();
}

void report_engine(pid_t pid)
{
	__atomic_store_n(&engine, pid, __ATOMIC_RELAXED);
}

static void print_ring(void)
{
	fprintf(stderr, "last transitions of the queue (us, event, id, flags, size, error):\n");
	for (u64 i = 0; i < RING; i++) {
		u64 slot = (ring_next + i) % RING;

		if (ring[slot].event)
			fprintf(stderr, "  %12.1f %-15s %8llu %#x %4u %d\n",
				(double)(ring[slot].time - begun) / NSEC_PER_USEC, ring[slot].event,
				ring[slot].id, ring[slot].flags, ring[slot].size, ring[slot].error);
	}
}

void violation(const char *who, const char *command, const char *fmt, ...)
{
	pid_t pid = __atomic_load_n(&engine, __ATOMIC_RELAXED);
	va_list ap;

	pthread_mutex_lock(&once);
	fflush(stdout);
	fprintf(stderr, "VIOLATION seed=%llu kill=%llu client=%s command=%.*s: ", seed,
		stat_get(&stats.kills), who, (int)strcspn(command, "("), command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	print_ring();
	if (pid > 0)
		kill(pid, SIGKILL);
	_exit(1);
}

const char *report_command_name(u32 cc)
{
	static const struct {
		u32 cc;
		const char *name;
	} names[] = {
		{ TPM2_CC_Startup, "Startup" },
		{ TPM2_CC_PCR_Extend, "PCR_Extend" },
		{ TPM2_CC_PCR_Read, "PCR_Read" },
		{ TPM2_CC_NV_DefineSpace, "NV_DefineSpace" },
		{ TPM2_CC_NV_UndefineSpace, "NV_UndefineSpace" },
		{ TPM2_CC_NV_Increment, "NV_Increment" },
		{ TPM2_CC_NV_Write, "NV_Write" },
		{ TPM2_CC_NV_Read, "NV_Read" },
		{ TPM2_CC_NV_ReadPublic, "NV_ReadPublic" },
		{ TPM2_CC_StartAuthSession, "StartAuthSession" },
		{ TPM2_CC_FlushContext, "FlushContext" },
		{ TPM2_CC_ContextSave, "ContextSave" },
		{ TPM2_CC_ContextLoad, "ContextLoad" },
		{ TPM2_CC_PolicyAuthValue, "PolicyAuthValue" },
		{ TPM2_CC_PolicyGetDigest, "PolicyGetDigest" },
		{ TPM2_CC_HashSequenceStart, "HashSequenceStart" },
		{ TPM2_CC_SequenceUpdate, "SequenceUpdate" },
		{ TPM2_CC_SequenceComplete, "SequenceComplete" },
		{ TPM2_CC_CreatePrimary, "CreatePrimary" },
		{ TPM2_CC_ReadPublic, "ReadPublic" },
		{ TPM2_CC_EvictControl, "EvictControl" },
		{ TPM2_CC_Clear, "Clear" },
		{ TPM2_CC_ChangeEPS, "ChangeEPS" },
		{ TPM2_CC_HierarchyChangeAuth, "HierarchyChangeAuth" },
		{ TPM2_CC_GetCapability, "GetCapability" },
		{ TPM2_CC_GetRandom, "GetRandom" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].cc == cc)
			return names[i].name;
	return "other";
}
