// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz policies: the input is one, to which an honest boot is compared. One without a list
 * of keys lets nobody pass.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "attest/policy.h"
#include "attest/test_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attest_verdict verdict;

static struct eventlog *boot(struct hash *hash, struct attest_pcrs *ret)
{
	static struct eventlog log;
	struct test_log *made = test_log_good(1u << ATTEST_SHA256, 1);

	test_log_event(made, 8, EV_IPL, "ro quiet", 8, "kernel_cmdline: ro quiet", 25);
	if (eventlog_parse(&log, made->bytes, made->out.used, &verdict))
		abort();
	eventlog_replay(&log, hash, ret);
	eventlog_appraise(&log, hash, &verdict);
	return &log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct public_name nobody;
	static struct attest_pcrs pcrs;
	static struct eventlog *log;
	static struct hash *hash;
	struct policy *policy;
	int r;

	if (!log) {
		hash = hash_new();
		log = boot(hash, &pcrs);
	}
	verdict = (struct attest_verdict){ 0 };
	r = policy_read(&policy, (const char *)data, size, &verdict);
	if (r && (r != -EBADMSG || !verdict.malformed))
		abort();
	if (r)
		return 0;
	policy_check_pcrs(policy, &pcrs, &verdict);
	if (policy_check_log(policy, log, &pcrs, hash, &verdict) || policy_seconds(policy) <= 0)
		abort();
	policy_check_key(policy, &nobody, false, &verdict);
	if (verdict.status == ATTEST_PASSED || verdict.malformed)
		abort();
	policy_free(policy);
	return 0;
}
