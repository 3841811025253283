/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of one vTPM: the few commands that make a quote, as any client gives them.
 *
 * Its attestation key is a primary key of the endorsement hierarchy, made from a template
 * that always is the same: so is the key, until the vTPM is cleared of its endorsement seed.
 * It takes no room in the vTPM, and is flushed when the quote is made.
 */
#ifndef CLI_TPM_H
#define CLI_TPM_H

#include <stddef.h>
#include <stdint.h>

#include "seal/crypto.h"
#include "seal/reason.h"

/** define TPM_PCRS - PCRs of a PC Client TPM (PC Client Platform TPM Profile, 4.6) */
#define TPM_PCRS 24

/** define TPM_STRUCTURE_MAX - largest structure that is taken out of a response, in bytes */
#define TPM_STRUCTURE_MAX 1024

/** struct tpm_bytes - a structure, as the TPM wrote it */
struct tpm_bytes {
	uint8_t at[TPM_STRUCTURE_MAX];
	size_t length;
};

/**
 * struct tpm_quote - a quote of a vTPM
 * @ek: P-256 endorsement key, TPM2B_PUBLIC; empty where the vTPM keeps none
 * @ak: attestation key, TPM2B_PUBLIC
 * @message: TPMS_ATTEST
 * @signature: TPMT_SIGNATURE
 * @value: of PCRs that were asked for, SHA-256 bank, at their own place
 */
struct tpm_quote {
	struct tpm_bytes ek;
	struct tpm_bytes ak;
	struct tpm_bytes message;
	struct tpm_bytes signature;
	uint8_t value[TPM_PCRS][SEAL_HASH_SIZE];
};

/**
 * tpm_quote_make() - have a vTPM quote its PCRs
 * @path: device of it that has a resource manager, or its socket
 * @nonce: extraData
 * @pcrs: PCRs of the SHA-256 bank, at least one
 * @ret: set on success; values and digest in the message are of one moment
 *
 * Return: 0; -ETIMEDOUT (another client has the socket, or the vTPM is busy); -EAGAIN (PCRs are
 * extended faster than they can be read); -ENOTSUP (it refuses); -EPROTO (no answer of a
 * TPM); -errno of open(), connect(), read() and write(); with a reason.
 */
int tpm_quote_make(const char *path, const uint8_t nonce[SEAL_HASH_SIZE], uint32_t pcrs,
		   struct tpm_quote *ret, struct reason *reason);

#endif /* CLI_TPM_H */
