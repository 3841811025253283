// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a host has to have measured before its word for a vTPM counts: the one that has it all, and
 * others that lack one thing each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "attest/deep.h"
#include "attest/test_log.h"

#define BANKS	 (1u << ATTEST_SHA256)
#define ALL_PCRS 0xffffffu
#define STRICT	 "/vmlinuz root=LABEL=x lockdown=integrity quiet"
#define MODULE	 "/lib/modules/6.12/updates/vtpm.ko.xz"
#define ALL	 "/usr/sbin/vtpmd", "/usr/libexec/vtpm-keyd", "/usr/libexec/vtpm-spawn", MODULE

/**
 * struct host - what one has measured
 * @secure_boot: was it on?
 * @cmdlines: of its kernel, as GRUB measured them
 * @files: that IMA measured
 * @unlisted: one of @files that the policy has with another digest; NULL: none
 * @hidden: no values of PCRs 8 to 15 are known
 * @missing: what is said to be missing; NULL: nothing is
 */
struct host {
	int secure_boot;
	const char *cmdlines[3];
	const char *files[6];
	const char *unlisted;
	bool hidden;
	const char *missing;
};

static struct test_log *boot_log(const struct host *host)
{
	struct test_log *log = test_log_good(BANKS, host->secure_boot);
	char data[256];

	for (size_t i = 0; host->cmdlines[i]; i++) {
		int length = snprintf(data, sizeof(data), "kernel_cmdline: %s", host->cmdlines[i]);

		test_log_event(log, 8, EV_IPL, host->cmdlines[i], strlen(host->cmdlines[i]), data,
			       (size_t)length + 1);
	}
	return log;
}

static void replay(struct test_log *log, struct attest_pcrs *ret)
{
	struct attest_verdict verdict = { 0 };
	struct eventlog parsed;

	assert_int_equal(eventlog_parse(&parsed, log->bytes, log->out.used, &verdict), 0);
	eventlog_replay(&parsed, log->hash, ret);
	ret->has[ATTEST_SHA256] = ALL_PCRS;
	eventlog_done(&parsed);
}

/* As test_log_ima() measures: a file's digest is that of its name. */
static struct ima_policy *policy_for(const struct host *host, struct hash *hash)
{
	struct attest_verdict verdict = { 0 };
	struct ima_policy *policy;
	char text[2048] = "{\"digests\": {";
	size_t used = strlen(text);

	for (size_t i = 0; host->files[i]; i++) {
		struct hash_part part = { host->files[i], strlen(host->files[i]) };
		uint8_t digest[ATTEST_DIGEST_MAX];

		hash_parts(hash, ATTEST_SHA256, &part, 1, digest);
		if (host->unlisted && !strcmp(host->unlisted, host->files[i]))
			digest[31] ^= 1;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"%s\": [\"",
					 i ? ", " : "", host->files[i]);
		for (int at = 0; at < 32; at++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%02x",
						 digest[at]);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\"]");
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used, "}}");
	assert_int_equal(ima_policy_read(&policy, text, used, &verdict), 0);
	return policy;
}

static void ask(const struct host *host, struct attest_verdict *verdict)
{
	struct test_log *log = boot_log(host), *ima = test_log_new(0);
	struct ima_policy *policy = policy_for(host, log->hash);
	struct attest_pcrs pcrs = { 0 };
	struct boot_evidence evidence = { .pcrs = &pcrs, .ima_policy = policy };
	struct attest_verdict appraisal = { 0 };
	struct boot boot;

	replay(log, &pcrs);
	test_log_ima(ima, "boot_aggregate", &pcrs);
	for (size_t i = 0; host->files[i]; i++)
		test_log_ima(ima, host->files[i], &pcrs);
	if (host->hidden)
		pcrs.has[ATTEST_SHA256] &= ~0xff00u;
	evidence.eventlog = (struct hash_part){ log->bytes, log->out.used };
	evidence.ima = (struct hash_part){ ima->bytes, ima->out.used };
	assert_int_equal(boot_appraise(&boot, &evidence, log->hash, &appraisal), 0);
	deep_check_host(&boot, &evidence, log->hash, verdict);
	boot_done(&boot);
	ima_policy_free(policy);
	test_log_free(ima);
	test_log_free(log);
}

static const struct host hosts[] = {
	{ 1, { STRICT }, { ALL }, NULL, false, NULL },
	{ 1, { "/vmlinuz module.sig_enforce=1" }, { ALL }, NULL, false, NULL },
	{ 1, { "/vmlinuz module.sig_enforce" }, { ALL, "/usr/bin/other" }, "/usr/bin/other", false,
	  NULL },
	{ 0, { STRICT }, { ALL }, NULL, false, "Secure Boot" },
	{ -1, { STRICT }, { ALL }, NULL, false, "Secure Boot" },
	{ 1, { NULL }, { ALL }, NULL, false, "lockdown" },
	{ 1, { "/vmlinuz lockdown=none" }, { ALL }, NULL, false, "lockdown" },
	{ 1, { "/vmlinuz nolockdown=integrity" }, { ALL }, NULL, false, "lockdown" },
	{ 1, { "/vmlinuz lockdown=integrity lockdown=none" }, { ALL }, NULL, false, "lockdown" },
	{ 1, { "/vmlinuz module.sig_enforce=0" }, { ALL }, NULL, false, "lockdown" },
	/* nobody knows which one the kernel took */
	{ 1, { STRICT, "/vmlinuz" }, { ALL }, NULL, false, "lockdown" },
	{ 1, { STRICT }, { "/usr/sbin/vtpmd", "/x/vtpm-keyd", MODULE }, NULL, false, "vtpm-spawn" },
	{ 1, { STRICT }, { "/x/vtpm-keyd", "/x/vtpm-spawn", MODULE }, NULL, false, "vtpmd" },
	{ 1, { STRICT }, { "/x/vtpmd", "/x/vtpm-keyd", "/x/vtpm-spawn" }, NULL, false, "vtpm.ko" },
	{ 1, { STRICT }, { ALL }, MODULE, false, "vtpm.ko" },
	{ 1, { STRICT }, { ALL }, "/usr/sbin/vtpmd", false, "vtpmd" },
	/* one that is listed, and another of that name that is not */
	{ 1, { STRICT }, { ALL, "/tmp/vtpm-keyd" }, "/tmp/vtpm-keyd", false, "vtpm-keyd" },
	/* its end is no name */
	{ 1, { STRICT }, { "/x/not-vtpmd", "/x/vtpm-keyd", "/x/vtpm-spawn", MODULE }, NULL, false,
	  "vtpmd" },
	{ 1, { STRICT }, { ALL }, NULL, true, "lockdown" },
};

static void test_deep_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct attest_verdict verdict = { 0 };
		const char *text;

		ask(&hosts[i], &verdict);
		print_message("host %zu: %s\n", i, verdict.count ? verdict.reasons[0].text : "-");
		if (!hosts[i].missing) {
			assert_int_equal(verdict.count, 0);
			continue;
		}
		assert_int_equal(verdict.count, 1);
		assert_int_equal(verdict.status, ATTEST_WARNING);
		assert_string_equal(verdict.reasons[0].code, "deep.host-unmeasured");
		text = strstr(verdict.reasons[0].text, ": ");
		assert_non_null(text);
		assert_int_equal(strncmp(text + 2, hosts[i].missing, strlen(hosts[i].missing)), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_deep_host) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
