/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where commands come from and answers go.
 *
 *	driver	the server file of VTPM_IOC_ATTACH: one VTPM_IOC_EXCHANGE a command
 *	packet	an AF_UNIX SOCK_SEQPACKET socket that carries the same frames and
 *		answers, one a packet: a driver's stand-in for tests
 *	stream	bare TPM commands on a stream socket, connected or listening, as
 *		tpm2-tss speaks with swtpm, beside it swtpm's control channel; what a
 *		driver would keep is in the journal
 *
 * Which one is read off the descriptor. All have one operation: give the answer
 * that is ready, then sleep until the next frame is there. The two buffers belong
 * to the link and are all the memory a command needs.
 */
#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vtpm.h>

#include "engine/journal.h"

struct link;

/**
 * struct link_ops - what a kind of link does
 * @name: of the kind
 * @exchange: see link_exchange()
 * @watch: see link_watch(); NULL where nobody can tell
 * @abandoned: see link_abandoned(); NULL where nobody can tell
 */
struct link_ops {
	const char *name;
	int (*exchange)(struct link *link, bool answer, bool fetch);
	int (*watch)(const struct link *link);
	bool (*abandoned)(const struct link *link);
};

/**
 * struct link - a link and its buffers
 * @ops: kind
 * @fd: borrowed
 * @control_fd: listening control socket of a stream link, borrowed, or -1
 * @accepts: @fd is a listening socket
 * @journal: of a stream link: what outlives this engine
 * @control_journal: the same of its control connection
 * @ctrl: who answers on that; its owner sets it before the first exchange
 * @client: connection taken from @fd or handed over by @control, -1 for none
 * @control: connection taken from @control_fd, -1 for none
 * @control_have: bytes of a request that the control connection has seen so far
 * @control_pause_ms: time until the next look at one that is not whole, 0 where there is none
 * @control_id: id of the request that runs, none of any command's; 0 where it has none
 * @frame: the last frame fetched
 * @answer: the answer to give; its head's size counts
 */
struct link {
	const struct link_ops *ops;
	int fd;
	int control_fd;
	bool accepts;
	struct journal journal;
	struct journal control_journal;
	struct ctrl *ctrl;
	int client;
	int control;
	size_t control_have;
	int control_pause_ms;
	uint64_t control_id;
	struct {
		struct vtpm_frame head;
		uint8_t body[VTPM_COMMAND_SIZE];
	} frame;
	struct {
		struct vtpm_answer head;
		uint8_t response[VTPM_COMMAND_SIZE];
	} answer;
};

/**
 * struct link_keeper - what somebody keeps of a stream link; borrowed
 * @journal: memfd
 * @control_journal: memfd of the control connection
 * @pocket: pair of sockets: one way for the connection, the other for the control connection
 */
struct link_keeper {
	int journal;
	int control_journal;
	int pocket[2];
};

/**
 * link_open() - find out what kind of link a descriptor is
 * @link: to be set up
 * @fd: descriptor, borrowed; made blocking
 * @control_fd: listening control socket for a stream link, -1 for none
 * @keeper: of a stream link; NULL: its connection ends with this process
 *
 * Return: 0; -EBADMSG (the keeper's journal is none); -EINVAL (neither a server file nor a fit
 * socket, or a control socket where there is no use for it); -errno.
 */
int link_open(struct link *link, int fd, int control_fd, const struct link_keeper *keeper);

/**
 * link_exchange() - answer, then wait for a frame
 * @link: link
 * @answer: link->answer is ready to be given
 * @fetch: wait for a frame and leave it in link->frame
 *
 * Whatever is returned, the answer is disposed of: given, or refused by the
 * other side, or lost with it. The frame's head has been checked: its size is
 * that of what came, and no larger than the buffer.
 *
 * Return: 0; -EINTR (a signal came while waiting; no frame); -EPIPE (the other
 * side is gone for good); -EPROTO (what came is no frame); other -errno.
 */
int link_exchange(struct link *link, bool answer, bool fetch);

/** link_watch() - have SIGIO sent when the running request is abandoned. Return: 0 or -errno */
int link_watch(const struct link *link);

/** link_abandoned() - is the running request abandoned? Safe in a signal handler */
bool link_abandoned(const struct link *link);

/** link_note() - what of the link outlives this engine; NULL where nothing does */
struct ctrl_note *link_note(const struct link *link);

/**
 * link_take_client() - serve a connection that came by the control channel
 * @fd: connected stream socket, the link's from now on if it returns 0
 *
 * Return: 0; -EBUSY (there is one).
 */
int link_take_client(struct link *link, int fd);

/** link_respond() - make link->answer a TPM response of @length bytes to the frame */
void link_respond(struct link *link, size_t length);

/** link_refuse() - make link->answer an errno to the frame; 0 for an empty answer */
void link_refuse(struct link *link, uint32_t error);

/** link_check_frame() - for the kinds: is what came in @got bytes a frame? */
int link_check_frame(const struct link *link, size_t got);

/* link_stream.c, link_control.c: the two connections of a stream link */

/** link_send() - send what is in a journal; as long as signals do not say otherwise */
int link_send(struct journal *journal, int fd);

/** link_accept() - take a connection, if there is one. Return: 0 or -errno of accept4() */
int link_accept(int listener, int *ret);

/** link_control_open() - find the control connection that was kept. Return: as journal_open() */
int link_control_open(struct link *link, const struct link_keeper *keeper);

/** link_control_rest() - send what is left of an answer of the engine before */
void link_control_rest(struct link *link);

/**
 * link_control_ready() - look at the control socket or its connection
 * @events: of poll()
 *
 * Return: 0, whatever became of the connection; -errno of ctrl_run(), which ends the engine.
 */
int link_control_ready(struct link *link, int events);

extern const struct link_ops link_driver_ops, link_packet_ops, link_stream_ops;

#endif /* ENGINE_LINK_H */
