/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of a boot, as a log has to show it: which types of events a PCR has, one
 * separator in each of PCRs 0 to 7, and what may come after it (TCG PC Client Platform
 * Firmware Profile, 3.3.4 and 10.4).
 */
#ifndef ATTEST_STRUCTURE_H
#define ATTEST_STRUCTURE_H

#include "attest/eventlog.h"

#define STRUCTURE_CODE "log.structure"

/**
 * struct structure - what is known of a log so far
 * @separated: PCRs whose separator was seen, bit n for PCR n
 * @measured: PCRs that were extended
 * @locality: a StartupLocality event was seen
 * @incomplete: an event without digests of all banks was seen
 * @uefi: the log has a variable in PCR 7
 */
struct structure {
	uint32_t separated;
	uint32_t measured;
	bool locality;
	bool incomplete;
	bool uefi;
};

/**
 * structure_begin() - before the first event
 * @log: all of it: in which order events of different PCRs came no PCR shows
 */
struct structure structure_begin(const struct eventlog *log);

/**
 * structure_event() - look at the next event
 * @structure: by structure_begin()
 * @log: it is of
 * @event: with its proof
 * @verdict: hears what is wrong
 */
void structure_event(struct structure *structure, const struct eventlog *log,
		     const struct event *event, struct attest_verdict *verdict);

/** structure_end() - say what is missing at the end */
void structure_end(const struct structure *structure, struct attest_verdict *verdict);

/** structure_is_words() - is an event's data text, as that of an action has to be? */
bool structure_is_words(const struct event *event);

#endif /* ATTEST_STRUCTURE_H */
