// SPDX-License-Identifier: BSD-3-Clause
/*
 * The one place where a recovery code leaves this process. By write(2): no stdio buffer
 * holds it.
 */
#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/report.h"

json_t *place_choose(const struct cli *cli, struct place *ret)
{
	*ret = (struct place){ .kind = PLACE_TERMINAL, .fd = -1 };
	if (cli->recovery_code_file && cli->recovery_code_fd >= 0)
		return report_problem("usage", "leave one of them out",
				      "the recovery code goes to --recovery-code-file or to "
				      "--recovery-code-fd, not to both");
	if (cli->recovery_code_file) {
		ret->kind = PLACE_FILE;
		ret->path = cli->recovery_code_file;
		return NULL;
	}
	if (cli->recovery_code_fd >= 0) {
		int flags = fcntl(cli->recovery_code_fd, F_GETFL);

		ret->kind = PLACE_FD;
		ret->fd = cli->recovery_code_fd;
		if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
			return NULL;
		return report_problem("usage", "open it, as in `3>file`",
				      "descriptor %d of --recovery-code-fd is not open for writing",
				      cli->recovery_code_fd);
	}
	if (isatty(STDERR_FILENO))
		return NULL;
	return report_problem(
		"usage",
		"run it on a terminal, or use --recovery-code-file or "
		"--recovery-code-fd",
		"there is no terminal to show the recovery code on; nothing was done");
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = write(fd, text, left);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	return true;
}

/* The name of a new file lasts when its folder does. */
static bool sync_folder(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;
	char copy[PATH_MAX];

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return false;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && !fsync(fd);
}

static json_t *store_file(struct place *place, const char *code)
{
	int error;

	place->fd = open(place->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (place->fd < 0)
		return report_problem("usage", "name a file that does not exist yet",
				      "the recovery code cannot go to %s: %s; nothing was done",
				      place->path, strerror(errno));
	if (write_all(place->fd, code) && write_all(place->fd, "\n") && !fsync(place->fd) &&
	    sync_folder(place->path))
		return NULL;
	error = errno;
	place_settle(place, code, false, false);
	return report_problem("usage", "name a file on another disk",
			      "the recovery code cannot be written to %s: %s; nothing was done",
			      place->path, strerror(error));
}

json_t *place_store(struct place *place, const char *code)
{
	switch (place->kind) {
	case PLACE_FILE:
		return store_file(place, code);
	case PLACE_FD:
		if (write_all(place->fd, code) && write_all(place->fd, "\n"))
			return NULL;
		return report_problem("usage", "see what reads from it",
				      "the recovery code cannot be written to descriptor %d: %s; "
				      "nothing was done",
				      place->fd, strerror(errno));
	default:
		return NULL;
	}
}

static bool show(const char *code, bool unknown)
{
	return write_all(STDERR_FILENO, "\nRecovery code of this host:\n\n    ") &&
	       write_all(STDERR_FILENO, code) &&
	       write_all(STDERR_FILENO,
			 "\n\nIt is shown this once. Write it down, and keep it away from this "
			 "host: who has it\nand this host's disk can open every vTPM on it.\n") &&
	       (!unknown ||
		write_all(STDERR_FILENO,
			  "It is not known whether this host took it: see `vtpmctl host "
			  "show`.\n")) &&
	       write_all(STDERR_FILENO, "\n");
}

bool place_settle(struct place *place, const char *code, bool good, bool unknown)
{
	if (place->kind == PLACE_TERMINAL)
		return (!good && !unknown) || show(code, unknown);
	if (place->kind == PLACE_FILE && place->fd >= 0) {
		close(place->fd);
		place->fd = -1;
		if (!good && !unknown)
			unlink(place->path);
	}
	return true;
}
