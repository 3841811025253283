/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has another host of the fleet passed, as its verifier signed it (attest/ruling.h), and does that
 * still hold?
 */
#ifndef KEYD_PASSED_H
#define KEYD_PASSED_H

#include <openssl/types.h>

#include "seal/crypto.h"
#include "seal/reason.h"

/**
 * struct passed - a ruling
 * @text: as it was signed
 * @signature: by the fleet's CA
 */
struct passed {
	struct seal_bytes text;
	struct seal_bytes signature;
};

/**
 * passed_check() - may it be trusted with a data key?
 * @by: certificate of the fleet's CA
 * @host: its name there
 *
 * Return: 0; -EACCES (not signed by that CA, or about another host); -EBADMSG (signed, but no
 * ruling); -EPERM (it has not passed); -ETIME (it is over, or not yet); with a reason.
 */
int passed_check(const struct passed *passed, X509 *by, const char *host, struct reason *reason);

#endif /* KEYD_PASSED_H */
