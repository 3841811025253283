/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is what an event says what was measured? The event's type is under no digest, and its
 * data under one for some types only (TCG PC Client Platform Firmware Profile, 10.4.1).
 */
#ifndef ATTEST_PROOF_H
#define ATTEST_PROOF_H

#include "attest/eventlog.h"

/** enum event_match - how many banks agree that something was measured */
enum event_match {
	EVENT_MATCHES_NONE,
	EVENT_MATCHES_SOME,
	EVENT_MATCHES_ALL,
};

/**
 * event_match() - are the digests of an event those of these bytes?
 * @event: any
 * @hash: computes
 * @bytes: what may have been measured
 * @length: how many
 *
 * Return: EVENT_MATCHES_NONE as well where there is no digest of a known bank.
 */
enum event_match event_match(const struct event *event, struct hash *hash, const void *bytes,
			     size_t length);

/** event_prove() - compute the event's proof, by the rules of its type */
enum event_proof event_prove(const struct event *event, struct hash *hash);

#endif /* ATTEST_PROOF_H */
