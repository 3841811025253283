// SPDX-License-Identifier: BSD-3-Clause
/*
 * Whole reads and writes, and closing what is not ours; see the header.
 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

ssize_t fd_pread_full(int fd, void *to, size_t length, off_t offset)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = pread(fd, (uint8_t *)to + done, length - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int parts_left(struct iovec part[2], const void *head, size_t head_length, const void *body,
		      size_t body_length, size_t done)
{
	int count = 0;

	if (done < head_length) {
		part[count].iov_base = (uint8_t *)(uintptr_t)head + done;
		part[count++].iov_len = head_length - done;
		done = head_length;
	}
	if (done - head_length < body_length) {
		part[count].iov_base = (uint8_t *)(uintptr_t)body + (done - head_length);
		part[count++].iov_len = body_length - (done - head_length);
	}
	return count;
}

int fd_pwrite_parts(int fd, const void *head, size_t head_length, const void *body,
		    size_t body_length, off_t offset, size_t *ret_written)
{
	struct iovec part[2];
	size_t done = 0;
	int count;

	*ret_written = 0;
	while ((count = parts_left(part, head, head_length, body, body_length, done))) {
		ssize_t n = pwritev(fd, part, count, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
		*ret_written = done;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

static int guard_standard(void)
{
	_cleanup_(close_fdp) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++) {
		if (fd == 2 && fcntl(2, F_GETFD) >= 0)
			continue;
		if (null != fd && dup2(null, fd) < 0)
			return -errno;
	}
	if (null <= 2)
		(void)TAKE_FD(null);
	return 0;
}

int fd_keep_only(int *keep, size_t count)
{
	unsigned int from = 3;
	int r;

	if (count)
		qsort(keep, count, sizeof(*keep), by_number);
	r = guard_standard();
	if (r)
		return r;

	for (size_t i = 0; i < count; i++) {
		unsigned int fd = (unsigned int)keep[i];

		if (keep[i] < (int)from)
			continue;
		if (fd > from && close_range(from, fd - 1, 0))
			return -errno;
		from = fd + 1;
	}
	return close_range(from, UINT_MAX, 0) ? -errno : 0;
}

int fd_claim(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (flags & O_APPEND)
		return -EINVAL;
	if (!fcntl(fd, F_SETLK, &whole))
		return 0;
	return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
}

unsigned long fd_raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) && getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	return (unsigned long)files.rlim_cur;
}
