// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checks of a quote, in one page at the end of this file. A check that fails ends
 * them where what follows would rest on it.
 */
#include "attest/quote.h"

#include <errno.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/signature.h"
#include "attest/tpm2b.h"

/* Part 2, 7.4 TPM_RH */
#define TPM_RH_OWNER	   0x40000001
#define TPM_RH_ENDORSEMENT 0x4000000b

#define FORGED "believe nothing of it: ask the host again, with a new nonce"

/**
 * struct check - a quote that is being judged
 * @quote: result
 * @evidence: all of it
 * @ak: the key's public area; type 0 where it came bare
 * @key: the key
 * @hash: computes
 * @verdict: hears what is wrong
 */
struct check {
	struct quote *quote;
	const struct quote_evidence *evidence;
	struct public ak;
	EVP_PKEY *key;
	struct hash *hash;
	struct attest_verdict *verdict;
};

static struct attest_reason *fail(const struct check *check, const char *code, const char *next,
				  const char *text)
{
	return attest_verdict_say(check->verdict, ATTEST_FAILED, code, next, "%s", text);
}

/* To make a key of its numbers costs more than to verify by it. */
static EVP_PKEY *take_key(EVP_PKEY *made, const struct public *public)
{
	if (made && EVP_PKEY_up_ref(made) == 1)
		return made;
	return public_key(public);
}

static int read_ak(struct check *check)
{
	const struct hash_part *bytes = &check->evidence->ak;

	if (bytes->length <= PUBLIC_BYTES_MAX && public_parse(&check->ak, bytes->at,
							      bytes->length)) {
		check->key = take_key(check->evidence->key, &check->ak);
		public_name(&check->ak, check->hash, &check->quote->ak_name);
	} else {
		check->ak = (struct public){ 0 };
		check->key = bytes->length <= UINT16_MAX ? public_plain_key(*bytes) : NULL;
	}
	if (!check->key)
		return attest_verdict_malformed(check->verdict, "ak.invalid", 0, 0,
						"the attestation key is no PEM, DER, TPM2B_PUBLIC or "
						"TPMT_PUBLIC of a key that is known");
	if (!check->ak.type)
		attest_verdict_unchecked(check->verdict, "the attestation key is given bare, so "
							 "whether it is restricted is not known");
	else if (!public_attests(&check->ak))
		fail(check, "ak.not-restricted", "enrol a key that is restricted, fixedTPM, "
						 "fixedParent and made by its TPM, and only signs",
		     "this key signs what its owner wants, not only what its TPM says");
	return 0;
}

/* A plain signature does not name its hash; the digest of the values is one of it. */
static void find_bank(const struct check *check, struct signature *signature)
{
	if (signature->bank != _ATTEST_BANK_MAX)
		return;
	if (check->ak.type && check->ak.scheme != TPM_ALG_NULL)
		signature->bank = check->ak.scheme_bank;
	for (enum attest_bank bank = ATTEST_SHA1; signature->bank == _ATTEST_BANK_MAX &&
						  bank <= ATTEST_SHA512; bank++)
		if (hash_size(bank) == check->quote->statement.digest.length)
			signature->bank = bank;
}

static bool check_signature(struct check *check)
{
	const struct quote_evidence *evidence = check->evidence;
	struct signature signature;

	signature_parse(&signature, evidence->signature.at, evidence->signature.length);
	find_bank(check, &signature);
	if (!signature_verify(&signature, check->key, evidence->message.at,
			      evidence->message.length)) {
		fail(check, "quote.signature", FORGED,
		     "the attestation key did not sign this statement");
		return false;
	}
	check->quote->signed_by_ak = true;
	check->quote->bank = signature.bank;
	if (signature.bank == ATTEST_SHA1)
		fail(check, "quote.hash", "have the attestation key sign with SHA-256",
		     "it is signed with SHA-1");
	return true;
}

static bool is_child(const struct check *check)
{
	struct public_name parent, own;
	struct public ek;

	if (!public_parse(&ek, check->evidence->ek.at, check->evidence->ek.length))
		return false;
	public_qualified(NULL, TPM_RH_ENDORSEMENT, &ek, check->hash, &parent);
	public_qualified(&parent, 0, &check->ak, check->hash, &own);
	return part_equal(check->quote->statement.signer, own.bytes, own.size);
}

static bool is_primary(const struct check *check)
{
	static const uint32_t hierarchies[] = { TPM_RH_ENDORSEMENT, TPM_RH_OWNER };
	struct public_name own;

	for (size_t i = 0; i < 2; i++) {
		public_qualified(NULL, hierarchies[i], &check->ak, check->hash, &own);
		if (part_equal(check->quote->statement.signer, own.bytes, own.size))
			return true;
	}
	return false;
}

static void check_signer(const struct check *check)
{
	struct attest_reason *reason;

	if (!check->ak.type || (!check->evidence->ek.at && !is_primary(check))) {
		attest_verdict_unchecked(check->verdict, "the signer's parent is not given (--ek, and "
							 "--ak as TPM2B_PUBLIC), so its qualified "
							 "name says nothing");
		return;
	}
	if (check->evidence->ek.at ? is_child(check) : is_primary(check))
		return;
	reason = fail(check, "quote.signer", "give the EK below which this key was made, and the "
					     "key's own public area",
		      "the statement names another signer than this key below this EK");
	attest_text_hex(reason->found, check->quote->statement.signer.at,
			check->quote->statement.signer.length);
}

static void check_nonce(const struct check *check)
{
	const struct hash_part *nonce = &check->evidence->nonce;
	const struct hash_part *extra = &check->quote->statement.extra;
	struct attest_reason *reason;

	if (!nonce->at) {
		attest_verdict_unchecked(check->verdict, "no nonce is given, so the quote may be an "
							 "old one");
		return;
	}
	if (part_equal(*extra, nonce->at, nonce->length))
		return;
	reason = fail(check, "quote.nonce", FORGED, "it answers another nonce: it is an old quote, "
						    "or one for somebody else");
	attest_text_hex(reason->expected, nonce->at, nonce->length);
	attest_text_hex(reason->found, extra->at, extra->length);
}

static void selected(const struct selection *selection, uint32_t ret[_ATTEST_BANK_MAX + 1])
{
	for (size_t i = 0; i < selection->count; i++)
		ret[selection->banks[i]] |= selection->pcrs[i];
}

static bool check_selection(const struct check *check, const struct selection *given)
{
	const struct selection *quoted = &check->quote->statement.selection;
	uint32_t here[_ATTEST_BANK_MAX + 1] = { 0 }, there[_ATTEST_BANK_MAX + 1] = { 0 };

	selected(quoted, here);
	selected(given, there);
	for (int bank = 0; bank <= _ATTEST_BANK_MAX; bank++) {
		if (here[bank] == there[bank])
			continue;
		fail(check, "quote.selection", "ask for a quote of all these PCRs, and give their "
					       "values",
		     "the quote covers other PCRs than the values are of");
		return false;
	}
	for (size_t i = 0; i < quoted->count; i++)
		for (size_t j = 0; j < i; j++)
			if (quoted->banks[i] == quoted->banks[j] &&
			    quoted->pcrs[i] & quoted->pcrs[j]) {
				fail(check, "quote.selection", FORGED,
				     "the quote selects a PCR twice");
				return false;
			}
	return true;
}

static void check_values(const struct check *check, const struct attest_pcrs *pcrs)
{
	const struct selection *quoted = &check->quote->statement.selection;
	struct hash_part parts[SELECTION_BANKS * ATTEST_PCRS];
	uint8_t digest[ATTEST_DIGEST_MAX];
	struct attest_reason *reason;
	bool only_sha1 = true;
	size_t count = 0;

	for (size_t i = 0; i < quoted->count; i++) {
		enum attest_bank bank = quoted->banks[i];

		for (uint32_t left = quoted->pcrs[i]; left; left &= left - 1)
			parts[count++] = (struct hash_part){
				pcrs->value[bank][__builtin_ctz(left)], hash_size(bank)
			};
		if (quoted->pcrs[i] && bank != ATTEST_SHA1)
			only_sha1 = false;
	}
	hash_parts(check->hash, check->quote->bank, parts, count, digest);
	if (!part_equal(check->quote->statement.digest, digest, hash_size(check->quote->bank))) {
		reason = fail(check, "quote.pcrs", "give the values that were read with this quote",
			      "the PCR values are not those that were signed");
		attest_text_hex(reason->expected, check->quote->statement.digest.at,
				check->quote->statement.digest.length);
		attest_text_hex(reason->found, digest, hash_size(check->quote->bank));
		return;
	}
	check->quote->pcrs = *pcrs;
	if (!count)
		attest_verdict_say(check->verdict, ATTEST_UNKNOWN, "quote.selection",
				   "ask for a quote of PCRs", "it quotes no PCR at all");
	else if (only_sha1)
		fail(check, "quote.bank", "quote a bank of SHA-256 or better",
		     "only the SHA-1 bank is quoted");
}

static int check_pcrs(const struct check *check)
{
	const struct hash_part *bytes = &check->evidence->pcrs;
	const struct selection *quoted = &check->quote->statement.selection;
	struct selection given;
	struct attest_pcrs pcrs;
	int r = 0;

	for (size_t i = 0; i < quoted->count; i++) {
		if (quoted->banks[i] != _ATTEST_BANK_MAX || !quoted->pcrs[i])
			continue;
		fail(check, "quote.bank", "quote banks of SHA-256 or better",
		     "the quote covers a bank that is not known here");
		return 0;
	}
	if (!bytes->at && !check->evidence->values) {
		attest_verdict_unchecked(check->verdict,
					 "no PCR values are given, so the quote vouches for none");
		return 0;
	}
	if (check->evidence->values) {
		pcrs = *check->evidence->values;
		quote_select(&pcrs, &given);
	} else {
		r = quote_pcrs(&pcrs, quoted, &given, bytes->at, bytes->length, check->verdict);
	}
	if (!r && check_selection(check, &given))
		check_values(check, &pcrs);
	return r;
}

static int run(struct check *check)
{
	const struct statement *statement = &check->quote->statement;
	int r;

	r = statement_parse(&check->quote->statement, check->evidence->message.at,
			    check->evidence->message.length, check->verdict);
	if (r)
		return r;
	if (statement->type != TPM_ST_ATTEST_QUOTE) {
		attest_verdict_say(check->verdict, ATTEST_FAILED, "quote.type",
				   "ask the TPM for a quote", "it is a statement of type %s, not "
				   "a quote", statement_type_name(statement->type));
		return 0;
	}
	r = read_ak(check);
	if (r || !check_signature(check))
		return r;
	check_signer(check);
	check_nonce(check);
	r = check_pcrs(check);
	if (!statement->clock.safe)
		attest_verdict_say(check->verdict, ATTEST_WARNING, "clock.unsafe",
				   "shut the TPM down in order before it loses power",
				   "its clock may have shown a later time before");
	return r;
}

int quote_check(struct quote *ret, const struct quote_evidence *evidence, struct hash *hash,
		struct attest_verdict *verdict)
{
	struct check check = { .quote = ret, .evidence = evidence, .hash = hash,
			       .verdict = verdict };
	int r;

	*ret = (struct quote){ .bank = _ATTEST_BANK_MAX };
	r = run(&check);
	EVP_PKEY_free(check.key);
	return r;
}
