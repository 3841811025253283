/* SPDX-License-Identifier: BSD-3-Clause */
/* A TPM of a few hundred lines that can be looked into: for tests and fuzzers. */
#ifndef RM_TEST_TPM_H
#define RM_TEST_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_TPM_OBJECTS  3
#define TEST_TPM_LOADED	  3
#define TEST_TPM_SESSIONS 8
#define TEST_TPM_GAP	  16

/* Part 2, 6.5.2: what it knows besides the context commands and GetCapability */
#define TEST_CC_CLEAR	       0x126
#define TEST_CC_CREATE_PRIMARY 0x131
#define TEST_CC_COMPLETE       0x13e
#define TEST_CC_CERTIFY	       0x148
#define TEST_CC_UPDATE	       0x15c
#define TEST_CC_POLICY	       0x16c
#define TEST_CC_READ_PUBLIC    0x173
#define TEST_CC_START_SESSION  0x176
#define TEST_CC_HASH_START     0x186
#define TEST_CC_GET_DIGEST     0x189

enum test_session_state { TEST_SESSION_NONE, TEST_SESSION_LOADED, TEST_SESSION_SAVED };

/**
 * struct test_object - what it holds at handle 80000000 + index
 * @id: never given twice; 0: the place is free
 * @sequence: it is a sequence object
 * @count: updates of it
 */
struct test_object {
	uint32_t id;
	bool sequence;
	uint32_t count;
};

/**
 * struct test_session - session number, its place in the array
 * @state: where it is
 * @handle: of it
 * @count: assertions of its policy
 * @number: of its saved context
 */
struct test_session {
	enum test_session_state state;
	uint32_t handle;
	uint32_t count;
	uint64_t number;
};

/**
 * struct test_fault - what goes wrong
 * @code: at the next command of this code, 0: at none
 * @rc: its response, and nothing happens
 * @error: or the call fails with this -errno,
 * @late: when all has happened
 * @hit: it has gone wrong
 */
struct test_fault {
	uint32_t code;
	uint32_t rc;
	int error;
	bool late;
	bool hit;
};

/**
 * struct test_tpm - all of its state: a copy is a checkpoint
 * @objects: loaded
 * @sessions: loaded and saved
 * @ids: objects made so far
 * @saves: sessions saved so far
 * @clears: contexts of another number are void
 * @fault: to be injected
 */
struct test_tpm {
	struct test_object objects[TEST_TPM_OBJECTS];
	struct test_session sessions[TEST_TPM_SESSIONS];
	uint32_t ids;
	uint64_t saves;
	uint32_t clears;
	struct test_fault fault;
};

/** the one there is, as there is one of libtpms */
extern struct test_tpm test_tpm;

/** test_tpm_run() - as tpmlib_run() */
int test_tpm_run(uint8_t locality, const uint8_t *command, size_t length, uint8_t *response,
		 size_t room, size_t *ret_length);

/** test_tpm_loaded() - sessions that are loaded */
unsigned int test_tpm_loaded(void);

#endif /* RM_TEST_TPM_H */
