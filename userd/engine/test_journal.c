// SPDX-License-Identifier: BSD-3-Clause
/*
 * A stream client whose engines are killed all the time: the keeper's part is played
 * here, by keeping the listening sockets, the checkpoint, the journal and the pocket.
 *
 *	JOURNAL_KILLS	how many engines die (200)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/child.h"
#include "engine/engine.h"
#include "engine/test_peer.h"
#include "engine/tpmlib.h"
#include "wire/ipc.h"
#include "wire/tpm.h"

static struct test_peer peer;
static struct link_keeper keeper;
static struct sockaddr_un address;
static int listener;
static int client;
static bool unkept;
static bool disk_fails;

static int commit_fails(struct store *store, uint64_t generation, const void *bytes, size_t length)
{
	(void)store;
	(void)generation;
	(void)bytes;
	(void)length;
	return -ENOSPC;
}

/* As the plain store is, but for what the disk does. */
static struct store *open_store(void)
{
	static struct store_ops ops;
	struct store *store = store_plain_new(peer.state);

	ops = *store->ops;
	if (disk_fails)
		ops.commit = commit_fails;
	store->ops = &ops;
	return store;
}

static void run(bool manufacture)
{
	static const uint8_t nil[ENVELOPE_UUID_SIZE];
	static struct engine engine;
	int r;

	signal(SIGPIPE, SIG_IGN);
	engine.store = open_store();
	engine.instance = peer.instance;
	engine.manufacture = manufacture;
	if (link_open(&engine.link, listener, -1, unkept ? NULL : &keeper) ||
	    unit_map(&engine.unit, peer.checkpoint) ||
	    envelope_key_init(&engine.key, (const uint8_t *)ENGINE_TEST_KEY, nil, 0, 0) ||
	    engine_stop_on_signals())
		_exit(99);
	r = engine_start(&engine);
	if (!r)
		r = engine_serve(&engine);
	if (!r)
		r = engine_end(&engine);
	_exit(-r);
}

static void start(bool manufacture)
{
	peer.pid = fork();
	assert_true(peer.pid >= 0);
	if (!peer.pid)
		run(manufacture);
}

static void slay(void)
{
	int status;

	kill(peer.pid, SIGKILL);
	assert_int_equal(waitpid(peer.pid, &status, 0), peer.pid);
	assert_true(WIFSIGNALED(status));
	peer.pid = 0;
}

static int connect_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	unkept = false;
	disk_fails = false;
	test_peer_new(&peer);
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "vtpm-journal-%d",
		 (int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	keeper.journal = memfd_create("journal", MFD_CLOEXEC);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4) ||
	    keeper.journal < 0 || ipc_pair(keeper.pocket))
		return -1;
	start(true);
	client = connect_client();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (client >= 0)
		close(client);
	if (peer.pid)
		slay();
	test_peer_done(&peer);
	close(listener);
	close(keeper.journal);
	close(keeper.pocket[0]);
	close(keeper.pocket[1]);
	return 0;
}

static void put(const struct test_command *command)
{
	assert_int_equal(send(client, command->bytes, command->out.used, MSG_NOSIGNAL),
			 command->out.used);
}

/* The whole response, and nothing behind it. */
static uint32_t take(uint8_t *response, size_t room, size_t *ret_length)
{
	struct cursor_in in;
	uint32_t size;

	assert_int_equal(recv(client, response, TPM_HEAD_SIZE, MSG_WAITALL), TPM_HEAD_SIZE);
	in = cursor_in(response, TPM_HEAD_SIZE);
	cursor_get_u16(&in);
	size = cursor_get_u32(&in);
	assert_in_range(size, TPM_HEAD_SIZE, room);
	if (size > TPM_HEAD_SIZE)
		assert_int_equal(
			recv(client, response + TPM_HEAD_SIZE, size - TPM_HEAD_SIZE, MSG_WAITALL),
			size - TPM_HEAD_SIZE);
	*ret_length = size;
	return tpm_response_code(response, size);
}

static uint32_t call(struct test_command command)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	size_t length;

	put(&command);
	return take(response, sizeof(response), &length);
}

static uint64_t counter(void)
{
	struct test_command command = test_counter_read();
	uint8_t response[VTPM_COMMAND_SIZE];
	struct cursor_in in;
	size_t length;

	put(&command);
	assert_int_equal(take(response, sizeof(response), &length), TPM_RC_SUCCESS);
	in = cursor_in(response, length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4 + 2);
	return cursor_get_u64(&in);
}

static bool is_quiet(void)
{
	struct pollfd ready = { .fd = client, .events = POLLIN };

	return poll(&ready, 1, 20) == 0;
}

static void test_journal_connection_outlives_engines(void **state)
{
	(void)state;
	assert_int_equal(call(test_counter_define()), TPM_RC_SUCCESS);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(call(test_counter_increment()), TPM_RC_SUCCESS);
		slay();
		assert_true(is_quiet()); /* no end of the connection, no second answer */
		start(false);
		assert_int_equal(counter(), i);
	}
}

static void test_journal_command_waits_for_an_engine(void **state)
{
	struct test_command command = test_counter_increment();

	(void)state;
	assert_int_equal(call(test_counter_define()), TPM_RC_SUCCESS);
	slay();
	put(&command);
	assert_true(is_quiet());
	start(false);
	{
		uint8_t response[VTPM_COMMAND_SIZE];
		size_t length;

		assert_int_equal(take(response, sizeof(response), &length), TPM_RC_SUCCESS);
	}
	assert_int_equal(counter(), 1);
}

/* A new connection does not get what an old one did not read. */
static void test_journal_next_client_begins_anew(void **state)
{
	struct test_command command = test_get_random(32);

	(void)state;
	assert_int_equal(call(test_counter_define()), TPM_RC_SUCCESS);
	put(&command);
	close(client);
	slay();
	start(false);
	client = connect_client();
	assert_true(is_quiet());
	assert_int_equal(call(test_counter_increment()), TPM_RC_SUCCESS);
	assert_int_equal(counter(), 1);
}

/* Answers that were sent and not read stay as they were. */
static void test_journal_unread_answer_is_not_touched(void **state)
{
	struct test_command command = test_get_random(32);
	uint8_t response[VTPM_COMMAND_SIZE], again[VTPM_COMMAND_SIZE];
	int first = client;
	size_t length, other;

	(void)state;
	assert_int_equal(call(test_counter_define()), TPM_RC_SUCCESS);
	put(&command);
	shutdown(client, SHUT_WR);
	client = connect_client();
	put(&command);
	assert_int_equal(take(again, sizeof(again), &other), TPM_RC_SUCCESS);
	close(client);
	client = first;
	assert_int_equal(take(response, sizeof(response), &length), TPM_RC_SUCCESS);
	assert_int_equal(length, TPM_HEAD_SIZE + 2 + 32);
	assert_memory_not_equal(response, again, length);
}

/* The checkpoint outlives the engine, the connection does not: its answer is nobody else's. */
static void test_journal_without_a_keeper(void **state)
{
	(void)state;
	assert_int_equal(call(test_get_random(8)), TPM_RC_SUCCESS);
	slay();
	close(client);
	unkept = true;
	start(false);
	client = connect_client();
	assert_int_equal(call(test_counter_define()), TPM_RC_SUCCESS);
	slay();
	close(client);
	start(false);
	client = connect_client();
	assert_int_equal(call(test_counter_increment()), TPM_RC_SUCCESS);
	assert_int_equal(counter(), 1);
}

/* Nor is it another client's fault, or answer, if one that could not be kept is lost. */
static void test_journal_lost_connection(void **state)
{
	const struct link_keeper lost = { .journal = keeper.journal, .pocket = { -1, -1 } };
	uint64_t id, before = 0;
	struct link link;

	(void)state;
	slay();
	for (int i = 0; i < 2 * JOURNAL_POISON_DEATHS; i++) {
		assert_int_equal(link_open(&link, listener, -1, &lost), 0);
		assert_true(journal_begin(&link.journal, &id));
		assert_true(id && id != before);
		before = id;
		journal_close(&link.journal);
	}
}

/* Its whole life is stopped at: it answers the command that was begun, or drops it. */
static pid_t step_through(struct journal *journal, bool drops)
{
	static const uint8_t text[TPM_HEAD_SIZE];
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		if (drops)
			journal_drop(journal);
		else
			journal_answer(journal, text, sizeof(text), sizeof(text));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

/* What the next engine would find: the id of its command, and whether it was begun. */
static uint64_t find(int copy, bool *ret_begun)
{
	static uint8_t bytes[8 * VTPM_COMMAND_SIZE];
	ssize_t size = pread(keeper.journal, bytes, sizeof(bytes), 0);
	struct journal journal;
	uint64_t id;

	assert_in_range(size, VTPM_COMMAND_SIZE, sizeof(bytes) - 1);
	assert_int_equal(pwrite(copy, bytes, (size_t)size, 0), size);
	assert_int_equal(journal_open(&journal, copy, NULL, VTPM_COMMAND_SIZE), 0);
	*ret_begun = journal_is_begun(&journal);
	journal_begin(&journal, &id);
	journal_close(&journal);
	return id;
}

/* Whoever dies, at whatever instruction, leaves a command that was begun, or its end. */
static void test_journal_no_moment_between(void **state)
{
	int copy = memfd_create("copy", MFD_CLOEXEC);

	(void)state;
	slay();
	for (int drops = 0; drops < 2; drops++) {
		unsigned int between = 0, steps = 0;
		struct journal journal;
		bool begun;
		uint64_t id;
		int status;
		pid_t pid;

		assert_int_equal(journal_open(&journal, keeper.journal, NULL, VTPM_COMMAND_SIZE),
				 0);
		journal_drop(&journal);
		assert_true(journal_begin(&journal, &id));
		pid = step_through(&journal, drops);
		do {
			bool over = find(copy, &begun) != id;

			between += begun == over;
			steps++;
			assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
			assert_int_equal(waitpid(pid, &status, 0), pid);
		} while (WIFSTOPPED(status));
		assert_int_equal(status, 0);
		assert_true(steps > 100);
		assert_int_equal(between, 0);
		assert_int_equal(find(copy, &begun), id + 1);
		journal_close(&journal);
	}
	close(copy);
}

/* A command may hold an authorization. */
static void test_journal_forgets_what_was_answered(void **state)
{
	static const uint8_t secret[] = "a password that was in a command";
	uint8_t bytes[8 * VTPM_COMMAND_SIZE];
	int pair[2], status, copy = memfd_create("copy", MFD_CLOEXEC);
	struct journal journal;
	bool begun;
	uint64_t id;
	ssize_t size;
	pid_t pid;

	(void)state;
	slay();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(send(pair[1], secret, sizeof(secret), 0), sizeof(secret));
	assert_int_equal(journal_open(&journal, keeper.journal, NULL, VTPM_COMMAND_SIZE), 0);
	assert_int_equal(journal_read(&journal, pair[0]), 0);
	assert_true(journal_begin(&journal, &id));
	pid = step_through(&journal, false);
	while (find(copy, &begun) == id) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSTOPPED(status));
	}
	journal_close(&journal);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);

	size = pread(keeper.journal, bytes, sizeof(bytes), 0);
	assert_non_null(memmem(bytes, (size_t)size, secret, sizeof(secret)));
	assert_int_equal(journal_open(&journal, keeper.journal, NULL, VTPM_COMMAND_SIZE), 0);
	journal_close(&journal);
	size = pread(keeper.journal, bytes, sizeof(bytes), 0);
	assert_null(memmem(bytes, (size_t)size, secret, sizeof(secret)));
	close(pair[0]);
	close(pair[1]);
	close(copy);
}

/* What was noted of a request is not believed of the next one. */
static void test_journal_notes_of_control(void **state)
{
	static struct engine engine;
	int pair[2], journal = memfd_create("control", MFD_CLOEXEC);
	struct link_keeper kept = keeper;
	struct link *link = &engine.link;
	struct ctrl_note *note;

	(void)state;
	slay();
	kept.control_journal = journal;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link_open(link, listener, listener, &kept), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		engine.resumed = true;
		engine_control_begin(&engine);
		note = link_note(link);
		assert_false(note->took);

		if (link->client < 0)
			assert_int_equal(link_accept(listener, &link->client), 0);
		assert_int_equal(link->ctrl->ops->take_data(&engine, pair[0]), CTRL_IO_ERROR);
		assert_false(note->took); /* nor by an engine after this one */
		assert_int_equal(close(link->client), 0);
		link->client = -1;
		assert_int_equal(link->ctrl->ops->take_data(&engine, pair[0]), 0);
		assert_true(note->took);
		/* It comes again, and finds it is done. */
		assert_int_equal(link->ctrl->ops->take_data(&engine, dup(pair[1])), 0);
		assert_int_equal(link->client, pair[0]);
		/* The control connection is kept, and its request was answered. */
		assert_int_equal(journal_keep(&link->control_journal, pair[1]), 0);
		assert_int_equal(link->control >= 0, i);
		close(pair[0]);
		close(pair[1]);
		close(link->control);
		journal_drop(&link->journal);
		journal_close(&link->journal);
		journal_close(&link->control_journal);
		close(client);
		client = connect_client();
	}
	close(journal);
}

/* A monitor that powers off shuts the TPM down itself unless the guest has. */
static void test_journal_notes_a_shutdown_that_is_kept(void **state)
{
	static const struct test_command command = {
		.bytes = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x45, 0, 0 }, /* TPM2_Shutdown */
		.out = { .used = 12 },
	};
	struct journal journal;

	(void)state;
	assert_int_equal(journal_open(&journal, keeper.journal, NULL, VTPM_COMMAND_SIZE), 0);
	assert_int_equal(call(command), TPM_RC_SUCCESS);
	assert_true(journal_note(&journal)->shut);
	assert_int_equal(call(test_startup()), TPM_RC_INITIALIZE);
	assert_false(journal_note(&journal)->shut);
	slay();
	disk_fails = true;
	start(false);
	assert_int_equal(call(command), TPM_RC_NV_UNAVAILABLE);
	assert_false(journal_note(&journal)->shut);
	journal_close(&journal);
}

#define FILLING 1800

/* Blocks with a part sent, and is killed there. */
static pid_t send_a_part(int socket, const uint8_t *text, size_t length)
{
	pid_t pid = fork();
	struct journal journal;

	if (pid)
		return pid;
	if (journal_open(&journal, keeper.journal, keeper.pocket, VTPM_COMMAND_SIZE) ||
	    journal_answer(&journal, text, length, 0))
		_exit(1);
	journal_send(&journal, socket);
	_exit(2);
}

static void test_journal_half_an_answer_is_sent_on(void **state)
{
	uint8_t text[VTPM_COMMAND_SIZE], got[2 * VTPM_COMMAND_SIZE] = { 0 };
	int pair[2], least = 1, status;
	struct journal journal;
	size_t have = 0;
	ssize_t n;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 256);
	slay();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	/* so that there is room for a part */
	assert_int_equal(send(pair[0], got, FILLING, 0), FILLING);
	pid = send_a_part(pair[0], text, sizeof(text));
	usleep(50000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));

	assert_int_equal(recv(pair[1], got, FILLING, 0), FILLING);
	n = recv(pair[1], got, sizeof(got), MSG_DONTWAIT);
	assert_in_range(n, 1, sizeof(text) - 1);
	have = (size_t)n;
	assert_int_equal(journal_open(&journal, keeper.journal, keeper.pocket,
				      VTPM_COMMAND_SIZE),
			 0);
	assert_false(journal_is_sent(&journal));
	assert_int_equal(journal_send(&journal, pair[0]), 0);
	assert_true(journal_is_sent(&journal));
	while ((n = recv(pair[1], got + have, sizeof(got) - have, MSG_DONTWAIT)) > 0)
		have += (size_t)n;
	assert_int_equal(have, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
	journal_close(&journal);
	close(pair[0]);
	close(pair[1]);
}

static int keep_many(unsigned int files)
{
	const struct rlimit limit = { files, files };
	struct journal journal;

	if (setrlimit(RLIMIT_NOFILE, &limit) || (!getuid() && setuid(65534)) ||
	    journal_open(&journal, keeper.journal, keeper.pocket, VTPM_COMMAND_SIZE))
		return 1;
	for (int i = 0; i < 64; i++)
		if (journal_keep(&journal, client))
			return 2;
	return 0;
}

/* The kernel counts them together, for all engines of a user. */
static void test_journal_many_connections_are_kept(void **state)
{
	struct engine_zygote zygote;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(engine_zygote_init(&zygote, "none"), 0);
	assert_true(zygote.sandbox[ENGINE_SANDBOX_LISTENER].files > 4096);
	pid = fork();
	if (!pid)
		_exit(keep_many(zygote.sandbox[ENGINE_SANDBOX_LISTENER].files));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < _ENGINE_SANDBOX_MAX; i++)
		sandbox_done(&zygote.sandbox[i]);
}

static pid_t killer(unsigned int kills)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	srandom((unsigned int)getppid());
	while (kills--) {
		struct timespec nap = { .tv_nsec = 500000 + random() % 5000000 };
		int status;

		start(false);
		nanosleep(&nap, NULL);
		kill(peer.pid, SIGKILL);
		waitpid(peer.pid, &status, 0);
		/* Nothing but the kill may have ended it. */
		if (!WIFSIGNALED(status))
			_exit(WEXITSTATUS(status) + 1);
	}
	_exit(0);
}

static void test_journal_every_command_once(void **state)
{
	const char *wish = getenv("JOURNAL_KILLS");
	unsigned int kills = wish ? (unsigned int)strtoul(wish, NULL, 10) : 200;
	uint64_t expected = 0, given_up = 0;
	int status = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(call(test_counter_define()), TPM_RC_SUCCESS);
	slay();
	pid = killer(kills);
	while (!waitpid(pid, &status, WNOHANG)) {
		struct pollfd ready = { .fd = client, .events = POLLIN };
		struct test_command command = test_counter_increment();
		uint8_t response[VTPM_COMMAND_SIZE];
		size_t length;

		put(&command);
		/* The last engine may have died with it: the next one is started below. */
		if (poll(&ready, 1, 2000) != 1) {
			assert_int_equal(waitpid(pid, &status, 0), pid);
			start(false);
		}
		/* What was begun at two deaths is given up, and was not executed. */
		if (take(response, sizeof(response), &length) == TPM_RC_FAILURE)
			given_up++;
		else
			expected++;
		assert_in_range(tpm_response_code(response, length), TPM_RC_SUCCESS,
				TPM_RC_FAILURE);
		if (ready.revents)
			continue;
		break;
	}
	assert_int_equal(status, 0);
	if (!peer.pid)
		start(false);
	assert_int_equal(counter(), expected);
	print_message("%u engines killed: %lu increments, %lu given up\n", kills,
		      (unsigned long)expected, (unsigned long)given_up);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_journal_connection_outlives_engines),
		TEST(test_journal_command_waits_for_an_engine),
		TEST(test_journal_next_client_begins_anew),
		TEST(test_journal_unread_answer_is_not_touched),
		TEST(test_journal_without_a_keeper),
		TEST(test_journal_lost_connection),
		TEST(test_journal_no_moment_between),
		TEST(test_journal_forgets_what_was_answered),
		TEST(test_journal_notes_of_control),
		TEST(test_journal_notes_a_shutdown_that_is_kept),
		TEST(test_journal_half_an_answer_is_sent_on),
		TEST(test_journal_many_connections_are_kept),
		TEST(test_journal_every_command_once),
	};

	if (tpmlib_prepare())
		return 1;
	return cmocka_run_group_tests_name("engine/journal", tests, NULL, NULL);
}
