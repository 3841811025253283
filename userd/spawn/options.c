// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line of vtpm-spawn.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/options.h"

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

static int take_user(void *to, const char *text)
{
	struct spawn_options *options = to;

	return find_user(text, &options->uid, &options->gid);
}

static int take_manager(void *to, const char *text)
{
	uid_t *uid = to;
	gid_t gid;
	long value;

	if (options_number(text, 0, UINT_MAX - 1L, &value))
		return find_user(text, uid, &gid);
	*uid = (uid_t)value;
	return 0;
}

static int take_checkpoint(void *to, const char *text)
{
	struct spawn_options *options = to;
	long fd;

	if (options->checkpoint_count == SPAWN_ENTRIES_MAX ||
	    options_number(text, 3, INT_MAX, &fd)) {
		log_line("--checkpoint-fd: '%s' is no descriptor, or one too many", text);
		return -EINVAL;
	}
	options->checkpoints[options->checkpoint_count++] = (int)fd;
	return 0;
}

#define AT(member) offsetof(struct spawn_options, member)

static const struct options_row rows[] = {
	{ "runtime-dir", "DIR", "listen at DIR/spawn.sock; engines find keyd at DIR/keyd.sock",
	  options_text, AT(runtime_dir) },
	{ "manager-uid", "N",
	  "user of the manager (name or number), who alone may connect\n"
	  "(default: our own)", take_manager, AT(manager_uid) },
	{ "user", "NAME", "become NAME once the socket is there", take_user, 0 },
	{ "check", NULL, "say whether this program could take over here, and exit",
	  options_flag, AT(check) },
	{ "checkpoint-fd", "N", "with --check, any number of times: a checkpoint to be resumed",
	  take_checkpoint, 0 },
	{ "help", NULL, "this", options_flag, AT(help) },
};

static const struct options_program program = {
	.summary = "vtpm-spawn: forks the engines of virtual TPMs and keeps what outlives them",
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.ending =
	"SIGTERM ends all engines in order, and then this. SIGHUP leaves their TPMs, as they\n"
	"are, to the next vtpm-spawn, once the manager keeps them. When it dies otherwise, its\n"
	"engines are killed, and the next one resumes them from what the manager kept.\n"
	"\n"
	"exit status: 0 ended in order, or it could take over; 1 unexpected error; 2 usage.\n",
};

void spawn_options_help(void)
{
	options_help(&program);
}

int spawn_options_parse(struct spawn_options *options, int argc, char **argv)
{
	int r;

	*options = (struct spawn_options){
		.manager_uid = (uid_t)-1,
		.uid = geteuid(),
		.gid = getegid(),
	};
	r = options_parse(&program, options, argc, argv);
	if (options->manager_uid == (uid_t)-1)
		options->manager_uid = options->uid;
	if (r || options->help)
		return r;
	if (!options->runtime_dir) {
		log_line("--runtime-dir is missing");
		return -EINVAL;
	}
	return 0;
}
