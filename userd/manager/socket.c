// SPDX-License-Identifier: BSD-3-Clause
/*
 * The front ends socket and vm: two listening stream sockets, opened here and served by the
 * engine.
 *
 *	RUNTIME_DIR/vtpm/NAME.sock	plain TPM commands and responses
 *	RUNTIME_DIR/vtpm/NAME.sock.ctrl	swtpm's control channel, for monitors of virtual
 *					machines and tpm2-tss
 *
 * They stay open here for the life of the vTPM, so that a client may connect while
 * there is no engine, and waits in the queue for the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "manager/state.h"

#define DIRECTORY "vtpm"
#define CONTROL	  ".ctrl"

static void path_of(const struct vtpm *vtpm, const char *suffix, char *to, size_t room)
{
	snprintf(to, room, "%s/" DIRECTORY "/%s.sock%s", vtpm->manager->options.runtime_dir,
		 vtpm->define.name, suffix);
}

void socket_path(const struct vtpm *vtpm, char *to, size_t room)
{
	path_of(vtpm, "", to, room);
}

void socket_control_path(const struct vtpm *vtpm, char *to, size_t room)
{
	path_of(vtpm, CONTROL, to, room);
}

static int listen_at(const struct vtpm *vtpm, const char *path)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (!cursor_copy(at.sun_path, sizeof(at.sun_path) - 1, path, strlen(path)))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The directory is ours alone to write: what is there is ours, from before. */
	if (unlink(path) && errno != ENOENT)
		return -errno;
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	/* While it is still ours: of the capabilities only CAP_CHOWN is kept. */
	if (chmod(path, vtpm->define.mode))
		return -errno;
	if (vtpm->define.uid != geteuid() || vtpm->define.gid != getegid()) {
		if (fchownat(AT_FDCWD, path, vtpm->define.uid, vtpm->define.gid,
			     AT_SYMLINK_NOFOLLOW))
			return -errno;
	}
	if (listen(fd, SOMAXCONN))
		return -errno;
	return TAKE_FD(fd);
}

static int open_both(struct vtpm *vtpm)
{
	char path[VTPM_PATH_SIZE + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/" DIRECTORY, vtpm->manager->options.runtime_dir);
	/* Whom a socket belongs to says its mode; everybody may come as far, despite the umask. */
	if (mkdir(path, 0755) ? errno != EEXIST : chmod(path, 0755))
		return -errno;
	path_of(vtpm, "", path, sizeof(path));
	fd = listen_at(vtpm, path);
	if (fd < 0)
		return fd;
	vtpm->listen_fd = fd;
	path_of(vtpm, CONTROL, path, sizeof(path));
	fd = listen_at(vtpm, path);
	if (fd < 0)
		return fd;
	vtpm->control_fd = fd;
	return 0;
}

int socket_open(struct vtpm *vtpm, struct problem *problem)
{
	char path[VTPM_PATH_SIZE];
	int r;

	if (vtpm->listen_fd >= 0)
		return 0;
	r = open_both(vtpm);
	if (!r)
		return 0;
	socket_close(vtpm);
	socket_path(vtpm, path, sizeof(path));
	problem_set(problem, r == -ENAMETOOLONG ? PROBLEM_INVALID : PROBLEM_INTERNAL,
		    r == -ENAMETOOLONG ? "choose a shorter name or runtime directory"
				       : "see the permissions of the runtime directory",
		    "'%s': cannot listen at %s: %s", vtpm->define.name, path, strerror(-r));
	return r;
}

void socket_close(struct vtpm *vtpm)
{
	char path[VTPM_PATH_SIZE + 8];

	close_fdp(&vtpm->listen_fd);
	close_fdp(&vtpm->control_fd);
	vtpm->listen_fd = -1;
	vtpm->control_fd = -1;
	if (!vtpm->define.name[0])
		return;
	path_of(vtpm, "", path, sizeof(path));
	unlink(path);
	path_of(vtpm, CONTROL, path, sizeof(path));
	unlink(path);
}
