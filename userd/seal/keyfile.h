/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of STATE_DIR/keys, read and replaced as a whole.
 *
 * A new one is written beside the old one, synced and renamed over it: at whatever
 * moment the machine stops, the old one or the new one is there. No link is followed. What
 * was in a buffer may be a key, so buffers are the caller's, to be wiped.
 */
#ifndef SEAL_KEYFILE_H
#define SEAL_KEYFILE_H

#include <sys/types.h>

#include "seal/crypto.h"

/**
 * keyfile_load() - read a file
 * @directory: STATE_DIR/keys
 * @to: room for @room bytes; a longer file is cut there
 *
 * Return: bytes read; -ENOENT (there is none); other -errno of openat() and pread().
 */
ssize_t keyfile_load(int directory, const char *name, uint8_t *to, size_t room);

/**
 * keyfile_save() - replace a file
 *
 * Return: 0; -errno of openat(), pwritev(), fsync(), renameat(): the old file is there, or
 * the new one and nobody knows for how long.
 */
int keyfile_save(int directory, const char *name, struct seal_bytes bytes);

#endif /* SEAL_KEYFILE_H */
