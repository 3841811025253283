/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verdicts, on their way from the verifier to the gate of this host.
 */
#ifndef CLI_GATE_H
#define CLI_GATE_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * gate_bring() - give vtpmd the verdict that is in a verifier's answer
 * @answer: of the verifier, to evidence; without a verdict nothing is done
 *
 * Return: NULL, or the problem.
 */
json_t *gate_bring(const struct cli *cli, const json_t *answer);

#endif /* CLI_GATE_H */
