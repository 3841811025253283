/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of what the fleet's CA took back (--crl): read, believed where a CA that the operator
 * gave signed it, and out of date or not.
 *
 *	read --signed by this CA?--> believed --current?--> may be asked
 *
 * Hosts' CAs are its entries, vTPMs are in its extension (cert/crl.h).
 */
#ifndef VERIFIER_REVOCATION_H
#define VERIFIER_REVOCATION_H

#include <openssl/types.h>

#include "attest/attest.h"

/** define REVOCATION_NAME - room for the name of who made a list */
#define REVOCATION_NAME 64

/**
 * struct revocation - a list
 * @crl: it; NULL: there is none
 * @by: common name of who made it; empty until revocation_is_by() said yes
 * @at: when, in seconds since 1970
 */
struct revocation {
	X509_CRL *crl;
	char by[REVOCATION_NAME];
	int64_t at;
};

/**
 * revocation_read() - read a list
 * @ret: ended with revocation_done(), whatever is returned; without a list where the file is none
 * @path: of it, DER or PEM
 * @verdict: hears "crl.missing"
 *
 * Return: 0; -EBADMSG (the file cannot be read); -ENOMEM.
 */
int revocation_read(struct revocation *ret, const char *path, struct attest_verdict *verdict);

/** revocation_is_by() - did this CA sign it? Then @by and @at are known. */
bool revocation_is_by(struct revocation *list, X509 *ca);

/** revocation_is_current() - may it still be asked? Otherwise "crl.expired" */
bool revocation_is_current(const struct revocation *list, struct attest_verdict *verdict);

/** revocation_refuse() - say "crl.invalid": it is no list, or nobody believed signed it */
void revocation_refuse(struct attest_verdict *verdict);

/**
 * enum revocation_standing - of the certificate of a host's CA
 * @REVOCATION_GOOD: it is not in the list
 * @REVOCATION_SUSPENDED: on hold: its host failed
 * @REVOCATION_ENDED: taken back for good: its host was removed, or has another TPM
 */
enum revocation_standing {
	REVOCATION_GOOD,
	REVOCATION_SUSPENDED,
	REVOCATION_ENDED,
};

/** revocation_standing() - how does the certificate of a host's CA stand in a list? */
enum revocation_standing revocation_standing(const struct revocation *list, X509 *authority);

/** revocation_done() - release it; an empty one is fine */
void revocation_done(struct revocation *list);

#endif /* VERIFIER_REVOCATION_H */
