/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands `seal ...` share: the host's configurations, and a plan in a file.
 *
 * A plan travels as {"plan": digits, "counter_index": number}; before it is signed its two
 * signatures are zeros.
 */
#ifndef CLI_SEAL_H
#define CLI_SEAL_H

#include <jansson.h>

#include "cli/cli.h"
#include "seal/plan.h"

/**
 * struct seal_state - what GET /v1/host/plans says
 * @key: public half of the plan key
 * @index: handle of the plan counter
 * @next: sequence that the next plan must have
 * @pcrs: as they are now
 * @object: all of it
 */
struct seal_state {
	uint8_t key[SEAL_POINT_SIZE];
	uint32_t index;
	uint64_t next;
	struct host_pcrs pcrs;
	json_t *object;
};

/** seal_state_get() - ask vtpmd; the caller drops @ret->object. Return: NULL, or the problem */
json_t *seal_state_get(const struct cli *cli, struct seal_state *ret);

/** seal_predict() - what the PCRs will be. Return: NULL, or the problem */
json_t *seal_predict(const struct cli *cli, const struct seal_state *state,
		     struct host_pcrs *ret);

/**
 * seal_outlook() - what will open once the plan is there
 * @ret: {"vtpms": all, "open": number, "shut": [{name, reason}], "recovery_proven": seconds}
 *
 * Return: NULL, or the problem.
 */
json_t *seal_outlook(const struct cli *cli, const struct seal_state *state, json_t **ret);

/** seal_outlook_print() - for people */
void seal_outlook_print(const json_t *outlook);

/** seal_unhex() - digits as bytes. Return: how many; 0: they are none, or too many */
size_t seal_unhex(const json_t *digits, uint8_t *to, size_t room);

#endif /* CLI_SEAL_H */
