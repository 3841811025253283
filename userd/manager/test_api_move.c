// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the API takes and says about vTPMs that go to another host, or come from one.
 */
#include "manager/test_api.h"

#define CREATE	"{\"name\": \"web1\", \"front_end\": \"socket\"}"
#define PACKAGE "AAAAAk1PVkU"

static void test_move_key(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1/host/move-key", NULL), 200);
	assert_string_equal(text("chain"), "c4");
	assert_int_equal(ask("GET", "/v1/host/move-key", "{\"a\": 1}"), 400);
}

static void test_move_export(void **state)
{
	const json_t *blockers;

	(void)state;
	assert_int_equal(ask("POST", "/v1/vtpms/web1/export", "{\"again\": true}"), 404);
	assert_int_equal(ask("POST", "/v1/vtpms", CREATE), 201);
	assert_int_equal(ask("POST", "/v1/vtpms/web1/export",
			     "{\"chain\": \"3031\", \"statement\": \"{}\","
			     " \"signature\": \"AQID\"}"),
			 200);
	assert_string_equal(text("name"), "web1");
	assert_string_equal(text("host"), "other");
	assert_string_equal(text("package"), PACKAGE);
	assert_true(json_is_true(json_object_get(f.body, "ready")));
	assert_int_equal(f.fake.exported.chain.length, 2);
	assert_int_equal(f.fake.exported.statement.length, 2);
	assert_int_equal(f.fake.exported.signature.length, 3);
	assert_false(f.fake.exported.again);
	assert_int_equal(ask("POST", "/v1/vtpms/web1/export", "{\"dry_run\": true}"), 200);
	assert_true(f.fake.exported.look);
	assert_true(json_is_null(json_object_get(f.body, "package")));
	assert_true(json_is_false(json_object_get(f.body, "ready")));
	blockers = json_object_get(f.body, "blockers");
	assert_int_equal(json_array_size(blockers), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(blockers, 0), "type")),
			    "conflict");
}

static void test_move_import(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/v1/imports",
			     "{\"package\": \"" PACKAGE "\", \"vtpm\": " CREATE "}"),
			 200);
	assert_string_equal(text("name"), "web1");
	assert_true(json_is_null(json_object_get(f.body, "package")));
	assert_int_equal(f.fake.imported.package.length, 8);
	assert_int_equal(f.fake.imported.what.front, VTPM_FRONT_SOCKET);
	assert_false(f.fake.imported.look);
	assert_int_equal(ask("POST", "/v1/imports",
			     "{\"package\": \"" PACKAGE "\", \"dry_run\": true, \"vtpm\": " CREATE
			     "}"),
			 200);
	assert_true(json_is_false(json_object_get(f.body, "ready")));
}

/* A package is larger than what other routes take. */
static void test_move_import_large(void **state)
{
	static const char first[] = "{\"package\": \"", last[] = "\", \"vtpm\": " CREATE "}";
	const size_t digits = 440000;
	char *body = malloc(sizeof(first) + digits + sizeof(last));

	(void)state;
	assert_non_null(body);
	snprintf(body, sizeof(first), "%s", first);
	memset(body + sizeof(first) - 1, 'A', digits);
	snprintf(body + sizeof(first) - 1 + digits, sizeof(last), "%s", last);
	assert_int_equal(ask("POST", "/v1/imports", body), 200);
	assert_int_equal(f.fake.imported.package.length, digits / 4 * 3);
	assert_int_equal(ask("POST", "/v1/vtpms/web1/export", body), 413);
	free(body);
}

static void test_move_malformed(void **state)
{
	static const struct {
		const char *path;
		const char *body;
	} rows[] = {
		{ "/v1/vtpms/web1/export", "{\"chain\": \"0\"}" },
		{ "/v1/vtpms/web1/export", "{\"chain\": \"\"}" },
		{ "/v1/vtpms/web1/export", "{\"signature\": 5}" },
		{ "/v1/vtpms/web1/export", "{\"signature\": \"A=\"}" },
		{ "/v1/vtpms/web1/export", "{\"statement\": 1}" },
		{ "/v1/vtpms/web1/export", "{\"again\": 1}" },
		{ "/v1/vtpms/web1/export", "{\"dry_run\": \"yes\"}" },
		{ "/v1/vtpms/web1/export", "{\"to\": \"there\"}" },
		{ "/v1/imports", "{}" },
		{ "/v1/imports", "{\"package\": \"" PACKAGE "\"}" },
		{ "/v1/imports", "{\"vtpm\": " CREATE "}" },
		{ "/v1/imports", "{\"package\": \"!\", \"vtpm\": " CREATE "}" },
		{ "/v1/imports", "{\"package\": \"\", \"vtpm\": " CREATE "}" },
		{ "/v1/imports", "{\"package\": \"" PACKAGE "\", \"vtpm\": {}}" },
		{ "/v1/imports", "{\"package\": \"" PACKAGE "\", \"vtpm\": 1}" },
		{ "/v1/imports", "{\"package\": \"" PACKAGE "\", \"vtpm\": {\"name\": \"a/b\"}}" },
		{ "/v1/imports",
		  "{\"package\": \"" PACKAGE "\", \"dry_run\": 0, \"vtpm\": " CREATE "}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ask("POST", rows[i].path, rows[i].body), 400);
		assert_problem("invalid");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_move_key),
		TEST(test_move_export),
		TEST(test_move_import),
		TEST(test_move_import_large),
		TEST(test_move_malformed),
	};

	return cmocka_run_group_tests_name("api move", tests, NULL, NULL);
}
