/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is this quote true? A quote is four things from four hands: what the TPM said, a
 * signature, a key that is believed for another reason, and PCR values, which are nobody's
 * word until their digest is the one that was signed.
 *
 * The order is that of the harm: framing, kind, signature, who signed, nonce, selection,
 * values, clock. Nothing is said of values that were not signed.
 */
#ifndef ATTEST_QUOTE_H
#define ATTEST_QUOTE_H

#include "attest/attest.h"
#include "attest/public.h"
#include "attest/statement.h"

#define QUOTE_PCRS_MAX 65536

/**
 * struct quote_evidence - what is judged, and by what
 * @message: TPMS_ATTEST
 * @signature: TPMT_SIGNATURE or plain
 * @pcrs: values, as tpm2_quote writes them or as text; at NULL: none
 * @values: the same, where they were read already; NULL: @pcrs
 * @ak: attestation key: PEM, DER, TPM2B_PUBLIC or TPMT_PUBLIC
 * @key: the same, where it was made of that before; NULL: not yet
 * @ek: its parent, TPM2B_PUBLIC or TPMT_PUBLIC; at NULL: not known
 * @nonce: that was asked for; at NULL: none
 */
struct quote_evidence {
	struct hash_part message;
	struct hash_part signature;
	struct hash_part pcrs;
	const struct attest_pcrs *values;
	struct hash_part ak;
	EVP_PKEY *key;
	struct hash_part ek;
	struct hash_part nonce;
};

/**
 * struct quote - what a quote came to
 * @statement: as it was signed
 * @bank: hash of the signature
 * @ak_name: name of the key; size 0 where it came as PEM or DER
 * @pcrs: values that were signed; none where the quote failed
 * @signed_by_ak: the signature is that key's
 */
struct quote {
	struct statement statement;
	enum attest_bank bank;
	struct public_name ak_name;
	struct attest_pcrs pcrs;
	bool signed_by_ak;
};

/**
 * quote_check() - judge a quote
 * @ret: what it came to; points into the evidence
 * @evidence: all of it
 * @hash: computes
 * @verdict: hears "quote.*", "ak.*", "pcrs.invalid", "clock.unsafe"
 *
 * Return: 0; -EBADMSG (something is malformed); -ENOMEM.
 */
int quote_check(struct quote *ret, const struct quote_evidence *evidence, struct hash *hash,
		struct attest_verdict *verdict);

/**
 * quote_pcrs() - read PCR values as tpm2_quote writes them, or as text
 * @ret: values
 * @selection: that the TPM signed; bare values are in its order
 * @ret_selected: how the file itself says they are selected; bare values say nothing
 * @bytes: of the file
 * @length: how many
 * @verdict: hears "pcrs.invalid"
 *
 * Return: 0; -EBADMSG; -ENOMEM.
 */
int quote_pcrs(struct attest_pcrs *ret, const struct selection *selection,
	       struct selection *ret_selected, const char *bytes, size_t length,
	       struct attest_verdict *verdict);

/** quote_select() - the PCRs that have a value, as a selection */
void quote_select(const struct attest_pcrs *pcrs, struct selection *ret);

#endif /* ATTEST_QUOTE_H */
