// SPDX-License-Identifier: BSD-3-Clause
/*
 * Collect, quote, answer; see the header.
 */
#include "keyd/deep.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/log.h"
#include "base/secret.h"
#include "keyd/answer.h"

#define ALL_PCRS 0xffffffu
#define RETRY	 20000 /* microseconds until the next look at who does not read */

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t window_of(const struct deep *deep)
{
	uint64_t window = 4 * deep->usec;

	if (window > DEEP_WINDOW_MAX)
		return DEEP_WINDOW_MAX;
	return window > DEEP_WINDOW ? window : DEEP_WINDOW;
}

static void set_timer(struct deep *deep, uint64_t usec)
{
	sd_event_source_set_time(deep->timer, now_usec() + usec);
	sd_event_source_set_enabled(deep->timer, SD_EVENT_ONESHOT);
}

static bool is_here(const struct deep_claim *claim)
{
	return claim->peer->role != KEYD_FREE && claim->peer->number == claim->number;
}

/* To whom it is, and where it is in the tree. */
static int answer_one(const struct deep *deep, uint32_t index)
{
	const struct deep_claim *claim = &deep->answering[index];
	uint8_t proof[BATCH_PROOF_MAX];
	struct answer answer;

	answer_begin(&answer, KEYD_DEEP_IS, claim->tag, 0, NULL);
	ipc_put_blob(&answer.out, claim->leaf, sizeof(claim->leaf));
	cursor_put_u32(&answer.out.body, index);
	cursor_put_u32(&answer.out.body, deep->batch.count);
	ipc_put_blob(&answer.out, proof, batch_proof(&deep->batch, index, proof));
	quote_put(&answer.out, &deep->quote);
	return answer_finish(claim->peer, &answer);
}

static bool is_answered(const struct deep *deep)
{
	return deep->answered == deep->batch.count;
}

static void listen_for(const struct keyd_peer *peer, uint32_t events)
{
	sd_event_source_set_io_events(peer->source, events);
}

static void answer_all(struct deep *deep)
{
	for (; !is_answered(deep); deep->answered++) {
		struct deep_claim *claim = &deep->answering[deep->answered];
		int r = is_here(claim) ? answer_one(deep, deep->answered) : 0;

		if (r == -EAGAIN) {
			listen_for(claim->peer, EPOLLIN | EPOLLOUT);
			return;
		}
		if (r)
			keyd_peer_drop(claim->peer);
	}
}

void deep_go_on(struct deep *deep)
{
	if (!is_answered(deep) && is_here(&deep->answering[deep->answered]))
		listen_for(deep->answering[deep->answered].peer, EPOLLIN);
	answer_all(deep);
}

static void refuse_all(struct deep *deep, int error, const struct reason *reason)
{
	log_line("no deep quote: %s", reason->text);
	deep->batch.count = 0;
	deep->answered = 0;
	for (uint32_t i = 0; i < deep->waiting_count; i++) {
		struct deep_claim *claim = &deep->waiting[i];

		if (is_here(claim) &&
		    answer_plain(claim->peer, KEYD_DEEP_IS, claim->tag, error, reason))
			keyd_peer_drop(claim->peer);
	}
	deep->waiting_count = 0;
}

static int plant(struct deep *deep, struct reason *reason)
{
	struct host_quote *about = &deep->quote.about;
	int r = 0;

	deep->batch.count = 0;
	deep->answered = 0;
	for (uint32_t i = 0; !r && i < deep->waiting_count; i++) {
		deep->answering[i] = deep->waiting[i];
		r = batch_add(&deep->batch, deep->answering[i].leaf, LEAF_SIZE);
	}
	*about = (struct host_quote){ .purpose = HOST_QUOTE_DEEP, .leaves = deep->waiting_count };
	if (!r)
		r = batch_root(&deep->batch, about->root);
	return r ? refuse(reason, r, "SHA-256 does not work: look at OpenSSL") : 0;
}

static void quote_all(struct deep *deep)
{
	uint64_t before = now_usec();
	struct reason reason;
	int r;

	r = plant(deep, &reason);
	deep->quote.pcrs = ALL_PCRS;
	if (!r)
		r = quote_make(deep->keyd, &deep->quote, &reason);
	deep->since = now_usec();
	deep->usec = deep->since - before;
	if (r) {
		refuse_all(deep, r, &reason);
		return;
	}
	deep->waiting_count = 0;
	answer_all(deep);
}

/* Whoever slept for so long has no claim to more. */
static void lose_patience(struct deep *deep)
{
	if (is_answered(deep) || now_usec() - deep->since < DEEP_PATIENCE)
		return;
	log_line("a deep quote's answers are not read: their connection ends");
	keyd_peer_drop(deep->answering[deep->answered].peer);
	answer_all(deep);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct deep *deep = context;

	(void)source;
	(void)usec;
	lose_patience(deep);
	if (!is_answered(deep))
		set_timer(deep, RETRY);
	else if (deep->waiting_count)
		quote_all(deep);
	return 0;
}

int deep_init(struct deep *deep, struct keyd *keyd)
{
	int r;

	deep->keyd = keyd;
	/* sd-event is late by 250 ms unless told not to */
	r = sd_event_add_time(keyd->event, &deep->timer, CLOCK_BOOTTIME, 0, 1, on_timer, deep);
	return r < 0 ? r : sd_event_source_set_enabled(deep->timer, SD_EVENT_OFF);
}

static uint32_t count_of(const struct deep *deep, const uint8_t *uuid)
{
	struct leaf leaf;
	uint32_t count = 0;

	for (uint32_t i = 0; i < deep->waiting_count; i++)
		count += leaf_get(deep->waiting[i].leaf, LEAF_SIZE, &leaf) &&
			 secret_equal(leaf.uuid, uuid, LEAF_UUID);
	return count;
}

int deep_take(struct deep *deep, struct keyd_peer *peer, uint32_t tag, const struct leaf *leaf,
	      struct reason *reason)
{
	struct deep_claim *claim = &deep->waiting[deep->waiting_count];

	if (deep->waiting_count == BATCH_LEAVES_MAX)
		return refuse(reason, -EBUSY,
			      "%d deep quotes wait for the host TPM already: ask again in a moment",
			      BATCH_LEAVES_MAX);
	if (count_of(deep, leaf->uuid) >= DEEP_PER_VTPM)
		return refuse(reason, -EBUSY,
			      "%d deep quotes of this vTPM wait already: ask again in a moment",
			      DEEP_PER_VTPM);
	*claim = (struct deep_claim){ .peer = peer, .number = peer->number, .tag = tag };
	leaf_put(leaf, claim->leaf);
	if (!deep->waiting_count++)
		set_timer(deep, window_of(deep));
	if (deep->waiting_count == BATCH_LEAVES_MAX)
		set_timer(deep, 0);
	return 0;
}
