/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking a verifier (Documentation/verifier-api.yaml): HTTPS and nothing else, its certificate
 * checked, no redirect, no proxy.
 */
#ifndef CLI_VERIFIER_H
#define CLI_VERIFIER_H

#include <jansson.h>

#include "cli/cli.h"

/**
 * struct verifier_request - what to ask
 * @method: GET, POST or PUT
 * @url: of the verifier, of the scheme https
 * @path: below it
 * @body: object, or NULL; its reference is taken
 * @bearer: who asks; NULL for nobody
 * @ca: file with certificates of CAs to trust; NULL: those of the system
 */
struct verifier_request {
	const char *method;
	const char *url;
	const char *path;
	json_t *body;
	const char *bearer;
	const char *ca;
};

/**
 * verifier_ask() - ask, and wait for the answer
 * @ret: the answer, an object; the caller's
 *
 * Return: NULL, or the problem; "logs": the verifier does not know logs that were left out.
 */
json_t *verifier_ask(const struct verifier_request *request, json_t **ret);

/** verifier_strange() - the problem of an answer that nobody here understands */
json_t *verifier_strange(const char *url);

#endif /* CLI_VERIFIER_H */
