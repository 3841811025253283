// SPDX-License-Identifier: BSD-3-Clause
/*
 * Messages between our processes: whole or not at all, read to the last byte and the
 * last descriptor, and only what the permit table has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/ipc.h"

#define OP 42

static int pair[2];
static uint8_t buffer[IPC_PACKET_MAX], received[IPC_PACKET_MAX];

static int setup(void **state)
{
	(void)state;
	return ipc_pair(pair);
}

static int teardown(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int receive(struct ipc_in *in)
{
	return ipc_receive(pair[1], received, sizeof(received), false, in);
}

static unsigned int open_files(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_ipc_round_trip(void **state)
{
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer));
	const uint8_t *blob;
	struct ipc_in in;
	char text[16];
	size_t length;

	(void)state;
	cursor_put_u32(&out.body, 0x01020304);
	ipc_put_string(&out, "text");
	ipc_put_string(&out, "");
	ipc_put_blob(&out, "blob", 4);
	ipc_put_blob(&out, NULL, 0);
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	assert_int_equal(in.op, OP);
	assert_int_equal(cursor_get_u32(&in.body), 0x01020304);
	ipc_get_string(&in, text, sizeof(text));
	assert_string_equal(text, "text");
	ipc_get_string(&in, text, sizeof(text));
	assert_string_equal(text, "");
	blob = ipc_get_blob(&in, 4, &length);
	assert_int_equal(length, 4);
	assert_memory_equal(blob, "blob", 4);
	assert_false(ipc_ended(&in));
	ipc_get_blob(&in, 0, &length);
	assert_int_equal(length, 0);
	assert_true(ipc_ended(&in));
	ipc_in_done(&in);
}

/* Cut anywhere, a message is a bad one; one byte more, and it has not ended. */
static void test_ipc_truncated(void **state)
{
	struct ipc_out whole = ipc_out(OP, buffer, sizeof(buffer));
	struct ipc_in in;
	char text[16];
	size_t length;

	(void)state;
	cursor_put_u32(&whole.body, 1);
	ipc_put_string(&whole, "text");
	ipc_put_blob(&whole, "blob", 4);
	for (size_t size = 4; size <= whole.body.used + 1; size++) {
		struct ipc_out part = whole;

		part.body.used = size;
		assert_int_equal(ipc_send(pair[0], &part), 0);
		assert_int_equal(receive(&in), 0);
		cursor_get_u32(&in.body);
		ipc_get_string(&in, text, sizeof(text));
		ipc_get_blob(&in, 16, &length);
		assert_int_equal(ipc_ended(&in), size == whole.body.used);
		assert_int_equal(in.body.bad, size < whole.body.used);
		ipc_in_done(&in);
	}
	for (size_t size = 0; size < 4; size++) {
		assert_int_equal(send(pair[0], buffer, size, 0), (ssize_t)size);
		assert_int_equal(receive(&in), -EPROTO);
	}
}

static void test_ipc_strings(void **state)
{
	static const uint8_t with_nul[] = { 0, 3, 'a', 0, 'b' };
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer));
	char large[2 * IPC_TEXT_MAX], text[IPC_TEXT_MAX], small[4];
	struct ipc_in in;

	(void)state;
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = 0;
	ipc_put_string(&out, large);
	ipc_put_string(&out, "four");
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	ipc_get_string(&in, text, sizeof(text));
	assert_int_equal(strlen(text), IPC_TEXT_MAX - 1);
	ipc_get_string(&in, small, sizeof(small));
	assert_string_equal(small, "");
	assert_true(in.body.bad);

	out = ipc_out(OP, buffer, sizeof(buffer));
	cursor_put_raw(&out.body, with_nul, sizeof(with_nul));
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	ipc_get_string(&in, text, sizeof(text));
	assert_true(in.body.bad);
	assert_string_equal(text, "");
}

static void test_ipc_blob_above_its_limit(void **state)
{
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer));
	struct ipc_in in;
	size_t length = 7;

	(void)state;
	ipc_put_blob(&out, "12345", 5);
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	assert_null(ipc_get_blob(&in, 4, &length));
	assert_int_equal(length, 0);
	assert_true(in.body.bad);
}

static void test_ipc_descriptors(void **state)
{
	unsigned int before = open_files();
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer));
	struct ipc_in in;
	int fd;

	(void)state;
	for (int i = 0; i < IPC_FDS_MAX; i++)
		ipc_put_fd(&out, 1);
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	assert_int_equal(in.fd_count, IPC_FDS_MAX);
	assert_false(ipc_ended(&in));
	fd = ipc_get_fd(&in);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	/* those nobody took are closed */
	ipc_in_done(&in);
	ipc_in_done(&in);
	assert_int_equal(open_files(), before);

	out.fd_count = 1;
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	close(ipc_get_fd(&in));
	assert_true(ipc_ended(&in));
	assert_int_equal(ipc_get_fd(&in), -1);
	assert_true(in.body.bad);
	ipc_put_fd(&out, 1);
	out.fd_count = IPC_FDS_MAX;
	ipc_put_fd(&out, 1);
	assert_int_equal(ipc_send(pair[0], &out), -EMSGSIZE);
}

/* A peer that does not use ipc_send() may try. */
static ssize_t send_raw(size_t length, size_t count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE((IPC_FDS_MAX + 1) * sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(count * sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	uint8_t op[4] = { 0, 0, 0, OP };
	struct iovec part = { .iov_base = op, .iov_len = length };
	const struct msghdr message = { .msg_iov = &part,
					.msg_iovlen = 1,
					.msg_control = &control,
					.msg_controllen = CMSG_SPACE(count * sizeof(int)) };

	return sendmsg(pair[0], &message, 0);
}

static void test_ipc_too_many_descriptors(void **state)
{
	unsigned int before = open_files();
	struct ipc_in in;

	(void)state;
	assert_int_equal(send_raw(4, IPC_FDS_MAX + 1), 4);
	assert_int_equal(receive(&in), -EPROTO);
	assert_int_equal(open_files(), before);
}

/* The kernel delivers what comes with no bytes at all. */
static void test_ipc_descriptors_of_an_empty_packet(void **state)
{
	unsigned int before = open_files();
	struct ipc_in in;

	(void)state;
	for (size_t count = 1; count <= IPC_FDS_MAX; count++) {
		assert_int_equal(send_raw(0, count), 0);
		assert_int_equal(receive(&in), -EPROTO);
	}
	assert_int_equal(open_files(), before);
	assert_int_equal(send_raw(0, 1), 0);
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	assert_int_equal(receive(&in), -EPIPE);
	assert_int_equal(receive(&in), -EPIPE);
	assert_int_equal(open_files(), before);
}

static void test_ipc_sizes(void **state)
{
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer)), tiny;
	struct ipc_in in;

	(void)state;
	cursor_put_raw(&out.body, received, sizeof(buffer) - 4);
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(receive(&in), 0);
	assert_int_equal(in.body.left, sizeof(buffer) - 4);
	/* larger than the receiver's room: gone, but not taken for a message */
	assert_int_equal(ipc_send(pair[0], &out), 0);
	assert_int_equal(ipc_receive(pair[1], received, 100, false, &in), -EPROTO);
	/* larger than its own buffer */
	cursor_put_u8(&out.body, 1);
	assert_int_equal(ipc_send(pair[0], &out), -EMSGSIZE);
	tiny = ipc_out(OP, buffer, 3);
	assert_int_equal(ipc_send(pair[0], &tiny), -EMSGSIZE);
}

static void test_ipc_end(void **state)
{
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer));
	struct ipc_in in;

	(void)state;
	assert_int_equal(ipc_send(pair[0], &out), 0);
	shutdown(pair[0], SHUT_RDWR);
	/* what was sent before is still there */
	assert_int_equal(receive(&in), 0);
	assert_int_equal(receive(&in), -EPIPE);
	assert_int_equal(ipc_send(pair[1], &out), -EPIPE);
}

static void test_ipc_full_queue(void **state)
{
	struct ipc_out out = ipc_out(OP, buffer, sizeof(buffer));
	int r = 0;

	(void)state;
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 100000 && !r; i++)
		r = ipc_send(pair[0], &out);
	assert_int_equal(r, -EAGAIN);
}

static void test_ipc_listen(void **state)
{
	char dir[] = "/tmp/vtpm-ipc-XXXXXX", path[64], longer[200];
	struct stat status;
	int listener, file, client;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(ipc_connect(path), -ENOENT);
	listener = ipc_listen(path, 0600);
	assert_true(listener >= 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	client = ipc_connect(path);
	assert_true(client >= 0);
	close(client);
	assert_int_equal(ipc_listen(path, 0600), -EADDRINUSE);
	/* its owner died */
	close(listener);
	assert_int_equal(ipc_connect(path), -ECONNREFUSED);
	listener = ipc_listen(path, 0666);
	assert_true(listener >= 0);
	close(listener);
	unlink(path);
	/* what is no socket is not ours to remove */
	file = open(path, O_CREAT | O_WRONLY, 0600);
	close(file);
	assert_int_equal(ipc_listen(path, 0600), -EEXIST);
	unlink(path);
	rmdir(dir);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(ipc_listen(longer, 0600), -ENAMETOOLONG);
	assert_int_equal(ipc_connect(longer), -ENAMETOOLONG);
}

static int count_up(void *context, struct ipc_in *in)
{
	(void)in;
	return ++*(int *)context;
}

static int refuse_it(void *context, struct ipc_in *in)
{
	(void)context;
	(void)in;
	return -EINVAL;
}

static void test_ipc_dispatch(void **state)
{
	static const struct ipc_permit table[] = {
		{ 2, 1 << 0 | 1 << 1, count_up },
		{ 4, 1 << 1, refuse_it },
	};
	struct ipc_in in = { .op = 2 };
	int count = 0;

	(void)state;
	assert_int_equal(ipc_dispatch(table, 2, 1 << 0, &count, &in), 1);
	assert_int_equal(ipc_dispatch(table, 2, 1 << 1, &count, &in), 2);
	assert_int_equal(ipc_dispatch(table, 2, 1 << 2, &count, &in), -EPROTO);
	in.op = 4;
	assert_int_equal(ipc_dispatch(table, 2, 1 << 0, &count, &in), -EPROTO);
	assert_int_equal(ipc_dispatch(table, 2, 1 << 1, &count, &in), -EINVAL);
	in.op = 3;
	assert_int_equal(ipc_dispatch(table, 2, 1 << 1, &count, &in), -EPROTO);
	assert_int_equal(ipc_dispatch(table, 0, 1 << 1, &count, &in), -EPROTO);
	assert_int_equal(count, 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_ipc_round_trip),
		CASE(test_ipc_truncated),
		CASE(test_ipc_strings),
		CASE(test_ipc_blob_above_its_limit),
		CASE(test_ipc_descriptors),
		CASE(test_ipc_too_many_descriptors),
		CASE(test_ipc_descriptors_of_an_empty_packet),
		CASE(test_ipc_sizes),
		CASE(test_ipc_end),
		CASE(test_ipc_full_queue),
		CASE(test_ipc_listen),
		CASE(test_ipc_dispatch),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
