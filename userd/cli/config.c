// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is to be pasted for somebody to have a vTPM. A virtual machine: QEMU's options, or
 * libvirt's element; both lead to the control socket, and the rest comes from there. A container:
 * a CDI specification.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cdi.h"
#include "cli/client.h"
#include "cli/report.h"

static void format(enum cli_format kind, const char *at, char *to, size_t room)
{
	if (kind == CLI_FORMAT_LIBVIRT)
		snprintf(to, room,
			 "<tpm model='tpm-crb'>\n"
			 "  <backend type='external'>\n"
			 "    <source type='unix' mode='connect' path='%s'/>\n"
			 "  </backend>\n"
			 "</tpm>\n",
			 at);
	else
		snprintf(to, room,
			 "-chardev socket,id=vtpm-control,path=%s \\\n"
			 "-tpmdev emulator,id=vtpm,chardev=vtpm-control \\\n"
			 "-device tpm-crb,tpmdev=vtpm\n",
			 at);
}

/* What it is to a container engine, as vtpmd knows it. */
static json_t *spec_of(const json_t *vtpm, const char *name, json_t **ret_problem)
{
	const json_t *nodes = json_object_get(vtpm, "devices");
	const char *front_end = json_string_value(json_object_get(vtpm, "front_end"));
	const char *mode = json_string_value(json_object_get(vtpm, "mode"));
	const struct cdi_device device = {
		.name = name,
		.raw = json_string_value(json_array_get(nodes, 0)),
		.rm = json_string_value(json_array_get(nodes, 1)),
		.uid = (uid_t)json_integer_value(json_object_get(vtpm, "owner")),
		.gid = (gid_t)json_integer_value(json_object_get(vtpm, "group")),
		.mode = (mode_t)strtoul(mode ? mode : "", NULL, 8),
	};

	if (!front_end || strcmp(front_end, "device") != 0)
		*ret_problem = report_problem("conflict",
					      "make one with --front-end device for containers",
					      "'%s' is behind the front end %s", name,
					      front_end ? front_end : "of another version");
	else if (!device.raw || !device.rm)
		*ret_problem = report_problem("conflict", "start it first",
					      "'%s' has no device now", name);
	else
		return cdi_spec(&device, ret_problem);
	return NULL;
}

static enum cli_exit print_spec(const struct cli *cli, const char *name, const json_t *vtpm)
{
	json_t *problem = NULL, *spec = spec_of(vtpm, name, &problem);

	if (!spec)
		return report(cli, problem);
	report_json(spec);
	json_decref(spec);
	return CLI_EXIT_OK;
}

static enum cli_exit print_machine(const struct cli *cli, const char *name, const json_t *vtpm)
{
	char front[16], at[1024], text[2048];
	json_t *object;

	report_text(vtpm, "front_end", front, sizeof(front));
	report_text(vtpm, "control_socket", at, sizeof(at));
	if (strcmp(front, "vm") != 0)
		return report(cli, report_problem("conflict", "make one with --front-end vm",
						  "vTPM '%s' has the front end %s: the firmware of "
						  "a virtual machine could not start it up",
						  name, front));
	if (!strcmp(at, "-"))
		return report(cli, report_problem("conflict", "start it first",
						  "vTPM '%s' is off: it has no socket", name));
	format(cli->format, at, text, sizeof(text));
	if (!cli->json) {
		fputs(text, stdout);
		return CLI_EXIT_OK;
	}
	object = json_pack("{s:s, s:s, s:s}", "name", name, "control_socket", at, "text", text);
	report_json(object);
	json_decref(object);
	return CLI_EXIT_OK;
}

enum cli_exit cli_vtpm_config(struct cli *cli, const char *name)
{
	json_t *vtpm = NULL, *problem = NULL;
	enum cli_exit status;
	char path[128];
	const struct client_request request = { .method = "GET", .path = path };

	snprintf(path, sizeof(path), "/v1/vtpms/%s", name);
	if (!client_ask(cli, &request, &vtpm, &problem, NULL))
		return report(cli, problem);
	status = cli->format == CLI_FORMAT_CDI ? print_spec(cli, name, vtpm)
					       : print_machine(cli, name, vtpm);
	json_decref(vtpm);
	return status;
}
