// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line of vtpm-spawn.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
	OPTION_RUNTIME_DIR = 1,
	OPTION_MANAGER_UID,
	OPTION_USER,
	OPTION_CHECK,
	OPTION_CHECKPOINT_FD,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
	{ "manager-uid", required_argument, NULL, OPTION_MANAGER_UID },
	{ "user", required_argument, NULL, OPTION_USER },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "checkpoint-fd", required_argument, NULL, OPTION_CHECKPOINT_FD },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"vtpm-spawn: forks the engines of virtual TPMs and keeps what outlives them\n"
	"\n"
	"  --runtime-dir DIR  listen at DIR/spawn.sock; engines find keyd at DIR/keyd.sock\n"
	"  --manager-uid N    user of the manager (name or number), who alone may connect\n"
	"                     (default: our own)\n"
	"  --user NAME        become NAME once the socket is there\n"
	"  --check            say whether this program could take over here, and exit\n"
	"  --checkpoint-fd N  with --check, any number of times: a checkpoint to be resumed\n"
	"  --help             this\n"
	"\n"
	"SIGTERM ends all engines in order, and then this. SIGHUP leaves their TPMs, as they\n"
	"are, to the next vtpm-spawn, once the manager keeps them. When it dies otherwise, its\n"
	"engines are killed, and the next one resumes them from what the manager kept.\n"
	"\n"
	"exit status: 0 ended in order, or it could take over; 1 unexpected error; 2 usage.\n";

void spawn_options_help(void)
{
	fputs(help, stdout);
}

/* /etc/passwd alone: getpwnam() would load name services into a zygote for ever. */
static int find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user;
	int r = -EINVAL;

	while (r && file && (user = fgetpwent(file))) {
		if (strcmp(user->pw_name, name))
			continue;
		*ret_uid = user->pw_uid;
		*ret_gid = user->pw_gid;
		r = 0;
	}
	if (file)
		fclose(file);
	if (r)
		log_line("there is no user '%s' in /etc/passwd", name);
	return r;
}

static int parse_manager(const char *text, uid_t *ret)
{
	gid_t gid;
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text)
		return find_user(text, ret, &gid);
	if (errno || *end || value < 0 || value >= UINT_MAX) {
		log_line("'%s' is no user", text);
		return -EINVAL;
	}
	*ret = (uid_t)value;
	return 0;
}

static int add_checkpoint(struct spawn_options *options, const char *text)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno || end == text || *end || fd < 3 || fd > INT_MAX ||
	    options->checkpoint_count == SPAWN_ENTRIES_MAX) {
		log_line("--checkpoint-fd: '%s' is no descriptor, or one too many", text);
		return -EINVAL;
	}
	options->checkpoints[options->checkpoint_count++] = (int)fd;
	return 0;
}

int spawn_options_parse(struct spawn_options *options, int argc, char **argv)
{
	int option, r = 0;

	*options = (struct spawn_options){
		.manager_uid = (uid_t)-1,
		.uid = geteuid(),
		.gid = getegid(),
	};
	while (!r && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == OPTION_RUNTIME_DIR)
			options->runtime_dir = optarg;
		else if (option == OPTION_MANAGER_UID)
			r = parse_manager(optarg, &options->manager_uid);
		else if (option == OPTION_USER)
			r = find_user(optarg, &options->uid, &options->gid);
		else if (option == OPTION_CHECK)
			options->check = true;
		else if (option == OPTION_CHECKPOINT_FD)
			r = add_checkpoint(options, optarg);
		else if (option == OPTION_HELP)
			options->help = true;
		else
			r = -EINVAL;
	}
	if (options->manager_uid == (uid_t)-1)
		options->manager_uid = options->uid;
	if (r || options->help)
		return r;
	if (optind < argc) {
		log_line("'%s' is too much", argv[optind]);
		return -EINVAL;
	}
	if (!options->runtime_dir) {
		log_line("--runtime-dir is missing");
		return -EINVAL;
	}
	return 0;
}
