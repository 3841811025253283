// SPDX-License-Identifier: BSD-3-Clause
/*
 * Landlock: a ruleset that handles every right this kernel knows and allows
 * none, but for the files of a service's directory. It holds even where the seccomp
 * filter had a hole.
 *
 * The rights below are those of ABI 1 to 7, some newer than the headers this is
 * built with; each ABI handles a prefix of them. Files already open keep
 * working: Landlock asks at open().
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define RULESET_VERSION (1u << 0) /* LANDLOCK_CREATE_RULESET_VERSION */

/* LANDLOCK_ACCESS_FS_*: 13 rights at first, then REFER, TRUNCATE, IOCTL_DEV */
#define FS_ABI_1 ((1ull << 13) - 1)
#define FS_ABI_2 ((1ull << 14) - 1)
#define FS_ABI_3 ((1ull << 15) - 1)
#define FS_ABI_5 ((1ull << 16) - 1)
/* LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP, since ABI 4 */
#define NET_ABI_4 ((1ull << 2) - 1)
/* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, _SIGNAL, since ABI 6 */
#define SCOPE_ABI_6 ((1ull << 2) - 1)

/* To read, write, make and replace files of a directory, and to sync it. */
#define FS_WRITE_FILE  (1ull << 1)
#define FS_READ_FILE   (1ull << 2)
#define FS_READ_DIR    (1ull << 3)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG    (1ull << 8)
#define FS_FILES       (FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG)

#define RULE_PATH_BENEATH 1 /* LANDLOCK_RULE_PATH_BENEATH */

/* struct landlock_path_beneath_attr */
struct beneath {
	uint64_t allowed;
	int32_t directory;
} __attribute__((packed));

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scope;
};

static int allow_files(int ruleset, const struct sandbox_service *service)
{
	const struct beneath rule = { .allowed = FS_FILES, .directory = service->directory_fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

int sandbox_ruleset(const struct sandbox_service *service)
{
	_cleanup_(close_fdp) int fd = -1;
	struct ruleset ruleset = { .fs = FS_ABI_1 };
	size_t size = sizeof(ruleset.fs);
	long abi;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);
	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? -1 : -errno;
	if (abi >= 2)
		ruleset.fs = FS_ABI_2;
	if (abi >= 3)
		ruleset.fs = FS_ABI_3;
	if (abi >= 4) {
		ruleset.net = NET_ABI_4;
		size += sizeof(ruleset.net);
	}
	if (abi >= 5)
		ruleset.fs = FS_ABI_5;
	if (abi >= 6) {
		ruleset.scope = SCOPE_ABI_6;
		size += sizeof(ruleset.scope);
	}

	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (fd < 0 || (service && allow_files(fd, service)))
		return -errno;
	return TAKE_FD(fd);
}

int sandbox_restrict(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) ? -errno : 0;
}
