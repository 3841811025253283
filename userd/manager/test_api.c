// SPDX-License-Identifier: BSD-3-Clause
/*
 * The API over a manager that only pretends, with clients that behave badly.
 */
#include "manager/test_api.h"

/* Resources */

static void test_api_root(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1", NULL), 200);
	assert_string_equal(text("daemon"), "vtpmd");
	assert_non_null(strstr(f.answer, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(f.answer, "Cache-Control: no-store\r\n"));
}

static void test_api_head(void **state)
{
	(void)state;
	assert_int_equal(ask("HEAD", "/v1", NULL), 200);
	assert_null(f.body);
}

static void test_api_create_view(void **state)
{
	const char *const members[] = {
		"name",	      "uuid",	  "state",	   "phase",
		"reason",     "front_end", "devices",	   "socket",
		"owner",      "group",	  "mode",	   "pcr_banks",
		"engine_pid", "generation", "epoch",	   "instance",
		"created",    "protection", "engine_deaths", "hardware_protected",
		"rollback_protection", "control_socket", "plain_state", "certificate",
	};

	(void)state;
	assert_int_equal(ask("POST", "/v1/vtpms",
			     "{\"name\": \"demo\", \"owner\": 1000, \"group\": 100, "
			     "\"mode\": \"0660\", \"pcr_banks\": [\"sha256\", \"sha384\"]}"),
			 201);
	assert_non_null(strstr(f.answer, "Location: /v1/vtpms/demo\r\n"));
	assert_int_equal(ask("GET", "/v1/vtpms/demo", NULL), 200);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert_non_null(json_object_get(f.body, members[i]));
	assert_int_equal(json_object_size(f.body), sizeof(members) / sizeof(members[0]));
	assert_string_equal(text("uuid"), "01234567-89ab-4def-8000-000000000000");
	assert_string_equal(text("state"), "running");
	assert_string_equal(text("phase"), "serving");
	assert_string_equal(text("front_end"), "device");
	assert_string_equal(text("mode"), "0660");
	assert_string_equal(text("instance"), "feedfacecafebeef");
	assert_string_equal(text("created"), "2023-11-14T22:13:20Z");
	assert_string_equal(text("protection"), "hardware");
	assert_int_equal(number("owner"), 1000);
	assert_int_equal(number("group"), 100);
	assert_int_equal(number("engine_pid"), 4242);
	assert_int_equal(json_array_size(json_object_get(f.body, "pcr_banks")), 2);
	assert_int_equal(json_array_size(json_object_get(f.body, "devices")), 2);
	assert_true(json_is_null(json_object_get(f.body, "socket")));
	assert_true(json_is_null(json_object_get(f.body, "reason")));
}

static void test_api_certificates(void **state)
{
	static const struct {
		const char *path;
		const char *body;
	} bad[] = {
		{ "renew", "{\"key\": \"ek\"}" },
		{ "renew", "{\"certificate\": \"30\"}" },
		{ "replace", "{\"key\": \"iak\"}" },
		{ "replace", "{\"key\": \"iak\", \"certificate\": \"\"}" },
		{ "replace", "{\"key\": \"iak\", \"certificate\": \"3g\"}" },
	};
	const json_t *all, *iak;
	char path[64];

	(void)state;
	assert_int_equal(ask("POST", "/v1/vtpms", "{\"name\": \"demo\"}"), 201);
	assert_int_equal(ask("GET", "/v1/vtpms/demo/certificates", NULL), 200);
	all = json_object_get(f.body, "certificates");
	assert_int_equal(json_array_size(all), 4);
	iak = json_array_get(all, 3);
	assert_string_equal(json_string_value(json_object_get(iak, "key")), "iak");
	assert_string_equal(json_string_value(json_object_get(iak, "status")), "issued");
	assert_string_equal(json_string_value(json_object_get(iak, "certificate")), "3082");
	assert_string_equal(json_string_value(json_object_get(iak, "source")), "host CA");
	assert_true(json_is_null(json_object_get(json_array_get(all, 0), "certificate")));
	assert_int_equal(ask("POST", "/v1/vtpms/demo/certificates/renew", "{}"), 200);
	assert_int_equal(f.fake.renewed, 0x1e);
	assert_int_equal(ask("POST", "/v1/vtpms/demo/certificates/renew", "{\"key\": \"iak\"}"),
			 200);
	assert_int_equal(f.fake.renewed, 0x10);
	assert_int_equal(ask("POST", "/v1/vtpms/demo/certificates/replace",
			     "{\"key\": \"ek-p384\", \"certificate\": \"30aB\"}"),
			 200);
	assert_string_equal(f.fake.replaced.name, "demo");
	assert_int_equal(f.fake.replaced.kind, KEYD_CERT_EK_P384);
	assert_int_equal(f.fake.replaced.length, 2);
	assert_int_equal(f.fake.replaced.der[1], 0xab);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(path, sizeof(path), "/v1/vtpms/demo/certificates/%s", bad[i].path);
		assert_int_equal(ask("POST", path, bad[i].body), 400);
		assert_problem("invalid");
	}
	assert_int_equal(ask("GET", "/v1/vtpms/gone/certificates", NULL), 404);
}

static void test_api_create_plain_state(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/v1/vtpms", "{\"name\": \"d\", \"plain_state\": true}"), 400);
	assert_problem("invalid");
	assert_int_equal(ask("POST", "/v1/vtpms",
			     "{\"name\": \"v\", \"front_end\": \"vm\", \"plain_state\": true}"),
			 201);
	assert_int_equal(ask("GET", "/v1/vtpms/v", NULL), 200);
	assert_true(json_is_true(json_object_get(f.body, "plain_state")));
	assert_int_equal(ask("POST", "/v1/vtpms", "{\"name\": \"w\", \"front_end\": \"vm\"}"),
			 201);
	assert_int_equal(ask("GET", "/v1/vtpms/w", NULL), 200);
	assert_true(json_is_false(json_object_get(f.body, "plain_state")));
}

static void test_api_create_defaults(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/v1/vtpms", "{\"name\": \"d\", \"start\": false}"), 201);
	assert_string_equal(text("state"), "defined");
	assert_string_equal(text("mode"), "0600");
	assert_int_equal(number("owner"), getuid());
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(f.body, "pcr_banks"), 0)),
		"sha256");
	assert_true(json_is_null(json_object_get(f.body, "engine_pid")));
	assert_true(json_is_null(json_object_get(f.body, "instance")));
	assert_int_equal(ask("POST", "/v1/vtpms", "{\"name\": \"s\", \"front_end\": \"socket\"}"),
			 201);
	assert_string_equal(text("socket"), "/run/vtpm/s.sock");
}

static void test_api_list(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1/vtpms", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(f.body, "vtpms")), 0);
	ask("POST", "/v1/vtpms", "{\"name\": \"a\"}");
	ask("POST", "/v1/vtpms", "{\"name\": \"b\"}");
	assert_int_equal(ask("GET", "/v1/vtpms", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(f.body, "vtpms")), 2);
}

static void test_api_power(void **state)
{
	(void)state;
	ask("POST", "/v1/vtpms", "{\"name\": \"p\", \"start\": false}");
	assert_int_equal(ask("POST", "/v1/vtpms/p/start", NULL), 200);
	assert_string_equal(text("state"), "running");
	assert_int_equal(ask("POST", "/v1/vtpms/p/reset", "{}"), 200);
	assert_int_equal(ask("POST", "/v1/vtpms/p/stop", NULL), 200);
	assert_string_equal(text("state"), "defined");
	assert_int_equal(ask("DELETE", "/v1/vtpms/p", NULL), 204);
	assert_int_equal(ask("GET", "/v1/vtpms/p", NULL), 404);
	assert_problem("not-found");
}

static void test_api_wait(void **state)
{
	int fd;

	(void)state;
	ask("POST", "/v1/vtpms", "{\"name\": \"w\", \"start\": false}");
	assert_int_equal(ask("GET", "/v1/vtpms/w/wait?timeout=1", NULL), 504);
	assert_problem("timeout");
	assert_int_equal(f.fake.forgotten, 1);
	fd = client();
	send_request(fd, "GET", "/v1/vtpms/w/wait", NULL);
	turn_until(fake_jobs(&f.fake) == 1);
	ask("POST", "/v1/vtpms/w/start", NULL);
	assert_int_equal(receive(fd), 200);
	assert_string_equal(text("state"), "running");
	close(fd);
}

static void test_api_wait_timeout_malformed(void **state)
{
	const char *const wrong[] = { "0", "601", "-1", "", "x", "1.5", "+3", "0000000001", "%31" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(path, sizeof(path), "/v1/vtpms/w/wait?timeout=%s", wrong[i]);
		assert_int_equal(ask("GET", path, NULL), 400);
		assert_problem("invalid");
	}
}

/* Errors */

static void test_api_problems(void **state)
{
	char path[128];

	(void)state;
	for (unsigned int code = PROBLEM_NONE + 1; code < _PROBLEM_MAX; code++) {
		snprintf(path, sizeof(path), "/v1/vtpms/problem-%s/start", problem_name(code));
		assert_int_equal(ask("POST", path, NULL), problem_http_status(code));
		assert_problem(problem_name(code));
		assert_string_equal(text("next"), "do as the test says");
	}
}

static void test_api_no_such_path(void **state)
{
	const char *const paths[] = {
		"/",
		"/v2",
		"/v1/",
		"/v1/vtpms/",
		"/v1/vtpms/a/",
		"/v1/vtpms/a/fly",
		"/v1/hosts",
		"/v1/vtpms/.a",
		"/v1/vtpms/a/start/now",
		"/vtpms",
		"/v1/vtpms/../host",
		"/v1/vtpms/proxy-1",
		"/V1/host",
		"/v1/vtpms//start",
		"/v1/vtpms/a%2fstop",
	};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(ask("GET", paths[i], NULL), 404);
		assert_problem("not-found");
	}
	/* one character more than a name may have */
	snprintf(path, sizeof(path), "/v1/vtpms/%064d", 0);
	assert_int_equal(ask("DELETE", path, NULL), 404);
	assert_string_equal(text("detail"), "the API has no such path");
}

static void test_api_method(void **state)
{
	(void)state;
	assert_int_equal(ask("PUT", "/v1/vtpms", NULL), 405);
	assert_problem("method-not-allowed");
	assert_non_null(strstr(f.answer, "Allow: GET, HEAD, POST\r\n"));
	assert_int_equal(ask("BREW", "/v1/vtpms/a/start", NULL), 405);
	assert_non_null(strstr(f.answer, "Allow: POST\r\n"));
	assert_int_equal(ask("POST", "/v1/vtpms/a", NULL), 405);
	assert_non_null(strstr(f.answer, "Allow: GET, HEAD, DELETE\r\n"));
}

static void test_api_parameter(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1/vtpms?all=1", NULL), 400);
	assert_string_equal(text("detail"), "parameter \"all\" is unknown");
	assert_int_equal(ask("GET", "/v1/vtpms/a/wait?timeout=1&x", NULL), 400);
	assert_string_equal(text("detail"), "parameter \"x\" is unknown");
}

static void test_api_body_malformed(void **state)
{
	static const struct {
		const char *body, *says;
	} cases[] = {
		{ "{", "the body is no JSON" },
		{ "", "the body is no JSON" },
		{ "[]", "the body must be a JSON object" },
		{ "{} {}", "the body is no JSON" },
		{ "{\"name\": \"a\", \"name\": \"b\"}", "duplicate object key" },
		{ "{\"name\": \"a\", \"nmae\": 1}", "member \"nmae\" is unknown" },
		{ "{}", "member \"name\" is missing" },
		{ "{\"name\": 1}", "member \"name\" must be a string" },
		{ "{\"name\": \"\"}", "member \"name\" must be" },
		{ "{\"name\": \"a/b\"}", "member \"name\" must be" },
		{ "{\"name\": \"-a\"}", "member \"name\" must be" },
		{ "{\"name\": \"proxy-a\"}", "member \"name\" must be" },
		{ "{\"name\": \"a\\u0000b\"}", "the body is no JSON" },
		{ "{\"name\": \"\xc3\xa4\"}", "member \"name\" must be" },
		{ "{\"name\": \"a\", \"front_end\": \"usb\"}", "member \"front_end\" must be" },
		{ "{\"name\": \"a\", \"owner\": -1}", "member \"owner\" must be" },
		{ "{\"name\": \"a\", \"owner\": 4294967295}", "member \"owner\" must be" },
		{ "{\"name\": \"a\", \"owner\": 1.0}", "member \"owner\" must be" },
		{ "{\"name\": \"a\", \"group\": \"root\"}", "member \"group\" must be" },
		{ "{\"name\": \"a\", \"mode\": 384}", "member \"mode\" must be a string of octal" },
		{ "{\"name\": \"a\", \"mode\": \"0888\"}", "member \"mode\" must be" },
		{ "{\"name\": \"a\", \"mode\": \"1777\"}", "member \"mode\" must be" },
		{ "{\"name\": \"a\", \"mode\": \"0000\"}", "member \"mode\" must be" },
		{ "{\"name\": \"a\", \"pcr_banks\": []}", "member \"pcr_banks\" must be" },
		{ "{\"name\": \"a\", \"pcr_banks\": \"sha256\"}", "member \"pcr_banks\" must be" },
		{ "{\"name\": \"a\", \"pcr_banks\": [\"sha256\", \"sha256\"]}",
		  "member \"pcr_banks\" must be" },
		{ "{\"name\": \"a\", \"pcr_banks\": [1]}", "member \"pcr_banks\" must be" },
		{ "{\"name\": \"a\", \"start\": 1}", "member \"start\" must be true or false" },
		{ "{\"name\": \"a\", \"front_end\": \"chip\", \"owner\": 1}",
		  "the kernel makes the nodes of a chip" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ask("POST", "/v1/vtpms", cases[i].body), 400);
		assert_problem("invalid");
		if (!strstr(text("detail"), cases[i].says))
			fail_msg("%s: %s", cases[i].body, text("detail"));
	}
	assert_int_equal(ask("POST", "/v1/vtpms/a/start", "{\"x\": 1}"), 400);
	assert_int_equal(ask("GET", "/v1", "[1]"), 400);
}

static void test_api_media_type(void **state)
{
	(void)state;
	assert_int_equal(ask_raw("POST /v1/vtpms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"),
			 415);
	assert_problem("media-type");
	assert_int_equal(ask_raw("POST /v1/vtpms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				 "Content-Length: 2\r\n\r\n{}"),
			 415);
	assert_int_equal(ask_raw("POST /v1/vtpms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				 "Content-Type: Application/JSON; charset=utf-8\r\n"
				 "Content-Length: 13\r\n\r\n{\"name\": \"m\"}"),
			 201);
}

static void test_api_too_large(void **state)
{
	static char body[API_BODY_MAX + 2];
	char head[128];
	int fd;

	(void)state;
	memset(body, ' ', sizeof(body) - 1);
	body[0] = '{';
	assert_int_equal(ask("POST", "/v1/vtpms", body), 413);
	assert_problem("too-large");
	/* without a length in its head */
	fd = client();
	snprintf(head, sizeof(head),
		 "POST /v1/vtpms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
		 API_BODY_MAX + 1);
	send_bytes(fd, head, strlen(head));
	send_bytes(fd, body, API_BODY_MAX + 1);
	send_bytes(fd, "\r\n0\r\n\r\n", 7);
	assert_int_equal(receive(fd), 413);
	close(fd);
	/* exactly the largest one is read */
	body[API_BODY_MAX] = '\0';
	body[API_BODY_MAX - 1] = '}';
	assert_int_equal(ask("POST", "/v1/vtpms", body), 400);
	assert_string_equal(text("type"), "urn:vtpm:problem:invalid");
}

static void test_api_not_http(void **state)
{
	static char head[API_HEAD_MAX + 64] = "GET /v1 HTTP/1.1\r\nHost: x\r\nX: ";

	(void)state;
	assert_int_not_equal(ask_raw("\x80\x01\0\0\0\x0c\r\n\r\n"), 200);
	assert_int_not_equal(ask_raw("GET\r\n\r\n"), 200);
	assert_int_not_equal(ask_raw("GET /v1 HTTP/1.1\r\n\r\n"), 200);
	assert_int_not_equal(ask_raw("POST /v1/vtpms HTTP/1.1\r\nHost: x\r\n"
				     "Content-Length: -1\r\n\r\n"),
			     200);
	memset(head + strlen(head), 'x', sizeof(head) - 1 - strlen(head));
	assert_int_not_equal(ask_raw(head), 200);
	assert_int_equal(ask("GET", "/v1", NULL), 200);
}

/* Bad manners */

static void test_api_slow(void **state)
{
	const char *head = "GET /v1 HTTP/1.1\r\nHost: x\r\n";
	bool open = true;
	int fd = client();

	(void)state;
	for (size_t i = 0; open && head[i]; i++) {
		open = send_bytes(fd, head + i, 1);
		turn_for(HASTE_MS / 10);
	}
	assert_false(open);
	close(fd);
}

static void test_api_half_closed(void **state)
{
	int fd = client();

	(void)state;
	send_request(fd, "POST", "/v1/vtpms", "{\"name\": \"slow-half\"}");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(receive(fd), 201);
	assert_string_equal(text("name"), "slow-half");
	assert_int_equal(f.fake.forgotten, 0);
	close(fd);
}

static void test_api_client_gone(void **state)
{
	int fd = client();

	(void)state;
	send_request(fd, "POST", "/v1/vtpms", "{\"name\": \"never-gone\"}");
	turn_until(fake_jobs(&f.fake) == 1);
	close(fd);
	turn_until(f.fake.forgotten == 1);
	assert_null(fake_find(&f.fake, "never-gone"));
	fake_go_on(&f.fake);
	turn_until(fake_find(&f.fake, "never-gone"));
	assert_int_equal(ask("GET", "/v1/vtpms/never-gone", NULL), 200);
}

static void test_api_many_waits(void **state)
{
	int fds[API_WAITS_MAX], one;

	(void)state;
	ask("POST", "/v1/vtpms", "{\"name\": \"many\", \"start\": false}");
	for (size_t i = 0; i < API_WAITS_MAX; i++) {
		fds[i] = client();
		send_request(fds[i], "GET", "/v1/vtpms/many/wait?timeout=60", NULL);
	}
	turn_until(fake_jobs(&f.fake) == API_WAITS_MAX);
	assert_int_equal(ask("GET", "/v1/vtpms/many/wait", NULL), 503);
	assert_problem("busy");
	close(fds[0]);
	turn_until(f.fake.forgotten == 1);
	one = client();
	send_request(one, "GET", "/v1/vtpms/many/wait", NULL);
	assert_int_equal(ask("POST", "/v1/vtpms/many/start", NULL), 200);
	for (size_t i = 1; i < API_WAITS_MAX; i++) {
		assert_int_equal(receive(fds[i]), 200);
		assert_string_equal(text("state"), "running");
		close(fds[i]);
	}
	assert_int_equal(receive(one), 200);
	close(one);
}

static void test_api_many_connections(void **state)
{
	int fds[API_CONNECTIONS_MAX];

	(void)state;
	for (size_t i = 0; i < API_CONNECTIONS_MAX; i++) {
		fds[i] = client();
		turn();
	}
	/* One more is heard when the idle ones have been closed. */
	turn_until(ask("GET", "/v1", NULL) == 200);
	for (size_t i = 0; i < API_CONNECTIONS_MAX; i++)
		close(fds[i]);
}

static void test_api_keep_alive(void **state)
{
	const char *get = "GET /v1/vtpms HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = client();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		send_bytes(fd, get, strlen(get));
		assert_int_equal(receive(fd), 200);
	}
	close(fd);
}

static void test_api_free_while_pending(void **state)
{
	int fd = client(), slow = client();

	(void)state;
	send_request(fd, "POST", "/v1/vtpms", "{\"name\": \"never\"}");
	send_bytes(slow, "GET /v1", 7);
	turn_until(fake_jobs(&f.fake) == 1);
	f.api = api_free(f.api);
	assert_int_equal(f.fake.forgotten, 1);
	assert_int_equal(recv(fd, f.answer, 1, 0), 0);
	close(fd);
	close(slow);
}

/* Who may ask */

/** struct who - a peer, and what it shall get */
struct who {
	uid_t uid;
	gid_t gid;
	gid_t also;
	unsigned int status;
};

static unsigned int status_of_child(const struct who *who)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *get = "GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned int status = 0;
	char head[64] = "";

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.path);
	if (setgroups(who->also ? 1 : 0, &who->also) || setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid) || fd < 0)
		return 1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return 2;
	if (send(fd, get, strlen(get), MSG_NOSIGNAL) < 0 || recv(fd, head, sizeof(head) - 1, 0) < 0)
		return 3;
	sscanf(head, "HTTP/1.1 %u", &status);
	return status;
}

static unsigned int status_as(const struct who *who)
{
	unsigned int status;
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		status = status_of_child(who);
		_exit(write(pipes[1], &status, sizeof(status)) != sizeof(status));
	}
	close(pipes[1]);
	while (read(pipes[0], &status, sizeof(status)) != sizeof(status))
		turn();
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	return status;
}

static void test_api_who_may_ask(void **state)
{
	const struct who whos[] = {
		{ 1000, 1000, 0, 200 },	   { 1001, 1001, 0, 403 }, { 1001, 2000, 0, 200 },
		{ 1001, 1001, 2000, 200 }, { 0, 0, 0, 200 },	   { 1002, 1002, 2001, 403 },
	};
	const uid_t uids[] = { 1000, 1003 };
	const struct api_options options = { .uids = uids, .uid_count = 2, .gid = 2000 };
	struct stat stat_of;

	(void)state;
	if (geteuid()) {
		print_message("only root can be others: skipped\n");
		skip();
	}
	f.api = api_free(f.api);
	listen_with(&options);
	assert_int_equal(chmod(f.folder, 0711), 0);
	for (size_t i = 0; i < sizeof(whos) / sizeof(whos[0]); i++)
		assert_int_equal(status_as(&whos[i]), whos[i].status);
	assert_int_equal(stat(f.path, &stat_of), 0);
	assert_int_equal(stat_of.st_gid, 2000);
}

static void test_api_socket_mode(void **state)
{
	const uid_t uids[] = { 1000 };
	const struct {
		struct api_options options;
		mode_t mode;
	} cases[] = {
		{ { .gid = API_NO_GROUP }, 0600 },
		{ { .gid = getgid() }, 0660 },
		{ { .gid = API_NO_GROUP, .uids = uids, .uid_count = 1 }, 0666 },
	};
	struct stat stat_of;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f.api = api_free(f.api);
		listen_with(&cases[i].options);
		assert_int_equal(stat(f.path, &stat_of), 0);
		assert_int_equal(stat_of.st_mode & 07777, cases[i].mode);
	}
}

static void test_api_strangers(void **state)
{
	const struct who stranger = { 1001, 1001, 0, 403 };
	const uid_t uids[] = { 1000 };
	int fds[40], live = 0;

	(void)state;
	if (geteuid())
		skip();
	f.api = api_free(f.api);
	listen_with(&(struct api_options){ .uids = uids, .uid_count = 1, .gid = API_NO_GROUP });
	assert_int_equal(chmod(f.folder, 0711), 0);
	assert_int_equal(seteuid(1001), 0);
	for (size_t i = 0; i < 40; i++)
		fds[i] = client();
	assert_int_equal(seteuid(0), 0);
	turn_for(HASTE_MS / 3);
	for (size_t i = 0; i < 40; i++)
		live += recv(fds[i], f.answer, 1, 0) < 0 && errno == EAGAIN;
	assert_int_equal(live, 16);
	/* those in whose place it was have been ended in time */
	turn_for(2 * HASTE_MS);
	assert_int_equal(status_as(&stranger), 403);
	for (size_t i = 0; i < 40; i++)
		close(fds[i]);
}

static void test_api_new_address(void **state)
{
	const struct api_options options = { f.path, -1, NULL, 0, API_NO_GROUP, 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char longer[200] = "/tmp/";
	struct api *second;
	int fd;

	(void)state;
	assert_int_equal(api_new(&f.fake, f.event, &options, &second), -EADDRINUSE);
	assert_int_equal(ask("GET", "/v1", NULL), 200);
	/* a socket nobody listens at is taken away */
	f.api = api_free(f.api);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	listen_with(&options);
	assert_int_equal(ask("GET", "/v1", NULL), 200);
	memset(longer + 5, 'x', sizeof(longer) - 6);
	assert_int_equal(api_new(&f.fake, f.event,
				 &(struct api_options){ longer, -1, NULL, 0, API_NO_GROUP, 0 },
				 &second),
			 -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_api_root),
		TEST(test_api_head),
		TEST(test_api_create_view),
		TEST(test_api_certificates),
		TEST(test_api_create_plain_state),
		TEST(test_api_create_defaults),
		TEST(test_api_list),
		TEST(test_api_power),
		TEST(test_api_wait),
		TEST(test_api_wait_timeout_malformed),
		TEST(test_api_problems),
		TEST(test_api_no_such_path),
		TEST(test_api_method),
		TEST(test_api_parameter),
		TEST(test_api_body_malformed),
		TEST(test_api_media_type),
		TEST(test_api_too_large),
		TEST(test_api_not_http),
		TEST_HASTY(test_api_slow),
		TEST(test_api_half_closed),
		TEST(test_api_client_gone),
		TEST(test_api_many_waits),
		TEST_HASTY(test_api_many_connections),
		TEST(test_api_keep_alive),
		TEST(test_api_free_while_pending),
		TEST(test_api_who_may_ask),
		TEST(test_api_socket_mode),
		TEST_HASTY(test_api_strangers),
		TEST(test_api_new_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
