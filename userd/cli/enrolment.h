/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this host knows of the verifier that enrolled it, in STATE_DIR/attest/enrolment, an
 * object of mode 0600: url, host, bearer, ak_cert and, where one was given, ca. A host without a
 * TPM 2.0 has no ak_cert.
 */
#ifndef CLI_ENROLMENT_H
#define CLI_ENROLMENT_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * enrolment_pin() - keep the certificate of the CA whose verdicts count at this host's gate, in
 * STATE_DIR/verifier.pem
 * @certificate: DER, base64url
 *
 * Return: NULL, or the problem.
 */
json_t *enrolment_pin(const struct cli *cli, const char *certificate);

/** enrolment_save() - keep it. Return: NULL, or the problem */
json_t *enrolment_save(const struct cli *cli, const json_t *enrolment);

/**
 * enrolment_load() - read it
 * @ret: set on success, NULL where the host is not enrolled; the caller's
 *
 * Return: NULL, or the problem.
 */
json_t *enrolment_load(const struct cli *cli, json_t **ret);

#endif /* CLI_ENROLMENT_H */
