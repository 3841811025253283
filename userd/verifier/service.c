// SPDX-License-Identifier: BSD-3-Clause
/*
 * Birth and death of the service.
 */
#include "verifier/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "verifier/request.h"
#include "verifier/verifier.h"

#define IDLE_SECONDS 30
#define HEAD_MAX     32768
#define PEM_MAX	     65536

/* TLS 1.2 and later, with forward secrecy */
#define PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

static bool parse_address(const struct config *config, struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, config->listen, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)config->port);
		return true;
	}
	if (inet_pton(AF_INET6, config->listen, &six->sin6_addr) != 1)
		return false;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)config->port);
	return true;
}

/* That a client may show a certificate has to be said, and libmicrohttpd says it with a CA. */
static void start(struct service *service, const struct sockaddr_storage *address, const char *key,
		  const char *certificate)
{
	unsigned int flags = MHD_USE_TLS | MHD_USE_EPOLL_INTERNAL_THREAD |
			     MHD_ALLOW_SUSPEND_RESUME;

	if (address->ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	service->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, request_run, service,			    /**/
		MHD_OPTION_SOCK_ADDR, address,					    /**/
		MHD_OPTION_HTTPS_MEM_KEY, key,					    /**/
		MHD_OPTION_HTTPS_MEM_CERT, certificate,				    /**/
		MHD_OPTION_HTTPS_MEM_TRUST, certificate,			    /**/
		MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES,			    /**/
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)SERVICE_CONNECTIONS_MAX, /**/
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)SERVICE_ADDRESS_MAX,	    /**/
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,		    /**/
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,	    /**/
		MHD_OPTION_STRICT_FOR_CLIENT, 1,				    /**/
		MHD_OPTION_NOTIFY_COMPLETED, request_done, service,		    /**/
		MHD_OPTION_END);
}

static int begin(struct service *service, char *reason, size_t room)
{
	const struct config *config = service->config;
	struct attest_verdict verdict = { 0 };
	char *key = NULL, *certificate = NULL;
	struct sockaddr_storage address;
	size_t key_length, length;

	if (!parse_address(config, &address)) {
		snprintf(reason, room, "\"listen\" is no numeric address");
		return -EIO;
	}
	if (verifier_file_read(config->certificate, PEM_MAX, "tls", &verdict, &certificate,
			       &length)) {
		snprintf(reason, room, "\"certificate\": %s", verdict.reasons[0].text);
		return -EIO;
	}
	if (verifier_file_read(config->key, PEM_MAX, "tls", &verdict, &key, &key_length)) {
		snprintf(reason, room, "\"key\": %s", verdict.reasons[0].text);
	} else {
		start(service, &address, key, certificate);
		secret_wipe(key, key_length);
		if (!service->daemon)
			snprintf(reason, room, "cannot listen at %s port %u with this certificate "
				 "and key", config->listen, config->port);
	}
	free(key);
	free(certificate);
	return service->daemon ? 0 : -EIO;
}

/**
 * struct reading - a policy that is being read
 * @verdict: hears what is wrong
 * @text: of it
 * @length: bytes of it
 */
struct reading {
	struct attest_verdict verdict;
	char *text;
	size_t length;
};

static int read_file(struct reading *reading, const char *path, size_t most)
{
	*reading = (struct reading){ 0 };
	return verifier_file_read(path, most, "policy.missing", &reading->verdict, &reading->text,
				  &reading->length);
}

static int end_reading(struct reading *reading, const char *key, int r, char *reason, size_t room)
{
	free(reading->text);
	if (reading->verdict.count)
		snprintf(reason, room, "\"%s\": %s", key, reading->verdict.reasons[0].text);
	return r == -EBADMSG ? -EIO : r;
}

static int read_own_ak(struct service *service, char *reason, size_t room)
{
	struct reading reading;
	int r = read_file(&reading, service->config->own_ak, PUBLIC_BYTES_MAX);

	if (!r && !judge_name(&service->judge,
			      (struct hash_part){ reading.text, reading.length },
			      &service->own_ak))
		r = attest_verdict_malformed(&reading.verdict, "ak.invalid", 0, 0,
					     "it is no TPM2B_PUBLIC");
	return end_reading(&reading, "own_ak", r, reason, room);
}

static int read_policies(struct service *service, char *reason, size_t room)
{
	const struct config *config = service->config;
	struct reading reading;
	int r = 0;

	if (*config->policy) {
		r = read_file(&reading, config->policy, POLICY_BYTES_MAX);
		if (!r)
			r = policy_read(&service->policy, reading.text, reading.length,
					&reading.verdict);
		r = end_reading(&reading, "policy", r, reason, room);
	}
	if (!r && *config->ima_policy) {
		r = read_file(&reading, config->ima_policy, IMA_POLICY_BYTES_MAX);
		if (!r)
			r = ima_policy_read(&service->ima_policy, reading.text, reading.length,
					    &reading.verdict);
		r = end_reading(&reading, "ima_policy", r, reason, room);
	}
	if (!r && *config->own_ak)
		r = read_own_ak(service, reason, room);
	service->judge.policy = service->policy;
	service->judge.ima_policy = service->ima_policy;
	return r;
}

int service_new(const struct config *config, struct fleet *fleet, struct ca *ca, char *reason,
		size_t room, struct service **ret)
{
	struct service *service = calloc(1, sizeof(*service));
	int r = 0;

	if (!service)
		return -ENOMEM;
	service->config = config;
	service->fleet = fleet;
	service->ca = ca;
	verifier_boot_id(service->boot_id);
	service->challenges = challenges_new();
	service->authorities = challenges_new();
	if (!service->challenges || !service->authorities)
		r = -ENOMEM;
	if (!r)
		r = judge_init(&service->judge, (size_t)config->cache << 20);
	if (!r)
		r = read_policies(service, reason, room);
	if (!r)
		r = enrolments_new(config, reason, room, &service->enrolments);
	if (!r)
		r = sync_new(config->database, reason, room, &service->sync);
	if (!r && (*config->syslog || *config->webhook))
		r = notify_new(config, reason, room, &service->notify);
	if (!r)
		r = begin(service, reason, room);
	if (r)
		service_free(service);
	else
		*ret = service;
	return r;
}

unsigned int service_port(const struct service *service)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(service->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	/* A connection that waits cannot be closed. */
	if (service->sync)
		sync_stop(service->sync);
	if (service->daemon)
		MHD_stop_daemon(service->daemon);
	sync_free(service->sync);
	notify_free(service->notify);
	enrolments_free(service->enrolments);
	challenges_free(service->challenges);
	challenges_free(service->authorities);
	judge_done(&service->judge);
	policy_free(service->policy);
	ima_policy_free(service->ima_policy);
	free(service);
}
