// SPDX-License-Identifier: BSD-3-Clause
/*
 * HTTP/1.0 over a Unix socket; see the header.
 */
#include "oci/ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"

#define ANSWER_MAX (256 * 1024)
#define HEAD_MAX   256
#define SECONDS	   300

static int connect_to(const char *path)
{
	static const struct timeval patience = { .tv_sec = SECONDS };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;

	if (!cursor_copy(at.sun_path, sizeof(at.sun_path) - 1, path, strlen(path)))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return TAKE_FD(fd);
}

static int send_whole(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			text += sent;
			length -= (size_t)sent;
		}
	}
	return 0;
}

static int send_request(int fd, const char *method, const char *path, const char *body)
{
	char head[HEAD_MAX];
	int length = snprintf(head, sizeof(head),
			      "%s %s HTTP/1.0\r\nContent-Type: application/json\r\n"
			      "Content-Length: %zu\r\n\r\n",
			      method, path, strlen(body));
	int r;

	if (length >= (int)sizeof(head))
		return -ENAMETOOLONG;
	r = send_whole(fd, head, (size_t)length);
	return r ? r : send_whole(fd, body, strlen(body));
}

static ssize_t read_answer(int fd, char *to, size_t room)
{
	size_t have = 0;
	ssize_t got;

	while (have < room) {
		got = read(fd, to + have, room - have);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			return (ssize_t)have;
		if (got > 0)
			have += (size_t)got;
	}
	return -EPROTO;
}

/* "HTTP/1.1 201 Created", headers, an empty line, the body. */
static int understand(char *text, size_t length, json_t **ret_answer)
{
	char *body, *end;
	long status;

	text[length] = '\0';
	body = strstr(text, "\r\n\r\n");
	if (!body || strncmp(text, "HTTP/1.", 7) != 0 || length < 12)
		return -EPROTO;
	status = strtol(text + 9, &end, 10);
	if (end != text + 12 || status < 200 || status > 599)
		return -EPROTO;
	body += 4;
	if (!*body)
		return (int)status;
	*ret_answer = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	return *ret_answer ? (int)status : -EPROTO;
}

static bool is_path(const char *text)
{
	return !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789/._-")];
}

int ask(const char *path_of_socket, const char *method, const char *path, json_t *body,
	json_t **ret_answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	char *answer = malloc(ANSWER_MAX);
	_cleanup_(close_fdp) int fd = -1;
	ssize_t length;
	int r = -ENOMEM;

	*ret_answer = NULL;
	if (!is_path(path))
		r = -EINVAL;
	else if (answer && (text || !body))
		r = fd = connect_to(path_of_socket);
	if (r >= 0)
		r = send_request(fd, method, path, text ? text : "");
	if (!r) {
		length = read_answer(fd, answer, ANSWER_MAX - 1);
		r = length < 0 ? (int)length : understand(answer, (size_t)length, ret_answer);
	}
	json_decref(body);
	free(text);
	free(answer);
	return r;
}
