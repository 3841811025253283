/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A unit's log: commands that ran after the unit was published, in the order in which they
 * did, each with its answer. Whoever resumes from the unit runs them again.
 *
 *	log	| word | entry | entry | ...
 *	word	low half of the unit's number, bytes of all entries, and what these add up to
 *	entry	| nonce u64 | id u64 | client u64 | locality u8 | command's size u16 |
 *		  answer's size u16 | tag 16 | command, answer: encrypted |
 *
 * An entry is an AES-256-GCM message under the unit key. What is authenticated with it is its head
 * and the tag before it: that of the entry before, or the unit's own. So an entry
 * belongs to one place behind one unit; it can be neither changed nor moved, nor left out where
 * another one follows it. The word is stored last, at once: a death before it leaves the log as it
 * was, and the command comes again. The last entries can be cut off by who can write
 * the memory, as he can put back a whole older memory: neither is prevented here.
 */
#ifndef ENGINE_UNIT_LOG_H
#define ENGINE_UNIT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "store/gcm.h"

/** define UNIT_LOG_SIZE - bytes of entries: some sixty PCR_Extends */
#define UNIT_LOG_SIZE 8192u

/** define UNIT_E_FULL - there is no room behind this unit: publish a whole one */
#define UNIT_E_FULL 1

/**
 * struct unit_log - in the memory that outlives the engine
 * @word: see the file's head
 * @bytes: entries
 */
struct unit_log {
	_Atomic uint64_t word;
	uint8_t bytes[UNIT_LOG_SIZE];
};

/**
 * struct unit_log_end - where the next entry goes
 * @length: bytes of the entries so far
 * @tag: of the last one, or the unit's
 */
struct unit_log_end {
	size_t length;
	uint8_t tag[GCM_TAG_SIZE];
};

/**
 * struct unit_entry - a command that ran
 * @id: of its request, 0 for none
 * @client: whose it was, as the resource manager counts
 * @locality: 0 to 4
 * @command: as it came
 * @command_length: bytes of it
 * @answer: response to it
 * @answer_length: bytes of it
 */
struct unit_entry {
	uint64_t id;
	uint64_t client;
	uint8_t locality;
	const uint8_t *command;
	size_t command_length;
	const uint8_t *answer;
	size_t answer_length;
};

/** unit_log_clear() - no entries, behind unit @number */
void unit_log_clear(struct unit_log *log, uint64_t number);

/**
 * unit_log_append() - add an entry
 * @log: of the unit
 * @number: the unit's
 * @end: where, moved on
 * @key: unit key
 * @nonce: never used before with it
 * @entry: what to add
 *
 * Return: 0; UNIT_E_FULL; -ENOMEM (it could not be sealed). Unless 0, nothing was added.
 */
int unit_log_append(struct unit_log *log, uint64_t number, struct unit_log_end *end,
		    struct gcm *key, uint64_t nonce, const struct unit_entry *entry);

/**
 * unit_log_open() - decrypt all entries
 * @log: of the unit
 * @number: the unit's
 * @tag: the unit's
 * @key: unit key
 * @to: room for UNIT_LOG_SIZE bytes, to be read by unit_log_next()
 * @ret_length: bytes of it
 *
 * Return: 0; -EBADMSG (it is not what was appended); -ENOMEM.
 */
int unit_log_open(const struct unit_log *log, uint64_t number, const uint8_t tag[GCM_TAG_SIZE],
		  struct gcm *key, uint8_t *to, size_t *ret_length);

/**
 * unit_log_next() - read one entry
 * @in: of what unit_log_open() gave
 * @ret: set where there is one; points into it
 *
 * Return: false at the end.
 */
bool unit_log_next(struct cursor_in *in, struct unit_entry *ret);

#endif /* ENGINE_UNIT_LOG_H */
