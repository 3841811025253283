/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process gives up before it reads its first foreign byte.
 *
 * One fixed order, since each step may need what the next one takes away:
 *
 *	1. mlockall	secrets never reach swap (best effort: RLIMIT_MEMLOCK)
 *	2. not dumpable	no core file, no ptrace, /proc entries owned by root
 *	3. no_new_privs	execve could gain nothing, were it possible
 *	4. rlimits	no core file, few descriptors, no process, bounded files
 *	5. Landlock	no path and no TCP port (best effort: kernel 5.13)
 *	6. seccomp	an allow-list; anything else kills the process
 *
 * After that the process has the descriptors it holds and no way to get others,
 * but for connections from a listening socket where it has one.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>

/**
 * struct sandbox_profile - what a process still needs
 * @device_fd: file to call @device_ioctl on, -1 for none
 * @device_ioctl: the only ioctl there is
 * @sockets: it talks through sockets it holds
 * @accepts: it takes connections from a listening socket it holds
 * @file: it reads and writes a regular file it holds
 * @warn: called with a line for the operator, for steps that were not possible
 */
struct sandbox_profile {
	int device_fd;
	unsigned long device_ioctl;
	bool sockets;
	bool accepts;
	bool file;
	void (*warn)(const char *line);
};

/**
 * sandbox_enter() - give up everything but @profile
 *
 * Return: 0; -errno of the step that is not best effort and failed. Some are
 * in force then: the process should end.
 */
int sandbox_enter(const struct sandbox_profile *profile);

/** sandbox_landlock() - step 5. Return: 0; -ENOSYS, -EOPNOTSUPP (not in this kernel); -errno */
int sandbox_landlock(void);

/** sandbox_seccomp() - step 6. Return: 0 or -errno of libseccomp */
int sandbox_seccomp(const struct sandbox_profile *profile);

#endif /* SANDBOX_SANDBOX_H */
