// SPDX-License-Identifier: GPL-2.0
/* For scripts: make a device of a name, attach to it, say so, and destroy it at SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char **argv)
{
	const struct vtpm_create wish = { .uid = 4321, .mode = 0640 };
	struct device device = { 0 };
	sigset_t set;
	int signal;

	if (argc != 2)
		return 2;
	device_name(&device);
	memset(device.name, 0, sizeof(device.name));
	snprintf(device.name, sizeof(device.name), "%s", argv[1]);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (device_create(&device, control_open(), &wish) ||
	    device_attach(&device, VTPM_ATTACH_RESET) < 0)
		return 1;
	printf("%s\n", device.raw);
	fflush(stdout);
	sigwait(&set, &signal);
	return device_destroy(&device) ? 1 : 0;
}
