/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that are certified: is this public area one of its kind?
 *
 * An engine says what it likes. So much is certain of a key that passes: it is a key of the kind
 * that the certificate will say, as templates make it, and its numbers are a key.
 */
#ifndef KEYD_SUBJECT_H
#define KEYD_SUBJECT_H

#include <openssl/types.h>

#include "seal/crypto.h"
#include "wire/ipc_keyd.h"

/**
 * subject_read() - read it
 * @kind: what it shall be
 * @area: TPMT_PUBLIC
 *
 * Return: for EVP_PKEY_free(); NULL: it is no key of this kind.
 */
EVP_PKEY *subject_read(enum keyd_cert_kind kind, struct seal_bytes area);

/** subject_key() - any public area of a key. Return: for EVP_PKEY_free(); NULL: it is none */
EVP_PKEY *subject_key(struct seal_bytes area);

#endif /* KEYD_SUBJECT_H */
