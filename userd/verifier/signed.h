/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A verdict that its host can show to others: signed by the fleet's CA.
 *
 *	{"format":"vtpm-verdict-v1","host":id,"ak_name":digits,"resets":n,"restarts":n,
 *	 "status":"passed","verified_at":time,"valid_until":time,"verified_by":name,
 *	 "policy":digits,"ima_policy":digits}
 *
 * It is about one attestation key, and about one boot of its machine: resets and restarts are
 * those of the TPM's quote, and another boot has others. The policies are named by the SHA-256 of
 * their files; null is for none. What is signed are CA_WORDS_VERDICT and the text as it is.
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
