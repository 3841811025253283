// SPDX-License-Identifier: BSD-3-Clause
/*
 * Making it and putting it in place; see the header.
 *
 * What is written is synced piece by piece: one sync of all of it at the end would be one
 * that a commit on the same disk waits behind.
 *
 * The order of copy_use(): first the database goes to the folder of what is kept, then its
 * log, then the copy comes. A log that is left alone would be played into the
 * next database of that name, a database without its log would be an older one: so there
 * is no moment with the one and not the other but that without a database, and a store
 * that is not there although its copy is, vtpmd does not make anew.
 */
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/archive_inspect.h"
#include "store/archive_sql.h"

/* Pages of 4 KiB between two pauses */
#define PIECE 64

struct copying {
	sqlite3 *from;
	sqlite3 *to;
	int fd;
	char path[COPY_PATH_MAX];
	char new_path[COPY_PATH_MAX];
};

static int join(char *to, size_t room, const char *path, const char *end)
{
	return (size_t)snprintf(to, room, "%s%s", path, end) < room ? 0 : -ENAMETOOLONG;
}

int copy_path(const char *path, char *ret, size_t room)
{
	return join(ret, room, path, ".copy");
}

int copy_age(const char *path, time_t *ret)
{
	char copy[COPY_PATH_MAX];
	struct stat about;
	int r = copy_path(path, copy, sizeof(copy));

	if (r)
		return r;
	if (stat(copy, &about))
		return -errno;
	*ret = about.st_mtime;
	return 0;
}

bool copy_is_alone(const char *path)
{
	struct stat about;
	time_t of;

	if (stat(path, &about) ? errno != ENOENT : about.st_size != 0)
		return false;
	return !copy_age(path, &of);
}

/* What lies beside @path must be on the disk under its name, too. */
static int sync_folder(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;
	char copy[COPY_PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? -errno : 0;
}

static void count_bad(void *context, const struct archive_seen *seen)
{
	unsigned int *bad = context;

	*bad += seen->problem[0] != '\0';
}

/* Return: 0: the file is whole, and all vTPMs in it but @ret_bad */
static int look(const char *path, unsigned int *ret_bad, char *reason, size_t room)
{
	bool block;

	*ret_bad = 0;
	return archive_inspect(path, count_bad, ret_bad, &block, reason, room);
}

/* Making */

static int check_room(const char *path)
{
	struct statvfs disk;
	struct stat about;

	if (stat(path, &about) || statvfs(path, &disk))
		return -errno;
	return (uint64_t)disk.f_bavail * disk.f_frsize < 2 * (uint64_t)about.st_size ? -ENOSPC : 0;
}

/* One snapshot for all pieces: it begins with the first page that is read. */
static int open_from(struct copying *copying, const char *path)
{
	int code = sqlite3_open_v2(path, &copying->from,
				   SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
					   SQLITE_OPEN_NOFOLLOW,
				   NULL);

	if (!code)
		code = sqlite3_busy_timeout(copying->from, 1000);
	if (!code)
		code = sqlite3_exec(copying->from, "BEGIN; SELECT count(*) FROM sqlite_schema",
				    NULL, NULL, NULL);
	return -archive_sql_errno(code);
}

/* Nobody reads it before it is complete: it needs no journal, and syncs are ours to do. */
static int open_to(struct copying *copying)
{
	static const char settings[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
				       "PRAGMA cache_size = 16;";
	int code;

	unlink(copying->new_path);
	copying->fd = open(copying->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			   0600);
	if (copying->fd < 0)
		return -errno;
	code = sqlite3_open_v2(copying->new_path, &copying->to,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			       NULL);
	if (!code)
		code = sqlite3_exec(copying->to, settings, NULL, NULL, NULL);
	return -archive_sql_errno(code);
}

static int take_pieces(struct copying *copying, void (*pause)(void *context), void *context)
{
	sqlite3_backup *backup = sqlite3_backup_init(copying->to, "main", copying->from, "main");
	int code, r = 0;

	if (!backup)
		return -archive_sql_errno(sqlite3_errcode(copying->to));
	do {
		code = sqlite3_backup_step(backup, PIECE);
		if (code == SQLITE_OK && fdatasync(copying->fd))
			r = -errno;
		if (code == SQLITE_OK && !r && pause)
			pause(context);
	} while (code == SQLITE_OK && !r);
	sqlite3_backup_finish(backup);
	return r || code == SQLITE_DONE ? r : -archive_sql_errno(code);
}

static void close_both(struct copying *copying)
{
	sqlite3_close(copying->from);
	sqlite3_close(copying->to);
	copying->from = NULL;
	copying->to = NULL;
}

/*
 * With no copy to lose, one with harmed vTPMs keeps the others. @when: a state is as old as the
 * moment it was read, not as the file.
 */
static int finish(struct copying *copying, const struct timespec *when, char *reason, size_t room)
{
	struct timespec times[2] = { *when, *when };
	unsigned int bad;
	int r = look(copying->new_path, &bad, reason, room);

	if (!r && bad && !access(copying->path, F_OK)) {
		snprintf(reason, room, "%u vTPMs in it are not intact", bad);
		return -EUCLEAN;
	}
	if (!r && (futimens(copying->fd, times) || fsync(copying->fd) ||
		   rename(copying->new_path, copying->path)))
		r = -errno;
	return r ? r : sync_folder(copying->path);
}

int copy_make(const char *path, void (*pause)(void *context), void *context, char *reason,
	      size_t room)
{
	struct copying copying = { .fd = -1 };
	struct timespec when;
	int r;

	*reason = '\0';
	clock_gettime(CLOCK_REALTIME, &when);
	r = copy_path(path, copying.path, sizeof(copying.path));
	if (!r)
		r = join(copying.new_path, sizeof(copying.new_path), copying.path, ".new");
	if (!r)
		r = check_room(path);
	if (!r)
		r = open_from(&copying, path);
	if (!r)
		r = open_to(&copying);
	if (!r)
		r = take_pieces(&copying, pause, context);
	close_both(&copying);
	if (!r)
		r = finish(&copying, &when, reason, room);
	if (r && copying.fd >= 0)
		unlink(copying.new_path);
	close_fdp(&copying.fd);
	if (r && !*reason)
		snprintf(reason, room, "%s", strerror(-r));
	return r;
}

/* Putting it in place */

static int copy_bytes(int from, int to)
{
	ssize_t n;

	do {
		n = sendfile(to, from, NULL, 1 << 20);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* The same bytes, of the same owner, under another name. */
static int duplicate(const char *path, const char *to_path)
{
	_cleanup_(close_fdp) int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(close_fdp) int to = -1;
	struct stat about;
	int r;

	if (from < 0 || fstat(from, &about))
		return -errno;
	unlink(to_path);
	to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0 || fchown(to, about.st_uid, about.st_gid))
		return -errno;
	r = copy_bytes(from, to);
	return r || !fsync(to) ? r : -errno;
}

/*
 * The folder around it is the manager's, and we may be root: what has come in place of what we made
 * is neither owned by us nor a folder of ours to give away. Return: a descriptor of it, or -errno
 */
static int make_folder(const char *path, char *ret, size_t room)
{
	_cleanup_(close_fdp) int fd = -1;
	char text[COPY_PATH_MAX];
	struct stat about, made;
	struct tm now;
	time_t seconds = time(NULL);
	size_t used;

	snprintf(text, sizeof(text), "%s", path);
	if (stat(dirname(text), &about) || !gmtime_r(&seconds, &now))
		return -errno;
	snprintf(text, sizeof(text), "%s", path);
	used = (size_t)snprintf(ret, room, "%s/", dirname(text));
	if (used >= room || !strftime(ret + used, room - used, "damaged-%Y%m%dT%H%M%SZ", &now))
		return -ENAMETOOLONG;
	if (mkdir(ret, 0700))
		return -errno;
	fd = open(ret, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &made))
		return -errno;
	if (made.st_uid != geteuid())
		return -EPERM;
	return fchown(fd, about.st_uid, about.st_gid) ? -errno : TAKE_FD(fd);
}

/* Out of the way, in an order that is explained above. */
static int keep(const char *path, int folder)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char from[COPY_PATH_MAX], name[COPY_PATH_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(ends) / sizeof(ends[0]); i++) {
		r = join(from, sizeof(from), path, ends[i]);
		snprintf(name, sizeof(name), "%s", from);
		if (!r && renameat(AT_FDCWD, from, folder, basename(name)) && errno != ENOENT)
			r = -errno;
		if (!r && fsync(folder))
			r = -errno;
		if (!r)
			r = sync_folder(path);
	}
	return r;
}

/* Return: 0, or -errno: then there is no @new_path */
static int exchange(const char *path, const char *copy, const char *new_path, char *ret_kept,
		    size_t kept_room)
{
	_cleanup_(close_fdp) int folder = -1;
	int r = duplicate(copy, new_path);

	if (!r)
		r = folder = make_folder(path, ret_kept, kept_room);
	if (folder >= 0)
		r = keep(path, folder);
	if (!r && rename(new_path, path))
		r = -errno;
	if (!r)
		r = sync_folder(path);
	if (r)
		unlink(new_path);
	return r;
}

int copy_use(const char *path, char *ret_kept, size_t kept_room, char *reason, size_t room)
{
	char copy[COPY_PATH_MAX], new_path[COPY_PATH_MAX];
	int r = copy_path(path, copy, sizeof(copy));
	unsigned int bad;

	*reason = '\0';
	if (!r)
		r = join(new_path, sizeof(new_path), path, ".new");
	if (!r)
		r = look(copy, &bad, reason, room);
	if (!r)
		r = exchange(path, copy, new_path, ret_kept, kept_room);
	if (r && !*reason)
		snprintf(reason, room, "%s", strerror(-r));
	return r;
}
