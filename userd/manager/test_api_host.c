// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the API takes and says about the host.
 */
#include "manager/test_api.h"

static void test_api_host(void **state)
{
	json_t *warnings;

	(void)state;
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	assert_string_equal(text("state"), "unlocked");
	assert_string_equal(text("separation"), "full");
	assert_int_equal(strlen(text("storage_key_name")), 68);
	assert_int_equal(json_array_size(json_object_get(f.body, "warnings")), 0);
	f.fake.host.separated = false;
	f.fake.host.protection = KEYD_PROTECTION_NONE;
	f.fake.host.driver_here = false;
	f.fake.host.storage_key_length = 0;
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	warnings = json_object_get(f.body, "warnings");
	assert_int_equal(json_array_size(warnings), 3);
	assert_string_equal(text("separation"), "weak: all processes run as one user");
	assert_string_equal(text("protection"), "not hardware protected");
	assert_true(json_is_false(json_object_get(f.body, "hardware_protected")));
	assert_true(json_is_null(json_object_get(f.body, "storage_key_name")));
}

/* The point is 04 and 64 bytes of 0xab. */
static const char *init_body(const char *more)
{
	static char body[512];
	char point[131] = "04";

	for (size_t i = 2; i < 130; i++)
		point[i] = i % 2 ? 'b' : 'a';
	snprintf(body, sizeof(body), "{\"recovery_public\": \"%s\"%s}", point, more);
	return body;
}

static void test_api_host_init(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/v1/host/init", init_body("")), 409);
	assert_problem("exists");
	f.fake.host.state = KEYD_STATE_NONE;
	assert_int_equal(ask("POST", "/v1/host/init",
			     init_body(", \"no_hardware\": true, \"pcrs\": [7, 14], "
				       "\"owner_password_box\": \"00fF\"")),
			 200);
	assert_string_equal(text("state"), "unlocked");
	assert_int_equal(f.fake.init.pcrs, 1u << 7 | 1u << 14);
	assert_true(f.fake.init.no_hardware);
	assert_int_equal(f.fake.init.box_length, 2);
	assert_int_equal(f.fake.init.box[1], 0xff);
	assert_int_equal(f.fake.init.recovery_public[64], 0xab);
	assert_false(f.fake.init.planned);
}

static void test_api_host_recovery(void **state)
{
	(void)state;
	f.fake.point[0] = 4;
	assert_int_equal(ask("GET", "/v1/host/recovery", NULL), 200);
	assert_string_equal(text("record"), "010203");
	assert_int_equal(strlen(text("session_public")), 130);
	f.fake.record_length = 0;
	assert_int_equal(ask("GET", "/v1/host/recovery", NULL), 200);
	assert_true(json_is_null(json_object_get(f.body, "record")));
	f.fake.host.keyd_here = false;
	assert_int_equal(ask("GET", "/v1/host/recovery", NULL), 500);
	assert_problem("internal");
}

static void test_api_host_unlock(void **state)
{
	char body[512];

	(void)state;
	f.fake.host.state = KEYD_STATE_LOCKED;
	assert_int_equal(ask("POST", "/v1/host/unlock", "{\"box\": \"0a0b\",\"bind\": true}"), 200);
	assert_string_equal(text("state"), "unlocked");
	assert_true(f.fake.unlock.bind && !f.fake.unlock.planned && !f.fake.unlock.password_length);
	snprintf(body, sizeof(body),
		 "{\"box\": \"0a0b\", \"bind\": true, \"plan_public\": \"04%0128d\", "
		 "\"new_plan_key\": true, \"owner_password_box\": \"0c\"}", 5);
	assert_int_equal(ask("POST", "/v1/host/unlock", body), 200);
	assert_true(f.fake.unlock.planned && f.fake.unlock.new_plan_key);
	assert_int_equal(f.fake.unlock.plan_key[KEYD_POINT_SIZE - 1], 5);
	assert_int_equal(f.fake.unlock.password_length, 1);
	assert_int_equal(ask("POST", "/v1/host/unlock",
			     "{\"box\": \"0a\", \"plan_public\": \"04\"}"), 400);
	assert_int_equal(ask("POST", "/v1/host/migration-key", "{\"box\": \"0a0b\"}"), 200);
	assert_true(json_is_false(json_object_get(f.body, "migration_key")));
	f.fake.host.migration_key = true;
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	assert_true(json_is_true(json_object_get(f.body, "migration_key")));
	f.fake.host.state = KEYD_STATE_LOCKED;
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	assert_true(json_is_null(json_object_get(f.body, "migration_key")));
}

static void test_api_host_share(void **state)
{
	const char *const bad[] = { "{}",
				    "{\"credential\": \"0a\", \"secret\": \"0b\"}",
				    "{\"credential\": \"0a\", \"secret\": \"\", \"box\": \"0c\"}",
				    "{\"credential\": \"xy\", \"secret\": \"0b\","
				    " \"box\": \"0c\"}" };
	const char *const good = "{\"credential\": \"0a0b\", \"secret\": \"0c\", \"box\": \"0d\"}";

	(void)state;
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	assert_string_equal(text("verifier_share"), "none");
	assert_int_equal(ask("POST", "/v1/host/share", good), 400);
	f.fake.host.state = KEYD_STATE_LOCKED;
	f.fake.host.share = KEYD_SHARE_WAITED_FOR;
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	assert_string_equal(text("verifier_share"), "missing");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("POST", "/v1/host/share", bad[i]), 400);
	assert_int_equal(ask("POST", "/v1/host/share", good), 200);
	assert_string_equal(text("state"), "unlocked");
	assert_string_equal(text("verifier_share"), "bound");
	assert_int_equal(f.fake.share.credential.blob_length, 2);
	assert_int_equal(f.fake.share.credential.blob[1], 0x0b);
	assert_int_equal(f.fake.share.credential.secret[0], 0x0c);
	assert_int_equal(f.fake.share.box[0], 0x0d);
}

static void test_api_host_bind(void **state)
{
#define HOST "\"host\": \"4b0e6b6c-0d5e-4f0a-9c59-1d2f6f0a7b11\""
	const char *const bad[] = { "{}", "{\"box\": \"0a\", " HOST "}",
				    "{\"box\": \"0a\", \"host\": \"4b0e\", \"credential\": \"0a\","
				    " \"secret\": \"0a\", \"share_box\": \"0a\"}",
				    "{\"box\": \"0a\", \"credential\": \"0a\", \"secret\": \"0a\","
				    " \"share_box\": \"0a\"}",
				    "{\"box\": \"0a\", " HOST ", \"credential\": \"0a\","
				    " \"secret\": \"0a\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ask("POST", "/v1/host/verifier", bad[i]), 400);
		assert_problem("invalid");
	}
	assert_int_equal(ask("POST", "/v1/host/verifier",
			     "{\"box\": \"0a0b\", " HOST ", \"credential\": \"0c\","
			     " \"secret\": \"0d\", \"share_box\": \"0e\"}"),
			 200);
	assert_string_equal(text("verifier_share"), "bound");
	assert_string_equal(f.fake.bind.host, "4b0e6b6c-0d5e-4f0a-9c59-1d2f6f0a7b11");
	assert_int_equal(f.fake.bind.box_length, 2);
	assert_int_equal(f.fake.bind.share.box[0], 0x0e);
	assert_int_equal(ask("POST", "/v1/host/verifier", "{\"box\": \"0a\"}"), 200);
	assert_string_equal(text("verifier_share"), "none");
	assert_string_equal(f.fake.bind.host, "");
}

static void test_api_host_accept(void **state)
{
	const char *const bad[] = { "{}",
				    "{\"box\": \"0a\"}",
				    "{\"rollback\": true}",
				    "{\"box\": \"0a\", \"rollback\": false, \"move\": false}",
				    "{\"box\": \"\", \"move\": true}",
				    "{\"box\": \"0a\", \"move\": 1}" };

	(void)state;
	f.fake.host.verdict = KEYD_VERDICT_OLD;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("POST", "/v1/host/accept", bad[i]), 400);
	assert_int_equal(ask("GET", "/v1/host", NULL), 200);
	assert_string_equal(text("store"), "old");
	assert_int_equal(ask("POST", "/v1/host/accept",
			     "{\"box\": \"0a0b\", \"rollback\": true, "
			     "\"owner_password_box\": \"0c\"}"),
			 200);
	assert_string_equal(text("store"), "newest");
	assert_true(f.fake.accept.rollback && !f.fake.accept.move);
	assert_true(f.fake.accept.box_length == 2 && f.fake.accept.owner_box_length == 1);
}

static void test_api_host_init_rollback(void **state)
{
	static const struct {
		const char *members;
		unsigned int status;
		enum keyd_rollback rollback;
		uint32_t window;
	} rows[] = {
		{ "", 200, KEYD_ROLLBACK_LAZY, 600 },
		{ ", \"rollback_protection\": \"off\"", 200, KEYD_ROLLBACK_OFF, 600 },
		{ ", \"rollback_window\": 60", 200, KEYD_ROLLBACK_LAZY, 60 },
		{ ", \"rollback_window\": 59", 400, KEYD_ROLLBACK_LAZY, 60 },
	};
	char body[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.fake.host.state = KEYD_STATE_NONE;
		snprintf(body, sizeof(body), "{\"recovery_public\": \"04%0128d\"%s}", 0,
			 rows[i].members);
		assert_int_equal(ask("POST", "/v1/host/init", body), rows[i].status);
		assert_int_equal(f.fake.init.rollback, rows[i].rollback);
		assert_int_equal(f.fake.init.window, rows[i].window);
	}
}

static void test_api_host_rollback(void **state)
{
	const char *const bad[] = { "{}",
				    "{\"box\": \"0a\"}",
				    "{\"rollback_protection\": \"strict\"}",
				    "{\"box\": \"\", \"rollback_protection\": \"strict\"}",
				    "{\"box\": \"0a\", \"rollback_protection\": \"often\"}",
				    "{\"box\": \"0a\", \"rollback_protection\": \"lazy\", "
				    "\"rollback_window\": 59}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("POST", "/v1/host/rollback", bad[i]), 400);
	assert_int_equal(ask("POST", "/v1/host/rollback",
			     "{\"box\": \"0a\", \"rollback_protection\": \"strict\"}"),
			 200);
	assert_string_equal(text("rollback_protection"), "strict");
	assert_int_equal(ask("POST", "/v1/host/rollback",
			     "{\"box\": \"0a\", \"rollback_protection\": \"lazy\", "
			     "\"rollback_window\": 86400}"),
			 200);
	assert_string_equal(text("rollback_protection"), "lazy");
	assert_int_equal(f.fake.host.window, 86400);
}

static void test_api_host_plans(void **state)
{
	const char *const bad[] = { "{}", "{\"plan\": \"\"}", "{\"plan\": \"0\"}",
				    "{\"plan\": 1}" };

	(void)state;
	f.fake.plans = (struct manager_plans){
		.opened = KEYD_OPENED_PLAN,
		.running = 3,
		.counter = 3,
		.pcrs = 1u << 7,
		.value[7] = { 0xab },
		.count = 3,
		.plan = { { .sequence = 2 }, { .sequence = 3, .expires = 1 }, { .sequence = 4 } },
	};
	assert_int_equal(ask("GET", "/v1/host/plans", NULL), 200);
	assert_string_equal(text("opened"), "plan");
	assert_true(json_is_null(json_object_get(f.body, "recovery_proven")));
	f.fake.plans.proven = 77;
	assert_int_equal(ask("GET", "/v1/host/plans", NULL), 200);
	assert_int_equal(json_integer_value(json_object_get(f.body, "recovery_proven")), 77);
	for (size_t i = 0; i < 3; i++) {
		static const char *const states[] = { "retired", "expired", "good" };
		const json_t *plan = json_array_get(json_object_get(f.body, "plans"), i);

		assert_string_equal(json_string_value(json_object_get(plan, "state")), states[i]);
	}
	assert_int_equal(ask("POST", "/v1/host/plans", "{\"plan\": \"0aFf\"}"), 200);
	assert_int_equal(f.fake.plan_length, 2);
	assert_int_equal(f.fake.plan[1], 0xff);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("POST", "/v1/host/plans", bad[i]), 400);
	assert_int_equal(ask("POST", "/v1/host/plans/retire", "{\"sequence\": 4}"), 200);
	assert_int_equal(f.fake.plans.counter, 5);
	assert_int_equal(ask("POST", "/v1/host/plans/retire", "{\"sequence\": 0}"), 400);
	assert_int_equal(ask("POST", "/v1/host/plans/retire", NULL), 400);
	f.fake.host.protection = KEYD_PROTECTION_NONE;
	assert_int_equal(ask("GET", "/v1/host/plans", NULL), 503);
	assert_problem("no-hardware");
}

static void test_api_host_body_malformed(void **state)
{
	const char *const init[] = {
		", \"pcrs\": []",
		", \"pcrs\": [24]",
		", \"pcrs\": [7, 7]",
		", \"pcrs\": [-1]",
		", \"pcrs\": 7",
		", \"owner_password_box\": \"\"",
		", \"no_hardware\": 0",
		", \"owner_password_box\": \"0\"",
		", \"owner_password_box\": \"0g\"",
	};
	const char *const unlock[] = { "{}", "{\"box\": \"\"}", "{\"box\": 1}",
				       "{\"box\": \"0a\", \"bind\": null}" };

	(void)state;
	for (size_t i = 0; i < sizeof(init) / sizeof(init[0]); i++)
		assert_int_equal(ask("POST", "/v1/host/init", init_body(init[i])), 400);
	assert_int_equal(ask("POST", "/v1/host/init", "{}"), 400);
	assert_int_equal(ask("POST", "/v1/host/init", "{\"recovery_public\": \"04ab\"}"), 400);
	for (size_t i = 0; i < 2 * sizeof(unlock) / sizeof(unlock[0]); i++)
		assert_int_equal(ask("POST", i & 1 ? "/v1/host/migration-key" : "/v1/host/unlock",
				     unlock[i / 2]), 400);
}

#define NONCE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_api_attest(void **state)
{
	const json_t *deep;

	(void)state;
	assert_int_equal(ask("POST", "/v1/vtpms", "{\"name\": \"web1\"}"), 201);
	assert_int_equal(ask("POST", "/v1/vtpms/web1/attest", "{\"nonce\": \"" NONCE "\"}"), 200);
	assert_string_equal(text("message"), NONCE);
	assert_string_equal(text("ak"), "04");
	assert_int_equal(json_object_size(json_object_get(f.body, "values")), 24);
	assert_null(json_object_get(f.body, "deep"));
	assert_int_equal(ask("POST", "/v1/vtpms/web1/attest",
			     "{\"nonce\": \"" NONCE "\", \"deep\": true, \"pcrs\": [3]}"),
			 200);
	assert_int_equal(json_object_size(json_object_get(f.body, "values")), 1);
	deep = json_object_get(f.body, "deep");
	assert_int_equal(json_integer_value(json_object_get(deep, "index")), 1);
	assert_int_equal(json_integer_value(json_object_get(deep, "count")), 2);
	assert_string_equal(json_string_value(json_object_get(deep, "proof")), "06");
	assert_non_null(json_object_get(json_object_get(deep, "host"), "frame"));
	/* a digest is vouched for, and nothing is quoted */
	assert_int_equal(ask("POST", "/v1/vtpms/web1/attest",
			     "{\"nonce\": \"" NONCE "\", \"deep\": true, \"digest\": \"" NONCE
			     "\"}"),
			 200);
	deep = json_object_get(f.body, "deep");
	assert_string_equal(json_string_value(json_object_get(deep, "leaf")), NONCE);
	assert_null(json_object_get(f.body, "message"));
	assert_int_equal(ask("POST", "/v1/vtpms/web2/attest", "{\"nonce\": \"" NONCE "\"}"), 404);
}

static void test_api_attest_malformed(void **state)
{
	const char *const bad[] = {
		"{}",
		"{\"nonce\": \"00\"}",
		"{\"nonce\": \"" NONCE "\", \"deep\": 1}",
		"{\"nonce\": \"" NONCE "\", \"pcrs\": [24]}",
		"{\"nonce\": \"" NONCE "\", \"deep\": true, \"digest\": \"00\"}",
		"{\"nonce\": \"" NONCE "\", \"digest\": \"" NONCE "\"}",
		"{\"nonce\": \"" NONCE "\", \"deep\": true, \"pcrs\": [1], \"digest\": \"" NONCE
		"\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("POST", "/v1/vtpms/web1/attest", bad[i]), 400);
}

static void test_api_ca(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1/host/ca", NULL), 200);
	assert_string_equal(text("public"), "c0");
	assert_string_equal(text("chain"), "c1");
	assert_int_equal(json_integer_value(json_object_get(f.body, "issued")), 4);
	assert_int_equal(ask("POST", "/v1/host/ca/init",
			     "{\"name\": \"one\", \"self_signed\": true, \"new\": false}"),
			 200);
	assert_string_equal(text("request"), "c0");
	assert_int_equal(ask("POST", "/v1/host/ca/prove", "{\"nonce\": \"" NONCE "\"}"), 200);
	assert_string_equal(text("parent"), "c1");
	assert_string_equal(text("signature"), "c3");
	assert_int_equal(ask("POST", "/v1/host/ca/chain", "{\"chain\": \"3000\"}"), 200);
	assert_int_equal(ask("POST", "/v1/host/ca/revoked", "{\"from\": 0}"), 200);
	assert_int_equal(json_integer_value(json_object_get(f.body, "next")), 1);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(f.body, "revoked"), 0), "uuid")),
		"ab000000-0000-0000-0000-000000000000");
}

static void test_api_ca_malformed(void **state)
{
	static const struct {
		const char *path;
		const char *body;
	} bad[] = {
		{ "init", "[]" },
		{ "init", "{\"name\": \"\", \"self_signed\": true, \"new\": false}" },
		{ "init", "{\"name\": \"one\", \"self_signed\": 1, \"new\": false}" },
		{ "init", "{\"name\": \"one\", \"self_signed\": true}" },
		{ "init", "{\"name\": \"one\", \"self_signed\": true, \"new\": true, "
			  "\"more\": 1}" },
		{ "prove", "{\"nonce\": \"00\"}" },
		{ "prove", "{\"nonce\": \"" NONCE "00\"}" },
		{ "chain", "{\"chain\": \"\"}" },
		{ "chain", "{\"chain\": \"0g\"}" },
		{ "chain", "{\"chain\": \"000\"}" },
		{ "revoked", "{\"from\": -1}" },
		{ "revoked", "{}" },
	};
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(path, sizeof(path), "/v1/host/ca/%s", bad[i].path);
		assert_int_equal(ask("POST", path, bad[i].body), 400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_api_host),
		TEST(test_api_host_init),
		TEST(test_api_host_recovery),
		TEST(test_api_host_unlock),
		TEST(test_api_host_accept),
		TEST(test_api_host_share),
		TEST(test_api_host_bind),
		TEST(test_api_host_init_rollback),
		TEST(test_api_host_rollback),
		TEST(test_api_host_plans),
		TEST(test_api_host_body_malformed),
		TEST(test_api_attest),
		TEST(test_api_attest_malformed),
		TEST(test_api_ca),
		TEST(test_api_ca_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
