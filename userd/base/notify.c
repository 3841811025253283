// SPDX-License-Identifier: BSD-3-Clause
/*
 * One datagram to an AF_UNIX socket; see the header and sd_notify(3), "Notes".
 */
#include "base/notify.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"

static long number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (!text)
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno || *end || end == text ? -1 : value;
}

static int interval(void)
{
	long usec = number("WATCHDOG_USEC"), pid = number("WATCHDOG_PID");

	if (usec <= 0 || (pid > 0 && pid != getpid()))
		return -1;
	usec /= 2000;
	return usec > INT_MAX ? INT_MAX : (int)(usec ? usec : 1);
}

int notify_init(struct notify *notify)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length;

	*notify = (struct notify){ .fd = -1, .interval_ms = -1 };
	if (!path || !*path)
		return 0;
	length = strlen(path);
	if ((*path != '/' && *path != '@') ||
	    !cursor_copy(to.sun_path, sizeof(to.sun_path) - 1, path, length))
		return -EINVAL;
	if (*path == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)))
		return -errno;
	notify->fd = TAKE_FD(fd);
	notify->interval_ms = interval();
	return 0;
}

void notify_tell(const struct notify *notify, const char *state)
{
	if (notify->fd >= 0)
		(void)send(notify->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}
