/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The unit: all that a TPM is after one command, in memory that outlives the
 * engine; and behind it a log of the commands that came since.
 *
 * The memory (a memfd that the parent keeps) has room for two units. Publishing
 * fills the one that is not current and then flips a single number, so that
 * whoever looks, at whatever moment the engine died, finds exactly one whole unit:
 * the state after the last command together with that command's id and answer,
 * or the one before it. There is no moment with a new state and an old answer.
 *
 *	root   | magic, version, sizes | number of the current unit (0: none yet)
 *	head 0 | head 1		head and answer of odd and even numbers
 *	volatile 0 | volatile 1	their volatile states
 *	envelope A | envelope B	permanent states; each head says which one is its own
 *	tables 0 | tables 1	those of the resource manager
 *	log 0 | log 1		commands that ran after the unit; see engine/unit_log.h
 *	contexts		what they name; not written while a unit that is still needed
 *				names it (rm/context.c)
 *
 * A log is for commands whose effect and answer depend on nothing but the TPM's state and
 * their bytes: nothing has to be marshalled. It is cleared with the next unit.
 *
 * The permanent state has two areas of its own, rewritten only when it changed, so
 * that a publish without an NV change writes the volatile part alone. The unit
 * before the current one stays whole until the next publish begins:
 * unit_back() returns to it when its successor could not be committed.
 *
 * Nothing in the memory is secret, so its keeper learns nothing:
 *
 *	permanent state	an envelope, exactly the bytes that are committed
 *	volatile state, tables,	one AES-256-GCM message under the unit key, which has
 *	answer			the label (the head's first fields) as authenticated data
 *	entries of the log	one such message each, tied to the one before
 *	unit key		random, of one engine's life, in an envelope in each label
 *
 * The nonce is a counter that starts with the key. It is not the number: that
 * one comes again after unit_back().
 *
 * One process at a time has the memory mapped. What is neither virgin nor whole is
 * reported, not repaired; a byte changed anywhere in the current unit is found.
 */
#ifndef ENGINE_UNIT_H
#define ENGINE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vtpm.h>

#include "engine/unit_log.h"
#include "rm/rm.h"
#include "store/envelope.h"
#include "store/store.h"

#define UNIT_ENVELOPE_MAX  STORE_RECORD_MAX
#define UNIT_PERMANENT_MAX (STORE_RECORD_MAX - ENVELOPE_OVERHEAD)
/* libtpms 0.9: 12 KiB with three objects and three sessions */
#define UNIT_VOLATILE_MAX (64u << 10)
#define UNIT_ANSWER_MAX	  VTPM_COMMAND_SIZE
#define UNIT_TABLES_MAX	  RM_PACK_MAX

/**
 * struct unit_content - what is published
 * @generation: of the permanent state
 * @id: request that was executed last, 0 for none
 * @ended: the TPM was shut down in order: nothing to resume
 * @permanent: new permanent state, to be put in an envelope; NULL for none
 * @permanent_length: bytes of it
 * @envelope: where @permanent is NULL: its envelope; NULL: that of the unit before
 * @envelope_length: bytes of it
 * @volatile_state: volatile state
 * @volatile_length: bytes of it
 * @tables: of the resource manager, NULL for none
 * @tables_length: bytes of them
 * @answer: response to @id, NULL for none
 * @answer_length: bytes of it
 */
struct unit_content {
	uint64_t generation;
	uint64_t id;
	bool ended;
	const uint8_t *permanent;
	size_t permanent_length;
	const uint8_t *envelope;
	size_t envelope_length;
	const uint8_t *volatile_state;
	size_t volatile_length;
	const uint8_t *tables;
	size_t tables_length;
	const uint8_t *answer;
	size_t answer_length;
};

/**
 * struct unit_label - what a unit says about itself in clear
 * @instance: life of the device it belongs to
 * @generation: of the permanent state
 * @ended: the TPM was shut down in order
 * @envelope: envelope of the permanent state, in the memory, valid until the next publish
 * @envelope_length: bytes of it
 */
struct unit_label {
	uint64_t instance;
	uint64_t generation;
	bool ended;
	const uint8_t *envelope;
	size_t envelope_length;
};

/**
 * struct unit_plain - what a unit holds, in memory of its own
 * @permanent: permanent state
 * @permanent_length: bytes of it
 * @volatile_state: volatile state
 * @volatile_length: bytes of it
 * @tables: of the resource manager
 * @tables_length: bytes of them
 * @log: commands to be run behind it, for unit_log_next()
 * @log_length: bytes of it
 * @id: request that was executed last, 0 for none
 * @answer: response to it
 * @answer_length: bytes of it
 */
struct unit_plain {
	uint8_t permanent[UNIT_PERMANENT_MAX];
	size_t permanent_length;
	uint8_t volatile_state[UNIT_VOLATILE_MAX];
	size_t volatile_length;
	uint8_t tables[UNIT_TABLES_MAX];
	size_t tables_length;
	uint8_t log[UNIT_LOG_SIZE];
	size_t log_length;
	uint64_t id;
	uint8_t answer[UNIT_ANSWER_MAX];
	size_t answer_length;
};

/**
 * enum unit_state - what the memory holds
 * @UNIT_NONE: it was never published
 * @UNIT_WHOLE: a unit
 * @UNIT_BROKEN: something else
 * @UNIT_UNREAD: nobody can tell, for lack of memory
 */
enum unit_state {
	UNIT_NONE,
	UNIT_WHOLE,
	UNIT_BROKEN,
	UNIT_UNREAD,
};

/** define UNIT_KEY_SIZE - bytes of a unit key's envelope */
#define UNIT_KEY_SIZE (GCM_KEY_SIZE + ENVELOPE_OVERHEAD)

struct unit_memory;

/**
 * struct unit - the mapped memory
 * @memory: the mapping
 * @number: of the current unit, 0 for none
 * @id: request that was executed last: of the current unit, or of its log's last entry
 * @grows: the current unit is of this engine's, so that its log may
 * @end: of its log
 * @misfit: the file has a size that this engine does not know
 * @data_key: of the TPM, borrowed
 * @instance: written into each unit
 * @key: unit key of this engine
 * @nonce: last one used with it
 * @sealed_key: its envelope
 */
struct unit {
	struct unit_memory *memory;
	uint64_t number;
	uint64_t id;
	bool grows;
	struct unit_log_end end;
	bool misfit;
	struct envelope_key *data_key;
	uint64_t instance;
	struct gcm key;
	uint64_t nonce;
	uint8_t sealed_key[UNIT_KEY_SIZE];
};

/**
 * unit_map() - map the memory; nothing in it is looked at
 * @unit: to be set up
 * @fd: memfd, borrowed; an empty one gets its size. -1 for memory that ends
 *	with the process
 *
 * Return: 0, or -errno of fstat(), ftruncate() or mmap().
 */
int unit_map(struct unit *unit, int fd);

/**
 * unit_set_key() - draw a unit key; comes before any call below
 * @unit: mapped
 * @data_key: of the TPM, borrowed for the unit's life
 * @instance: life of the device
 *
 * Return: 0; -EIO (no random numbers); -ENOMEM.
 */
int unit_set_key(struct unit *unit, struct envelope_key *data_key, uint64_t instance);

/** unit_contexts() - the resource manager's: RM_CONTEXTS times RM_CONTEXT_SIZE bytes */
void *unit_contexts(struct unit *unit);

/**
 * unit_is_known() - can a checkpoint of this kind be resumed by this program?
 * @fd: memfd, borrowed; nothing in it is changed, and nobody needs to be away
 *
 * Return: 1; 0 (another version, or another size); -errno of fstat() or pread().
 */
int unit_is_known(int fd);

/** unit_unmap() - give the memory up, wipe the key; what is published stays in the file */
void unit_unmap(struct unit *unit);

/**
 * unit_check() - look for the current unit, and open it
 * @unit: with a key
 * @ret_reason: why it is UNIT_BROKEN; set for that only
 *
 * Where that one is of the epoch after the data key's, the data key is of that one from now on:
 * states came from elsewhere, and that is not durable yet.
 *
 * Must come before any call below.
 */
enum unit_state unit_check(struct unit *unit, const char **ret_reason);

/** unit_label() - of the current unit, which unit_check() or unit_publish() found good */
struct unit_label unit_label(const struct unit *unit);

/**
 * unit_open() - decrypt the current unit
 * @unit: with a current one
 * @ret: the caller ends it with unit_close()
 * @ret_reason: set for -EBADMSG
 *
 * Return: 0; -EBADMSG (it does not open); -ENOMEM.
 */
int unit_open(struct unit *unit, struct unit_plain **ret, const char **ret_reason);

/** unit_plain_new() - room for a plain state. Return: 0 or -ENOMEM; end it by unit_close() */
int unit_plain_new(struct unit_plain **ret);

/** unit_close() - wipe and give up; for _cleanup_, a pointer to NULL is fine */
void unit_close(struct unit_plain **plain);

/**
 * unit_publish() - make @content the current unit
 *
 * Return: 0; -EFBIG (a part is too large); -EINVAL (no permanent state given, and none
 * before); -EIO, -ENOMEM (it could not be sealed). Unless 0, the current one still is.
 */
int unit_publish(struct unit *unit, const struct unit_content *content);

/**
 * unit_append() - add a command that ran to the current unit's log
 *
 * Return: 0; UNIT_E_FULL (publish a whole unit: the log is full, or behind a unit that this
 * engine found, or went back to); -ENOMEM (it could not be sealed). Unless 0, nothing was added.
 */
int unit_append(struct unit *unit, const struct unit_entry *entry);

/**
 * unit_back() - make the unit before the current one, and its log, current again
 *
 * Return: 0; -ENOENT (there is no whole one, nothing has changed).
 */
int unit_back(struct unit *unit);

#endif /* ENGINE_UNIT_H */
