// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-keyd: birth and death.
 *
 * This process holds the host root key, and for moments data keys; it is trusted with
 * nothing else: it never sees a vTPM's state or a command. It connects to the host TPM,
 * opens the directory of the key slots, listens, and enters its sandbox; the slots
 * file, the socket's messages and what the TPM answers are read after that, but for
 * what a TCTI exchanges to connect.
 */
#include "keyd/keyd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "keyd/deep.h"
#include "sandbox/sandbox.h"

/* Standard ones, TPM, directory, listener, event's own, notify, files: and some air. */
#define FILES_MAX (KEYD_PEERS_MAX + 32)

/* What free() writes over most of what it is given. Any byte but 0 */
#define PERTURB 0x5a

static struct deep deep;
static struct keyd keyd = { .listener = -1, .deep = &deep, .notify = { .fd = -1 } };

static void warn(const char *line)
{
	log_line("%s", line);
}

/* For good: who has been root is asked whether the way back is shut. */
static int become(const struct passwd *user)
{
	if (setgroups(0, NULL) || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid))
		return -errno;
	if (user->pw_uid && (!setuid(0) || !setgid(0)))
		return -EPERM;
	return 0;
}

/* STATE_DIR/keys, ours alone; root makes it for the user it will become. */
static int open_keys(const char *state_dir, int *ret)
{
	_cleanup_(close_fdp) int parent = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_fdp) int keys = -1;
	struct stat status;

	if (parent < 0 || (mkdirat(parent, "keys", 0700) && errno != EEXIST))
		return -errno;
	keys = openat(parent, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (keys < 0 || fstat(keys, &status))
		return -errno;
	if (status.st_uid != keyd.uid && geteuid() == 0) {
		if (fchown(keys, keyd.uid, (gid_t)-1) || fstat(keys, &status))
			return -errno;
	}
	if (status.st_uid != keyd.uid || status.st_mode & 077) {
		log_line("%s/keys must belong to uid %u and have mode 0700", state_dir, keyd.uid);
		return -EPERM;
	}
	if (flock(keys, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	*ret = TAKE_FD(keys);
	return 0;
}

static int listen_here(void)
{
	bool alone = keyd.options.manager_uid == keyd.uid && keyd.options.engine_uid == keyd.uid;
	char path[256];
	int n;

	n = snprintf(path, sizeof(path), "%s/keyd.sock", keyd.options.runtime_dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	/* others must be able to connect; who they are is asked of the kernel then */
	keyd.listener = ipc_listen(path, alone ? 0600 : 0666);
	return keyd.listener < 0 ? keyd.listener : 0;
}

/* Whose process this will be, and whom it will listen to. */
static int settle_users(const struct passwd **ret_user)
{
	struct keyd_options *options = &keyd.options;
	static struct passwd user;
	const struct passwd *found;

	*ret_user = NULL;
	keyd.uid = geteuid();
	if (options->user) {
		found = getpwnam(options->user);
		if (!found) {
			log_line("there is no user '%s'", options->user);
			return -EINVAL;
		}
		user = *found;
		keyd.uid = user.pw_uid;
		*ret_user = &user;
	}
	if (options->manager_uid == KEYD_NO_UID)
		options->manager_uid = keyd.uid;
	if (options->engine_uid == KEYD_NO_UID)
		options->engine_uid = keyd.uid;
	return 0;
}

static int open_everything(void)
{
	const struct passwd *user;
	int r;

	r = settle_users(&user);
	if (!r)
		r = seal_crypto_prepare();
	if (r)
		return r;
	/* TSS frees sessions as they are, with the owner's password behind their keys */
	mallopt(M_PERTURB, PERTURB);
	/* certificates have dates: for those the C library reads a file, once */
	tzset();
	/* it would look for a file of random numbers at its first object */
	json_object_seed(0);
	/* TSS writes its own lines unless told not to; ours say it once */
	setenv("TSS2_LOG", "all+none", 1);
	unsetenv("TSS2_LOGFILE");
	if (host_open(keyd.options.tcti, &keyd.host, &keyd.no_host))
		log_line("%s", keyd.no_host.text);
	if (notify_init(&keyd.notify))
		log_line("the service manager cannot be told anything: look at NOTIFY_SOCKET");
	r = open_keys(keyd.options.state_dir, &keyd.root.directory);
	if (!r)
		r = listen_here();
	if (!r && user)
		r = become(user);
	if (!r)
		r = seal_even_pair_new(keyd.scalar, keyd.point);
	signal(SIGPIPE, SIG_IGN);
	return r;
}

static int enter_sandbox(void)
{
	const struct sandbox_service service = {
		.directory_fd = keyd.root.directory,
		.stream_fd = keyd.host.fd,
		.connects = keyd.host.connects,
		.files = FILES_MAX,
	};
	const struct sandbox_profile profile = {
		.device_fd = -1,
		.messages = true,
		.service = &service,
		.warn = warn,
	};

	return sandbox_enter(&profile);
}

static int serve(void)
{
	keyd.root.host = &keyd.host;
	root_load(&keyd.root);
	witness_init(&keyd.witness, &keyd.root);
	witness_look(&keyd.witness);
	if (root_try(&keyd.root))
		log_line("%s", keyd.root.reason.text);
	else
		log_line("unlocked");
	keyd_refill(&keyd);
	notify_tell(&keyd.notify, "READY=1");
	return sd_event_loop(keyd.event);
}

/* The event loop's sources go with the process: to take them apart needs more calls. */
static void end(void)
{
	for (size_t i = 0; i < KEYD_PEERS_MAX; i++)
		keyd_peer_drop(&keyd.peers[i]);
	root_done(&keyd.root);
	secret_wipe(keyd.scalar, sizeof(keyd.scalar));
	secret_wipe(&keyd.grants, sizeof(keyd.grants));
	secret_wipe(&keyd.pool, sizeof(keyd.pool));
	host_done(&keyd.host);
}

int main(int argc, char **argv)
{
	int r;

	log_name("vtpm-keyd");
	if (keyd_options_parse(&keyd.options, argc, argv))
		return KEYD_EXIT_USAGE;
	if (keyd.options.help) {
		keyd_options_help();
		return KEYD_EXIT_OK;
	}

	r = fd_keep_only(NULL, 0);
	if (!r)
		r = keyd_block_signals();
	if (!r)
		r = open_everything();
	if (!r)
		r = keyd_loop_make(&keyd);
	if (r) {
		log_line("cannot begin: %s", strerror(-r));
		return r == -EADDRINUSE ? KEYD_EXIT_BUSY : KEYD_EXIT_ERROR;
	}
	r = enter_sandbox();
	if (r) {
		log_line("cannot enter the sandbox: errno %d", -r);
		return KEYD_EXIT_SANDBOX;
	}

	r = serve();
	if (r)
		log_line("ends: errno %d", -r);
	end();
	return r ? KEYD_EXIT_ERROR : KEYD_EXIT_OK;
}
