/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keyd as the witness of the archive (store/archive.h), for the archive's thread.
 *
 * That thread has a connection of its own to keyd, and waits for the answers. Where keyd is
 * away or locked it waits for that to end: commits wait, and nothing fails. What keyd knows
 * about the store belongs to a run of keyd, so a new one says ESTALE, and the archive
 * asks it first. Whether a store has to be anchored at each change keyd says too.
 */
#ifndef MANAGER_WITNESS_H
#define MANAGER_WITNESS_H

#include "store/archive.h"

struct witness;

/**
 * witness_new() - a witness; it connects when it is asked first
 * @path: of keyd's socket
 * @ret: the caller ends it with witness_free()
 *
 * Return: 0; -ENAMETOOLONG; -ENOMEM; -errno of eventfd().
 */
int witness_new(const char *path, struct witness **ret);

/** witness_for() - as the archive wants it */
struct archive_witness witness_for(struct witness *witness);

/** witness_end() - from now on nobody waits: what waits ends with -ECANCELED. Any thread */
void witness_end(struct witness *witness);

/** witness_free() - once no archive has it any more; NULL is fine. Return: NULL */
struct witness *witness_free(struct witness *witness);

#endif /* MANAGER_WITNESS_H */
