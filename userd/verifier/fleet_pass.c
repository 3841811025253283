// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who is let into a fleet: bearers, certificates and one-time tokens by their hashes.
 */
#include "verifier/fleet.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/secret.h"
#include "base/text.h"
#include "verifier/fleet_sql.h"

#define SECRET_BYTES 32

static const char *const role_names[_FLEET_ROLE_MAX] = {
	[FLEET_NOBODY] = "nobody",     [FLEET_HOST] = "host",	[FLEET_VIEWER] = "viewer",
	[FLEET_OPERATOR] = "operator", [FLEET_ADMIN] = "admin", [FLEET_ENROL] = "enrol",
};

const char *fleet_role_name(enum fleet_role role)
{
	return role < _FLEET_ROLE_MAX ? role_names[role] : role_names[FLEET_NOBODY];
}

static bool digest(const void *secret, size_t size, uint8_t ret[FLEET_HASH])
{
	return EVP_Digest(secret, size, ret, NULL, EVP_sha256(), NULL) == 1;
}

int fleet_pass_add(struct fleet *fleet, const void *secret, size_t size,
		   const struct fleet_pass *pass, int64_t until)
{
	uint8_t hash[FLEET_HASH];

	if (!digest(secret, size, hash))
		return -EIO;
	return fleet_run(fleet,
			 fleet_bind(fleet, FLEET_PASS_ADD, "biti", hash, sizeof(hash),
				    (int64_t)pass->role, pass->name, until));
}

int fleet_pass_get(struct fleet *fleet, const void *secret, size_t size, int64_t now,
		   struct fleet_pass *ret)
{
	uint8_t hash[FLEET_HASH];
	sqlite3_stmt *row;
	int r, role;

	if (!digest(secret, size, hash))
		return -EIO;
	row = fleet_bind(fleet, FLEET_PASS_GET, "bi", hash, sizeof(hash), now);
	r = fleet_row(fleet, row);
	if (r)
		return r;
	role = sqlite3_column_int(row, 0);
	*ret = (struct fleet_pass){ FLEET_NOBODY, "" };
	if (role > FLEET_NOBODY && role < _FLEET_ROLE_MAX)
		ret->role = (enum fleet_role)role;
	text_cut(ret->name, sizeof(ret->name), fleet_text(row, 1));
	sqlite3_reset(row);
	return 0;
}

int fleet_pass_use(struct fleet *fleet, const void *secret, size_t size, int most)
{
	uint8_t hash[FLEET_HASH];
	int r;

	if (!digest(secret, size, hash))
		return -EIO;
	r = fleet_run(fleet, fleet_bind(fleet, FLEET_PASS_USE, "bi", hash, sizeof(hash),
					(int64_t)most));
	if (r)
		return r;
	r = fleet_run(fleet, fleet_bind(fleet, FLEET_PASS_SPENT, "bi", hash, sizeof(hash),
					(int64_t)most));
	return r == -ENOENT ? 0 : r;
}

int fleet_pass_spend(struct fleet *fleet, const void *secret, size_t size)
{
	uint8_t hash[FLEET_HASH];

	if (!digest(secret, size, hash))
		return -EIO;
	return fleet_run(fleet, fleet_bind(fleet, FLEET_PASS_SPENT, "bi", hash, sizeof(hash),
					   (int64_t)0));
}

int fleet_pass_remove(struct fleet *fleet, const struct fleet_pass *pass)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_PASS_REMOVE, "it", (int64_t)pass->role,
					   pass->name));
}

int fleet_ek_add(struct fleet *fleet, const uint8_t *name, size_t size)
{
	int r = fleet_run(fleet, fleet_bind(fleet, FLEET_EK_ADD, "b", name, size));

	return r == -ENOENT ? 0 : r;
}

int fleet_ek_listed(struct fleet *fleet, const uint8_t *name, size_t size)
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_EK_GET, "b", name, size);
	int r = fleet_row(fleet, row);

	if (!r)
		sqlite3_reset(row);
	return r;
}

int fleet_secret_new(char ret[FLEET_SECRET])
{
	uint8_t bytes[SECRET_BYTES];

	if (RAND_bytes(bytes, SECRET_BYTES) != 1)
		return -EIO;
	base64_write(bytes, sizeof(bytes), ret);
	secret_wipe(bytes, sizeof(bytes));
	return 0;
}

int fleet_uuid_new(char ret[STANDING_ID])
{
	uint8_t b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		return -EIO;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(ret, STANDING_ID,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return 0;
}
