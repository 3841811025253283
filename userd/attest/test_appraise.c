// SPDX-License-Identifier: BSD-3-Clause
/*
 * Lies that a log can tell although it replays, and what it must not be failed for. A good
 * log gets one more event, or lacks one; what it comes to stands beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "attest/test_log.h"

#define BANKS (1u << ATTEST_SHA1 | 1u << ATTEST_SHA256)

#define VARIABLE  EV_EFI_VARIABLE_DRIVER_CONFIG
#define AUTHORITY EV_EFI_VARIABLE_AUTHORITY

static struct attest_verdict verdict;
static struct attest_pcrs replayed;
static struct eventlog eventlog;
static enum event_secure_boot secure_boot;

static const uint8_t zeros[64], one = 1;

static void judge(struct test_log *log, const struct attest_pcrs *actual)
{
	assert_false(log->out.bad);
	verdict = (struct attest_verdict){ 0 };
	assert_int_equal(eventlog_parse(&eventlog, log->bytes, log->out.used, &verdict), 0);
	eventlog_replay(&eventlog, log->hash, &replayed);
	secure_boot = eventlog_appraise(&eventlog, log->hash, &verdict);
	if (actual)
		eventlog_compare(&eventlog, log->hash, &replayed, actual, &verdict);
	eventlog_done(&eventlog);
}

static void assert_reason(const char *name, const char *code, enum attest_status status)
{
	size_t i = 0;

	while (i < verdict.count && strncmp(verdict.reasons[i].code, code, strlen(code)) != 0)
		i++;
	if (*code && i == verdict.count)
		fail_msg("%s: no reason %s, status %s", name, code,
			 attest_status_name(verdict.status));
	if (verdict.status != status)
		fail_msg("%s: %s: %s", name, attest_status_name(verdict.status),
			 verdict.count ? verdict.reasons[0].text : "no reason");
}

/* Events that are added behind a good log. */

static void add_late_variable(struct test_log *log)
{
	test_log_variable(log, VARIABLE, false, "SecureBoot", &one, 1);
}

static void add_lying_action(struct test_log *log)
{
	test_log_event(log, 5, EV_EFI_ACTION, "x", 1, "Exit Boot Services Invocation", 29);
}

static void add_zero_digest(struct test_log *log)
{
	size_t at = log->out.used;

	test_log_text(log, 4, EV_EFI_ACTION, "Returning from EFI Application from Boot Option");
	log->out.used = at;
	test_log_le32(log, 4);
	test_log_le32(log, EV_EFI_BOOT_SERVICES_APPLICATION);
	test_log_le32(log, 2);
	test_log_le16(log, 0x04);
	cursor_put_raw(&log->out, zeros, 20);
	test_log_le16(log, 0x0b);
	cursor_put_raw(&log->out, zeros, 32);
	test_log_le32(log, 0);
}

/* SHA-1 of the data, SHA-256 of something else. */
static void add_split_banks(struct test_log *log)
{
	size_t at = log->out.used;

	test_log_event(log, 4, EV_EFI_BOOT_SERVICES_APPLICATION, "data", 4, "data", 4);
	log->bytes[at + 12 + 2 + 20 + 2] ^= 1;
}

static void add_short_event(struct test_log *log)
{
	test_log_le32(log, 4);
	test_log_le32(log, EV_EFI_BOOT_SERVICES_APPLICATION);
	test_log_le32(log, 1);
	test_log_le16(log, 0x0b);
	cursor_put_raw(&log->out, "a digest that is thirty-two long", 32);
	test_log_le32(log, 0);
}

static void add_separator(struct test_log *log)
{
	test_log_true(log, 4, EV_SEPARATOR, zeros, 4);
}

static void add_mok_authority(struct test_log *log)
{
	test_log_variable(log, AUTHORITY, false, "MokSBState", &one, 1);
}

static void add_mok_pcr14(struct test_log *log)
{
	test_log_event(log, 14, EV_IPL, &one, 1, "MokSBState", 11);
}

static void add_mok_off(struct test_log *log)
{
	test_log_event(log, 14, EV_IPL, zeros, 1, "MokSBState", 11);
}

static void add_mute_with_digest(struct test_log *log)
{
	test_log_text(log, 4, EV_NO_ACTION, "looks like nothing, and extends");
}

static void add_mute(struct test_log *log)
{
	test_log_mute(log, 0, "of no known kind", 8);
}

static void add_spec_id(struct test_log *log)
{
	test_log_mute(log, 0, "Spec ID Event03\0and more", 24);
}

static void add_late_locality(struct test_log *log)
{
	test_log_mute(log, 0, "StartupLocality\0\0", 17);
}

static void add_command_lie(struct test_log *log)
{
	test_log_event(log, 8, EV_IPL, "linux /evil", 11, "grub_cmd: linux /good", 22);
}

static void add_command_line_lie(struct test_log *log)
{
	test_log_event(log, 8, EV_IPL, "init=/evil", 10, "kernel_cmdline: ro quiet", 25);
}

static void add_old_command(struct test_log *log)
{
	test_log_event(log, 8, EV_IPL, "linux /good", 12, "grub_cmd linux /good", 21);
}

static void add_stub(struct test_log *log)
{
	test_log_event(log, 11, EV_IPL, ".linux", 7, ".\0l\0i\0n\0u\0x\0\0", 14);
	test_log_event(log, 11, EV_IPL, "a kernel", 8, ".\0l\0i\0n\0u\0x\0\0", 14);
	test_log_true(log, 12, EV_IPL, "q\0u\0i\0e\0t\0\0", 12);
	test_log_event(log, 12, EV_IPL, "a cpio", 6, "m\0y\0 \0i\0n\0i\0t\0r\0d\0\0", 20);
}

static void add_stub_lie(struct test_log *log)
{
	test_log_event(log, 12, EV_IPL, "evil", 4, "q\0u\0i\0e\0t\0\0", 12);
}

static void add_unknown_type(struct test_log *log)
{
	test_log_text(log, 4, 0x8401, "of a vendor");
}

static void add_unknown_type_elsewhere(struct test_log *log)
{
	test_log_text(log, 6, 0x8401, "of a vendor");
}

static void add_authority_elsewhere(struct test_log *log)
{
	test_log_text(log, 7, EV_EFI_BOOT_SERVICES_DRIVER, "in PCR 7");
}

static void add_after_separator(struct test_log *log)
{
	test_log_text(log, 0, EV_POST_CODE, "too late");
}

static void add_version_lie(struct test_log *log)
{
	test_log_event(log, 12, EV_S_CRTM_VERSION, "x", 1, "y", 1);
}

static void add_old_shim(struct test_log *log)
{
	uint8_t bytes[256] = { 0 };
	size_t used = test_log_variable_bytes(bytes, sizeof(bytes), false, "Shim", "cert", 4);

	bytes[used + 5] = 0x5a;
	test_log_event(log, 7, AUTHORITY, bytes, used + 5, bytes, used + 6);
}

static void add_variable_value(struct test_log *log)
{
	uint8_t bytes[256];
	size_t used = test_log_variable_bytes(bytes, sizeof(bytes), false, "BootOrder", "12", 2);

	test_log_event(log, 5, EV_EFI_VARIABLE_BOOT, "12", 2, bytes, used);
	test_log_true(log, 5, EV_EFI_VARIABLE_BOOT2, bytes, used);
}

static void add_variable_lie(struct test_log *log)
{
	uint8_t bytes[256];
	size_t used = test_log_variable_bytes(bytes, sizeof(bytes), false, "BootOrder", "12", 2);

	test_log_event(log, 5, EV_EFI_VARIABLE_BOOT, "21", 2, bytes, used);
}

static void add_long_variable(struct test_log *log)
{
	uint8_t bytes[64] = { 0 };

	memset(bytes + 16, 0xff, 8);
	test_log_true(log, 7, AUTHORITY, bytes, sizeof(bytes));
}

static void add_longer_variable(struct test_log *log)
{
	uint8_t bytes[64] = { 0 };

	bytes[23] = 0x80; /* twice that is nothing */
	test_log_true(log, 7, AUTHORITY, bytes, sizeof(bytes));
}

/* What shim measures where it is told to verify nothing, under other types. */

static void add_renamed(struct test_log *log, uint32_t type)
{
	uint8_t bytes[256];
	size_t used = test_log_variable_bytes(bytes, sizeof(bytes), false, "MokSBState", &one, 1);

	test_log_true(log, 7, type, bytes, used);
}

static void add_renamed_action(struct test_log *log)
{
	add_renamed(log, EV_EFI_ACTION);
}

static void add_renamed_device(struct test_log *log)
{
	add_renamed(log, EV_EFI_SPDM_DEVICE_AUTHORITY);
}

static void add_renamed_audit(struct test_log *log)
{
	test_log_variable(log, AUTHORITY, false, "AuditMode", &one, 1);
}

/* The type asks for another variable, so the event gets that one as its data. */
static void add_disguised_device(struct test_log *log)
{
	uint8_t bytes[256], shown[256];
	size_t used = test_log_variable_bytes(bytes, sizeof(bytes), false, "MokSBState", &one, 1);
	size_t shown_used = test_log_variable_bytes(shown, sizeof(shown), true, "devdb", NULL, 0);

	test_log_event(log, 7, EV_EFI_SPDM_DEVICE_AUTHORITY, bytes, used, shown, shown_used);
}

static void add_device(struct test_log *log)
{
	test_log_variable(log, EV_EFI_SPDM_DEVICE_AUTHORITY, true, "devdb", "certificate", 11);
}

static void add_command_without_name(struct test_log *log)
{
	test_log_event(log, 8, EV_IPL, "init=/evil", 10, "a name", 7);
}

static void add_command_renamed(struct test_log *log)
{
	test_log_event(log, 8, EV_EVENT_TAG, "init=/evil", 10, "a name", 7);
}

static void add_image_renamed(struct test_log *log)
{
	test_log_event(log, 4, EV_IPL, "an evil image", 13, "a name", 7);
}

static void add_windows_mark(struct test_log *log)
{
	test_log_text(log, 0xffffffff, EV_NO_ACTION, "a mark");
}

static void add_nothing(struct test_log *log)
{
	(void)log;
}

static void test_appraise_added(void **state)
{
	static const struct {
		const char *name;
		void (*add)(struct test_log *log);
		const char *code;
		enum attest_status status;
	} cases[] = {
		{ "nothing", add_nothing, "", ATTEST_PASSED },
		{ "variable behind the separator", add_late_variable, "sb.forged", ATTEST_FAILED },
		{ "variable behind the separator", add_late_variable, "log.structure",
		  ATTEST_FAILED },
		{ "action of other words", add_lying_action, "log.data", ATTEST_FAILED },
		{ "digest of zeros", add_zero_digest, "log.structure", ATTEST_FAILED },
		{ "banks disagree", add_split_banks, "log.data", ATTEST_FAILED },
		{ "digest of one bank", add_short_event, "log.bank", ATTEST_WARNING },
		{ "second separator", add_separator, "log.structure", ATTEST_FAILED },
		{ "shim is insecure", add_mok_authority, "sb.off", ATTEST_FAILED },
		{ "shim is insecure, PCR 14", add_mok_pcr14, "sb.off", ATTEST_FAILED },
		{ "shim is secure", add_mok_off, "", ATTEST_PASSED },
		{ "EV_NO_ACTION with a digest", add_mute_with_digest, "log.structure",
		  ATTEST_FAILED },
		{ "EV_NO_ACTION", add_mute, "", ATTEST_PASSED },
		{ "second Spec ID", add_spec_id, "log.structure", ATTEST_FAILED },
		{ "late StartupLocality", add_late_locality, "log.structure", ATTEST_FAILED },
		{ "GRUB's command", add_command_lie, "log.data", ATTEST_FAILED },
		{ "GRUB's command line", add_command_line_lie, "log.data", ATTEST_FAILED },
		{ "older GRUB's command", add_old_command, "", ATTEST_PASSED },
		{ "systemd-stub", add_stub, "", ATTEST_PASSED },
		{ "systemd-stub's command line", add_stub_lie, "log.data", ATTEST_WARNING },
		{ "unknown type", add_unknown_type, "log.structure", ATTEST_FAILED },
		{ "unknown type behind", add_unknown_type_elsewhere, "log.structure",
		  ATTEST_WARNING },
		{ "foreign type in PCR 7", add_authority_elsewhere, "log.structure",
		  ATTEST_FAILED },
		{ "behind the separator of PCR 0", add_after_separator, "log.structure",
		  ATTEST_FAILED },
		{ "version", add_version_lie, "log.data", ATTEST_WARNING },
		{ "authority of an old shim", add_old_shim, "", ATTEST_PASSED },
		{ "boot variable", add_variable_value, "", ATTEST_PASSED },
		{ "lying boot variable", add_variable_lie, "log.data", ATTEST_FAILED },
		{ "insecure as action", add_renamed_action, "log.structure", ATTEST_FAILED },
		{ "insecure as device", add_renamed_device, "sb.forged", ATTEST_FAILED },
		{ "insecure as devdb", add_disguised_device, "log.data", ATTEST_FAILED },
		{ "audit mode as authority", add_renamed_audit, "sb.forged", ATTEST_FAILED },
		{ "authority of a device", add_device, "", ATTEST_PASSED },
		{ "command without its name", add_command_without_name, "log.data",
		  ATTEST_WARNING },
		{ "command of another type", add_command_renamed, "log.structure",
		  ATTEST_WARNING },
		{ "image of another type", add_image_renamed, "log.structure", ATTEST_WARNING },
		{ "mark of Windows", add_windows_mark, "", ATTEST_PASSED },
		{ "name of 2^64 - 1", add_long_variable, "log.invalid@", ATTEST_FAILED },
		{ "name of 2^63", add_longer_variable, "log.invalid@", ATTEST_FAILED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_log *log = test_log_good(BANKS, 1);

		cases[i].add(log);
		judge(log, NULL);
		assert_reason(cases[i].name, cases[i].code, cases[i].status);
		test_log_free(log);
	}
}

/* PCR 7 in other ways; separators and a boot follow, where not said otherwise. */

static void keys_off(struct test_log *log)
{
	test_log_keys(log, 0);
}

static void keys_unset(struct test_log *log)
{
	test_log_keys(log, -1);
}

static void keys_two(struct test_log *log)
{
	test_log_keys(log, 2);
}

static void keys_none(struct test_log *log)
{
	test_log_text(log, 4, EV_ACTION, "Calling INT 19h");
}

static void keys_without_pk(struct test_log *log)
{
	test_log_variable(log, VARIABLE, false, "SecureBoot", &one, 1);
	test_log_variable(log, VARIABLE, false, "PK", NULL, 0);
}

static void keys_twice(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_variable(log, VARIABLE, false, "SecureBoot", &one, 1);
}

static void keys_foreign(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_variable(log, VARIABLE, true, "KEK", &one, 1);
}

/* dbx as what verified an image: it would not be seen as a list of what is revoked. */
static void keys_dbx_renamed(struct test_log *log)
{
	static const char *const names[] = { "PK", "KEK", "db" };

	test_log_variable(log, VARIABLE, false, "SecureBoot", &one, 1);
	for (size_t i = 0; i < 3; i++) {
		uint8_t bytes[256];
		size_t used = test_log_sigdb_bytes(bytes, sizeof(bytes), "a certificate");

		test_log_variable(log, VARIABLE, i == 2, names[i], bytes, used);
	}
	test_log_variable(log, AUTHORITY, true, "dbx", "\1", 1);
}

/* Under a type of the firmware nobody would look at it. */
static void keys_mok(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_variable(log, VARIABLE, false, "MokSBState", &one, 1);
}

static void keys_audit(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_variable(log, VARIABLE, false, "AuditMode", &one, 1);
}

static void keys_deployed(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_variable(log, VARIABLE, false, "DeployedMode", &one, 1);
}

/* The byte that matters is changed, and its digest is not. */
static void keys_lie(struct test_log *log)
{
	size_t at = log->out.used;

	test_log_keys(log, 0);
	log->bytes[at + 12 + 22 + 34 + 4 + 32 + 20] = 1;
}

static void keys_debug(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_text(log, 7, EV_EFI_ACTION, "UEFI Debug Mode");
}

static void keys_dma(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_text(log, 7, EV_EFI_ACTION, "DMA Protection Disabled");
}

static void keys_test(struct test_log *log)
{
	static const char *const names[] = { "PK", "KEK" };
	uint8_t bytes[256];
	size_t used = test_log_sigdb_bytes(bytes, sizeof(bytes), "DO NOT TRUST - a test key");

	test_log_variable(log, VARIABLE, false, "SecureBoot", &one, 1);
	for (size_t i = 0; i < 2; i++)
		test_log_variable(log, VARIABLE, false, names[i], bytes, used);
	test_log_variable(log, VARIABLE, true, "db", bytes, used);
}

static void keys_broken(struct test_log *log)
{
	test_log_keys(log, 1);
	test_log_variable(log, VARIABLE, true, "dbt", zeros, sizeof(zeros));
}

static void test_appraise_secure_boot(void **state)
{
	static const struct {
		const char *name;
		void (*put)(struct test_log *log);
		const char *code;
		enum attest_status status;
		enum event_secure_boot secure_boot;
	} cases[] = {
		{ "off", keys_off, "sb.off", ATTEST_FAILED, EVENT_SECURE_BOOT_OFF },
		{ "unset", keys_unset, "sb.unset", ATTEST_FAILED, EVENT_SECURE_BOOT_UNSET },
		{ "none", keys_none, "sb.unknown", ATTEST_UNKNOWN, EVENT_SECURE_BOOT_UNKNOWN },
		{ "two", keys_two, "sb.forged", ATTEST_FAILED, EVENT_SECURE_BOOT_UNKNOWN },
		{ "no PK", keys_without_pk, "sb.forged", ATTEST_FAILED,
		  EVENT_SECURE_BOOT_UNKNOWN },
		{ "twice", keys_twice, "sb.forged", ATTEST_FAILED, EVENT_SECURE_BOOT_UNKNOWN },
		{ "foreign", keys_foreign, "sb.forged", ATTEST_FAILED, EVENT_SECURE_BOOT_UNKNOWN },
		{ "audit", keys_audit, "sb.off", ATTEST_FAILED, EVENT_SECURE_BOOT_OFF },
		{ "deployed", keys_deployed, "", ATTEST_PASSED, EVENT_SECURE_BOOT_ON },
		{ "lie", keys_lie, "sb.forged", ATTEST_FAILED, EVENT_SECURE_BOOT_UNKNOWN },
		{ "dbx as authority", keys_dbx_renamed, "sb.forged", ATTEST_FAILED,
		  EVENT_SECURE_BOOT_UNKNOWN },
		{ "insecure as key", keys_mok, "sb.forged", ATTEST_FAILED,
		  EVENT_SECURE_BOOT_UNKNOWN },
		{ "debug", keys_debug, "sb.debug", ATTEST_FAILED, EVENT_SECURE_BOOT_ON },
		{ "DMA", keys_dma, "boot.dma", ATTEST_WARNING, EVENT_SECURE_BOOT_ON },
		{ "test key", keys_test, "sb.test-key", ATTEST_WARNING, EVENT_SECURE_BOOT_ON },
		{ "broken", keys_broken, "log.invalid@", ATTEST_FAILED, EVENT_SECURE_BOOT_ON },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_log *log = test_log_new(BANKS);

		cases[i].put(log);
		test_log_separators(log, 0);
		test_log_boot(log);
		judge(log, NULL);
		assert_reason(cases[i].name, cases[i].code, cases[i].status);
		if (secure_boot != cases[i].secure_boot)
			fail_msg("%s: Secure Boot is %s", cases[i].name,
				 event_secure_boot_name(secure_boot));
		test_log_free(log);
	}
}

static void test_appraise_says_disabled(void **state)
{
	struct test_log *log = test_log_good(BANKS, 0);

	(void)state;
	judge(log, NULL);
	assert_string_equal(verdict.reasons[0].text, "Host Secure Boot was disabled");
	test_log_free(log);
}

static void test_appraise_separators(void **state)
{
	static const uint8_t error[4] = { 1 }, present[4] = { 255, 255, 255, 255 };
	struct test_log *log = test_log_new(BANKS);

	(void)state;
	test_log_keys(log, 1);
	test_log_separators(log, 1u << 3 | 1u << 6);
	test_log_boot(log);
	judge(log, NULL);
	assert_reason("missing", "log.structure", ATTEST_FAILED);
	assert_string_equal(verdict.reasons[0].text, "there is no separator of PCR 3, 6");
	test_log_true(log, 3, EV_SEPARATOR, present, 4);
	test_log_event(log, 6, EV_SEPARATOR, present, 4, "Skiboot Boot", 12);
	judge(log, NULL);
	assert_reason("other values", "", ATTEST_PASSED);
	test_log_free(log);
	log = test_log_new(BANKS);
	test_log_keys(log, 1);
	test_log_separators(log, 1u << 3);
	test_log_true(log, 3, EV_SEPARATOR, error, 4);
	test_log_boot(log);
	judge(log, NULL);
	assert_reason("error", "log.structure", ATTEST_FAILED);
	test_log_free(log);
}

/* An image under another type, before all that tells of UEFI: no PCR shows that order. */
static void test_appraise_image_first(void **state)
{
	struct test_log *log = test_log_new(BANKS);

	(void)state;
	add_image_renamed(log);
	test_log_keys(log, 1);
	test_log_separators(log, 0);
	test_log_boot(log);
	judge(log, NULL);
	assert_reason("image first", "log.structure", ATTEST_WARNING);
	test_log_free(log);
}

/* coreboot measures files by their names, and no separators. */
static void test_appraise_coreboot(void **state)
{
	static const uint8_t present[4] = { 255, 255, 255, 255 };
	struct test_log *log = test_log_new(BANKS);

	(void)state;
	test_log_event(log, 2, EV_ACTION, "code", 4, "FMAP: COREBOOT CBFS: bootblock", 30);
	test_log_event(log, 2, EV_ACTION, "more code", 9, "CBFS: fallback/romstage", 23);
	judge(log, NULL);
	assert_reason("coreboot", "log.structure", ATTEST_UNKNOWN);
	test_log_true(log, 2, EV_SEPARATOR, present, sizeof(present));
	judge(log, NULL);
	assert_reason("separator of PCR 2 alone", "log.structure", ATTEST_FAILED);
	test_log_free(log);
	log = test_log_new(BANKS);
	test_log_keys(log, 1);
	test_log_boot(log);
	judge(log, NULL);
	assert_reason("UEFI without separators", "log.structure", ATTEST_FAILED);
	test_log_free(log);
}

static void test_appraise_nothing_verified(void **state)
{
	struct test_log *log = test_log_new(BANKS);

	(void)state;
	test_log_keys(log, 1);
	test_log_separators(log, 0);
	judge(log, NULL);
	assert_reason("no authority", "sb.forged", ATTEST_FAILED);
	test_log_free(log);
}

/* PCR values that the log does not account for. */
static void test_appraise_compares(void **state)
{
	struct test_log *log = test_log_good(BANKS, 1);
	struct attest_pcrs actual;

	(void)state;
	judge(log, NULL);
	actual = replayed;
	for (enum attest_bank bank = ATTEST_SHA1; bank <= ATTEST_SHA256; bank++) {
		for (uint32_t pcr = 0; pcr < 16; pcr++) {
			bool logged = replayed.has[bank] & 1u << pcr;
			char code[16];

			actual = replayed;
			actual.has[bank] |= 1u << pcr;
			actual.value[bank][pcr][5] ^= 1;
			judge(log, &actual);
			snprintf(code, sizeof(code), logged ? "replay.pcr%u" : "pcr.unlogged", pcr);
			if (pcr == 10)
				assert_reason("IMA's", "", ATTEST_PASSED);
			else
				assert_reason("changed", code, pcr == 11 || pcr == 15
								       ? ATTEST_WARNING
								       : ATTEST_FAILED);
			actual.value[bank][pcr][5] ^= 1;
		}
	}
	judge(log, NULL);
	actual = replayed;
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		actual.has[bank] &= 0xff;
	judge(log, &actual);
	assert_reason("nothing of GRUB", "", ATTEST_PASSED);
	assert_int_equal(verdict.unchecked_count, 1);
	actual = replayed;
	judge(log, &actual);
	assert_int_equal(verdict.unchecked_count, 0);
	actual.has[ATTEST_SHA256] = 1u << 0;
	judge(log, &actual);
	assert_reason("SHA-1 alone but for PCR 0", "quote.bank", ATTEST_WARNING);
	assert_int_equal(verdict.reasons[0].pcr, 1);
	actual.has[ATTEST_SHA256] = 0;
	judge(log, &actual);
	assert_reason("SHA-1 alone", "quote.bank", ATTEST_WARNING);
	actual.has[ATTEST_SHA1] = 1u << 7;
	judge(log, &actual);
	assert_reason("PCR 7 alone", "quote.selection", ATTEST_UNKNOWN);
	test_log_free(log);
}

/* A bank that the firmware left empty may be given the history of a good boot. */
static void test_appraise_empty_banks(void **state)
{
	struct test_log *log = test_log_good(1u << ATTEST_SHA256, 1);
	struct attest_pcrs actual;

	(void)state;
	judge(log, NULL);
	actual = replayed;
	actual.has[ATTEST_SHA1] = 0xff;
	judge(log, &actual);
	assert_reason("empty", "", ATTEST_PASSED);
	for (uint32_t pcr = 0; pcr < 8; pcr++)
		hash_extend(log->hash, ATTEST_SHA1, actual.value[ATTEST_SHA1][pcr], zeros);
	judge(log, &actual);
	assert_reason("capped", "", ATTEST_PASSED);
	hash_extend(log->hash, ATTEST_SHA1, actual.value[ATTEST_SHA1][4], zeros);
	judge(log, &actual);
	assert_reason("extended", "pcr.unlogged", ATTEST_FAILED);
	test_log_free(log);
}

/* The quoted bank has to cover each event. */
static void test_appraise_partial_banks(void **state)
{
	struct test_log *log = test_log_good(BANKS, 1);
	struct attest_pcrs actual;

	(void)state;
	add_short_event(log);
	judge(log, NULL);
	assert_false(replayed.has[ATTEST_SHA1] & 1u << 4);
	actual = replayed;
	actual.has[ATTEST_SHA1] |= 1u << 4;
	judge(log, &actual);
	assert_reason("other bank covers it", "log.bank", ATTEST_WARNING);
	actual.has[ATTEST_SHA256] = 0;
	judge(log, &actual);
	assert_reason("no bank covers it", "pcr.unlogged", ATTEST_FAILED);
	test_log_free(log);
}

static void test_appraise_localities(void **state)
{
	static const struct {
		uint8_t locality;
		enum attest_status status;
	} cases[] = { { 0, ATTEST_PASSED }, { 3, ATTEST_PASSED }, { 4, ATTEST_PASSED },
		      { 1, ATTEST_FAILED }, { 5, ATTEST_FAILED }, { 255, ATTEST_FAILED } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_log *log = test_log_new(BANKS);
		char event[] = "StartupLocality\0x";

		event[16] = (char)cases[i].locality;
		test_log_mute(log, 0, event, 17);
		test_log_keys(log, 1);
		test_log_separators(log, 0);
		test_log_boot(log);
		judge(log, NULL);
		assert_reason("locality", cases[i].status ? "log.structure" : "", cases[i].status);
		test_log_free(log);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appraise_added),
		cmocka_unit_test(test_appraise_secure_boot),
		cmocka_unit_test(test_appraise_says_disabled),
		cmocka_unit_test(test_appraise_separators),
		cmocka_unit_test(test_appraise_image_first),
		cmocka_unit_test(test_appraise_coreboot),
		cmocka_unit_test(test_appraise_nothing_verified),
		cmocka_unit_test(test_appraise_compares),
		cmocka_unit_test(test_appraise_empty_banks),
		cmocka_unit_test(test_appraise_partial_banks),
		cmocka_unit_test(test_appraise_localities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
