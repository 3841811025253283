/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this host says of itself to a verifier: for people, nothing vouches for it. What nobody
 * here knows is left out.
 *
 *	of vtpmd	the host TPM, vTPMs by their state, how the store is protected
 *	of the kernel	Secure Boot, lockdown, IMA, and the TPM where vtpmd uses none
 */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * facts_get() - collect them (FactsBody in Documentation/verifier-api.yaml)
 * @ret: set on success; the caller's. Its "tpm" is "2.0", "1.2" or "none".
 *
 * Return: NULL, or the problem.
 */
json_t *facts_get(const struct cli *cli, json_t **ret);

#endif /* CLI_FACTS_H */
