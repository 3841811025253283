// SPDX-License-Identifier: BSD-3-Clause
/*
 * In the sandbox: what a profile needs works, all else is death by SIGSYS. Each
 * deed is done in a child of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

#define THE_IOCTL 0xa150

#ifndef __has_feature
#define __has_feature(x) 0
#endif

static struct sandbox prepared;
static int file, pair[2], epoll, directory;
static char place[] = "/tmp/vtpm-sandbox-XXXXXX";

static void quiet(const char *line)
{
	(void)line;
}

static int nothing(void)
{
	return 0;
}

static int log_line_to_stderr(void)
{
	return write(2, "", 0) != 0;
}

/* As libtpms does when it refuses a state or gives up. */
static int log_by_stdio(void)
{
	return dprintf(2, "%s", " ") != 1;
}

static int stat_path(void)
{
	struct stat status;

	return stat("/dev/null", &status) != -1 || errno != ENOSYS;
}

static int write_elsewhere(void)
{
	return write(1, "", 0) != 0;
}

static int commit(void)
{
	char byte = 'x';
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };

	return pwritev(file, &part, 1, 0) != 1 || fdatasync(file);
}

static int open_path(void)
{
	return open("/dev/null", O_RDONLY) < 0;
}

static int the_ioctl(void)
{
	/* a file that does not know it says ENOTTY: it got that far */
	return ioctl(file, THE_IOCTL, 0) != -1 || errno != ENOTTY;
}

static int other_ioctl(void)
{
	return ioctl(file, THE_IOCTL + 1, 0) != -1;
}

static int ioctl_elsewhere(void)
{
	return ioctl(2, THE_IOCTL, 0) != -1;
}

static int talk(void)
{
	char byte = 'x';

	return send(pair[0], &byte, 1, 0) != 1 || recv(pair[1], &byte, 1, 0) != 1;
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int take_connection(void)
{
	return accept4(pair[0], NULL, NULL, 0) != -1;
}

static int more_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int make_executable(void)
{
	return mprotect((void *)((uintptr_t)&file & ~4095ul), 4096, PROT_EXEC);
}

static int new_process(void)
{
	return (int)syscall(SYS_fork) < 0;
}

static int dumpable_again(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int signal_somebody(void)
{
	return kill(getppid(), 0);
}

static int fork_and_wait(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	return waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7;
}

/* A child of a zygote has a list of its own, which takes fork away. */
static int child_in_sandbox_forks(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(sandbox_enter_prepared(&prepared, -1) || new_process());
	return waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	       WTERMSIG(status) != SIGSYS;
}

static int new_namespace(void)
{
	return (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) < 0;
}

static int internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int send_message(void)
{
	struct msghdr none = { 0 };

	return sendmsg(file, &none, 0) != -1;
}

/* In a directory of its own: made, written, renamed, removed. */
static int replace_a_file(void)
{
	char byte = 'x';
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	int fd = openat(directory, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);

	return fd < 0 || pwritev(fd, &part, 1, 0) != 1 || fsync(fd) || close(fd) ||
	       renameat(directory, "new", directory, "file") || fsync(directory) ||
	       unlinkat(directory, "file", 0);
}

/* seccomp lets it through, for the descriptor is right; Landlock does not. */
static int open_above_it(void)
{
	if (prepared.ruleset < 0)
		return 0; /* no Landlock here */
	return openat(directory, "../..", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES ||
	       openat(directory, "/etc/passwd", O_RDONLY) >= 0 || errno != EACCES;
}

static int make_a_folder(void)
{
	return (int)syscall(SYS_mkdirat, directory, "folder", 0700) < 0;
}

static int write_the_stream(void)
{
	return write(pair[0], "x", 1) != 1;
}

static int wait_for_events(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event) ||
	       epoll_wait(epoll, &event, 1, 0) < 0;
}

static int learn_the_peer(void)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &size);
}

static int other_socket_option(void)
{
	int value;
	socklen_t size = sizeof(value);

	return getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, &size);
}

static int new_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

enum profile { BARE, DEVICE, SOCKETS, LISTENER, FILES, MESSAGES, ZYGOTE, SERVICE, CONNECTING };

static const struct {
	const char *name;
	enum profile profile;
	int (*deed)(void);
	bool allowed;
} deeds[] = {
	{ "leaves", BARE, nothing, true },
	{ "logs", BARE, log_line_to_stderr, true },
	{ "logs by stdio", BARE, log_by_stdio, true },
	{ "learns nothing of a path", FILES, stat_path, true },
	{ "writes elsewhere", FILES, write_elsewhere, false },
	{ "commits", FILES, commit, true },
	{ "commits without a file", BARE, commit, false },
	{ "opens", FILES, open_path, false },
	{ "calls its ioctl", DEVICE, the_ioctl, true },
	{ "calls another", DEVICE, other_ioctl, false },
	{ "calls it elsewhere", DEVICE, ioctl_elsewhere, false },
	{ "calls it without a device", SOCKETS, the_ioctl, false },
	{ "talks", SOCKETS, talk, true },
	{ "talks without sockets", DEVICE, talk, false },
	{ "accepts", LISTENER, take_connection, true },
	{ "accepts without a listener", SOCKETS, take_connection, false },
	{ "makes a socket", LISTENER, new_socket, false },
	{ "maps memory", BARE, more_memory, true },
	{ "maps executable memory", BARE, executable_memory, false },
	{ "makes memory executable", BARE, make_executable, false },
	{ "forks", BARE, new_process, false },
	{ "becomes dumpable", BARE, dumpable_again, false },
	{ "replaces a file of its directory", SERVICE, replace_a_file, true },
	{ "opens another path", SERVICE, open_path, false },
	{ "opens what is above", SERVICE, open_above_it, true },
	{ "makes a folder", SERVICE, make_a_folder, false },
	{ "writes to its stream", SERVICE, write_the_stream, true },
	{ "writes to another", SERVICE, write_elsewhere, false },
	{ "waits for events", SERVICE, wait_for_events, true },
	{ "learns who a peer is", SERVICE, learn_the_peer, true },
	{ "asks for another option", SERVICE, other_socket_option, false },
	{ "takes a connection", SERVICE, take_connection, true },
	{ "makes a socket", SERVICE, new_socket, false },
	{ "makes a socket to a software TPM", CONNECTING, new_socket, true },
	{ "makes a TCP socket", CONNECTING, new_tcp_socket, false },
	{ "forks", SERVICE, new_process, false },
	{ "sends a signal", BARE, signal_somebody, false },
	{ "sends a message", MESSAGES, send_message, true },
	{ "sends a message without a channel", SOCKETS, send_message, false },
	{ "forks as a zygote", ZYGOTE, fork_and_wait, true },
	{ "forks as a zygote's child", ZYGOTE, child_in_sandbox_forks, true },
	{ "opens as a zygote", ZYGOTE, open_path, false },
	{ "makes a namespace", ZYGOTE, new_namespace, false },
	{ "makes an internet socket", ZYGOTE, internet, false },
};

static int in_sandbox(enum profile kind, int (*deed)(void))
{
	const struct sandbox_service service = {
		.directory_fd = directory,
		.stream_fd = pair[0],
		.connects = kind == CONNECTING,
		.files = 32,
	};
	const struct sandbox_profile profile = {
		.device_fd = kind == DEVICE ? file : -1,
		.device_ioctl = { THE_IOCTL },
		.sockets = kind == SOCKETS || kind == LISTENER,
		.accepts = kind == LISTENER,
		.messages = kind == MESSAGES,
		.file = kind == FILES,
		.zygote = kind == ZYGOTE,
		.service = kind == SERVICE || kind == CONNECTING ? &service : NULL,
		.warn = quiet,
	};
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (kind == ZYGOTE ? sandbox_enter_zygote(&profile) : sandbox_enter(&profile))
			_exit(100);
		_exit(deed());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_sandbox_deeds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		int result = in_sandbox(deeds[i].profile, deeds[i].deed);

		if (result != (deeds[i].allowed ? 0 : -SIGSYS))
			fail_msg("%s: %d", deeds[i].name, result);
	}
}

static int setup(void **state)
{
	const struct sandbox_profile bare = { .device_fd = -1, .warn = quiet };

	(void)state;
	file = memfd_create("file", MFD_CLOEXEC);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	directory = mkdtemp(place) ? open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return file < 0 || epoll < 0 || directory < 0 || sandbox_prepare(&bare, &prepared) ||
	       socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sandbox_deeds, setup, teardown),
	};

#ifdef __SANITIZE_ADDRESS__
	puts("sandbox: skipped, a sanitizer's build logs instead of killing");
	return 0;
#elif __has_feature(address_sanitizer)
	puts("sandbox: skipped, a sanitizer's build logs instead of killing");
	return 0;
#endif
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
