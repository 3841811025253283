// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands about the host.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/report.h"

static const struct report_column host_lines[] = {
	{ "state:", "state" },
	{ "reason:", "reason" },
	{ "protection:", "protection" },
	{ "host TPM:", "host_tpm" },
	{ "reached by:", "tcti" },
	{ "PCR policy:", "pcr_policy" },
	{ "storage key:", "storage_key_name" },
	{ "separation:", "separation" },
	{ "vtpm-keyd:", "keyd" },
	{ "vtpm-spawn:", "spawn" },
	{ "vtpm.ko:", "driver" },
	{ "vTPMs:", "vtpms" },
	{ "running:", "running" },
	{ "spares:", "spares" },
};

static void json_putp(json_t **object)
{
	json_decref(*object);
}

enum cli_exit host_show(struct cli *cli, const char *name)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host" };
	_cleanup_(json_putp) json_t *body = NULL;
	json_t *problem = NULL, *warning;
	size_t i;

	(void)name;
	if (!client_ask(cli, &request, &body, &problem, NULL))
		return report(cli, problem);
	if (cli->json) {
		report_json(body);
		return CLI_EXIT_OK;
	}
	report_lines(body, host_lines, sizeof(host_lines) / sizeof(host_lines[0]));
	json_array_foreach (json_object_get(body, "warnings"), i, warning) {
		printf("%-16s ", "warning:");
		report_escaped(stdout,
			       json_string_value(warning) ? json_string_value(warning) : "-");
		putchar('\n');
	}
	return CLI_EXIT_OK;
}
