/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a certificate of a vTPM's key says besides a TPM's maker's would: which vTPM, in which
 * epoch, how protected; and whether the fleet's CA took it back.
 *
 * The chain has been judged before (attest/ekcert.h). A list is believed where a certificate that
 * the operator gave signed it, and is not out of date.
 */
#ifndef VERIFIER_VTPMCERT_H
#define VERIFIER_VTPMCERT_H

#include "attest/attest.h"
#include "cert/binding.h"
#include "verifier/verifier.h"

/**
 * struct vtpmcert - what it says
 * @bound: it is of a vTPM
 * @binding: of which, where @bound
 * @checked: who took nothing back: common name of the list's CA; empty: nobody was asked
 * @checked_at: when that list was made, seconds since 1970
 */
struct vtpmcert {
	bool bound;
	struct binding binding;
	char checked[64];
	int64_t checked_at;
};

/**
 * vtpmcert_check() - judge it
 * @verifier: names the list (--crl), who may have signed it (--ca) and those between (--chain)
 * @bytes: certificate, DER or PEM
 * @length: of @bytes
 * @ret: what it says
 * @verdict: hears "ek.binding", "ek.revoked", "ek.suspended", "crl.missing", "crl.invalid",
 *	"crl.expired"
 *
 * Return: 0; -EBADMSG (a file cannot be read); -ENOMEM.
 */
int vtpmcert_check(const struct verifier *verifier, const void *bytes, size_t length,
		   struct vtpmcert *ret, struct attest_verdict *verdict);

#endif /* VERIFIER_VTPMCERT_H */
