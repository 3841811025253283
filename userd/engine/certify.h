/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates for the keys that a TPM is known by (engine/identity.h): where they come from,
 * and what became of it.
 *
 * The manager says which keys shall get one, and brings those of a CA of the operator's; others
 * are asked for at keyd, whom the engine alone tells its keys. What came is written into the TPM
 * (engine/certificate.h) and told to the manager, with the keys, so that it can show them.
 */
#ifndef ENGINE_CERTIFY_H
#define ENGINE_CERTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/certificate.h"
#include "engine/identity.h"
#include "wire/ipc.h"
#include "wire/ipc_engine.h"

/**
 * struct certify_issuer - who issues certificates
 * @ask: for one of this key. 0: @der (CERTIFICATE_MAX bytes) has @ret_length; or 1, with a
 *	sentence (IPC_TEXT_MAX bytes): there is none now. Takes its time, and ends
 * @context: for it
 */
struct certify_issuer {
	int (*ask)(void *context, enum keyd_cert_kind kind, const struct identity *key,
		   uint8_t *der, size_t *ret_length, char *ret_sentence);
	void *context;
};

/**
 * struct certify_wish - what the manager wants
 * @kinds: keys that shall get a certificate, bit n: &enum keyd_cert_kind
 * @asks: the issuer may be asked; otherwise only keys are looked at
 * @own: certificates of a CA of the operator's, borrowed; of no bytes: none
 */
struct certify_wish {
	uint32_t kinds;
	bool asks;
	struct {
		const uint8_t *der;
		size_t length;
	} own[_KEYD_CERT_KIND_MAX];
};

/**
 * struct certify_result - what became of one key
 * @looked: it was looked at
 * @key: it; of no bytes: it is not there
 * @source: whose certificate was written
 * @der: that certificate
 * @length: bytes of it
 * @until: last second it is good, since 1970
 * @sentence: why there is none; empty: there is one
 */
struct certify_result {
	bool looked;
	struct identity key;
	enum engine_cert_source source;
	uint8_t der[CERTIFICATE_MAX];
	size_t length;
	int64_t until;
	char sentence[IPC_TEXT_MAX];
};

/**
 * certify() - write certificates into a TPM that is started up, with an empty platformAuth
 * @wish: what the manager wants
 * @issuer: who is asked; NULL: nobody
 * @ret: _KEYD_CERT_KIND_MAX results
 *
 * A certificate that cannot be had is no error: its result says why.
 *
 * Return: 0; -ENOTRECOVERABLE.
 */
int certify(const struct certify_wish *wish, const struct certify_issuer *issuer,
	    struct certify_result *ret);

#endif /* ENGINE_CERTIFY_H */
