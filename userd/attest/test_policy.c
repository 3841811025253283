// SPDX-License-Identifier: BSD-3-Clause
/* Lists of a policy, one at a time, on a boot by shim and one of a unified kernel image. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "attest/policy.h"
#include "attest/test_log.h"

#define SHA256	 (1u << ATTEST_SHA256)
#define ALL_PCRS 0xffffffu

static struct attest_verdict verdict;
static struct attest_pcrs pcrs;
static struct eventlog eventlog;
static struct test_log *boot;

/* systemd-stub: the name of a section in UTF-16 twice, measured in ASCII and as what it holds. */
static void put_section(const char *name, const char *holds)
{
	uint8_t wide[64] = { 0 };
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		wide[2 * i] = (uint8_t)name[i];
	test_log_event(boot, 11, EV_IPL, name, length + 1, wide, 2 * length + 2);
	test_log_event(boot, 11, EV_IPL, holds, strlen(holds), wide, 2 * length + 2);
}

static void put_boot(void)
{
	static const char sbat[] = "sbat,1,2025021800\nshim,4\ngrub,5\n";
	static const uint8_t line[] = "q\0u\0i\0e\0t\0\0";

	boot = test_log_good(SHA256, 1);
	test_log_variable(boot, EV_EFI_VARIABLE_AUTHORITY, true, "SbatLevel", sbat,
			  sizeof(sbat) - 1);
	put_section(".linux", "a kernel");
	put_section(".initrd", "an initrd");
	test_log_true(boot, 12, EV_IPL, line, sizeof(line) - 1);
}

static void extend(uint32_t pcr, const char *word)
{
	const struct hash_part part = { word, strlen(word) };
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(boot->hash, ATTEST_SHA256, &part, 1, digest);
	hash_extend(boot->hash, ATTEST_SHA256, pcrs.value[ATTEST_SHA256][pcr], digest);
}

static int set_up(void **state)
{
	(void)state;
	put_boot();
	verdict = (struct attest_verdict){ 0 };
	assert_int_equal(eventlog_parse(&eventlog, boot->bytes, boot->out.used, &verdict), 0);
	eventlog_appraise(&eventlog, boot->hash, &verdict);
	eventlog_replay(&eventlog, boot->hash, &pcrs);
	pcrs.has[ATTEST_SHA256] = ALL_PCRS;
	assert_int_equal(verdict.status, ATTEST_PASSED);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	eventlog_done(&eventlog);
	test_log_free(boot);
	return 0;
}

/* Return: the first reason against it, NULL for none. */
static const char *judge(const char *members)
{
	struct policy *policy;
	char text[4096];

	verdict = (struct attest_verdict){ 0 };
	snprintf(text, sizeof(text), "{\"version\": 1%s%s}", *members ? ", " : "", members);
	if (policy_read(&policy, text, strlen(text), &verdict))
		return verdict.reasons[0].code;
	policy_check_pcrs(policy, &pcrs, &verdict);
	assert_int_equal(policy_check_log(policy, &eventlog, &pcrs, boot->hash, &verdict), 0);
	policy_free(policy);
	return verdict.count ? verdict.reasons[0].code : NULL;
}

static void assert_says(const char *members, const char *code)
{
	const char *said = judge(members);

	if (!said != !code || (code && strcmp(said, code) != 0))
		fail_msg("%s: %s", members, said ? verdict.reasons[0].text : "nothing is said");
}

static void test_policy_sbat(void **state)
{
	(void)state;
	assert_says("", NULL);
	assert_says("\"sbat\": []", NULL);
	assert_says("\"sbat\": [\"shim,4\", \"grub,4\"]", NULL);
	assert_says("\"sbat\": [\"sbat,1,2024010100\"]", NULL);
	assert_says("\"sbat\": [\"shim,5\"]", "policy.sbat");
	assert_says("\"sbat\": [\"grub,10\"]", "policy.sbat");
	assert_says("\"sbat\": [\"sbat,1,2026010100\"]", "policy.sbat");
	assert_says("\"sbat\": [\"grub.debian,4\"]", "policy.sbat");
	pcrs.has[ATTEST_SHA256] &= ~(1u << 7);
	assert_says("\"pcrs\": [], \"sbat\": [\"shim,4\"]", "policy.sbat");
}

/* Values that a PCR may have: any of them, of any case, and only of PCRs that are named. */
static void test_policy_values(void **state)
{
	char found[ATTEST_HEX_MAX], members[512];

	(void)state;
	attest_text_hex(found, pcrs.value[ATTEST_SHA256][7], 32);
	snprintf(members, sizeof(members), "\"pcr_values\": {\"7\": [\"%064d\", \"%s\"]}", 0,
		 found);
	assert_says(members, NULL);
	found[0] = found[0] == '0' ? '1' : '0';
	snprintf(members, sizeof(members), "\"pcr_values\": {\"7\": [\"%s\"]}", found);
	assert_says(members, "policy.pcr_values");
	assert_int_equal(verdict.reasons[0].pcr, 7);
	assert_string_equal(verdict.reasons[0].expected, found);
	snprintf(members, sizeof(members), "\"pcr_values\": {\"16\": [\"%064d\"]}", 0);
	pcrs.has[ATTEST_SHA256] &= ~(1u << 16);
	assert_says(members, "quote.selection");
	assert_says("\"pcr_values\": {\"24\": []}", "policy.invalid@0");
	assert_says("\"pcr_values\": {\"7\": []}", "policy.invalid@0");
	assert_says("\"pcr_values\": {\"7\": [\"00\"]}", "policy.invalid@0");
	assert_says("\"pcr_values\": []", "policy.invalid@0");
}

/* Each section by what it holds; a learned list is one of all of them. */
static void test_policy_uki(void **state)
{
	const struct public_name name = { .size = 0 };
	json_t *learned = policy_learn(&name, &eventlog, &pcrs, boot->hash);
	json_t *list = json_object_get(learned, "uki");
	char members[512];

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	assert_memory_equal(json_string_value(json_array_get(list, 0)), ".linux:", 7);
	assert_memory_equal(json_string_value(json_array_get(list, 1)), ".initrd:", 8);
	assert_string_equal(json_string_value(json_array_get(json_object_get(learned, "cmdline"),
							     0)), "quiet");
	snprintf(members, sizeof(members), "\"uki\": [\"%s\", \"%s\"]",
		 json_string_value(json_array_get(list, 0)),
		 json_string_value(json_array_get(list, 1)));
	assert_says(members, NULL);
	extend(11, "enter-initrd");
	extend(11, "leave-initrd");
	extend(11, "sysinit");
	assert_says(members, NULL);
	extend(11, "something else");
	assert_says(members, "policy.uki");
	snprintf(members, sizeof(members), "\"uki\": [\"%s\"]",
		 json_string_value(json_array_get(list, 0)));
	json_decref(learned);
	assert_says(members, "policy.uki");
	pcrs.has[ATTEST_SHA256] &= ~(1u << 11);
	assert_says(members, "quote.selection");
}

/* PCR 11 follows from the log and the phases of a boot, in their order. */
static void test_policy_phases(void **state)
{
	struct attest_pcrs replayed;

	(void)state;
	eventlog_replay(&eventlog, boot->hash, &replayed);
	extend(11, "sysinit");
	extend(11, "ready");
	verdict = (struct attest_verdict){ 0 };
	eventlog_compare(&eventlog, boot->hash, &replayed, &pcrs, &verdict);
	assert_int_equal(verdict.count, 0);
	extend(11, "sysinit");
	eventlog_compare(&eventlog, boot->hash, &replayed, &pcrs, &verdict);
	assert_int_equal(verdict.count, 1);
	assert_string_equal(verdict.reasons[0].code, "replay.pcr11");
}

/* A list needs the PCR of what it lists: nobody else vouches for it. */
static void test_policy_unquoted(void **state)
{
	static const struct {
		const char *members;
		uint32_t pcr;
	} cases[] = { { "\"cmdline\": [\"*\"]", 8 },
		      { "\"cmdline_deny\": [\"ima=off\"]", 8 },
		      { "\"boot_files\": []", 9 },
		      { "\"uki\": []", 11 },
		      { "\"mok\": []", 14 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pcrs.has[ATTEST_SHA256] = 0xff | (0x5f00 & ~(1u << cases[i].pcr));
		assert_says(cases[i].members, "quote.selection");
	}
	pcrs.has[ATTEST_SHA256] = ALL_PCRS & ~(1u << 12);
	assert_says("\"cmdline\": [\"*\"]", "policy.cmdline");
	pcrs.has[ATTEST_SHA256] = ALL_PCRS;
	assert_says("\"cmdline\": [\"quiet\"]", NULL);
	assert_says("\"cmdline\": [\"loud\"]", "policy.cmdline");
}

/* What a component brings counts as if it stood in the list itself. */
static void test_policy_components(void **state)
{
	char members[1024], shim[ATTEST_HEX_MAX];
	const struct hash_part part = { "shim", 4 };
	uint8_t digest[ATTEST_DIGEST_MAX];

	(void)state;
	hash_parts(boot->hash, ATTEST_SHA256, &part, 1, digest);
	attest_text_hex(shim, digest, 32);
	assert_says("\"boot_apps\": [\"00\"]", "policy.boot_apps");
	snprintf(members, sizeof(members), "\"boot_apps\": [\"00\"], \"components\": [{\"name\": "
		 "\"shim\", \"version\": \"16.1\", \"vendor\": \"Debian\", \"boot_apps\": [\"%s\"], "
		 "\"sbat\": [\"shim,4\"]}]", shim);
	assert_says(members, NULL);
	assert_says("\"components\": [{\"name\": \"shim\", \"version\": \"16.1\", \"boot_apps\": "
		    "[\"00\"]}]", "policy.boot_apps");
	assert_says("\"components\": [{\"name\": \"shim\"}]", "policy.invalid@0");
	assert_says("\"components\": [{\"name\": \"shim\", \"version\": \"1\", \"x\": []}]",
		    "policy.invalid@0");
	assert_says("\"components\": [{\"name\": \"shim\", \"version\": \"1\", \"pk\": [1]}]",
		    "policy.invalid@0");
	assert_says("\"components\": {}", "policy.invalid@0");
}

static void test_policy_digests(void **state)
{
	(void)state;
	assert_says("\"firmware_events\": []", "policy.firmware_events");
	assert_says("\"mok\": []", "policy.mok");
	assert_says("\"drivers\": []", NULL);
}

static void test_policy_denied_ek(void **state)
{
	static const char text[] = "{\"version\": 1, \"ek_denied\": [\"id:49465800 * id:0007*\"]}";
	struct ekcert certificate = { .manufacturer = "id:49465800", .model = "SLB 9665",
				      .version = "id:00073D02" };
	struct policy *policy;

	(void)state;
	verdict = (struct attest_verdict){ 0 };
	assert_int_equal(policy_read(&policy, text, sizeof(text) - 1, &verdict), 0);
	policy_check_ek(policy, &certificate, &verdict);
	assert_string_equal(verdict.reasons[0].code, "ek.denied-model");
	verdict = (struct attest_verdict){ 0 };
	snprintf(certificate.version, sizeof(certificate.version), "id:000D0101");
	policy_check_ek(policy, &certificate, &verdict);
	assert_int_equal(verdict.count, 0);
	policy_free(policy);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_policy_sbat),	      CASE(test_policy_uki),
		CASE(test_policy_phases),     CASE(test_policy_unquoted),
		CASE(test_policy_components), CASE(test_policy_digests),
		CASE(test_policy_denied_ek),  CASE(test_policy_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
