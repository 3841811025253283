// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two units and one number; see the header.
 *
 * Order is all there is to it. fill(number + 1) writes to memory that the
 * current number does not lead to; the release store of the number comes after
 * all of it. A reader loads the number with acquire and follows it. Nothing is
 * locked: there is one writer, and readers come after its death.
 */
#include "engine/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"

#define UNIT_MAGIC   0x76747075756e6974ull /* "vtpuunit" */
#define UNIT_VERSION 1

struct unit_root {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of struct unit_memory */
	_Atomic uint64_t number;
};

struct unit_head {
	uint64_t number;
	uint64_t instance;
	uint64_t generation;
	uint64_t id;
	uint32_t ended;
	uint32_t area;
	uint32_t permanent_length;
	uint32_t volatile_length;
	uint32_t answer_length;
	uint32_t reserved;
	uint8_t answer[UNIT_ANSWER_MAX];
};

struct unit_memory {
	_Alignas(4096) struct unit_root root;
	_Alignas(4096) struct unit_head head[2];
	_Alignas(4096) uint8_t volatile_state[2][UNIT_VOLATILE_MAX];
	_Alignas(4096) uint8_t permanent[2][UNIT_PERMANENT_MAX];
};

_Static_assert(sizeof(struct unit_memory) % 4096 == 0, "whole pages");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "the number is one word");

int unit_map(struct unit *unit, int fd)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct stat status;
	void *memory;

	*unit = (struct unit){ 0 };
	if (fd >= 0) {
		if (fstat(fd, &status))
			return -errno;
		if (!status.st_size && ftruncate(fd, sizeof(struct unit_memory)))
			return -errno;
		if (status.st_size && status.st_size != sizeof(struct unit_memory)) {
			unit->misfit = true;
			return 0;
		}
		/* Best effort: nobody shall pull the memory from below us. */
		(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
		flags = MAP_SHARED;
	}

	memory = mmap(NULL, sizeof(struct unit_memory), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	unit->memory = memory;
	return 0;
}

void unit_unmap(struct unit *unit)
{
	if (unit->memory)
		munmap(unit->memory, sizeof(struct unit_memory));
	*unit = (struct unit){ 0 };
}

static struct unit_head *head_of(const struct unit *unit, uint64_t number)
{
	return &unit->memory->head[number & 1];
}

static const char *head_fault(const struct unit_head *head, uint64_t number)
{
	if (head->number != number)
		return "the unit has another number than the root";
	if (head->area > 1 || head->ended > 1 || head->reserved)
		return "the unit's head has a value out of range";
	if (!head->generation)
		return "the unit has no generation";
	if (!head->permanent_length || head->permanent_length > UNIT_PERMANENT_MAX)
		return "the unit's permanent state has an impossible size";
	if (!head->volatile_length || head->volatile_length > UNIT_VOLATILE_MAX)
		return "the unit's volatile state has an impossible size";
	if (head->answer_length > UNIT_ANSWER_MAX)
		return "the unit's answer has an impossible size";
	if (!head->id != !head->answer_length)
		return "the unit has a request without an answer, or the reverse";
	return NULL;
}

enum unit_state unit_check(struct unit *unit, const char **ret_reason)
{
	const struct unit_root *root;
	const char *fault;
	uint64_t number;

	if (unit->misfit) {
		*ret_reason = "the checkpoint memory has an unknown size";
		return UNIT_BROKEN;
	}

	root = &unit->memory->root;
	number = atomic_load_explicit(&unit->memory->root.number, memory_order_acquire);
	/* Virgin, or died while it wrote the root for the first time: the magic comes last. */
	if (!number && !root->magic)
		return UNIT_NONE;

	if (root->magic != UNIT_MAGIC || root->version != UNIT_VERSION ||
	    root->size != sizeof(struct unit_memory)) {
		*ret_reason = "the checkpoint memory is not of this engine's kind";
		return UNIT_BROKEN;
	}
	if (!number)
		return UNIT_NONE; /* died before its first publish */

	fault = head_fault(head_of(unit, number), number);
	if (fault) {
		*ret_reason = fault;
		return UNIT_BROKEN;
	}
	unit->number = number;
	unit->id = head_of(unit, number)->id;
	return UNIT_WHOLE;
}

struct unit_content unit_current(const struct unit *unit)
{
	const struct unit_head *head = head_of(unit, unit->number);

	return (struct unit_content){
		.instance = head->instance,
		.generation = head->generation,
		.id = head->id,
		.ended = head->ended,
		.permanent = unit->memory->permanent[head->area],
		.permanent_length = head->permanent_length,
		.volatile_state = unit->memory->volatile_state[unit->number & 1],
		.volatile_length = head->volatile_length,
		.answer = head->answer_length ? head->answer : NULL,
		.answer_length = head->answer_length,
	};
}

static void flip(struct unit *unit, uint64_t number)
{
	atomic_store_explicit(&unit->memory->root.number, number, memory_order_release);
	unit->number = number;
	unit->id = head_of(unit, number)->id;
}

static void fill(struct unit *unit, uint64_t number, const struct unit_content *content)
{
	const struct unit_head *last = head_of(unit, unit->number);
	struct unit_memory *memory = unit->memory;
	struct unit_head *head = head_of(unit, number);
	uint32_t area = unit->number ? last->area : 0;
	size_t length = unit->number ? last->permanent_length : 0;

	/* Until all is there, this half belongs to no number. */
	head->number = 0;
	atomic_signal_fence(memory_order_release);

	if (content->permanent) {
		area = !area;
		length = content->permanent_length;
		cursor_copy(memory->permanent[area], UNIT_PERMANENT_MAX, content->permanent,
			    length);
	}
	cursor_copy(memory->volatile_state[number & 1], UNIT_VOLATILE_MAX, content->volatile_state,
		    content->volatile_length);
	cursor_copy(head->answer, UNIT_ANSWER_MAX, content->answer, content->answer_length);

	head->instance = content->instance;
	head->generation = content->generation;
	head->id = content->id;
	head->ended = content->ended;
	head->area = area;
	head->permanent_length = (uint32_t)length;
	head->volatile_length = (uint32_t)content->volatile_length;
	head->answer_length = (uint32_t)content->answer_length;
	head->reserved = 0;
	atomic_signal_fence(memory_order_release);
	head->number = number;
}

int unit_publish(struct unit *unit, const struct unit_content *content)
{
	struct unit_root *root = &unit->memory->root;

	if (content->permanent_length > UNIT_PERMANENT_MAX ||
	    content->volatile_length > UNIT_VOLATILE_MAX ||
	    content->answer_length > UNIT_ANSWER_MAX)
		return -EFBIG;
	if (!content->permanent && !unit->number)
		return -EINVAL;

	if (!root->magic) {
		root->version = UNIT_VERSION;
		root->size = sizeof(struct unit_memory);
		atomic_signal_fence(memory_order_release);
		root->magic = UNIT_MAGIC;
	}
	fill(unit, unit->number + 1, content);
	flip(unit, unit->number + 1);
	return 0;
}

int unit_back(struct unit *unit)
{
	uint64_t number = unit->number - 1;

	if (!unit->number || !number || head_fault(head_of(unit, number), number))
		return -ENOENT;
	flip(unit, number);
	return 0;
}
