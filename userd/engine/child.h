/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An engine as a child of vtpm-spawn: forked, not executed, so it begins with
 * libraries that are warm, and finds its descriptors at fixed numbers.
 *
 *	zygote	engine_zygote_init(), engine_zygote_warm() once: what does not depend
 *		on the TPM
 *	child	engine_child() after the fork: the rest of its life
 *
 * The zygote holds no secret and no TPM, so there is none to inherit. OpenSSL's random
 * generator sees the new process id and seeds itself anew.
 */
#ifndef ENGINE_CHILD_H
#define ENGINE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/sandbox.h"

/**
 * enum engine_fd - descriptors of a child, besides 0, 1 and 2
 * @ENGINE_FD_CHANNEL: to the manager
 * @ENGINE_FD_CHECKPOINT: memfd
 * @ENGINE_FD_LINK: what it serves, if anything
 * @ENGINE_FD_CONTROL: control socket of a stream link, if any
 * @ENGINE_FD_RULESET: of Landlock, if this kernel has it; closed in the sandbox
 * @ENGINE_FD_JOURNAL: memfd of a stream link, if it is one
 * @ENGINE_FD_POCKET_IN: where its connection is put, if it is one
 * @ENGINE_FD_POCKET_OUT: where it is taken out
 * @ENGINE_FD_CONTROL_JOURNAL: memfd of its control connection, if it has one
 */
enum engine_fd {
	ENGINE_FD_CHANNEL = 3,
	ENGINE_FD_CHECKPOINT = 4,
	ENGINE_FD_LINK = 5,
	ENGINE_FD_CONTROL = 6,
	ENGINE_FD_RULESET = 7,
	ENGINE_FD_JOURNAL = 8,
	ENGINE_FD_POCKET_IN = 9,
	ENGINE_FD_POCKET_OUT = 10,
	ENGINE_FD_CONTROL_JOURNAL = 11,
	_ENGINE_FD_END,
};

/**
 * enum engine_sandbox - sandboxes, by what is served
 * @ENGINE_SANDBOX_NOTHING: no link: a TPM is made or looked at, and put away
 * @ENGINE_SANDBOX_DEVICE: a server file of the driver
 * @ENGINE_SANDBOX_SOCKET: a connected socket
 * @ENGINE_SANDBOX_LISTENER: a listening socket
 */
enum engine_sandbox {
	ENGINE_SANDBOX_NOTHING,
	ENGINE_SANDBOX_DEVICE,
	ENGINE_SANDBOX_SOCKET,
	ENGINE_SANDBOX_LISTENER,
	_ENGINE_SANDBOX_MAX,
};

/**
 * struct engine_zygote - what all children share
 * @keyd_path: socket of keyd
 * @maps: /proc/self/maps, until it is warm
 * @written: memory that the children lock
 * @sandbox: prepared ones; they share one Landlock ruleset, that of the first
 */
struct engine_zygote {
	const char *keyd_path;
	int maps;
	struct sandbox_memory written;
	struct sandbox sandbox[_ENGINE_SANDBOX_MAX];
};

/**
 * engine_zygote_init() - prepare the sandboxes
 * @zygote: to be set up; lasts as long as the process
 * @keyd_path: socket of keyd, kept
 *
 * Return: 0 or -errno of sandbox_prepare().
 */
int engine_zygote_init(struct engine_zygote *zygote, const char *keyd_path);

/**
 * engine_zygote_warm() - warm the libraries up, and look what children have to lock
 * @zygote: as set up
 *
 * The last thing before the first fork: each page of the heap that is written after
 * the fork is a page of each child's own, and what was freed before lies all over it.
 *
 * Return: 0; -ENOTRECOVERABLE (OpenSSL or libtpms).
 */
int engine_zygote_warm(struct engine_zygote *zygote);

/** engine_zygote_knows() - would its children resume this checkpoint? As unit_is_known() */
int engine_zygote_knows(int checkpoint);

/**
 * engine_child() - be an engine
 * @zygote: as set up before the fork
 * @links: descriptors there are of ENGINE_FD_LINK and ENGINE_FD_CONTROL, 0 to 2
 *
 * Says ENGINE_ENDS before it returns.
 *
 * Return: &enum engine_exit, for the process to exit with.
 */
int engine_child(const struct engine_zygote *zygote, unsigned int links);

#endif /* ENGINE_CHILD_H */
