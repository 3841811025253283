// SPDX-License-Identifier: BSD-3-Clause
/*
 * Judging evidence (judge.h has the rules).
 */
#include "verifier/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/eventlog.h"
#include "attest/ima.h"
#include "attest/quote.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "base/text.h"
#include "wire/host_quote.h"

#define NEXT_FORMAT "see Documentation/bundle.yaml for what evidence is"
#define NEXT_FORGED "believe nothing of it: ask the host again, with a new nonce"
#define ALL_PCRS    0xffffffu

/**
 * struct bytes - of a member
 * @at: NULL: there is none
 * @length: how many
 */
struct bytes {
	uint8_t *at;
	size_t length;
};

static void bytes_done(struct bytes *bytes)
{
	free(bytes->at);
}


/* Return: 0 as well where there is no such member; -EBADMSG; -ENOMEM. */
static int read_bytes(const json_t *object, const char *name, struct bytes *ret)
{
	const json_t *value = json_object_get(object, name);
	size_t characters = json_string_length(value);
	ssize_t length;

	if (!value)
		return 0;
	if (!json_is_string(value))
		return -EBADMSG;
	ret->at = malloc(characters / 4 * 3 + 3);
	if (!ret->at)
		return -ENOMEM;
	length = base64_read(json_string_value(value), characters, ret->at,
			     characters / 4 * 3 + 3);
	if (length < 0)
		return -EBADMSG;
	ret->length = (size_t)length;
	return 0;
}

static int malformed(struct attest_verdict *verdict, const char *what)
{
	attest_verdict_say(verdict, ATTEST_FAILED, "bundle.invalid", NEXT_FORMAT,
			   "the evidence has no \"%s\", or a malformed one", what);
	verdict->malformed = true;
	return -EBADMSG;
}

int judge_nonce(const json_t *bundle, uint8_t ret[CHALLENGE_NONCE])
{
	const json_t *value = json_object_get(bundle, "nonce");
	ssize_t length = base64_read(json_is_string(value) ? json_string_value(value) : "",
				     json_string_length(value), ret, CHALLENGE_NONCE);

	return length == CHALLENGE_NONCE ? 0 : -EBADMSG;
}

/* PCR values: base64url in the bundle, hexadecimal for whoever reads them. */
static json_t *pcrs_to_hex(const json_t *pcrs)
{
	json_t *banks = json_object(), *values, *bank, *value;
	const char *bank_name, *name;
	uint8_t digest[ATTEST_DIGEST_MAX];
	char hex[ATTEST_HEX_MAX];
	bool good = json_is_object(pcrs);

	json_object_foreach ((json_t *)(uintptr_t)pcrs, bank_name, bank) {
		if (!good || !json_is_object(bank))
			good = false;
		else
			good = !json_object_set_new(banks, bank_name, values = json_object());
		if (!good)
			break;
		json_object_foreach (bank, name, value) {
			ssize_t size = base64_read(json_is_string(value) ? json_string_value(value)
									  : "",
						   json_string_length(value), digest,
						   sizeof(digest));

			if (size > 0)
				attest_text_hex(hex, digest, (size_t)size);
			good = good && size > 0 &&
			       !json_object_set_new(values, name, json_string(hex));
		}
	}
	if (good)
		return banks;
	json_decref(banks);
	return NULL;
}

/* The quote */

/**
 * struct shown - members of the quote
 * @message: TPMS_ATTEST
 * @signature: of it
 * @frame: what it is about
 * @pcrs: as text
 */
struct shown {
	struct bytes message;
	struct bytes signature;
	struct bytes frame;
	char *pcrs;
};

static void shown_done(struct shown *shown)
{
	bytes_done(&shown->message);
	bytes_done(&shown->signature);
	bytes_done(&shown->frame);
	free(shown->pcrs);
}

static int read_shown(const json_t *bundle, struct attest_verdict *verdict, struct shown *ret)
{
	const json_t *quote = json_object_get(bundle, "quote");
	json_t *pcrs;

	if (read_bytes(quote, "message", &ret->message) || !ret->message.at)
		return malformed(verdict, "message");
	if (read_bytes(quote, "signature", &ret->signature) || !ret->signature.at)
		return malformed(verdict, "signature");
	if (read_bytes(quote, "frame", &ret->frame) || !ret->frame.at)
		return malformed(verdict, "frame");
	pcrs = pcrs_to_hex(json_object_get(quote, "pcrs"));
	ret->pcrs = pcrs ? json_dumps(pcrs, JSON_COMPACT) : NULL;
	json_decref(pcrs);
	return ret->pcrs ? 0 : malformed(verdict, "pcrs");
}

static int check_frame(const struct shown *shown, const uint8_t nonce[CHALLENGE_NONCE],
		       struct attest_verdict *verdict, struct host_quote *ret)
{
	if (!host_quote_get(shown->frame.at, shown->frame.length, ret) ||
	    ret->purpose != HOST_QUOTE_HOST) {
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.frame", NEXT_FORGED,
				   "the quote is about something else than this host's boot");
		return -EBADMSG;
	}
	if (!secret_equal(ret->nonce, nonce, CHALLENGE_NONCE)) {
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.nonce", NEXT_FORGED,
				   "it answers another nonce: it is an old quote");
		return -EBADMSG;
	}
	return 0;
}

static void take_machine(const struct quote *quote, const struct host_quote *frame,
			 const json_t *host, struct standing_machine *ret)
{
	const char *boot_id = json_string_value(json_object_get(host, "boot_id"));
	const struct statement *statement = &quote->statement;

	ret->known = true;
	ret->epoch = frame->epoch;
	ret->clock = statement->clock.clock;
	ret->resets = statement->clock.resets;
	ret->restarts = statement->clock.restarts;
	ret->firmware = statement->firmware;
	attest_text_ascii(ret->boot_id, sizeof(ret->boot_id),
			  (const uint8_t *)(boot_id ? boot_id : ""), boot_id ? strlen(boot_id) : 0);
	attest_text_hex(ret->pcr0, quote->pcrs.value[ATTEST_SHA256][0], hash_size(ATTEST_SHA256));
}

static int check_quote(const json_t *bundle, struct hash_part ak,
		       const uint8_t nonce[CHALLENGE_NONCE], struct hash *hash,
		       struct judgement *ret, struct attest_pcrs *ret_pcrs)
{
	_cleanup_(shown_done) struct shown shown = { 0 };
	uint8_t about[ATTEST_DIGEST_MAX];
	struct quote_evidence evidence;
	struct host_quote frame;
	struct quote quote = { 0 };
	int r;

	r = read_shown(bundle, &ret->verdict, &shown);
	if (!r)
		r = check_frame(&shown, nonce, &ret->verdict, &frame);
	if (r)
		return r;
	hash_parts(hash, ATTEST_SHA256,
		   &(struct hash_part){ shown.frame.at, shown.frame.length }, 1, about);
	evidence = (struct quote_evidence){
		.message = { shown.message.at, shown.message.length },
		.signature = { shown.signature.at, shown.signature.length },
		.pcrs = { shown.pcrs, strlen(shown.pcrs) },
		.ak = ak,
		.nonce = { about, HOST_QUOTE_HASH },
	};
	r = quote_check(&quote, &evidence, hash, &ret->verdict);
	if (r || ret->verdict.status == ATTEST_FAILED)
		return r ? r : -EBADMSG;
	if (quote.pcrs.has[ATTEST_SHA256] != ALL_PCRS) {
		attest_verdict_say(&ret->verdict, ATTEST_FAILED, "quote.selection",
				   "have the host quote sha256:all",
				   "the quote is not about all PCRs that were asked for");
		return -EBADMSG;
	}
	take_machine(&quote, &frame, json_object_get(bundle, "host"), &ret->machine);
	*ret_pcrs = quote.pcrs;
	return 0;
}

/* The logs */

static int check_log(const json_t *bundle, const struct attest_pcrs *pcrs, struct hash *hash,
		     struct judgement *ret)
{
	_cleanup_(bytes_done) struct bytes bytes = { 0 };
	struct eventlog log = { 0 };
	struct attest_pcrs replayed;
	int r;

	if (read_bytes(bundle, "eventlog", &bytes))
		return malformed(&ret->verdict, "eventlog");
	if (!bytes.at) {
		attest_verdict_say(&ret->verdict, ATTEST_FAILED, "log.missing",
				   "turn Secure Boot on, and boot a loader that keeps the log",
				   "the host shows no event log, so nobody can tell what booted");
		return -EBADMSG;
	}
	r = eventlog_parse(&log, bytes.at, bytes.length, &ret->verdict);
	if (!r) {
		eventlog_replay(&log, hash, &replayed);
		ret->secure_boot = event_secure_boot_name(
			eventlog_appraise(&log, hash, &ret->verdict));
		eventlog_compare(&log, hash, &replayed, pcrs, &ret->verdict);
	}
	eventlog_done(&log);
	return r;
}

static int check_ima(const json_t *bundle, const struct attest_pcrs *pcrs, struct hash *hash,
		     struct judgement *ret)
{
	_cleanup_(bytes_done) struct bytes bytes = { 0 };
	struct ima_result result;
	int r;

	if (read_bytes(bundle, "ima", &bytes))
		return malformed(&ret->verdict, "ima");
	if (!bytes.at) {
		attest_verdict_unchecked(&ret->verdict, "there is no log of IMA");
		return 0;
	}
	r = ima_appraise(&result, bytes.at, bytes.length, hash, pcrs, &ret->verdict);
	if (!r)
		ret->ima_entries = result.attested;
	return r;
}

int judge_evidence(const json_t *bundle, const uint8_t *ak, size_t ak_size,
		   const uint8_t nonce[CHALLENGE_NONCE], struct judgement *ret)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	struct attest_pcrs pcrs;
	int r;

	*ret = (struct judgement){ .secure_boot = event_secure_boot_name(0) };
	if (!hash)
		return -ENOMEM;
	r = check_quote(bundle, (struct hash_part){ ak, ak_size }, nonce, hash, ret, &pcrs);
	if (!r)
		r = check_log(bundle, &pcrs, hash, ret);
	if (!r)
		r = check_ima(bundle, &pcrs, hash, ret);
	attest_verdict_unchecked(&ret->verdict, "nothing was compared with reference values");
	if (hash_failed(hash))
		return -EIO;
	return r == -EBADMSG ? 0 : r;
}
