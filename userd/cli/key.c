// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reading keys; see the header.
 */
#include "cli/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "cli/report.h"

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_number(BIGNUM **number)
{
	BN_clear_free(*number);
}

static json_t *no_key(const char *path, const char *what)
{
	return report_problem("usage", "`openssl ecparam -name prime256v1 -genkey` makes one",
			      "'%s' is no %s key of the curve P-256 in PEM", path, what);
}

static json_t *load(const char *path, bool private, EVP_PKEY **ret)
{
	_cleanup_(close_file) FILE *file = fopen(path, "re");

	if (!file)
		return report_problem("usage", "give another file", "'%s' cannot be read: %s", path,
				      strerror(errno));
	*ret = private ? PEM_read_PrivateKey(file, NULL, NULL, NULL) :
			 PEM_read_PUBKEY(file, NULL, NULL, NULL);
	return *ret ? NULL : no_key(path, private ? "private" : "public");
}

static bool is_p256(const EVP_PKEY *key)
{
	char name[32] = "";

	return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name),
					      NULL) == 1 &&
	       !strcmp(name, "prime256v1");
}

json_t *key_public(const char *path, uint8_t ret[SEAL_POINT_SIZE])
{
	_cleanup_(free_key) EVP_PKEY *key = NULL;
	json_t *problem = load(path, false, &key);
	uint8_t bytes[2 * SEAL_POINT_SIZE];
	size_t length = 0;

	if (problem)
		return problem;
	if (!is_p256(key) ||
	    !EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes),
					     &length) ||
	    length != SEAL_POINT_SIZE)
		return no_key(path, "public");
	cursor_copy(ret, SEAL_POINT_SIZE, bytes, length);
	return NULL;
}

json_t *key_private(const char *path, uint8_t ret[SEAL_SCALAR_SIZE])
{
	_cleanup_(free_key) EVP_PKEY *key = NULL;
	_cleanup_(free_number) BIGNUM *number = NULL;
	json_t *problem = load(path, true, &key);

	if (problem)
		return problem;
	if (!is_p256(key) || !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) ||
	    BN_bn2binpad(number, ret, SEAL_SCALAR_SIZE) < 0)
		return no_key(path, "private");
	return NULL;
}

json_t *key_of_code(const uint8_t scalar[SEAL_SCALAR_SIZE], uint8_t ret[SEAL_POINT_SIZE])
{
	uint8_t key[SEAL_SCALAR_SIZE];
	int r;

	r = plan_key(scalar, key);
	if (!r)
		r = seal_point_of(key, ret);
	secret_wipe(key, sizeof(key));
	return r ? report_problem("internal", NULL, "OpenSSL makes no plan key") : NULL;
}
