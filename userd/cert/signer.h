/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signatures by a key that is not here: a P-256 key in a TPM, which is shown a digest and
 * gives two numbers.
 *
 * OpenSSL writes what it is to be signed with into a certificate only while it signs it. So a
 * key of the moment signs first, and then its signature is exchanged for the real one: of
 *
 *	SEQUENCE { what is signed, algorithm, BIT STRING signature }
 *
 * the first two stay as they are (RFC 5280, 4.1.1; RFC 2986, 4.2).
 */
#ifndef CERT_SIGNER_H
#define CERT_SIGNER_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

/** define SIGNER_NUMBER - bytes of a number of a P-256 signature, and of a SHA-256 digest */
#define SIGNER_NUMBER 32

/**
 * struct signer - who signs
 * @sign: ECDSA over a SHA-256 digest; r and s are big-endian, with zeros before them.
 *	0, or -errno, which is passed up
 * @context: for @sign
 */
struct signer {
	int (*sign)(void *context, const uint8_t digest[SIGNER_NUMBER],
		    uint8_t ret_r[SIGNER_NUMBER], uint8_t ret_s[SIGNER_NUMBER]);
	void *context;
};

/**
 * signer_certificate() - sign a certificate
 * @draft: it; changed
 * @ret: DER
 * @room: bytes of @ret
 * @ret_length: bytes of it
 *
 * Return: 0; -EIO (OpenSSL); -EMSGSIZE (it does not fit); -errno of the signer.
 */
int signer_certificate(const struct signer *signer, X509 *draft, uint8_t *ret, size_t room,
		       size_t *ret_length);

/** signer_request() - sign a request (PKCS #10). Return: as signer_certificate() */
int signer_request(const struct signer *signer, X509_REQ *draft, uint8_t *ret, size_t room,
		   size_t *ret_length);

#endif /* CERT_SIGNER_H */
