/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel between the manager and one engine.
 *
 * spawn made it and keeps the manager's end: what either side has sent stays in it
 * while a manager is replaced. The engine takes ENGINE_CONFIG first, asks keyd
 * for its data key, starts or resumes, says ENGINE_READY and serves. From then on it
 * looks at the channel only while it waits for a commit's outcome, and after SIGURG.
 *
 * A commit is idempotent by generation: the manager answers one that is already
 * durable, with the same bytes, as it answered it before. After ENGINE_AGAIN an
 * engine sends the commit it waits for once more.
 */
#ifndef WIRE_IPC_ENGINE_H
#define WIRE_IPC_ENGINE_H

/**
 * enum engine_op - operations
 * @ENGINE_CONFIG: uuid, u64 epoch, u64 instance, u32 &enum engine_config_flags, u32 PCR
 *	banks (bit n: TPM_ALG_ID n; 0: as they are), ticket (KEYD_TICKET_SIZE) for
 *	KEYD_KEY, u64 generation of the durable envelope, blob that envelope (empty:
 *	there is none), blob and blob what a container is started from (empty: no
 *	launch), at most ENGINE_EVENT_MAX bytes each, u32 keys that shall get a certificate
 *	(bit n: &enum keyd_cert_kind), and for each of these kinds, in their order, blob one of
 *	a CA of the operator's (empty: none; ENGINE_CERT_MAX at most)
 * @ENGINE_READY: u64 generation of its state, u8 resumed
 * @ENGINE_COMMIT: u64 generation, blob envelope
 * @ENGINE_COMMITTED: u64 generation, u32 errno. 0: durable. EUCLEAN: nobody can
 *	tell. Another: the envelope of before is still the newest one, for certain
 * @ENGINE_AGAIN: nothing: a new manager is here
 * @ENGINE_ENDS: u32 exit status, string reason: last word of an engine that
 *	ends by itself
 * @ENGINE_CERTIFIED: before ENGINE_READY, and behind the commit that made it durable: u64 epoch,
 *	u32 keys that were looked at (bit n: &enum keyd_cert_kind), and for each of them, in
 *	their order, blob public area (TPMT_PUBLIC; empty: there is no such key), u8 &enum
 *	engine_cert_source, blob certificate that is in the TPM now, u64 last second it is
 *	good, string why there is none
 * @ENGINE_FORK: as ENGINE_COMMIT, of a state that came from elsewhere, in the epoch after
 *	that of the commits before; once it is durable, the vTPM is in that one
 * @ENGINE_ATTEST: u32 tag, nonce (LEAF_HASH), u32 PCRs of the sha256 bank, blob SHA-256 of a
 *	TPMS_ATTEST that this engine's client was given (empty: none). Vouch for that one, or
 *	quote these PCRs. One that serves looks when it is sent SIGURG; one at a time
 * @ENGINE_ATTESTED: u32 tag, u32 errno, string a sentence for people; where errno is 0: claim
 *	(LEAF_CLAIM_SIZE), blob attestation key and blob P-256 endorsement key (TPM2B_PUBLIC; the
 *	latter may be empty), blob TPMS_ATTEST and blob TPMT_SIGNATURE (empty where a digest
 *	was given), u32 PCRs, value (32) of each, lowest first. errno ENOENT: this engine knows
 *	no such digest; EHOSTDOWN: the TPM is off, or not started up; ENOTSUP: it has no such
 *	key or no SHA-256 bank; EINVAL: no PCRs; EIO: OpenSSL fails
 * @ENGINE_FREEZE: u8 1: from now on answer only what engine/freeze.h lists, as with
 *	ENGINE_CONFIG_FROZEN; 0: everything again. One that serves looks when it is sent SIGURG
 * @ENGINE_ASKED: u64 id, nonce (LEAF_HASH), blob SHA-256 of a TPMS_ATTEST (empty: none): its
 *	client asked for a proof (VTPM_IOC_ASK), which the manager tells the driver
 */
enum engine_op {
	ENGINE_CONFIG = 0,
	ENGINE_READY = 1,
	ENGINE_COMMITTED = 2,
	ENGINE_COMMIT = 3,
	ENGINE_AGAIN = 4,
	ENGINE_ENDS = 5,
	ENGINE_FORK = 6,
	ENGINE_CERTIFIED = 7,
	ENGINE_ATTEST = 8,
	ENGINE_ATTESTED = 9,
	ENGINE_FREEZE = 10,
	ENGINE_ASKED = 11,
	_ENGINE_OP_MAX,
};

/** define ENGINE_EVENT_MAX - bytes of an event; a TPM hashes 1024 at once (Part 2, 10.4.5) */
#define ENGINE_EVENT_MAX 256

/**
 * enum engine_config_flags - flags of ENGINE_CONFIG
 * @ENGINE_CONFIG_MANUFACTURE: make a new TPM with its endorsement keys if there is
 *	no envelope
 * @ENGINE_CONFIG_FIRMWARE: the client is a machine's firmware
 * @ENGINE_CONFIG_RESEAL: the envelope is of an epoch before this one: open it as that, and
 *	commit its state under this one before anything else
 * @ENGINE_CONFIG_PLAIN_STATE: its state leaves and comes in clear, by the control channel
 * @ENGINE_CONFIG_CERTIFY: keyd may be asked for certificates
 * @ENGINE_CONFIG_SPARE: nobody waits for it: keyd may take its time
 * @ENGINE_CONFIG_FROZEN: begin frozen, see ENGINE_FREEZE
 */
enum engine_config_flags {
	ENGINE_CONFIG_MANUFACTURE = 1 << 0,
	ENGINE_CONFIG_FIRMWARE = 1 << 1,
	ENGINE_CONFIG_RESEAL = 1 << 2,
	ENGINE_CONFIG_PLAIN_STATE = 1 << 3,
	ENGINE_CONFIG_CERTIFY = 1 << 4,
	ENGINE_CONFIG_SPARE = 1 << 5,
	ENGINE_CONFIG_FROZEN = 1 << 6,
};

/** define ENGINE_CERT_MAX - largest certificate that an NV index of libtpms holds, in bytes */
#define ENGINE_CERT_MAX 2048

/**
 * enum engine_cert_source - whose certificate it is
 * @ENGINE_CERT_NONE: there is no new one
 * @ENGINE_CERT_HOST: keyd's
 * @ENGINE_CERT_OWN: the one that the manager brought
 * @ENGINE_CERT_LOST: none, and the one before is not there any more either
 */
enum engine_cert_source {
	ENGINE_CERT_NONE = 0,
	ENGINE_CERT_HOST = 1,
	ENGINE_CERT_OWN = 2,
	ENGINE_CERT_LOST = 3,
	_ENGINE_CERT_SOURCE_MAX,
};

#endif /* WIRE_IPC_ENGINE_H */
