/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host TPM: one connection, one storage key, and sessions that trust no wire.
 *
 *	connect	 host_open()	before the sandbox; sends nothing of ours
 *	identify host_adopt()	the storage key at 0x81000001 must have the Name that was
 *				pinned at init; it is hashed from the public area that
 *				the sessions will be salted with, not taken from the TPM
 *	use	 host_random(), host_pcrs(), host_seal(), host_unseal()
 *
 * Each session is made for one operation, salted to the storage key and flushed
 * on every way out, as are objects. Secrets cross the wire encrypted by AES-128-CFB, in both
 * directions where a command has secrets in both; what is read in clear and matters,
 * the PCRs at init, comes under the HMAC of an audit session.
 *
 * Who pins nothing trusts the TPM once: host_provision(), at init and at bind. A
 * response code is turned into an errno and a sentence in this room and goes no further.
 * Commands block until the TPM answers.
 */
#ifndef SEAL_HOST_H
#define SEAL_HOST_H

#include <stdbool.h>
#include <tss2/tss2_esys.h>

#include "seal/crypto.h"
#include "seal/reason.h"

/** define HOST_STORAGE_KEY - its handle (TCG TPM v2.0 Provisioning Guidance, 7.8, SRK) */
#define HOST_STORAGE_KEY 0x81000001

/** define HOST_PCRS - PCRs of a PC Client TPM (PC Client Platform TPM Profile, 4.6) */
#define HOST_PCRS 24

/** define HOST_PASSWORD_MAX - longest owner password, in bytes: the largest digest (Part 2, 10.4.5)
 */
#define HOST_PASSWORD_MAX 64

/**
 * struct host - a connection to the host TPM
 * @tcti: how, as TSS names it ("device:/dev/tpmrm0")
 * @context: of the TCTI
 * @esys: of ESYS
 * @fd: what it reads and writes, for the sandbox; -1 unknown
 * @connects: it makes a connection to a Unix socket for each command
 * @storage: storage key, ESYS_TR_NONE until adopted
 * @name: its Name
 * @password: the owner password is set
 * @about: maker and firmware, for the operator
 * @gone: the wire broke; nothing is sent any more
 * @epoch: grows with each new ESYS context; handles of an earlier one are void
 * @recovering: one is being made
 */
struct host {
	const char *tcti;
	TSS2_TCTI_CONTEXT *context;
	ESYS_CONTEXT *esys;
	int fd;
	bool connects;
	ESYS_TR storage;
	TPM2B_NAME name;
	bool password;
	char about[64];
	bool gone;
	unsigned int epoch;
	bool recovering;
};

/**
 * struct host_sealed - something below the storage key, kept outside of the TPM
 * @public: its public area
 * @private: it, encrypted by the TPM
 */
struct host_sealed {
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;
};

/**
 * struct host_pcrs - PCRs of the SHA-256 bank
 * @mask: bit n: PCR n
 * @value: of those in @mask, at their own place
 */
struct host_pcrs {
	uint32_t mask;
	uint8_t value[HOST_PCRS][SEAL_HASH_SIZE];
};

/**
 * host_open() - connect
 * @tcti: as in TPM2TOOLS_TCTI; kept, not copied
 * @ret: set in any case; the caller ends it with host_done()
 *
 * Return: 0; -ENODEV (there is no TPM), with a reason.
 */
int host_open(const char *tcti, struct host *ret, struct reason *reason);

/** host_done() - disconnect; one that was never connected is fine */
void host_done(struct host *host);

/**
 * host_adopt() - have the storage key for what follows
 * @name: the Name it must have
 *
 * Return: 0; -ENODEV (no TPM, or it is gone); -ENXIO (another TPM, or its storage key was
 * replaced or removed); -EBUSY (lockout); -EIO (the TPM answers with an error).
 */
int host_adopt(struct host *host, const TPM2B_NAME *name, struct reason *reason);

/**
 * host_provision() - have the storage key that is there, or make one
 * @password: of the owner hierarchy, may be empty; needed to make one only
 *
 * Return: as host_adopt() but -ENXIO; -EACCES (the owner password is wanted, or wrong).
 */
int host_provision(struct host *host, struct seal_bytes password, struct reason *reason);

/**
 * host_random() - random bytes of the TPM, through an encrypted session
 * @to: room for @count times SEAL_KEY_SIZE bytes
 *
 * Return: 0; -ENODEV (no storage key adopted included); -EBUSY; -EIO.
 */
int host_random(struct host *host, uint8_t (*to)[SEAL_KEY_SIZE], size_t count,
		struct reason *reason);

/**
 * host_read_pcrs() - read PCRs under the HMAC of an audit session
 * @mask: which, below HOST_PCRS
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO (also: no SHA-256 bank).
 */
int host_read_pcrs(struct host *host, uint32_t mask, struct host_pcrs *ret, struct reason *reason);

/**
 * host_seal() - seal a key to the storage key and to PCRs
 * @pcrs: what they must be
 * @secret: key
 * @ret: set on success
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO.
 */
int host_seal(struct host *host, const struct host_pcrs *pcrs, const uint8_t secret[SEAL_KEY_SIZE],
	      struct host_sealed *ret, struct reason *reason);

/**
 * host_unseal() - the reverse
 * @pcrs: what they were at host_seal(), to say which differ
 * @ret_secret: key; the caller wipes it
 *
 * Return: 0; -EPERM (PCRs differ); -ENODEV; -EBUSY; -EIO (also: not sealed by this TPM).
 */
int host_unseal(struct host *host, const struct host_sealed *sealed, const struct host_pcrs *pcrs,
		uint8_t ret_secret[SEAL_KEY_SIZE], struct reason *reason);

/**
 * host_pcr_text() - "7,14"
 * @room: of @to; 64 bytes hold all
 */
void host_pcr_text(uint32_t mask, char *to, size_t room);

/* Between the files host*.c. */

/**
 * struct host_handle - a session or transient object, for _cleanup_
 * @host: where
 * @tr: it, ESYS_TR_NONE for none
 * @epoch: of @host when it was made
 */
struct host_handle {
	struct host *host;
	ESYS_TR tr;
	unsigned int epoch;
};

#define HOST_HANDLE(h)                                               \
	{                                                            \
		.host = (h), .tr = ESYS_TR_NONE, .epoch = (h)->epoch \
	}

/** host_flush() - flush it from the TPM */
void host_flush(struct host_handle *handle);

/** host_close() - forget it, for persistent objects */
void host_close(struct host_handle *handle);

/** host_reachable() - is there a TPM to talk to? Return: 0; -ENODEV */
int host_reachable(const struct host *host, struct reason *reason);

/**
 * host_set_password() - authorize as the owner in what follows
 * @password: may be empty
 *
 * Return: 0; -EACCES (no owner password is that long).
 */
int host_set_password(struct host *host, struct seal_bytes password, struct reason *reason);

/** host_forget_password() - wipe the owner password out of ESYS */
void host_forget_password(struct host *host);

/** host_make_room() - flush what dead processes left, where it is in our way */
void host_make_room(struct host *host);

/**
 * host_recover() - begin anew after an answer that ESYS did not believe
 *
 * ESYS refuses everything after such an answer, to flush what is loaded included. So
 * it gets a new context, what is loaded is flushed, and the storage key adopted again by
 * the Name it had. Handles held by whoever was in the middle of something are void.
 */
void host_recover(struct host *host);

/**
 * host_session() - a session salted to a key
 * @salt: the key
 * @type: HMAC or policy
 * @attributes: besides continueSession
 *
 * Return: as host_failed().
 */
int host_session(struct host *host, ESYS_TR salt, TPM2_SE type, TPMA_SESSION attributes,
		 struct host_handle *ret, struct reason *reason);

/**
 * host_seal_under() - seal a key to the storage key and to a policy
 * @policy: its digest
 *
 * Return: as host_seal().
 */
int host_seal_under(struct host *host, const uint8_t policy[SEAL_HASH_SIZE],
		    const uint8_t secret[SEAL_KEY_SIZE], struct host_sealed *ret,
		    struct reason *reason);

/**
 * host_unseal_under() - the reverse
 * @policy: session that went through the policy
 *
 * Return: 0; 1 (it is not the policy, or a PCR changed meanwhile); as host_session().
 */
int host_unseal_under(struct host *host, const struct host_sealed *sealed, ESYS_TR policy,
		      uint8_t ret_secret[SEAL_KEY_SIZE], struct reason *reason);

/** host_policy_pcrs() - a policy session that begins with PolicyPCR. Return: as host_session() */
int host_policy_pcrs(struct host *host, uint32_t mask, struct host_handle *ret,
		     struct reason *reason);

/** host_explain() - say which PCRs are not what they were. Return: -EPERM; as host_read_pcrs() */
int host_explain(struct host *host, const struct host_pcrs *sealed, struct reason *reason);

/** host_selection() - these PCRs of the SHA-256 bank, as a TPM is asked for them */
TPML_PCR_SELECTION host_selection(uint32_t mask);

/**
 * host_create() - make an object below the storage key
 * @sensitive: its authValue, and what it seals; crosses the wire encrypted
 * @template: its public area
 * @doing: what for, in the infinitive
 * @ret: set on success
 *
 * Return: as host_session().
 */
int host_create(struct host *host, const TPM2B_SENSITIVE_CREATE *sensitive,
		const TPM2B_PUBLIC *template, const char *doing, struct host_sealed *ret,
		struct reason *reason);

/**
 * host_create_signer() - make a P-256 key below the storage key, for ECDSA with SHA-256
 * @attributes: what it may do
 * @policy: authPolicy; NULL for none
 * @auth: its authValue
 * @doing: what for, in the infinitive
 * @ret: set on success
 *
 * Return: as host_session().
 */
int host_create_signer(struct host *host, TPMA_OBJECT attributes, const TPM2B_DIGEST *policy,
		       const uint8_t auth[SEAL_KEY_SIZE], const char *doing,
		       struct host_sealed *ret, struct reason *reason);

/**
 * host_load() - load what was made so
 * @doing: what for, in the infinitive
 * @ret: set on success
 *
 * Return: as host_session().
 */
int host_load(struct host *host, const struct host_sealed *sealed, const char *doing,
	      struct host_handle *ret, struct reason *reason);

/**
 * host_load_with() - host_load(), to be used with its authValue
 * @auth: it
 * @ret: set on success; ended with host_forget()
 *
 * Return: as host_session().
 */
int host_load_with(struct host *host, const struct host_sealed *sealed,
		   const uint8_t auth[SEAL_KEY_SIZE], const char *doing, struct host_handle *ret,
		   struct reason *reason);

/** host_forget() - wipe its authValue out of ESYS, and flush it */
void host_forget(struct host_handle *handle);

/**
 * host_capability() - ask the TPM what it is or holds; the answer is under no HMAC
 *
 * Return: the answer, for Esys_Free(); NULL: there is none.
 */
TPMS_CAPABILITY_DATA *host_capability(struct host *host, TPM2_CAP kind, uint32_t first,
				      uint32_t count);

/**
 * host_base_rc() - a response code of the TPM without what it is about
 *
 * Return: code without handle, parameter or session number (Part 2, 6.6.2); another
 * layer's as it is.
 */
TSS2_RC host_base_rc(TSS2_RC rc);

/**
 * host_failed() - errno and sentence for a response code
 * @rc: it
 * @doing: what was tried, in the infinitive
 *
 * Return: 0 for TPM2_RC_SUCCESS; -ENODEV (the TPM does not answer any more, @host is gone);
 * -EBUSY (lockout); -EIO (any other).
 */
int host_failed(struct host *host, TSS2_RC rc, const char *doing, struct reason *reason);

/**
 * host_owner_failed() - the same for what the owner has to authorize
 * @want: what the owner's password is wanted for, and what to do
 *
 * Return: as host_failed(); -EACCES (the owner password is wanted, or wrong).
 */
int host_owner_failed(struct host *host, TSS2_RC rc, const char *doing, const char *want,
		      struct reason *reason);

#endif /* SEAL_HOST_H */
