// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz requests to the verifier's service, from the route on: the input is a digit for who asks
 * (enum fleet_role), "METHOD PATH", a newline and the body. There is a host, a key that an
 * administrator vouches for and a token, all of them in a store that each request finds as it
 * was. Each is answered, none breaks the store, and nobody does what the table gives to others.
 * By a token alone nobody becomes a host: what opens the credential is in no input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/public.h"
#include "base/cursor.h"
#include "base/text.h"
#include "verifier/request.h"

#define HOST  "6f1f0b50-0000-4000-8000-000000000001"
#define TOKEN "token"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* TPM2B_PUBLIC of a P-256 endorsement key of no TPM: the base point of the curve. */
static const uint8_t ek[] = {
	0x00, 0x5a, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x00, 0x00, 0x06, 0x00,
	0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, 0x6b, 0x17, 0xd1, 0xf2,
	0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
	0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x00, 0x20,
	0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
	0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf,
	0x51, 0xf5,
};
static struct config config = { .name = "v", .valid = 60, .deadline = 60, .evidence = 64 };
static struct service service = { .config = &config };

static void must(bool good)
{
	if (!good)
		abort();
}

static void open_fleet(void)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char folder[] = "/dev/shm/fuzz_request.XXXXXX", path[64], reason[128];

	must(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fleet.db", folder);
	must(!fleet_open(path, reason, sizeof(reason), &service.fleet));
	/* It is gone when the process is. */
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s/fleet.db%s", folder, ends[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void renew_enrolments(void)
{
	char reason[128];

	enrolments_free(service.enrolments);
	must(!enrolments_new(&config, reason, sizeof(reason), &service.enrolments));
}

static void begin(void)
{
	const struct fleet_pass token = { FLEET_ENROL, "" };
	const struct fleet_keys keys = { 0 };
	struct standing standing;
	struct public_name name;
	struct public public;

	open_fleet();
	must(!judge_init(&service.judge, 1 << 16));
	service.challenges = challenges_new();
	service.authorities = challenges_new();
	must(service.challenges && service.authorities && public_parse(&public, ek, sizeof(ek)));
	public_name(&public, service.judge.hash, &name);
	standing_new(&standing, HOST, "host");
	must(!fleet_host_add(service.fleet, &standing, &keys) &&
	     !fleet_pass_add(service.fleet, TOKEN, strlen(TOKEN), &token, 0) &&
	     !fleet_ek_add(service.fleet, name.bytes, name.size));
	renew_enrolments();
}

static void ask(struct request *request, const char *method, const char *path)
{
	bool is_path;

	request->route = route_find(method, path, request->host, &is_path);
	must(!request->route || is_path);
	if (!request->route || !route_may(request->route, &request->pass, request->host))
		return;
	must(request->pass.role != FLEET_HOST || !*request->host ||
	     !strcmp(request->host, HOST));
	request->route->handle(request);
	must(request->answer && request->status >= MHD_HTTP_OK &&
	     request->status != MHD_HTTP_INTERNAL_SERVER_ERROR);
	/* What only the real TPM can do, and only an administrator may */
	must(request->route->handle != enrol_finish || request->status != MHD_HTTP_OK);
	must(request->pass.role == FLEET_ADMIN ||
	     (request->route->handle != passes_add && request->route->handle != enrol_list));
	if (request->route->handle == enrol_begin && request->status == MHD_HTTP_OK)
		renew_enrolments();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *newline = memchr(data, '\n', size), *space;
	struct request request = { .service = &service };
	char *line, *path;

	if (!service.fleet)
		begin();
	if (!newline || newline == text || text[0] < '0' || text[0] >= '0' + _FLEET_ROLE_MAX)
		return 0;
	request.pass.role = (enum fleet_role)(text[0] - '0');
	text_cut(request.pass.name, sizeof(request.pass.name), HOST);
	line = strndup(text + 1, (size_t)(newline - text - 1));
	space = strchr(line, ' ');
	path = space ? line + (space - line) + 1 : line;
	if (space)
		path[-1] = '\0';
	request.length = (size_t)(text + size - newline - 1);
	request.body = request.length ? malloc(request.length) : NULL;
	must(!request.length ||
	     cursor_copy(request.body, request.length, newline + 1, request.length));
	must(!fleet_begin(service.fleet, false));
	ask(&request, line, path);
	fleet_end(service.fleet, false);
	challenge_forget(service.challenges, HOST);
	challenge_forget(service.authorities, HOST);
	if (request.answer)
		MHD_destroy_response(request.answer);
	free(request.body);
	free(line);
	return 0;
}
