/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A verdict that its host can show to others, signed by the fleet's CA: attest/ruling.h has its
 * form.
 */
#ifndef VERIFIER_SIGNED_H
#define VERIFIER_SIGNED_H

#include "verifier/service.h"

/**
 * signed_verdict() - sign where a host stands
 * @standing: of it, after standing_take()
 * @machine: as the quote that was judged says
 * @keys: of it
 * @now: seconds since 1970
 *
 * Return: object with the text as "statement" and the signature, ECDSA in DER, as "signature",
 * base64url; NULL: there is no CA, it has no attestation key, no quote was believed, or no memory.
 */
json_t *signed_verdict(struct service *service, const struct standing *standing,
		       const struct standing_machine *machine, const struct fleet_keys *keys,
		       int64_t now);

#endif /* VERIFIER_SIGNED_H */
