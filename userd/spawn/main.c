// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-spawn: birth and death.
 *
 * This process is trusted to start engines as they should be, and to keep their
 * checkpoint memories and the manager's ends of their channels. It could end any of
 * them; it cannot read what they know.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <linux/vtpm.h>

#include "base/fd.h"
#include "base/log.h"

#define SOCKET_PATH_MAX 108

static struct spawn spawn;
static char keyd_path[SOCKET_PATH_MAX], own_path[SOCKET_PATH_MAX];

/* Each vTPM takes two, and with a socket six. */
static void raise_descriptor_limit(void)
{
	unsigned long files = fd_raise_limit();

	if (files < 6 * SPAWN_ENTRIES_MAX + 64)
		log_line("at most %lu descriptors: fewer than %d vTPMs at a time", files,
			 SPAWN_ENTRIES_MAX);
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int prepare(const struct spawn_options *options)
{
	int r;

	spawn.manager = -1;
	spawn.manager_uid = options->manager_uid;
	if (snprintf(own_path, sizeof(own_path), "%s/spawn.sock", options->runtime_dir) >=
		    (int)sizeof(own_path) ||
	    snprintf(keyd_path, sizeof(keyd_path), "%s/keyd.sock", options->runtime_dir) >=
		    (int)sizeof(keyd_path))
		return -ENAMETOOLONG;
	r = fd_keep_only(NULL, 0);
	if (!r)
		r = notify_init(&spawn.notify);
	if (!r)
		r = engine_zygote_init(&spawn.zygote, keyd_path);
	if (r)
		return r;
	raise_descriptor_limit();
	spawn.signals = open_signals();
	if (spawn.signals < 0)
		return spawn.signals;
	/* Who may connect is decided by credentials; the folder keeps the others away. */
	spawn.listener = ipc_listen(own_path, options->manager_uid == geteuid() ? 0600 : 0666);
	return spawn.listener < 0 ? spawn.listener : 0;
}

/* For good: what was bound before stays, the way back does not. */
static int become(uid_t uid, gid_t gid)
{
	if (uid == geteuid() && gid == getegid())
		return 0;
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	return uid && (!setuid(0) || !setgid(0)) ? -EPERM : 0;
}

static void warn(const char *line)
{
	log_line("%s", line);
}

/* All that the children's sandboxes have, and the way into them. */
static int enter_sandbox(void)
{
	const struct sandbox_profile profile = {
		.device_fd = ENGINE_FD_LINK,
		.device_ioctl = { VTPM_IOC_EXCHANGE, VTPM_IOC_ABANDONED },
		.sockets = true,
		.accepts = true,
		.messages = true,
		.zygote = true,
		.warn = warn,
	};

	return sandbox_enter_zygote(&profile);
}

/* Whoever asks shows our standard error to people. */
static int check(const struct spawn_options *options)
{
	for (size_t i = 0; i < options->checkpoint_count; i++) {
		int known = engine_zygote_knows(options->checkpoints[i]);

		if (known > 0)
			continue;
		if (known < 0)
			log_line("a checkpoint cannot be read: %s", strerror(-known));
		else
			log_line("it cannot resume the checkpoints of the engines that run: they "
				 "are of another version");
		return 1;
	}
	if (engine_zygote_init(&spawn.zygote, keyd_path) || engine_zygote_warm(&spawn.zygote)) {
		log_line("its sandbox or its libraries do not work here");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct spawn_options options;
	int r;

	log_name("vtpm-spawn");
	if (spawn_options_parse(&options, argc, argv))
		return 2;
	if (options.help) {
		spawn_options_help();
		return 0;
	}
	if (options.check)
		return check(&options);
	r = prepare(&options);
	if (!r)
		r = become(options.uid, options.gid);
	if (!r)
		r = enter_sandbox();
	if (!r)
		r = engine_zygote_warm(&spawn.zygote);
	if (r) {
		log_line("cannot begin: errno %d", -r);
		return 1;
	}
	notify_tell(&spawn.notify, "READY=1");
	r = spawn_serve(&spawn);
	if (r)
		log_line("ends: errno %d", -r);
	return r ? 1 : 0;
}
