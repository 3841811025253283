/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control channel of a TPM that a virtual machine monitor starts and stops: what QEMU,
 * libvirt, Cloud Hypervisor and swtpm_ioctl ask for beside a TPM's own commands.
 *
 * Numbers and layouts are those of swtpm's tpm_ioctl.h. On a socket all is big-endian: a
 * request is its command (u32) and what follows from that, a response has no command. A
 * client waits for each response, so what lies in the socket is one request.
 *
 *	OFF	INIT is awaited; a TPM command would be answered with TPM_RC_FAILURE
 *	ON	commands run
 *
 *	INIT		any → ON, by a power cycle; from a state that was loaded, or goes
 *			on where the TPM is if STORE_VOLATILE came last
 *	STOP, SHUTDOWN	any → OFF. The engine stays: the next INIT finds it
 *	SET_STATEBLOB	OFF; what was loaded is used by INIT, and only by that
 *
 * Here is what the protocol says; what is done, the owner of struct ctrl_ops does. What
 * must outlive him is in struct ctrl_note. The bytes of SET_STATEBLOB are not kept
 * elsewhere while they come: they do not outlive him, and the note tells his successor.
 *
 * A request whose owner died comes again, if it was not answered. What must not be done
 * twice the note says until ctrl_answered(): a connection that was taken, and an INIT, which would
 * be a power cycle of a TPM that went on, or came from elsewhere.
 */
#ifndef CTRL_CTRL_H
#define CTRL_CTRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/** define CTRL_BLOB_MAX - bytes of the largest state that comes or goes, sealed */
#define CTRL_BLOB_MAX (336u << 10)

/** define CTRL_REQUEST_MAX - bytes of the longest request but SET_STATEBLOB */
#define CTRL_REQUEST_MAX (4 + 4 + 4096)

/** define CTRL_RESPONSE_MAX - bytes of the longest response */
#define CTRL_RESPONSE_MAX (16 + CTRL_BLOB_MAX)

/**
 * enum ctrl_result - results, as the TPM 1.2 specification numbers them (Part 2, 16)
 * @CTRL_OK: done
 * @CTRL_BAD_PARAMETER: the request is too long, or a value is out of range
 * @CTRL_FAIL: it cannot be done, or its state was lost
 * @CTRL_BAD_ORDINAL: no such command, or not in this state
 * @CTRL_KEY_NOT_FOUND: a state leaves and comes only sealed, and there is no key for that
 * @CTRL_SIZE: the state is larger than any TPM's
 * @CTRL_IO_ERROR: a data connection is there already, or none came along
 * @CTRL_DECRYPT_ERROR: the state was sealed with another key, or changed
 * @CTRL_BAD_LOCALITY: above 4
 * @CTRL_RETRY: there is no such state
 */
enum ctrl_result {
	CTRL_OK = 0,
	CTRL_BAD_PARAMETER = 3,
	CTRL_FAIL = 9,
	CTRL_BAD_ORDINAL = 10,
	CTRL_KEY_NOT_FOUND = 13,
	CTRL_SIZE = 23,
	CTRL_IO_ERROR = 31,
	CTRL_DECRYPT_ERROR = 33,
	CTRL_BAD_LOCALITY = 61,
	CTRL_RETRY = 0x800,
};

/**
 * enum ctrl_state - states that are carried from one host to another
 * @CTRL_STATE_PERMANENT: PTM_BLOB_TYPE_PERMANENT
 * @CTRL_STATE_VOLATILE: PTM_BLOB_TYPE_VOLATILE
 */
enum ctrl_state {
	CTRL_STATE_PERMANENT = 1,
	CTRL_STATE_VOLATILE = 2,
};

/**
 * enum ctrl_note_init - what an INIT did
 * @CTRL_NOTE_INIT_NONE: nothing yet
 * @CTRL_NOTE_INIT_DONE: the TPM is on
 * @CTRL_NOTE_INIT_FAILED: it is not
 */
enum ctrl_note_init {
	CTRL_NOTE_INIT_NONE,
	CTRL_NOTE_INIT_DONE,
	CTRL_NOTE_INIT_FAILED,
};

/**
 * struct ctrl_note - what outlives the owner; all zero at first: on, at locality 0
 * @off: see the top
 * @locality: of all commands to come
 * @goes_on: the next INIT goes on where the TPM is
 * @loaded: states that SET_STATEBLOB brought, bit n: &enum ctrl_state
 * @receiving: a state is on its way here, or was not answered yet
 * @took: SET_DATAFD gave a connection, and was not answered yet
 * @shut: the last command was TPM2_Shutdown, and did it
 * @init: of an INIT that was not answered yet: &enum ctrl_note_init
 * @buffer: size of commands that was agreed on, 0: none
 */
struct ctrl_note {
	uint8_t off;
	uint8_t locality;
	uint8_t goes_on;
	uint8_t loaded;
	uint8_t receiving;
	uint8_t took;
	uint8_t shut;
	uint8_t init;
	uint32_t buffer;
};

/**
 * enum ctrl_hash - parts of a measurement at locality 4 (Part 1, 34.3)
 * @CTRL_HASH_START: _TPM_Hash_Start
 * @CTRL_HASH_DATA: _TPM_Hash_Data
 * @CTRL_HASH_END: _TPM_Hash_End
 */
enum ctrl_hash {
	CTRL_HASH_START,
	CTRL_HASH_DATA,
	CTRL_HASH_END,
};

/**
 * struct ctrl_buffer - sizes of commands and responses
 * @now: in use
 * @min: least
 * @max: most
 */
struct ctrl_buffer {
	uint32_t now;
	uint32_t min;
	uint32_t max;
};

/**
 * struct ctrl_ops - what is done; each returns 0, &enum ctrl_result, or -errno, which ends all
 * @init: power cycle; @goes_on: keep the volatile state. What @set_state brought is used
 * @stop: power off in order
 * @established: the TPM's "established" bit
 * @reset_established: clear it
 * @hash: part of a measurement
 * @buffer: ask for a size of commands, 0: none; cannot fail
 * @info: JSON text about the TPM
 * @take_data: serve this connection; the callee owns @fd if it returns 0
 * @get_state: write a state to @out, @ret_sealed: it is ciphertext
 * @set_state: keep a state for @init
 * @migrates: state may leave and come
 */
struct ctrl_ops {
	int (*init)(void *context, bool goes_on);
	int (*stop)(void *context);
	int (*established)(void *context, bool *ret);
	int (*reset_established)(void *context, uint8_t locality);
	int (*hash)(void *context, enum ctrl_hash part, const uint8_t *bytes, size_t length);
	void (*buffer)(void *context, uint32_t wanted, struct ctrl_buffer *ret);
	int (*info)(void *context, uint64_t flags, struct cursor_out *out);
	int (*take_data)(void *context, int fd);
	int (*get_state)(void *context, enum ctrl_state state, bool plain, struct cursor_out *out,
			 bool *ret_sealed);
	int (*set_state)(void *context, enum ctrl_state state, bool sealed, const uint8_t *bytes,
			 size_t length);
	bool (*migrates)(void *context);
};

/**
 * struct ctrl - one control channel
 * @ops: what is done
 * @context: for @ops
 * @note: what outlives the owner
 * @receiving: a state is on its way here, and nothing else can come
 * @refusal: the same: result that is decided already
 * @state: the same: which one
 * @sealed: the same: it is ciphertext
 * @want: the same: bytes of it
 * @have: the same: bytes that came
 * @bytes: those; otherwise a state that is about to leave
 */
struct ctrl {
	const struct ctrl_ops *ops;
	void *context;
	struct ctrl_note *note;
	bool receiving;
	int refusal;
	enum ctrl_state state;
	bool sealed;
	size_t want;
	size_t have;
	uint8_t bytes[CTRL_BLOB_MAX];
};

/**
 * ctrl_size() - how many of the bytes at hand are a request, or a piece of a state
 * @bytes: what lies in the socket
 * @have: how many bytes, at most CTRL_REQUEST_MAX
 *
 * Return: 0: more has to come first.
 */
size_t ctrl_size(const struct ctrl *ctrl, const uint8_t *bytes, size_t have);

/** ctrl_takes_fd() - is this a request that a descriptor comes along with? */
bool ctrl_takes_fd(const uint8_t *request, size_t length);

/**
 * ctrl_run() - execute a request
 * @ctrl: channel
 * @request: as ctrl_size() measured it
 * @length: bytes of it
 * @fd: descriptor that came along, -1 for none; taken over and set to -1 where it is used
 * @out: for the response; nothing is written where more of a state has to come
 *
 * Return: 0, or the -errno of an operation, after which there is no response.
 */
int ctrl_run(struct ctrl *ctrl, const uint8_t *request, size_t length, int *fd,
	     struct cursor_out *out);

/** ctrl_answered() - the answer outlives the owner, or its connection ended: it is not run again */
void ctrl_answered(struct ctrl_note *note);

/** ctrl_drop() - the connection has ended: a state that was on its way is forgotten */
void ctrl_drop(struct ctrl *ctrl);

#endif /* CTRL_CTRL_H */
