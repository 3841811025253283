/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Enrolment: a host proves that its attestation key is in the TPM of its endorsement key.
 *
 *	begin	a one-time token and keys -> a credential that only that TPM opens
 *	finish	what was in it; one try -> certificate of the key, bearer of the host
 *
 * A token is for three beginnings and one finish. A token that names a host replaces that
 * host's TPM: an administrator decided it. Without that, an endorsement key that is known
 * renews its own host, and never becomes another one.
 */
#ifndef VERIFIER_ENROL_H
#define VERIFIER_ENROL_H

#include <jansson.h>

#include "attest/credential.h"
#include "verifier/config.h"

#define ENROL_MOST	64
#define ENROL_SECONDS	300
#define ENROL_BEGINNINGS 3

struct enrolments;

/**
 * enrolments_new() - none yet
 * @config: names roots of TPM makers
 * @reason: why not
 * @room: bytes of @reason
 * @ret: set on success
 *
 * Return: 0; -EBADMSG (there are no certificates in "ek_roots"); -ENOMEM.
 */
int enrolments_new(const struct config *config, char *reason, size_t room,
		   struct enrolments **ret);

/** enrolments_free() - wipe all; NULL is fine */
void enrolments_free(struct enrolments *enrolments);

/** enrol_credential_json() - "credential" and "secret", as base64url; NULL without memory */
json_t *enrol_credential_json(const struct credential *credential);

#endif /* VERIFIER_ENROL_H */
