// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify serve: the service, until somebody ends it.
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>

#include "verifier/place.h"
#include "verifier/service.h"

/* All threads inherit the mask, so the signal waits for this one. */
static void wait_for_end(void)
{
	sigset_t set;
	int which;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigwait(&set, &which);
}

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

enum verifier_exit verifier_serve(const struct verifier *verifier, const char *word)
{
	char reason[256] = "out of memory";
	enum verifier_exit status;
	struct service *service;
	struct config config;
	struct ca *ca = NULL;
	struct fleet *fleet;

	(void)word;
	status = place_config(verifier, &config);
	if (!status)
		status = place_fleet(&config, &fleet);
	if (status)
		return status;
	status = place_ca(&config, &ca);
	if (status) {
		fleet_close(fleet);
		return status;
	}
	block();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (service_new(&config, fleet, ca, reason, sizeof(reason), &service)) {
		fprintf(stderr, "vtpm-verify: cannot serve: %s\n", reason);
		status = VERIFIER_EXIT_USAGE;
	} else {
		printf("listening at %s port %u\n", config.listen, service_port(service));
		fflush(stdout);
		wait_for_end();
		service_free(service);
	}
	ca_close(ca);
	fleet_close(fleet);
	curl_global_cleanup();
	return status;
}
