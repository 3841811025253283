// SPDX-License-Identifier: BSD-3-Clause
/*
 * Grants: once, in time, by the right one; and no more of them than there is room for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "keyd/grant.h"

#define SECOND 1000000ull
#define NOW    (1000 * SECOND)

static struct grants grants;

static struct grant numbered(uint32_t number)
{
	struct grant grant = { .epoch = number, .key.id = number };
	struct cursor_out out = cursor_out(grant.ticket, sizeof(grant.ticket));

	cursor_put_u32(&out, number);
	memset(grant.uuid, 0x11, sizeof(grant.uuid));
	return grant;
}

static int take(uint32_t number, uint64_t now)
{
	struct grant grant = numbered(number);
	struct grant got = { 0 };
	int r = grants_take(&grants, grant.uuid, grant.ticket, now, &got);

	assert_int_equal(got.key.id, r ? 0 : number);
	assert_int_equal(got.epoch, r ? 0 : number);
	return r;
}

static void add(uint32_t number, uint64_t now)
{
	struct grant grant = numbered(number);

	grants_add(&grants, &grant, now);
}

static int setup(void **state)
{
	(void)state;
	memset(&grants, 0, sizeof(grants));
	return 0;
}

static void test_grants_once(void **state)
{
	(void)state;
	add(1, NOW);
	add(2, NOW);
	assert_int_equal(take(3, NOW), -EACCES);
	assert_int_equal(take(1, NOW), 0);
	assert_int_equal(take(1, NOW), -EACCES);
	assert_int_equal(take(2, NOW), 0);
	/* an empty place is not opened by an empty ticket */
	assert_int_equal(take(0, NOW), -EACCES);
	assert_true(cursor_is_zero(grants.ring, sizeof(grants.ring)));
}

static void test_grants_wrong_uuid(void **state)
{
	struct grant grant = numbered(1);
	struct grant got;

	(void)state;
	add(1, NOW);
	grant.uuid[15] ^= 1;
	assert_int_equal(grants_take(&grants, grant.uuid, grant.ticket, NOW, &got), -EACCES);
	assert_int_equal(take(1, NOW), -EACCES);
}

static void test_grants_expire(void **state)
{
	(void)state;
	assert_int_equal(grants_expire(&grants, NOW), 0);
	add(1, NOW);
	add(2, NOW + SECOND);
	assert_int_equal(take(1, NOW + KEYD_TICKET_SECONDS * SECOND), -EACCES);
	assert_int_equal(grants_expire(&grants, NOW), NOW + KEYD_TICKET_SECONDS * SECOND);
	assert_int_equal(grants_expire(&grants, NOW + KEYD_TICKET_SECONDS * SECOND),
			 NOW + (KEYD_TICKET_SECONDS + 1) * SECOND);
	assert_int_equal(take(2, NOW + KEYD_TICKET_SECONDS * SECOND), 0);
	assert_true(cursor_is_zero(grants.ring, sizeof(grants.ring)));
}

static void test_grants_oldest_makes_room(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= GRANTS_MAX + 1; i++)
		add(i, NOW);
	assert_int_equal(take(1, NOW), -EACCES);
	assert_int_equal(take(2, NOW), 0);
	assert_int_equal(take(GRANTS_MAX + 1, NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_grants_once, setup),
		cmocka_unit_test_setup(test_grants_wrong_uuid, setup),
		cmocka_unit_test_setup(test_grants_expire, setup),
		cmocka_unit_test_setup(test_grants_oldest_makes_room, setup),
	};

	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
