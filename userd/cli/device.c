// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands about the driver's devices, on its control node and without vtpmd: for who
 * looks at a host whose daemon is down, or cleans up after one that is gone.
 *
 * A device here is the kernel's half of a vTPM. To destroy it erases no state and no key;
 * but a vTPM that is running loses its clients.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cdi.h"
#include "cli/report.h"

#define PAGE_OF_LIST 64

static const struct report_column list_columns[] = {
	{ "NAME", "name" },    { "STATE", "state" },	 { "FRONT-END", "front_end" },
	{ "DEVICE", "device" }, { "CLIENTS", "clients" }, { "UUID", "uuid" },
};

static const struct report_column info_lines[] = {
	{ "name:", "name" },
	{ "uuid:", "uuid" },
	{ "state:", "state" },
	{ "front end:", "front_end" },
	{ "device:", "device" },
	{ "owner:", "uid" },
	{ "group:", "gid" },
	{ "mode:", "mode" },
	{ "server pid:", "server_pid" },
	{ "clients:", "clients" },
	{ "queued:", "queued" },
	{ "detached ms:", "detached_ms" },
	{ "running ms:", "running_ms" },
	{ "commands:", "commands" },
	{ "redelivered:", "redelivered" },
	{ "poisoned:", "poisoned" },
	{ "lost:", "lost" },
	{ "cancelled:", "cancelled" },
	{ "refused:", "refused" },
	{ "server deaths:", "deaths" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static json_t *explain(const char *name, const char *node, int error)
{
	if (error == ENOENT && name)
		return report_problem("not-found",
				      "`vtpmctl device list` says which ones there are",
				      "the driver has no device '%s'", name);
	if (error == EPERM || error == EACCES)
		return report_problem("forbidden", "do it as root", "%s: %s", node,
				      strerror(error));
	if (error == EINVAL && name)
		return report_problem("usage", "a name begins neither with '.' nor with '-'",
				      "'%s' is no name of a device", name);
	return report_problem("no-driver", "is the module loaded (`modprobe vtpm`)?", "%s: %s",
			      node, strerror(error));
}

static const char *node_of(const struct cli *cli)
{
	return cli->control_node ? cli->control_node : "/dev/vtpmx";
}

static int open_control(const struct cli *cli, json_t **ret_problem)
{
	int fd = open(node_of(cli), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		*ret_problem = explain(NULL, node_of(cli), errno);
	return fd;
}

static const char *state_of(const struct vtpm_info *info)
{
	switch (info->state) {
	case VTPM_STATE_NEW:
		return "new";
	case VTPM_STATE_ATTACHED:
		return "attached";
	}
	return "detached";
}

static void add(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *text_of_uuid(const __u8 *uuid)
{
	char text[40];
	size_t at = 0;

	for (int i = 0; i < 16; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02x",
				       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	return json_string(text);
}

/* Where its clients find it; null for a chip that is not registered now. */
static json_t *path_of(const struct vtpm_info *info)
{
	if (info->front_end == VTPM_FRONT_END_DEVICE)
		return json_sprintf("/dev/vtpm%u", info->index);
	return info->chip < 0 ? json_null() : json_sprintf("/dev/tpm%d", info->chip);
}

static json_t *object_of(const struct vtpm_info *info)
{
	json_t *object = json_object();
	bool chip = info->front_end == VTPM_FRONT_END_CHIP;

	json_object_set_new(object, "name", json_string(info->name));
	json_object_set_new(object, "uuid", text_of_uuid(info->uuid));
	json_object_set_new(object, "state", json_string(state_of(info)));
	json_object_set_new(object, "front_end", json_string(chip ? "chip" : "device"));
	json_object_set_new(object, "device", path_of(info));
	add(object, "uid", info->uid);
	add(object, "gid", info->gid);
	json_object_set_new(object, "mode", json_sprintf("%04o", info->mode));
	json_object_set_new(object, "server_pid",
			    info->server_pid ? json_integer(info->server_pid) : json_null());
	add(object, "clients", info->clients);
	add(object, "queued", info->queued);
	add(object, "detached_ms", info->detached_ms);
	add(object, "running_ms", info->running_ms);
	add(object, "commands", info->commands);
	add(object, "redelivered", info->redelivered);
	add(object, "poisoned", info->poisoned);
	add(object, "lost", info->lost);
	add(object, "cancelled", info->cancelled);
	add(object, "refused", info->refused);
	add(object, "deaths", info->deaths);
	return object;
}

/* Return: 0 or an errno */
static int ask(int control, const char *name, struct vtpm_info *ret)
{
	*ret = (struct vtpm_info){ .size = sizeof(*ret) };
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return ioctl(control, VTPM_IOC_INFO, ret) ? errno : 0;
}

/* One page of the list to @rows. Return: whether there are more; -1: it failed, errno says why */
static int list_page(int control, struct vtpm_list *list, json_t *rows)
{
	struct vtpm_list_entry entries[PAGE_OF_LIST];
	struct vtpm_info info;

	list->entries = (uintptr_t)entries;
	list->count = PAGE_OF_LIST;
	if (ioctl(control, VTPM_IOC_LIST, list))
		return -1;
	/* One may have gone since it was listed. */
	for (size_t i = 0; i < list->count; i++)
		if (!ask(control, entries[i].name, &info))
			json_array_append_new(rows, object_of(&info));
	return list->count == PAGE_OF_LIST;
}

enum cli_exit cli_device_list(struct cli *cli, const char *name)
{
	struct vtpm_list list = { .size = sizeof(list) };
	_cleanup_(close_fdp) int control = -1;
	json_t *problem = NULL, *rows;
	int more;

	(void)name;
	control = open_control(cli, &problem);
	if (control < 0)
		return report(cli, problem);
	rows = json_array();
	do {
		more = list_page(control, &list, rows);
	} while (more > 0);
	if (more < 0)
		problem = explain(NULL, node_of(cli), errno);
	else if (cli->json)
		report_json(rows);
	else
		report_table(rows, list_columns, COUNT(list_columns));
	json_decref(rows);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

enum cli_exit cli_device_info(struct cli *cli, const char *name)
{
	_cleanup_(close_fdp) int control = -1;
	json_t *problem = NULL, *object;
	struct vtpm_info info;
	int error;

	control = open_control(cli, &problem);
	if (control < 0)
		return report(cli, problem);
	error = ask(control, name, &info);
	if (error)
		return report(cli, explain(name, node_of(cli), error));
	object = object_of(&info);
	if (cli->json)
		report_json(object);
	else
		report_lines(object, info_lines, COUNT(info_lines));
	json_decref(object);
	return CLI_EXIT_OK;
}

/* Return: NULL: it has none, which is no problem where @ret_problem stays NULL */
static json_t *spec_of(const struct vtpm_info *info, json_t **ret_problem)
{
	char raw[64], rm[64];
	const struct cdi_device device = {
		.name = info->name,
		.raw = raw,
		.rm = rm,
		.uid = info->uid,
		.gid = info->gid,
		.mode = info->mode,
	};

	if (info->front_end != VTPM_FRONT_END_DEVICE)
		return NULL;
	snprintf(raw, sizeof(raw), "/dev/vtpm%u", info->index);
	snprintf(rm, sizeof(rm), "/dev/vtpmrm%u", info->index);
	return cdi_spec(&device, ret_problem);
}

enum cli_exit cli_device_cdi(struct cli *cli, const char *name)
{
	const char *folder = cli->cdi_dir ? cli->cdi_dir : CDI_DIR;
	_cleanup_(close_fdp) int control = -1, dir = -1;
	json_t *problem = NULL, *spec = NULL;
	struct vtpm_info info;
	int error;

	control = open_control(cli, &problem);
	if (control < 0)
		return report(cli, problem);
	dir = cdi_lock(folder);
	if (dir < 0)
		return report(cli, report_problem("failed", "look at the folder", "%s: %s", folder,
						  strerror(-dir)));
	error = ask(control, name, &info);
	if (error && error != ENOENT)
		return report(cli, explain(name, node_of(cli), error));
	if (!error)
		spec = spec_of(&info, &problem);
	error = -cdi_write(dir, name, spec);
	json_decref(spec);
	if (error)
		problem = report_problem("failed", "look at the folder",
					 "the specification of '%s' in %s: %s", name, folder,
					 strerror(error));
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

static bool is_confirmed(const struct cli *cli, const char *name)
{
	char question[256];

	if (cli->yes)
		return true;
	snprintf(question, sizeof(question),
		 "Whoever uses device %s will fail.\nType its name to go on: ", name);
	return ask_word(question, name);
}

enum cli_exit cli_device_destroy(struct cli *cli, const char *name)
{
	struct vtpm_destroy destroy = { .size = sizeof(destroy) };
	_cleanup_(close_fdp) int control = -1;
	json_t *problem = NULL;

	if (!is_confirmed(cli, name))
		return report(cli,
			      report_problem("usage", "say --yes if that is what shall be done",
					     "device '%s' stays", name));
	control = open_control(cli, &problem);
	if (control < 0)
		return report(cli, problem);
	snprintf(destroy.name, sizeof(destroy.name), "%s", name);
	if (ioctl(control, VTPM_IOC_DESTROY, &destroy))
		return report(cli, explain(name, node_of(cli), errno));
	if (cli->json)
		printf("{\"name\": \"%s\", \"destroyed\": true}\n", name);
	else
		printf("device %s is destroyed\n", name);
	return CLI_EXIT_OK;
}
