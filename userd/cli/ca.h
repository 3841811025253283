/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's CA, and the verifier that enrolled this host.
 */
#ifndef CLI_CA_H
#define CLI_CA_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * ca_renew() - have the verifier certify the CA's key, and keep its answer
 * @enrolment: by enrolment_load()
 *
 * Return: NULL, or the problem.
 */
json_t *ca_renew(const struct cli *cli, const json_t *enrolment);

/**
 * ca_keep() - the same, where the key has no certificate: it is another one since the host was
 * bound, or a configuration retired
 * @enrolment: by enrolment_load()
 *
 * Return: NULL, or the problem.
 */
json_t *ca_keep(const struct cli *cli, const json_t *enrolment);

/**
 * ca_tell_revoked() - tell it of vTPMs that are gone, or in another epoch
 * @enrolment: by enrolment_load()
 *
 * Return: NULL, or the problem.
 */
json_t *ca_tell_revoked(const struct cli *cli, const json_t *enrolment);

#endif /* CLI_CA_H */
