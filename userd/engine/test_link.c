// SPDX-License-Identifier: BSD-3-Clause
/*
 * Links: what comes in pieces is put together, what is no frame is refused, and
 * an answer is given or disposed of, never given twice. The driver is a
 * function here: this program's own ioctl().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "engine/link.h"

static const uint8_t get_random[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 16 };
static struct link link_under_test;
static struct ctrl channel;
static int ours, listener, control;

/* The driver: errors to fail with in turn, and what it was asked for. */
static struct {
	int errors[4];
	int calls;
	int answers;
	int result;
	struct vtpm_frame frame;
} driver;

int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd, unsigned long request, ...)
{
	struct vtpm_exchange *exchange;
	struct cursor_out out;
	va_list args;

	(void)fd;
	va_start(args, request);
	exchange = va_arg(args, struct vtpm_exchange *);
	va_end(args);
	assert_int_equal(request, VTPM_IOC_EXCHANGE);
	assert_int_equal(exchange->size, sizeof(*exchange));
	driver.answers += exchange->answer_size != 0;
	errno = driver.errors[driver.calls++];
	if (errno)
		return -1;
	if (!exchange->frame)
		return 0;
	out = cursor_out((void *)(uintptr_t)exchange->frame, exchange->frame_size);
	cursor_put_raw(&out, &driver.frame, sizeof(driver.frame));
	return driver.result;
}

static void open_pair(int type)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
	ours = pair[0];
	assert_int_equal(link_open(&link_under_test, pair[1], -1, NULL), 0);
}

static void open_driver(void)
{
	int fd = memfd_create("driver", MFD_CLOEXEC);

	assert_int_equal(link_open(&link_under_test, fd, -1, NULL), 0);
	assert_ptr_equal(link_under_test.ops, &link_driver_ops);
	driver.calls = driver.answers = 0;
	for (int i = 0; i < 4; i++)
		driver.errors[i] = 0;
	driver.frame = (struct vtpm_frame){ .size = 32, .kind = VTPM_FRAME_OPEN, .id = 5 };
	driver.result = 32;
	link_refuse(&link_under_test, 0);
}

static int fetch(void)
{
	return link_exchange(&link_under_test, false, true);
}

static void test_link_open_kinds(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(link_open(&link_under_test, pair[0], -1, NULL), -EINVAL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(link_open(&link_under_test, pair[0], pair[1], NULL), -EINVAL);
	assert_int_equal(link_open(&link_under_test, 999, -1, NULL), -EBADF);
}

static void test_driver_stale_answer_is_dropped(void **state)
{
	(void)state;
	open_driver();
	driver.errors[0] = ESTALE;
	assert_int_equal(link_exchange(&link_under_test, true, true), 0);
	assert_int_equal(driver.calls, 2);
	assert_int_equal(driver.answers, 1);
	assert_true(link_under_test.frame.head.id == 5);

	open_driver();
	driver.errors[0] = ESTALE;
	assert_int_equal(link_exchange(&link_under_test, true, false), 0);
	assert_int_equal(driver.calls, 1);
}

static void test_driver_errors_pass(void **state)
{
	static const int errors[] = { EPIPE, EINTR, EINVAL, ENOTTY };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		open_driver();
		driver.errors[0] = errors[i];
		assert_int_equal(link_exchange(&link_under_test, true, true), -errors[i]);
		assert_int_equal(driver.calls, 1);
	}
}

static void test_driver_bad_frames(void **state)
{
	(void)state;
	open_driver();
	driver.result = 33;
	assert_int_equal(fetch(), -EPROTO);
	driver.result = 16;
	assert_int_equal(fetch(), -EPROTO);
	open_driver();
	driver.frame.id = 0;
	assert_int_equal(fetch(), -EPROTO);
	open_driver();
	driver.frame.kind = VTPM_FRAME_COMMAND;
	driver.frame.locality = 5;
	assert_int_equal(fetch(), -EPROTO);
}

static void test_packet_bounds_and_end(void **state)
{
	static uint8_t large[VTPM_FRAME_SIZE + 1];
	struct vtpm_frame frame = { .size = sizeof(frame), .kind = VTPM_FRAME_CLOSE, .id = 1 };

	(void)state;
	open_pair(SOCK_SEQPACKET);
	assert_int_equal(send(ours, &frame, sizeof(frame), 0), sizeof(frame));
	assert_int_equal(fetch(), 0);
	assert_int_equal(send(ours, large, sizeof(large), 0), sizeof(large));
	assert_int_equal(fetch(), -EPROTO);
	assert_int_equal(send(ours, &frame, sizeof(frame) - 1, 0), sizeof(frame) - 1);
	assert_int_equal(fetch(), -EPROTO);
	close(ours);
	assert_int_equal(fetch(), -EPIPE);
	link_refuse(&link_under_test, 0);
	assert_int_equal(link_exchange(&link_under_test, true, true), -EPIPE);
}

static void test_stream_connected(void **state)
{
	static const uint8_t huge[] = { 0x80, 0x01, 0, 0, 0x10, 0x01, 0, 0, 0x01, 0x7b };
	uint8_t response[16];

	(void)state;
	open_pair(SOCK_STREAM);
	assert_int_equal(send(ours, get_random, sizeof(get_random), 0), sizeof(get_random));
	assert_int_equal(fetch(), 0);
	assert_int_equal(link_under_test.frame.head.size, 32 + sizeof(get_random));
	assert_memory_equal(link_under_test.frame.body, get_random, sizeof(get_random));

	link_respond(&link_under_test, 10);
	assert_int_equal(send(ours, huge, sizeof(huge), 0), sizeof(huge));
	assert_int_equal(link_exchange(&link_under_test, true, true), -EPIPE);
	assert_int_equal(recv(ours, response, sizeof(response), 0), 10);
}

static int alarms;

static void on_alarms(int number)
{
	(void)number;
	if (++alarms > 1000)
		_exit(1); /* the link waits for ever */
}

/* As the engine's SIGTERM handler does: interrupt whatever sleeps, again and again. */
static void test_stream_client_that_does_not_read(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarms };
	int r;

	(void)state;
	open_pair(SOCK_STREAM);
	link_respond(&link_under_test, VTPM_COMMAND_SIZE);
	sigaction(SIGALRM, &action, NULL);
	ualarm(5000, 5000);
	do
		r = link_exchange(&link_under_test, true, false);
	while (!r);
	ualarm(0, 0);
	assert_int_equal(r, -EPIPE);
	close(ours);
}

static int listen_at(struct sockaddr_un *address, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* an abstract name, behind a NUL */
	snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "vtpm-test-%d-%s",
		 (int)getpid(), name);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

static void on_alarm(int number)
{
	(void)number;
}

/* Let the link do what it can without a whole command. */
static void settle(void)
{
	const struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	ualarm(50000, 0);
	assert_int_equal(fetch(), -EINTR);
}

static uint32_t set_locality(const struct sockaddr_un *address, uint8_t locality, uint8_t command)
{
	const uint8_t request[] = { 0, 0, 0, command, locality };
	uint8_t reply[4] = { 0 };
	struct cursor_in in = cursor_in(reply, sizeof(reply));
	int fd = connect_to(address);

	assert_int_equal(send(fd, request, sizeof(request), 0), sizeof(request));
	settle();
	assert_int_equal(recv(fd, reply, sizeof(reply), MSG_DONTWAIT), 4);
	close(fd);
	settle();
	return cursor_get_u32(&in);
}

static void test_stream_listening(void **state)
{
	struct sockaddr_un data, ctrl;
	int fd, other;

	(void)state;
	listener = listen_at(&data, "data");
	control = listen_at(&ctrl, "ctrl");
	assert_int_equal(link_open(&link_under_test, listener, control, NULL), 0);
	channel.note = link_note(&link_under_test);
	link_under_test.ctrl = &channel;

	close(connect_to(&data)); /* looks in and leaves */
	assert_int_equal(set_locality(&ctrl, 3, 5), 0);
	assert_int_equal(set_locality(&ctrl, 5, 5), 0x3d);
	assert_int_equal(set_locality(&ctrl, 1, 77), 0x0a);

	fd = connect_to(&data);
	other = connect_to(&data);
	assert_int_equal(send(other, get_random, sizeof(get_random), 0), sizeof(get_random));
	for (size_t i = 0; i < sizeof(get_random) - 1; i++)
		assert_int_equal(send(fd, get_random + i, 1, 0), 1);
	settle(); /* the other one waits */
	assert_int_equal(send(fd, get_random + sizeof(get_random) - 1, 1, 0), 1);
	assert_int_equal(fetch(), 0);
	assert_int_equal(link_under_test.frame.head.locality, 3);
	close(fd);
	link_respond(&link_under_test, 10);
	assert_int_equal(link_exchange(&link_under_test, true, true), 0);
	close(other);
}

/* A command that comes together with the head of a state waits for the whole state. */
static void test_stream_command_beside_a_state(void **state)
{
	static const uint8_t head[] = { 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4 };
	struct sockaddr_un data, ctrl;
	uint8_t reply[4];
	int fd, monitor;

	(void)state;
	close(listener);
	close(control);
	listener = listen_at(&data, "data-too");
	control = listen_at(&ctrl, "ctrl-too");
	assert_int_equal(link_open(&link_under_test, listener, control, NULL), 0);
	channel = (struct ctrl){ .note = link_note(&link_under_test) };
	link_under_test.ctrl = &channel;
	fd = connect_to(&data);
	monitor = connect_to(&ctrl);
	settle(); /* both are taken */

	assert_int_equal(send(monitor, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(send(fd, get_random, sizeof(get_random), 0), sizeof(get_random));
	settle();
	assert_int_equal(send(monitor, head, 4, 0), 4);
	assert_int_equal(fetch(), 0);
	assert_int_equal(recv(monitor, reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
	close(monitor);
	close(fd);
}

#define ANSWERS 200 /* more than a socket holds */

static void read_slowly(int fd)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	size_t got = 0;
	ssize_t n;

	usleep(100000);
	while ((n = read(fd, response, sizeof(response))) > 0)
		got += (size_t)n;
	_exit(got != ANSWERS * sizeof(response));
}

/* Its end here may be a non-blocking one: that does not end it. */
static void test_stream_slow_reader_of_a_given_connection(void **state)
{
	struct sockaddr_un data;
	int pair[2], status;
	pid_t reader;

	(void)state;
	close(listener);
	listener = listen_at(&data, "data-given");
	assert_int_equal(link_open(&link_under_test, listener, -1, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, 0), 0);
	reader = fork();
	if (!reader) {
		close(pair[1]);
		read_slowly(pair[0]);
	}
	close(pair[0]);
	assert_int_equal(link_take_client(&link_under_test, pair[1]), 0);
	for (int i = 0; i < ANSWERS; i++) {
		link_respond(&link_under_test, VTPM_COMMAND_SIZE);
		assert_int_equal(link_exchange(&link_under_test, true, false), 0);
	}
	assert_int_equal(link_under_test.client, pair[1]);
	assert_true(fcntl(pair[1], F_GETFL) & O_NONBLOCK);
	close(pair[1]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_open_kinds),
		cmocka_unit_test(test_driver_stale_answer_is_dropped),
		cmocka_unit_test(test_driver_errors_pass),
		cmocka_unit_test(test_driver_bad_frames),
		cmocka_unit_test(test_packet_bounds_and_end),
		cmocka_unit_test(test_stream_connected),
		cmocka_unit_test(test_stream_client_that_does_not_read),
		cmocka_unit_test(test_stream_listening),
		cmocka_unit_test(test_stream_command_beside_a_state),
		cmocka_unit_test(test_stream_slow_reader_of_a_given_connection),
	};

	signal(SIGPIPE, SIG_IGN); /* as the engine does */
	return cmocka_run_group_tests_name("engine/link", tests, NULL, NULL);
}
