/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The share of the host root key that a verifier keeps: fetched when vtpm-keyd waits for it.
 */
#ifndef CLI_SHARE_H
#define CLI_SHARE_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * cli_share_is_missing() - does vtpm-keyd wait for it?
 * @ret: set on success
 *
 * Return: NULL, or the problem.
 */
json_t *cli_share_is_missing(const struct cli *cli, bool *ret);

/**
 * cli_share_open() - open the host with what the verifier gave out
 * @finding: of evidence_give()
 *
 * Return: NULL, or the problem: "locked" where the verifier gave none.
 */
json_t *cli_share_open(const struct cli *cli, const json_t *finding);

#endif /* CLI_SHARE_H */
