/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revocations: a CRL of the fleet's CA (RFC 5280, 5).
 *
 * Its entries are certificates that the fleet's CA signed itself: of hosts' CAs. Certificates of
 * vTPMs' keys were signed by those; which of them are revoked stands in an extension of ours,
 * not critical, of the same list:
 *
 *	OID	2.25.234154514149103825029607055028273811396.2
 *
 *	RevokedVtpms ::= SEQUENCE OF SEQUENCE {
 *		authority	OCTET STRING (SIZE (20)),
 *		what		CHOICE {
 *			serial	INTEGER,
 *			uuid	OCTET STRING (SIZE (16)) },
 *		epoch		INTEGER OPTIONAL }
 *
 * The authority is the key identifier of a host's CA. A uuid has an epoch: certificates of this
 * vTPM are revoked that are of it, or of one before. So who looks at the entries alone sees
 * what becomes of hosts, and who knows the extension what becomes of vTPMs as well.
 */
#ifndef CERT_CRL_H
#define CERT_CRL_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cert/binding.h"
#include "cert/draft.h"

/** define CRL_OID - of the extension */
#define CRL_OID BINDING_ARC ".2"

/** define CRL_AUTHORITY - bytes of a key identifier: SHA-1 of the key (RFC 5280, 4.2.1.2) */
#define CRL_AUTHORITY 20

/** define CRL_VTPMS_MAX - entries of the extension */
#define CRL_VTPMS_MAX 100000

/**
 * struct crl_vtpm - an entry of the extension
 * @authority: key identifier of the host's CA
 * @by_serial: it is about one certificate
 * @serial: of that one
 * @uuid: otherwise: of a vTPM
 * @epoch: the last one that is revoked
 */
struct crl_vtpm {
	uint8_t authority[CRL_AUTHORITY];
	bool by_serial;
	uint8_t serial[DRAFT_SERIAL_SIZE];
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
};

/**
 * crl_new() - begin a list
 * @issuer: certificate of who will sign
 * @now: seconds since 1970; also its number
 * @until: when the next one is due
 *
 * Return: for X509_CRL_free(), to be ended with crl_end(); NULL: OpenSSL failed.
 */
X509_CRL *crl_new(X509 *issuer, time_t now, time_t until);

/**
 * crl_add() - one more certificate of the issuer
 * @serial: of it
 * @at: since when
 * @reason: CRL_REASON_... of OpenSSL
 *
 * Return: done?
 */
bool crl_add(X509_CRL *crl, const uint8_t serial[DRAFT_SERIAL_SIZE], time_t at, int reason);

/** crl_end() - with these entries of the extension; it is signed next. Return: done? */
bool crl_end(X509_CRL *crl, X509 *issuer, const struct crl_vtpm *vtpms, size_t count);

/**
 * crl_vtpm_revoked() - is this certificate of a vTPM's key among the entries of the extension?
 * @certificate: it
 *
 * Return: 0 (no); 1 (yes); -ENOENT (it is no certificate of a vTPM's key, or does not say by whom);
 * -EBADMSG (the extension is not what crl_end() writes).
 */
int crl_vtpm_revoked(const X509_CRL *crl, X509 *certificate);

#endif /* CERT_CRL_H */
