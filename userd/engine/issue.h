/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates from keyd, on the connection that the data key came on (engine/datakey.h):
 * KEYD_CERTIFY and KEYD_CERTIFIED.
 *
 * keyd says when the host TPM has done enough of this for the moment, and is asked again then:
 * for as long as there is patience. Whoever runs out of it goes on without.
 */
#ifndef ENGINE_ISSUE_H
#define ENGINE_ISSUE_H

#include "engine/certify.h"

/** define ISSUE_PATIENCE_MS - how long a TPM that somebody waits for is kept off, at most */
#define ISSUE_PATIENCE_MS 1500

/** define ISSUE_PATIENCE_SPARE_MS - the same for one that nobody waits for */
#define ISSUE_PATIENCE_SPARE_MS 60000

/**
 * struct issue - keyd, as somebody who issues
 * @fd: connection that KEYD_KEY was answered on, borrowed; -1: none
 * @patience_ms: what is left of it
 */
struct issue {
	int fd;
	unsigned int patience_ms;
};

/** issue_ask() - as @ask of struct certify_issuer; @context is a struct issue */
int issue_ask(void *context, enum keyd_cert_kind kind, const struct identity *key, uint8_t *der,
	      size_t *ret_length, char *ret_sentence);

#endif /* ENGINE_ISSUE_H */
