/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vtpm-keyd is asked, at RUNTIME_DIR/keyd.sock.
 *
 * Two kinds of peers, told apart by SO_PEERCRED and by what they ask first: the
 * manager (all but KEYD_KEY), and engines (KEYD_KEY, once, and nothing before it). A
 * connection that KEYD_KEY was answered on is bound to the uuid and the epoch of its
 * KEYD_GRANT; what an engine asks after that is about this vTPM and no other.
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

#include <stdint.h>

/** define KEYD_TICKET_SIZE - a ticket opens one data key once, within KEYD_TICKET_SECONDS */
#define KEYD_TICKET_SIZE    32
#define KEYD_TICKET_SECONDS 30

/** define KEYD_WRAPPED_MAX - largest wrapped data key, in bytes */
#define KEYD_WRAPPED_MAX 256

/** define KEYD_BOX_MAX - largest sealed box, and largest recovery record, in bytes */
#define KEYD_BOX_MAX 1024

/** define KEYD_POINT_SIZE - uncompressed P-256 point (SEC 1, 2.3.3) */
#define KEYD_POINT_SIZE 65

/** define KEYD_CERTIFICATE_MAX - largest certificate of the host TPM, in bytes */
#define KEYD_CERTIFICATE_MAX 3072

/** define KEYD_CREDENTIAL_MAX - largest half of a credential, in bytes */
#define KEYD_CREDENTIAL_MAX 1024

/** define KEYD_PUBLIC_MAX - largest public area of a key to be certified, in bytes */
#define KEYD_PUBLIC_MAX 1024

/** define KEYD_CHAIN_MAX - largest chain of the host's CA, DER one behind the other, in bytes */
#define KEYD_CHAIN_MAX 8192

/** define KEYD_CA_NAME_MAX - longest name of a host in its CA's certificate, and its ending NUL */
#define KEYD_CA_NAME_MAX 65

/** define KEYD_CA_NONCE - nonce of an enrolment */
#define KEYD_CA_NONCE 32

/** define KEYD_MOVE_DAYS - how long the certificate of a key for moves is good */
#define KEYD_MOVE_DAYS 30

/** define KEYD_VERDICT_MAX - largest verdict that the fleet's CA signed, in bytes */
#define KEYD_VERDICT_MAX 2048

/** define KEYD_SIGNATURE_MAX - largest signature of it, in bytes */
#define KEYD_SIGNATURE_MAX 128

/** define KEYD_ISSUED_RECORD - record of a certificate that was issued (keyd/issued.h) */
#define KEYD_ISSUED_RECORD 56

/** define KEYD_ISSUED_MOST - records in one answer */
#define KEYD_ISSUED_MOST 128

/** define KEYD_SERIAL_SIZE - serial number of a certificate that keyd issues */
#define KEYD_SERIAL_SIZE 16

/** define KEYD_HOST_ID_SIZE - a host's id at its verifier, a UUID as text, without a NUL */
#define KEYD_HOST_ID_SIZE 36

#define KEYD_DATA_KEY_SIZE 32
#define KEYD_ENTROPY_SIZE  32

/** define KEYD_BLOCK_MAX - largest root block, in bytes */
#define KEYD_BLOCK_MAX 256

/** define KEYD_ROOT_SIZE - root of the tree over all vTPMs of the store */
#define KEYD_ROOT_SIZE 32

/** define KEYD_EMPTY_ROOT - root of the tree of a store without vTPMs */
#define KEYD_EMPTY_ROOT ((const uint8_t[KEYD_ROOT_SIZE]){ 0 })

/**
 * enum keyd_op - operations; tag, errno and sentence are not repeated here
 * @KEYD_STATUS: tag
 * @KEYD_STATUS_IS: u8 &enum keyd_state, u8 &enum keyd_protection, u8 separated (the
 *	peers of this answer and keyd have different uids), u32 pid,
 *	string tcti, string host TPM (manufacturer and firmware, may be empty),
 *	string PCR policy ("sha256:7,14"), blob Name of the storage key (may be empty),
 *	string reason of the state (empty when unlocked),
 *	u8 &enum keyd_rollback, u8 &enum keyd_verdict, u64 counter value (0: not read yet),
 *	u32 seconds of the window (0: not protected), u8 engines get a migration key,
 *	u8 &enum keyd_share
 * @KEYD_INIT: tag, u32 &enum keyd_init_flags, u32 PCRs of the sha256 bank (bit n: PCR n),
 *	blob recovery public key (KEYD_POINT_SIZE), blob box with the owner password (may
 *	be empty: no password), u8 &enum keyd_rollback (without hardware LAZY means OFF),
 *	u32 seconds of the window (0: 600; 60 to 86400), blob plan key (KEYD_POINT_SIZE;
 *	empty: no other configuration can be approved)
 * @KEYD_INIT_DONE: nothing more. errno EEXIST: already initialised; EINVAL: what is
 *	wished does not exist; EACCES: the owner password is wanted, or wrong; ENOSPC: the
 *	host TPM has no room for a counter; ENODEV: no host TPM; EBUSY: the
 *	host TPM is in lockout; EIO: it answers with an error
 * @KEYD_UNLOCK: tag, u32 &enum keyd_unlock_flags, blob box with the host root key (may be
 *	empty, without flags: try again what opens by itself), blob plan key (KEYD_POINT_SIZE;
 *	empty: as it was), blob box with the owner password (may be empty). Both are for binding
 * @KEYD_UNLOCK_DONE: nothing more. errno EKEYREJECTED: not the root key; EACCES: the owner
 *	password is wanted, or wrong; EINPROGRESS: the verifier's share is missing; EINVAL:
 *	KEYD_UNLOCK_BIND would end what binds it to a verifier, but it is unlocked
 * @KEYD_RECOVERY: tag
 * @KEYD_RECOVERY_IS: blob recovery record (seal/recovery.h; empty before
 *	KEYD_INIT), blob session public key
 * @KEYD_NEW_KEY: tag, uuid, u32 &enum keyd_key_flags
 * @KEYD_NEW_KEY_IS: blob wrapped data key, for this uuid and with these flags alone. errno ENOKEY,
 *	ESTALE as below; EINVAL: a flag that is not known
 * @KEYD_GRANT: tag, uuid, ticket, u64 epoch, blob wrapped data key: an engine that shows
 *	this ticket and uuid may have the key, and is in this epoch
 * @KEYD_GRANTED: nothing more. errno ENOKEY: locked; ESTALE: the store has not been
 *	witnessed as the newest (KEYD_WITNESS); EKEYREJECTED: the wrapped key
 *	is not of this host or not of this uuid
 * @KEYD_END: tag: end in order
 * @KEYD_ENDING: nothing more
 * @KEYD_KEY: tag, uuid, ticket
 * @KEYD_KEY_IS: u32 key id, u32 &enum keyd_key_flags, data key (KEYD_DATA_KEY_SIZE), blob
 *	entropy of the host TPM (KEYD_ENTROPY_SIZE; empty: no hardware), blob migration key
 *	(KEYD_DATA_KEY_SIZE; empty: this host has none), key of its claims (LEAF_KEY_SIZE).
 *	errno EACCES: no such ticket
 * @KEYD_WITNESS: tag, blob root block (KEYD_BLOCK_MAX at most; empty: the store has none),
 *	root of the store: is this store the newest? A block one ahead of the counter is
 *	one whose KEYD_ANCHOR was lost: that is done now
 * @KEYD_WITNESS_IS: u8 &enum keyd_verdict, u64 counter value in the block (0: none), u64
 *	counter value of the host TPM (0: none). errno ENOKEY: locked; ENODEV, EBUSY, EIO:
 *	of the host TPM, whose counter was not read before in this run
 * @KEYD_SEAL_ROOT: tag, u8 ahead (1: for the counter value that the next KEYD_ANCHOR
 *	makes; 0: for the one that is), root
 * @KEYD_SEALED_ROOT: blob root block (empty: this host is unprotected). errno ESTALE: the
 *	store has not been witnessed as the newest; ENOKEY: locked
 * @KEYD_ANCHOR: tag: the block sealed ahead is durable, count
 * @KEYD_ANCHORED: u64 counter value. errno EINVAL: the last block was not sealed ahead, or was
 *	anchored already; ESTALE, ENOKEY as above; ENODEV, EBUSY, EIO, ENXIO (the counter is
 *	gone): of the host TPM; the store stays the newest, what is sealed meanwhile is as
 *	good before the count as after it, and KEYD_ANCHOR can be tried again
 * @KEYD_ACCEPT: tag, u32 &enum keyd_accept_flags, blob box with the host root key, blob box
 *	with the owner password (may be empty: no password), root of the store: take it for the
 *	newest whatever the verdict
 * @KEYD_ACCEPTED: blob root block, sealed ahead: store it, then KEYD_ANCHOR. errno EINVAL:
 *	no flag, or this host is unprotected; ENOKEY: locked; EKEYREJECTED: not the
 *	root key; EACCES: the owner password is wanted, or wrong; ENOSPC: the host TPM has no
 *	room for a counter; ENODEV, EBUSY, EIO: of the host TPM
 * @KEYD_MIGRATION: tag, blob box with the migration key (KEYD_DATA_KEY_SIZE in it): engines
 *	that start from now on get it, and seal with it what leaves for another host
 * @KEYD_MIGRATION_SET: nothing more. errno EKEYREJECTED: no such box; ENOKEY, ESTALE as
 *	above; another: of the file it is kept in, wrapped
 * @KEYD_ROLLBACK: tag, blob box with the host root key, u8 &enum keyd_rollback, u32 seconds
 *	of the window (0: as it is; 60 to 86400): another mode from now on, LAZY or STRICT. The
 *	store has to be asked about again (KEYD_WITNESS), for the archive to learn the mode
 * @KEYD_ROLLBACK_SET: nothing more. errno EINVAL: no such mode or window, OFF, or this host is
 *	unprotected; EKEYREJECTED: not the root key; ENOKEY, ESTALE as above; ENOENT,
 *	EBADMSG, another: of keys/anchor and keys/slots
 * @KEYD_HOST_AK: tag: who is this host? The attestation key is made where there is none
 * @KEYD_HOST_AK_IS: blob attestation key (TPM2B_PUBLIC), blob its Name, blob endorsement key
 *	(TPM2B_PUBLIC). errno ENOKEY: locked; ENODEV: there is no host TPM, or none protects
 *	this host; EBADMSG, EPROTONOSUPPORT: the file that keeps the key is not usable; EACCES:
 *	the endorsement hierarchy has a password; EBUSY, EIO: of the host TPM
 * @KEYD_CERTIFICATE: tag, u32 NV index of the certificate before (0: the first)
 * @KEYD_CERTIFICATE_IS: u32 NV index (0: there is no more), blob what is there. errno
 *	EFBIG: larger than KEYD_CERTIFICATE_MAX; ENODEV, EACCES, EBUSY, EIO as above
 * @KEYD_HOST_QUOTE: tag, u8 &enum host_quote_purpose, nonce (HOST_QUOTE_NONCE), u32 PCRs of
 *	the sha256 bank. HOST_QUOTE_DEEP is for KEYD_DEEP alone; HOST_QUOTE_SHARE names the
 *	session key of KEYD_RECOVERY
 * @KEYD_HOST_QUOTE_IS: blob frame (wire/host_quote.h), blob TPMS_ATTEST, blob
 *	TPMT_SIGNATURE, u32 PCRs, value (32) of each, lowest first. errno EINVAL: no PCRs, or
 *	another purpose; EAGAIN: PCRs change too fast; as for KEYD_HOST_AK_IS
 * @KEYD_ACTIVATE: tag, blob TPM2B_ID_OBJECT, blob TPM2B_ENCRYPTED_SECRET: open a credential
 * @KEYD_ACTIVATED: blob what it holds. errno EINVAL: no credential, or not for this
 *	TPM and its attestation key; as for KEYD_HOST_AK_IS
 * @KEYD_DEEP: tag, blob claim of an engine (wire/leaf.h), whoever carries it: let a quote of the
 *	host be about it. One quote is for all claims of a window, so the answer takes a while
 * @KEYD_DEEP_IS: blob leaf (wire/leaf.h), u32 its index, u32 leaves in all, blob proof
 *	(wire/batch.h), and then as KEYD_HOST_QUOTE_IS, of all PCRs. errno EACCES: no engine
 *	of this host claimed that in this boot; EBUSY: too many wait, of this vTPM or in
 *	all; as for KEYD_HOST_QUOTE_IS
 * @KEYD_CERTIFY: tag, u8 &enum keyd_cert_kind, blob public area (TPMT_PUBLIC): an engine
 *	wants a certificate of a key of its TPM
 * @KEYD_CERTIFIED: u8 &enum keyd_cert_state; then where it is ISSUED: serial
 *	(KEYD_SERIAL_SIZE), blob certificate (DER); where it is PENDING: u32 milliseconds
 *	until it is worth asking again. errno EINVAL: no public area of a key of
 *	this kind; ENOKEY: locked; EPERM: the host TPM's PCRs changed; ETIME: a certificate of
 *	the CA's chain is out of date; EBUSY, EIO, ENODEV: of the host TPM; another: of the
 *	files in keys/
 * @KEYD_HOST_CA: tag: what is the host's CA?
 * @KEYD_HOST_CA_IS: blob its key (TPM2B_PUBLIC; empty: there is none, or it is of a
 *	configuration that the host was in before), blob its chain (KEYD_CHAIN_MAX, DER one
 *	behind the other; empty: nobody certified this key yet), u64 certificates it issued.
 *	errno ENOKEY, ENODEV, EBADMSG, EPROTONOSUPPORT as for KEYD_HOST_AK_IS
 * @KEYD_CA_INIT: tag, u32 &enum keyd_ca_flags, string name of the host
 *	(KEYD_CA_NAME_MAX): have a key; where there is none of this configuration it is made
 * @KEYD_CA_INIT_DONE: blob request for a certificate (PKCS #10, DER). errno EEXIST: there is
 *	a chain already, for who wants another one without KEYD_CA_NEW; EINVAL: no name, or
 *	a flag that is not known; as for KEYD_CERTIFIED
 * @KEYD_CA_PROVE: tag, nonce (KEYD_CA_NONCE): have the attestation key certify the CA's key,
 *	which is made where there is none
 * @KEYD_CA_PROOF: blob the CA's key (TPM2B_PUBLIC), blob storage key (TPM2B_PUBLIC), blob
 *	TPMS_ATTEST, blob TPMT_SIGNATURE. extraData is the SHA-256 of KEYD_CA_WORDS (no NUL)
 *	and the nonce. errno as for KEYD_HOST_AK_IS
 * @KEYD_CA_IMPORT: tag, blob chain (DER one behind the other, or PEM), the certificate of the
 *	CA's key first
 * @KEYD_CA_IMPORTED: nothing more. errno ENOENT: there is no key; EBADMSG: no certificates;
 *	EKEYREJECTED: of another key; EPERM: one may not certify what it has to; EBADE: one is
 *	not signed by the next; ETIME: one is out of date; another: of the file
 * @KEYD_ISSUED: tag, u64 first record wanted
 * @KEYD_ISSUED_IS: u64 records in all, blob records (KEYD_ISSUED_RECORD each, at most
 *	KEYD_ISSUED_MOST). errno of the file
 * @KEYD_SHARE: tag, blob TPM2B_ID_OBJECT, blob TPM2B_ENCRYPTED_SECRET, blob box (seal/release.h):
 *	the verifier's share
 * @KEYD_SHARE_DONE: nothing more. errno EINVAL: this host is bound to no verifier, or the
 *	credential is not for its TPM and attestation key; ESTALE: the box is not for this run of
 *	vtpm-keyd; EKEYREJECTED: it is another share; EPERM: the PCRs changed; EBADMSG, EBUSY, EIO,
 *	ENODEV as above
 * @KEYD_BIND: tag, blob box with the host root key, string id of the host at the verifier (empty:
 *	be bound to none), blobs as of KEYD_SHARE (empty, where the id is)
 * @KEYD_BIND_DONE: nothing more. errno EINVAL: that is no id, or it is bound to no verifier;
 *	EKEYREJECTED: not the root key; as of KEYD_SHARE; EACCES, ENOSPC as of KEYD_INIT
 * @KEYD_PLANS: tag: which configurations open the host root key?
 * @KEYD_PLANS_ARE: u8 &enum keyd_opened, u64 sequence of the plan that opened it (0: none did),
 *	blob plan key, u32 handle of the plan counter, u64 its value, u64 sequence of the
 *	configuration that needs no plan, u32 PCRs, value (32) of each as it is now, lowest
 *	first, u32 plans, of each: u64 sequence, u64 made, u64 expires (seconds of the wall
 *	clock; 0: never), string label; u64 seconds of the wall clock when the recovery code
 *	last opened the host (0: not known). errno ENOTSUP: it was sealed without a plan key, or
 *	not by a TPM; ENXIO: the counter is gone; ENODEV, EBUSY, EIO: of the host TPM; another:
 *	of keys/plans
 * @KEYD_PLAN_ADD: tag, blob plan (seal/plan.h)
 * @KEYD_PLAN_ADDED: nothing more. errno EBADMSG: no plan; EKEYREJECTED: not by this host's
 *	plan key; EINVAL: other PCRs, not the next sequence, or expired; ENOSPC: there are
 *	too many; as for KEYD_PLANS_ARE
 * @KEYD_PLAN_RETIRE: tag, u64 sequence up to which the TPM shall refuse (0: up to that of the
 *	plan that runs); what runs now is sealed for what comes after it
 * @KEYD_PLAN_RETIRED: nothing more. errno EINVAL: there is no such sequence; EPERM: what runs
 *	was not opened by the TPM; ENOKEY: locked; as for KEYD_PLANS_ARE
 * @KEYD_MOVE_KEY: tag: which key are vTPMs sent to this host under? It is made where there is none
 * @KEYD_MOVE_KEY_IS: blob chain (KEYD_CHAIN_MAX, DER one behind the other): its certificate, new
 *	each time and good for KEYD_MOVE_DAYS, that of the host's CA, and those above it. errno
 *	ENOENT: the host has no CA with a certificate; ESTALE, ENOKEY as above; as for
 *	KEYD_CERTIFIED
 * @KEYD_MOVE_SEAL: tag, blob chain of another host's key (KEYD_CHAIN_MAX, DER or PEM), string name
 *	of that host at the fleet's CA (empty: whatever the chain says), blob verdict about it
 *	(KEYD_VERDICT_MAX), blob the fleet's signature of that (KEYD_SIGNATURE_MAX), u8 look
 *	(1: it ends here, this is only asked), uuid, u64 epoch that the vTPM has there, u64
 *	generation, SHA-256 of its envelope (32), string name, u8 front end, u32 PCR banks, u8
 *	&enum keyd_key_flags, u64 when it was made, blob wrapped data key: have that key sealed to
 *	the other host
 * @KEYD_MOVE_SEALED: string name of the other host, blob head of a package (wire/package.h; empty:
 *	this was only asked). errno ENOENT: as above; EXDEV: it is no host of this fleet; EPERM:
 *	its key is not for this, or the verdict does not say that it has passed; ETIME: a
 *	certificate or the verdict is out of date; EBADE: a certificate is not signed by the next;
 *	EBADMSG: no chain, or no verdict; EACCES: no verdict of this fleet, or of another host;
 *	EEXIST: it is this host; EINVAL: this host is not protected against older copies of its
 *	store, or the parts do not fit together; EKEYREJECTED: the data key is not of this host;
 *	ESTALE, ENOKEY as above; as for KEYD_CERTIFIED
 * @KEYD_MOVE_OPEN: tag, u8 look, blob head of a package: have the data key of a vTPM that was
 *	sent here
 * @KEYD_MOVE_OPENED: string name of the host it comes from, blob wrapped data key (empty: this was
 *	only asked). errno EBADMSG: no package, or changed on its way; EKEYREJECTED: it was not
 *	signed by the host it says; EXDEV, EPERM, ETIME, EBADE as above, of that host; EACCES:
 *	it was sent to another host, or under a key that this one has no more; EINVAL, ENOENT,
 *	ESTALE, ENOKEY as above; EBUSY, EIO, ENODEV: of the host TPM
 * @KEYD_HOST_BOOT: tag: which boot of this host's TPM is this?
 * @KEYD_HOST_BOOT_IS: blob Name of the attestation key, u64 clock of the TPM in milliseconds,
 *	u32 resets, u32 restarts, as a quote by that key has them. errno as for
 *	KEYD_HOST_QUOTE_IS
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
	KEYD_WITNESS = 16,
	KEYD_WITNESS_IS = 17,
	KEYD_SEAL_ROOT = 18,
	KEYD_SEALED_ROOT = 19,
	KEYD_ANCHOR = 20,
	KEYD_ANCHORED = 21,
	KEYD_ACCEPT = 22,
	KEYD_ACCEPTED = 23,
	KEYD_MIGRATION = 24,
	KEYD_MIGRATION_SET = 25,
	KEYD_ROLLBACK = 26,
	KEYD_ROLLBACK_SET = 27,
	KEYD_HOST_AK = 28,
	KEYD_HOST_AK_IS = 29,
	KEYD_CERTIFICATE = 30,
	KEYD_CERTIFICATE_IS = 31,
	KEYD_HOST_QUOTE = 32,
	KEYD_HOST_QUOTE_IS = 33,
	KEYD_ACTIVATE = 34,
	KEYD_ACTIVATED = 35,
	KEYD_DEEP = 36,
	KEYD_DEEP_IS = 37,
	KEYD_CERTIFY = 38,
	KEYD_CERTIFIED = 39,
	KEYD_HOST_CA = 40,
	KEYD_HOST_CA_IS = 41,
	KEYD_CA_INIT = 42,
	KEYD_CA_INIT_DONE = 43,
	KEYD_CA_PROVE = 44,
	KEYD_CA_PROOF = 45,
	KEYD_CA_IMPORT = 46,
	KEYD_CA_IMPORTED = 47,
	KEYD_ISSUED = 48,
	KEYD_ISSUED_IS = 49,
	KEYD_PLANS = 50,
	KEYD_PLANS_ARE = 51,
	KEYD_PLAN_ADD = 52,
	KEYD_PLAN_ADDED = 53,
	KEYD_PLAN_RETIRE = 54,
	KEYD_PLAN_RETIRED = 55,
	KEYD_MOVE_KEY = 56,
	KEYD_MOVE_KEY_IS = 57,
	KEYD_MOVE_SEAL = 58,
	KEYD_MOVE_SEALED = 59,
	KEYD_MOVE_OPEN = 60,
	KEYD_MOVE_OPENED = 61,
	KEYD_SHARE = 62,
	KEYD_SHARE_DONE = 63,
	KEYD_BIND = 64,
	KEYD_BIND_DONE = 65,
	KEYD_HOST_BOOT = 66,
	KEYD_HOST_BOOT_IS = 67,
	_KEYD_OP_MAX,
};

/**
 * enum keyd_key_flags - what comes with a data key from its making on
 * @KEYD_KEY_PLAIN: the vTPM's state may leave and come in clear
 */
enum keyd_key_flags {
	KEYD_KEY_PLAIN = 1 << 0,
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

/**
 * enum keyd_share - does a verifier have a share of the host root key?
 * @KEYD_SHARE_NONE: no: the host TPM opens it alone, or a person
 * @KEYD_SHARE_BOUND: yes
 * @KEYD_SHARE_WAITED_FOR: yes, and that share is missing; the host TPM did its part
 */
enum keyd_share {
	KEYD_SHARE_NONE = 0,
	KEYD_SHARE_BOUND = 1,
	KEYD_SHARE_WAITED_FOR = 2,
	_KEYD_SHARE_MAX,
};

/**
 * enum keyd_opened - how the host root key was opened
 * @KEYD_OPENED_OTHERWISE: by a person, or not at all
 * @KEYD_OPENED_SLOT: by the TPM, in the configuration that needs no plan
 * @KEYD_OPENED_PLAN: by the TPM, in one that a plan approved
 */
enum keyd_opened {
	KEYD_OPENED_OTHERWISE = 0,
	KEYD_OPENED_SLOT = 1,
	KEYD_OPENED_PLAN = 2,
	_KEYD_OPENED_MAX,
};

/** define KEYD_PLANS_MAX - plans of a host at a time */
#define KEYD_PLANS_MAX 8

/** define KEYD_PLAN_MAX - largest plan, in bytes */
#define KEYD_PLAN_MAX 1024

/** define KEYD_LABEL_MAX - longest label of a plan */
#define KEYD_LABEL_MAX 63

enum keyd_init_flags {
	KEYD_INIT_NO_HARDWARE = 1 << 0,
};

/**
 * enum keyd_unlock_flags - flags of KEYD_UNLOCK
 * @KEYD_UNLOCK_BIND: seal the root key to the host TPM that is here now
 * @KEYD_UNLOCK_NEW_PLAN_KEY: by the plan key that is shown, also where there is another one;
 *	plans of that are worth nothing then
 */
enum keyd_unlock_flags {
	KEYD_UNLOCK_BIND = 1 << 0,
	KEYD_UNLOCK_NEW_PLAN_KEY = 1 << 1,
};

/**
 * enum keyd_rollback - how the store is protected against an older copy of itself
 * @KEYD_ROLLBACK_OFF: not at all
 * @KEYD_ROLLBACK_LAZY: a copy older than the window is found out
 * @KEYD_ROLLBACK_STRICT: any older copy is
 */
enum keyd_rollback {
	KEYD_ROLLBACK_OFF = 0,
	KEYD_ROLLBACK_LAZY = 1,
	KEYD_ROLLBACK_STRICT = 2,
	_KEYD_ROLLBACK_MAX,
};

/**
 * enum keyd_verdict - what keyd finds about a store; it holds until keyd ends
 * @KEYD_VERDICT_UNPROTECTED: this host has no counter: initialised without hardware, or
 *	with KEYD_ROLLBACK_OFF
 * @KEYD_VERDICT_NEWEST: it is; also one without vTPMs and without a block
 * @KEYD_VERDICT_OLD: its block is below the counter
 * @KEYD_VERDICT_AHEAD: its block is above the counter by more than one: the counter was
 *	replaced, or its TPM reset
 * @KEYD_VERDICT_DIFFERENT: its block opens, but is over another root
 * @KEYD_VERDICT_FOREIGN: there is no block although there are vTPMs, or it does not open
 * @KEYD_VERDICT_MISSING: the counter is not in this TPM, or another one is in its place:
 *	another host, or it was removed
 * @KEYD_VERDICT_UNASKED: nobody asked since keyd began; in a status only
 */
enum keyd_verdict {
	KEYD_VERDICT_UNPROTECTED = 0,
	KEYD_VERDICT_NEWEST = 1,
	KEYD_VERDICT_OLD = 2,
	KEYD_VERDICT_AHEAD = 3,
	KEYD_VERDICT_DIFFERENT = 4,
	KEYD_VERDICT_FOREIGN = 5,
	KEYD_VERDICT_MISSING = 6,
	KEYD_VERDICT_UNASKED = 7,
	_KEYD_VERDICT_MAX,
};

/**
 * enum keyd_accept_flags - flags of KEYD_ACCEPT, one at least
 * @KEYD_ACCEPT_ROLLBACK: the store is an older one, and shall be used all the same
 * @KEYD_ACCEPT_MOVE: host TPM or counter is another one; where the counter is missing,
 *	either flag makes one
 */
enum keyd_accept_flags {
	KEYD_ACCEPT_ROLLBACK = 1 << 0,
	KEYD_ACCEPT_MOVE = 1 << 1,
};

/** define KEYD_CA_WORDS - what extraData of KEYD_CA_PROOF is made of begins with */
#define KEYD_CA_WORDS "vtpm-host-ca-v1"

/**
 * enum keyd_ca_flags - flags of KEYD_CA_INIT
 * @KEYD_CA_SELF_SIGNED: it stands below nobody: the chain is its own certificate
 * @KEYD_CA_NEW: make a key though there is one; what that one signed stays good
 */
enum keyd_ca_flags {
	KEYD_CA_SELF_SIGNED = 1 << 0,
	KEYD_CA_NEW = 1 << 1,
};

/**
 * enum keyd_cert_kind - what a key of a vTPM is for
 * @KEYD_CERT_EK_RSA_2048: endorsement key, template L-1 (EK Credential Profile, B.3.3)
 * @KEYD_CERT_EK_P256: endorsement key, template L-2 (B.3.4)
 * @KEYD_CERT_EK_P384: endorsement key, template H-3 (B.4.6)
 * @KEYD_CERT_IAK: initial attestation key, P-256
 */
enum keyd_cert_kind {
	KEYD_CERT_EK_RSA_2048 = 1,
	KEYD_CERT_EK_P256 = 2,
	KEYD_CERT_EK_P384 = 3,
	KEYD_CERT_IAK = 4,
	_KEYD_CERT_KIND_MAX,
};

/**
 * enum keyd_cert_state - what became of a wish for a certificate
 * @KEYD_CERT_ISSUED: here it is
 * @KEYD_CERT_NO_CA: the host has no CA yet: neither `vtpmctl host enrol` nor `vtpmctl ca init`
 * @KEYD_CERT_PENDING: the host TPM has done enough of this for the moment
 */
enum keyd_cert_state {
	KEYD_CERT_ISSUED = 0,
	KEYD_CERT_NO_CA = 1,
	KEYD_CERT_PENDING = 2,
};

#endif /* WIRE_IPC_KEYD_H */
