// SPDX-License-Identifier: BSD-3-Clause
/*
 * One context per algorithm, kept: to set one up costs more than to hash what an
 * event holds.
 */
#include "attest/hash.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/cursor.h"
#include "base/secret.h"

/* TCG Algorithm Registry, 6.2 */
static const struct {
	const char *name;
	const char *openssl;
	uint16_t id;
	uint16_t size;
} kinds[_ATTEST_BANK_MAX] = {
	[ATTEST_SHA1] = { "sha1", "SHA1", 0x0004, 20 },
	[ATTEST_SHA256] = { "sha256", "SHA256", 0x000b, 32 },
	[ATTEST_SHA384] = { "sha384", "SHA384", 0x000c, 48 },
	[ATTEST_SHA512] = { "sha512", "SHA512", 0x000d, 64 },
	[ATTEST_SM3] = { "sm3_256", "SM3", 0x0012, 32 },
};

struct hash {
	EVP_MD *kind[_ATTEST_BANK_MAX];
	EVP_MD_CTX *context[_ATTEST_BANK_MAX];
	bool failed;
};

struct hash *hash_new(void)
{
	struct hash *hash = calloc(1, sizeof(*hash));

	for (int bank = 0; hash && bank < _ATTEST_BANK_MAX; bank++) {
		hash->kind[bank] = EVP_MD_fetch(NULL, kinds[bank].openssl, NULL);
		hash->context[bank] = EVP_MD_CTX_new();
		if (!hash->kind[bank] || !hash->context[bank]) {
			hash_free(hash);
			hash = NULL;
		}
	}
	return hash;
}

void hash_free(struct hash *hash)
{
	for (int bank = 0; hash && bank < _ATTEST_BANK_MAX; bank++) {
		EVP_MD_CTX_free(hash->context[bank]);
		EVP_MD_free(hash->kind[bank]);
	}
	free(hash);
}

void hash_freep(struct hash **hash)
{
	hash_free(*hash);
}

void hash_parts(struct hash *hash, enum attest_bank bank, const struct hash_part *parts,
		size_t count, uint8_t ret[ATTEST_DIGEST_MAX])
{
	EVP_MD_CTX *context = hash->context[bank];
	bool good = EVP_DigestInit_ex2(context, hash->kind[bank], NULL) == 1;

	for (size_t i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(context, parts[i].at, parts[i].length) == 1;
	if (good && EVP_DigestFinal_ex(context, ret, NULL) == 1)
		return;
	hash->failed = true;
	memset(ret, 0, ATTEST_DIGEST_MAX);
}

bool hash_is(struct hash *hash, enum attest_bank bank, const void *bytes, size_t length,
	     const uint8_t *digest)
{
	const struct hash_part part = { bytes, length };
	uint8_t value[ATTEST_DIGEST_MAX];

	hash_parts(hash, bank, &part, 1, value);
	return !hash->failed && secret_equal(value, digest, kinds[bank].size);
}

void hash_extend(struct hash *hash, enum attest_bank bank, uint8_t *pcr, const uint8_t *digest)
{
	const size_t size = kinds[bank].size;
	const struct hash_part parts[] = { { pcr, size }, { digest, size } };
	uint8_t value[ATTEST_DIGEST_MAX];

	hash_parts(hash, bank, parts, 2, value);
	cursor_copy(pcr, size, value, size);
}

bool hash_failed(const struct hash *hash)
{
	return hash->failed;
}

size_t hash_size(enum attest_bank bank)
{
	return kinds[bank].size;
}

uint16_t hash_id(enum attest_bank bank)
{
	return kinds[bank].id;
}

const char *hash_openssl(enum attest_bank bank)
{
	return kinds[bank].openssl;
}

const char *hash_name(enum attest_bank bank)
{
	return kinds[bank].name;
}

enum attest_bank hash_by_name(const char *name, size_t length)
{
	enum attest_bank bank = 0;

	while (bank < _ATTEST_BANK_MAX && (strlen(kinds[bank].name) != length ||
					   strncmp(kinds[bank].name, name, length) != 0))
		bank++;
	return bank;
}

enum attest_bank hash_by_id(uint16_t id)
{
	enum attest_bank bank = 0;

	while (bank < _ATTEST_BANK_MAX && kinds[bank].id != id)
		bank++;
	return bank;
}
