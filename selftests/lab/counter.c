// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the rate of this machine's time-stamp counter, in kHz.
 *
 * Counter and clock are read together a hundred times and the pair is kept that took
 * least time to read, so a processor that is shared does no harm.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct pair {
	uint64_t count;
	uint64_t ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static struct pair read_both(void)
{
	uint64_t before, count, after, least = UINT64_MAX;
	struct pair pair = { 0, 0 };

	for (int i = 0; i < 100; i++) {
		before = now_ns();
		count = __rdtsc();
		after = now_ns();
		if (after - before >= least)
			continue;
		least = after - before;
		pair = (struct pair){ count, before + least / 2 };
	}
	return pair;
}

int main(void)
{
	const struct timespec while_it_counts = { 0, 200000000 };
	struct pair first, second;

	first = read_both();
	nanosleep(&while_it_counts, NULL);
	second = read_both();
	printf("%.0f\n", (second.count - first.count) * 1e6 / (second.ns - first.ns));
	return 0;
}
