/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which files a host may have measured: a runtime policy of keylime, version 1 (JSON).
 *
 *	{ "digests": {"/usr/bin/true": ["hex"]}, "excludes": ["/tmp/.*"],
 *	  "keyrings": {".ima": ["hex"]}, "ima-buf": {"kexec-cmdline": ["hex"]} }
 *
 * Exclusions are POSIX extended regular expressions, matched from the path's beginning. Those
 * that mean something else to Python are refused. "verification-keys" are those whose signature of
 * a file is as good as its digest in the list (ima_key.h).
 */
#ifndef ATTEST_IMA_POLICY_H
#define ATTEST_IMA_POLICY_H

#include "attest/ima.h"

#define IMA_POLICY_BYTES_MAX	(256u << 20)
#define IMA_POLICY_EXCLUDES_MAX 256

struct ima_policy;

/**
 * ima_policy_read() - read a policy
 * @ret: for ima_policy_free()
 * @text: JSON
 * @length: bytes of it
 * @verdict: hears "policy.invalid"
 *
 * Return: 0; -EBADMSG (malformed, too many exclusions, or one that is refused); -ENOMEM.
 */
int ima_policy_read(struct ima_policy **ret, const char *text, size_t length,
		    struct attest_verdict *verdict);
void ima_policy_free(struct ima_policy *policy);

/**
 * ima_policy_check() - compare a log that ima_appraise() found good
 * @policy: knows
 * @bytes: whole log
 * @length: bytes of it
 * @attested: entries that the quote vouches for; the others are not looked at
 * @verdict: hears "ima.file", "ima.signature" and "ima.buffer"
 *
 * Return: 0; -EBADMSG (malformed).
 */
int ima_policy_check(const struct ima_policy *policy, const uint8_t *bytes, size_t length,
		     size_t attested, struct attest_verdict *verdict);

/**
 * ima_policy_check_more() - the same for what follows a point
 * @policy: knows
 * @point: entries up to it were compared
 * @bytes: what follows
 * @length: bytes of it
 * @attested: entries that the quote vouches for, from the first of the log
 * @verdict: hears "ima.file", "ima.signature" and "ima.buffer"
 *
 * Return: 0; -EBADMSG (malformed).
 */
int ima_policy_check_more(const struct ima_policy *policy, const struct ima_point *point,
			  const uint8_t *bytes, size_t length, size_t attested,
			  struct attest_verdict *verdict);

/** ima_policy_lists() - is this file in it by path and digest? What is excluded is not */
bool ima_policy_lists(const struct ima_policy *policy, const struct ima_entry *entry);

/** ima_policy_digest() - SHA-256 of the text that was read: the policy's version */
const uint8_t *ima_policy_digest(const struct ima_policy *policy);

#endif /* ATTEST_IMA_POLICY_H */
