/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What we must know of a TPM command before it runs.
 *
 * One table, sorted by code, of the commands of Part 3: how many handles come
 * before the sessions, and what this project adds. A command missing here is
 * not refused (the TPM does that), but nothing good is assumed of it.
 *
 * READ_ONLY is a positive list: commands that change neither the permanent nor
 * the volatile state, the random generator aside, so that after a crash they can
 * simply run again. Commands with an authorization, and those that only
 * *normally* change nothing (ReadClock may commit the clock; PolicyGetDigest needs
 * a session that must not be lost), are left out on purpose.
 *
 * REPLAYS is another one: commands whose effect and whose response depend on nothing but
 * the TPM's state, the locality and the command's bytes, so that after a crash they can run
 * again in their place. Not so what draws random numbers, tells the time, or answers with it.
 *
 * USES_KEY is a third one: commands that use a loaded key and change nothing when
 * they succeed. A failure may be counted against a dictionary attack, and a
 * signature by ECDAA ends the commit it belongs to (Part 1, C.4.2).
 */
#ifndef WIRE_COMMAND_H
#define WIRE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC: those that the code names */
#define TPM_CC_CLEAR			     0x126
#define TPM_CC_HIERARCHY_CHANGE_AUTH	     0x129
#define TPM_CC_SET_COMMAND_CODE_AUDIT_STATUS 0x140
#define TPM_CC_STARTUP			     0x144
#define TPM_CC_SHUTDOWN			     0x145
#define TPM_CC_PCR_EVENT		     0x13c
#define TPM_CC_STIR_RANDOM		     0x146
#define TPM_CC_SIGN			     0x15d
#define TPM_CC_CONTEXT_LOAD		     0x161
#define TPM_CC_CONTEXT_SAVE		     0x162
#define TPM_CC_FLUSH_CONTEXT		     0x165
#define TPM_CC_GET_CAPABILITY		     0x17a
#define TPM_CC_GET_TEST_RESULT		     0x17c

/**
 * enum command_flags - what this project knows of a command
 * @COMMAND_READ_ONLY: without a session it changes no state
 * @COMMAND_FIRMWARE_ONLY: re-seeds or re-shapes the TPM as a platform's firmware
 *	may; refused where the vTPM has no firmware before its client
 * @COMMAND_AUDIT_SETUP: may change which commands the TPM audits
 * @COMMAND_MAKES_OBJECT: its response begins with the handle of a new transient object
 * @COMMAND_MAKES_SESSION: its response begins with the handle of a new session
 * @COMMAND_ENDS_SEQUENCE: on success the TPM flushes the object of its last handle
 * @COMMAND_FLUSHES: may flush the objects of whole hierarchies
 * @COMMAND_USES_KEY: with passwords alone it changes no state, if it succeeds
 * @COMMAND_REPLAYS: with passwords alone it can be run again from the same state: same change,
 *	same response
 *
 * ContextLoad makes one or the other, as its parameter says, and is marked as neither.
 */
enum command_flags {
	COMMAND_READ_ONLY = 1 << 0,
	COMMAND_FIRMWARE_ONLY = 1 << 1,
	COMMAND_AUDIT_SETUP = 1 << 2,
	COMMAND_MAKES_OBJECT = 1 << 3,
	COMMAND_MAKES_SESSION = 1 << 4,
	COMMAND_ENDS_SEQUENCE = 1 << 5,
	COMMAND_FLUSHES = 1 << 6,
	COMMAND_USES_KEY = 1 << 7,
	COMMAND_REPLAYS = 1 << 8,
};

/**
 * struct command_attributes - a row of the table
 * @code: TPM_CC
 * @name: as in Part 3, without TPM2_
 * @handles: handles before the sessions
 * @flags: &enum command_flags
 */
struct command_attributes {
	uint32_t code;
	const char *name;
	uint8_t handles;
	uint16_t flags;
};

/**
 * command_find() - the row of a command code, or NULL
 */
const struct command_attributes *command_find(uint32_t code);

/**
 * command_table() - all rows, for tests
 */
const struct command_attributes *command_table(size_t *ret_count);

/**
 * struct command_session - one authorization of a command's session area
 * @handle: TPM_RS_PW or that of a session
 * @attributes: TPMA_SESSION
 */
struct command_session {
	uint32_t handle;
	uint8_t attributes;
};

/**
 * command_session_area() - a reader of a command's session area (Part 1, 18.7)
 * @command: with a sound head
 * @attributes: its row
 *
 * Return: an empty reader where there is no area, a bad one where it is malformed.
 */
struct cursor_in command_session_area(const struct tpm_command *command,
				      const struct command_attributes *attributes);

/**
 * command_next_session() - read one authorization
 * @area: from command_session_area()
 * @ret: set where there is one
 *
 * Return: false at the end of the area, or where it is malformed: then @area is bad.
 */
bool command_next_session(struct cursor_in *area, struct command_session *ret);

/**
 * enum command_sessions - what a command's session area holds
 * @COMMAND_SESSIONS_NONE: nothing, or passwords (TPM_RS_PW) alone
 * @COMMAND_SESSIONS_SOME: a session whose state the command moves on
 * @COMMAND_SESSIONS_AUDIT: such a session, used for audit
 * @COMMAND_SESSIONS_UNKNOWN: not to be told (unknown command, malformed area)
 */
enum command_sessions {
	COMMAND_SESSIONS_NONE,
	COMMAND_SESSIONS_SOME,
	COMMAND_SESSIONS_AUDIT,
	COMMAND_SESSIONS_UNKNOWN,
};

/**
 * command_sessions() - look at a command's session area (Part 1, 18.7)
 * @command: with a sound head
 * @attributes: its row, NULL when there is none
 */
enum command_sessions command_sessions(const struct tpm_command *command,
				       const struct command_attributes *attributes);

#endif /* WIRE_COMMAND_H */
