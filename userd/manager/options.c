// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line and the configuration file. Both name the same settings; what the
 * command line says counts.
 */
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/state.h"

static const char help[] =
	"vtpmd: makes, starts and keeps virtual TPMs\n"
	"\n"
	"  --foreground         start vtpm-keyd and vtpm-spawn where they do not run yet, from\n"
	"                       the folder this program is in; SIGTERM and SIGINT end them too\n"
	"  --state-dir DIR      where the vTPMs are stored (/var/lib/vtpm)\n"
	"  --runtime-dir DIR    where the sockets are (/run/vtpm)\n"
	"  --tcti TCTI          host TPM, for the vtpm-keyd that --foreground starts, such as\n"
	"                       device:/dev/tpmrm0 or swtpm:path=SOCKET\n"
	"  --config FILE        settings: the names above and below, without --, as 'name = "
	"value'\n"
	"  --control-node PATH  of the kernel module (/dev/vtpmx)\n"
	"  --user NAME          become this user once the control node is open\n"
	"  --group NAME         members may manage vTPMs, as root and this user may\n"
	"  --spares N           vTPMs prepared in advance (4)\n"
	"  --help               this\n"
	"\n"
	"Without --foreground, vtpm-keyd and vtpm-spawn are others' to start (systemd), and\n"
	"ending this program ends no vTPM.\n";

void manager_options_help(void)
{
	fputs(help, stdout);
}

static int copy(char *to, size_t room, const char *name, const char *value)
{
	if (strlen(value) >= room || !value[0]) {
		log_line("%s: '%s' is empty or too long (at most %zu bytes)", name, value,
			 room - 1);
		return -EINVAL;
	}
	snprintf(to, room, "%s", value);
	return 0;
}

/* A path must be absolute: the processes do not share a working directory. */
static int copy_path(char *to, size_t room, const char *name, const char *value)
{
	char here[PATH_MAX], absolute[PATH_MAX + 1];

	if (value[0] == '/')
		return copy(to, room, name, value);
	if (!value[0] || !getcwd(here, sizeof(here)) ||
	    snprintf(absolute, sizeof(absolute), "%s/%s", here, value) >= (int)sizeof(absolute)) {
		log_line("%s: '%s' is no usable path", name, value);
		return -EINVAL;
	}
	return copy(to, room, name, absolute);
}

static int parse_spares(unsigned int *to, const char *value)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno || end == value || *end || number > 256) {
		log_line("spares: '%s' is no number from 0 to 256", value);
		return -EINVAL;
	}
	*to = (unsigned int)number;
	return 0;
}

#define COPY(member)	  copy(options->member, sizeof(options->member), name, value)
#define COPY_PATH(member) copy_path(options->member, sizeof(options->member), name, value)

static int set(struct manager_options *options, const char *name, const char *value)
{
	if (!strcmp(name, "state-dir"))
		return COPY_PATH(state_dir);
	if (!strcmp(name, "runtime-dir"))
		return COPY_PATH(runtime_dir);
	if (!strcmp(name, "tcti"))
		return COPY(tcti);
	if (!strcmp(name, "control-node"))
		return COPY_PATH(control_node);
	if (!strcmp(name, "user"))
		return COPY(user);
	if (!strcmp(name, "group"))
		return COPY(group);
	if (!strcmp(name, "spares"))
		return parse_spares(&options->spares, value);
	log_line("there is no setting '%s'", name);
	return -EINVAL;
}

static int on_setting(void *context, const char *section, const char *name, const char *value)
{
	if (section[0]) {
		log_line("the file has no sections, not even [%s]", section);
		return 0;
	}
	return !set(context, name, value);
}

static int read_file(struct manager_options *options, const char *path)
{
	int r = ini_parse(path, on_setting, options);

	if (r < 0)
		log_line("%s: cannot be read: %s", path, strerror(errno));
	else if (r > 0)
		log_line("%s: line %d is wrong", path, r);
	return r ? -EINVAL : 0;
}

static const struct option long_options[] = {
	{ "foreground", no_argument, NULL, 'f' },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "state-dir", required_argument, NULL, 's' },
	{ "runtime-dir", required_argument, NULL, 's' },
	{ "tcti", required_argument, NULL, 's' },
	{ "control-node", required_argument, NULL, 's' },
	{ "user", required_argument, NULL, 's' },
	{ "group", required_argument, NULL, 's' },
	{ "spares", required_argument, NULL, 's' },
	{ NULL, 0, NULL, 0 },
};

/* Two passes: the file first, wherever --config stands, then all the rest over it. */
static int pass(struct manager_options *options, int argc, char **argv, bool file)
{
	int option, at = 0, r = 0;

	optind = 1;
	opterr = file;
	while (!r && (option = getopt_long(argc, argv, "", long_options, &at)) != -1) {
		if (option == 'c' && file)
			r = read_file(options, optarg);
		else if (option == 's' && !file)
			r = set(options, long_options[at].name, optarg);
		else if (option == 'f')
			options->foreground = true;
		else if (option == 'h')
			options->help = true;
		else if (option == '?')
			r = -EINVAL;
	}
	if (!r && optind < argc) {
		log_line("'%s' is too much", argv[optind]);
		r = -EINVAL;
	}
	return r;
}

int manager_options_parse(struct manager_options *options, int argc, char **argv)
{
	int r;

	*options = (struct manager_options){
		.state_dir = "/var/lib/vtpm",
		.runtime_dir = "/run/vtpm",
		.control_node = "/dev/vtpmx",
		.spares = 4,
	};
	r = pass(options, argc, argv, true);
	if (!r)
		r = pass(options, argc, argv, false);
	return r;
}
