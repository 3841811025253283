/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who sees to it that there is a copy of the store (store/copy.h): a thread that looks every
 * BACKUP_SECONDS whether anything has changed, and once more at the end. So the copy
 * lacks what came in the last five minutes, and the time that one takes.
 *
 * Only a store that keyd takes for the newest one is copied: an older one, put in its
 * place, must not become the copy of what it hides.
 */
#ifndef MANAGER_BACKUP_H
#define MANAGER_BACKUP_H

#include "store/archive.h"

/** define BACKUP_SECONDS - between two looks */
#define BACKUP_SECONDS 300

struct backup;

/**
 * backup_new() - begin
 * @path: of the store's database file, copied
 * @archive: what is in it, borrowed
 * @ret: the caller ends it with backup_free()
 *
 * Return: 0; -ENAMETOOLONG; -ENOMEM; -EAGAIN (no thread is to be had).
 */
int backup_new(const char *path, struct archive *archive, struct backup **ret);

/** backup_free() - copy what has changed, and end; NULL is fine. Return: NULL */
struct backup *backup_free(struct backup *backup);

/** backup_offer() - the store at @path cannot be opened: log what copy there is, and what to do */
void backup_offer(const char *state_dir, const char *path);

#endif /* MANAGER_BACKUP_H */
