// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who is at the other end: the kernel says it, of the moment of connect().
 *
 * A connection is closed when a whole request did not arrive in time, however busily
 * it trickles in. One that may not ask is heard too, so that it can be told why, but not
 * for long, and only a few of them at a time.
 */
#include "manager/api_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* How late a deadline may be. */
#define SLACK_US 10000

static bool holds(const gid_t *groups, size_t count, gid_t gid)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool in_supplementary(int fd, gid_t gid)
{
	socklen_t length = 0;
	gid_t *groups;
	bool found;

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) || errno != ERANGE)
		return false;
	groups = malloc(length);
	if (!groups)
		return false;
	found = !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) &&
		holds(groups, length / sizeof(*groups), gid);
	free(groups);
	return found;
}

static bool may_ask(const struct api *api, int fd, const struct ucred *cred)
{
	if (!cred->uid || cred->uid == geteuid())
		return true;
	for (size_t i = 0; i < api->uid_count; i++)
		if (api->uids[i] == cred->uid)
			return true;
	if (api->gid == API_NO_GROUP)
		return false;
	return cred->gid == api->gid || in_supplementary(fd, api->gid);
}

/* The connection is libmicrohttpd's to close: it sees the end of it. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct api_peer *peer = userdata;

	(void)source;
	(void)usec;
	shutdown(peer->fd, SHUT_RDWR);
	return 0;
}

void api_peer_expect(struct api_peer *peer, bool expect)
{
	unsigned int ms = peer->api->request_ms;

	if (!peer->allowed && ms > API_STRANGER_MS)
		ms = API_STRANGER_MS;
	if (expect)
		sd_event_source_set_time_relative(peer->deadline, ms * (uint64_t)1000);
	sd_event_source_set_enabled(peer->deadline, expect ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

struct api_peer *api_peer_new(struct api *api, int fd)
{
	struct api_peer *peer;
	struct ucred cred;
	socklen_t length = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length))
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	*peer = (struct api_peer){
		.api = api,
		.fd = fd,
		.uid = cred.uid,
		.gid = cred.gid,
		.allowed = may_ask(api, fd, &cred),
	};
	if (!peer->allowed)
		api->strangers++;
	if (sd_event_add_time_relative(api->event, &peer->deadline, CLOCK_MONOTONIC, 0, SLACK_US,
				       on_deadline, peer) < 0 ||
	    (!peer->allowed && api->strangers > API_STRANGERS_MAX))
		return api_peer_free(peer);
	api_peer_expect(peer, true);
	return peer;
}

struct api_peer *api_peer_free(struct api_peer *peer)
{
	if (!peer)
		return NULL;
	if (!peer->allowed)
		peer->api->strangers--;
	sd_event_source_unref(peer->deadline);
	free(peer);
	return NULL;
}
