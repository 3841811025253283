// SPDX-License-Identifier: BSD-3-Clause
/*
 * The life of one request (api_private.h has its states).
 *
 * libmicrohttpd calls api_request_handle() with the head, with each piece of the body, at
 * the end of it, and again after each resume. While a connection is suspended
 * libmicrohttpd does not notice that the client went: @hangup does. A client that
 * only closed its sending side still gets its answer.
 */
#include "manager/api_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/cursor.h"
#include "manager/api_json.h"

#define NEXT_READ "see api.rst or openapi.yaml for what the API understands"

/* Answers */

static void unpend(struct api_request *request)
{
	if (request->state != API_PENDING)
		return;
	LIST_REMOVE(request, entry);
	request->hangup = sd_event_source_disable_unref(request->hangup);
	request->timeout = sd_event_source_disable_unref(request->timeout);
	if (request->is_wait)
		request->api->waits--;
}

static void resume(struct api_request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	request->api->resumed = true;
	MHD_resume_connection(request->connection);
}

static struct MHD_Response *make_response(json_t *body, const char *type)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : strdup("");
	struct MHD_Response *response;

	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	if (body)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return response;
}

static void answer(struct api_request *request, unsigned int status, json_t *body, const char *type)
{
	unpend(request);
	request->state = API_ANSWERED;
	request->status = status;
	request->response = body || status == MHD_HTTP_NO_CONTENT ? make_response(body, type)
								  : NULL;
	json_decref(body);
}

void api_request_answer(struct api_request *request, unsigned int status, json_t *body)
{
	answer(request, status, body, "application/json");
	resume(request);
}

void api_request_header(struct api_request *request, const char *name, const char *value)
{
	if (request->response)
		MHD_add_response_header(request->response, name, value);
}

void api_request_refuse(struct api_request *request, unsigned int status, const char *name,
			const char *detail, const char *next)
{
	answer(request, status, api_json_problem(status, name, detail, next),
	       "application/problem+json");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		api_request_header(request, MHD_HTTP_HEADER_ALLOW, request->allow);
	resume(request);
}

void api_request_fail(struct api_request *request, const struct problem *problem)
{
	api_request_refuse(request, problem_http_status(problem->code), problem_name(problem->code),
			   problem->detail, problem->next);
}

/* Pending ones */

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct api_request *request = userdata;

	(void)source;
	(void)fd;
	(void)events;
	manager_forget(request->api->manager, request);
	unpend(request);
	request->state = API_GONE;
	resume(request);
	return 0;
}

bool api_request_pend(struct api_request *request)
{
	/* HUP: both directions are closed. A half-closed client still listens. */
	if (sd_event_add_io(request->api->event, &request->hangup, request->peer->fd, EPOLLHUP,
			    on_hangup, request) < 0) {
		api_request_refuse(request, 500, "internal", "vtpmd has no memory for the request",
				   "try again later");
		return false;
	}
	request->state = API_PENDING;
	LIST_INSERT_HEAD(&request->api->pending, request, entry);
	return true;
}

void api_request_abandon(struct api_request *request)
{
	manager_forget(request->api->manager, request);
	unpend(request);
	request->state = API_GONE;
	resume(request);
}

/* Reading */

static struct api_request *begin(struct api *api, struct MHD_Connection *connection,
				 const char *method, const char *url)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct api_request *request;

	if (!info || !info->socket_context)
		return NULL;
	request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->api = api;
	request->connection = connection;
	request->peer = info->socket_context;
	request->route =
		api_route_find(method, url, request->name, request->allow, sizeof(request->allow));
	return request;
}

/* What is refused before its body was read; the connection ends with the answer. */
static void refuse_early(struct api_request *request)
{
	const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	size_t most = api_route_body_max(request->route);
	char detail[128];

	if (!request->peer->allowed) {
		snprintf(detail, sizeof(detail), "user %u may not manage the vTPMs of this host",
			 request->peer->uid);
		api_request_refuse(
			request, 403, "forbidden", detail,
			"ask as root, or have the user or a group of it named in vtpmd's "
			"configuration");
	} else if (length && strtoull(length, NULL, 10) > most) {
		snprintf(detail, sizeof(detail), "the body has %.20s bytes, %zu are the most",
			 length, most);
		api_request_refuse(request, 413, "too-large", detail, NEXT_READ);
	}
}

/* Beyond the limit bytes are counted and dropped, since the answer must wait for the end. */
static enum MHD_Result gather(struct api_request *request, const char *data, size_t size)
{
	size_t most = api_route_body_max(request->route);
	char *body;

	request->received += size;
	if (request->received > 16 * API_BODY_MAX)
		return MHD_NO;
	if (request->received > most)
		return MHD_YES;
	body = realloc(request->body, request->received);
	if (!body)
		return MHD_NO;
	request->body = body;
	cursor_copy(body + request->length, size, data, size);
	request->length = request->received;
	return MHD_YES;
}

static enum MHD_Result look_at_parameter(void *cls, enum MHD_ValueKind kind, const char *key,
					 const char *value)
{
	struct api_request *request = cls;
	struct problem problem;

	(void)kind;
	(void)value;
	if (request->route->query && !strcmp(key, request->route->query))
		return MHD_YES;
	problem_set(&problem, PROBLEM_INVALID, NEXT_READ, "parameter \"%.64s\" is unknown", key);
	api_request_fail(request, &problem);
	return MHD_NO;
}

static bool is_json(const char *type)
{
	size_t length = type ? strcspn(type, "; \t") : 0;

	return length == strlen("application/json") &&
	       !strncasecmp(type, "application/json", length);
}

static void look_at_body(struct api_request *request)
{
	const char *type = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_TYPE);

	size_t most = api_route_body_max(request->route);
	char detail[64];

	snprintf(detail, sizeof(detail), "the body has more than %zu bytes", most);
	if (request->received > most)
		api_request_refuse(request, 413, "too-large", detail, NEXT_READ);
	else if (request->received && !is_json(type))
		api_request_refuse(request, 415, "media-type", "the body is not application/json",
				   "send it with Content-Type: application/json");
}

static void dispatch(struct api_request *request)
{
	if (!request->route && !request->allow[0])
		api_request_refuse(request, 404, "not-found", "the API has no such path",
				   "GET /v1 says which ones it has");
	else if (!request->route)
		api_request_refuse(request, 405, "method-not-allowed",
				   "the resource has no such method",
				   "use one of those in the header Allow");
	if (request->state == API_READING)
		look_at_body(request);
	if (request->state == API_READING)
		MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND,
					  look_at_parameter, request);
	if (request->state == API_READING)
		request->route->handle(request);
}

static enum MHD_Result respond(struct api_request *request)
{
	if (!request->response)
		return MHD_NO;
	return MHD_queue_response(request->connection, request->status, request->response);
}

static enum MHD_Result proceed(struct api_request *request)
{
	switch (request->state) {
	case API_PENDING:
		if (!request->suspended)
			MHD_suspend_connection(request->connection);
		request->suspended = true;
		return MHD_YES;
	case API_ANSWERED:
		return respond(request);
	default:
		return MHD_NO;
	}
}

enum MHD_Result api_request_handle(void *cls, struct MHD_Connection *connection, const char *url,
				   const char *method, const char *version, const char *data,
				   size_t *data_size, void **con_cls)
{
	struct api_request *request = *con_cls;
	enum MHD_Result result;

	(void)version;
	if (!request) {
		request = begin(cls, connection, method, url);
		*con_cls = request;
		if (!request)
			return MHD_NO;
		refuse_early(request);
		return request->state == API_READING ? MHD_YES : respond(request);
	}
	if (*data_size) {
		result = gather(request, data, *data_size);
		*data_size = 0;
		return result;
	}
	if (request->state == API_READING) {
		api_peer_expect(request->peer, false);
		dispatch(request);
	}
	return proceed(request);
}

void api_request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			   enum MHD_RequestTerminationCode code)
{
	struct api_request *request = *con_cls;

	(void)cls;
	(void)connection;
	if (!request)
		return;
	if (request->state == API_PENDING) {
		manager_forget(request->api->manager, request);
		unpend(request);
	}
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		api_peer_expect(request->peer, true);
	if (request->response)
		MHD_destroy_response(request->response);
	free(request->body);
	free(request);
	*con_cls = NULL;
}
