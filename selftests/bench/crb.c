// SPDX-License-Identifier: GPL-2.0
/*
 * GetRandom by the registers of a Command Response Buffer, in a guest: how long until the
 * answer is there, without a kernel that looks for it each millisecond only.
 *
 *	crb COUNT
 *
 * Prints the median in microseconds. The kernel's driver must have let go of the TPM, and
 * /dev/mem must give away what a driver once had (iomem=relaxed).
 * Registers: TCG PC Client Platform TPM Profile 1.05, 6.5.3.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "reach.h"

#define CRB_ADDRESS 0xfed40000
#define CRB_SIZE    0x1000

enum {
	LOC_STATE = 0x00,
	LOC_CTRL = 0x08,
	CTRL_REQ = 0x40,
	CTRL_START = 0x4c,
	BUFFER = 0x80,
};

#define LOC_STATE_ASSIGNED  0x02
#define LOC_CTRL_REQUEST    0x01
#define CTRL_REQ_READY	    0x01
#define CTRL_REQ_IDLE	    0x02
#define CTRL_START_INVOKE   0x01
#define MAX_COUNT	    100000
#define PATIENCE_US	    10e6

/* Part 3, 16.1 */
static const uint8_t get_random[] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16 };

static volatile uint8_t *base;

static volatile uint32_t *at(unsigned int offset)
{
	return (volatile uint32_t *)(base + offset);
}

static void await(const char *what, unsigned int offset, uint32_t mask, uint32_t value)
{
	double began = bench_now_us();

	while ((*at(offset) & mask) != value)
		if (bench_now_us() - began > PATIENCE_US)
			errx(1, "%s: not within ten seconds", what);
}

static double run(void)
{
	uint8_t head[10];
	double began, took;

	*at(CTRL_REQ) = CTRL_REQ_READY;
	await("ready", CTRL_REQ, CTRL_REQ_READY, 0);
	for (size_t i = 0; i < sizeof(get_random); i++)
		base[BUFFER + i] = get_random[i];
	began = bench_now_us();
	*at(CTRL_START) = CTRL_START_INVOKE;
	await("an answer", CTRL_START, CTRL_START_INVOKE, 0);
	took = bench_now_us() - began;
	for (size_t i = 0; i < sizeof(head); i++)
		head[i] = base[BUFFER + i];
	if (memcmp(head + 6, "\0\0\0", 4))
		errx(1, "GetRandom failed");
	*at(CTRL_REQ) = CTRL_REQ_IDLE;
	return took;
}

int main(int argc, char **argv)
{
	static double times[MAX_COUNT];
	int count = argc == 2 ? atoi(argv[1]) : 0;
	void *map;
	int fd;

	if (count < 1 || count > MAX_COUNT)
		errx(2, "usage: crb COUNT, 1 to %d", MAX_COUNT);
	fd = open("/dev/mem", O_RDWR | O_SYNC);
	if (fd < 0)
		err(1, "/dev/mem");
	map = mmap(NULL, CRB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, CRB_ADDRESS);
	if (map == MAP_FAILED)
		err(1, "/dev/mem at %#x: does a driver have it?", CRB_ADDRESS);
	base = map;
	*at(LOC_CTRL) = LOC_CTRL_REQUEST;
	await("the locality", LOC_STATE, LOC_STATE_ASSIGNED, LOC_STATE_ASSIGNED);
	for (int i = 0; i < count; i++)
		times[i] = run();
	printf("%.1f\n", bench_median(times, count));
	return 0;
}
