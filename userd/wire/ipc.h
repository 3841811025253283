/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Typed messages between our own processes.
 *
 * A message is one packet of an AF_UNIX SOCK_SEQPACKET socket: an operation, a
 * body, and at most six descriptors. So a message is there whole or not at all,
 * whoever died while it was sent or read. The body is written and read with
 * cursors, big-endian; whoever reads it must end exactly at its last byte and
 * must have taken every descriptor, or the message is a broken one.
 *
 * Operations of a channel stand in one enum (wire/ipc_engine.h, wire/ipc_keyd.h,
 * wire/ipc_spawn.h): what asks is even, what answers or reports is odd. Each
 * receiver has a permit table: an operation that is not in it, or not in the
 * present state, is answered by the end of the channel.
 *
 *	packet	operation u32 | body
 *	string	length u16 | bytes, no NUL among them
 *	blob	length u32 | bytes
 */
#ifndef WIRE_IPC_H
#define WIRE_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/** define IPC_PACKET_MAX - largest packet: an envelope of the largest state, and air */
#define IPC_PACKET_MAX (344u << 10)

/**
 * define IPC_FDS_MAX - descriptors a message may carry
 *
 * Even: room for an odd number is rounded up, and the kernel would fill it.
 */
#define IPC_FDS_MAX 8

/** define IPC_TEXT_MAX - longest string, its ending NUL included */
#define IPC_TEXT_MAX 512

#define IPC_UUID_SIZE 16

/**
 * struct ipc_in - a message received
 * @op: operation
 * @body: reader over the receive buffer
 * @fds: descriptors that came along, close-on-exec; -1 once taken
 * @fd_count: how many came
 * @fd_next: next one to take
 */
struct ipc_in {
	uint32_t op;
	struct cursor_in body;
	int fds[IPC_FDS_MAX];
	unsigned int fd_count;
	unsigned int fd_next;
};

/**
 * struct ipc_out - a message to send
 * @body: writer over the caller's buffer; the operation is in it already
 * @fds: descriptors to pass, borrowed
 * @fd_count: how many
 */
struct ipc_out {
	struct cursor_out body;
	int fds[IPC_FDS_MAX];
	unsigned int fd_count;
};

/**
 * ipc_pair() - a connected pair, with room for the largest packet
 * @ret: both ends, close-on-exec
 *
 * Return: 0; -ENOBUFS (net.core.wmem_max is below what one packet needs); -errno.
 */
int ipc_pair(int ret[2]);

/**
 * ipc_listen() - listen at a path
 * @path: of the socket; a socket that nobody listens on any more is replaced
 * @mode: permission bits of the socket
 *
 * Return: descriptor, close-on-exec and non-blocking; -EADDRINUSE (somebody
 * listens there); -ENAMETOOLONG; -errno.
 */
int ipc_listen(const char *path, unsigned int mode);

/**
 * ipc_connect() - connect to a path, blocking
 *
 * Return: descriptor, close-on-exec, blocking; -errno.
 */
int ipc_connect(const char *path);

/**
 * ipc_receive() - receive one message
 * @fd: channel
 * @buffer: for the packet; must outlive @ret
 * @room: bytes of it
 * @wait: sleep until a message is there, even on a non-blocking channel
 * @ret: set on success; the caller ends it with ipc_in_done()
 *
 * Return: 0; -EPIPE (the other side is gone); -EAGAIN; -EINTR; -EPROTO (no
 * operation, larger than @room, or too many descriptors); -errno.
 */
int ipc_receive(int fd, void *buffer, size_t room, bool wait, struct ipc_in *ret);

/** ipc_in_done() - close descriptors nobody took; for _cleanup_, an empty one is fine */
void ipc_in_done(struct ipc_in *in);

/**
 * ipc_get_string() - copy a string out, with an ending NUL
 * @in: message
 * @to: buffer; empty string where the message is bad
 * @room: bytes of it; a longer string makes the message bad
 */
void ipc_get_string(struct ipc_in *in, char *to, size_t room);

/**
 * ipc_get_blob() - step over a blob
 * @in: message
 * @max: most bytes it may have
 * @ret_length: its bytes, set in any case
 *
 * Return: where it is in the receive buffer; NULL for a bad message.
 */
const uint8_t *ipc_get_blob(struct ipc_in *in, size_t max, size_t *ret_length);

/** ipc_get_fd() - take the next descriptor; the caller owns it. -1 and a bad message: none */
int ipc_get_fd(struct ipc_in *in);

/** ipc_ended() - was all of the body read, nothing beyond, and each descriptor taken? */
bool ipc_ended(const struct ipc_in *in);

/** ipc_out() - begin a message of @op in @room bytes at @buffer */
struct ipc_out ipc_out(uint32_t op, void *buffer, size_t room);

/** ipc_put_string() - write a string; one that is too long is cut at IPC_TEXT_MAX - 1 */
void ipc_put_string(struct ipc_out *out, const char *text);

/** ipc_put_blob() - write a blob; NULL where @length is 0 */
void ipc_put_blob(struct ipc_out *out, const void *bytes, size_t length);

/** ipc_put_fd() - pass a descriptor along, borrowed until ipc_send() returns */
void ipc_put_fd(struct ipc_out *out, int fd);

/**
 * ipc_send() - send a message, whole or not at all
 * @fd: channel
 * @out: message
 *
 * Sleeps while the other side's queue is full, unless the channel is non-blocking.
 *
 * Return: 0; -EPIPE (the other side is gone); -EAGAIN (non-blocking and full);
 * -EMSGSIZE (it did not fit its buffer, or the socket's); -errno.
 */
int ipc_send(int fd, const struct ipc_out *out);

/**
 * struct ipc_permit - a row of a permit table
 * @op: operation
 * @states: bits of the states it is allowed in
 * @handle: called with @context; 0, or -errno, which ends the channel
 */
struct ipc_permit {
	uint32_t op;
	uint32_t states;
	int (*handle)(void *context, struct ipc_in *in);
};

/**
 * ipc_dispatch() - hand a message to its handler; default deny
 * @table: permit table
 * @count: its rows
 * @state: present state, one bit
 * @context: for the handler
 * @in: message
 *
 * Return: what the handler returned; -EPROTO (not permitted).
 */
int ipc_dispatch(const struct ipc_permit *table, size_t count, uint32_t state, void *context,
		 struct ipc_in *in);

#endif /* WIRE_IPC_H */
