/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Evidence of this host, given to the verifier that enrolled it.
 */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * evidence_give() - tell facts, and answer a challenge
 * @enrolment: of enrolment_load(), with the verifier of --to
 * @share: ask for the share of the host root key too
 * @ret: what the verifier found, with a member "share" where it was asked for one; the caller's
 *
 * Return: NULL, or the problem.
 */
json_t *evidence_give(const struct cli *cli, const json_t *enrolment, bool share, json_t **ret);

#endif /* CLI_EVIDENCE_H */
