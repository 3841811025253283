// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the API takes and says about the gate.
 */
#include "manager/test_api.h"

#include "manager/gate.h"

static const json_t *part(const char *object, const char *member)
{
	return json_object_get(json_object_get(f.body, object), member);
}

static void test_api_gate_show(void **state)
{
	(void)state;
	f.fake.gate_view = (struct manager_gate){ .state = GATE_CLOSED, .until = -1, .trust = -1,
						  .whole = true, .reason = "nobody knows" };
	assert_int_equal(ask("GET", "/v1/gate", NULL), 200);
	assert_string_equal(text("state"), "closed");
	assert_string_equal(text("reason"), "nobody knows");
	assert_true(json_is_null(json_object_get(f.body, "verdict")));
	assert_true(json_is_null(json_object_get(f.body, "changes_in")));
	assert_true(json_is_null(part("glass", "last")));
	assert_string_equal(json_string_value(part("default", "policy")), "log");
	f.fake.gate.ruled = true;
	f.fake.gate.ruling = (struct ruling){ .status = ATTEST_FAILED, .verified_at = 1,
					      .valid_until = 3601, .verified_by = "v" };
	f.fake.gate_view.state = GATE_GRACE;
	f.fake.gate_view.until = 7;
	assert_int_equal(ask("GET", "/v1/gate", NULL), 200);
	assert_string_equal(text("state"), "grace");
	assert_int_equal(number("changes_in"), 7);
	assert_string_equal(json_string_value(part("verdict", "status")), "failed");
	assert_string_equal(json_string_value(part("verdict", "valid_until")),
			    "1970-01-01T01:00:01Z");
	assert_int_equal(ask("GET", "/v1/gate", "{\"a\": 1}"), 400);
}

static void test_api_gate_rules(void **state)
{
	const char *const bad[] = {
		"{}",
		"{\"grace\": 1}",
		"{\"policy\": \"off\"}",
		"{\"policy\": 1}",
		"{\"policy\": \"stop\", \"grace\": -1}",
		"{\"policy\": \"stop\", \"grace\": 2592001}",
		"{\"policy\": \"stop\", \"grace\": \"1\"}",
		"{\"policy\": \"stop\", \"more\": 1}",
	};

	(void)state;
	assert_int_equal(ask("PUT", "/v1/gate/default", "{\"policy\": \"stop\", \"grace\": 9}"),
			 200);
	assert_int_equal(f.fake.gate.rule.policy, GATE_STOP);
	assert_int_equal(f.fake.gate.rule.grace, 9);
	assert_int_equal(ask("PUT", "/v1/vtpms/a/gate", "{\"policy\": \"freeze-keys\"}"), 200);
	assert_int_equal(f.fake.gate.rule.policy, GATE_FREEZE_KEYS);
	assert_int_equal(f.fake.gate.rule.grace, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("PUT", "/v1/gate/default", bad[i]), 400);
	assert_int_equal(ask("PUT", "/v1/vtpms/problem-not-found/gate", "{\"policy\": \"log\"}"),
			 404);
	assert_int_equal(ask("POST", "/v1/gate/default", "{}"), 405);
}

static void test_api_gate_verdict(void **state)
{
	char body[2 * RULING_TEXT_MAX];
	const char *const bad[] = {
		"{}",
		"{\"statement\": \"{}\"}",
		"{\"statement\": \"\", \"signature\": \"AAAA\"}",
		"{\"statement\": {}, \"signature\": \"AAAA\"}",
		"{\"statement\": \"{}\", \"signature\": \"\"}",
		"{\"statement\": \"{}\", \"signature\": \"=\"}",
	};

	(void)state;
	assert_int_equal(ask("PUT", "/v1/gate/verdict",
			     "{\"statement\": \"{\\\"a\\\":1}\", \"signature\": \"AQID\"}"),
			 200);
	assert_int_equal(f.fake.gate_verdict.length, 7);
	assert_memory_equal(f.fake.gate_verdict.text, "{\"a\":1}", 7);
	assert_int_equal(f.fake.gate_verdict.size, 3);
	assert_int_equal(f.fake.gate_verdict.signature[2], 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("PUT", "/v1/gate/verdict", bad[i]), 400);
	snprintf(body, sizeof(body), "{\"signature\": \"AQID\", \"statement\": \"%0*d\"}",
		 RULING_TEXT_MAX, 0);
	assert_int_equal(ask("PUT", "/v1/gate/verdict", body), 200);
	snprintf(body, sizeof(body), "{\"signature\": \"AQID\", \"statement\": \"%0*d\"}",
		 RULING_TEXT_MAX + 1, 0);
	assert_int_equal(ask("PUT", "/v1/gate/verdict", body), 400);
}

static void test_api_gate_break(void **state)
{
	char body[512];
	const char *const bad[] = {
		"{}",
		"{\"reason\": \"\"}",
		"{\"reason\": 1}",
		"{\"reason\": \"a\\u0000b\"}",
		"{\"reason\": \"a\", \"seconds\": -1}",
		"{\"reason\": \"a\", \"seconds\": 604801}",
	};

	(void)state;
	assert_int_equal(ask("POST", "/v1/gate/break-glass", "{\"reason\": \"fire\"}"), 200);
	assert_string_equal(f.fake.gate.record.reason, "fire");
	assert_int_equal(f.fake.gate.record.until, 3600);
	assert_int_equal(f.fake.gate.record.uid, geteuid());
	assert_int_equal(json_integer_value(part("glass", "records")), 1);
	assert_int_equal(ask("POST", "/v1/gate/break-glass",
			     "{\"reason\": \"over\", \"seconds\": 0}"),
			 200);
	assert_int_equal(f.fake.gate.record.until, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask("POST", "/v1/gate/break-glass", bad[i]), 400);
	snprintf(body, sizeof(body), "{\"reason\": \"%0*d\"}", GATE_REASON_SIZE, 0);
	assert_int_equal(ask("POST", "/v1/gate/break-glass", body), 400);
	assert_int_equal(f.fake.gate.log.count, 2);
}

static void test_api_gate_wait(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1/gate/wait?timeout=1", NULL), 200);
	f.fake.gate_view.state = GATE_CLOSED;
	assert_int_equal(ask("GET", "/v1/gate/wait?timeout=1", NULL), 504);
	assert_problem("timeout");
	assert_int_equal(ask("GET", "/v1/gate/wait?timeout=0", NULL), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_api_gate_show),
		TEST(test_api_gate_rules),
		TEST(test_api_gate_verdict),
		TEST(test_api_gate_break),
		TEST(test_api_gate_wait),
	};

	return cmocka_run_group_tests_name("api gate", tests, NULL, NULL);
}
