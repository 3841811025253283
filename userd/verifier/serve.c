// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify serve: the service, until somebody ends it.
 */
#include <curl/curl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/server.h"
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

static void warn(const char *line)
{
	fprintf(stderr, "vtpm-verify: %s\n", line);
}

/* Before the first thread, and before anybody can connect; the key of the CA was read. */
static int enter_sandbox(const struct config *config)
{
	/* The last ones are what names and certificates of a webhook are looked up by. */
	const char *const read[] = {
		config->certificate, config->key, config->ek_roots, config->policy,
		config->ima_policy, config->own_ak, "/proc/sys/kernel/random", "/etc", "/usr",
		"/run/systemd/resolve",
	};
	struct sandbox_path paths[sizeof(read) / sizeof(read[0]) + 1];
	char database[CONFIG_TEXT];
	size_t count = 0;

	text_cut(database, sizeof(database), config->database);
	paths[count++] = (struct sandbox_path){ dirname(database), true };
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		if (*read[i])
			paths[count++] = (struct sandbox_path){ read[i], false };
	return sandbox_enter_server(paths, count, warn);
}

enum verifier_exit verifier_serve(const struct verifier *verifier, const char *word)
{
	char reason[256] = "out of memory";
	enum verifier_exit status;
	struct service *service;
	struct config config;
	struct ca *ca = NULL;
	struct fleet *fleet;
	int r;

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
	r = enter_sandbox(&config);
	if (r) {
		fprintf(stderr, "vtpm-verify: cannot serve: there is no sandbox: %s\n",
			strerror(-r));
		status = VERIFIER_EXIT_USAGE;
	} else if (service_new(&config, fleet, ca, reason, sizeof(reason), &service)) {
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
