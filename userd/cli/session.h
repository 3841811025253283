/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vtpm-keyd's session key, and boxes to it: how a secret reaches keyd through a daemon that
 * shall not see it.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <jansson.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "wire/ipc_keyd.h"

/**
 * struct session - answer of GET /v1/host/recovery
 * @point: keyd's session public key; another one after each start of keyd
 * @record: recovery record
 * @record_length: bytes of it, 0: there is none
 */
struct session {
	uint8_t point[KEYD_POINT_SIZE];
	uint8_t record[KEYD_BOX_MAX];
	size_t record_length;
};

/** session_get() - ask for it. Return: NULL, or the problem */
json_t *session_get(const struct cli *cli, struct session *ret);

/**
 * session_box() - box a secret
 * @session: to whom
 * @label: what it is, BOX_OWNER or BOX_ROOT
 * @text: the secret
 * @ret_box: box, as the API takes it
 *
 * Return: NULL, or the problem.
 */
json_t *session_box(const struct session *session, const char *label, struct seal_bytes text,
		    json_t **ret_box);

/**
 * cli_host_root() - have the recovery code typed, three times at most
 * @secrets: code's private half and host root key, set on success
 *
 * Return: NULL, or the problem.
 */
json_t *cli_host_root(const struct cli *cli, const struct session *session,
		      struct secrets *secrets);

/** session_hex() - bytes as the API takes them */
json_t *session_hex(const uint8_t *bytes, size_t length);

#endif /* CLI_SESSION_H */
