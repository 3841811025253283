// SPDX-License-Identifier: BSD-3-Clause
/*
 * Add and read; see the header.
 */
#include "keyd/issued.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/fd.h"

#define FILE_NAME "issued"

/* Return: descriptor; -errno. */
static int open_records(int directory, int flags)
{
	int fd = openat(directory, FILE_NAME, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

int issued_add(int directory, const struct issued *issued)
{
	_cleanup_(close_fdp) int fd = open_records(directory, O_WRONLY | O_CREAT);
	uint8_t record[ISSUED_SIZE] = { 0 };
	struct cursor_out out = cursor_out(record, sizeof(record));
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	size_t written;
	int r;

	if (fd < 0 || end < 0)
		return fd < 0 ? fd : -errno;
	cursor_put_u64(&out, issued->time);
	cursor_put_raw(&out, issued->uuid, sizeof(issued->uuid));
	cursor_put_u64(&out, issued->epoch);
	cursor_put_raw(&out, issued->serial, sizeof(issued->serial));
	cursor_put_u8(&out, (uint8_t)issued->kind);
	r = fd_pwrite_parts(fd, record, sizeof(record), NULL, 0, end - end % ISSUED_SIZE,
			    &written);
	if (!r && (fsync(fd) || (!end && fsync(directory))))
		r = -errno;
	return r;
}

ssize_t issued_read(int directory, uint64_t from, uint8_t *ret, size_t most, uint64_t *ret_count)
{
	_cleanup_(close_fdp) int fd = open_records(directory, O_RDONLY);
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	uint64_t count;
	ssize_t n = 0;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (end < 0)
		return -errno;
	count = (uint64_t)end / ISSUED_SIZE;
	if (from < count)
		n = fd_pread_full(fd, ret, most * ISSUED_SIZE, (off_t)(from * ISSUED_SIZE));
	if (n < 0)
		return n;
	*ret_count = count;
	return n / ISSUED_SIZE;
}
