/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fleet's CA certified, and what is good no more:
 *
 *	attester	one row for each certificate of a host's attestation key
 *	authority	one row for each certificate of a host's CA
 *	revocation	of a host: a vTPM up to an epoch, or one certificate by its serial number
 *
 * All become a CRL (cert/crl.h) when somebody asks for one. What stands there of a host's
 * certificates follows from how the host stands at that moment: on hold while it is failed, revoked
 * once the host was removed or has another TPM. Of its attestation keys the newest is good. Rows of
 * certificates that are out of date are left out.
 */
#ifndef VERIFIER_AUTHORITY_H
#define VERIFIER_AUTHORITY_H

#include "cert/crl.h"
#include "verifier/ca.h"
#include "verifier/fleet.h"

/**
 * struct authority_row - a certificate of a host's CA, or of its attestation key
 * @serial: of it
 * @host: id of the host
 * @keyid: key identifier, of a CA
 * @until: last second it is good
 */
struct authority_row {
	uint8_t serial[DRAFT_SERIAL_SIZE];
	char host[STANDING_ID];
	uint8_t keyid[CRL_AUTHORITY];
	int64_t until;
};

/** authority_add() - another one. Return: 0; -EIO */
int authority_add(struct fleet *fleet, const struct authority_row *row);

/** authority_add_attester() - an attestation key; a former one of the host ends. Return: 0; -EIO */
int authority_add_attester(struct fleet *fleet, const struct authority_row *row, int64_t now);

/** authority_end() - all of a host end: it was removed, or has another TPM. Return: 0; -EIO */
int authority_end(struct fleet *fleet, const char *host, int64_t now);

/**
 * authority_revoke() - of what a host's CAs certified, something is good no more
 * @what: with @by_serial, or up to @epoch; @authority is not looked at
 *
 * Return: 0; -ENOSPC (CRL_VTPMS_MAX are there); -EIO.
 */
int authority_revoke(struct fleet *fleet, const char *host, const struct crl_vtpm *what,
		     int64_t now);

/**
 * authority_crl() - the list as it is now
 * @ca: signs it
 * @ret: DER, for OPENSSL_free()
 *
 * Return: bytes of it; -EIO.
 */
int authority_crl(struct fleet *fleet, struct ca *ca, int64_t now, uint8_t **ret);

#endif /* VERIFIER_AUTHORITY_H */
