/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a host has to be: JSON, with a list for each kind of fact. A list that is there is
 * complete: a fact that is not in it fails the host. A list that is not there asks nothing,
 * and the verdict says so. Databases are lists of what may be there, but dbx is one of what has
 * to be.
 *
 *	{ "version": 1, "aks": ["000b..."], "pcrs": [0, 1, 2, 3, 4, 5, 6, 7],
 *	  "pcr_values": { "7": ["..."] },
 *	  "valid_seconds": 300, "firmware": ["..."], "pk": [], "kek": [], "db": [],
 *	  "dbx": [], "authorities": [], "boot_apps": [], "boot_files": [],
 *	  "sbat": ["shim,4"], "cmdline": ["BOOT_IMAGE=* ro quiet"], "cmdline_deny": ["ima=off"],
 *	  "components": [{ "name": "shim", "version": "16.1", "boot_apps": ["..."] }] }
 *
 * What a component brings is added to the lists: so a kernel comes and goes with all that it
 * needs, and nothing else has to be listed again.
 */
#ifndef ATTEST_POLICY_H
#define ATTEST_POLICY_H

#include <jansson.h>

#include "attest/ekcert.h"
#include "attest/fact.h"
#include "attest/public.h"

#define POLICY_BYTES_MAX (16u << 20)

struct policy;

/**
 * policy_read() - read a policy
 * @ret: for policy_free()
 * @text: JSON
 * @length: bytes of it
 * @verdict: hears "policy.invalid"
 *
 * Return: 0; -EBADMSG (it is malformed, or has a member that is not known); -ENOMEM.
 */
int policy_read(struct policy **ret, const char *text, size_t length,
		struct attest_verdict *verdict);
void policy_free(struct policy *policy);
void policy_freep(struct policy **policy);

/** policy_digest() - SHA-256 of the text that was read: the policy's version */
const uint8_t *policy_digest(const struct policy *policy);

/** policy_seconds() - how long a verdict holds */
int64_t policy_seconds(const struct policy *policy);

/**
 * policy_check_key() - is this a key that was enrolled?
 * @policy: knows
 * @name: of the key that signed the quote
 * @activated: whoever asks enrolled this key, so that a list that is not there asks nothing
 * @verdict: hears "ak.unknown", and "ak.activation" where the policy lists none
 */
void policy_check_key(const struct policy *policy, const struct public_name *name,
		      bool activated, struct attest_verdict *verdict);

/** policy_check_ek() - does it deny this make of TPM? Then "ek.denied-model". */
void policy_check_ek(const struct policy *policy, const struct ekcert *certificate,
		     struct attest_verdict *verdict);

/** policy_list() - a list of it; NULL where it has none */
json_t *policy_list(const struct policy *policy, const char *name);

/** policy_has() - does a list have this text, in letters of any case? */
bool policy_has(json_t *list, const char *what);

/** policy_asks_log() - has it a list that only an event log can be held against? */
bool policy_asks_log(const struct policy *policy);

/**
 * policy_check_pcrs() - are all PCRs signed that it and its lists want, and have they the values?
 * @policy: knows
 * @pcrs: that the TPM signed
 * @verdict: hears "quote.selection" and "policy.pcr_values"
 */
void policy_check_pcrs(const struct policy *policy, const struct attest_pcrs *pcrs,
		       struct attest_verdict *verdict);

/**
 * policy_check_log() - compare the facts of a boot
 * @policy: knows
 * @log: with proofs
 * @pcrs: that the TPM signed
 * @hash: computes
 * @verdict: hears "policy.KIND" with a fact_name(), such as "policy.boot_apps"
 *
 * Return: 0; -ENOMEM.
 */
int policy_check_log(const struct policy *policy, const struct eventlog *log,
		     const struct attest_pcrs *pcrs, struct hash *hash,
		     struct attest_verdict *verdict);

/**
 * policy_learn() - the policy that this very boot meets
 * @name: of the key
 * @log: with proofs
 * @pcrs: that the TPM signed
 * @hash: computes
 *
 * Return: JSON; NULL without memory.
 */
json_t *policy_learn(const struct public_name *name, const struct eventlog *log,
		     const struct attest_pcrs *pcrs, struct hash *hash);

#endif /* ATTEST_POLICY_H */
