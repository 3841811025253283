// SPDX-License-Identifier: BSD-3-Clause
/*
 * HTTP by libcurl, over the socket RUNTIME_DIR/api.sock and nothing else: no proxy,
 * no redirect, no other protocol, whatever the environment says.
 */
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "cli/report.h"

#define ANSWER_MAX ((size_t)16 * 1024 * 1024)

/**
 * struct exchange - one request and its answer
 * @cli: command line
 * @request: what is asked
 * @socket: path
 * @url: with the host's name that nobody looks at
 * @answer: bytes that came
 * @length: how many
 * @began: when, for the progress
 * @drawn: there is a line of progress on the terminal
 */
struct exchange {
	const struct cli *cli;
	const struct client_request *request;
	char socket[256];
	char url[256];
	char *answer;
	size_t length;
	time_t began;
	bool drawn;
};

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static size_t on_bytes(char *bytes, size_t one, size_t count, void *userdata)
{
	struct exchange *exchange = userdata;
	char *answer;

	if (count > ANSWER_MAX - exchange->length)
		return 0;
	answer = realloc(exchange->answer, exchange->length + count);
	if (!answer)
		return 0;
	cursor_copy(answer + exchange->length, count, bytes, count * one);
	exchange->answer = answer;
	exchange->length += count;
	return count;
}

/* About once a second; quick work leaves no trace. */
static int on_progress(void *userdata, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *exchange = userdata;
	long seconds = (long)(now() - exchange->began);

	(void)a, (void)b, (void)c, (void)d;
	if (seconds < 2 || !exchange->request->doing)
		return 0;
	fprintf(stderr, "\r%s ... %ld s\033[K", exchange->request->doing, seconds);
	fflush(stderr);
	exchange->drawn = true;
	return 0;
}

static json_t *unreachable(const struct exchange *exchange, long error)
{
	const char *socket = exchange->socket;

	if (error == EACCES || error == EPERM)
		return report_problem("forbidden",
				      "run it as root, or have vtpmd's configuration name this "
				      "user or a group of it",
				      "user %u may not use vtpmd's socket %s", getuid(), socket);
	return report_problem("unreachable",
			      "`systemctl start vtpmd`, or `vtpmd --foreground`; --runtime-dir "
			      "says where another one is",
			      "vtpmd does not answer at %s: %s", socket,
			      error ? strerror((int)error) : "no connection");
}

static json_t *problem_of_curl(const struct exchange *exchange, CURL *curl, CURLcode code,
			       bool *ret_unknown)
{
	long error = 0;

	if (code == CURLE_COULDNT_CONNECT) {
		curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
		return unreachable(exchange, error);
	}
	*ret_unknown = true;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return report_problem("timeout", "look at its state before asking again",
				      "vtpmd has not answered in time, and may still be at it");
	return report_problem("unreachable", "look at its state before asking again",
			      "vtpmd at %s was asked, but its answer did not come: %s",
			      exchange->socket, curl_easy_strerror(code));
}

/* A status of 2xx is success, anything else a problem, be it one in the wrong form. */
static bool understand(const struct exchange *exchange, long status, json_t **ret_body,
		       json_t **ret_problem)
{
	json_error_t error;
	json_t *body = NULL;

	if (exchange->length)
		body = json_loadb(exchange->answer, exchange->length, JSON_REJECT_DUPLICATES,
				  &error);
	if (status / 100 == 2 && (body || status == 204)) {
		*ret_body = body;
		return true;
	}
	if (status / 100 != 2 && json_is_string(json_object_get(body, "detail"))) {
		*ret_problem = body;
		return false;
	}
	json_decref(body);
	*ret_problem = report_problem("internal", "is it vtpmd, and of this version?",
				      "%s gave an answer that vtpmctl does not understand "
				      "(HTTP status %ld)",
				      exchange->socket, status);
	return false;
}

static void set_up(struct exchange *exchange, CURL *curl, struct curl_slist *headers,
		   const char *body)
{
	const struct client_request *request = exchange->request;
	long seconds = request->seconds ? (long)request->seconds : CLIENT_SECONDS;
	bool draws = !exchange->cli->json && isatty(STDERR_FILENO);

	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, exchange->socket);
	curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body || !strcmp(request->method, "POST"))
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, draws ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
}

static bool perform(struct exchange *exchange, CURL *curl, const char *body, json_t **ret_body,
		    json_t **ret_problem, bool *ret_unknown)
{
	struct curl_slist *headers =
		body ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
	long status = 0;
	CURLcode code;
	bool good = false;

	set_up(exchange, curl, headers, body);
	exchange->began = now();
	code = curl_easy_perform(curl);
	if (exchange->drawn)
		fputs("\r\033[K", stderr);
	if (code) {
		*ret_problem = problem_of_curl(exchange, curl, code, ret_unknown);
	} else {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		good = understand(exchange, status, ret_body, ret_problem);
	}
	curl_slist_free_all(headers);
	return good;
}

bool client_ask(const struct cli *cli, const struct client_request *request, json_t **ret_body,
		json_t **ret_problem, bool *ret_unknown)
{
	struct exchange exchange = { .cli = cli, .request = request };
	char *body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
	bool good = false, unknown = false;
	CURL *curl = curl_easy_init();
	int length;

	length =
		snprintf(exchange.socket, sizeof(exchange.socket), "%s/api.sock", cli->runtime_dir);
	snprintf(exchange.url, sizeof(exchange.url), "http://localhost%s", request->path);
	if ((size_t)length >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		*ret_problem = report_problem("usage", "give another --runtime-dir",
					      "%s is too long for the path of a socket",
					      exchange.socket);
	else if (!curl || (request->body && !body))
		*ret_problem = report_problem("internal", NULL, "there is no memory left");
	else
		good = perform(&exchange, curl, body, ret_body, ret_problem, &unknown);
	if (ret_unknown)
		*ret_unknown = unknown;
	curl_easy_cleanup(curl);
	json_decref(request->body);
	free(exchange.answer);
	free(body);
	return good;
}
