/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates of a vTPM's keys, issued by its host's CA.
 *
 *	cert_issue()	endorsement keys: TCG EK Credential Profile for TPM 2.0, 3.2
 *			initial attestation key: EKU 2.23.133.8.3
 *
 * The subject is empty. Which kind of TPM it is stands in a critical alternative name, and
 * which one in an extension of ours (cert/binding.h). They are good as long as the CA, and their
 * serial numbers are random. The CA's key is asked for a signature only (cert/signer.h).
 */
#ifndef CERT_CERT_H
#define CERT_CERT_H

#include "cert/binding.h"
#include "cert/signer.h"
#include "wire/ipc_keyd.h"

/** define CERT_DER_MAX - largest certificate that is issued, in bytes */
#define CERT_DER_MAX 2048

/**
 * define CERT_MANUFACTURER - of the TPM, as it says itself: TPM_PT_MANUFACTURER "IBM"
 * define CERT_MODEL - of it
 * define CERT_VERSION - of its firmware: TPM_PT_FIRMWARE_VERSION_1 of libtpms
 */
#define CERT_MANUFACTURER "id:49424D00"
#define CERT_MODEL	  "vtpm"
#define CERT_VERSION	  "id:20191023"

/**
 * struct cert_issuer - a CA
 * @certificate: its own
 * @signer: its key
 */
struct cert_issuer {
	X509 *certificate;
	const struct signer *signer;
};

/**
 * struct cert_wish - a certificate wanted
 * @kind: what the key is for
 * @key: it
 * @binding: of which vTPM
 */
struct cert_wish {
	enum keyd_cert_kind kind;
	EVP_PKEY *key;
	struct binding binding;
};

/**
 * cert_issue() - issue one
 * @issuer: by whom
 * @wish: of what; the key has been found to be one of its kind
 * @ret: DER
 * @ret_length: bytes of it
 * @ret_serial: its serial number
 *
 * Return: 0; -EINVAL (no such kind); -EIO (OpenSSL); -EMSGSIZE (CERT_DER_MAX); -errno of
 * the signer.
 */
int cert_issue(const struct cert_issuer *issuer, const struct cert_wish *wish,
	       uint8_t ret[CERT_DER_MAX], size_t *ret_length, uint8_t ret_serial[KEYD_SERIAL_SIZE]);

#endif /* CERT_CERT_H */
