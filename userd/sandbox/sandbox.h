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
 *	5. Landlock	no path but a service's directory, and no TCP port (best effort:
 *			kernel 5.13)
 *	6. seccomp	an allow-list; anything else kills the process
 *
 * After that the process has the descriptors it holds and no way to get others,
 * but for connections from a listening socket where it has one, and files in the
 * directory of a service.
 *
 * A zygote prepares steps 5 and 6 once (struct sandbox), and each of its children
 * enters with a few system calls.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sandbox_service - what a process needs that serves many peers from one loop
 * @directory_fd: directory whose files it opens, makes and replaces; no other path
 * @stream_fd: file or socket it reads and writes, -1 for none
 * @connects: it makes Unix stream sockets, connects and writes to them
 * @files: most descriptors it may have
 */
struct sandbox_service {
	int directory_fd;
	int stream_fd;
	bool connects;
	unsigned int files;
};

#define SANDBOX_IOCTLS 2

/**
 * struct sandbox_profile - what a process still needs
 * @device_fd: file to call @device_ioctl on, -1 for none
 * @device_ioctl: the only ioctls there are, 0 for none
 * @sockets: it talks through sockets it holds
 * @accepts: it takes connections from a listening socket it holds
 * @messages: it sends and receives packets of wire/ipc.h
 * @file: it reads and writes a regular file it holds
 * @files: most descriptors, 0 for what an engine needs; a service says it itself
 * @service: it is a service, NULL otherwise
 * @zygote: it forks children who enter sandboxes of their own; see sandbox_enter_zygote()
 * @warn: called with a line for the operator, for steps that were not possible
 */
struct sandbox_profile {
	int device_fd;
	unsigned long device_ioctl[SANDBOX_IOCTLS];
	bool sockets;
	bool accepts;
	bool messages;
	bool file;
	unsigned int files;
	const struct sandbox_service *service;
	bool zygote;
	void (*warn)(const char *line);
};

#define SANDBOX_RANGES 64

/**
 * struct sandbox_memory - mappings that a zygote can write
 * @count: how many, 0: not looked
 * @range: each
 */
struct sandbox_memory {
	unsigned int count;
	struct sandbox_range {
		uintptr_t from;
		size_t length;
	} range[SANDBOX_RANGES];
};

/**
 * struct sandbox - a profile made ready
 * @ruleset: of Landlock, -1 where this kernel has none
 * @filter: classic BPF program of seccomp
 * @length: its instructions
 * @files: most descriptors, 0 for what an engine needs
 */
struct sandbox {
	int ruleset;
	void *filter;
	unsigned short length;
	unsigned int files;
};

/**
 * sandbox_enter() - give up everything but @profile
 *
 * Return: 0; -errno of the step that is not best effort and failed. Some are
 * in force then: the process should end.
 */
int sandbox_enter(const struct sandbox_profile *profile);

/**
 * sandbox_prepare() - do once what does not depend on the process
 * @profile: as for sandbox_enter(); warned of nothing
 * @ret: the caller ends it with sandbox_done()
 *
 * Return: 0; -errno of Landlock, memfd_create() or libseccomp.
 */
int sandbox_prepare(const struct sandbox_profile *profile, struct sandbox *ret);

/** sandbox_done() - release what was prepared; for _cleanup_, an empty one is fine */
void sandbox_done(struct sandbox *sandbox);

/**
 * sandbox_enter_prepared() - steps 2 to 6 with what is prepared
 * @sandbox: as prepared
 * @ruleset: descriptor of the ruleset in this process; -1 for none
 *
 * Step 1 is sandbox_memory_lock(), the first thing that a child does.
 *
 * Return: as sandbox_enter().
 */
int sandbox_enter_prepared(const struct sandbox *sandbox, int ruleset);

/**
 * sandbox_enter_zygote() - steps 2, 3, 5 and 6 for the parent of sandboxed children
 * @profile: what it and its children need, with @zygote
 *
 * Memory is not locked and limits stay: both are each child's own. What the filter
 * allows besides is what a child does until it enters its own sandbox, which can only
 * take away from this one.
 *
 * Return: as sandbox_enter().
 */
int sandbox_enter_zygote(const struct sandbox_profile *profile);

/**
 * sandbox_memory_look() - which of its mappings this process can write, for its children
 * @maps: /proc/self/maps of this process, at its beginning
 *
 * Return: 0; -E2BIG (more than there is room for); -errno of read().
 */
int sandbox_memory_look(int maps, struct sandbox_memory *ret);

/**
 * sandbox_memory_lock() - step 1: lock what may hold secrets, now and in future
 * @written: what the parent could write, so that the rest stays as it is; NULL, or one
 *	that is empty: lock all
 * @warn: called where it is not possible
 */
void sandbox_memory_lock(const struct sandbox_memory *written, void (*warn)(const char *line));

/**
 * sandbox_ruleset() - make step 5's ruleset
 * @service: whose directory it allows, NULL for none
 *
 * Return: descriptor; -1 (no Landlock here); -errno.
 */
int sandbox_ruleset(const struct sandbox_service *service);

/** sandbox_restrict() - step 5. Return: 0 or -errno */
int sandbox_restrict(int ruleset);

/**
 * sandbox_filter() - compile step 6
 * @profile: what is needed
 * @ret_filter: the program, to be freed
 * @ret_length: its instructions
 *
 * Return: 0 or -errno of libseccomp or memfd_create().
 */
int sandbox_filter(const struct sandbox_profile *profile, void **ret_filter,
		   unsigned short *ret_length);

/** sandbox_load() - step 6. Return: 0 or -errno */
int sandbox_load(void *filter, unsigned short length);

#endif /* SANDBOX_SANDBOX_H */
