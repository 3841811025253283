/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vtpm-keyd is asked, at RUNTIME_DIR/keyd.sock.
 *
 * Two kinds of peers, told apart by SO_PEERCRED and by what they ask first: the
 * manager (all but KEYD_KEY), and engines (KEYD_KEY, once, and nothing else).
 *
 * Every request begins with a tag (u32) of the asker's choice. Every answer
 * begins with that tag, an errno (0: done), and a sentence for the operator that
 * names the thing, the reason and the next step (empty when done); what follows an
 * errno of 0 is written beside each operation. Answers may come out of order.
 *
 * No secret passes the manager in clear. What a person types (recovered root key,
 * owner password) reaches keyd as a sealed box (seal/box.h) to the
 * session key that KEYD_RECOVERY returns; data keys go to engines alone.
 */
#ifndef WIRE_IPC_KEYD_H
#define WIRE_IPC_KEYD_H

/** define KEYD_TICKET_SIZE - a ticket opens one data key once, within KEYD_TICKET_SECONDS */
#define KEYD_TICKET_SIZE    32
#define KEYD_TICKET_SECONDS 30

/** define KEYD_WRAPPED_MAX - largest wrapped data key, in bytes */
#define KEYD_WRAPPED_MAX 256

/** define KEYD_BOX_MAX - largest sealed box, and largest recovery record, in bytes */
#define KEYD_BOX_MAX 1024

/** define KEYD_POINT_SIZE - uncompressed P-256 point (SEC 1, 2.3.3) */
#define KEYD_POINT_SIZE 65

#define KEYD_DATA_KEY_SIZE 32
#define KEYD_ENTROPY_SIZE  32

/**
 * enum keyd_op - operations; tag, errno and sentence are not repeated here
 * @KEYD_STATUS: tag
 * @KEYD_STATUS_IS: u8 &enum keyd_state, u8 &enum keyd_protection, u8 separated (the
 *	peers of this answer and keyd have different uids), u32 pid,
 *	string tcti, string host TPM (manufacturer and firmware, may be empty),
 *	string PCR policy ("sha256:7,14"), blob Name of the storage key (may be empty),
 *	string reason of the state (empty when unlocked)
 * @KEYD_INIT: tag, u32 &enum keyd_init_flags, u32 PCRs of the sha256 bank (bit n: PCR n),
 *	blob recovery public key (KEYD_POINT_SIZE), blob box with the owner password (may
 *	be empty: no password)
 * @KEYD_INIT_DONE: nothing more. errno EEXIST: already initialised; EACCES:
 *	the owner password is wanted, or wrong; ENODEV: no host TPM; EBUSY: the
 *	host TPM is in lockout; EIO: it answers with an error
 * @KEYD_UNLOCK: tag, u32 &enum keyd_unlock_flags, blob box with the host root key (may be
 *	empty, without flags: try again what opens by itself)
 * @KEYD_UNLOCK_DONE: nothing more. errno EKEYREJECTED: not the root key
 * @KEYD_RECOVERY: tag
 * @KEYD_RECOVERY_IS: blob recovery record (seal/recovery.h; empty before
 *	KEYD_INIT), blob session public key
 * @KEYD_NEW_KEY: tag, uuid
 * @KEYD_NEW_KEY_IS: blob wrapped data key, for this uuid alone
 * @KEYD_GRANT: tag, uuid, ticket, blob wrapped data key: an engine that shows this
 *	ticket and uuid may have the key
 * @KEYD_GRANTED: nothing more. errno ENOKEY: locked; EKEYREJECTED: the wrapped key
 *	is not of this host or not of this uuid
 * @KEYD_END: tag: end in order
 * @KEYD_ENDING: nothing more
 * @KEYD_KEY: tag, uuid, ticket
 * @KEYD_KEY_IS: u32 key id, data key (KEYD_DATA_KEY_SIZE), blob entropy of the
 *	host TPM (KEYD_ENTROPY_SIZE; empty: no hardware). errno EACCES: no such ticket
 */
enum keyd_op {
	KEYD_STATUS = 0,
	KEYD_STATUS_IS = 1,
	KEYD_INIT = 2,
	KEYD_INIT_DONE = 3,
	KEYD_UNLOCK = 4,
	KEYD_UNLOCK_DONE = 5,
	KEYD_RECOVERY = 6,
	KEYD_RECOVERY_IS = 7,
	KEYD_NEW_KEY = 8,
	KEYD_NEW_KEY_IS = 9,
	KEYD_GRANT = 10,
	KEYD_GRANTED = 11,
	KEYD_END = 12,
	KEYD_ENDING = 13,
	KEYD_KEY = 14,
	KEYD_KEY_IS = 15,
	_KEYD_OP_MAX,
};

/**
 * enum keyd_state - of the host root key
 * @KEYD_STATE_NONE: `vtpmctl host init` has not been run
 * @KEYD_STATE_LOCKED: it is there, but nothing opened it
 * @KEYD_STATE_UNLOCKED: in keyd's memory
 */
enum keyd_state {
	KEYD_STATE_NONE = 0,
	KEYD_STATE_LOCKED = 1,
	KEYD_STATE_UNLOCKED = 2,
};

/**
 * enum keyd_protection - what protects the host root key at rest
 * @KEYD_PROTECTION_NONE: nothing but file permissions (init --no-hardware)
 * @KEYD_PROTECTION_TPM: sealed to the host TPM
 */
enum keyd_protection {
	KEYD_PROTECTION_NONE = 0,
	KEYD_PROTECTION_TPM = 1,
};

enum keyd_init_flags {
	KEYD_INIT_NO_HARDWARE = 1 << 0,
};

/**
 * enum keyd_unlock_flags - flags of KEYD_UNLOCK
 * @KEYD_UNLOCK_BIND: seal the root key to the host TPM that is here now
 */
enum keyd_unlock_flags {
	KEYD_UNLOCK_BIND = 1 << 0,
};

#endif /* WIRE_IPC_KEYD_H */
