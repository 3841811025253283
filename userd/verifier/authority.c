// SPDX-License-Identifier: BSD-3-Clause
/*
 * Rows, and the list made of them; see the header.
 */
#include "verifier/authority.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/text.h"
#include "verifier/fleet_sql.h"

/* Somebody who has an older list asks for a newer one at least so often. */
#define CRL_SECONDS 86400

int authority_add(struct fleet *fleet, const struct authority_row *row)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_AUTHORITY_ADD, "btbi", row->serial,
					   sizeof(row->serial), row->host, row->keyid,
					   sizeof(row->keyid), row->until));
}

/* Return: 0, also where there was none; -EIO. */
static int end_all(struct fleet *fleet, enum fleet_statement which, const char *host, int64_t now)
{
	int r = fleet_run(fleet, fleet_bind(fleet, which, "ti", host, now));

	return r == -ENOENT ? 0 : r;
}

int authority_add_attester(struct fleet *fleet, const struct authority_row *row, int64_t now)
{
	int r = end_all(fleet, FLEET_ATTESTER_END, row->host, now);

	return r ? r
		 : fleet_run(fleet, fleet_bind(fleet, FLEET_ATTESTER_ADD, "bti", row->serial,
					       sizeof(row->serial), row->host, row->until));
}

int authority_end(struct fleet *fleet, const char *host, int64_t now)
{
	int r = end_all(fleet, FLEET_AUTHORITY_END, host, now);

	return r ? r : end_all(fleet, FLEET_ATTESTER_END, host, now);
}

int authority_revoke(struct fleet *fleet, const char *host, const struct crl_vtpm *what,
		     int64_t now)
{
	const uint8_t *key = what->by_serial ? what->serial : what->uuid;
	/* SQLite's numbers are signed; nobody gets to such an epoch */
	int64_t epoch = what->epoch > INT64_MAX ? INT64_MAX : (int64_t)what->epoch;
	sqlite3_stmt *count = fleet_bind(fleet, FLEET_REVOCATION_COUNT, "");
	int r = fleet_row(fleet, count);

	if (r)
		return -EIO;
	r = sqlite3_column_int64(count, 0) >= CRL_VTPMS_MAX ? -ENOSPC : 0;
	sqlite3_reset(count);
	if (r)
		return r;
	_Static_assert(sizeof(what->serial) == sizeof(what->uuid), "one column for both");
	r = fleet_run(fleet, fleet_bind(fleet, FLEET_REVOCATION_ADD, "tibii", host,
					(int64_t)what->by_serial, key, sizeof(what->uuid), epoch,
					now));
	return r == -ENOENT ? 0 : r;
}

static bool take_blob(sqlite3_stmt *row, int column, uint8_t *to, size_t size)
{
	return sqlite3_column_bytes(row, column) == (int)size &&
	       cursor_copy(to, size, sqlite3_column_blob(row, column), size);
}

/* Certificates of hosts: of their CAs and of their attestation keys. Return: 0; -EIO. */
static int add_hosts(struct fleet *fleet, X509_CRL *crl, int64_t now)
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_CERTIFIED_LIST, "i", now);
	uint8_t serial[DRAFT_SERIAL_SIZE];
	bool good = true;
	int r;

	while (!(r = fleet_row(fleet, row))) {
		int64_t ended = sqlite3_column_int64(row, 1);
		bool failed = sqlite3_column_int64(row, 2) == ATTEST_FAILED;
		int64_t since = sqlite3_column_int64(row, 3);

		good &= take_blob(row, 0, serial, sizeof(serial));
		if (good && ended)
			good = crl_add(crl, serial, ended, CRL_REASON_CESSATION_OF_OPERATION);
		else if (good && failed)
			good = crl_add(crl, serial, since, CRL_REASON_CERTIFICATE_HOLD);
	}
	return r == -ENOENT && good ? 0 : -EIO;
}

/* Return: 0, @ret is for free(); -EIO. */
static int list_vtpms(struct fleet *fleet, int64_t now, struct crl_vtpm **ret, size_t *ret_count)
{
	struct crl_vtpm *all = calloc(CRL_VTPMS_MAX, sizeof(*all));
	sqlite3_stmt *row = all ? fleet_bind(fleet, FLEET_REVOCATION_LIST, "i", now) : NULL;
	bool good = true;
	size_t count = 0;
	int r;

	while (!(r = fleet_row(fleet, row)) && count < CRL_VTPMS_MAX) {
		struct crl_vtpm *next = &all[count++];

		good &= take_blob(row, 0, next->authority, sizeof(next->authority));
		next->by_serial = sqlite3_column_int64(row, 1);
		good &= take_blob(row, 2, next->by_serial ? next->serial : next->uuid,
				  sizeof(next->uuid));
		next->epoch = (uint64_t)sqlite3_column_int64(row, 3);
	}
	if (r == -ENOENT && good) {
		*ret = all;
		*ret_count = count;
		return 0;
	}
	if (!r)
		sqlite3_reset(row);
	free(all);
	return -EIO;
}

int authority_crl(struct fleet *fleet, struct ca *ca, int64_t now, uint8_t **ret)
{
	X509 *issuer = ca_certificate(ca);
	X509_CRL *crl = crl_new(issuer, now, now + CRL_SECONDS);
	struct crl_vtpm *vtpms = NULL;
	size_t count = 0;
	uint8_t *der = NULL;
	int length = -1;

	if (crl && !add_hosts(fleet, crl, now) && !list_vtpms(fleet, now, &vtpms, &count) &&
	    crl_end(crl, issuer, vtpms, count) && !ca_sign_crl(ca, crl))
		length = i2d_X509_CRL(crl, &der);
	free(vtpms);
	X509_CRL_free(crl);
	if (length <= 0)
		return -EIO;
	*ret = der;
	return length;
}
