/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copy of a store: one older state of it, in one file beside it.
 *
 *	vtpm.db ──pages of one transaction──→ vtpm.db.copy.new ──inspected──→ vtpm.db.copy
 *
 * It is taken by SQLite's online backup over a connection of its own, which reads one
 * snapshot: who writes to the store meanwhile waits for nothing, and does not show up in the
 * copy. Before the new copy takes the former one's place it is looked at like any store
 * (store/archive_inspect.h): a store that is harmed is never copied over a copy that is not.
 *
 * A copy is an older state, with the root block of that state. Whoever puts it in the store's
 * place goes back in time, and the witness finds that out like any other way back.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/** define COPY_PATH_MAX - bytes of the longest path that is made here */
#define COPY_PATH_MAX 512

/**
 * copy_path() - where the copy of a store lies
 *
 * Return: 0; -ENAMETOOLONG.
 */
int copy_path(const char *path, char *ret, size_t room);

/**
 * copy_make() - make the copy anew
 * @path: of the store's database file
 * @pause: called after each piece, with @context: the place to wait; NULL: do not
 * @context: for @pause
 * @reason: why there is none, for the operator; set for each error
 * @room: bytes of @reason
 *
 * Whatever goes wrong, the former copy stays as it was.
 *
 * Return: 0; -EUCLEAN (the store is damaged, or a vTPM in it is, and there is a former copy);
 * -ENOSPC (not twice the store's size is free); -ENOENT; -EIO; -ENOMEM; another -errno.
 */
int copy_make(const char *path, void (*pause)(void *context), void *context, char *reason,
	      size_t room);

/**
 * copy_age() - of which moment the copy is
 * @path: of the store's database file
 * @ret: seconds since 1970
 *
 * Return: 0; -ENOENT (there is no copy); another -errno.
 */
int copy_age(const char *path, time_t *ret);

/**
 * copy_is_alone() - is it there, and no store?
 * @path: of the store's database file; an empty one is none, although SQLite would fill it
 */
bool copy_is_alone(const char *path);

/**
 * copy_use() - put the copy in the store's place
 * @path: of the store's database file, which nobody has open
 * @ret_kept: folder in which the store is kept that was there
 * @kept_room: bytes of @ret_kept, COPY_PATH_MAX
 * @reason: why not, for the operator; set for each error
 * @room: bytes of @reason
 *
 * The copy itself stays. Who dies in the middle leaves either the former store in its
 * place or none at all, and then it can be called again.
 *
 * Return: 0; -ENOENT (there is no copy); -EUCLEAN (the copy's file is damaged itself); -EEXIST
 * (it was done within this second already); -ENOSPC; -EIO; another -errno.
 */
int copy_use(const char *path, char *ret_kept, size_t kept_room, char *reason, size_t room);

#endif /* STORE_COPY_H */
