/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a certificate of a vTPM's key says besides the key: which vTPM, in which epoch, and how
 * its host protected it when the certificate was issued. It is an extension of X.509, not
 * critical, so that who does not know it takes the certificate all the same.
 *
 *	OID	2.25.234154514149103825029607055028273811396.1
 *		(2.25: below a UUID, ITU-T X.667; this one is
 *		b02884df-e458-49aa-a497-5660ae540fc4)
 *
 *	VtpmBinding ::= SEQUENCE {
 *		version		INTEGER { v1(1) },
 *		uuid		OCTET STRING (SIZE (16)),
 *		epoch		INTEGER (0..18446744073709551615),
 *		protection	ENUMERATED { none(0), hostTpm(1) },
 *		rollback	ENUMERATED { off(0), lazy(1), strict(2) } }
 *
 * There is one way to write it (DER), and no other is read.
 */
#ifndef CERT_BINDING_H
#define CERT_BINDING_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ipc.h"
#include "wire/ipc_keyd.h"

/** define BINDING_ARC - object identifiers of this project */
#define BINDING_ARC "2.25.234154514149103825029607055028273811396"

/** define BINDING_OID - of the extension */
#define BINDING_OID BINDING_ARC ".1"

/** define BINDING_SIZE - room for the extension's value */
#define BINDING_SIZE 64

/**
 * struct binding - it
 * @uuid: of the vTPM
 * @epoch: of its history
 * @protection: of the host root key
 * @rollback: of the host's store
 */
struct binding {
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
	enum keyd_protection protection;
	enum keyd_rollback rollback;
};

/** binding_put() - write it. Return: bytes of it */
size_t binding_put(const struct binding *binding, uint8_t ret[BINDING_SIZE]);

/**
 * binding_get() - read it, strictly
 * @bytes: value of the extension
 * @length: of @bytes
 * @ret: set on success
 *
 * Return: 0; -EBADMSG (it is not what binding_put() writes).
 */
int binding_get(const void *bytes, size_t length, struct binding *ret);

/** binding_add() - put it into a certificate. Return: 0; -EIO (OpenSSL) */
int binding_add(const struct binding *binding, X509 *certificate);

/**
 * binding_of() - find it in a certificate
 * @ret: set on success
 *
 * Return: 0; -ENOENT (it is no certificate of a vTPM's key); -EBADMSG (there is more than one,
 * or it is not what binding_put() writes).
 */
int binding_of(const X509 *certificate, struct binding *ret);

#endif /* CERT_BINDING_H */
