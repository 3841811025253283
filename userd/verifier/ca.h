/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fleet's CA: one P-256 key in DIRECTORY/ca.key (PEM, mode 0600, encrypted where there is
 * a passphrase) and its own certificate in DIRECTORY/ca.pem.
 *
 * It signs certificates of hosts' attestation keys, reports and verdicts. What it signs of the
 * latter begins with words that no certificate begins with, so none passes for another.
 */
#ifndef VERIFIER_CA_H
#define VERIFIER_CA_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/ruling.h"

#define CA_SIGNATURE_MAX   80
#define CA_CERTIFICATE_MAX 2048

struct ca;
struct authority_row;

/**
 * ca_init() - make a CA
 * @directory: made where it is not there; must not hold a CA
 * @passphrase: NULL: the key is not encrypted
 * @reason: why not
 * @room: bytes of @reason
 *
 * Return: 0; -EEXIST (there is one); -EIO.
 */
int ca_init(const char *directory, const char *passphrase, char *reason, size_t room);

/**
 * ca_open() - use a CA
 * @directory: of ca_init()
 * @passphrase: NULL for none
 * @reason: why not
 * @room: bytes of @reason
 * @ret: set on success
 *
 * Return: 0; -EACCES (others may read the key); -EIO (a file is not there, or not readable with
 * this passphrase); -EKEYREJECTED (key and certificate are not of each other); -ENOMEM.
 */
int ca_open(const char *directory, const char *passphrase, char *reason, size_t room,
	    struct ca **ret);

/** ca_close() - wipe it; NULL is fine */
void ca_close(struct ca *ca);

/** ca_certificate() - its own; the CA's to release */
X509 *ca_certificate(const struct ca *ca);

/**
 * ca_certify() - certify an attestation key: EKU 2.23.133.8.3, good for a year
 * @ca: signs
 * @key: public key
 * @row: its host is there, and becomes the common name; serial and end are set on success
 * @ret: DER
 * @ret_size: bytes of it
 *
 * Return: 0 or -EIO.
 */
int ca_certify(struct ca *ca, EVP_PKEY *key, struct authority_row *row,
	       uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size);

/**
 * ca_certify_authority() - certify the key of a host's CA: pathLen 0, good for five years
 * @ca: signs
 * @key: public key
 * @row: its host is there; the rest is set on success
 * @ret: DER
 * @ret_size: bytes of it
 *
 * Return: 0; -EPERM (this CA may not certify another one: its pathLen is 0); -EIO.
 */
int ca_certify_authority(struct ca *ca, EVP_PKEY *key, struct authority_row *row,
			 uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size);

/** ca_der() - its own certificate as DER. Return: bytes of it; 0: it is larger than @ret */
size_t ca_der(const struct ca *ca, uint8_t ret[CA_CERTIFICATE_MAX]);

/**
 * ca_derive() - a secret key for another use than to sign; who has the CA's key alone can derive it
 * @label: what it is for
 * @ret: the caller wipes it
 *
 * Return: 0 or -EIO.
 */
int ca_derive(struct ca *ca, const char *label, uint8_t ret[32]);

/** ca_sign_crl() - sign a list. Return: 0 or -EIO */
int ca_sign_crl(struct ca *ca, X509_CRL *crl);

/* What a signature begins with says what it is about; none is taken for one of another kind. */
#define CA_WORDS_REPORT	 "vtpm-report-v1"
#define CA_WORDS_VERDICT RULING_WORDS

/**
 * ca_sign() - sign a report or a verdict (ECDSA, DER)
 * @words: which of the two; they are signed with their NUL, before @bytes
 *
 * Return: 0 or -EIO.
 */
int ca_sign(struct ca *ca, const char *words, const void *bytes, size_t length,
	    uint8_t ret[CA_SIGNATURE_MAX], size_t *ret_size);

/**
 * ca_verify() - did the CA of this certificate sign this?
 * @certificate: path of ca.pem
 * @words: as at ca_sign()
 * @bytes: report or verdict
 * @length: bytes of it
 * @signature: of ca_sign()
 * @size: bytes of it
 *
 * Return: 0; -EKEYREJECTED (no); -EIO (there is no certificate at @certificate).
 */
int ca_verify(const char *certificate, const char *words, const void *bytes, size_t length,
	      const void *signature, size_t size);

#endif /* VERIFIER_CA_H */
