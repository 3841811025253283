/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last step down: a key that applications use, in the same vTPM.
 *
 *	vTPM's attestation key [--certifies--> guest's own] --TPM2_Certify--> application key
 *
 * What the TPM said of it and the signature are in the bundle ("application_key"), or in files
 * (--msg, --sig). What the key was certified for (extraData) is not looked at: a key is in its TPM
 * for as long as it lives, if it may not leave.
 */
#ifndef VERIFIER_APPLICATION_H
#define VERIFIER_APPLICATION_H

#include "attest/bundle.h"
#include "attest/public.h"
#include "verifier/verifier.h"

/**
 * application_check() - is it a key of this vTPM?
 * @ret: its Name; size 0: there is none, or it is not believed
 * @verifier: names the key that it has to be (--app-key), and perhaps --msg and --sig
 * @bundle: of the vTPM, whose links hold
 * @hash: computes
 * @verdict: hears "app.missing", "app.invalid", "app.key", "app.certify", "app.movable",
 *	"quote.missing" of --msg and --sig
 *
 * Return: 0; -EBADMSG (a file cannot be read, or is malformed); -ENOMEM.
 */
int application_check(struct public_name *ret, const struct verifier *verifier,
		      const struct bundle *bundle, struct hash *hash,
		      struct attest_verdict *verdict);

#endif /* VERIFIER_APPLICATION_H */
