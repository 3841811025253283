/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking vtpmd: one request, one answer, over its Unix socket.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/cli.h"

/**
 * struct client_request - what to ask
 * @method: GET, POST, PUT or DELETE
 * @path: below the socket, with its query
 * @body: object, or NULL; its reference is taken
 * @seconds: how long to wait for the answer; 0 for CLIENT_SECONDS
 * @doing: what to tell a person who waits at a terminal; NULL for nothing
 */
struct client_request {
	const char *method;
	const char *path;
	json_t *body;
	unsigned int seconds;
	const char *doing;
};

/** define CLIENT_SECONDS - longer than anything vtpmd does without saying that it takes long */
#define CLIENT_SECONDS 300

/**
 * client_ask() - ask, and wait for the answer
 * @cli: where vtpmd is
 * @request: what to ask
 * @ret_body: what was answered, NULL for an empty answer
 * @ret_problem: why it was not done; for report()
 * @ret_unknown: nobody can say whether it was done: the answer did not come; may be NULL
 *
 * Return: true where vtpmd says that it was done. Either of @ret_body and @ret_problem is
 * set, and owned by the caller.
 */
bool client_ask(const struct cli *cli, const struct client_request *request, json_t **ret_body,
		json_t **ret_problem, bool *ret_unknown);

#endif /* CLI_CLIENT_H */
