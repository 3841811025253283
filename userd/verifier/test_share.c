// SPDX-License-Identifier: BSD-3-Clause
/* Shares of hosts: to whom they are given out, and to whom never. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attest/test_quote.h"
#include "base/secret.h"
#include "seal/test_swtpm.h"
#include "verifier/fleet_sql.h"
#include "verifier/share.h"

#define HOST  "6f1f0b50-0000-4000-8000-000000000001"
#define OTHER "6f1f0b50-0000-4000-8000-000000000002"
#define NOW   1800000000

static char folder[] = "/tmp/test_share.XXXXXX";
static struct fleet *fleet;
static struct ca *ca;
static struct hash *hash;
static struct test_quote *tpm;
static struct fleet_keys keys;
static struct standing standing;
static struct share_wish wish;
static struct share_given given;
static uint8_t scalar[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE];

static struct ca *open_ca(const char *name)
{
	char path[96], reason[256];
	struct ca *made = NULL;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(ca_init(path, NULL, reason, sizeof(reason)), 0);
	assert_int_equal(ca_open(path, NULL, reason, sizeof(reason), &made), 0);
	return made;
}

/* Another endorsement key, as TPM2B_PUBLIC. */
static struct hash_part ek_of(const struct test_quote *of)
{
	return (struct hash_part){ of->ek.base, of->ek.used };
}

static int setup_all(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	ca = open_ca("ca");
	hash = hash_new();
	tpm = test_quote_new(false);
	return 0;
}

static int teardown_all(void **state)
{
	(void)state;
	ca_close(ca);
	hash_free(hash);
	test_quote_free(tpm);
	test_remove_tree(folder);
	return 0;
}

/* A host that passed a moment ago, and has a share. */
static int setup(void **state)
{
	char path[96], reason[256];
	struct public_name name;
	struct public ek;

	(void)state;
	snprintf(path, sizeof(path), "%s/fleet.db", folder);
	unlink(path);
	assert_int_equal(fleet_open(path, reason, sizeof(reason), &fleet), 0);
	keys = (struct fleet_keys){ .ak_size = tpm->ak.used };
	assert_true(cursor_copy(keys.ak, sizeof(keys.ak), tpm->ak.base, tpm->ak.used));
	assert_true(public_parse(&ek, tpm->ek.base, tpm->ek.used));
	public_name(&ek, hash, &name);
	keys.ek_size = name.size;
	assert_true(cursor_copy(keys.ek_name, sizeof(keys.ek_name), name.bytes, name.size));
	standing_new(&standing, HOST, "a");
	standing.status = ATTEST_PASSED;
	standing.verified_at = NOW;
	standing.valid_until = NOW + 3600;
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
	assert_int_equal(share_keep(fleet, ca, HOST, NOW - 100), 0);
	assert_int_equal(seal_even_pair_new(scalar, point), 0);
	wish = (struct share_wish){ .standing = &standing,
				    .keys = &keys,
				    .verdict = ATTEST_PASSED,
				    .x = point + 1,
				    .ek = ek_of(tpm),
				    .now = NOW,
				    .every = 10 };
	return 0;
}

static int teardown(void **state)
{
	char path[96];

	(void)state;
	fleet_close(fleet);
	snprintf(path, sizeof(path), "%s/fleet.db-wal", folder);
	unlink(path);
	return 0;
}

static void assert_refused(const char *code)
{
	assert_int_equal(share_give(fleet, ca, &wish, hash, &given), 0);
	assert_non_null(given.code);
	assert_string_equal(given.code, code);
	assert_true(*given.text && *given.next);
	assert_int_equal(given.credential.size, 0);
	assert_true(cursor_is_zero(given.box, sizeof(given.box)));
}

static void assert_given(uint8_t ret_half[SEAL_KEY_SIZE])
{
	assert_int_equal(share_give(fleet, ca, &wish, hash, &given), 0);
	assert_null(given.code);
	assert_true(given.credential.size > CREDENTIAL_HEAD);
	assert_int_equal(release_half(scalar, HOST,
				      (struct seal_bytes){ given.box, sizeof(given.box) },
				      ret_half), 0);
}

static void test_share_given(void **state)
{
	uint8_t one[SEAL_KEY_SIZE], two[SEAL_KEY_SIZE];
	struct share_row row;

	(void)state;
	assert_given(one);
	assert_int_equal(share_given_out(fleet, HOST, NOW), 0);
	assert_int_equal(share_look(fleet, HOST, &row), 0);
	assert_int_equal(row.made, NOW - 100);
	assert_int_equal(row.released, NOW);
	assert_int_equal(row.releases, 1);
	/* split anew each time, so that nothing that was sent before helps */
	wish.now += 10;
	assert_given(two);
	assert_false(secret_equal(one, two, sizeof(one)));
}

static void test_share_verdicts(void **state)
{
	static const enum attest_status others[] = { ATTEST_WARNING, ATTEST_UNKNOWN, ATTEST_FAILED,
						     ATTEST_NA };
	uint8_t half[SEAL_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		wish.verdict = others[i];
		assert_refused("share.status");
		wish.verdict = ATTEST_PASSED;
		standing.status = others[i];
		assert_refused("share.status");
		standing.status = ATTEST_PASSED;
	}
	/* a failure that nobody acknowledged, and a verdict that is out of date */
	standing.held = true;
	assert_refused("share.held");
	standing.held = false;
	standing.valid_until = NOW - 1;
	assert_refused("share.status");
	standing.valid_until = NOW + 1;
	assert_given(half);
}

static void test_share_too_often(void **state)
{
	uint8_t half[SEAL_KEY_SIZE];

	(void)state;
	assert_given(half);
	assert_int_equal(share_given_out(fleet, HOST, NOW), 0);
	wish.now = NOW + 9;
	assert_refused("share.soon");
	wish.now = NOW + 10;
	assert_given(half);
}

static void test_share_keys(void **state)
{
	struct test_quote *other = test_quote_new(false);
	uint8_t half[SEAL_KEY_SIZE], nowhere[SEAL_X_SIZE];

	(void)state;
	wish.ek = ek_of(other);
	assert_refused("share.ek");
	wish.ek = (struct hash_part){ NULL, 0 };
	assert_refused("share.ek");
	wish.ek = (struct hash_part){ tpm->ek.base, tpm->ek.used - 1 };
	assert_refused("share.ek");
	wish.ek = ek_of(tpm);
	for (size_t i = 0; i < sizeof(nowhere); i++)
		nowhere[i] = 0xff;
	wish.x = nowhere;
	assert_refused("share.key");
	wish.x = point + 1;
	assert_given(half);
	test_quote_free(other);
}

static void test_share_none(void **state)
{
	struct share_row row;

	(void)state;
	assert_int_equal(share_keep(fleet, ca, OTHER, NOW), -ENOENT);
	assert_int_equal(share_look(fleet, OTHER, &row), -ENOENT);
	assert_int_equal(share_revoke(fleet, HOST), 0);
	assert_int_equal(share_revoke(fleet, HOST), -ENOENT);
	assert_refused("share.none");
	/* who has one keeps it */
	assert_int_equal(share_keep(fleet, ca, HOST, NOW), 0);
	assert_int_equal(share_keep(fleet, ca, HOST, NOW + 5), 0);
	assert_int_equal(share_look(fleet, HOST, &row), 0);
	assert_int_equal(row.made, NOW);
}

/* What is stored is for this host and this CA's key. */
static void test_share_at_rest(void **state)
{
	struct ca *another = open_ca("another"), *mine = ca;
	uint8_t half[SEAL_KEY_SIZE];
	struct standing second;

	(void)state;
	ca = another;
	assert_refused("share.lost");
	ca = mine;
	ca_close(another);
	standing_new(&second, OTHER, "b");
	assert_int_equal(fleet_host_add(fleet, &second, &(struct fleet_keys){ 0 }), 0);
	assert_int_equal(share_keep(fleet, ca, OTHER, NOW), 0);
	assert_given(half);
	assert_int_equal(sqlite3_exec(fleet->database,
				      "UPDATE share SET sealed = (SELECT sealed FROM share WHERE "
				      "host = '" OTHER "')", NULL, NULL, NULL), 0);
	assert_refused("share.lost");
	assert_int_equal(sqlite3_exec(fleet->database, "UPDATE share SET sealed = x'00'", NULL,
				      NULL, NULL), 0);
	assert_int_equal(share_give(fleet, ca, &wish, hash, &given), -EIO);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_share_given),	    CASE(test_share_verdicts), CASE(test_share_too_often),
		CASE(test_share_keys),	    CASE(test_share_none),     CASE(test_share_at_rest),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
