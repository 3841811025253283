/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The management API: REST/JSON under /v1, HTTP/1.1 on a Unix stream socket.
 *
 * A thin coat over manager.h. It decides nothing but who may ask: root, the user that
 * vtpmd runs as, and those whom the options name; the kernel says who a peer is.
 */
#ifndef MANAGER_API_H
#define MANAGER_API_H

#include <stddef.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

struct api;
struct manager;

/* What one peer can make the daemon hold. */
#define API_CONNECTIONS_MAX    256
#define API_WAITS_MAX	       192
#define API_BODY_MAX	       65536
#define API_PACKAGE_MAX	       524288
#define API_HEAD_MAX	       16384
#define API_REQUEST_SECONDS    10
#define API_WAIT_SECONDS_MAX   600
#define API_WAIT_SECONDS_UNSET 30

/** define API_NO_GROUP - no group but root's users may ask */
#define API_NO_GROUP ((gid_t)-1)

/**
 * struct api_options - where the API listens, and to whom
 * @socket_path: where to make the socket; a stale one is replaced
 * @listen_fd: a listening Unix stream socket instead; -1 for none. Owned by the API
 *	from the call on, whether or not it succeeds
 * @uids: users that may ask, besides root and vtpmd's own
 * @uid_count: how many
 * @gid: members of this group may ask too, and the socket is theirs; API_NO_GROUP for none
 * @request_ms: time for a request to arrive; 0 for API_REQUEST_SECONDS
 */
struct api_options {
	const char *socket_path;
	int listen_fd;
	const uid_t *uids;
	size_t uid_count;
	gid_t gid;
	unsigned int request_ms;
};

/**
 * api_new() - listen, and answer from @event's loop
 * @manager: whom to ask; outlives the API
 * @event: loop
 * @options: copied
 * @ret_api: the API
 *
 * The socket has mode 0660 where a group or users are named, else 0600.
 *
 * Return: 0; -EADDRINUSE (another daemon answers at this path); -ENAMETOOLONG;
 * another -errno of socket(), bind(), chown() or of the loop.
 */
int api_new(struct manager *manager, sd_event *event, const struct api_options *options,
	    struct api **ret_api);

/** api_free() - end all connections and take the socket away. Return: NULL */
struct api *api_free(struct api *api);

#endif /* MANAGER_API_H */
