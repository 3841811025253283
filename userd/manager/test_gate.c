// SPDX-License-Identifier: BSD-3-Clause
/*
 * The gate's machine, moment by moment: what comes, and how it is then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "manager/gate.h"

#define GRACE 60

enum what {
	LOOK,
	PASSED, /* holds for @seconds */
	FAILED,
	UNKNOWN,
	BREAK, /* for @seconds */
};

struct step {
	int64_t at;
	const char *boot;
	enum what what;
	int64_t seconds;
	enum gate_state state;
	int64_t until;
};

struct story {
	const char *name;
	struct step steps[10];
};

/* Each step has the moment, what comes then, how the gate is right after it, and until when. */
static const struct story stories[] = {
	{ "nothing was ever said", {
		{ 5, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
		{ 500000, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
	} },
	{ "a verdict runs out", {
		{ 10, "a", PASSED, 100, GATE_OPEN, 110 },
		{ 109, "a", LOOK, 0, GATE_OPEN, 110 },
		{ 110, "a", LOOK, 0, GATE_GRACE, 170 },
		{ 169, "a", LOOK, 0, GATE_GRACE, 170 },
		{ 170, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
		{ 999, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
	} },
	{ "the next one comes in time, in grace, and late", {
		{ 10, "a", PASSED, 100, GATE_OPEN, 110 },
		{ 100, "a", PASSED, 100, GATE_OPEN, 200 },
		{ 210, "a", LOOK, 0, GATE_GRACE, 260 },
		{ 220, "a", PASSED, 100, GATE_OPEN, 320 },
		{ 500, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
		{ 510, "a", PASSED, 100, GATE_OPEN, 610 },
	} },
	{ "a failed one ends trust, and a second one gives no more grace", {
		{ 10, "a", PASSED, 100, GATE_OPEN, 110 },
		{ 50, "a", FAILED, 0, GATE_GRACE, 110 },
		{ 100, "a", FAILED, 0, GATE_GRACE, 110 },
		{ 110, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
		{ 120, "a", FAILED, 0, GATE_CLOSED, GATE_NEVER },
		{ 130, "a", PASSED, 10, GATE_OPEN, 140 },
	} },
	{ "what is neither is no trust", {
		{ 10, "a", PASSED, 100, GATE_OPEN, 110 },
		{ 50, "a", UNKNOWN, 100, GATE_GRACE, 110 },
	} },
	{ "one that did not pass begins no grace", {
		{ 10, "a", FAILED, 0, GATE_CLOSED, GATE_NEVER },
		{ 20, "a", UNKNOWN, 100, GATE_CLOSED, GATE_NEVER },
		{ 30, "a", PASSED, 0, GATE_CLOSED, GATE_NEVER },
		{ 40, "a", PASSED, -5, GATE_CLOSED, GATE_NEVER },
	} },
	{ "one that is over already ends trust", {
		{ 10, "a", PASSED, 100, GATE_OPEN, 110 },
		{ 20, "a", PASSED, 0, GATE_GRACE, 80 },
	} },
	{ "another boot begins closed, without grace, though its clock is behind", {
		{ 1000, "a", PASSED, 100000, GATE_OPEN, 101000 },
		{ 5, "b", LOOK, 0, GATE_CLOSED, GATE_NEVER },
		{ 2000, "b", FAILED, 0, GATE_CLOSED, GATE_NEVER },
		{ 2010, "b", PASSED, 10, GATE_OPEN, 2020 },
		{ 2030, "b", LOOK, 0, GATE_GRACE, 2080 },
	} },
	{ "a kernel without a boot_id trusts nothing", {
		{ 10, "", PASSED, 100, GATE_CLOSED, GATE_NEVER },
		{ 10, "", BREAK, 100, GATE_CLOSED, GATE_NEVER },
	} },
	{ "broken glass opens for its time, in its boot", {
		{ 10, "a", BREAK, 100, GATE_BROKEN_GLASS, 110 },
		{ 20, "a", FAILED, 0, GATE_BROKEN_GLASS, 110 },
		{ 110, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
		{ 120, "a", BREAK, 100, GATE_BROKEN_GLASS, 220 },
		{ 130, "a", BREAK, 0, GATE_CLOSED, GATE_NEVER },
		{ 140, "a", BREAK, 100, GATE_BROKEN_GLASS, 240 },
		{ 150, "b", LOOK, 0, GATE_CLOSED, GATE_NEVER },
	} },
	{ "broken glass hides neither trust nor grace", {
		{ 10, "a", BREAK, 1000, GATE_BROKEN_GLASS, 1010 },
		{ 20, "a", PASSED, 100, GATE_OPEN, 120 },
		{ 120, "a", LOOK, 0, GATE_GRACE, 180 },
		{ 180, "a", LOOK, 0, GATE_BROKEN_GLASS, 1010 },
		{ 1010, "a", LOOK, 0, GATE_CLOSED, GATE_NEVER },
	} },
};

static void name_boot(char boot[GATE_BOOT_SIZE], const char *name)
{
	snprintf(boot, GATE_BOOT_SIZE, "%s", name);
}

static void take_step(const struct step *step, struct gate_span *trust, struct gate_span *glass)
{
	struct gate_now now = { .seconds = step->at };

	name_boot(now.boot, step->boot);
	if (step->what == PASSED)
		gate_trust(trust, ATTEST_PASSED, step->seconds, &now);
	else if (step->what == FAILED)
		gate_trust(trust, ATTEST_FAILED, step->seconds, &now);
	else if (step->what == UNKNOWN)
		gate_trust(trust, ATTEST_UNKNOWN, step->seconds, &now);
	if (step->what != BREAK)
		return;
	name_boot(glass->boot, step->boot);
	glass->until = step->at + step->seconds;
}

static void test_gate_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct gate_span trust = { 0 }, glass = { 0 };

		for (size_t k = 0; k < 10 && stories[i].steps[k].boot; k++) {
			const struct step *step = &stories[i].steps[k];
			struct gate_now now = { .seconds = step->at };
			enum gate_state found;
			int64_t until;

			name_boot(now.boot, step->boot);
			take_step(step, &trust, &glass);
			found = gate_look(&trust, &glass, GRACE, &now, &until);
			if (found != step->state || until != step->until)
				fail_msg("%s, step %zu: %s until %lld", stories[i].name, k,
					 gate_state_name(found), (long long)until);
		}
	}
}

/* Without grace the end of trust is the end. */
static void test_gate_no_grace(void **state)
{
	struct gate_span trust = { "a", 100 }, glass = { 0 };
	struct gate_now now = { "a", 99 };
	int64_t until;

	(void)state;
	assert_int_equal(gate_look(&trust, &glass, 0, &now, &until), GATE_OPEN);
	now.seconds = 100;
	assert_int_equal(gate_look(&trust, &glass, 0, &now, &until), GATE_CLOSED);
}

/* Each policy does what those before it do, and only a closed gate does anything. */
static void test_gate_policies(void **state)
{
	enum gate_policy found;

	(void)state;
	for (enum gate_policy policy = 0; policy < _GATE_POLICY_MAX; policy++) {
		assert_true(gate_policy_find(gate_policy_name(policy), &found));
		assert_int_equal(found, policy);
		for (enum gate_policy least = 1; least < _GATE_POLICY_MAX; least++) {
			assert_int_equal(gate_does(policy, least, GATE_CLOSED),
					 policy >= least);
			assert_false(gate_does(policy, least, GATE_OPEN));
			assert_false(gate_does(policy, least, GATE_GRACE));
			assert_false(gate_does(policy, least, GATE_BROKEN_GLASS));
		}
	}
	assert_false(gate_policy_find("off", &found));
	assert_false(gate_policy_find("", &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_stories),
		cmocka_unit_test(test_gate_no_grace),
		cmocka_unit_test(test_gate_policies),
	};

	return cmocka_run_group_tests_name("manager/gate", tests, NULL, NULL);
}
