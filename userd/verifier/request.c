// SPDX-License-Identifier: BSD-3-Clause
/*
 * The life of one request: head, body, answer.
 */
#include "verifier/request.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/cursor.h"

#define BEARER	   "Bearer "
#define FIRST_ROOM 4096
#define TYPE	   "urn:vtpm-verify:problem:"
#define NEXT_READ  "see verifier.rst or verifier-api.yaml for what the service understands"

/* Answers */

static void answer(struct request *request, unsigned int status, const char *type, char *text,
		   size_t length)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(text);
		return;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	/* What a page cannot say of itself: nobody shows it as a part of his own. */
	MHD_add_response_header(response, "Content-Security-Policy", "frame-ancestors 'none'");
	request->answer = response;
	request->status = status;
}

static void answer_json(struct request *request, unsigned int status, const char *type,
			json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (text)
		answer(request, status, type, text, strlen(text));
}

void request_answer(struct request *request, unsigned int status, json_t *body)
{
	answer_json(request, status, "application/json", body);
}

void request_answer_text(struct request *request, const char *type, char *text, size_t length)
{
	answer(request, MHD_HTTP_OK, type, text, length);
}

void request_refuse(struct request *request, unsigned int status, const char *name,
		    const char *detail, const char *next)
{
	char type[64];

	snprintf(type, sizeof(type), TYPE "%s", name);
	answer_json(request, status, "application/problem+json",
		    json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title",
			      MHD_get_reason_phrase_for(status), "status", (int)status, "detail",
			      detail, "next", next));
}

void request_broken(struct request *request)
{
	request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "storage",
		       "the store cannot be read or written, so nothing is said",
		       "look at the disk of the verifier, and try again");
}

json_t *request_object(struct request *request, const char *const *names)
{
	json_t *root = json_loadb(request->body ? request->body : "", request->length,
				  JSON_REJECT_DUPLICATES, NULL);
	size_t known = 0;

	for (size_t i = 0; names[i]; i++)
		known += json_object_get(root, names[i]) ? 1 : 0;
	if (json_is_object(root) && known == json_object_size(root))
		return root;
	json_decref(root);
	request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
		       "the body is no JSON object, or has members that are not known",
		       NEXT_READ);
	return NULL;
}

/* Who asks */

static void who_by_certificate(struct request *request, int64_t now)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *list;
	unsigned int count = 0;

	if (!info || !info->tls_session)
		return;
	/* The handshake proved that the peer has its key; that it is ours, the hash says. */
	list = gnutls_certificate_get_peers(info->tls_session, &count);
	if (list && count)
		fleet_pass_get(request->service->fleet, list[0].data, list[0].size, now,
			       &request->pass);
}

static void who(struct request *request)
{
	const char *bearer = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_AUTHORIZATION);
	int64_t now = time(NULL);

	if (!bearer) {
		who_by_certificate(request, now);
	} else if (!strncasecmp(bearer, BEARER, strlen(BEARER))) {
		bearer += strlen(BEARER);
		fleet_pass_get(request->service->fleet, bearer, strlen(bearer), now,
			       &request->pass);
	}
	/* A token for one enrolment is no key to anything else. */
	if (request->pass.role == FLEET_ENROL)
		request->pass.role = FLEET_NOBODY;
}

static void look_at_head(struct request *request, const char *method, const char *url)
{
	bool path;

	request->route = route_find(method, url, request->host, &path);
	who(request);
	if (request->route && route_may(request->route, &request->pass, request->host))
		return;
	if (request->pass.role == FLEET_NOBODY)
		request_refuse(request, MHD_HTTP_UNAUTHORIZED, "unauthorized",
			       "no bearer or certificate that is known here was shown",
			       "have an administrator grant one");
	else if (request->route)
		request_refuse(request, MHD_HTTP_FORBIDDEN, "forbidden",
			       "your role may not ask this, or not about this host",
			       "ask somebody who may");
	else if (path)
		request_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "method-not-allowed",
			       "the resource has no such method", NEXT_READ);
	else
		request_refuse(request, MHD_HTTP_NOT_FOUND, "not-found", "there is no such path",
			       NEXT_READ);
}

/* The body */

static size_t most(const struct request *request)
{
	return request->route->large ? (size_t)request->service->config->evidence << 10
				     : SERVICE_BODY_MAX;
}

/* What is too long is counted no further and dropped: the answer has to wait for the end. */
static enum MHD_Result gather(struct request *request, const char *data, size_t size)
{
	size_t room = request->room ? request->room : FIRST_ROOM;
	char *larger;

	if (request->too_long || size > most(request) - request->length) {
		request->too_long = true;
		return MHD_YES;
	}
	while (room < request->length + size)
		room *= 2;
	if (room != request->room) {
		if (request->service->bodies + room - request->room > SERVICE_BODIES_MAX)
			return MHD_NO;
		larger = realloc(request->body, room);
		if (!larger)
			return MHD_NO;
		request->service->bodies += room - request->room;
		request->body = larger;
		request->room = room;
	}
	cursor_copy(request->body + request->length, room - request->length, data, size);
	request->length += size;
	return MHD_YES;
}

static void handle(struct request *request)
{
	if (request->too_long)
		request_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
			       "the body is larger than this verifier takes",
			       "ask its administrator about \"evidence\" of its configuration");
	else
		request->route->handle(request);
}

/* By the thread of sync.c, while libmicrohttpd leaves the connection alone. */
static void on_synced(struct sync_waiter *waiter, bool good)
{
	struct request *request =
		(struct request *)(void *)((char *)waiter - offsetof(struct request, waiter));

	request->durable = false;
	request->lost = !good;
	MHD_resume_connection(request->connection);
}

/* libmicrohttpd comes again when it is on the disk, with the answer that was made before. */
static enum MHD_Result wait_for_disk(struct request *request)
{
	request->waiter.done = on_synced;
	MHD_suspend_connection(request->connection);
	sync_wait(request->service->sync, &request->waiter);
	return MHD_YES;
}

static void take_back(struct request *request)
{
	MHD_destroy_response(request->answer);
	request->answer = NULL;
	request->lost = false;
	request_broken(request);
}

static enum MHD_Result respond(struct request *request)
{
	if (request->durable)
		return wait_for_disk(request);
	if (request->lost)
		take_back(request);
	if (!request->answer)
		return MHD_NO;
	return MHD_queue_response(request->connection, request->status, request->answer);
}

enum MHD_Result request_run(void *cls, struct MHD_Connection *connection, const char *url,
			    const char *method, const char *version, const char *data,
			    size_t *size, void **context)
{
	struct request *request = *context;
	enum MHD_Result result;

	(void)version;
	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		*context = request;
		request->service = cls;
		request->connection = connection;
		look_at_head(request, method, url);
		return request->status ? respond(request) : MHD_YES;
	}
	if (*size) {
		result = gather(request, data, *size);
		*size = 0;
		return result;
	}
	if (!request->status)
		handle(request);
	return respond(request);
}

void request_done(void *cls, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;

	(void)cls;
	(void)connection;
	(void)code;
	if (!request)
		return;
	request->service->bodies -= request->room;
	if (request->answer)
		MHD_destroy_response(request->answer);
	free(request->body);
	free(request);
	*context = NULL;
}
