// SPDX-License-Identifier: BSD-3-Clause
/*
 * One pool a process, as there is one TPM; see the header.
 *
 *	add	pool = SHA-256("add" | pool | bytes)
 *	draw	out = SHA-256("out" | pool | kernel), pool = SHA-256("add" | pool | kernel)
 */
#include "engine/entropy.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/random.h>

#include "base/secret.h"

static uint8_t pool[ENTROPY_SIZE];

static int mix(const char *what, const void *bytes, size_t length, uint8_t to[ENTROPY_SIZE])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	int r = -ENOTRECOVERABLE;

	if (digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(digest, what, 3) && EVP_DigestUpdate(digest, pool, sizeof(pool)) &&
	    EVP_DigestUpdate(digest, bytes, length) && EVP_DigestFinal_ex(digest, to, NULL))
		r = 0;
	EVP_MD_CTX_free(digest);
	return r;
}

int entropy_add(const void *bytes, size_t length)
{
	return mix("add", bytes, length, pool);
}

int entropy_draw(uint8_t to[ENTROPY_SIZE])
{
	uint8_t fresh[ENTROPY_SIZE];
	int r;

	if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh))
		return -ENOTRECOVERABLE;
	r = mix("out", fresh, sizeof(fresh), to);
	if (!r)
		r = mix("add", fresh, sizeof(fresh), pool);
	secret_wipe(fresh, sizeof(fresh));
	return r;
}

int entropy_seed_library(void)
{
	uint8_t seed[ENTROPY_SIZE];
	int r;

	r = entropy_draw(seed);
	if (!r)
		RAND_add(seed, sizeof(seed), 0);
	secret_wipe(seed, sizeof(seed));
	return r;
}

void entropy_done(void)
{
	secret_wipe(pool, sizeof(pool));
}
