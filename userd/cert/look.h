/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A certificate at a glance: is it one, of this key, and how long is it good? Whether whoever
 * signed it is to be believed is not asked here.
 */
#ifndef CERT_LOOK_H
#define CERT_LOOK_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

/**
 * cert_look() - look at a certificate
 * @der: bytes, and no more than it has
 * @length: of @der
 * @key: whose it shall be
 * @ret_until: last second it is good, since 1970
 *
 * Return: 0; -EBADMSG (it is no X.509 certificate in DER); -EKEYREJECTED (it is of another key).
 */
int cert_look(const uint8_t *der, size_t length, const EVP_PKEY *key, int64_t *ret_until);

#endif /* CERT_LOOK_H */
