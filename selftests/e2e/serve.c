// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps one vTPM served for the tests and the demo: makes the device (or a
 * listening socket), starts an engine on it, and another one when it dies.
 *
 *	CREATE -> ATTACH(reset) -> engine ----- killed -----> ATTACH(resume) -> engine
 *	                             |                                            |
 *	                             +---- SIGTERM to serve: SIGTERM, wait, DESTROY
 *	                             +---- SIGHUP: the same, ATTACH(reset) -> engine
 *
 * What outlives an engine is kept here: the checkpoint memory, the state file and,
 * in front of a socket, the listening socket. The server's file is not kept:
 * its last copy goes with the engine, which is how the driver sees the death.
 *
 * When the vTPM can be used, one line of JSON says so on stdout:
 *	{"name": "a", "path": "/dev/vtpm0", "rm": "/dev/vtpmrm0", "engine": 123}
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vtpm.h>

enum {
	FD_SERVER = 3,
	FD_STATE,
	FD_CHECKPOINT,
	FD_CONTROL,
};

struct serve {
	const char *engine;
	const char *control_node;
	const char *name;
	const char *state;
	const char *socket;
	const char *pidfile;
	uint32_t front_end;
	uint32_t create_flags;
	uint32_t uid;
	uint32_t mode;
	bool manufacture;
	bool firmware;

	int control;
	int listener;
	int control_listener;
	int state_fd;
	int checkpoint;
	uint64_t instance;
	pid_t child;
};

static void create(struct serve *s)
{
	struct vtpm_create create = {
		.size = sizeof(create),
		.flags = s->create_flags,
		.front_end = s->front_end,
		.uid = s->uid,
		.mode = s->mode,
	};

	strncpy(create.name, s->name, sizeof(create.name) - 1);
	if (getrandom(create.uuid, sizeof(create.uuid), 0) != sizeof(create.uuid))
		err(1, "getrandom");
	if (ioctl(s->control, VTPM_IOC_CREATE, &create))
		err(1, "%s: CREATE %s", s->control_node, s->name);
}

static void destroy(struct serve *s)
{
	struct vtpm_destroy destroy = { .size = sizeof(destroy) };

	strncpy(destroy.name, s->name, sizeof(destroy.name) - 1);
	if (ioctl(s->control, VTPM_IOC_DESTROY, &destroy))
		warn("%s: DESTROY %s", s->control_node, s->name);
}

static int attach(struct serve *s, uint32_t how)
{
	struct vtpm_attach attach = {
		.size = sizeof(attach),
		.flags = how | VTPM_ATTACH_JOURNALS,
		.instance = s->instance,
	};

	strncpy(attach.name, s->name, sizeof(attach.name) - 1);
	if (ioctl(s->control, VTPM_IOC_ATTACH, &attach))
		err(1, "%s: ATTACH %s", s->control_node, s->name);
	s->instance = attach.instance;
	return attach.fd;
}

static int listen_on(const char *path, const char *suffix)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int size = sizeof(address.sun_path);
	int fd;

	if (snprintf(address.sun_path, size, "%s%s", path, suffix) >= size)
		errx(2, "%s%s: longer than a socket's path may be", path, suffix);
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		err(1, "%s", address.sun_path);
	return fd;
}

/* In the child: the engine's three files at fixed numbers, nothing else. */
static void exec_engine(const struct serve *s, int server)
{
	int from[] = { server, s->state_fd, s->checkpoint, s->control_listener };
	int files = s->socket ? 4 : 3;
	int high[4];
	char instance[17];
	const char *argv[20] = { s->engine };
	sigset_t none;
	int n = 1;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < files; i++)
		high[i] = fcntl(from[i], F_DUPFD, 64);
	for (int i = 0; i < files; i++)
		if (high[i] < 0 || dup2(high[i], FD_SERVER + i) < 0)
			err(1, "dup2");
	if (close_range(FD_SERVER + files, ~0U, 0))
		err(1, "close_range");

	snprintf(instance, sizeof(instance), "%" PRIx64, s->instance);
	argv[n++] = "--fd";
	argv[n++] = "3";
	argv[n++] = "--state-fd";
	argv[n++] = "4";
	argv[n++] = "--checkpoint-fd";
	argv[n++] = "5";
	argv[n++] = "--instance";
	argv[n++] = instance;
	if (s->socket) {
		argv[n++] = "--control-fd";
		argv[n++] = "6";
	}
	if (s->manufacture)
		argv[n++] = "--manufacture";
	if (s->firmware)
		argv[n++] = "--firmware";
	execv(s->engine, (char **)argv);
	err(1, "%s", s->engine);
}

static void write_pid(const struct serve *s)
{
	FILE *file;

	if (!s->pidfile)
		return;
	file = fopen(s->pidfile, "w");
	if (!file || fprintf(file, "%d\n", s->child) < 0 || fclose(file))
		err(1, "%s", s->pidfile);
}

static void start_engine(struct serve *s, uint32_t how)
{
	int server = s->socket ? s->listener : attach(s, how);

	s->child = fork();
	if (s->child < 0)
		err(1, "fork");
	if (!s->child)
		exec_engine(s, server);
	if (!s->socket)
		close(server);
	write_pid(s);
}

static void get_info(struct serve *s, struct vtpm_info *info)
{
	*info = (struct vtpm_info){ .size = sizeof(*info) };
	strncpy(info->name, s->name, sizeof(info->name) - 1);
	if (ioctl(s->control, VTPM_IOC_INFO, info))
		err(1, "%s: INFO %s", s->control_node, s->name);
}

static void say_ready(struct serve *s)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	struct vtpm_info info;

	if (s->socket) {
		printf("{\"name\": \"%s\", \"path\": \"%s\", \"engine\": %d}\n", s->name,
		       s->socket, s->child);
		fflush(stdout);
		return;
	}
	get_info(s, &info);
	/* A chip is there when the TPM core has talked to it; a minute is plenty. */
	for (int i = 0; info.front_end == VTPM_FRONT_END_CHIP && info.chip < 0; i++) {
		if (i == 3000)
			errx(1, "%s: the chip was not registered within a minute", s->name);
		nanosleep(&pause, NULL);
		get_info(s, &info);
	}
	if (info.front_end == VTPM_FRONT_END_CHIP)
		printf("{\"name\": \"%s\", \"path\": \"/dev/tpm%d\", \"rm\": \"/dev/tpmrm%d\", \"engine\": %d}\n",
		       s->name, info.chip, info.chip, s->child);
	else
		printf("{\"name\": \"%s\", \"path\": \"/dev/vtpm%u\", \"rm\": \"/dev/vtpmrm%u\", \"engine\": %d}\n",
		       s->name, info.index, info.index, s->child);
	fflush(stdout);
}

static void make_checkpoint(struct serve *s)
{
	s->checkpoint = memfd_create("vtpm-checkpoint", MFD_CLOEXEC);
	if (s->checkpoint < 0)
		err(1, "memfd_create");
}

/* As a machine that is switched off and on: NV stays, all else is gone. */
static void reset(struct serve *s)
{
	close(s->checkpoint);
	make_checkpoint(s);
	s->manufacture = false;
	start_engine(s, VTPM_ATTACH_RESET);
}

/* Returns when the engine has ended by itself or was asked to; its exit status. */
static int serve(struct serve *s, const sigset_t *signals)
{
	bool stopping = false, resetting = false;
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			resetting = info.si_signo == SIGHUP;
			stopping = !resetting;
			kill(s->child, SIGTERM);
		}
		if (waitpid(s->child, &status, WNOHANG) != s->child)
			continue;
		if (resetting && WIFEXITED(status) && !WEXITSTATUS(status)) {
			resetting = false;
			reset(s);
			continue;
		}
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (stopping)
			return 0;
		fprintf(stderr, "serve: %s: the engine died by signal %d, the next one resumes\n",
			s->name, WTERMSIG(status));
		s->manufacture = false;
		start_engine(s, VTPM_ATTACH_RESUME);
	}
}

static void usage(void)
{
	fputs("usage: serve --engine FILE --name NAME --state FILE [--manufacture]\n"
	      "             [--front-end device|chip | --socket PATH [--firmware]]\n"
	      "             [--uid N] [--mode OCTAL] [--allow-default] [--control NODE]\n"
	      "             [--pidfile FILE]\n",
	      stderr);
	exit(2);
}

static void parse(struct serve *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "engine", required_argument, NULL, 'e' },
		{ "name", required_argument, NULL, 'n' },
		{ "state", required_argument, NULL, 's' },
		{ "manufacture", no_argument, NULL, 'm' },
		{ "front-end", required_argument, NULL, 'f' },
		{ "socket", required_argument, NULL, 'k' },
		{ "firmware", no_argument, NULL, 'w' },
		{ "uid", required_argument, NULL, 'u' },
		{ "mode", required_argument, NULL, 'o' },
		{ "allow-default", no_argument, NULL, 'a' },
		{ "control", required_argument, NULL, 'c' },
		{ "pidfile", required_argument, NULL, 'p' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'e': s->engine = optarg; break;
		case 'n': s->name = optarg; break;
		case 's': s->state = optarg; break;
		case 'm': s->manufacture = true; break;
		case 'k': s->socket = optarg; break;
		case 'w': s->firmware = true; break;
		case 'u': s->uid = strtoul(optarg, NULL, 10); break;
		case 'o': s->mode = strtoul(optarg, NULL, 8); break;
		case 'a': s->create_flags |= VTPM_CREATE_ALLOW_DEFAULT; break;
		case 'c': s->control_node = optarg; break;
		case 'p': s->pidfile = optarg; break;
		case 'f':
			if (!strcmp(optarg, "chip"))
				s->front_end = VTPM_FRONT_END_CHIP;
			else if (strcmp(optarg, "device"))
				usage();
			break;
		default:
			usage();
		}
	}
	if (!s->engine || !s->name || !s->state || optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	struct serve s = {
		.control_node = "/dev/vtpmx",
		.front_end = VTPM_FRONT_END_DEVICE,
		.control = -1,
		.listener = -1,
		.control_listener = -1,
	};
	sigset_t signals;
	int status;

	parse(&s, argc, argv);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	s.state_fd = open(s.state, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s.state_fd < 0)
		err(1, "%s", s.state);
	make_checkpoint(&s);
	if (s.socket) {
		/* tpm2-tss's swtpm TCTI opens a second socket for the locality. */
		s.listener = listen_on(s.socket, "");
		s.control_listener = listen_on(s.socket, ".ctrl");
	} else {
		s.control = open(s.control_node, O_RDWR | O_CLOEXEC);
		if (s.control < 0)
			err(1, "%s", s.control_node);
		create(&s);
	}

	start_engine(&s, VTPM_ATTACH_RESET);
	say_ready(&s);
	status = serve(&s, &signals);
	if (s.socket)
		unlink(s.socket);
	else
		destroy(&s);
	if (status)
		fprintf(stderr, "serve: %s: the engine ended with status %d\n", s.name, status);
	return status;
}
