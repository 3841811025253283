// SPDX-License-Identifier: BSD-3-Clause
/* Standing, store, CA and report of a fleet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "verifier/authority.h"
#include "verifier/ca.h"
#include "verifier/config.h"
#include "verifier/fleet.h"
#include "verifier/report.h"

#define ID    "6f1f0b50-0000-4000-8000-000000000001"
#define OTHER "6f1f0b50-0000-4000-8000-000000000002"
#define NOW   1700000000
#define EVIL  "<img src=x onerror=alert(1)>\"&'=cmd"

static const struct standing_machine machine = {
	.known = true, .boot_id = "boot1", .epoch = 5, .clock = 1000, .resets = 3, .firmware = 7,
	.pcr0 = "aa",
};
static char folder[] = "/tmp/test_fleet.XXXXXX", path[64];
static struct attest_verdict verdict, events;
static struct standing standing;

static void judge(enum attest_status status)
{
	verdict = (struct attest_verdict){ 0 };
	if (status)
		attest_verdict_say(&verdict, status, "sb.off", "turn it on",
				   "Host Secure Boot was disabled");
}

static void fresh(void)
{
	standing_new(&standing, ID, "host1");
}

static bool take(enum attest_status status, int64_t now)
{
	judge(status);
	return standing_take(&standing, &verdict, &machine, "v1", now, 60);
}

static void test_standing_take_holds_a_failure(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(standing_status(&standing, NOW), ATTEST_UNKNOWN);
	assert_true(take(ATTEST_PASSED, NOW));
	assert_false(take(ATTEST_PASSED, NOW + 1));
	assert_true(take(ATTEST_FAILED, NOW + 2));
	assert_string_equal(standing.message, "Host Secure Boot was disabled");
	assert_false(take(ATTEST_PASSED, NOW + 3));
	assert_int_equal(standing_status(&standing, NOW + 3), ATTEST_FAILED);
	assert_int_equal(standing_status(&standing, NOW + 9999), ATTEST_FAILED);
	assert_true(standing_acknowledge(&standing));
	assert_false(standing_acknowledge(&standing));
	assert_int_equal(standing_status(&standing, NOW + 3), ATTEST_FAILED);
	assert_true(take(ATTEST_PASSED, NOW + 4));
	assert_int_equal(standing_status(&standing, NOW + 4), ATTEST_PASSED);
}

static void test_standing_status_grows_old(void **state)
{
	(void)state;
	fresh();
	take(ATTEST_PASSED, NOW);
	assert_int_equal(standing_status(&standing, NOW + 60), ATTEST_PASSED);
	assert_int_equal(standing_status(&standing, NOW + 61), ATTEST_UNKNOWN);
	assert_non_null(strstr(standing_message(&standing, NOW + 61), "too old"));
}

static void test_standing_self_is_unknown(void **state)
{
	(void)state;
	fresh();
	take(ATTEST_PASSED, NOW);
	assert_true(standing_self(&standing, NOW));
	assert_int_equal(standing_status(&standing, NOW), ATTEST_UNKNOWN);
	assert_string_equal(standing.verified_by, "self");
	take(ATTEST_FAILED, NOW);
	assert_false(standing_self(&standing, NOW));
	assert_int_equal(standing_status(&standing, NOW), ATTEST_FAILED);
}

static const char *compare(struct standing_machine now)
{
	judge(ATTEST_PASSED);
	events = (struct attest_verdict){ 0 };
	standing_compare(&machine, &now, &verdict, &events);
	if (verdict.count)
		return verdict.reasons[0].code;
	return events.count ? events.reasons[0].code : "";
}

static void test_standing_compare_says_what_changed(void **state)
{
	struct standing_machine now = machine;

	(void)state;
	assert_string_equal(compare(now), "");
	now.clock = 999;
	assert_string_equal(compare(now), "clock.rollback");
	now.clock = 5;
	now.resets = 4;
	assert_string_equal(compare(now), "clock.reboot");
	now.boot_id[4] = '2';
	assert_string_equal(compare(now), "machine.reset");
	assert_int_equal(verdict.status, ATTEST_PASSED);
	now = machine;
	now.epoch = 4;
	assert_string_equal(compare(now), "vtpm.duplicate");
	assert_int_equal(verdict.status, ATTEST_FAILED);
	now.epoch = 0;
	assert_string_equal(compare(now), "");
	now.firmware = 8;
	assert_string_equal(compare(now), "machine.firmware");
	now = machine;
	snprintf(now.pcr0, sizeof(now.pcr0), "bb");
	assert_string_equal(compare(now), "machine.pcr0");
	assert_string_equal(events.reasons[0].expected, "aa");
	assert_string_equal(events.reasons[0].found, "bb");
}

/* Store */

static struct fleet *open_fleet(void)
{
	struct fleet *fleet;
	char reason[256];

	assert_int_equal(fleet_open(path, reason, sizeof(reason), &fleet), 0);
	return fleet;
}

static void test_fleet_keeps_hosts(void **state)
{
	struct fleet_keys keys = { .ek_name = { 0, 11, 1 }, .ek_size = 34, .ek_listed = true,
				   .ak = { 7 }, .ak_size = 90 }, found_keys;
	struct fleet *fleet = open_fleet();
	struct standing found;
	char id[STANDING_ID];
	struct stat about;

	(void)state;
	fresh();
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), -EEXIST);
	standing_new(&found, OTHER, "twin");
	/* One endorsement key is one host. */
	assert_int_equal(fleet_host_add(fleet, &found, &keys), -EEXIST);
	take(ATTEST_FAILED, NOW);
	standing.machine = machine;
	assert_int_equal(fleet_host_set(fleet, &standing, "{\"secure_boot\": \"off\"}"), 0);
	fleet_close(fleet);
	fleet = open_fleet();
	assert_int_equal(fleet_host_get(fleet, ID, &found, &found_keys), 0);
	assert_memory_equal(&found_keys, &keys, sizeof(keys));
	assert_string_equal(found.message, standing.message);
	assert_true(found.held);
	assert_int_equal(found.machine.firmware, 7);
	assert_int_equal(fleet_host_by_ek(fleet, keys.ek_name, 34, id), 0);
	assert_string_equal(id, ID);
	assert_int_equal(fleet_host_by_ek(fleet, keys.ek_name, 33, id), -ENOENT);
	assert_int_equal(fleet_host_get(fleet, OTHER, &found, NULL), -ENOENT);
	assert_int_equal(fleet_host_set(fleet, &found, NULL), 0);
	fleet_close(fleet);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
}

static void test_fleet_undoes_a_half(void **state)
{
	struct fleet_keys keys = { 0 };
	struct fleet *fleet = open_fleet();
	struct standing found;

	(void)state;
	standing_new(&found, OTHER, "half");
	assert_int_equal(fleet_begin(fleet, true), 0);
	assert_int_equal(fleet_host_add(fleet, &found, &keys), 0);
	assert_int_equal(fleet_end(fleet, false), -EIO);
	assert_int_equal(fleet_host_get(fleet, OTHER, &found, NULL), -ENOENT);
	fleet_close(fleet);
}

static void test_fleet_pass_once(void **state)
{
	struct fleet_pass pass = { FLEET_ENROL, "rack1" }, found;
	struct fleet *fleet = open_fleet();
	char secret[FLEET_SECRET], other[FLEET_SECRET];

	(void)state;
	assert_int_equal(fleet_secret_new(secret), 0);
	assert_int_equal(fleet_secret_new(other), 0);
	assert_int_equal(strlen(secret), 43);
	assert_string_not_equal(secret, other);
	assert_int_equal(fleet_pass_add(fleet, secret, 43, &pass, NOW + 10), 0);
	assert_int_equal(fleet_pass_get(fleet, secret, 43, NOW, &found), 0);
	assert_int_equal(found.role, FLEET_ENROL);
	assert_string_equal(found.name, "rack1");
	assert_int_equal(fleet_pass_get(fleet, other, 43, NOW, &found), -ENOENT);
	assert_int_equal(fleet_pass_get(fleet, secret, 43, NOW + 10, &found), -ENOENT);
	assert_int_equal(fleet_pass_use(fleet, secret, 43, 2), 0);
	assert_int_equal(fleet_pass_get(fleet, secret, 43, NOW, &found), 0);
	assert_int_equal(fleet_pass_use(fleet, secret, 43, 2), 0);
	assert_int_equal(fleet_pass_use(fleet, secret, 43, 2), -ENOENT);
	assert_int_equal(fleet_pass_get(fleet, secret, 43, NOW, &found), -ENOENT);
	fleet_close(fleet);
}

/* CA */

static void test_ca_certifies_and_signs(void **state)
{
	struct authority_row row = { .host = ID };
	char ca_path[96], pem[128], reason[256];
	uint8_t der[CA_CERTIFICATE_MAX], signature[CA_SIGNATURE_MAX];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	const unsigned char *at = der;
	X509 *certificate;
	size_t size;
	struct ca *ca;

	(void)state;
	snprintf(ca_path, sizeof(ca_path), "%s/ca", folder);
	snprintf(pem, sizeof(pem), "%s/ca.pem", ca_path);
	assert_int_equal(ca_init(ca_path, "words", reason, sizeof(reason)), 0);
	assert_int_equal(ca_init(ca_path, "words", reason, sizeof(reason)), -EEXIST);
	assert_int_equal(ca_open(ca_path, "other", reason, sizeof(reason), &ca), -EIO);
	assert_int_equal(ca_open(ca_path, NULL, reason, sizeof(reason), &ca), -EIO);
	assert_int_equal(ca_open(ca_path, "words", reason, sizeof(reason), &ca), 0);
	assert_int_equal(ca_certify(ca, key, &row, der, &size), 0);
	certificate = d2i_X509(NULL, &at, (long)size);
	assert_non_null(certificate);
	assert_int_equal(X509_verify(certificate, X509_get0_pubkey(ca_certificate(ca))), 1);
	assert_int_equal(X509_check_ca(certificate), 0);
	X509_free(certificate);
	assert_int_equal(ca_sign(ca, CA_WORDS_REPORT, "report", 6, signature, &size), 0);
	assert_int_equal(ca_verify(pem, CA_WORDS_REPORT, "report", 6, signature, size), 0);
	/* a report is no verdict */
	assert_int_equal(ca_verify(pem, CA_WORDS_VERDICT, "report", 6, signature, size),
			 -EKEYREJECTED);
	assert_int_equal(ca_verify(pem, CA_WORDS_REPORT, "Report", 6, signature, size),
			 -EKEYREJECTED);
	signature[size - 1] ^= 1;
	assert_int_equal(ca_verify(pem, CA_WORDS_REPORT, "report", 6, signature, size),
			 -EKEYREJECTED);
	assert_int_equal(ca_verify("/dev/null", CA_WORDS_REPORT, "report", 6, signature, size),
			 -EIO);
	ca_close(ca);
	snprintf(pem, sizeof(pem), "%s/ca.key", ca_path);
	assert_int_equal(chmod(pem, 0640), 0);
	assert_int_equal(ca_open(ca_path, "words", reason, sizeof(reason), &ca), -EACCES);
	EVP_PKEY_free(key);
}

/* Report */

static char *report(struct fleet *fleet, enum report_format format)
{
	size_t length;
	char *text;

	assert_int_equal(report_new(fleet, "v1", NOW, format, true, &text, &length), 0);
	assert_int_equal(strlen(text), length);
	return text;
}

static void test_report_escapes_hostile_names(void **state)
{
	struct fleet_keys keys = { 0 };
	struct fleet *fleet;
	json_t *root;
	char *text;

	(void)state;
	unlink(path);
	fleet = open_fleet();
	standing_new(&standing, ID, EVIL "\033[2J\r\nx");
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
	standing_new(&standing, OTHER, "=1+1");
	take(ATTEST_FAILED, NOW);
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	assert_int_equal(fleet_host_facts(fleet, OTHER, "{\"tpm\": \"</script><b>\"}"), 0);
	assert_int_equal(fleet_event_add(fleet, OTHER, NOW, &verdict.reasons[0]), 0);
	text = report(fleet, REPORT_HTML);
	assert_null(strstr(text, "<img"));
	assert_null(strstr(text, "</script><b>"));
	assert_non_null(strstr(text, "&lt;img src=x onerror=alert(1)&gt;&quot;&amp;&#39;=cmd"));
	assert_non_null(strstr(text, "<code>sb.off</code>"));
	assert_null(strstr(text, "://"));
	free(text);
	text = report(fleet, REPORT_CSV);
	assert_non_null(strstr(text, "\"'=1+1\""));
	assert_non_null(strstr(text, "onerror=alert(1)>\"\"&'"));
	/* A semicolon ends a cell in some countries. */
	assert_null(strchr(text, ';'));
	free(text);
	text = report(fleet, REPORT_TABLE);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "[acknowledge] Host Secure Boot was disabled"));
	free(text);
	text = report(fleet, REPORT_JSON);
	root = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "hosts")), 2);
	assert_int_equal(json_array_size(json_object_get(root, "events")), 1);
	json_decref(root);
	free(text);
	fleet_close(fleet);
}

/* What a spreadsheet would run, and what it would not. */
static void test_report_csv_has_no_formula(void **state)
{
	static const struct {
		const char *name;
		const char *cell;
	} cells[] = {
		{ "=1+1", "\r\n\"'=1+1\"," },
		{ " \n@x", "\r\n\"'  @x\"," },
		{ "-2", "\r\n\"'-2\"," },
		{ "%x", "\r\n\"'%x\"," },
		{ "\xef\xbc\x9d" "1", "\r\n\"'\xef\xbc\x9d" "1\"," },
		{ "a;=1", "\r\n\"a,=1\"," },
		{ "a;\"=1", "\r\n\"a,\"\"=1\"," },
		{ "rack-7", "\r\n\"rack-7\"," },
	};
	struct fleet_keys keys = { 0 };
	struct fleet *fleet;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		unlink(path);
		fleet = open_fleet();
		standing_new(&standing, ID, cells[i].name);
		assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
		text = report(fleet, REPORT_CSV);
		if (!strstr(text, cells[i].cell))
			fail_msg("%s: %s", cells[i].name, text);
		free(text);
		fleet_close(fleet);
	}
}

/* CSI is one character beyond ASCII, too. */
static void test_report_json_is_ascii(void **state)
{
	struct fleet_keys keys = { 0 };
	struct fleet *fleet;
	char *text;

	(void)state;
	unlink(path);
	fleet = open_fleet();
	standing_new(&standing, ID, "\xc2\x9b" "2Jx");
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
	text = report(fleet, REPORT_JSON);
	assert_non_null(strstr(text, "\\u009B2Jx"));
	assert_null(strstr(text, "\xc2\x9b"));
	free(text);
	fleet_close(fleet);
}

/* Configuration */

static int read_config(const char *text, struct config *ret)
{
	char name[96], reason[256];
	FILE *file;

	snprintf(name, sizeof(name), "%s/config", folder);
	file = fopen(name, "w");
	fputs(text, file);
	fclose(file);
	return config_read(name, reason, sizeof(reason), ret);
}

static void test_config_read_refuses(void **state)
{
	struct config config;
	char reason[256];

	(void)state;
	assert_int_equal(read_config("[verifier]\nname = v1\nport = 1\n", &config), 0);
	assert_string_equal(config.name, "v1");
	assert_int_equal(config.port, 1);
	assert_int_equal(config.deadline, 60);
	assert_int_equal(read_config("[verifier]\nport = 65536\n", &config), -EINVAL);
	assert_int_equal(read_config("[verifier]\nport = -1\n", &config), -EINVAL);
	assert_int_equal(read_config("[verifier]\nprot = 1\n", &config), -EINVAL);
	assert_int_equal(read_config("[other]\nport = 1\n", &config), -EINVAL);
	assert_int_equal(config_read("/nowhere/x", reason, sizeof(reason), &config), -ENOENT);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/fleet.db", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "fleet.db", "fleet.db-wal", "fleet.db-shm", "config",
					     "ca/ca.key", "ca/ca.pem" };
	char name[96];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s/ca", folder);
	rmdir(name);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standing_take_holds_a_failure),
		cmocka_unit_test(test_standing_status_grows_old),
		cmocka_unit_test(test_standing_self_is_unknown),
		cmocka_unit_test(test_standing_compare_says_what_changed),
		cmocka_unit_test(test_fleet_keeps_hosts),
		cmocka_unit_test(test_fleet_undoes_a_half),
		cmocka_unit_test(test_fleet_pass_once),
		cmocka_unit_test(test_ca_certifies_and_signs),
		cmocka_unit_test(test_report_escapes_hostile_names),
		cmocka_unit_test(test_report_csv_has_no_formula),
		cmocka_unit_test(test_report_json_is_ascii),
		cmocka_unit_test(test_config_read_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
