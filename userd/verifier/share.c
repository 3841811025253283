// SPDX-License-Identifier: BSD-3-Clause
/*
 * Keep, give out and forget; see the header.
 */
#include "verifier/share.h"

#include <errno.h>
#include <string.h>

#include "attest/tpm2b.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "verifier/fleet_sql.h"

#define LABEL	    "vtpm-verify shares of hosts"
#define SEALED_SIZE (SEAL_NONCE_SIZE + SEAL_KEY_SIZE + SEAL_TAG_SIZE)

static struct seal_bytes about(const char *host)
{
	return (struct seal_bytes){ host, strlen(host) };
}

static int encrypt(struct ca *ca, const char *host, const uint8_t share[SEAL_KEY_SIZE],
		   uint8_t ret[SEALED_SIZE])
{
	uint8_t key[SEAL_KEY_SIZE];
	int r = ca_derive(ca, LABEL, key);

	if (!r)
		r = seal_random(ret, SEAL_NONCE_SIZE);
	if (!r)
		r = seal_encrypt(key, ret, about(host),
				 (struct seal_bytes){ share, SEAL_KEY_SIZE },
				 ret + SEAL_NONCE_SIZE);
	secret_wipe(key, sizeof(key));
	return r;
}

static int decrypt(struct ca *ca, const char *host, const uint8_t sealed[SEALED_SIZE],
		   uint8_t ret[SEAL_KEY_SIZE])
{
	uint8_t key[SEAL_KEY_SIZE];
	int r = ca_derive(ca, LABEL, key);

	if (!r)
		r = seal_decrypt(key, sealed, about(host),
				 (struct seal_bytes){ sealed + SEAL_NONCE_SIZE,
						      SEALED_SIZE - SEAL_NONCE_SIZE },
				 ret);
	secret_wipe(key, sizeof(key));
	return r;
}

int share_keep(struct fleet *fleet, struct ca *ca, const char *host, int64_t now)
{
	uint8_t share[SEAL_KEY_SIZE], sealed[SEALED_SIZE];
	struct standing standing;
	struct share_row row;
	int r = share_look(fleet, host, &row);

	if (r != -ENOENT)
		return r;
	r = fleet_host_get(fleet, host, &standing, NULL);
	if (!r && seal_random(share, sizeof(share)))
		r = -EIO;
	if (!r)
		r = encrypt(ca, host, share, sealed);
	secret_wipe(share, sizeof(share));
	return r ? r : fleet_run(fleet, fleet_bind(fleet, FLEET_SHARE_ADD, "tbi", host, sealed,
						   sizeof(sealed), now));
}

/* @ret_sealed: may be NULL */
static int get(struct fleet *fleet, const char *host, struct share_row *ret,
	       uint8_t ret_sealed[SEALED_SIZE])
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_SHARE_GET, "t", host);
	int r = fleet_row(fleet, row);

	if (r)
		return r;
	*ret = (struct share_row){ .made = sqlite3_column_int64(row, 1),
				   .released = sqlite3_column_int64(row, 2),
				   .releases = sqlite3_column_int64(row, 3) };
	if (sqlite3_column_bytes(row, 0) != SEALED_SIZE ||
	    (ret_sealed && !cursor_copy(ret_sealed, SEALED_SIZE, sqlite3_column_blob(row, 0),
					SEALED_SIZE)))
		r = -EIO;
	sqlite3_reset(row);
	return r;
}

int share_look(struct fleet *fleet, const char *host, struct share_row *ret)
{
	return get(fleet, host, ret, NULL);
}

int share_revoke(struct fleet *fleet, const char *host)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_SHARE_REMOVE, "t", host));
}

int share_given_out(struct fleet *fleet, const char *host, int64_t now)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_SHARE_GIVEN, "ti", host, now));
}

static void refuse(struct share_given *ret, const char *code, const char *text, const char *next)
{
	ret->code = code;
	ret->text = text;
	ret->next = next;
}

/* Only for what was seen now, and of a host that stands well otherwise. */
static bool stands(const struct share_wish *wish, struct share_given *ret)
{
	if (wish->standing->held)
		refuse(ret, "share.held",
		       "the host failed, and nobody has acknowledged that: it gets no share",
		       "find out why it failed; an operator acknowledges it, and it attests again");
	else if (wish->verdict != ATTEST_PASSED ||
		 standing_status(wish->standing, wish->now) != ATTEST_PASSED)
		refuse(ret, "share.status",
		       "the host did not pass in this round: it gets no share",
		       "see the reasons of its verdict; the recovery code opens the host without");
	return !ret->code;
}

/* The enrolled one, by its Name: what a host shows is believed for nothing else. */
static bool is_enrolled(const struct share_wish *wish, struct hash *hash, struct public *ret)
{
	struct public_name name;

	if (!wish->ek.at || !wish->keys->ek_size ||
	    !public_parse(ret, wish->ek.at, wish->ek.length))
		return false;
	public_name(ret, hash, &name);
	return !hash_failed(hash) && name.size == wish->keys->ek_size &&
	       secret_equal(name.bytes, wish->keys->ek_name, name.size);
}

static int make(const struct share_wish *wish, const struct public *ek, const uint8_t *share,
		struct hash *hash, struct share_given *ret)
{
	uint8_t secret[SEAL_KEY_SIZE];
	struct public_name name;
	struct public ak;
	int r;

	if (!public_parse(&ak, wish->keys->ak, wish->keys->ak_size))
		return -EIO;
	public_name(&ak, hash, &name);
	r = release_make(share, wish->x, wish->standing->id, secret, ret->box);
	if (r == -EINVAL) {
		refuse(ret, "share.key", "the quote names no session key of a vtpm-keyd",
		       "look at the version of vtpm-keyd on the host");
		return 0;
	}
	if (!r && credential_make(ek, &name, (struct hash_part){ secret, sizeof(secret) }, hash,
				  &ret->credential))
		r = -EIO;
	secret_wipe(secret, sizeof(secret));
	return r;
}

int share_give(struct fleet *fleet, struct ca *ca, const struct share_wish *wish,
	       struct hash *hash, struct share_given *ret)
{
	uint8_t sealed[SEALED_SIZE], share[SEAL_KEY_SIZE];
	const char *host = wish->standing->id;
	struct share_row row;
	struct public ek;
	int r;

	*ret = (struct share_given){ 0 };
	if (!stands(wish, ret))
		return 0;
	r = get(fleet, host, &row, sealed);
	if (r == -ENOENT)
		refuse(ret, "share.none", "this verifier keeps no share of the host",
		       "it was revoked, or never made: unlock with the recovery code, then "
		       "`vtpmctl host bind-verifier`");
	else if (!r && row.released && wish->now - row.released < wish->every)
		refuse(ret, "share.soon", "the host got its share a moment ago",
		       "wait a little, and attest again");
	else if (!r && !is_enrolled(wish, hash, &ek))
		refuse(ret, "share.ek", "the host shows another endorsement key than it enrolled",
		       "enrol the host again");
	if (r && r != -ENOENT)
		return r;
	if (ret->code)
		return 0;
	r = decrypt(ca, host, sealed, share);
	if (r == -EBADMSG) {
		refuse(ret, "share.lost", "the share was kept under another CA's key",
		       "put that CA back; or revoke the share, and bind the host anew with its "
		       "recovery code");
		return 0;
	}
	if (!r)
		r = make(wish, &ek, share, hash, ret);
	secret_wipe(share, sizeof(share));
	return r;
}

json_t *share_json(struct fleet *fleet, const char *host)
{
	struct share_row row;

	if (share_look(fleet, host, &row))
		return json_null();
	return json_pack("{s:o, s:o, s:I}", "made", fleet_time(row.made), "released",
			 fleet_time(row.released), "releases", (json_int_t)row.releases);
}
