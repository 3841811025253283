// SPDX-License-Identifier: BSD-3-Clause
/*
 * Syslog and webhook (notify.h has the model).
 */
#include "verifier/notify.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verifier/fleet.h"

/* RFC 5424, 6.2.1: facility 4, security */
#define FACILITY	4
#define SEVERITY_ERROR	3
#define SEVERITY_NOTICE 5
#define BATCH		100
#define HOOK_SECONDS	10L
#define RETRIES		3

/**
 * struct notify - the thread and what it works with
 * @config: to whom
 * @fleet: its connection
 * @told: id of the last event
 * @wake: eventfd
 * @socket: to syslog; -1: none
 * @stop: end
 * @thread: itself
 */
struct notify {
	const struct config *config;
	struct fleet *fleet;
	json_int_t told;
	int wake;
	int socket;
	bool stop;
	pthread_t thread;
};

static const char *text_of(const json_t *event, const char *member)
{
	const char *text = json_string_value(json_object_get(event, member));

	return text ? text : "";
}

/* RFC 5424, 6.3.3: the value of a parameter; and no byte that makes a line of its own. */
static void put_value(char *to, size_t room, const char *text)
{
	size_t used = 0;

	for (; *text && used + 3 < room; text++) {
		if (strchr("\"\\]", *text))
			to[used++] = '\\';
		to[used++] = *text >= ' ' && *text <= '~' ? *text : '?';
	}
	to[used] = '\0';
}

void notify_line(const json_t *event, const char *name, char ret[NOTIFY_LINE])
{
	bool failed = !strcmp(text_of(event, "status"), "failed");
	char host[64], code[64], text[384], by[80];

	put_value(host, sizeof(host), text_of(event, "host"));
	put_value(code, sizeof(code), text_of(event, "code"));
	put_value(text, sizeof(text), text_of(event, "text"));
	put_value(by, sizeof(by), name);
	for (char *c = by; *c; c++)
		*c = *c == ' ' ? '-' : *c;
	snprintf(ret, NOTIFY_LINE,
		 "<%d>1 %s %s vtpm-verify - event [vtpm@32473 host=\"%s\" code=\"%s\" "
		 "status=\"%s\" id=\"%" JSON_INTEGER_FORMAT "\"] %s",
		 FACILITY * 8 + (failed ? SEVERITY_ERROR : SEVERITY_NOTICE), text_of(event, "at"),
		 *by ? by : "-", host, code, text_of(event, "status"),
		 json_integer_value(json_object_get(event, "id")), text);
}

static size_t ignore(char *data, size_t size, size_t count, void *user)
{
	(void)data;
	(void)user;
	return size * count;
}

static bool post(const char *url, const char *text)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = curl_easy_init();
	long status = 0;

	if (curl && headers) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, HOOK_SECONDS);
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		if (!curl_easy_perform(curl))
			curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return status >= 200 && status < 300;
}

static void tell(struct notify *notify, const json_t *event)
{
	char line[NOTIFY_LINE], *text;

	notify_line(event, notify->config->name, line);
	if (notify->socket >= 0)
		send(notify->socket, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	text = *notify->config->webhook ? json_dumps(event, JSON_COMPACT) : NULL;
	for (int i = 0; text && i < RETRIES && !__atomic_load_n(&notify->stop, __ATOMIC_ACQUIRE);
	     i++)
		if (post(notify->config->webhook, text))
			break;
	free(text);
}

/* Return: was there anything? */
static bool tell_more(struct notify *notify)
{
	json_t *events = fleet_events_json(notify->fleet, NULL, notify->told, BATCH);
	const json_t *event;
	size_t i;
	bool any = json_array_size(events);

	json_array_foreach (events, i, event) {
		tell(notify, event);
		notify->told = json_integer_value(json_object_get(event, "id"));
	}
	json_decref(events);
	return any;
}

static void *run(void *cls)
{
	struct notify *notify = cls;
	uint64_t count;

	while (!__atomic_load_n(&notify->stop, __ATOMIC_ACQUIRE))
		if (!tell_more(notify) && read(notify->wake, &count, sizeof(count)) < 0 &&
		    errno != EINTR)
			break;
	return NULL;
}

static int open_syslog(const char *where)
{
	const struct addrinfo wanted = { .ai_socktype = SOCK_DGRAM };
	const char *colon = strrchr(where, ':');
	struct addrinfo *found = NULL;
	char host[256];
	int fd;

	if (!colon || (size_t)(colon - where) >= sizeof(host))
		return -1;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	if (getaddrinfo(host, colon + 1, &wanted, &found))
		return -1;
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen)) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static int start(struct notify *notify, char *reason, size_t room)
{
	int r = fleet_open(notify->config->database, reason, room, &notify->fleet);

	if (r)
		return r;
	notify->told = fleet_event_last(notify->fleet);
	if (*notify->config->syslog) {
		notify->socket = open_syslog(notify->config->syslog);
		if (notify->socket < 0) {
			snprintf(reason, room, "syslog is no HOST:PORT that can be reached");
			return -EIO;
		}
	}
	notify->wake = eventfd(0, EFD_CLOEXEC);
	if (notify->wake < 0 || pthread_create(&notify->thread, NULL, run, notify)) {
		snprintf(reason, room, "there can be no thread");
		return -EIO;
	}
	return 0;
}

static void release(struct notify *notify)
{
	if (notify->wake >= 0)
		close(notify->wake);
	if (notify->socket >= 0)
		close(notify->socket);
	fleet_close(notify->fleet);
	free(notify);
}

int notify_new(const struct config *config, char *reason, size_t room, struct notify **ret)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	int r;

	if (!notify)
		return -ENOMEM;
	notify->config = config;
	notify->wake = notify->socket = -1;
	r = start(notify, reason, room);
	if (r)
		release(notify);
	else
		*ret = notify;
	return r;
}

void notify_wake(struct notify *notify)
{
	eventfd_write(notify->wake, 1);
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	__atomic_store_n(&notify->stop, true, __ATOMIC_RELEASE);
	notify_wake(notify);
	pthread_join(notify->thread, NULL);
	release(notify);
}
