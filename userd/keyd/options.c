// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line: one table, from which the help is made too.
 */
#include "keyd/keyd.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum {
	OPTION_STATE_DIR = 1,
	OPTION_RUNTIME_DIR,
	OPTION_TCTI,
	OPTION_MANAGER_UID,
	OPTION_ENGINE_UID,
	OPTION_USER,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
	{ "tcti", required_argument, NULL, OPTION_TCTI },
	{ "manager-uid", required_argument, NULL, OPTION_MANAGER_UID },
	{ "engine-uid", required_argument, NULL, OPTION_ENGINE_UID },
	{ "user", required_argument, NULL, OPTION_USER },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"vtpm-keyd: keeps the host root key, hands out data keys\n"
	"\n"
	"  --state-dir DIR    the key slots are in DIR/keys\n"
	"  --runtime-dir DIR  listen at DIR/keyd.sock\n"
	"  --tcti TCTI        the host TPM, as in TPM2TOOLS_TCTI: device:/dev/tpmrm0,\n"
	"                     swtpm:path=SOCKET, mssim:host=HOST,port=PORT\n"
	"                     (without: device:/dev/tpmrm0)\n"
	"  --manager-uid U    who may manage keys, by name or uid (without: our own uid)\n"
	"  --engine-uid U     who may fetch a data key with a ticket (without: our own uid)\n"
	"  --user NAME        become NAME once host TPM, directory and socket are open\n"
	"  --help             this\n"
	"\n"
	"SIGTERM ends it; vTPMs that run are not touched by that.\n"
	"\n"
	"exit status: 0 asked to end; 1 unexpected error; 2 usage; 3 another vtpm-keyd has\n"
	"the directory or the socket; 9 no sandbox.\n";

void keyd_options_help(void)
{
	fputs(help, stdout);
}

static int parse_uid(const char *text, uid_t *ret)
{
	const struct passwd *user;
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && *text != '-' && value < KEYD_NO_UID) {
		*ret = (uid_t)value;
		return 0;
	}
	user = getpwnam(text);
	if (!user) {
		log_line("'%s' is no user and no uid", text);
		return -EINVAL;
	}
	*ret = user->pw_uid;
	return 0;
}

static int take_option(struct keyd_options *options, int option)
{
	switch (option) {
	case OPTION_STATE_DIR:
		options->state_dir = optarg;
		return 0;
	case OPTION_RUNTIME_DIR:
		options->runtime_dir = optarg;
		return 0;
	case OPTION_TCTI:
		options->tcti = optarg;
		return 0;
	case OPTION_MANAGER_UID:
		return parse_uid(optarg, &options->manager_uid);
	case OPTION_ENGINE_UID:
		return parse_uid(optarg, &options->engine_uid);
	case OPTION_USER:
		options->user = optarg;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

int keyd_options_parse(struct keyd_options *options, int argc, char **argv)
{
	int option, r = 0;

	*options = (struct keyd_options){
		.tcti = "device:/dev/tpmrm0",
		.manager_uid = KEYD_NO_UID,
		.engine_uid = KEYD_NO_UID,
	};
	while (!r && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		r = take_option(options, option);
	if (r || options->help)
		return r;
	if (optind < argc) {
		log_line("'%s' is too much", argv[optind]);
		return -EINVAL;
	}
	if (!options->state_dir || !options->runtime_dir) {
		log_line("--%s is missing", options->state_dir ? "runtime-dir" : "state-dir");
		return -EINVAL;
	}
	return 0;
}
