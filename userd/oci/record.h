/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which container each vTPM was made for: a file with the vTPM's name, in which the path of the
 * container's root stands. A container engine that fails between its hook and its runtime
 * tells nobody; the next hook finds the root gone, and removes what was made for it.
 */
#ifndef OCI_RECORD_H
#define OCI_RECORD_H

#include <stdbool.h>

/** define RECORD_TAKEN - another container has this name */
#define RECORD_TAKEN 1

/** define RECORD_START_SECONDS - so long a start may take until its container has its nodes */
#define RECORD_START_SECONDS 60

/**
 * record_take() - note a name, before its vTPM is made
 * @dir: folder, made where there is none
 * @name: of the vTPM
 * @rootfs: root of the container
 * @in_use: has a container that vTPM? Asked where there is a record of ours that is older than a
 *	start takes
 *
 * Return: 0: it is the caller's; RECORD_TAKEN; -errno.
 */
int record_take(const char *dir, const char *name, const char *rootfs,
		bool (*in_use)(const char *name));

/** record_drop() - the vTPM has been removed */
void record_drop(const char *dir, const char *name);

/**
 * record_each_orphan() - those whose container is gone
 * @dir: folder
 * @remove: called for each; drops the record where it has removed the vTPM
 *
 * One whose place the caller may not look at is no orphan, and no record of another user's counts:
 * where he sees a container, its place need not be there for the caller (ProtectHome=, say).
 */
void record_each_orphan(const char *dir, void (*remove)(const char *name));

#endif /* OCI_RECORD_H */
