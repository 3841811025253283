/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of a stream connection outlives the engine: the connection, the command that has
 * come, and the last answer.
 *
 * A stream has no driver behind it that would deliver a command again. So a command is read
 * to here, and how much of it has come, and how much of the answer has left, is written
 * here by the kernel, with the bytes that move, so that nobody can die between:
 *
 *	the engine died			what the next one finds		and does
 *	----------------------------------------------------------------------
 *	before the command was whole	a part of it			waits for the rest
 *	before the answer was here	the command			runs it, or answers
 *									from the unit
 *	before it was sent whole	less sent than the answer has	sends the rest
 *	later				all sent			waits for the next one
 *
 * The connection itself is kept in a pocket, a pair of sockets of which the keeper holds
 * both ends: what was put in at one end and not taken out at the other stays open there,
 * without the keeper ever looking at it. Data and control connection have a journal each,
 * and the two directions of one pocket.
 *
 * Without a keeper all is the same, and ends with the engine; the unit may not, so it
 * is told no ids.
 */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctrl/ctrl.h"

/* Deaths with a command, after which it is not tried again; as the driver counts. */
#define JOURNAL_POISON_DEATHS 2

struct journal_memory;

/**
 * struct journal - a connection's journal
 * @fd: memfd, owned where @own
 * @own: nobody else keeps it
 * @pocket: both ends of the pocket, borrowed; -1 for none
 * @room: bytes of the longest answer
 * @memory: mapping of @fd
 */
struct journal {
	int fd;
	bool own;
	int pocket[2];
	size_t room;
	struct journal_memory *memory;
};

/** define JOURNAL_NONE - not open */
#define JOURNAL_NONE                            \
	{                                       \
		.fd = -1, .pocket = { -1, -1 }, \
	}

/**
 * journal_open() - map a journal; before the sandbox
 * @journal: to be set up
 * @fd: memfd of the keeper, borrowed, an empty one gets its size; -1 for one of our own
 * @pocket: both ends, borrowed, or NULL
 * @room: bytes of the longest answer; the same whenever this memfd is opened
 *
 * Return: 0 or -errno of memfd_create(), fstat(), ftruncate(), mmap() or fallocate(); -EBADMSG
 * (it is no journal).
 */
int journal_open(struct journal *journal, int fd, const int pocket[2], size_t room);

/** journal_close() - unmap; one that is not open is fine */
void journal_close(struct journal *journal);

/** journal_kept() - the connection in the pocket. Return: a descriptor, owned; -1 for none */
int journal_kept(const struct journal *journal);

/** journal_keep() - put a connection into the pocket, which is empty. Return: 0 or -errno */
int journal_keep(const struct journal *journal, int client);

/**
 * journal_drop() - empty the pocket; the next connection begins with nothing to send, and with
 * ids of its own
 */
void journal_drop(struct journal *journal);

/**
 * journal_begin() - a command is going to run
 * @ret_id: its id, the same whenever it comes again; 0 where it cannot, without a keeper
 *
 * Return: false: engines have died with it before, as often as is tried.
 */
bool journal_begin(struct journal *journal, uint64_t *ret_id);

/**
 * journal_read() - read what there is of the next command; does not wait
 *
 * Return: 0, also for nothing; -EPIPE (the client is gone); another -errno of recvmmsg().
 */
int journal_read(struct journal *journal, int client);

/**
 * journal_command() - copy what has come of the next command, and of what is behind it
 *
 * Return: bytes of it.
 */
size_t journal_command(const struct journal *journal, uint8_t *to, size_t room);

/**
 * journal_answer() - put an answer here, of the command that was begun: it is to be sent
 * @journal: journal
 * @answer: the answer
 * @length: bytes of it
 * @command: bytes of the command, which is forgotten
 *
 * Return: 0; -EMSGSIZE (it is longer than the journal has room for).
 */
int journal_answer(struct journal *journal, const uint8_t *answer, size_t length, size_t command);

/** journal_is_sent() - has the last answer left? */
bool journal_is_sent(const struct journal *journal);

/**
 * journal_send() - send what is left of the last answer; waits for the client
 *
 * Return: 0; -EINTR; another -errno of sendmmsg().
 */
int journal_send(struct journal *journal, int client);

/** journal_is_begun() - a command was begun, by this engine or one before, and not answered */
bool journal_is_begun(const struct journal *journal);

/** journal_note() - what else outlives the engine; NULL where nothing does */
struct ctrl_note *journal_note(const struct journal *journal);

#endif /* ENGINE_JOURNAL_H */
