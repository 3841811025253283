/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the API: the real one over a manager that only pretends. Server and
 * clients share one thread: a client writes and reads without blocking, and the loop
 * turns in between.
 */
#ifndef MANAGER_TEST_API_H
#define MANAGER_TEST_API_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/cursor.h"
#include "manager/api.h"
#include "manager/fake_for_tests.h"

/* A test is not about time unless it says so: what has to come is waited for with patience. */
#define HASTE_MS   300
#define PATIENCE_S 60
#define TURN_US	   1000

/** struct fixture - a server, and what came back last */
struct fixture {
	sd_event *event;
	struct manager fake;
	struct api *api;
	char folder[64];
	char path[96];
	char answer[256 * 1024];
	size_t length;
	unsigned int status;
	unsigned int request_ms;
	json_t *body;
};

static struct fixture f;

/* Server */

static inline void listen_with(const struct api_options *base)
{
	struct api_options options = *base;

	options.socket_path = f.path;
	options.listen_fd = -1;
	options.request_ms = f.request_ms;
	assert_int_equal(api_new(&f.fake, f.event, &options, &f.api), 0);
}

static inline int setup_in(unsigned int request_ms)
{
	f = (struct fixture){ .folder = "/tmp/vtpm-api.XXXXXX", .request_ms = request_ms };
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.path, sizeof(f.path), "%s/api.sock", f.folder);
	assert_int_equal(sd_event_new(&f.event), 0);
	fake_init(&f.fake, f.event);
	listen_with(&(struct api_options){ .gid = API_NO_GROUP });
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return setup_in(PATIENCE_S * 1000);
}

/* A server that gives a request little time. */
static inline int setup_hasty(void **state)
{
	(void)state;
	return setup_in(HASTE_MS);
}

static inline int teardown(void **state)
{
	(void)state;
	f.api = api_free(f.api);
	assert_int_equal(access(f.path, F_OK), -1);
	fake_done(&f.fake);
	json_decref(f.body);
	sd_event_unref(f.event);
	rmdir(f.folder);
	return 0;
}

/* The loop runs one source at a time. */
static inline void turn(void)
{
	uint64_t us = TURN_US;

	for (int i = 0; i < 256; i++, us = 0)
		if (sd_event_run(f.event, us) == 0)
			break;
}

static inline void turn_for(unsigned int ms)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		turn();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
}

/* The machine may be busy with something else: there is no telling how long anything takes. */
#define turn_until(condition)                                                                \
	do {                                                                                 \
		time_t turn_begin = time(NULL);                                              \
                                                                                             \
		while (!(condition)) {                                                       \
			turn();                                                              \
			assert_true(time(NULL) - turn_begin < PATIENCE_S);                   \
		}                                                                            \
	} while (0)

/* Clients */

static inline int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Return: false: the server has closed */
static inline bool send_bytes(int fd, const char *bytes, size_t length)
{
	ssize_t n;

	while (length) {
		n = send(fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
		turn();
	}
	return true;
}

static inline void send_request(int fd, const char *method, const char *path, const char *body)
{
	char head[1024];

	snprintf(head, sizeof(head),
		 "%s %s HTTP/1.1\r\nHost: vtpm\r\nConnection: close\r\n%sContent-Length: "
		 "%zu\r\n\r\n",
		 method, path, body ? "Content-Type: application/json\r\n" : "",
		 body ? strlen(body) : 0);
	send_bytes(fd, head, strlen(head));
	if (body)
		send_bytes(fd, body, strlen(body));
}

/* Read until the server closes, or has sent what Content-Length says. */
static inline bool whole(void)
{
	const char *end = strstr(f.answer, "\r\n\r\n");
	const char *length = strstr(f.answer, "Content-Length: ");

	return end && length && length < end &&
	       f.length >= (size_t)(end + 4 - f.answer) + strtoul(length + 16, NULL, 10);
}

static inline void take_answer(void)
{
	const char *body = strstr(f.answer, "\r\n\r\n");
	json_error_t error;

	f.status = 0;
	json_decref(f.body);
	f.body = NULL;
	if (sscanf(f.answer, "HTTP/1.1 %u", &f.status) != 1 || !body)
		return;
	f.body = json_loads(body + 4, 0, &error);
}

static inline unsigned int receive(int fd)
{
	struct timespec begin, now;
	ssize_t n;

	f.length = 0;
	f.answer[0] = '\0';
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		turn();
		n = recv(fd, f.answer + f.length, sizeof(f.answer) - 1 - f.length, 0);
		if (n > 0) {
			f.length += (size_t)n;
			f.answer[f.length] = '\0';
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		assert_true(now.tv_sec - begin.tv_sec < PATIENCE_S);
	} while ((n > 0 || (n < 0 && errno == EAGAIN)) && !whole());
	take_answer();
	return f.status;
}

static inline unsigned int ask(const char *method, const char *path, const char *body)
{
	int fd = client();
	unsigned int status;

	send_request(fd, method, path, body);
	status = receive(fd);
	close(fd);
	return status;
}

static inline unsigned int ask_raw(const char *bytes)
{
	int fd = client();
	unsigned int status;

	send_bytes(fd, bytes, strlen(bytes));
	status = receive(fd);
	close(fd);
	return status;
}

static inline const char *text(const char *member)
{
	const char *value = json_string_value(json_object_get(f.body, member));

	return value ? value : "(none)";
}

static inline json_int_t number(const char *member)
{
	assert_true(json_is_integer(json_object_get(f.body, member)));
	return json_integer_value(json_object_get(f.body, member));
}

static inline void assert_problem(const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "urn:vtpm:problem:%s", name);
	assert_string_equal(text("type"), type);
	assert_int_equal(number("status"), f.status);
	assert_true(strlen(text("title")) > 0);
	assert_string_not_equal(text("title"), name);
	assert_true(strlen(text("detail")) > 0);
	assert_non_null(json_object_get(f.body, "next"));
	assert_non_null(strstr(f.answer, "Content-Type: application/problem+json\r\n"));
}

#define TEST(name)	 cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_HASTY(name) cmocka_unit_test_setup_teardown(name, setup_hasty, teardown)

#endif /* MANAGER_TEST_API_H */
