// SPDX-License-Identifier: GPL-2.0
/*
 * Create and destroy many devices: see the script `devices`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* KiB of unreclaimable slab, when what waits to be freed is. */
static long slab(void)
{
	char line[128];
	long kib = -1;
	FILE *file;

	/* Device memory is freed by RCU and work items. */
	sleep(2);
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %ld kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static bool is_above(const char *what, double value, double limit)
{
	if (value <= limit)
		return false;
	printf("%s: %.2f is above the limit of %.2f\n", what, value, limit);
	return true;
}

/* Whether a limit was passed. */
static bool round_of(struct device *devices, int count, const double *limits, bool warm)
{
	double begun, created, destroyed, held, left;
	long before = slab(), during;
	int control = control_open();
	int i, rc;

	begun = seconds();
	for (i = 0; i < count; i++) {
		rc = device_create(&devices[i], control, NULL);
		if (rc) {
			printf("device %d was not created: %s\n", i, strerror(-rc));
			exit(1);
		}
	}
	created = (seconds() - begun) * 1e3 / count;
	during = slab();
	held = (double)(during - before) / count;
	begun = seconds();
	for (i = 0; i < count; i++) {
		rc = device_destroy(&devices[i]);
		if (rc) {
			printf("device %d was not destroyed: %s\n", i, strerror(-rc));
			exit(1);
		}
	}
	destroyed = (seconds() - begun) * 1e3 / count;
	left = (double)(slab() - before) / count;
	close(control);
	printf("create %.2f ms, destroy %.2f ms, slab %.1f KiB a device, %.2f KiB left of it%s\n",
	       created, destroyed, held, left, warm ? "" : " (first round)");
	if (!warm)
		return false;
	return is_above("create", created, limits[0]) | is_above("destroy", destroyed, limits[0]) |
	       is_above("slab", held, limits[1]) | is_above("left", left, limits[2]);
}

int main(int argc, char **argv)
{
	struct device *devices;
	double limits[3];
	int i, count;
	bool failed;

	if (argc != 5)
		return 2;
	count = atoi(argv[1]);
	for (i = 0; i < 3; i++)
		limits[i] = atof(argv[2 + i]);
	devices = calloc(count, sizeof(*devices));
	if (count < 1 || !devices)
		return 2;
	round_of(devices, count, limits, false);
	failed = round_of(devices, count, limits, true);
	free(devices);
	return failed;
}
