/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What logs came to, so that no log is read twice.
 *
 * There is one entry for each attestation key. It holds for one life of a TPM (reset and restart
 * count) and one version of the policies; who asks for another one gets nothing. What failed is
 * not kept: it is read each time anew. An entry has no log, but what a log was found to be:
 *
 *	event log	its digest, the PCR values it came to, and what was said of it
 *	log of IMA	the point up to which PCR 10 vouched for it, and what was said up to there
 *
 * All entries together have a most of bytes; the one that was used longest ago goes first. One
 * thread uses a cache.
 */
#ifndef VERIFIER_CACHE_H
#define VERIFIER_CACHE_H

#include <sys/queue.h>

#include <openssl/types.h>

#include "attest/ima.h"
#include "attest/public.h"
#include "verifier/standing.h"

#define CACHE_DIGEST  32
#define CACHE_REASONS 16

/**
 * struct cache_finding - what was said of a log
 * @count: of @reasons
 * @reasons: none of them failed
 * @unchecked_count: of @unchecked
 * @unchecked: as in a verdict
 */
struct cache_finding {
	size_t count;
	struct attest_reason *reasons;
	size_t unchecked_count;
	const char *unchecked[ATTEST_UNCHECKED];
};

/**
 * struct cache_key - of an entry
 * @ak: name of the attestation key
 * @resets: of its TPM
 * @restarts: of it
 * @policy: version of all policies
 */
struct cache_key {
	struct public_name ak;
	uint32_t resets;
	uint32_t restarts;
	uint8_t policy[CACHE_DIGEST];
};

/**
 * struct cache_entry - logs of one host
 * @key: of it
 * @signer: the key itself
 * @boot_id: of the host, as it says
 * @eventlog: SHA-256 of the event log
 * @pcrs: the same of the quoted PCR values, without PCR 10
 * @secure_boot: what the event log says
 * @log_reliable: it is whole and true
 * @log: what was said of it
 * @ima: to go on from; no entries: the log of IMA has to come whole
 * @ima_log: what was said of it
 * @link: of all entries, the newest first
 */
struct cache_entry {
	struct cache_key key;
	EVP_PKEY *signer;
	char boot_id[STANDING_ID];
	uint8_t eventlog[CACHE_DIGEST];
	uint8_t pcrs[CACHE_DIGEST];
	const char *secure_boot;
	bool log_reliable;
	struct cache_finding log;
	struct ima_point ima;
	struct cache_finding ima_log;
	TAILQ_ENTRY(cache_entry) link;
};

struct cache;

/** cache_new() - of @most bytes; NULL without memory. cache_free() ends it; NULL is fine */
struct cache *cache_new(size_t most);
void cache_free(struct cache *cache);

/** cache_find() - the entry of a key, whatever life and policy it is of; NULL: none */
struct cache_entry *cache_find(struct cache *cache, const struct public_name *ak);

/** cache_put() - @entry is the key's now; taken over, and released where there is no memory */
void cache_put(struct cache *cache, struct cache_entry *entry);

/** cache_drop() - forget a key. Return: was there an entry? */
bool cache_drop(struct cache *cache, const struct public_name *ak);

/** cache_entry_free() - release one that was not put; NULL is fine */
void cache_entry_free(struct cache_entry *entry);

/**
 * cache_finding_add() - remember what was said
 * @finding: grows
 * @verdict: that said it
 * @from: first reason
 * @to: the one behind the last
 *
 * Return: false where something failed, it is too much, or there is no memory.
 */
bool cache_finding_add(struct cache_finding *finding, const struct attest_verdict *verdict,
		       size_t from, size_t to);

/** cache_finding_copy() - the same as another one. Return: false without memory */
bool cache_finding_copy(struct cache_finding *finding, const struct cache_finding *from);

/** cache_finding_say() - say it again */
void cache_finding_say(const struct cache_finding *finding, struct attest_verdict *verdict);

#endif /* VERIFIER_CACHE_H */
