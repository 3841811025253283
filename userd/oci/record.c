// SPDX-License-Identifier: BSD-3-Clause
/*
 * Files of names; see the header. Overlays are mounted while their container runs only, at
 * LAYER/merged: there it is the layer that says whether the container is still known. Many may
 * write into the folder: what is no file there keeps nobody waiting.
 */
#include "oci/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MERGED "/merged"

static int create(int dir, const char *name)
{
	return openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

/* Is what is noted there over? One of another user's is his; one of the future is a new one. */
static bool is_over(int dir, const char *name, bool (*in_use)(const char *name))
{
	struct stat about;

	if (fstatat(dir, name, &about, AT_SYMLINK_NOFOLLOW) || about.st_uid != geteuid())
		return false;
	return about.st_mtime < time(NULL) - RECORD_START_SECONDS && !in_use(name);
}

int record_take(const char *path, const char *name, const char *rootfs,
		bool (*in_use)(const char *name))
{
	_cleanup_(close_fdp) int dir = -1, fd = -1;
	size_t length = strlen(rootfs);

	if (mkdir(path, 0770) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Two that find the same one over must not both have it. */
	if (dir < 0 || flock(dir, LOCK_EX))
		return -errno;
	fd = create(dir, name);
	if (fd < 0 && errno == EEXIST) {
		if (!is_over(dir, name, in_use))
			return RECORD_TAKEN;
		if (unlinkat(dir, name, 0))
			return -errno;
		fd = create(dir, name);
	}
	if (fd < 0)
		return -errno;
	return write(fd, rootfs, length) == (ssize_t)length ? 0 : -EIO;
}

void record_drop(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static bool is_gone(char *rootfs)
{
	size_t length = strlen(rootfs);
	struct stat found;

	if (length > strlen(MERGED) && !strcmp(rootfs + length - strlen(MERGED), MERGED))
		rootfs[length - strlen(MERGED)] = '\0';
	return *rootfs == '/' && stat(rootfs, &found) && errno == ENOENT;
}

static bool is_orphan(int dir, const char *name)
{
	_cleanup_(close_fdp) int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char rootfs[PATH_MAX];
	struct stat about;
	ssize_t length;

	if (fd < 0 || fstat(fd, &about) || about.st_uid != geteuid())
		return false;
	length = read(fd, rootfs, sizeof(rootfs) - 1);
	if (length <= 0)
		return false;
	rootfs[length] = '\0';
	return is_gone(rootfs);
}

void record_each_orphan(const char *dir, void (*remove_vtpm)(const char *name))
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && is_orphan(dirfd(folder), entry->d_name))
			remove_vtpm(entry->d_name);
	closedir(folder);
}
