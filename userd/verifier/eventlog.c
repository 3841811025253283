// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify eventlog: read, replay, compare, appraise.
 */
#include "attest/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/variable.h"
#include "base/cleanup.h"
#include "verifier/verifier.h"

#define TEXT_MAX 4096

/**
 * struct appraisal - one log and what it came to
 * @log: as it was read
 * @replayed: PCR values
 * @secure_boot: what the log says of it
 * @reliable: PCR values are given, and the log is whole and true
 * @verdict: of it all
 */
struct appraisal {
	struct eventlog log;
	struct attest_pcrs replayed;
	enum event_secure_boot secure_boot;
	bool reliable;
	struct attest_verdict verdict;
};

static void freep(char **bytes)
{
	free(*bytes);
}

static json_t *json_digests(const struct event *event)
{
	json_t *root = json_object();
	char hex[ATTEST_HEX_MAX];
	int r = !root;

	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!event->digest[bank])
			continue;
		attest_text_hex(hex, event->digest[bank], hash_size(bank));
		r |= json_object_set_new(root, hash_name(bank), json_string(hex));
	}
	if (!r)
		return root;
	json_decref(root);
	return NULL;
}

static json_t *json_proof(enum event_proof proof)
{
	return proof == EVENT_UNPROVEN ? json_null() : json_boolean(proof == EVENT_PROVEN);
}

static json_t *json_event(const struct eventlog *log, const struct event *event)
{
	char text[TEXT_MAX];

	event_describe(log, event, text, sizeof(text));
	return json_pack("{s:I, s:I, s:I, s:s, s:I, s:s?, s:o, s:o, s:I, s:s?}", "event",
			 (json_int_t)event->number, "offset", (json_int_t)event->offset, "pcr",
			 (json_int_t)event->pcr, "type", event_type_name(event->type), "type_id",
			 (json_int_t)event->type, "class", event_class_name(event_class(event)),
			 "digests", json_digests(event), "data_proven", json_proof(event->proof),
			 "size", (json_int_t)event->size, "text", *text ? text : NULL);
}

static json_t *to_json(const struct appraisal *appraisal)
{
	const struct eventlog *log = &appraisal->log;
	json_t *events = json_array(), *root;
	int r = !events;

	for (size_t i = 0; !r && i < log->count; i++)
		r = json_array_append_new(events, json_event(log, &log->events[i]));
	root = json_pack("{s:s, s:o, s:s, s:b, s:o}", "format",
			 log->agile ? "crypto-agile" : "sha1", "pcrs",
			 verifier_json_pcrs(&appraisal->replayed), "secure_boot",
			 event_secure_boot_name(appraisal->secure_boot), "log_reliable",
			 appraisal->reliable, "events", events);
	if (!r)
		return root;
	json_decref(root);
	return NULL;
}

static void to_lines(const struct appraisal *appraisal)
{
	const struct eventlog *log = &appraisal->log;
	char text[64], hex[ATTEST_HEX_MAX];

	printf("event  pcr  class               type: text\n");
	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];
		const char *class = event_class_name(event_class(event));

		event_describe(log, event, text, sizeof(text));
		printf("%5zu  %3d  %-18s  %s%s%s%s\n", event->number, (int)event->pcr,
		       class ? class : "-", event_type_name(event->type), *text ? ": " : "", text,
		       *text && event->proof == EVENT_UNPROVEN ? " (unproven)" : "");
	}
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		for (int pcr = 0; pcr < ATTEST_PCRS; pcr++) {
			if (!(appraisal->replayed.has[bank] & 1u << pcr))
				continue;
			attest_text_hex(hex, appraisal->replayed.value[bank][pcr],
					hash_size(bank));
			printf("%s %2d %s\n", hash_name(bank), pcr, hex);
		}
	}
	printf("secure boot: %s\nlog reliable: %s\n",
	       event_secure_boot_name(appraisal->secure_boot), appraisal->reliable ? "yes" : "no");
}

static int appraise(const struct verifier *verifier, const uint8_t *bytes, size_t length,
		    struct appraisal *ret)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	struct attest_pcrs actual;
	bool given;
	int r;

	if (!hash)
		return -ENOMEM;
	r = eventlog_parse(&ret->log, bytes, length, &ret->verdict);
	if (r)
		return r;
	eventlog_replay(&ret->log, hash, &ret->replayed);
	ret->secure_boot = eventlog_appraise(&ret->log, hash, &ret->verdict);
	r = verifier_pcrs_read(verifier, &ret->verdict, &actual, &given);
	if (!r && given)
		eventlog_compare(&ret->log, hash, &ret->replayed, &actual, &ret->verdict);
	ret->secure_boot = boot_secure_boot(ret->secure_boot, &ret->verdict);
	ret->reliable = !r && given && boot_log_is_reliable(&ret->verdict, 0);
	return !r && hash_failed(hash) ? -EIO : r;
}

static enum verifier_exit run(const struct verifier *verifier, const char *path,
			      struct appraisal *appraisal)
{
	_cleanup_(freep) char *bytes = NULL;
	enum verifier_exit status;
	size_t length;
	int r;

	r = verifier_file_read(path, EVENTLOG_BYTES_MAX, "log.missing", &appraisal->verdict,
			       &bytes, &length);
	if (!r)
		r = appraise(verifier, (const uint8_t *)bytes, length, appraisal);
	if (!verifier->json)
		to_lines(appraisal);
	status = verifier_end(verifier, &appraisal->verdict,
			      verifier->json ? to_json(appraisal) : NULL, r);
	eventlog_done(&appraisal->log);
	return status;
}

enum verifier_exit verifier_eventlog(const struct verifier *verifier, const char *path)
{
	struct appraisal *appraisal = calloc(1, sizeof(*appraisal));
	enum verifier_exit status;

	if (!appraisal)
		return verifier_end(verifier, NULL, NULL, -ENOMEM);
	status = run(verifier, path, appraisal);
	free(appraisal);
	return status;
}
