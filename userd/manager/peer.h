/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's connection to vtpm-keyd or to vtpm-spawn.
 *
 *	AWAY ──connect──→ HERE ──end of file, nonsense, full queue──→ AWAY
 *
 * While it is away, it is tried again every PEER_RETRY_MS. Calls are asynchronous: each has
 * a tag, and its done function is called once, with the answer or with NULL where
 * the peer went away before it. What comes without a tag that is waited for goes to
 * @report.
 */
#ifndef MANAGER_PEER_H
#define MANAGER_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "wire/ipc.h"

#define PEER_RETRY_MS 200

struct peer;

/**
 * struct peer_answer - what came back
 * @op: operation of the answer
 * @error: errno that the peer answered; ENOTCONN where it went away
 * @text: sentence that came with it, empty for a peer that sends none
 * @in: rest of the message, to be read to its end; NULL where @error is not 0
 */
struct peer_answer {
	uint32_t op;
	uint32_t error;
	const char *text;
	struct ipc_in *in;
};

/**
 * typedef peer_done - a call has ended
 *
 * Return: 0; -EPROTO: the answer is nonsense, and the connection ends.
 */
typedef int (*peer_done)(void *context, const struct peer_answer *answer);

/**
 * struct peer_ops - what one kind of peer differs in
 * @name: program, for log lines
 * @texts: its answers carry a sentence after the errno
 * @reports: operation that is never an answer, so it has no tag; 0 for none
 * @here: the connection is up
 * @away: it is down; all calls have ended
 * @absent: nobody listens at the path (called at each try)
 * @report: a message that no call waits for. 0 or -EPROTO
 */
struct peer_ops {
	const char *name;
	bool texts;
	uint32_t reports;
	void (*here)(void *context);
	void (*away)(void *context);
	void (*absent)(void *context);
	int (*report)(void *context, struct ipc_in *in);
};

/**
 * struct peer - a peer; all members are peer.c's own
 * @ops: kind
 * @context: for @ops
 * @path: of its socket
 * @event: loop
 * @source: of the connection
 * @timer: of the next try
 * @fd: connection, -1 while away
 * @tag: of the last call
 * @calls: waiting ones
 * @buffer: for messages in
 */
struct peer {
	const struct peer_ops *ops;
	void *context;
	char path[108];
	sd_event *event;
	sd_event_source *source;
	sd_event_source *timer;
	int fd;
	uint32_t tag;
	struct peer_call *calls;
	uint8_t *buffer;
};

/**
 * peer_init() - begin to look for a peer
 * @peer: to be set up; ended by peer_done_with()
 * @event: loop, borrowed
 * @path: of its socket
 * @ops: kind
 * @context: for @ops
 *
 * Return: 0; -ENAMETOOLONG; -ENOMEM; -errno of sd_event.
 */
int peer_init(struct peer *peer, sd_event *event, const char *path, const struct peer_ops *ops,
	      void *context);

/** peer_end() - disconnect for good, ending all calls; one that was never set up is fine */
void peer_end(struct peer *peer);

/** peer_here() - is it connected? */
bool peer_here(const struct peer *peer);

/** peer_pid() - process at the other end, 0 while it is away */
pid_t peer_pid(const struct peer *peer);

/**
 * peer_call() - begin a request: operation and tag are in it
 * @peer: peer
 * @op: operation
 * @buffer: room for the message
 * @room: bytes of it
 */
struct ipc_out peer_call(struct peer *peer, uint32_t op, void *buffer, size_t room);

/**
 * peer_send() - send what peer_call() began; @done is called later, never from here
 *
 * Where it cannot be sent, @done is given ENOTCONN.
 */
void peer_send(struct peer *peer, const struct ipc_out *out, peer_done done, void *context);

#endif /* MANAGER_PEER_H */
