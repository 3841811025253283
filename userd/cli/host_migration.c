// SPDX-License-Identifier: BSD-3-Clause
/*
 * Giving the host its migration key: 64 hexadecimal digits, the same at each host that
 * machines shall move to. They go to vtpm-keyd in a box that vtpmd cannot open.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/report.h"
#include "cli/session.h"

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool parse(const char *text, uint8_t key[KEYD_DATA_KEY_SIZE])
{
	if (strlen(text) != 2 * KEYD_DATA_KEY_SIZE)
		return false;
	for (size_t i = 0; i < KEYD_DATA_KEY_SIZE; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static json_t *get_key(const struct cli *cli, struct secrets *secrets)
{
	int r = cli->key_fd >= 0 ? ask_fd(cli->key_fd, secrets->typed)
				 : ask_secret("Migration key: ", secrets->typed);
	bool good = !r && parse(secrets->typed, secrets->root);

	secret_wipe(secrets->typed, sizeof(secrets->typed));
	if (r == -ENOTTY)
		return report_problem("usage", "run it on a terminal, or use --key-fd",
				      "the migration key is wanted, and there is no terminal to "
				      "ask for it");
	if (r)
		return report_problem("usage", "see what is written to it",
				      "no migration key can be read: %s", strerror(-r));
	return good ? NULL
		    : report_problem("usage", "`openssl rand -hex 32` makes one",
				     "a migration key has 64 hexadecimal digits");
}

enum cli_exit cli_host_migration_key(struct cli *cli, const char *name)
{
	struct secrets *secrets = secrets_new();
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/migration-key",
		.doing = "keeping the migration key",
	};
	json_t *problem, *box = NULL, *host = NULL;
	struct session session;

	(void)name;
	if (!secrets)
		return report(cli, report_problem("internal", NULL, "there is no memory left"));
	problem = session_get(cli, &session);
	if (!problem)
		problem = get_key(cli, secrets);
	if (!problem)
		problem = session_box(&session, BOX_MIGRATION,
				      (struct seal_bytes){ secrets->root, KEYD_DATA_KEY_SIZE },
				      &box);
	secrets_free(secrets);
	if (!problem) {
		request.body = json_pack("{s:o}", "box", box);
		client_ask(cli, &request, &host, &problem, NULL);
	}
	if (problem)
		return report(cli, problem);
	if (cli->json)
		report_json(host);
	else
		puts("the migration key is kept; vTPMs that start from now on have it");
	json_decref(host);
	return CLI_EXIT_OK;
}
