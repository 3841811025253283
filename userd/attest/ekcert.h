/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates of endorsement keys (TCG EK Credential Profile, 3.2): the maker of a TPM
 * says that a key is in one of its TPMs. Which TPM is in the alternative name of the subject.
 *
 * A store holds what chains end at, and what may stand between. Who calls decides what is
 * believed: a root is believed only where the operator gave it, never where it came from
 * the host. Nothing is fetched, and nobody asked about revocation.
 */
#ifndef ATTEST_EKCERT_H
#define ATTEST_EKCERT_H

#include <openssl/x509.h>

#include "attest/attest.h"
#include "attest/public.h"

#define EKCERT_BYTES_MAX  (1u << 20)
#define EKCERT_STORE_MAX  1024
#define EKCERT_NAME_MAX	  64
#define EKCERT_SERIAL_MAX 64

/* Extended key usages (TCG Credential Profiles): endorsement key, attestation key */
#define EKCERT_USAGE_EK "2.23.133.8.1"
#define EKCERT_USAGE_AK "2.23.133.8.3"

struct ekcert_store;

/** ekcert_store_new() - an empty one; NULL without memory. ekcert_store_free() ends it. */
struct ekcert_store *ekcert_store_new(void);
void ekcert_store_free(struct ekcert_store *store);
void ekcert_store_freep(struct ekcert_store **store);

/**
 * ekcert_store_add() - take the certificates of a file: PEM, or DER one behind the other
 * @store: to add to
 * @bytes: of the file
 * @length: how many
 * @believed: the operator gave it, so those who sign themselves are roots
 *
 * Return: 0; -EBADMSG (there is none in it, or more than EKCERT_STORE_MAX); -ENOMEM.
 */
int ekcert_store_add(struct ekcert_store *store, const uint8_t *bytes, size_t length,
		     bool believed);

/**
 * ekcert_store_fork() - another store that believes the same
 * @store: of roots; what is added to the new one is not added to this
 *
 * Return: for ekcert_store_free(); NULL without memory.
 */
struct ekcert_store *ekcert_store_fork(const struct ekcert_store *store);

/** ekcert_store_roots() - how many roots there are */
size_t ekcert_store_roots(const struct ekcert_store *store);

/**
 * struct ekcert_gap - why no root vouches for a certificate
 * @error: an X509_V_ERR_... of OpenSSL
 * @depth: of the certificate where it ended; 0: the one that was asked for
 */
struct ekcert_gap {
	int error;
	int depth;
};

/**
 * ekcert_store_follow() - up from a certificate to a root
 * @store: of roots and what stands between
 * @certificate: of anything; what it may be used for is not looked at
 * @ret: where a root vouches for it: it, then each that signed the one before, for
 *	ekcert_chain_free()
 * @ret_gap: otherwise: why not
 *
 * Return: 0; -EBADE (no root vouches for it); -ENOMEM.
 */
int ekcert_store_follow(const struct ekcert_store *store, X509 *certificate,
			STACK_OF(X509) **ret, struct ekcert_gap *ret_gap);

/** ekcert_is_outdated() - is a certificate's date the reason? */
bool ekcert_is_outdated(const struct ekcert_gap *gap);

/** ekcert_has_usage() - does a certificate name this extended key usage? */
bool ekcert_has_usage(X509 *certificate, const char *oid);

/** ekcert_chain_free() - release a chain; NULL is fine */
void ekcert_chain_free(STACK_OF(X509) *chain);

/**
 * struct ekcert - what a certificate says
 * @manufacturer: of the TPM, such as "id:53544D20"; harmless text, as all of these
 * @model: of it
 * @version: of its firmware
 * @serial: of the certificate, hexadecimal
 * @valid_until: seconds since 1970; 0 where it is not known
 * @chained: a root vouches for it
 */
struct ekcert {
	char manufacturer[EKCERT_NAME_MAX];
	char model[EKCERT_NAME_MAX];
	char version[EKCERT_NAME_MAX];
	char serial[EKCERT_SERIAL_MAX];
	int64_t valid_until;
	bool chained;
};

/**
 * ekcert_check() - judge a certificate
 * @ret: what it says
 * @bytes: DER, with or without bytes behind it as TPMs keep it, or PEM
 * @length: how many
 * @store: of roots and what stands between
 * @ek: key that it has to be of; NULL: not known
 * @verdict: hears "ek.invalid", "ek.chain", "ek.expired", "ek.eku", "ek.name",
 *	"ek.key-mismatch"
 *
 * Return: 0; -EBADMSG (it is no certificate); -ENOMEM.
 */
int ekcert_check(struct ekcert *ret, const uint8_t *bytes, size_t length,
		 struct ekcert_store *store, const struct public *ek,
		 struct attest_verdict *verdict);

#endif /* ATTEST_EKCERT_H */
