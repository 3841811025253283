// SPDX-License-Identifier: BSD-3-Clause
/*
 * Entries in a tree by key, and in a list by age (cache.h has the rules).
 */
#include "verifier/cache.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/cursor.h"

/* What libcrypto has for a key, and a node of the tree: measured, not computed. */
#define ENTRY_BESIDES 3072

struct cache {
	void *root;
	TAILQ_HEAD(entries, cache_entry) entries;
	size_t most;
	size_t used;
};

static int compare(const void *a, const void *b)
{
	const struct public_name *one = &((const struct cache_entry *)a)->key.ak;
	const struct public_name *other = &((const struct cache_entry *)b)->key.ak;

	for (size_t i = 0; i < one->size && i < other->size; i++)
		if (one->bytes[i] != other->bytes[i])
			return one->bytes[i] < other->bytes[i] ? -1 : 1;
	return (one->size > other->size) - (one->size < other->size);
}

static size_t size_of(const struct cache_entry *entry)
{
	return sizeof(*entry) + ENTRY_BESIDES +
	       (entry->log.count + entry->ima_log.count) * sizeof(struct attest_reason);
}

static void remove_entry(struct cache *cache, struct cache_entry *entry)
{
	tdelete(entry, &cache->root, compare);
	TAILQ_REMOVE(&cache->entries, entry, link);
	cache->used -= size_of(entry);
	cache_entry_free(entry);
}

struct cache *cache_new(size_t most)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	TAILQ_INIT(&cache->entries);
	cache->most = most;
	return cache;
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	while (!TAILQ_EMPTY(&cache->entries))
		remove_entry(cache, TAILQ_FIRST(&cache->entries));
	free(cache);
}

struct cache_entry *cache_find(struct cache *cache, const struct public_name *ak)
{
	struct cache_entry like = { .key = { .ak = *ak } }, *entry;
	void *node = tfind(&like, &cache->root, compare);

	if (!node)
		return NULL;
	entry = *(struct cache_entry **)node;
	TAILQ_REMOVE(&cache->entries, entry, link);
	TAILQ_INSERT_HEAD(&cache->entries, entry, link);
	return entry;
}

void cache_put(struct cache *cache, struct cache_entry *entry)
{
	cache_drop(cache, &entry->key.ak);
	if (!tsearch(entry, &cache->root, compare)) {
		cache_entry_free(entry);
		return;
	}
	TAILQ_INSERT_HEAD(&cache->entries, entry, link);
	cache->used += size_of(entry);
	while (cache->used > cache->most)
		remove_entry(cache, TAILQ_LAST(&cache->entries, entries));
}

bool cache_drop(struct cache *cache, const struct public_name *ak)
{
	struct cache_entry *entry = cache_find(cache, ak);

	if (entry)
		remove_entry(cache, entry);
	return entry;
}

void cache_entry_free(struct cache_entry *entry)
{
	if (!entry)
		return;
	EVP_PKEY_free(entry->signer);
	free(entry->log.reasons);
	free(entry->ima_log.reasons);
	free(entry);
}

/* What was said */

static bool grow(struct cache_finding *finding, const struct attest_reason *reasons, size_t count)
{
	struct attest_reason *more;

	if (count > CACHE_REASONS - finding->count)
		return false;
	if (!count)
		return true;
	more = reallocarray(finding->reasons, finding->count + count, sizeof(*more));
	if (!more)
		return false;
	finding->reasons = more;
	for (size_t i = 0; i < count; i++)
		more[finding->count++] = reasons[i];
	return true;
}

bool cache_finding_add(struct cache_finding *finding, const struct attest_verdict *verdict,
		       size_t from, size_t to)
{
	if (verdict->dropped)
		return false;
	for (size_t i = from; i < to; i++)
		if (verdict->reasons[i].status == ATTEST_FAILED)
			return false;
	return to <= from || grow(finding, verdict->reasons + from, to - from);
}

bool cache_finding_copy(struct cache_finding *finding, const struct cache_finding *from)
{
	finding->unchecked_count = from->unchecked_count;
	for (size_t i = 0; i < from->unchecked_count; i++)
		finding->unchecked[i] = from->unchecked[i];
	return grow(finding, from->reasons, from->count);
}

void cache_finding_say(const struct cache_finding *finding, struct attest_verdict *verdict)
{
	for (size_t i = 0; i < finding->count; i++) {
		const struct attest_reason *from = &finding->reasons[i];
		struct attest_reason *reason = attest_verdict_say(verdict, from->status, from->code,
								  from->next, "%s", from->text);

		*reason = *from;
	}
	for (size_t i = 0; i < finding->unchecked_count; i++)
		attest_verdict_unchecked(verdict, finding->unchecked[i]);
}
