// SPDX-License-Identifier: BSD-3-Clause
/*
 * Known attacks on remote attestation, each played on the whole evidence of a host: a
 * quote that its TPM signed, its event log and its log of IMA. All but the attack itself is
 * right, so that only the check that is meant can find it.
 *
 * A host boots (the truth, which its TPM extends and quotes), and then tells of it: it may
 * show another log than what happened, other values, another quote. Attacks on the service
 * (enrolment, challenges, memory of earlier quotes) are in the tests of the verifier.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attest/boot.h"
#include "attest/test_log.h"
#include "attest/test_quote.h"

#define SHA256	  (1u << ATTEST_SHA256)
#define BANKS	  (1u << ATTEST_SHA1 | SHA256)
#define VARIABLE  EV_EFI_VARIABLE_DRIVER_CONFIG
#define ALL_PCRS  0xffffffu
#define TYPE_AT	  4
#define SPEC_ALGS 60 /* of the Spec ID event: where its algorithms begin */

/**
 * struct scene - a host under attack
 * @log: event log it shows
 * @ima: log of IMA it shows
 * @truth: values of its PCRs
 * @entries: where each entry of @ima begins, and where the last one ends
 * @count: of entries
 * @tpm: signs
 * @policy: what it has to be, as JSON; NULL: nobody says
 * @secure_boot: what the verifier came to
 * @verdict: of it
 */
struct scene {
	struct test_log *log;
	struct test_log *ima;
	struct attest_pcrs truth;
	size_t entries[8];
	size_t count;
	struct test_quote *tpm;
	const char *policy;
	enum event_secure_boot secure_boot;
	struct attest_verdict verdict;
};

static const uint8_t zeros[64], one = 1;

/* The host boots */

static void replay(struct scene *scene)
{
	struct attest_verdict verdict = { 0 };
	struct eventlog log;

	assert_int_equal(eventlog_parse(&log, scene->log->bytes, scene->log->out.used, &verdict),
			 0);
	eventlog_replay(&log, scene->log->hash, &scene->truth);
	scene->truth.has[ATTEST_SHA256] = ALL_PCRS;
	eventlog_done(&log);
}

static void measure(struct scene *scene, const char *path, const uint8_t digest[32])
{
	uint8_t bytes[256], sum[ATTEST_DIGEST_MAX];
	struct hash_part part = { bytes, 0 };
	struct test_log *ima = scene->ima;
	size_t start = ima->out.used;

	/* fields first, where the entry will end up after its head of 38 bytes */
	test_log_le32(ima, 8 + 32);
	cursor_put_raw(&ima->out, "sha256:", 8);
	cursor_put_raw(&ima->out, digest, 32);
	test_log_le32(ima, (uint32_t)strlen(path) + 1);
	cursor_put_raw(&ima->out, path, strlen(path) + 1);
	part.length = ima->out.used - start;
	cursor_copy(bytes, sizeof(bytes), ima->bytes + start, part.length);
	ima->out.used = start;
	scene->entries[scene->count++] = start;
	hash_parts(ima->hash, ATTEST_SHA1, &part, 1, sum);
	test_log_le32(ima, 10);
	cursor_put_raw(&ima->out, sum, 20);
	test_log_le32(ima, 6);
	cursor_put_raw(&ima->out, "ima-ng", 6);
	test_log_le32(ima, (uint32_t)part.length);
	cursor_put_raw(&ima->out, bytes, part.length);
	scene->entries[scene->count] = ima->out.used;
	for (enum attest_bank bank = ATTEST_SHA1; bank <= ATTEST_SHA256; bank++) {
		hash_parts(ima->hash, bank, &part, 1, sum);
		hash_extend(ima->hash, bank, scene->truth.value[bank][10], sum);
	}
}

static void measure_files(struct scene *scene)
{
	struct hash_part parts[10];
	uint8_t digest[ATTEST_DIGEST_MAX];

	for (int pcr = 0; pcr < 10; pcr++)
		parts[pcr] = (struct hash_part){ scene->truth.value[ATTEST_SHA256][pcr], 32 };
	hash_parts(scene->ima->hash, ATTEST_SHA256, parts, 10, digest);
	measure(scene, "boot_aggregate", digest);
	measure(scene, "/usr/sbin/init", zeros + 1);
	measure(scene, "/usr/bin/evil\n10 /usr/bin/good", zeros);
	measure(scene, "/usr/bin/last", zeros);
}

static void sign(struct scene *scene)
{
	struct test_quote *tpm = scene->tpm;

	tpm->values = scene->truth;
	tpm->selection = (struct selection){ 0 };
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (bank == ATTEST_SHA1)
			tpm->values.has[bank] = scene->truth.has[bank] ? ALL_PCRS : 0;
		if (!tpm->values.has[bank])
			continue;
		tpm->selection.banks[tpm->selection.count] = bank;
		tpm->selection.pcrs[tpm->selection.count++] = tpm->values.has[bank];
	}
	test_quote_sign(tpm);
}

static struct scene scene_new(struct test_log *boot)
{
	struct scene scene = { .log = boot, .ima = test_log_new(0), .tpm = test_quote_new(false) };

	replay(&scene);
	measure_files(&scene);
	sign(&scene);
	return scene;
}

static void scene_done(struct scene *scene)
{
	test_log_free(scene->log);
	test_log_free(scene->ima);
	test_quote_free(scene->tpm);
}

/* The verifier looks at what it shows */

static void judge_boot(struct scene *scene, const struct quote *quote, struct policy *policy)
{
	const struct boot_evidence evidence = {
		.eventlog = { scene->log->bytes, scene->log->out.used },
		.ima = { scene->ima->bytes, scene->ima->out.used },
		.pcrs = &quote->pcrs,
		.policy = policy,
	};
	struct boot boot;

	if (policy)
		policy_check_key(policy, &quote->ak_name, false, &scene->verdict);
	boot_appraise(&boot, &evidence, scene->log->hash, &scene->verdict);
	scene->secure_boot = boot.secure_boot;
	if (scene->verdict.status == ATTEST_PASSED)
		assert_true(boot.log_reliable);
	boot_done(&boot);
}

static void judge(struct scene *scene)
{
	struct quote_evidence evidence = test_quote_evidence(scene->tpm);
	struct policy *policy = NULL;
	struct quote quote;

	scene->verdict = (struct attest_verdict){ 0 };
	scene->secure_boot = EVENT_SECURE_BOOT_UNKNOWN;
	evidence.nonce = (struct hash_part){ "a nonce of 32 bytes, used once..", 32 };
	if (scene->policy)
		assert_int_equal(policy_read(&policy, scene->policy, strlen(scene->policy),
					     &scene->verdict), 0);
	quote_check(&quote, &evidence, scene->log->hash, &scene->verdict);
	if (quote.pcrs.has[ATTEST_SHA256])
		judge_boot(scene, &quote, policy);
	policy_free(policy);
}

static bool says(const struct scene *scene, const char *code)
{
	for (size_t i = 0; i < scene->verdict.count; i++)
		if (scene->verdict.reasons[i].status == ATTEST_FAILED &&
		    !strncmp(scene->verdict.reasons[i].code, code, strlen(code)))
			return true;
	return false;
}

/* Where in the log the @nth event of this kind begins. */
static size_t find(const struct scene *scene, uint32_t pcr, uint32_t type, size_t nth)
{
	struct attest_verdict verdict = { 0 };
	size_t at = 0;
	struct eventlog log;

	assert_int_equal(eventlog_parse(&log, scene->log->bytes, scene->log->out.used, &verdict),
			 0);
	for (size_t i = 0; i < log.count && !at; i++)
		if (log.events[i].pcr == pcr && log.events[i].type == type && !nth--)
			at = log.events[i].offset;
	eventlog_done(&log);
	assert_true(at);
	return at;
}

static void retype(struct scene *scene, size_t at, uint32_t type)
{
	for (int i = 0; i < 4; i++)
		scene->log->bytes[at + TYPE_AT + i] = (uint8_t)(type >> 8 * i);
}

static size_t length_at(const struct scene *scene, size_t at)
{
	struct attest_verdict verdict = { 0 };
	struct eventlog log;
	size_t end = 0;

	eventlog_parse(&log, scene->log->bytes, scene->log->out.used, &verdict);
	for (size_t i = 0; i < log.count; i++)
		if (log.events[i].offset == at)
			end = log.events[i].data_offset + log.events[i].size;
	eventlog_done(&log);
	return end - at;
}

/* Takes bytes out of what is shown. */
static void cut(struct test_log *log, size_t at, size_t length)
{
	log->out.used -= length;
	for (; at < log->out.used; at++)
		log->bytes[at] = log->bytes[at + length];
}

/* Shows what is at @from at @to before. */
static void move(struct test_log *log, size_t to, size_t from, size_t length)
{
	uint8_t bytes[1024];

	assert_true(cursor_copy(bytes, sizeof(bytes), log->bytes + from, length));
	while (from-- > to)
		log->bytes[from + length] = log->bytes[from];
	cursor_copy(log->bytes + to, length, bytes, length);
}

/* Lies of the event log; the truth was extended and signed already */

static void type_of_action(struct scene *scene)
{
	retype(scene, find(scene, 4, EV_EFI_BOOT_SERVICES_APPLICATION, 0), EV_EFI_ACTION);
}

static void type_unused(struct scene *scene)
{
	retype(scene, find(scene, 7, EV_EFI_VARIABLE_AUTHORITY, 0), EV_UNUSED);
}

static void hide_event(struct scene *scene)
{
	retype(scene, find(scene, 4, EV_EFI_BOOT_SERVICES_APPLICATION, 0), EV_NO_ACTION);
}

static void change_data(struct scene *scene)
{
	size_t at = find(scene, 7, VARIABLE, 1);

	scene->log->bytes[at + length_at(scene, at) - 1] ^= 1;
}

static void change_command(struct scene *scene)
{
	size_t at = find(scene, 8, EV_IPL, 0);

	scene->log->bytes[at + length_at(scene, at) - 3] ^= 1;
}

static void smuggle_variable(struct scene *scene)
{
	uint8_t bytes[256];
	size_t length = test_log_variable_bytes(bytes, sizeof(bytes), false, "SecureBoot", &one, 1);

	test_log_true(scene->log, 7, EV_NO_ACTION, bytes, length);
}

static void drop_event(struct scene *scene)
{
	size_t at = find(scene, 9, EV_IPL, 0);

	cut(scene->log, at, length_at(scene, at));
}

static void drop_separator(struct scene *scene)
{
	size_t at = find(scene, 3, EV_SEPARATOR, 0);

	cut(scene->log, at, length_at(scene, at));
}

static void append_event(struct scene *scene)
{
	test_log_text(scene->log, 8, EV_IPL, "grub_cmd: linux /good");
}

static void swap_events(struct scene *scene)
{
	size_t second = find(scene, 7, VARIABLE, 2);

	move(scene->log, find(scene, 7, VARIABLE, 1), second, length_at(scene, second));
}

static void cut_log(struct scene *scene)
{
	scene->log->out.used -= 3;
}

static void no_log(struct scene *scene)
{
	scene->log->out.used = 0;
}

static void algorithm_twice(struct scene *scene)
{
	scene->log->bytes[SPEC_ALGS + 4] = 0x04;
}

static void algorithm_of_wrong_size(struct scene *scene)
{
	scene->log->bytes[SPEC_ALGS + 2] = 32;
}

static void algorithm_unlisted(struct scene *scene)
{
	scene->log->bytes[find(scene, 7, VARIABLE, 0) + 12] = 0x0c;
}

static void endless_count(struct scene *scene)
{
	scene->log->bytes[find(scene, 7, VARIABLE, 0) + 11] = 0xff;
}

static void endless_event(struct scene *scene)
{
	size_t at = find(scene, 7, VARIABLE, 0);

	scene->log->bytes[at + 12 + 22 + 34 + 3] = 0xff;
}

static void foreign_pcr(struct scene *scene)
{
	scene->log->bytes[find(scene, 7, VARIABLE, 0)] = 24;
}

/* Lies of the log of IMA */

static void ima_name(struct scene *scene)
{
	scene->ima->bytes[scene->entries[2] - 3] ^= 1;
}

static void ima_removed(struct scene *scene)
{
	cut(scene->ima, scene->entries[2], scene->entries[3] - scene->entries[2]);
}

static void ima_added(struct scene *scene)
{
	const struct attest_pcrs kept = scene->truth;
	size_t end = scene->ima->out.used;

	measure(scene, "/usr/bin/never", zeros);
	scene->truth = kept;
	move(scene->ima, scene->entries[1], end, scene->ima->out.used - end);
}

static void ima_without_violation(struct scene *scene)
{
	for (size_t i = 0; i < 20; i++)
		scene->ima->bytes[scene->entries[1] + 4 + i] = 0;
}

static void ima_cut(struct scene *scene)
{
	scene->ima->out.used -= 2;
}

/* What happened on the host, before its TPM was asked */

static void extended_behind_ima(struct scene *scene)
{
	hash_extend(scene->ima->hash, ATTEST_SHA256, scene->truth.value[ATTEST_SHA256][10], zeros);
}

static void extended_by_debugger(struct scene *scene)
{
	hash_extend(scene->ima->hash, ATTEST_SHA256, scene->truth.value[ATTEST_SHA256][13],
		    (const uint8_t *)"thirty-two bytes of a debugger..");
}

static void extended_after_boot(struct scene *scene)
{
	hash_extend(scene->ima->hash, ATTEST_SHA256, scene->truth.value[ATTEST_SHA256][7], zeros);
}

static void healthy_log_in_empty_bank(struct scene *scene)
{
	scene->truth.has[ATTEST_SHA384] = 0xff;
	hash_extend(scene->ima->hash, ATTEST_SHA384, scene->truth.value[ATTEST_SHA384][7], zeros);
	hash_extend(scene->ima->hash, ATTEST_SHA384, scene->truth.value[ATTEST_SHA384][7], zeros);
}

static void sha1_alone(struct scene *scene)
{
	scene->truth.has[ATTEST_SHA256] = 0;
}

static void sha1_signature(struct scene *scene)
{
	scene->tpm->bank = ATTEST_SHA1;
}

static void old_nonce(struct scene *scene)
{
	scene->tpm->nonce = "a nonce of 32 bytes, used before";
}

static void constant_nonce(struct scene *scene)
{
	scene->tpm->nonce = (const char *)zeros;
	scene->tpm->nonce_size = 32;
}

static void wrong_magic(struct scene *scene)
{
	scene->tpm->magic = 0xff544348;
}

static void other_statement(struct scene *scene)
{
	scene->tpm->type = TPM_ST_ATTEST_TIME;
}

static void unrestricted(struct scene *scene)
{
	scene->tpm->attributes &= ~(uint32_t)TPMA_OBJECT_RESTRICTED;
}

/* What is shown beside the quote, after it was signed */

static void other_values(struct scene *scene)
{
	scene->tpm->pcrs.base[scene->tpm->pcrs.used - 2] ^= 1;
}

static void fewer_values(struct scene *scene)
{
	char *line = memmem(scene->tpm->pcrs.base, scene->tpm->pcrs.used, "  23 :", 6);

	scene->tpm->pcrs.used = (size_t)((uint8_t *)line - scene->tpm->pcrs.base);
}

static void other_ek(struct scene *scene)
{
	struct test_quote *other = test_quote_new(false);

	assert_true(cursor_copy(scene->tpm->ek.base, scene->tpm->ek.used, other->ek.base,
				other->ek.used));
	test_quote_free(other);
}

static void other_ak(struct scene *scene)
{
	struct test_quote *other = test_quote_new(false);

	assert_true(cursor_copy(scene->tpm->ak.base, scene->tpm->ak.used, other->ak.base,
				other->ak.used));
	test_quote_free(other);
}

/* A verifier that knows what to want */

static void not_enrolled(struct scene *scene)
{
	scene->policy = "{\"version\": 1, \"aks\": [\"000b00\"]}";
}

static void signed_but_bad(struct scene *scene)
{
	scene->policy = "{\"version\": 1, \"boot_apps\": []}";
}

static void revoked_is_missing(struct scene *scene)
{
	scene->policy = "{\"version\": 1, \"dbx\": [\"00\"]}";
}

static void test_platform_key(struct scene *scene)
{
	scene->policy = "{\"version\": 1, \"pk\": [\"00\"]}";
}

/**
 * struct attack - an attack
 * @name: with its number where it has one
 * @truth: what happened before the TPM was asked; NULL: nothing
 * @tale: what is shown beside that; NULL: the truth
 * @code: of the reason that has to name it
 */
struct attack {
	const char *name;
	void (*truth)(struct scene *scene);
	void (*tale)(struct scene *scene);
	const char *code;
};

static const struct attack attacks[] = {
	{ "image under the type of an action", NULL, type_of_action, "log.data" },
	{ "authority under EV_UNUSED", NULL, type_unused, "log.structure" },
	{ "image as EV_NO_ACTION", NULL, hide_event, "replay.pcr4" },
	{ "a key's data", NULL, change_data, "log.data" },
	{ "a command of GRUB", NULL, change_command, "log.data" },
	{ "variable as EV_NO_ACTION", NULL, smuggle_variable, "log.structure" },
	{ "an event left out", NULL, drop_event, "pcr.unlogged" },
	{ "a separator left out", NULL, drop_separator, "log.structure" },
	{ "an event that never was", NULL, append_event, "replay.pcr8" },
	{ "events in another order", NULL, swap_events, "replay.pcr7" },
	{ "a log that is cut", NULL, cut_log, "log.invalid@" },
	{ "no log", NULL, no_log, "log.missing" },
	{ "an algorithm twice", NULL, algorithm_twice, "log.invalid@" },
	{ "an algorithm of another size", NULL, algorithm_of_wrong_size, "log.invalid@" },
	{ "an algorithm that is not listed", NULL, algorithm_unlisted, "log.invalid@" },
	{ "too many digests", NULL, endless_count, "log.invalid@" },
	{ "too much data", NULL, endless_event, "log.invalid@" },
	{ "a PCR that no TPM has", NULL, foreign_pcr, "log.invalid@" },
	{ "another name in IMA", NULL, ima_name, "ima.template-hash" },
	{ "an entry of IMA left out", NULL, ima_removed, "ima.replay" },
	{ "an entry of IMA that never was", NULL, ima_added, "ima.replay" },
	{ "an entry of IMA as a violation", NULL, ima_without_violation, "ima.replay" },
	{ "a log of IMA that is cut", NULL, ima_cut, "ima.invalid@" },
	{ "PCR 10 extended by somebody", extended_behind_ima, NULL, "ima.replay" },
	{ "PCR 13 extended by somebody", extended_by_debugger, NULL, "pcr.unlogged" },
	{ "PCR 7 extended after the boot", extended_after_boot, NULL, "replay.pcr7" },
	{ "a healthy log in an empty bank (CVE-2021-42299)", healthy_log_in_empty_bank, NULL,
	  "pcr.unlogged" },
	{ "SHA-1 bank alone", sha1_alone, NULL, "quote.bank" },
	{ "SHA-1 signature", sha1_signature, NULL, "quote.hash" },
	{ "an old quote", old_nonce, NULL, "quote.nonce" },
	{ "a constant nonce (CVE-2026-6420)", constant_nonce, NULL, "quote.nonce" },
	{ "a foreign magic (CVE-2024-29038)", wrong_magic, NULL, "quote.magic" },
	{ "a time for a quote (GHSA-gwfg-w3jr-xh66)", other_statement, NULL, "quote.type" },
	{ "a key that signs anything", unrestricted, NULL, "ak.not-restricted" },
	{ "values beside the quote (CVE-2022-0317)", NULL, other_values, "quote.pcrs" },
	{ "fewer values than quoted (CVE-2024-29039)", NULL, fewer_values, "quote.selection" },
	{ "the EK of another TPM (CVE-2021-3406)", NULL, other_ek, "quote.signer" },
	{ "the AK of another TPM", NULL, other_ak, "quote.signature" },
	{ "a relay of another host", NULL, not_enrolled, "ak.unknown" },
	{ "signed, but bad (CVE-2020-10713)", NULL, signed_but_bad, "policy.boot_apps" },
	{ "nothing is revoked (CVE-2022-21894)", NULL, revoked_is_missing, "policy.dbx" },
	{ "a platform key of a test (PKfail)", NULL, test_platform_key, "policy.pk" },
};

static void test_attacks_honest(void **state)
{
	struct scene scene = scene_new(test_log_good(BANKS, 1));

	(void)state;
	judge(&scene);
	if (scene.verdict.status != ATTEST_PASSED)
		fail_msg("%s: %s", scene.verdict.reasons[0].code, scene.verdict.reasons[0].text);
	assert_int_equal(scene.secure_boot, EVENT_SECURE_BOOT_ON);
	scene_done(&scene);
}

static void test_attacks_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		struct scene scene = scene_new(test_log_good(BANKS, 1));

		if (attacks[i].truth) {
			attacks[i].truth(&scene);
			sign(&scene);
		}
		if (attacks[i].tale)
			attacks[i].tale(&scene);
		judge(&scene);
		if (scene.verdict.status != ATTEST_FAILED || !says(&scene, attacks[i].code))
			fail_msg("%s: is %s, says %s", attacks[i].name,
				 attest_status_name(scene.verdict.status),
				 scene.verdict.count ? scene.verdict.reasons[0].code : "nothing");
		scene_done(&scene);
	}
}

/*
 * A host boots without Secure Boot. Its root then extends what a host with it would have
 * measured, and gives the true events another type each: no type makes the lie pass.
 */
static void disguise(struct scene *scene, uint32_t type)
{
	size_t at[5];

	for (size_t i = 0; i < 5; i++)
		at[i] = find(scene, 7, VARIABLE, i);
	for (size_t i = 0; i < 5; i++)
		retype(scene, at[i], type);
}

static void test_attacks_retyped(void **state)
{
	static const uint32_t late[] = { EV_EFI_VARIABLE_AUTHORITY, EV_EFI_SPDM_DEVICE_POLICY,
					 EV_EFI_SPDM_DEVICE_AUTHORITY, EV_PREBOOT_CERT, 0x8401 };

	(void)state;
	for (uint32_t type = 0; type < 0x40; type++) {
		uint32_t types[] = { type, 0x80000000 | type,
				     type < 5 ? late[type] : 0x80000100 + type };

		for (size_t i = 0; i < 3; i++) {
			struct test_log *log = test_log_new(BANKS);
			struct scene scene;

			test_log_keys(log, 0);
			test_log_keys(log, 1);
			test_log_separators(log, 0);
			test_log_boot(log);
			scene = scene_new(log);
			disguise(&scene, types[i]);
			judge(&scene);
			if (scene.verdict.status != ATTEST_FAILED ||
			    scene.secure_boot == EVENT_SECURE_BOOT_ON)
				fail_msg("type 0x%08x: is %s, Secure Boot is %s", types[i],
					 attest_status_name(scene.verdict.status),
					 event_secure_boot_name(scene.secure_boot));
			scene_done(&scene);
		}
	}
}

/* Each byte of the log that is changed shows, or says nothing that is believed. */
static void test_attacks_each_byte(void **state)
{
	struct scene scene = scene_new(test_log_good(BANKS, 0));

	(void)state;
	for (size_t i = 0; i < scene.log->out.used; i++) {
		for (uint8_t bit = 1; bit; bit = (uint8_t)(bit << 3)) {
			scene.log->bytes[i] ^= bit;
			judge(&scene);
			if (scene.secure_boot == EVENT_SECURE_BOOT_ON ||
			    scene.verdict.status <= ATTEST_WARNING)
				fail_msg("byte %zu: Secure Boot is %s", i,
					 event_secure_boot_name(scene.secure_boot));
			scene.log->bytes[i] ^= bit;
		}
	}
	scene_done(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attacks_honest),
		cmocka_unit_test(test_attacks_fail),
		cmocka_unit_test(test_attacks_retyped),
		cmocka_unit_test(test_attacks_each_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
