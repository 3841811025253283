// SPDX-License-Identifier: BSD-3-Clause
/*
 * What can be asked: one table of methods and paths, one function each.
 *
 * A handler either answers at once, or makes the request pending and asks the
 * manager; the done functions answer then. They are not called for a request that was
 * forgotten, so a request they get is alive.
 */
#include "manager/api_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "manager/api_json.h"

/* Answers that several routes give */

static void answer_vtpm(struct api_request *request, unsigned int status)
{
	struct problem problem;
	struct vtpm_view view;

	if (manager_view(request->api->manager, request->name, &view)) {
		api_request_answer(request, status, api_json_vtpm(&view));
		return;
	}
	problem_set(&problem, PROBLEM_NOT_FOUND, "`vtpmctl list` says which ones there are",
		    "there is no vTPM '%s'", request->name);
	api_request_fail(request, &problem);
}

static void answer_host(struct api_request *request)
{
	struct manager_host host;

	manager_host(request->api->manager, &host);
	api_request_answer(request, 200, api_json_host(&host));
}

static void vtpm_done(void *context, const struct problem *problem)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		answer_vtpm(request, 200);
}

static void host_done(void *context, const struct problem *problem)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		answer_host(request);
}

/* A request without members may have an empty body, or none. */
static bool has_nothing(struct api_request *request)
{
	struct problem problem;

	if (api_json_nothing(request->body, request->length, &problem))
		return true;
	api_request_fail(request, &problem);
	return false;
}

/* /v1 */

static void get_root(struct api_request *request)
{
	json_t *links, *root;

	if (!has_nothing(request))
		return;
	links = json_pack("{s:s, s:s, s:s}", "self", "/v1", "host", "/v1/host", "vtpms",
			  "/v1/vtpms");
	root = json_pack("{s:s, s:[s], s:o}", "daemon", "vtpmd", "versions", "v1", "links", links);
	api_request_answer(request, 200, root);
}

/* /v1/host */

static void get_host(struct api_request *request)
{
	if (has_nothing(request))
		answer_host(request);
}

static void post_host_init(struct api_request *request)
{
	struct manager_host_init what;
	struct problem problem;

	if (!api_json_host_init(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_host_init(request->api->manager, &what, host_done, request);
}

static void post_host_unlock(struct api_request *request)
{
	struct manager_host_unlock what;
	struct problem problem;

	if (!api_json_unlock(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_host_unlock(request->api->manager, &what, host_done, request);
}

static void post_host_migration_key(struct api_request *request)
{
	struct manager_host_unlock what;
	struct problem problem;

	if (!api_json_box(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_host_migration_key(request->api->manager, what.box, what.box_length,
					   host_done, request);
}

static void post_host_accept(struct api_request *request)
{
	struct manager_host_accept what;
	struct problem problem;

	if (!api_json_accept(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_host_accept(request->api->manager, &what, host_done, request);
}

static void post_host_rollback(struct api_request *request)
{
	struct manager_host_rollback what;
	struct problem problem;

	if (!api_json_rollback(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_host_rollback(request->api->manager, &what, host_done, request);
}

static void post_host_upgrade(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_host_upgrade(request->api->manager, host_done, request);
}

static void recovery_done(void *context, const struct problem *problem, const uint8_t *record,
			  size_t length, const uint8_t *session)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200, api_json_recovery(record, length, session));
}

static void get_host_recovery(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_recovery(request->api->manager, recovery_done, request);
}

static void identity_done(void *context, const struct problem *problem,
			  const struct manager_identity *identity)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200, api_json_identity(identity));
}

static void get_host_identity(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_identity(request->api->manager, identity_done, request);
}

static void quote_done(void *context, const struct problem *problem,
		       const struct manager_quote *quote)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200, api_json_quote(quote));
}

static void post_host_quote(struct api_request *request)
{
	struct manager_quote_wish what;
	struct problem problem;

	if (!api_json_quote_wish(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_quote(request->api->manager, &what, quote_done, request);
}

static void credential_done(void *context, const struct problem *problem,
			    struct manager_bytes proof)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200, api_json_proof(proof));
}

static void post_host_activate(struct api_request *request)
{
	struct manager_credential what;
	struct problem problem;

	if (!api_json_credential(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_activate(request->api->manager, &what, credential_done, request);
}

/* /v1/vtpms */

static void add_vtpm(void *context, const struct vtpm_view *view)
{
	json_t **array = context;

	/* One that is missing from the list would be taken for one that is not there. */
	if (*array && json_array_append_new(*array, api_json_vtpm(view))) {
		json_decref(*array);
		*array = NULL;
	}
}

static void get_vtpms(struct api_request *request)
{
	json_t *array;

	if (!has_nothing(request))
		return;
	array = json_array();
	manager_each(request->api->manager, add_vtpm, &array);
	api_request_answer(request, 200, array ? json_pack("{s:o}", "vtpms", array) : NULL);
}

static void create_done(void *context, const struct problem *problem)
{
	struct api_request *request = context;
	char location[32 + VTPM_NAME_SIZE];

	if (problem) {
		api_request_fail(request, problem);
		return;
	}
	answer_vtpm(request, 201);
	snprintf(location, sizeof(location), "/v1/vtpms/%s", request->name);
	if (request->status == 201)
		api_request_header(request, "Location", location);
}

static void post_vtpms(struct api_request *request)
{
	struct manager_create what = { .uid = request->peer->uid, .gid = request->peer->gid };
	struct problem problem;

	if (!api_json_create(&what, request->body, request->length, &problem)) {
		api_request_fail(request, &problem);
		return;
	}
	cursor_copy(request->name, sizeof(request->name), what.name, sizeof(what.name));
	if (api_request_pend(request))
		manager_create(request->api->manager, &what, create_done, request);
}

/* /v1/vtpms/{name} */

static void get_vtpm(struct api_request *request)
{
	if (has_nothing(request))
		answer_vtpm(request, 200);
}

static void remove_done(void *context, const struct problem *problem)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 204, NULL);
}

static void delete_vtpm(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_remove(request->api->manager, request->name, remove_done, request);
}

static void post_start(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_start(request->api->manager, request->name, vtpm_done, request);
}

static void post_stop(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_stop(request->api->manager, request->name, vtpm_done, request);
}

static void post_reset(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend(request))
		manager_reset(request->api->manager, request->name, vtpm_done, request);
}

static void post_launch(struct api_request *request)
{
	struct manager_launch what = { .uid = request->peer->uid };
	struct problem problem;

	if (!api_json_launch(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_launch(request->api->manager, request->name, &what, vtpm_done, request);
}

static void attest_done(void *context, const struct problem *problem,
			const struct manager_attested *attested)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200, api_json_attested(attested));
}

static void post_attest(struct api_request *request)
{
	struct manager_attest_wish what;
	struct problem problem;

	if (!api_json_attest_wish(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_attest(request->api->manager, request->name, &what, attest_done, request);
}

/* One that was powered on without a launch has an empty log. */
static void get_log(struct api_request *request)
{
	char path[VTPM_PATH_SIZE];
	json_t *log;

	if (!has_nothing(request))
		return;
	if (!manager_log_path(request->api->manager, request->name, path, sizeof(path))) {
		answer_vtpm(request, 200);
		return;
	}
	log = json_load_file(path, 0, NULL);
	api_request_answer(request, 200, log ? log : json_array());
}

static void answer_papers(struct api_request *request, unsigned int status)
{
	struct manager_papers papers;
	struct problem problem;

	if (manager_papers(request->api->manager, request->name, &papers, &problem))
		api_request_answer(request, status, api_json_papers(&papers));
	else
		api_request_fail(request, &problem);
}

static void papers_done(void *context, const struct problem *problem)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		answer_papers(request, 200);
}

static void get_certificates(struct api_request *request)
{
	if (has_nothing(request))
		answer_papers(request, 200);
}

/* No key means every one. */
static uint32_t kinds(const struct manager_certificate *what)
{
	return what->kind == _KEYD_CERT_KIND_MAX ? PAPER_ALL : 1u << what->kind;
}

static void post_certificates_renew(struct api_request *request)
{
	struct manager_certificate what = { .kind = _KEYD_CERT_KIND_MAX };
	struct problem problem;

	if (!api_json_key(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_certify_renew(request->api->manager, request->name, kinds(&what),
				      papers_done, request);
}

static void post_certificates_replace(struct api_request *request)
{
	struct manager_certificate what = { 0 };
	struct problem problem;

	cursor_copy(what.name, sizeof(what.name), request->name, sizeof(request->name));
	if (!api_json_certificate(&what, request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_certify_replace(request->api->manager, &what, papers_done, request);
}

static bool parse_seconds(struct api_request *request, unsigned int *ret)
{
	const char *text = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND,
						       request->route->query);
	struct problem problem;
	unsigned long value;

	*ret = API_WAIT_SECONDS_UNSET;
	if (!text)
		return true;
	value = strlen(text) <= 3 && !text[strspn(text, "0123456789")] ? strtoul(text, NULL, 10)
								       : 0;
	if (value >= 1 && value <= API_WAIT_SECONDS_MAX) {
		*ret = (unsigned int)value;
		return true;
	}
	problem_set(&problem, PROBLEM_INVALID, NULL,
		    "parameter \"timeout\" must be a number of seconds from 1 to %d",
		    API_WAIT_SECONDS_MAX);
	api_request_fail(request, &problem);
	return false;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct api_request *request = userdata;
	struct problem problem;

	(void)source;
	(void)usec;
	manager_forget(request->api->manager, request);
	problem_set(&problem, PROBLEM_TIMEOUT, "ask again, or look at its state",
		    "vTPM '%s' does not answer yet", request->name);
	api_request_fail(request, &problem);
	return 0;
}

bool api_request_pend_wait(struct api_request *request, sd_event_time_handler_t on_end)
{
	struct api *api = request->api;
	unsigned int seconds;

	if (!parse_seconds(request, &seconds))
		return false;
	if (api->waits >= API_WAITS_MAX) {
		api_request_refuse(request, 503, "busy", "too many clients wait already",
				   "ask again later");
		return false;
	}
	if (!api_request_pend(request))
		return false;
	request->is_wait = true;
	api->waits++;
	if (sd_event_add_time_relative(api->event, &request->timeout, CLOCK_MONOTONIC,
				       seconds * (uint64_t)1000000, 0, on_end, request) >= 0)
		return true;
	api_request_refuse(request, 500, "internal", "vtpmd has no memory for the request",
			   "try again later");
	return false;
}

static void get_wait(struct api_request *request)
{
	if (has_nothing(request) && api_request_pend_wait(request, on_timeout))
		manager_wait(request->api->manager, request->name, vtpm_done, request);
}

/* The table; openapi.yaml has the same one, a lint compares them. */
static const struct api_route routes[] = {
	{ "GET", "/v1", get_root, NULL },
	{ "GET", "/v1/gate", api_gate_show, NULL },
	{ "POST", "/v1/gate/break-glass", api_gate_break, NULL },
	{ "PUT", "/v1/gate/default", api_gate_default, NULL },
	{ "PUT", "/v1/gate/verdict", api_gate_verdict, NULL },
	{ "GET", "/v1/gate/wait", api_gate_wait, "timeout" },
	{ "GET", "/v1/host", get_host, NULL },
	{ "POST", "/v1/host/accept", post_host_accept, NULL },
	{ "POST", "/v1/host/rollback", post_host_rollback, NULL },
	{ "POST", "/v1/host/activate", post_host_activate, NULL },
	{ "GET", "/v1/host/ca", api_hostca_show, NULL },
	{ "POST", "/v1/host/ca/chain", api_hostca_chain, NULL },
	{ "POST", "/v1/host/ca/init", api_hostca_init, NULL },
	{ "POST", "/v1/host/ca/prove", api_hostca_prove, NULL },
	{ "POST", "/v1/host/ca/revoked", api_hostca_revoked, NULL },
	{ "GET", "/v1/host/identity", get_host_identity, NULL },
	{ "POST", "/v1/host/init", post_host_init, NULL },
	{ "GET", "/v1/host/move-key", api_move_key, NULL },
	{ "GET", "/v1/host/plans", api_plan_list, NULL },
	{ "POST", "/v1/host/plans", api_plan_add, NULL },
	{ "POST", "/v1/host/plans/retire", api_plan_retire, NULL },
	{ "POST", "/v1/host/quote", post_host_quote, NULL },
	{ "GET", "/v1/host/recovery", get_host_recovery, NULL },
	{ "POST", "/v1/host/share", api_share_open, NULL },
	{ "POST", "/v1/host/unlock", post_host_unlock, NULL },
	{ "POST", "/v1/host/upgrade", post_host_upgrade, NULL },
	{ "POST", "/v1/host/verifier", api_share_bind, NULL },
	{ "POST", "/v1/host/migration-key", post_host_migration_key, NULL },
	{ "POST", "/v1/imports", api_move_import, NULL },
	{ "GET", "/v1/vtpms", get_vtpms, NULL },
	{ "POST", "/v1/vtpms", post_vtpms, NULL },
	{ "GET", "/v1/vtpms/{name}", get_vtpm, NULL },
	{ "DELETE", "/v1/vtpms/{name}", delete_vtpm, NULL },
	{ "POST", "/v1/vtpms/{name}/attest", post_attest, NULL },
	{ "GET", "/v1/vtpms/{name}/certificates", get_certificates, NULL },
	{ "POST", "/v1/vtpms/{name}/certificates/renew", post_certificates_renew, NULL },
	{ "POST", "/v1/vtpms/{name}/certificates/replace", post_certificates_replace, NULL },
	{ "PUT", "/v1/vtpms/{name}/gate", api_gate_vtpm, NULL },
	{ "POST", "/v1/vtpms/{name}/export", api_move_export, NULL },
	{ "POST", "/v1/vtpms/{name}/launch", post_launch, NULL },
	{ "GET", "/v1/vtpms/{name}/log", get_log, NULL },
	{ "POST", "/v1/vtpms/{name}/start", post_start, NULL },
	{ "POST", "/v1/vtpms/{name}/stop", post_stop, NULL },
	{ "POST", "/v1/vtpms/{name}/reset", post_reset, NULL },
	{ "GET", "/v1/vtpms/{name}/wait", get_wait, "timeout" },
};

size_t api_route_body_max(const struct api_route *route)
{
	return route && route->handle == api_move_import ? API_PACKAGE_MAX : API_BODY_MAX;
}

bool api_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= VTPM_NAME_SIZE || name[0] == '.' || name[0] == '-' ||
	    !strncmp(name, "proxy-", strlen("proxy-")))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._-", name[i])))
			return false;
	return true;
}

static bool match(const char *pattern, const char *path, char *name)
{
	const char *hole = strstr(pattern, "{name}");
	char found[VTPM_NAME_SIZE];
	size_t before, length;

	if (!hole)
		return !strcmp(pattern, path);
	before = (size_t)(hole - pattern);
	if (strncmp(pattern, path, before))
		return false;
	path += before;
	length = strcspn(path, "/");
	if (strcmp(path + length, hole + strlen("{name}")) || length >= sizeof(found))
		return false;
	snprintf(found, sizeof(found), "%.*s", (int)length, path);
	return api_name_valid(found) && cursor_copy(name, VTPM_NAME_SIZE, found, length + 1);
}

const struct api_route *api_route_find(const char *method, const char *path, char *name,
				       char *allow, size_t room)
{
	const struct api_route *route, *found = NULL;
	size_t used = 0;
	bool is_get;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		route = &routes[i];
		if (!match(route->path, path, name))
			continue;
		is_get = !strcmp(route->method, "GET");
		if (!strcmp(route->method, method) || (is_get && !strcmp(method, "HEAD")))
			found = route;
		used += (size_t)snprintf(allow + used, room - used, "%s%s%s", used ? ", " : "",
					 route->method, is_get ? ", HEAD" : "");
	}
	return found;
}
