/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests for certificates (PKCS #10) of a vTPM's keys.
 *
 * The attestation key signs, always: its own request, and those of endorsement keys, which
 * decrypt and cannot sign. Theirs are requests for the attestation key that carry the
 * endorsement key in an attribute, with a statement by the attestation key that its TPM made
 * it (TPM2_CertifyCreation):
 *
 *	2.25.234154514149103825029607055028273811396.2
 *
 *	SEQUENCE { public area OCTET STRING (TPMT_PUBLIC), statement OCTET STRING (TPMS_ATTEST),
 *		   signature OCTET STRING (TPMT_SIGNATURE) }
 */
#ifndef CLI_CSR_H
#define CLI_CSR_H

#include <stddef.h>
#include <stdint.h>

#include "seal/reason.h"

/** define CSR_EVIDENCE_OID - type of the attribute */
#define CSR_EVIDENCE_OID "2.25.234154514149103825029607055028273811396.2"

/**
 * struct csr_wish - what is asked for
 * @path: device or socket of the vTPM
 * @uuid: of the vTPM, as text
 * @key: name of the key, for the subject
 * @public: the key (TPMT_PUBLIC), as vtpmd knows it; NULL: it does not
 * @public_length: bytes of it
 */
struct csr_wish {
	const char *path;
	const char *uuid;
	const char *key;
	const uint8_t *public;
	size_t public_length;
};

/**
 * csr_make() - make a request
 * @wish: what is asked for
 * @ret_pem: set on success; for OPENSSL_free()
 * @reason: why there is none
 *
 * Return: 0; -EINVAL (the key is not known, or is not one that vTPMs have); -ENOENT (the vTPM
 * makes another key from this template); -EIO (OpenSSL); as tpm_client_give().
 */
int csr_make(const struct csr_wish *wish, char **ret_pem, struct reason *reason);

#endif /* CLI_CSR_H */
