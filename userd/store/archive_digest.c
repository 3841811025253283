// SPDX-License-Identifier: BSD-3-Clause
/*
 * One function for SQL; see the header.
 */
#include "store/archive_digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

static void digest(sqlite3_context *context, int count, sqlite3_value **values)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	const void *bytes = sqlite3_value_blob(values[0]);

	(void)count;
	if (sqlite3_value_type(values[0]) != SQLITE_BLOB)
		sqlite3_result_null(context);
	else if (!EVP_Digest(bytes, (size_t)sqlite3_value_bytes(values[0]), hash, NULL,
			     EVP_sha256(), NULL))
		sqlite3_result_error_nomem(context);
	else
		sqlite3_result_blob(context, hash, sizeof(hash), SQLITE_TRANSIENT);
}

int archive_digest_add(sqlite3 *db)
{
	return sqlite3_create_function_v2(db, "digest", 1,
					  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
					  NULL, digest, NULL, NULL, NULL);
}
