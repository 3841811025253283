// SPDX-License-Identifier: BSD-3-Clause
/*
 * The service manager's side of sd_notify(3), played.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"

static void expect_told(const char *name, int listener)
{
	struct notify notify;
	char text[32];
	ssize_t n;

	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_init(&notify), 0);
	notify_tell(&notify, "READY=1");
	n = recv(listener, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_int_equal(n, 7);
	text[n] = 0;
	assert_string_equal(text, "READY=1");
	close(notify.fd);
}

static int bind_at(const struct sockaddr_un *at, size_t length)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
			 0);
	return fd;
}

static void test_notify_tells(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/vtpm-notify-XXXXXX", name[64];
	int fd, length;

	(void)state;
	assert_non_null(mkdtemp(dir));
	length = snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	fd = bind_at(&at, (size_t)length);
	expect_told(at.sun_path, fd);
	unlink(at.sun_path);
	rmdir(dir);
	close(fd);

	/* an abstract one: '@' stands for the NUL */
	length = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "vtpm-notify-%d", getpid());
	at.sun_path[0] = 0;
	snprintf(name, sizeof(name), "@vtpm-notify-%d", getpid());
	fd = bind_at(&at, (size_t)length + 1);
	expect_told(name, fd);
	close(fd);
}

static void test_notify_nobody_wants_to_know(void **state)
{
	struct notify notify;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_init(&notify), 0);
	assert_int_equal(notify.fd, -1);
	notify_tell(&notify, "READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_init(&notify), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(notify_init(&notify), -ENOENT);
}

static void expect_interval(const char *usec, const char *pid, int interval)
{
	struct notify notify;
	int listener, length;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64];

	length = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "vtpm-watchdog-%d", getpid());
	snprintf(name, sizeof(name), "@vtpm-watchdog-%d", getpid());
	listener = bind_at(&at, (size_t)length + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", usec, 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_init(&notify), 0);
	assert_int_equal(notify.interval_ms, interval);
	close(notify.fd);
	close(listener);
}

static void test_notify_watchdog(void **state)
{
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	expect_interval("30000000", pid, 15000);
	expect_interval("1", pid, 1);
	expect_interval("0", pid, -1);
	expect_interval("30s", pid, -1);
	expect_interval("30000000", "1", -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify_tells),
		cmocka_unit_test(test_notify_nobody_wants_to_know),
		cmocka_unit_test(test_notify_watchdog),
	};

	return cmocka_run_group_tests_name("base/notify", tests, NULL, NULL);
}
