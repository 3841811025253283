/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File descriptors: whole reads and writes, which ones a process keeps, and which
 * files it has to itself.
 *
 * An engine inherits what its parent left open. fd_keep_only() makes the
 * list of what it holds a statement in its main().
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * fd_pread_full() - read until @length bytes or the end of the file
 *
 * Return: bytes read, fewer than @length only at the end; -errno of pread().
 */
ssize_t fd_pread_full(int fd, void *to, size_t length, off_t offset);

/**
 * fd_pwrite_parts() - write a head and a body behind it as one
 * @fd: a regular file
 * @head: first bytes
 * @head_length: how many
 * @body: bytes that follow, may be NULL where @body_length is 0
 * @body_length: how many
 * @offset: where to
 * @ret_written: bytes that reached the file, set in any case
 *
 * Return: 0 when all was written, -errno of pwritev() otherwise.
 */
int fd_pwrite_parts(int fd, const void *head, size_t head_length, const void *body,
		    size_t body_length, off_t offset, size_t *ret_written);

/**
 * fd_keep_only() - put /dev/null on 0 and 1, close all but 0, 1, 2 and @keep
 * @keep: descriptors to keep, negative ones are skipped; sorted in place
 * @count: how many
 *
 * Where 2 is closed, /dev/null takes its place, so that nothing else does.
 *
 * Return: 0 or -errno of open(), dup2() or close_range().
 */
int fd_keep_only(int *keep, size_t count);

/**
 * fd_claim() - have a file to ourselves, among all that ask, until this process ends
 * @fd: open for writing at any place, the process's only descriptor of that file
 *
 * The lock is the process's, not the open file's: whoever else holds the same
 * open file, a parent or the next engine, does not hold the lock with it.
 *
 * Return: 0; -EBUSY (another process has it); -EINVAL (O_APPEND: pwrite() would
 * not write where it is told to); another -errno of fcntl().
 */
int fd_claim(int fd);

/** fd_raise_limit() - allow ourselves as many as we may. Return: how many, 0: nobody can tell */
unsigned long fd_raise_limit(void);

#endif /* BASE_FD_H */
