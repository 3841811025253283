// SPDX-License-Identifier: BSD-3-Clause
/*
 * Birth and death of the API, and its place in the event loop.
 *
 * libmicrohttpd runs without a thread: its epoll descriptor is one source of our loop,
 * the time it next wants to be called at another. All its callbacks, and so all requests to
 * the manager, come out of MHD_run().
 */
#include "manager/api_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"

/* How long libmicrohttpd keeps a connection that does not take its answer. */
#define IDLE_SECONDS 30
#define BACKLOG	     64

/* sd-event's 0 means that a timer may be 250 ms late, and every answer with it. */
#define EXACT 1

/* The socket */

static bool somebody_listens(const struct sockaddr_un *address)
{
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && !connect(fd, (const struct sockaddr *)address, sizeof(*address));
}

/* Nobody can connect before the owner and the mode are what they shall be. */
static int bind_closed(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0777);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(mask);
	return r;
}

static int listen_at(const struct api_options *options)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = options->socket_path;
	_cleanup_(close_fdp) int fd = -1;
	mode_t mode = 0600;
	int r;

	if (!cursor_copy(address.sun_path, sizeof(address.sun_path), path, strlen(path) + 1))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = bind_closed(fd, &address);
	if (r == -EADDRINUSE && !somebody_listens(&address)) {
		unlink(path);
		r = bind_closed(fd, &address);
	}
	if (r)
		return r;
	if (options->gid != API_NO_GROUP) {
		mode = 0660;
		if (chown(path, (uid_t)-1, options->gid))
			return -errno;
	}
	/* A user named one by one may be in no group of ours; api_peer.c tells them apart. */
	if (options->uid_count)
		mode = 0666;
	if (chmod(path, mode) || listen(fd, BACKLOG))
		return -errno;
	return TAKE_FD(fd);
}

/* The loop */

static void run(struct api *api)
{
	api->resumed = false;
	MHD_run(api->daemon);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct api *api = userdata;

	(void)source;
	(void)fd;
	(void)events;
	run(api);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct api *api = userdata;

	(void)source;
	(void)usec;
	run(api);
	return 0;
}

/* Before each sleep: what libmicrohttpd has to do may have changed since. */
static int on_prepare(sd_event_source *source, void *userdata)
{
	struct api *api = userdata;
	MHD_UNSIGNED_LONG_LONG ms;

	(void)source;
	if (api->resumed)
		ms = 0;
	else if (MHD_get_timeout(api->daemon, &ms) != MHD_YES)
		return sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
	sd_event_source_set_time_relative(api->timer, ms * 1000);
	return sd_event_source_set_enabled(api->timer, SD_EVENT_ONESHOT);
}

static int join_loop(struct api *api)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info)
		return -EIO;
	r = sd_event_add_io(api->event, &api->io, info->epoll_fd, EPOLLIN, on_io, api);
	if (r >= 0)
		r = sd_event_add_time_relative(api->event, &api->timer, CLOCK_MONOTONIC, 0, EXACT,
					       on_timer, api);
	if (r >= 0)
		r = sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_prepare(api->io, on_prepare);
	return r < 0 ? r : 0;
}

/* Connections */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		*context = api_peer_free(*context);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = info ? api_peer_new(cls, info->connect_fd) : NULL;
	if (info && !*context)
		shutdown(info->connect_fd, SHUT_RDWR);
}

/* Nothing that we understand needs an escape: "%" is a character like any other. */
static size_t on_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static int start(struct api *api, int listen_fd)
{
	api->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,	/**/
		api_request_handle, api,					/**/
		MHD_OPTION_LISTEN_SOCKET, listen_fd,				/**/
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)API_CONNECTIONS_MAX, /**/
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_HEAD_MAX,	/**/
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,	/**/
		MHD_OPTION_STRICT_FOR_CLIENT, 1,				/**/
		MHD_OPTION_NOTIFY_COMPLETED, api_request_completed, api,	/**/
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, api,		/**/
		MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL,		/**/
		MHD_OPTION_END);
	return api->daemon ? 0 : -EIO;
}

static int take_options(struct api *api, const struct api_options *options)
{
	size_t bytes = options->uid_count * sizeof(*options->uids);

	api->gid = options->gid;
	api->request_ms = options->request_ms ? options->request_ms : API_REQUEST_SECONDS * 1000;
	if (options->listen_fd < 0) {
		api->path = strdup(options->socket_path);
		if (!api->path)
			return -ENOMEM;
	}
	if (!bytes)
		return 0;
	api->uids = malloc(bytes);
	if (!api->uids)
		return -ENOMEM;
	cursor_copy(api->uids, bytes, options->uids, bytes);
	api->uid_count = options->uid_count;
	return 0;
}

static void api_freep(struct api **api)
{
	api_free(*api);
}

int api_new(struct manager *manager, sd_event *event, const struct api_options *options,
	    struct api **ret_api)
{
	_cleanup_(close_fdp) int fd = options->listen_fd;
	_cleanup_(api_freep) struct api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return -ENOMEM;
	api->manager = manager;
	api->event = sd_event_ref(event);
	LIST_INIT(&api->pending);
	if (fd < 0) {
		fd = listen_at(options);
		if (fd < 0)
			return fd;
	}
	r = take_options(api, options);
	if (!r)
		r = start(api, fd);
	if (r)
		return r;
	fd = -1; /* the daemon's now */
	r = join_loop(api);
	if (r)
		return r;
	*ret_api = TAKE_PTR(api);
	return 0;
}

struct api *api_free(struct api *api)
{
	struct api_request *request;

	if (!api)
		return NULL;
	sd_event_source_disable_unref(api->io);
	sd_event_source_disable_unref(api->timer);
	/* libmicrohttpd does not stop while a connection is suspended. */
	while ((request = LIST_FIRST(&api->pending)))
		api_request_abandon(request);
	if (api->daemon)
		MHD_stop_daemon(api->daemon);
	if (api->path)
		unlink(api->path);
	sd_event_unref(api->event);
	free(api->path);
	free(api->uids);
	free(api);
	return NULL;
}
