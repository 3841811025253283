// SPDX-License-Identifier: BSD-3-Clause
/*
 * Load and save; see the header.
 */
#include "seal/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define NAME_MAX_HERE 32

ssize_t keyfile_load(int directory, const char *name, uint8_t *to, size_t room)
{
	_cleanup_(close_fdp) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd_pread_full(fd, to, room, 0);
}

static int write_new(int directory, const char *name, struct seal_bytes bytes)
{
	_cleanup_(close_fdp) int fd = -1;
	size_t written;
	int r;

	if (unlinkat(directory, name, 0) && errno != ENOENT)
		return -errno;
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fd_pwrite_parts(fd, bytes.at, bytes.length, NULL, 0, 0, &written);
	if (!r && fsync(fd))
		r = -errno;
	return r;
}

int keyfile_save(int directory, const char *name, struct seal_bytes bytes)
{
	char beside[NAME_MAX_HERE];
	int n = snprintf(beside, sizeof(beside), "%s.new", name), r;

	if (n < 0 || (size_t)n >= sizeof(beside))
		return -ENAMETOOLONG;
	r = write_new(directory, beside, bytes);
	if (!r && (renameat(directory, beside, directory, name) || fsync(directory)))
		r = -errno;
	return r;
}
