/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A certificate on its way: everything but what makes it one, its signature.
 *
 *	draft_new()	key, subject, issuer, serial number, dates
 *	draft_extend()	extensions, as often as needed
 *	signer_sign()	(cert/signer.h) or X509_sign(), where the key is here
 */
#ifndef CERT_DRAFT_H
#define CERT_DRAFT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/** define DRAFT_SERIAL_SIZE - bytes of a serial number; random, so nobody counts them */
#define DRAFT_SERIAL_SIZE 16

/** define DRAFT_SLACK - a certificate is good so many seconds before it is made */
#define DRAFT_SLACK 3600

/**
 * struct draft_wish - of a certificate
 * @key: that it is of
 * @name: common name of the subject; NULL: the subject is empty
 * @unit: organizational unit of the subject, or NULL
 * @issuer: certificate of who will sign; NULL: the key signs itself
 * @until: last second it is good
 */
struct draft_wish {
	EVP_PKEY *key;
	const char *name;
	const char *unit;
	X509 *issuer;
	time_t until;
};

/**
 * draft_new() - begin
 * @ret_serial: its serial number, of which no byte is missing; may be NULL
 *
 * Return: for X509_free(); NULL: OpenSSL failed.
 */
X509 *draft_new(const struct draft_wish *wish, uint8_t ret_serial[DRAFT_SERIAL_SIZE]);

/** draft_name() - fill a name of @unit (may be NULL) and @name. Return: done? */
bool draft_name(X509_NAME *to, const char *unit, const char *name);

/**
 * draft_extend() - one more extension
 * @issuer: as in the wish; NULL: itself
 * @nid: which
 * @value: as in x509v3_config(5)
 *
 * Return: done?
 */
bool draft_extend(X509 *draft, X509 *issuer, int nid, const char *value);

#endif /* CERT_DRAFT_H */
