/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * Proofs: a client of a virtual TPM asks its host to vouch for it. Part of the contract in
 * <linux/vtpm.h>, whose rules hold here too.
 */
#ifndef _UAPI_LINUX_VTPM_ASK_H
#define _UAPI_LINUX_VTPM_ASK_H

#include <linux/vtpm.h>

/**
 * DOC: asking for a proof
 *
 * ::
 *
 *	client		VTPM_IOC_ASK		VTPM_IOC_PROOF
 *	server		  ASK frame, answered at once ...
 *	manager			... VTPM_IOC_TELL
 *
 * The driver carries question and proof, and looks into neither.
 */

/**
 * define VTPM_NONCE_SIZE - bytes of a verifier's nonce, and of a SHA-256
 */
#define VTPM_NONCE_SIZE 32

/**
 * define VTPM_PROOF_SIZE - largest proof, in bytes
 */
#define VTPM_PROOF_SIZE 32768

/**
 * enum vtpm_ask_flags - flags of VTPM_IOC_ASK
 * @VTPM_ASK_DIGEST: about a statement that the client's TPM made for it, not about a new
 *	quote
 */
enum vtpm_ask_flags {
	VTPM_ASK_DIGEST = 1 << 0,
};

/**
 * struct vtpm_question - what a client asks; follows the head of an ASK frame
 * @id: for VTPM_IOC_TELL; never used twice by the device, never 0
 * @flags: &enum vtpm_ask_flags
 * @__reserved: 0
 * @nonce: of the verifier
 * @digest: of the statement; zeros without VTPM_ASK_DIGEST
 */
struct vtpm_question {
	__u64 id;
	__u32 flags;
	__u32 __reserved;
	__u8 nonce[VTPM_NONCE_SIZE];
	__u8 digest[VTPM_NONCE_SIZE];
};

/**
 * struct vtpm_ask - argument of VTPM_IOC_ASK
 * @size: sizeof(struct vtpm_ask)
 * @flags: &enum vtpm_ask_flags
 * @nonce: of the verifier; one that is shorter is filled up as the verifier says
 * @digest: SHA-256 of a TPMS_ATTEST (Part 2, 10.12.12) that this vTPM gave a client lately,
 *	with VTPM_ASK_DIGEST; otherwise zeros
 *
 * On a client's file: asks the host to vouch for this vTPM. Returns at once; the proof is
 * fetched by VTPM_IOC_PROOF, and poll() says POLLPRI when it, or why there is none, is
 * there. Commands of this file and of others go on meanwhile. Needs no privilege but the open
 * file. A proof that was not fetched is dropped by the next question and by close().
 *
 * Errors: EBUSY (this file has asked, and waits for its proof; or eight others of this
 * vTPM do), EDQUOT (this vTPM asked too often: eight times at once, and once in a second
 * after that), EOPNOTSUPP (the device's server knows no proofs), EPIPE (the device is
 * gone). As with write(), EINTR (a signal) and on an O_NONBLOCK file EAGAIN say that
 * another thread is in a call on the same file. EINVAL (a digest without the flag).
 */
struct vtpm_ask {
	__u32 size;
	__u32 flags;
	__u8 nonce[VTPM_NONCE_SIZE];
	__u8 digest[VTPM_NONCE_SIZE];
};
#define VTPM_IOC_ASK _IO(VTPM_IOC_TYPE, VTPM_CMD_ASK)

/**
 * struct vtpm_proof - argument of VTPM_IOC_PROOF
 * @size: sizeof(struct vtpm_proof)
 * @flags: 0
 * @proof: address where it goes
 * @length: in: bytes of room there. Out: bytes of the proof
 * @__reserved: 0
 *
 * On a client's file: fetches what VTPM_IOC_ASK asked for, once, and waits for it unless the
 * file is O_NONBLOCK. What it says stands in Documentation/deep.rst.
 *
 * Errors: EMSGSIZE (too little room: @length says how much it takes, and the proof
 * stays), ENODATA (nothing was asked, or it was fetched), EAGAIN (O_NONBLOCK, and it is not
 * there yet), EINTR (a signal; the question stays), ETIME (nobody answered within 60
 * seconds, module parameter ``proof_ms``), EPIPE (the device is gone), EOPNOTSUPP (the
 * device's server knows no proofs).
 * From who vouches: ENOENT (this vTPM made no such statement lately: make it
 * again, and ask right away), ENODEV (this host has no TPM, or is locked), EBUSY (too
 * many ask at the moment), ENOKEY (this vTPM has no attestation key any more, or no PCRs of
 * SHA-256), EHOSTDOWN (it is off, or was not started up), ECANCELED (its server
 * died or it was reset, or whoever vouches was restarted: ask again), EIO (the host's log
 * says why). After each but EMSGSIZE, EAGAIN, EINTR and EFAULT there is nothing left to fetch.
 */
struct vtpm_proof {
	__u32 size;
	__u32 flags;
	__u64 proof;
	__u32 length;
	__u32 __reserved;
};
#define VTPM_IOC_PROOF _IO(VTPM_IOC_TYPE, VTPM_CMD_PROOF)

/**
 * struct vtpm_tell - argument of VTPM_IOC_TELL
 * @size: sizeof(struct vtpm_tell)
 * @flags: 0
 * @name: name of the device
 * @instance: as VTPM_IOC_ATTACH returned it
 * @id: of the question (see &struct vtpm_question); 0, with @error only: of all
 *	that wait
 * @proof: address of the proof, 0 for none
 * @length: bytes at @proof, VTPM_PROOF_SIZE or fewer, 0 for none
 * @error: 0, or why there is none: one of ENOENT, ENODEV, EBUSY, EIO, ENOKEY,
 *	ECANCELED and EHOSTDOWN (see &struct vtpm_proof)
 *
 * Answers what a client asked by VTPM_IOC_ASK. The driver does not look into a proof. It
 * may come long after the server has answered the ASK frame, also when that server is dead.
 *
 * Errors: ENOENT (no device of that name), ESTALE (nobody waits for it any more, or the
 * device has another instance), EINVAL (both or neither of a proof and an error, an error
 * that is not in the list, or a proof that is too long).
 */
struct vtpm_tell {
	__u32 size;
	__u32 flags;
	char name[VTPM_NAME_SIZE];
	__u64 instance;
	__u64 id;
	__u64 proof;
	__u32 length;
	__u32 error;
};
#define VTPM_IOC_TELL _IO(VTPM_IOC_TYPE, VTPM_CMD_TELL)

#endif /* _UAPI_LINUX_VTPM_ASK_H */
