/* SPDX-License-Identifier: BSD-3-Clause */
/* The resource manager, its TPM, and who uses it: what model and storm have in common. */
#ifndef RM_TEST_WORLD_H
#define RM_TEST_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "rm/rm.h"
#include "rm/test_tpm.h"

#define CLIENTS	 6
#define THINGS	 64
#define CONTEXTS 8
#define BLOB	 64

#define MUST(condition)                                              \
	do {                                                         \
		if (!(condition))                                    \
			world_wrong(__func__, __LINE__, #condition); \
	} while (0)

/*
 * Whose is RM_RAW for the raw node; an id of 0 means nothing. A saved object that a Clear
 * made void is doomed: it is gone as soon as somebody looks.
 */
struct thing {
	uint64_t whose;
	uint32_t handle;
	uint32_t id;
	uint32_t count;
	bool sequence;
	bool doomed;
};

struct blob {
	uint8_t bytes[BLOB];
	size_t length;
};

struct party {
	bool is;
	uint64_t whose;
	uint32_t handle;
	uint32_t count;
	bool saved;
	struct blob blob;
};

struct context {
	struct blob blob;
	uint32_t id;
	uint32_t count;
	uint32_t clears;
	bool sequence;
};

struct model {
	struct thing things[THINGS];
	struct party parties[TEST_TPM_SESSIONS];
	struct context contexts[CONTEXTS];
	size_t next;
};

/* What was published: the last one, and the one before. */
struct unit {
	struct model model;
	struct test_tpm tpm;
	uint8_t tables[RM_PACK_MAX];
	size_t length;
};

struct call {
	uint8_t bytes[RM_COMMAND_SIZE];
	struct cursor_out out;
	uint8_t response[RM_COMMAND_SIZE];
	size_t length;
	int result;
	uint32_t rc;
	bool failed;
	bool repeatable;
};

/**
 * struct world - all of it
 * @rm: the resource manager
 * @model: what is expected of it
 * @units: what was published, the last one first
 * @input: decides what happens
 * @call: the command
 * @slots: contexts that world_compare() has seen
 */
struct world {
	struct rm rm;
	struct model model;
	struct unit units[2];
	struct cursor_in input;
	struct call call;
	size_t slots;
};

extern struct world world;

/** world_wrong() - say what is not as it must be, and end the process */
_Noreturn void world_wrong(const char *where, int line, const char *what);

/** world_choose() - the input's next byte, below @n */
uint32_t world_choose(uint32_t n);

/** world_choose_client() - one of them */
uint64_t world_choose_client(void);

/** world_compare() - what the tables claim the TPM has, and no slot is shared */
void world_compare(void);

/** world_end() - slots add up; packed, unpacked and packed again it is all the same */
void world_end(void);

/** world_begin() - nobody has anything */
void world_begin(const uint8_t *bytes, size_t length);

/** world_publish() - as and when the engine does; the memory goes on as it is */
void world_publish(void);

/** world_back_to() - a death, or a commit that failed */
void world_back_to(size_t unit);

/** world_command() - a command without sessions */
void world_command(uint32_t code);

/** world_authorize() - one entry of a session area */
void world_authorize(uint32_t handle, uint8_t attributes);

/**
 * world_send() - give the command to the resource manager
 *
 * Return: the response code; 1: it did not know a handle; 2: an error of the TPM's.
 */
uint32_t world_send(uint64_t whose);

/** world_word() - the word number @i after a response's head */
uint32_t world_word(size_t i);

/** world_keep() - the context of a response */
void world_keep(struct blob *blob);

#endif /* RM_TEST_WORLD_H */
