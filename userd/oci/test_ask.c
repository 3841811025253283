// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the hook says to vtpmd, byte by byte: here vtpmd is a thread that answers whatever it is
 * asked, and keeps what it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "oci/ask.h"

struct server {
	char folder[32];
	struct sockaddr_un at;
	int fd;
	char heard[1024];
};

static int start(void **state)
{
	static struct server server;

	server = (struct server){ .folder = "/tmp/vtpm-test-ask.XXXXXX",
				  .at = { .sun_family = AF_UNIX } };
	assert_non_null(mkdtemp(server.folder));
	snprintf(server.at.sun_path, sizeof(server.at.sun_path), "%s/api.sock", server.folder);
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&server.at, sizeof(server.at)), 0);
	assert_int_equal(listen(server.fd, 1), 0);
	*state = &server;
	return 0;
}

static int end(void **state)
{
	struct server *server = *state;

	close(server->fd);
	unlink(server->at.sun_path);
	return rmdir(server->folder);
}

/* The request has one body, "{}". Until shutdown() of the listener wakes it, it waits. */
static void *answer(void *context)
{
	static const char text[] = "HTTP/1.1 200 OK\r\n\r\n{\"a\": 1}";
	struct server *server = context;
	int fd = accept(server->fd, NULL, NULL);
	size_t length = 0;
	ssize_t got;

	while (fd >= 0 && (length < 2 || server->heard[length - 1] != '}')) {
		got = read(fd, server->heard + length, sizeof(server->heard) - 1 - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (fd >= 0 && write(fd, text, strlen(text)) > 0)
		close(fd);
	return NULL;
}

static int ask_it(struct server *server, const char *path, json_t **ret)
{
	pthread_t thread;
	int r;

	assert_int_equal(pthread_create(&thread, NULL, answer, server), 0);
	r = ask(server->at.sun_path, "POST", path, json_object(), ret);
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	return r;
}

static void test_ask(void **state)
{
	struct server *server = *state;
	json_t *object;

	assert_int_equal(ask_it(server, "/v1/vtpms/ct-0.a_B/launch", &object), 200);
	assert_int_equal(json_integer_value(json_object_get(object, "a")), 1);
	json_decref(object);
	assert_string_equal(server->heard, "POST /v1/vtpms/ct-0.a_B/launch HTTP/1.0\r\n"
					   "Content-Type: application/json\r\n"
					   "Content-Length: 2\r\n\r\n{}");
}

/* A name out of an annotation cannot be the end of one request and all of another one. */
static void test_ask_one_thing(void **state)
{
	static const char *const paths[] = {
		"/v1/vtpms/a HTTP/1.1\r\n\r\nDELETE /v1/vtpms/b HTTP/1.1\r\nX:/launch",
		"/v1/vtpms/a\nX:/launch",
		"/v1/vtpms/a?/launch",
		"/v1/vtpms/%2e%2e/launch",
	};
	struct server *server = *state;
	json_t *object;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(ask_it(server, paths[i], &object), -EINVAL);
		assert_null(object);
		assert_string_equal(server->heard, "");
	}
}

static void test_ask_nobody(void **state)
{
	json_t *object;

	(void)state;
	assert_int_equal(ask("/no/such/socket", "GET", "/v1", NULL, &object), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ask, start, end),
		cmocka_unit_test_setup_teardown(test_ask_one_thing, start, end),
		cmocka_unit_test(test_ask_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
