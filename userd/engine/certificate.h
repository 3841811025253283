/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The certificates of a TPM's keys, where the TCG has clients look for them:
 *
 *	0x01c00002	EK RSA-2048	EK Credential Profile, 2.2.1.4
 *	0x01c0000a	EK P-256	the same
 *	0x01c00016	EK P-384	the same, high range
 *	0x01c90100	IAK		TPM 2.0 Keys for Device Identity and Attestation;
 *					the first of its range
 *
 * Anybody may read them, with an empty password. They are defined, written and locked by the
 * platform, whose password no client has (of a machine: its firmware has it).
 */
#ifndef ENGINE_CERTIFICATE_H
#define ENGINE_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "wire/ipc_engine.h"
#include "wire/ipc_keyd.h"

/** define CERTIFICATE_MAX - largest certificate that an NV index holds, in bytes */
#define CERTIFICATE_MAX ENGINE_CERT_MAX

/** define CERTIFICATE_OCCUPIED - the index is there, and was not defined by the platform */
#define CERTIFICATE_OCCUPIED 1

/** define CERTIFICATE_REFUSED - the TPM refuses; the former certificate may be gone */
#define CERTIFICATE_REFUSED 2

/**
 * certificate_write() - put a certificate where the former one was, if there was one
 * @kind: whose
 * @der: certificate, DER
 * @length: bytes of it, at most CERTIFICATE_MAX
 *
 * The TPM is started up, and platformAuth is empty.
 *
 * Return: 0; CERTIFICATE_OCCUPIED; CERTIFICATE_REFUSED; -ENOTRECOVERABLE.
 */
int certificate_write(enum keyd_cert_kind kind, const uint8_t *der, size_t length);

#endif /* ENGINE_CERTIFICATE_H */
