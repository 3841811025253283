// SPDX-License-Identifier: BSD-3-Clause
/*
 * Connections: who may have one, and for how long.
 *
 *	accept -> uid unknown: closed at once
 *	       -> uid of manager or engine: that role
 *	       -> uid of both: KEYD_EITHER, decided by the first message, for good
 *
 * Where all places are taken the oldest connection goes that is not the manager's, so
 * that engines cannot keep the manager out. One message is taken per turn of the loop.
 */
#include "keyd/keyd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "keyd/deep.h"

/* One line of log for all strangers of that time. */
#define STRANGERS_USEC 10000000

static struct keyd_peer *free_place(struct keyd *keyd)
{
	struct keyd_peer *oldest = NULL;

	for (size_t i = 0; i < KEYD_PEERS_MAX; i++) {
		struct keyd_peer *peer = &keyd->peers[i];

		if (peer->role == KEYD_FREE)
			return peer;
		if (peer->role != KEYD_MANAGER && (!oldest || peer->number < oldest->number))
			oldest = peer;
	}
	if (oldest)
		keyd_peer_drop(oldest);
	return oldest;
}

void keyd_peer_drop(struct keyd_peer *peer)
{
	if (peer->role == KEYD_FREE)
		return;
	sd_event_source_unref(peer->source);
	close(peer->fd);
	*peer = (struct keyd_peer){ .fd = -1, .role = KEYD_FREE };
}

static enum keyd_role role_of(const struct keyd *keyd, uid_t uid)
{
	bool manager = uid == keyd->options.manager_uid, engine = uid == keyd->options.engine_uid;

	if (manager && engine)
		return KEYD_EITHER;
	if (manager)
		return KEYD_MANAGER;
	return engine ? KEYD_ENGINE : KEYD_FREE;
}

static void complain(const struct keyd_peer *peer, int error)
{
	if (error == -EACCES)
		log_line("pid %d (uid %u) showed no right ticket", (int)peer->pid, peer->uid);
	else if (error == -EAGAIN)
		log_line("pid %d (uid %u) does not read its answers", (int)peer->pid, peer->uid);
	else if (error != -EPIPE)
		log_line("pid %d (uid %u) asked what it may not, or not in our language: errno %d",
			 (int)peer->pid, peer->uid, -error);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *context)
{
	static uint8_t buffer[KEYD_MESSAGE_MAX];
	struct keyd_peer *peer = context;
	struct ipc_in in;
	int r;

	(void)source;
	if (events & EPOLLOUT) {
		deep_go_on(peer->keyd->deep);
		return 0;
	}
	r = ipc_receive(fd, buffer, sizeof(buffer), false, &in);
	if (r == -EAGAIN || r == -EINTR)
		return 0;
	if (!r) {
		r = keyd_take_order(peer, &in);
		ipc_in_done(&in);
	}
	secret_wipe(buffer, sizeof(buffer));
	if (r) {
		complain(peer, r);
		keyd_peer_drop(peer);
	}
	return 0;
}

static int take(struct keyd *keyd, int fd, const struct ucred *who, enum keyd_role role)
{
	struct keyd_peer *peer = free_place(keyd);
	int r;

	if (!peer)
		return -EMFILE;
	*peer = (struct keyd_peer){
		.keyd = keyd,
		.fd = fd,
		.role = role,
		.uid = who->uid,
		.pid = who->pid,
		.number = ++keyd->connections,
	};
	r = sd_event_add_io(keyd->event, &peer->source, fd, EPOLLIN, on_message, peer);
	if (r < 0)
		*peer = (struct keyd_peer){ .fd = -1, .role = KEYD_FREE };
	return r < 0 ? r : 0;
}

/* Anybody may come as often as he likes, but not fill the log. */
static void refuse_stranger(struct keyd *keyd, const struct ucred *who)
{
	uint64_t now = keyd_now(keyd);

	if (now < keyd->quiet_until)
		return;
	keyd->quiet_until = now + STRANGERS_USEC;
	log_line("pid %d has uid %u, neither the manager's nor the engines'", (int)who->pid,
		 who->uid);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct keyd *keyd = context;
	struct ucred who;
	socklen_t size = sizeof(who);
	enum keyd_role role;
	int connection;

	(void)source;
	(void)events;
	connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (connection < 0)
		return 0; /* it went away again */
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size)) {
		close(connection);
		return 0;
	}
	role = role_of(keyd, who.uid);
	if (role == KEYD_FREE)
		refuse_stranger(keyd, &who);
	if (role == KEYD_FREE || take(keyd, connection, &who, role))
		close(connection);
	return 0;
}

int keyd_listen(struct keyd *keyd)
{
	int r = sd_event_add_io(keyd->event, &keyd->accepting, keyd->listener, EPOLLIN,
				on_connection, keyd);

	return r < 0 ? r : 0;
}
