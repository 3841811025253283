// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checks; see the header.
 */
#include "attest/certified.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "attest/signature.h"
#include "attest/statement.h"
#include "attest/tpm2b.h"
#include "base/cursor.h"

/* Part 2, 8.3 TPMA_OBJECT and 6.4 TPM_ECC_CURVE */
#define NO_DA		  0x00000400
#define TPM_ECC_NIST_P256 0x0003

#define POLICY_SIZE 32

static bool is_name(struct hash_part part, const struct public_name *name)
{
	return name->size && part_equal(part, name->bytes, name->size);
}

static const char *check_names(const struct statement *statement, const struct public *key,
			       const struct public *parent, const struct public *ak,
			       struct hash *hash)
{
	struct public_name name, above, signer, own;

	public_name(key, hash, &name);
	public_qualified(NULL, CERTIFIED_OWNER, parent, hash, &above);
	public_qualified(&above, 0, ak, hash, &signer);
	public_qualified(&above, 0, key, hash, &own);
	if (hash_failed(hash))
		return "the names of the keys cannot be computed";
	if (!is_name(statement->name, &name))
		return "another key was certified than is shown";
	if (!is_name(statement->signer, &signer))
		return "the key that signed is not below the storage key that is shown";
	if (!is_name(statement->qualified, &own))
		return "the key that was certified is not below the storage key that is shown";
	return NULL;
}

static const char *check_signature(const struct certified *certified, const struct public *ak)
{
	EVP_PKEY *key = public_key(ak);
	struct signature signature;
	bool good;

	signature_parse(&signature, certified->signature.at, certified->signature.length);
	good = key && signature.bank != _ATTEST_BANK_MAX &&
	       signature_verify(&signature, key, certified->message.at,
				certified->message.length);
	EVP_PKEY_free(key);
	return good ? NULL : "the host's attestation key did not sign this";
}

const char *certified_check(const struct certified *certified, struct hash *hash,
			    struct public *ret)
{
	struct attest_verdict *unheard = calloc(1, sizeof(*unheard));
	struct public parent, ak;
	struct statement statement;
	const char *why = NULL;

	if (!unheard)
		return "there is no memory left";
	if (!certified->key.length || !certified->parent.length || !certified->ak.length ||
	    !public_parse(ret, certified->key.at, certified->key.length) ||
	    !public_parse(&parent, certified->parent.at, certified->parent.length) ||
	    !public_parse(&ak, certified->ak.at, certified->ak.length))
		why = "what is shown is no public area of a TPM's key";
	else if (!public_attests(&ak))
		why = "the key that signed may sign what its TPM did not say";
	else if (statement_parse(&statement, certified->message.at, certified->message.length,
				 unheard) ||
		 statement.type != TPM_ST_ATTEST_CERTIFY)
		why = "what was signed certifies no key";
	else if (!part_equal(statement.extra, certified->about.at, certified->about.length))
		why = "what was signed answers another question";
	if (!why)
		why = check_signature(certified, &ak);
	if (!why)
		why = check_names(&statement, ret, &parent, &ak, hash);
	free(unheard);
	return why;
}

bool certified_vouches(const struct public *by, struct hash_part message,
		       struct hash_part signature, const struct public_name *name)
{
	struct attest_verdict *unheard = calloc(1, sizeof(*unheard));
	struct statement statement;
	struct signature parsed;
	bool good = unheard && public_attests(by) &&
		    !statement_parse(&statement, message.at, message.length, unheard) &&
		    statement.type == TPM_ST_ATTEST_CERTIFY && is_name(statement.name, name);
	EVP_PKEY *key = good ? public_key(by) : NULL;

	free(unheard);
	if (!key)
		return false;
	signature_parse(&parsed, signature.at, signature.length);
	good = parsed.bank != _ATTEST_BANK_MAX && parsed.bank != ATTEST_SHA1 &&
	       signature_verify(&parsed, key, message.at, message.length);
	EVP_PKEY_free(key);
	return good;
}

/* Part 2, 12.2.4: type, nameAlg and attributes come before it */
static size_t policy_size(const struct public *key)
{
	struct cursor_in in = cursor_in(key->area.at, key->area.length);

	cursor_get_u32(&in);
	cursor_get_u32(&in);
	return tpm2b_get(&in).length;
}

const char *certified_issues(const struct public *key)
{
	const uint32_t wanted = TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT |
				TPMA_OBJECT_ORIGIN | TPMA_OBJECT_SIGN;

	if (key->type != TPM_ALG_ECC || key->curve != TPM_ECC_NIST_P256 ||
	    key->scheme != TPM_ALG_ECDSA || key->scheme_bank != ATTEST_SHA256)
		return "the CA's key is no P-256 key for ECDSA with SHA-256";
	if ((key->attributes & ~(uint32_t)NO_DA) != wanted)
		return "the CA's key may be used in another way than to sign under its policy, or "
		       "may leave its TPM";
	if (policy_size(key) != POLICY_SIZE)
		return "the CA's key has no policy";
	return NULL;
}
