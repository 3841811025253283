/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The certificate of a host's CA, and those above it.
 *
 * A chain begins with the CA's own certificate; each is signed by the next one. Where it
 * ends nobody here believes more than the operator who brought it does: a verifier decides
 * by its own roots.
 */
#ifndef CERT_AUTHORITY_H
#define CERT_AUTHORITY_H

#include <stdbool.h>
#include <time.h>

#include "cert/signer.h"
#include "wire/ipc_keyd.h"

/** define AUTHORITY_CHAIN_MAX - certificates in a chain */
#define AUTHORITY_CHAIN_MAX 8

/** define AUTHORITY_DER_MAX - largest chain, DER one behind the other, in bytes */
#define AUTHORITY_DER_MAX KEYD_CHAIN_MAX

/** define AUTHORITY_UNIT - organizational unit in the subject of each host's CA */
#define AUTHORITY_UNIT "vtpm host CA"

/**
 * struct authority - a chain
 * @chain: the CA's own certificate first
 * @count: how many
 */
struct authority {
	X509 *chain[AUTHORITY_CHAIN_MAX];
	size_t count;
};

/**
 * authority_read() - read a chain
 * @bytes: DER, one behind the other, or PEM
 * @length: of @bytes
 * @ret: set on success; ended with authority_done()
 *
 * Return: 0; -EBADMSG (there is something else in it, or nothing, or too much).
 */
int authority_read(const void *bytes, size_t length, struct authority *ret);

/**
 * authority_write() - as DER, one behind the other
 * @ret: AUTHORITY_DER_MAX bytes
 *
 * Return: bytes of it; 0: they do not fit.
 */
size_t authority_write(const struct authority *authority, uint8_t ret[AUTHORITY_DER_MAX]);

/**
 * authority_check() - may this key issue by this chain, now?
 * @key: of the CA
 *
 * Return: 0; -EKEYREJECTED (the first certificate is of another key); -EPERM (one in it may
 * not certify others, or not so many below it); -EBADE (one is not signed by the next); -ETIME
 * (one is out of date).
 */
int authority_check(const struct authority *authority, EVP_PKEY *key);

/** authority_done() - end it; one of zeros is fine */
void authority_done(struct authority *authority);

/**
 * authority_self() - a CA that nobody stands above
 * @signer: its key
 * @key: its public half
 * @name: of the host
 * @until: last second it is good
 * @ret: DER, @room bytes
 * @ret_length: bytes of it
 *
 * Return: as signer_certificate().
 */
int authority_self(const struct signer *signer, EVP_PKEY *key, const char *name, time_t until,
		   uint8_t *ret, size_t room, size_t *ret_length);

/**
 * authority_request() - ask somebody else for a certificate (PKCS #10)
 *
 * Return: as signer_request().
 */
int authority_request(const struct signer *signer, EVP_PKEY *key, const char *name, uint8_t *ret,
		      size_t room, size_t *ret_length);

/**
 * authority_extend() - what the certificate of a host's CA says besides its name
 * @draft: it
 * @issuer: who signs; NULL: itself
 *
 * It certifies keys, and no other CA.
 *
 * Return: done?
 */
bool authority_extend(X509 *draft, X509 *issuer);

#endif /* CERT_AUTHORITY_H */
