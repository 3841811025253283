// SPDX-License-Identifier: BSD-3-Clause
/* In the sandbox of a server: what it needs works, all else is refused. Each in a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/server.h"

static char writable[] = "/tmp/test_server.XXXXXX", readable[64], file[64];

static void on_warning(const char *line)
{
	(void)line;
}

/* Return: status of a child that did it in the sandbox: 0, or the errno. */
static int run(int (*deed)(void))
{
	const struct sandbox_path paths[] = { { writable, true },
					      { "/etc/passwd", false },
					      { "/not/there", true } };
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (sandbox_enter_server(paths, 3, on_warning))
			_exit(100);
		errno = 0;
		_exit(deed() ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int replace_file(void)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);

	return fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) || fdatasync(fd) ||
	       unlink(file);
}

static int read_named(void)
{
	return open("/etc/passwd", O_RDONLY) < 0;
}

static int write_named(void)
{
	return open("/etc/passwd", O_WRONLY) < 0;
}

static int read_other(void)
{
	return open("/etc/hostname", O_RDONLY) < 0 && errno == EACCES;
}

static int make_folder(void)
{
	return mkdirat(AT_FDCWD, readable, 0700);
}

static void *nothing(void *unused)
{
	return unused;
}

static int make_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}

static int make_process(void)
{
	return fork() < 0;
}

static int execute(void)
{
	return execl("/bin/true", "true", NULL);
}

static int trace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0;
}

static int signal_parent(void)
{
	return kill(getppid(), 0);
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int open_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int open_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0;
}

static void test_server_needs(void **state)
{
	(void)state;
	assert_int_equal(run(replace_file), 0);
	assert_int_equal(run(read_named), 0);
	assert_int_equal(run(make_thread), 0);
	assert_int_equal(run(open_internet), 0);
}

static void test_server_refuses(void **state)
{
	(void)state;
	assert_int_equal(run(make_folder), EPERM);
	assert_int_equal(run(make_process), EPERM);
	assert_int_equal(run(execute), EPERM);
	assert_int_equal(run(trace), EPERM);
	assert_int_equal(run(signal_parent), EPERM);
	assert_int_equal(run(make_code), EPERM);
	assert_int_equal(run(open_packet), EPERM);
}

static void test_server_files(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0)
		skip();
	assert_int_equal(run(read_other), EACCES);
	assert_int_equal(run(write_named), EACCES);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(writable))
		return -1;
	snprintf(file, sizeof(file), "%s/file", writable);
	snprintf(readable, sizeof(readable), "%s/folder", writable);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(writable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_needs),
		cmocka_unit_test(test_server_refuses),
		cmocka_unit_test(test_server_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
