// SPDX-License-Identifier: BSD-3-Clause
/*
 * Members of one object into another; see the header.
 */
#include "verifier/join.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "attest/bundle.h"
#include "base/cleanup.h"
#include "verifier/verifier.h"

static void freep(char **bytes)
{
	free(*bytes);
}

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static int refuse(struct attest_verdict *verdict, const char *sentence)
{
	return attest_verdict_malformed(verdict, "bundle.invalid", 0, 0, "%s", sentence);
}

int join_host(const char *path, struct attest_verdict *verdict, char **text, size_t *length)
{
	_cleanup_(json_putp) json_t *vtpm = NULL;
	_cleanup_(json_putp) json_t *host = NULL;
	_cleanup_(freep) char *bytes = NULL;
	json_t *deep, *below;
	char *joined;
	size_t size;
	int r;

	vtpm = json_loadb(*text, *length, JSON_REJECT_DUPLICATES, NULL);
	deep = json_object_get(vtpm, "deep");
	below = json_object_get(deep, "host");
	if (!below)
		return refuse(verdict, "--host: the bundle is no JSON, or no host vouches in it");
	r = verifier_file_read(path, BUNDLE_BYTES_MAX, "bundle.missing", verdict, &bytes, &size);
	if (r)
		return r;
	host = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(host))
		return refuse(verdict, "--host: what is in the file is no bundle");
	if (json_object_set(host, "quote", json_object_get(below, "quote")) ||
	    json_object_set(host, "nonce", json_object_get(below, "nonce")) ||
	    json_object_set(deep, "host", host))
		return refuse(verdict, "--host: the bundle lacks the host's quote or nonce");
	joined = json_dumps(vtpm, JSON_COMPACT);
	if (!joined)
		return -ENOMEM;
	free(*text);
	*text = joined;
	*length = strlen(joined);
	return 0;
}
