// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmd: birth and death.
 *
 * This process decides which vTPMs there are and who may manage them. It is trusted with
 * their definitions, with the driver's control node, and with keeping envelopes safe;
 * it parses no TPM bytes and sees no key and no plaintext state.
 *
 * It may die at any moment: definitions and envelopes are durable before anybody hears
 * of them, engines live on with vtpm-spawn, and the next vtpmd finds them there.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/api.h"
#include "manager/backup.h"
#include "manager/state.h"
#include "manager/witness.h"
#include "store/copy.h"
#include "wire/ipc_keyd.h"

/* children_end() may take ten more. */
#define END_SECONDS 50

static struct manager manager = { .control = -1 };

/* The mode is meant as it is: the umask is for files. One that is there keeps its own. */
static int make_dir(const char *path, mode_t mode)
{
	if (!mkdir(path, mode) ? !chmod(path, mode) : errno == EEXIST)
		return 0;
	log_line("%s: cannot be made: %s", path, strerror(errno));
	return -errno;
}

/* Of all of root, only the right to give sockets to whom --owner names is kept. */
static int keep_chown(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[0].effective = data[0].permitted = 1u << CAP_CHOWN;
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int give_up_root(const struct manager_options *options, const struct passwd *user)
{
	if (chown(options->state_dir, user->pw_uid, user->pw_gid) ||
	    chown(options->runtime_dir, user->pw_uid, user->pw_gid) || prctl(PR_SET_KEEPCAPS, 1) ||
	    initgroups(options->user, user->pw_gid) ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid))
		return -errno;
	return keep_chown();
}

static int become_user(const struct manager_options *options)
{
	const struct passwd *user;
	int r;

	if (!options->user[0] || geteuid())
		return 0;
	user = getpwnam(options->user);
	if (!user) {
		log_line("--user: there is no user '%s'", options->user);
		return -EINVAL;
	}
	r = give_up_root(options, user);
	if (r)
		log_line("cannot become '%s': %s", options->user, strerror(-r));
	return r;
}

/* Two managers with one state would each overwrite what the other has acknowledged. */
static int claim_state(const struct manager_options *options)
{
	char path[sizeof(options->state_dir) + 8];
	int fd, r;

	snprintf(path, sizeof(path), "%s/lock", options->state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		log_line("%s: %s", path, strerror(errno));
		return -errno;
	}
	r = fd_claim(fd);
	if (r)
		log_line("%s: another vtpmd runs with this state directory", options->state_dir);
	return r;
}

static void add_stored(void *context, const struct vtpm_definition *define, uint64_t generation)
{
	struct vtpm *vtpm = manager_add(context, define);

	vtpm->stored = true;
	vtpm->generation = generation;
}

static int on_archive(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source;
	(void)fd;
	(void)events;
	archive_dispatch(((struct manager *)context)->archive);
	rollback_look(context);
	return 0;
}

static int begin_witness(void)
{
	char path[sizeof(manager.options.runtime_dir) + 16];
	struct archive_witness as_asked;
	int r;

	snprintf(path, sizeof(path), "%s/keyd.sock", manager.options.runtime_dir);
	r = witness_new(path, &manager.witness);
	if (r)
		return r;
	as_asked = witness_for(manager.witness);
	archive_set_witness(manager.archive, &as_asked);
	manager.rollback.verdict = KEYD_VERDICT_UNASKED;
	return 0;
}

/* A store that was there before must not be made anew, without its vTPMs. */
static int check_missing(const char *path)
{
	if (!copy_is_alone(path))
		return 0;
	log_line("%s is missing or empty, but its copy is there: no new one is made. Put it back; where none "
		 "of the vTPMs is wanted any more, remove the copy",
		 path);
	return -ENOENT;
}

static void add_mark(void *context, const struct archive_mark *mark)
{
	struct vtpm *vtpm = manager_find_uuid(context, mark->uuid);

	if (!vtpm || mark->way != ARCHIVE_LEFT)
		return;
	vtpm->moved = true;
	text_cut(vtpm->moved_to, sizeof(vtpm->moved_to), mark->host);
}

static int open_store(const char *path)
{
	char reason[256];
	int r = check_missing(path);

	if (r)
		return r;
	r = archive_open(path, reason, sizeof(reason), &manager.archive);
	if (r) {
		log_line("%s cannot be opened: %s. Nothing was changed in it", path, reason);
		return r;
	}
	r = archive_each(manager.archive, add_stored, &manager);
	if (!r)
		r = archive_each_papers(manager.archive, certify_add_stored, &manager);
	if (!r)
		r = archive_each_mark(manager.archive, add_mark, &manager);
	if (r)
		log_line("%s cannot be read whole (errno %d). Nothing was changed in it", path, -r);
	return r;
}

static int open_archive(void)
{
	char path[sizeof(manager.options.state_dir) + 16];
	int r;

	snprintf(path, sizeof(path), "%s/vtpm.db", manager.options.state_dir);
	r = open_store(path);
	if (r == -EUCLEAN || r == -ENOENT || r == -EIO)
		backup_offer(manager.options.state_dir, path);
	if (r)
		return r;
	r = gate_open(&manager);
	if (!r)
		r = begin_witness();
	if (!r)
		r = backup_new(path, manager.archive, &manager.backup);
	if (r)
		return r;
	r = sd_event_add_io(manager.event, &manager.archive_source, archive_fd(manager.archive),
			    EPOLLIN, on_archive, &manager);
	return r < 0 ? r : 0;
}

static int on_end_timer(sd_event_source *source, uint64_t now, void *context)
{
	(void)source;
	(void)now;
	(void)context;
	log_line("not all has ended within %d s", END_SECONDS);
	return sd_event_exit(manager.event, EXIT_FAILURE);
}

/* Under systemd only this process ends; in the foreground, all that was started for it. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	(void)context;
	if (!manager.options.foreground)
		return sd_event_exit(manager.event, EXIT_SUCCESS);
	if (manager.ending)
		return 0;
	manager.ending = true;
	sd_notify(0, "STOPPING=1");
	sd_event_add_time_relative(manager.event, NULL, CLOCK_MONOTONIC, END_SECONDS * 1000000ull,
				   0, on_end_timer, NULL);
	manager_end(&manager);
	return 0;
}

static int begin_loop(void)
{
	static const int ends[] = { SIGTERM, SIGINT };
	sigset_t blocked;
	int r;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_default(&manager.event);
	for (size_t i = 0; r >= 0 && i < sizeof(ends) / sizeof(ends[0]); i++)
		r = sd_event_add_signal(manager.event, NULL, ends[i], on_end, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(manager.event, true);
	return r < 0 ? r : 0;
}

static int begin_api(void)
{
	char path[sizeof(manager.options.runtime_dir) + 16];
	struct api_options options = {
		.socket_path = path,
		.listen_fd = -1,
		.gid = API_NO_GROUP,
	};
	const struct group *group;
	int r;

	snprintf(path, sizeof(path), "%s/api.sock", manager.options.runtime_dir);
	if (manager.options.group[0]) {
		group = getgrnam(manager.options.group);
		if (!group) {
			log_line("--group: there is no group '%s'", manager.options.group);
			return -EINVAL;
		}
		options.gid = group->gr_gid;
	}
	r = api_new(&manager, manager.event, &options, &manager.api);
	if (r == -EADDRINUSE)
		log_line("%s: another vtpmd answers there; end it, or choose another --runtime-dir",
			 path);
	return r;
}

static int begin_all(void)
{
	int r = 0;

	if (manager.options.foreground)
		r = children_init(&manager);
	if (!r)
		r = manager_keyd_init(&manager);
	if (!r)
		r = manager_spawn_init(&manager);
	if (!r)
		r = begin_api();
	if (r)
		log_line("cannot begin: %s", strerror(-r));
	return r;
}

static int prepare(void)
{
	const struct manager_options *options = &manager.options;
	int r;

	umask(0077);
	fd_raise_limit();
	r = make_dir(options->state_dir, 0700);
	if (!r)
		r = make_dir(options->runtime_dir, 0755);
	if (!r)
		r = begin_loop();
	driver_open(&manager);
	if (!r)
		r = become_user(options);
	if (!r)
		r = claim_state(options);
	if (!r)
		r = open_archive();
	return r;
}

int main(int argc, char **argv)
{
	int status;

	log_name("vtpmd");
	if (manager_options_parse(&manager.options, argc, argv))
		return 2;
	if (manager.options.help) {
		manager_options_help();
		return EXIT_SUCCESS;
	}
	if (prepare() || begin_all())
		return EXIT_FAILURE;
	sd_notify(0, "READY=1");
	status = sd_event_loop(manager.event);
	/* Commits that end from here on are answered, and no loop listens for the next ones. */
	manager.ending = true;
	for (struct vtpm *vtpm = manager.vtpms; vtpm; vtpm = vtpm->next)
		vtpm->channel_source = sd_event_source_disable_unref(vtpm->channel_source);
	api_free(manager.api);
	rollback_end(&manager);
	backup_free(manager.backup);
	witness_end(manager.witness);
	archive_free(manager.archive);
	witness_free(manager.witness);
	children_end(&manager);
	return status < 0 ? EXIT_FAILURE : status;
}
