/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the archive: a disk that fails, and whose power can be cut.
 *
 * It stands between SQLite and the system (xSetSystemCall, and fsync() and fdatasync(),
 * which a program may define itself). One call, or all from one on, fail as asked for. At the
 * same time it keeps what a disk would have if the power were cut now:
 *
 *	durable	what a sync of that file, or of the folder for names, covered
 *	pending	what was done since, in order
 *
 * A cut leaves what is durable, any part of the pending writes, each perhaps torn at a sector,
 * and the first few of the pending names. A sync of a file that fails loses what it was asked
 * to keep, as Linux does: the next one says success and does not write it. What is mapped
 * (the log's index) does not outlive a cut.
 */
#ifndef STORE_TEST_DISK_H
#define STORE_TEST_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "store/test_archive.h"

/** define DISK_SECTOR - what a disk writes as a whole */
#define DISK_SECTOR 512
/** define DISK_OPEN - descriptors it knows */
#define DISK_OPEN 1024

enum disk_fault {
	DISK_FINE,
	DISK_EIO,
	DISK_ENOSPC,
	DISK_SHORT,
	DISK_TORN,
};

enum disk_name { DISK_DB, DISK_JOURNAL, DISK_WAL, _DISK_NAMES, DISK_FOLDER, DISK_OTHER };

/* What a file has, whatever its name */
struct disk_file {
	size_t length;
	uint8_t bytes[1 << 20];
};

struct disk_change {
	struct disk_change *next;
	enum { DISK_WRITTEN, DISK_CUT_OFF, DISK_MADE, DISK_UNLINKED } what;
	enum disk_name name; /* the last two */
	struct disk_file *file;
	size_t offset;
	size_t length;
	uint8_t *bytes;
};

static struct {
	enum disk_fault fault;
	unsigned int at; /* the call that fails, from 1 */
	bool forever; /* and all after it */
	bool lies; /* a sync does nothing and says success */
	unsigned int calls;
	bool fired;
	struct {
		enum disk_name name;
		struct disk_file *file;
	} opened[DISK_OPEN];
	struct disk_file *now[_DISK_NAMES];
	struct disk_file *durable[_DISK_NAMES];
	struct disk_file *all[64];
	unsigned int count;
	struct disk_change *pending;
} disk;

/* Calls: what can fail in which way */

static inline bool disk_fails(bool writes, bool transfers)
{
	bool fails;

	if (disk.fault == DISK_FINE || (disk.fault == DISK_ENOSPC && !writes) ||
	    ((disk.fault == DISK_SHORT || disk.fault == DISK_TORN) && !transfers))
		return false;
	disk.calls++;
	fails = disk.forever ? disk.calls >= disk.at : disk.calls == disk.at;
	disk.fired |= fails;
	if (fails)
		errno = disk.fault == DISK_ENOSPC ? ENOSPC : EIO;
	return fails;
}

static inline enum disk_name disk_name(const char *path)
{
	static const char *const ends[_DISK_NAMES] = { ".db", "-journal", "-wal" };
	size_t length = strlen(path);

	for (unsigned int i = 0; i < _DISK_NAMES; i++) {
		size_t end = strlen(ends[i]);

		if (length > end && !strcmp(path + length - end, ends[i]))
			return (enum disk_name)i;
	}
	return DISK_OTHER;
}

static inline enum disk_name disk_of(int fd)
{
	struct stat about;

	if (!fstat(fd, &about) && S_ISDIR(about.st_mode))
		return DISK_FOLDER;
	return fd >= 0 && fd < DISK_OPEN ? disk.opened[fd].name : DISK_OTHER;
}

static inline void disk_note(struct disk_change change, const void *bytes)
{
	struct disk_change **end = &disk.pending, *copy;

	copy = calloc(1, sizeof(*copy));
	assert_non_null(copy);
	*copy = change;
	if (bytes) {
		copy->bytes = malloc(change.length);
		assert_non_null(copy->bytes);
		cursor_copy(copy->bytes, change.length, bytes, change.length);
	}
	while (*end)
		end = &(*end)->next;
	*end = copy;
}

static inline void disk_forget(struct disk_change *change)
{
	free(change->bytes);
	free(change);
}

static inline bool disk_is_name(const struct disk_change *change)
{
	return change->what == DISK_MADE || change->what == DISK_UNLINKED;
}

static inline void disk_apply(const struct disk_change *change)
{
	size_t end = change->offset + change->length;
	struct disk_file *file = change->file;

	if (disk_is_name(change)) {
		disk.durable[change->name] = file;
		return;
	}
	assert_true(end <= sizeof(file->bytes));
	if (change->what == DISK_WRITTEN)
		cursor_copy(file->bytes + change->offset, change->length, change->bytes,
			    change->length);
	else if (end < file->length)
		memset(file->bytes + end, 0, file->length - end);
	if (change->what == DISK_CUT_OFF || end > file->length)
		file->length = end;
}

static inline int disk_sync(int fd, long number)
{
	bool fails = disk_fails(true, false);
	struct disk_change **at = &disk.pending, *change;
	enum disk_name name = disk_of(fd);

	if (name == DISK_OTHER)
		return fails ? -1 : (int)syscall(number, fd);
	while (!disk.lies && (change = *at)) {
		if (disk_is_name(change) ? name != DISK_FOLDER
					 : change->file != disk.opened[fd].file) {
			at = &change->next;
			continue;
		}
		if (fails && name == DISK_FOLDER)
			break;
		if (!fails)
			disk_apply(change);
		*at = change->next;
		disk_forget(change);
	}
	return fails ? -1 : 0;
}

int fsync(int fd)
{
	return disk_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return disk_sync(fd, SYS_fdatasync);
}

static inline struct disk_file *disk_make(enum disk_name name)
{
	struct disk_file *file = calloc(1, sizeof(*file));

	assert_non_null(file);
	assert_true(disk.count < sizeof(disk.all) / sizeof(disk.all[0]));
	disk.all[disk.count++] = file;
	disk_note((struct disk_change){ .what = DISK_MADE, .name = name, .file = file }, NULL);
	return file;
}

static inline int disk_open(const char *path, int flags, int mode)
{
	enum disk_name name = disk_name(path);
	bool there = !access(path, F_OK);
	int fd;

	if (disk_fails(flags & O_CREAT, false))
		return -1;
	fd = open(path, flags, mode);
	if (fd < 0)
		return fd;
	assert_true(fd < DISK_OPEN);
	disk.opened[fd].name = name;
	if (name < _DISK_NAMES) {
		if (!there || !disk.now[name])
			disk.now[name] = disk_make(name);
		disk.opened[fd].file = disk.now[name];
	}
	return fd;
}

static inline int disk_close(int fd)
{
	if (fd >= 0 && fd < DISK_OPEN)
		disk.opened[fd].name = DISK_OTHER;
	return close(fd);
}

static inline int disk_access(const char *path, int mode)
{
	return disk_fails(false, false) ? -1 : access(path, mode);
}

static inline int disk_stat(const char *path, struct stat *ret)
{
	return disk_fails(false, false) ? -1 : stat(path, ret);
}

static inline int disk_lstat(const char *path, struct stat *ret)
{
	return disk_fails(false, false) ? -1 : lstat(path, ret);
}

static inline int disk_fstat(int fd, struct stat *ret)
{
	return disk_fails(false, false) ? -1 : fstat(fd, ret);
}

static inline int disk_fchmod(int fd, mode_t mode)
{
	return disk_fails(false, false) ? -1 : fchmod(fd, mode);
}

/* Locks are no matter of a disk: one may not be had, but not none for good, and all are let go. */
static inline int disk_fcntl(int fd, int command, void *argument)
{
	const struct flock *lock = argument;
	bool takes = command == F_SETLK && lock->l_type != F_UNLCK;

	return takes && !disk.forever && disk_fails(false, false) ? -1
								   : fcntl(fd, command, argument);
}

static inline void *disk_mmap(void *at, size_t length, int protection, int flags, int fd,
			      off_t offset)
{
	return disk_fails(false, false) ? MAP_FAILED
					: mmap(at, length, protection, flags, fd, offset);
}

static inline int disk_ftruncate(int fd, off_t length)
{
	if (disk_fails(true, false))
		return -1;
	if (disk_of(fd) < _DISK_NAMES)
		disk_note((struct disk_change){ .what = DISK_CUT_OFF,
						.file = disk.opened[fd].file,
						.length = (size_t)length },
			  NULL);
	return ftruncate(fd, length);
}

static inline int disk_unlink(const char *path)
{
	enum disk_name name = disk_name(path);
	int r;

	if (disk_fails(false, false))
		return -1;
	r = unlink(path);
	if (!r && name < _DISK_NAMES)
		disk_note((struct disk_change){ .what = DISK_UNLINKED, .name = name }, NULL);
	return r;
}

static inline ssize_t disk_pread(int fd, void *to, size_t length, off_t offset)
{
	if (disk_fails(false, true)) {
		if (disk.fault != DISK_SHORT)
			return -1;
		length -= length / 2;
	}
	return pread(fd, to, length, offset);
}

static inline ssize_t disk_pwrite(int fd, const void *from, size_t length, off_t offset)
{
	bool fails = disk_fails(true, true), torn = fails && disk.fault == DISK_TORN;
	ssize_t written;

	if (fails && !torn && disk.fault != DISK_SHORT)
		return -1;
	written = pwrite(fd, from, fails ? length - length / 2 : length, offset);
	if (written > 0 && disk_of(fd) < _DISK_NAMES)
		disk_note((struct disk_change){ .what = DISK_WRITTEN,
						.file = disk.opened[fd].file,
						.offset = (size_t)offset,
						.length = (size_t)written },
			  from);
	if (torn)
		errno = EIO;
	return torn ? -1 : written;
}

static inline ssize_t disk_read(int fd, void *to, size_t length)
{
	return disk_fails(false, true) && disk.fault != DISK_SHORT ? -1 : read(fd, to, length);
}

static inline void disk_stand_between(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	const struct {
		const char *name;
		sqlite3_syscall_ptr call;
	} calls[] = {
		{ "open", (sqlite3_syscall_ptr)disk_open },
		{ "close", (sqlite3_syscall_ptr)disk_close },
		{ "access", (sqlite3_syscall_ptr)disk_access },
		{ "stat", (sqlite3_syscall_ptr)disk_stat },
		{ "lstat", (sqlite3_syscall_ptr)disk_lstat },
		{ "fstat", (sqlite3_syscall_ptr)disk_fstat },
		{ "fchmod", (sqlite3_syscall_ptr)disk_fchmod },
		{ "fcntl", (sqlite3_syscall_ptr)disk_fcntl },
		{ "mmap", (sqlite3_syscall_ptr)disk_mmap },
		{ "ftruncate", (sqlite3_syscall_ptr)disk_ftruncate },
		{ "unlink", (sqlite3_syscall_ptr)disk_unlink },
		{ "read", (sqlite3_syscall_ptr)disk_read },
		{ "pread64", (sqlite3_syscall_ptr)disk_pread },
		{ "pwrite64", (sqlite3_syscall_ptr)disk_pwrite },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_int_equal(vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call), SQLITE_OK);
}

/* An empty folder on a disk without a fault */
static inline void disk_begin(void)
{
	struct disk_change *next;

	for (; disk.pending; disk.pending = next) {
		next = disk.pending->next;
		disk_forget(disk.pending);
	}
	while (disk.count)
		free(disk.all[--disk.count]);
	for (size_t i = 0; i < _DISK_NAMES; i++)
		disk.now[i] = disk.durable[i] = NULL;
	disk.fault = DISK_FINE;
	disk.lies = disk.fired = false;
	disk.calls = 0;
}

/* Let the call number @at fail, and @forever all after it. */
static inline void disk_break(enum disk_fault fault, unsigned int at, bool forever)
{
	disk.fault = fault;
	disk.at = at;
	disk.forever = forever;
}

static inline void disk_tear(struct disk_change *change, unsigned int *seed)
{
	size_t sectors = change->length / DISK_SECTOR;

	if (change->what == DISK_WRITTEN && sectors && rand_r(seed) % 4 == 0)
		change->length = (size_t)rand_r(seed) % sectors * DISK_SECTOR;
}

/* What a cut of the power now would leave, as the files of @to. */
static inline void disk_cut(const struct place *to, unsigned int *seed)
{
	static const char *const ends[] = { "", "-journal", "-wal" };
	bool names = true;
	char path[128];
	int fd;

	for (struct disk_change *change = disk.pending; change; change = change->next) {
		bool kept = rand_r(seed) % 2;

		if (disk_is_name(change))
			kept = names = names && kept;
		else
			disk_tear(change, seed);
		if (kept)
			disk_apply(change);
	}
	for (size_t i = 0; i < _DISK_NAMES; i++) {
		const struct disk_file *file = disk.durable[i];

		if (!file)
			continue;
		snprintf(path, sizeof(path), "%s%s", to->path, ends[i]);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, file->bytes, file->length), file->length);
		close(fd);
	}
}

#endif /* STORE_TEST_DISK_H */
