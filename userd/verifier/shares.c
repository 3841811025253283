// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handlers and a command: shares of hosts' root keys (share.h has the rules). They leave with an
 * answer to evidence alone (evidence.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "verifier/place.h"
#include "verifier/request.h"
#include "verifier/share.h"
#include "verifier/verifier.h"

/* POST /v1/hosts/{host}/share */

void shares_keep(struct request *request)
{
	struct service *service = request->service;
	struct fleet *fleet = service->fleet;
	struct attest_reason reason;
	struct share_row row;
	int64_t now = time(NULL);
	int r = share_look(fleet, request->host, &row);
	bool good;

	if (r == -ENOENT && !fleet_begin(fleet, true)) {
		request_note(&reason, ATTEST_UNKNOWN, "share.made", request->host,
			     "a share of the host's root key is kept here from now on");
		r = share_keep(fleet, service->ca, request->host, now);
		good = !r && !fleet_event_add(fleet, request->host, now, &reason);
		if (!request_end(request, good) && !r)
			r = -EIO;
	}
	if (r == -ENOENT)
		request_no_host(request, r);
	else if (r)
		request_broken(request);
	else
		request_answer(request, MHD_HTTP_OK, json_object());
}

/* DELETE /v1/hosts/{host}/share */

static int forget(struct fleet *fleet, const char *host, const char *by)
{
	struct attest_reason reason;
	int r;

	request_note(&reason, ATTEST_WARNING, "share.revoked", by,
		     "its share was revoked: once its vtpm-keyd ends it takes the recovery code");
	if (fleet_begin(fleet, true))
		return -EIO;
	r = share_revoke(fleet, host);
	if (!r)
		r = fleet_event_add(fleet, host, time(NULL), &reason);
	return fleet_end(fleet, !r) && !r ? -EIO : r;
}

void shares_revoke(struct request *request)
{
	struct service *service = request->service;
	int r = forget(service->fleet, request->host, request->pass.name);

	if (!r && service->notify)
		notify_wake(service->notify);
	if (r == -ENOENT)
		request_refuse(request, MHD_HTTP_NOT_FOUND, "not-found",
			       "there is no share of this host", "GET the host to see it");
	else if (r)
		request_broken(request);
	else
		request_answer(request, MHD_HTTP_OK, json_object());
}

/* vtpm-verify share show|revoke HOST */

static enum verifier_exit fail(const char *what, const char *why)
{
	fprintf(stderr, "vtpm-verify: share %s: %s\n", what, why);
	return VERIFIER_EXIT_USAGE;
}

static enum verifier_exit show(struct fleet *fleet, const char *host, bool json)
{
	struct share_row row;
	json_t *root;
	bool good;

	if (share_look(fleet, host, &row))
		return fail(host, "there is no share of a host with this id: see vtpm-verify "
				  "hosts");
	root = share_json(fleet, host);
	if (json) {
		good = root && !json_dumpf(root, stdout, JSON_INDENT(2)) && puts("") >= 0;
	} else {
		const char *released = json_string_value(json_object_get(root, "released"));

		good = printf("made:      %s\nreleased:  %s\nreleases:  %lld\n",
			      json_string_value(json_object_get(root, "made")),
			      released ? released : "-", (long long)row.releases) > 0;
	}
	json_decref(root);
	return good ? VERIFIER_EXIT_PASSED : fail(host, "it cannot be printed");
}

enum verifier_exit verifier_share(const struct verifier *verifier, const char *word)
{
	const char *host = verifier->words[2];
	enum verifier_exit status;
	struct fleet *fleet;
	struct config config;
	int r;

	if (strcmp(word, "show") && strcmp(word, "revoke"))
		return fail(word, "of a share there are \"show\" and \"revoke\"");
	status = place_config(verifier, &config);
	if (!status)
		status = place_fleet(&config, &fleet);
	if (status)
		return status;
	if (!strcmp(word, "show")) {
		status = show(fleet, host, verifier->json);
	} else {
		r = forget(fleet, host, "vtpm-verify share");
		if (r)
			status = fail(host, r == -ENOENT ? "there is no share of a host with this "
							   "id: see vtpm-verify hosts"
							 : "the store cannot be written: look at "
							   "its disk");
	}
	fleet_close(fleet);
	return status;
}

/* vtpm-verify hosts */

static void print_row(const json_t *host)
{
	const json_t *share = json_object_get(host, "share");
	const char *name = json_string_value(json_object_get(host, "name"));
	const char *last = json_string_value(json_object_get(share, "released"));

	/* hosts choose their names */
	printf("%-36s  %-7s  %-6s  %-20s  ", json_string_value(json_object_get(host, "id")),
	       json_string_value(json_object_get(host, "status")),
	       json_is_object(share) ? "kept" : "none", last ? last : "-");
	for (; name && *name; name++)
		putchar(*name >= ' ' && *name <= '~' ? *name : '?');
	putchar('\n');
}

enum verifier_exit verifier_hosts(const struct verifier *verifier, const char *word)
{
	enum verifier_exit status;
	struct fleet *fleet;
	struct config config;
	const json_t *host;
	json_t *hosts;
	size_t i;

	(void)word;
	status = place_config(verifier, &config);
	if (!status)
		status = place_fleet(&config, &fleet);
	if (status)
		return status;
	hosts = fleet_hosts_json(fleet, time(NULL));
	fleet_close(fleet);
	if (!hosts)
		return fail("hosts", "the store cannot be read");
	if (verifier->json && (json_dumpf(hosts, stdout, JSON_INDENT(2)) || puts("") < 0))
		status = fail("hosts", "they cannot be printed");
	if (!verifier->json)
		printf("%-36s  %-7s  %-6s  %-20s  %s\n", "HOST", "STATUS", "SHARE", "GIVEN OUT",
		       "NAME");
	json_array_foreach (hosts, i, host)
		if (!verifier->json)
			print_row(host);
	json_decref(hosts);
	return status;
}
