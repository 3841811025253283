// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handler: evidence of a host.
 *
 * A host leaves out logs that the challenge said are known. Where they are known no more, it is
 * told so and may ask again at once: nothing is said of it, and what was said before runs out.
 *
 * A quote that asks for the share of the host's root key gets an answer to that besides: the
 * share (share.h), or why not. It is on the disk before it leaves.
 *
 * The challenge is used up first. An error of this verifier is a failed verdict
 * ("internal"), never the old one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/tpm2b.h"
#include "base/base64.h"
#include "verifier/judge.h"
#include "verifier/request.h"
#include "verifier/share.h"
#include "verifier/signed.h"
#include "verifier/verifier.h"

/**
 * struct round - one answer of one host
 * @standing: of it
 * @keys: of it
 * @judgement: of its evidence
 * @events: what changed in the machine
 * @changed: so did its status
 * @given: of a share, where one is asked for
 */
struct round {
	struct standing standing;
	struct fleet_keys keys;
	struct judgement judgement;
	struct attest_verdict events;
	bool changed;
	struct share_given given;
};

/* Return: was it in time, and of this host? */
static bool take_challenge(struct request *request, const struct bundle *bundle)
{
	struct hash_part nonce = bundle_part(bundle, BUNDLE_NONCE);
	int r = challenge_take(request->service->challenges, request->host, request_now_ms(),
			       nonce.at, nonce.length);

	if (!r)
		return true;
	request_refuse(request, MHD_HTTP_CONFLICT, "challenge",
		       r == -ETIME   ? "the answer came too late"
		       : r == -ENOENT ? "there is no open challenge: it was answered already"
				      : "it does not answer the challenge of this host",
		       "get another challenge");
	return false;
}

static char *verdict_text(const struct judgement *judgement)
{
	json_t *root = json_pack("{s:s, s:b, s:I}", "secure_boot", judgement->secure_boot,
				 "log_reliable", judgement->log_reliable, "ima_entries",
				 (json_int_t)judgement->ima_entries);
	char *text = NULL;

	if (root && *judgement->machine.boot_id)
		json_object_set_new(root, "boot_id", json_string(judgement->machine.boot_id));
	if (root && !verifier_json_verdict(root, &judgement->verdict))
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static bool save_events(struct request *request, const struct attest_verdict *of, int64_t now)
{
	for (size_t i = 0; i < of->count; i++)
		if (fleet_event_add(request->service->fleet, request->host, now, &of->reasons[i]))
			return false;
	return true;
}

static bool save_share(struct request *request, const struct share_given *given, int64_t now)
{
	struct attest_reason reason;

	if (given->code)
		request_note(&reason, ATTEST_WARNING, given->code, request->host, given->text);
	else
		request_note(&reason, ATTEST_PASSED, "share.released", request->host,
			     "the host got the share of its root key");
	return (given->code ||
		!share_given_out(request->service->fleet, request->host, now)) &&
	       !fleet_event_add(request->service->fleet, request->host, now, &reason);
}

/* What happened waits for the disk; one more pass of many does not. */
static bool save(struct request *request, const struct round *round, int64_t now)
{
	char *text = verdict_text(&round->judgement);
	bool good, asked = round->judgement.wants_share;
	bool news = round->changed || round->events.count || asked;
	struct attest_reason reason;

	if (!text || fleet_begin(request->service->fleet, false)) {
		free(text);
		return false;
	}
	good = !fleet_host_set(request->service->fleet, &round->standing, text) &&
	       save_events(request, &round->events, now);
	free(text);
	if (good && round->changed) {
		request_note(&reason, standing_status(&round->standing, now), "host.status",
			     attest_status_name(standing_status(&round->standing, now)),
			     *round->standing.message ? round->standing.message
						      : "the host passed");
		good = !fleet_event_add(request->service->fleet, request->host, now, &reason) &&
		       save_events(request, &round->judgement.verdict, now);
	}
	if (good && asked)
		good = save_share(request, &round->given, now);
	if (!request_end(request, good))
		return false;
	request->durable = news;
	return true;
}

/* By the boot, as the host says it, or by a key that it cannot deny */
static bool is_self(struct service *service, struct hash_part ak, const struct judgement *judgement)
{
	struct public_name name;

	if (*service->boot_id && !strcmp(judgement->machine.boot_id, service->boot_id))
		return true;
	return service->own_ak.size && judge_name(&service->judge, ak, &name) &&
	       part_equal((struct hash_part){ name.bytes, name.size }, service->own_ak.bytes,
			  service->own_ak.size);
}

/* @error: of bundle_read(). Return: is there a verdict? Otherwise the request was refused. */
static bool judge(struct request *request, const struct bundle *bundle, int error,
		  struct round *round, int64_t now)
{
	const struct hash_part ak = { round->keys.ak, round->keys.ak_size };
	struct judgement *judgement = &round->judgement;
	struct service *service = request->service;
	struct judge_known known;
	bool any = judge_knows(&service->judge, ak, &known);

	if (!error)
		error = judge_evidence(&service->judge, bundle, ak,
				       bundle_part(bundle, BUNDLE_NONCE).at, judgement);
	if (error == -ESTALE) {
		/* Once: what is forgotten now is not promised again. */
		if (any)
			challenge_forget(service->challenges, request->host);
		request_refuse(request, MHD_HTTP_CONFLICT, "logs",
			       "logs that the evidence leaves out are not known here",
			       "get another challenge, and send what it does not name");
		return false;
	}
	if (error && error != -EBADMSG)
		attest_verdict_say(&judgement->verdict, ATTEST_FAILED, "internal",
				   "look at the verifier, then ask the host again",
				   "the verifier could not finish");
	standing_compare(&round->standing.machine, &judgement->machine, &judgement->verdict,
			 &round->events);
	if (judgement->verdict.status != ATTEST_FAILED && is_self(service, ak, judgement))
		round->changed = standing_self(&round->standing, now);
	else
		round->changed = standing_take(&round->standing, &judgement->verdict,
					       &judgement->machine, service->config->name, now,
					       service->config->valid);
	return true;
}

/* Return: is it known what becomes of it? */
static bool give_share(struct request *request, const struct bundle *bundle, struct round *round,
		       int64_t now)
{
	struct service *service = request->service;
	const struct share_wish wish = {
		.standing = &round->standing,
		.keys = &round->keys,
		.verdict = round->judgement.verdict.status,
		.x = round->judgement.share_key,
		.ek = bundle_part(bundle, BUNDLE_EK),
		.now = now,
		.every = service->config->share_every,
	};

	return !round->judgement.wants_share ||
	       !share_give(service->fleet, service->ca, &wish, service->judge.hash, &round->given);
}

static json_t *share_answer(const struct share_given *given)
{
	char box[BASE64_ROOM(RELEASE_BOX_SIZE)];
	json_t *share;

	if (given->code)
		return json_pack("{s:s, s:s, s:s}", "refused", given->code, "detail", given->text,
				 "next", given->next);
	base64_write(given->box, sizeof(given->box), box);
	share = enrol_credential_json(&given->credential);
	if (share)
		json_object_set_new(share, "box", json_string(box));
	return share;
}

static void answer(struct request *request, const struct round *round, int64_t now)
{
	json_t *share = round->judgement.wants_share ? share_answer(&round->given) : NULL;
	const struct standing *standing = &round->standing;
	json_t *verdict = signed_verdict(request->service, standing, &round->judgement.machine,
					 &round->keys, now);

	request_answer(request, MHD_HTTP_OK,
		       json_pack("{s:s, s:s, s:o, s:o*, s:o*}", "status",
				 attest_status_name(standing_status(standing, now)), "message",
				 standing_message(standing, now), "valid_until",
				 fleet_time(standing->valid_until), "verdict", verdict, "share",
				 share));
}

void evidence_take(struct request *request)
{
	struct round *round = calloc(1, sizeof(*round));
	struct bundle bundle = { 0 };
	int64_t now = time(NULL);
	int r = -EIO, error = 0;

	if (round) {
		judgement_init(&round->judgement);
		error = bundle_read(&bundle, request->body ? request->body : "", request->length,
				    &round->judgement.verdict);
		r = fleet_host_get(request->service->fleet, request->host, &round->standing,
				   &round->keys);
	}
	if (r) {
		request_no_host(request, r);
	} else if (take_challenge(request, &bundle) &&
		   judge(request, &bundle, error, round, now)) {
		if (give_share(request, &bundle, round, now) && save(request, round, now))
			answer(request, round, now);
		else
			request_broken(request);
	}
	free(round);
	bundle_done(&bundle);
}
