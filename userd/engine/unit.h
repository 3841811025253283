/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The unit: all that a TPM is after one command, in memory that outlives the
 * engine.
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
 *	permanent A | permanent B	each head says which one is its own
 *
 * The permanent state has two areas of its own, rewritten only when it changed, so
 * that a publish without an NV change copies the volatile part alone. The unit
 * before the current one stays whole until the next publish begins:
 * unit_back() returns to it when its successor could not be committed.
 *
 * One process at a time has the memory mapped (main() claims it). Its keeper is trusted; still,
 * everything found in it is checked before use, and what is neither virgin nor
 * whole is reported, not repaired.
 */
#ifndef ENGINE_UNIT_H
#define ENGINE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vtpm.h>

#include "store/store.h"

#define UNIT_PERMANENT_MAX STORE_RECORD_MAX
/* libtpms 0.9: 12 KiB with three objects and three sessions */
#define UNIT_VOLATILE_MAX (64u << 10)
#define UNIT_ANSWER_MAX	  VTPM_COMMAND_SIZE

/**
 * struct unit_content - what a unit says
 * @instance: life of the device it belongs to
 * @generation: of the permanent state
 * @id: request that was executed last, 0 for none
 * @ended: the TPM was shut down in order: nothing to resume
 * @permanent: permanent state; given as NULL it is that of the unit before
 * @permanent_length: bytes of it
 * @volatile_state: volatile state
 * @volatile_length: bytes of it
 * @answer: response to @id, NULL for none
 * @answer_length: bytes of it
 */
struct unit_content {
	uint64_t instance;
	uint64_t generation;
	uint64_t id;
	bool ended;
	const uint8_t *permanent;
	size_t permanent_length;
	const uint8_t *volatile_state;
	size_t volatile_length;
	const uint8_t *answer;
	size_t answer_length;
};

/**
 * enum unit_state - what the memory holds
 * @UNIT_NONE: it was never published
 * @UNIT_WHOLE: a unit
 * @UNIT_BROKEN: something else
 */
enum unit_state {
	UNIT_NONE,
	UNIT_WHOLE,
	UNIT_BROKEN,
};

struct unit_memory;

/**
 * struct unit - the mapped memory
 * @memory: the mapping
 * @number: of the current unit, 0 for none
 * @id: of the current unit
 * @misfit: the file has a size that this engine does not know
 */
struct unit {
	struct unit_memory *memory;
	uint64_t number;
	uint64_t id;
	bool misfit;
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

/** unit_unmap() - give the memory up; what is published stays in the file */
void unit_unmap(struct unit *unit);

/**
 * unit_check() - look for the current unit
 * @unit: mapped
 * @ret_reason: why it is UNIT_BROKEN; set for that only
 *
 * Must come before any other call.
 */
enum unit_state unit_check(struct unit *unit, const char **ret_reason);

/**
 * unit_current() - the current unit, which unit_check() or unit_publish() found good
 *
 * Return: pointers into the memory, valid until the next publish.
 */
struct unit_content unit_current(const struct unit *unit);

/**
 * unit_publish() - make @content the current unit
 *
 * Return: 0; -EFBIG (a part is too large, nothing has changed); -EINVAL (no
 * permanent state given, and none before).
 */
int unit_publish(struct unit *unit, const struct unit_content *content);

/**
 * unit_back() - make the unit before the current one current again
 *
 * Return: 0; -ENOENT (there is no whole one, nothing has changed).
 */
int unit_back(struct unit *unit);

#endif /* ENGINE_UNIT_H */
