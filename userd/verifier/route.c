// SPDX-License-Identifier: BSD-3-Clause
/*
 * What can be asked, and by whom: one table. What is not in it is refused.
 */
#include "verifier/request.h"

#include <string.h>

#include "base/text.h"

#define BIT(role) (1u << (role))
#define HOST	  BIT(FLEET_HOST)
#define OPERATE	  (BIT(FLEET_OPERATOR) | BIT(FLEET_ADMIN))
#define VIEW	  (BIT(FLEET_VIEWER) | OPERATE)
#define ADMIN	  BIT(FLEET_ADMIN)
#define ANYBODY	  (~0u)
#define MARK	  "{host}"

static const struct route routes[] = {
	{ "GET", "/v1/hosts", VIEW, false, hosts_list },
	{ "POST", "/v1/hosts", ADMIN, false, hosts_add },
	{ "GET", "/v1/hosts/{host}", VIEW | HOST, false, hosts_get },
	{ "DELETE", "/v1/hosts/{host}", ADMIN, false, hosts_remove },
	{ "GET", "/v1/hosts/{host}/events", VIEW | HOST, false, hosts_events },
	{ "GET", "/v1/hosts/{host}/challenge", HOST, false, hosts_challenge },
	{ "POST", "/v1/hosts/{host}/evidence", HOST, true, evidence_take },
	{ "PUT", "/v1/hosts/{host}/facts", HOST, false, hosts_facts },
	{ "POST", "/v1/hosts/{host}/acknowledge", OPERATE, false, hosts_acknowledge },
	{ "GET", "/v1/hosts/{host}/ca", HOST, false, authority_ask },
	{ "POST", "/v1/hosts/{host}/ca", HOST, false, authority_certify },
	{ "POST", "/v1/hosts/{host}/revocations", HOST | ADMIN, false, authority_revocations },
	{ "POST", "/v1/hosts/{host}/share", HOST, false, shares_keep },
	{ "DELETE", "/v1/hosts/{host}/share", ADMIN, false, shares_revoke },
	{ "GET", "/v1/crl", ANYBODY, false, authority_list },
	{ "GET", "/v1/events", VIEW, false, events_list },
	{ "POST", "/v1/grants", ADMIN, false, passes_add },
	{ "DELETE", "/v1/grants", ADMIN, false, passes_remove },
	{ "POST", "/v1/eks", ADMIN, false, enrol_list },
	{ "POST", "/v1/enrol/begin", ANYBODY, false, enrol_begin },
	{ "POST", "/v1/enrol/finish", ANYBODY, false, enrol_finish },
	{ "POST", "/v1/enrol/unverifiable", ANYBODY, false, enrol_unverifiable },
	{ "GET", "/report", VIEW, false, report_get },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* An id is 36 digits and dashes; what else a path has there is no host. */
static size_t id_length(const char *path)
{
	return strspn(path, "0123456789abcdef-");
}

static bool is_path(const char *like, const char *path, char ret_host[STANDING_ID])
{
	const char *mark = strstr(like, MARK);
	size_t before = mark ? (size_t)(mark - like) : strlen(like);

	ret_host[0] = '\0';
	if (strncmp(like, path, before) != 0)
		return false;
	if (!mark)
		return !path[before];
	if (id_length(path + before) != STANDING_ID - 1)
		return false;
	text_cut(ret_host, STANDING_ID, path + before);
	return !strcmp(mark + strlen(MARK), path + before + STANDING_ID - 1);
}

const struct route *route_find(const char *method, const char *path, char ret_host[STANDING_ID],
			       bool *ret_path)
{
	*ret_path = false;
	for (size_t i = 0; i < ROUTES; i++) {
		if (!is_path(routes[i].path, path, ret_host))
			continue;
		*ret_path = true;
		if (!strcmp(routes[i].method, method))
			return &routes[i];
	}
	return NULL;
}

const struct route *route_each(size_t index)
{
	return index < ROUTES ? &routes[index] : NULL;
}

bool route_may(const struct route *route, const struct fleet_pass *pass, const char *host)
{
	if (route->roles == ANYBODY)
		return true;
	if (!(route->roles & BIT(pass->role)))
		return false;
	return pass->role != FLEET_HOST || (*host && !strcmp(pass->name, host));
}
