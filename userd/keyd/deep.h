/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deep quotes: one quote of the host for all that was claimed within a window.
 *
 *	waiting		claims come in; the first one sets the timer
 *	answering	their quote is made, and each asker hears its own part of it
 *
 * The window is as long as four quotes took, so that the host TPM has three quarters of its
 * time for others, and DEEP_WINDOW at least. Where all places are taken the quote is made at
 * once. An asker that does not read is waited for, DEEP_PATIENCE at most; meanwhile others
 * collect, and the next quote waits. No message is kept: each is written when it can be sent.
 */
#ifndef KEYD_DEEP_H
#define KEYD_DEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "keyd/quote.h"
#include "wire/batch.h"
#include "wire/leaf.h"

/** define DEEP_PER_VTPM - claims of one vTPM that may wait */
#define DEEP_PER_VTPM 64

#define DEEP_WINDOW	250000	 /* microseconds */
#define DEEP_WINDOW_MAX 10000000 /* of a TPM that is too slow to be patient with */
#define DEEP_PATIENCE	10000000

/**
 * struct deep_claim - one that waits, or is answered
 * @peer: who asked
 * @number: of that connection: a place may have been given to another one
 * @tag: of the question
 * @leaf: what is quoted of it
 */
struct deep_claim {
	struct keyd_peer *peer;
	uint64_t number;
	uint32_t tag;
	uint8_t leaf[LEAF_SIZE];
};

/**
 * struct deep - all of them
 * @keyd: whose
 * @timer: end of the window, or of patience
 * @usec: that the last quote took
 * @waiting: claims of the next quote
 * @waiting_count: how many
 * @answering: claims of the last one
 * @answered: how many of these need nothing any more
 * @since: when the last quote was made
 * @batch: tree of the last one; its count is that of @answering
 * @quote: the last one
 */
struct deep {
	struct keyd *keyd;
	sd_event_source *timer;
	uint64_t usec;
	struct deep_claim waiting[BATCH_LEAVES_MAX];
	uint32_t waiting_count;
	struct deep_claim answering[BATCH_LEAVES_MAX];
	uint32_t answered;
	uint64_t since;
	struct batch batch;
	struct quote quote;
};

/** deep_init() - make its timer, before the sandbox. Return: 0; -errno of sd-event */
int deep_init(struct deep *deep, struct keyd *keyd);

/**
 * deep_take() - a claim waits from now on
 * @peer: hears of it later, by KEYD_DEEP_IS
 * @tag: of the question
 * @leaf: the claim, believed
 *
 * Return: 0; -EBUSY (too many wait, of this vTPM or in all), with a reason.
 */
int deep_take(struct deep *deep, struct keyd_peer *peer, uint32_t tag, const struct leaf *leaf,
	      struct reason *reason);

/** deep_go_on() - somebody reads again */
void deep_go_on(struct deep *deep);

#endif /* KEYD_DEEP_H */
