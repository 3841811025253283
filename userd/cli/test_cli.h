/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of vtpmctl: the real one, asking the real API over a manager that only
 * pretends, in a child process.
 */
#ifndef CLI_TEST_CLI_H
#define CLI_TEST_CLI_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/cursor.h"
#include "cli/cli.h"
#include "manager/api.h"
#include "manager/fake_for_tests.h"
#include "seal/box.h"
#include "seal/recovery.h"

#define PASSWORD    "correct horse"
#define PASS_FD	    9
#define PATIENCE_MS 20000
#define ARGUMENTS   24

/**
 * struct run - how to run vtpmctl, and what came of it
 * @stdin_text: what it can read from PASS_FD
 * @code_fd: make PASS_FD one to write to, what comes goes to @passed
 * @terminal: it has one: its standard error and standard input; the lines of @typed
 *	(separated by newlines) are typed, one after each prompt
 * @typed: see above
 * @uid: run as this user
 * @full: its standard output is a full disk
 * @out: its standard output
 * @err: its standard error, or what the terminal showed
 * @passed: what it wrote to PASS_FD
 */
struct run {
	const char *stdin_text;
	bool code_fd;
	bool terminal;
	const char *typed;
	uid_t uid;
	bool full;
	char out[64 * 1024];
	char err[64 * 1024];
	char passed[1024];
};

static char vtpmctl[PATH_MAX + 16];
static char folder[64];
static char path_of_code[128];
static pid_t server;
static struct run run;

/* Keys that server and tests know */

static uint8_t session_scalar[SEAL_SCALAR_SIZE], session_point[SEAL_POINT_SIZE];
static uint8_t root_key[SEAL_KEY_SIZE], record[RECOVERY_RECORD_SIZE];
static char code[RECOVERY_TEXT_SIZE];

static inline bool is_boxed(const char *label, const uint8_t *box, size_t length, const void *text,
			    size_t text_length)
{
	uint8_t opened[BOX_TEXT_MAX];
	size_t opened_length;

	return !box_open(session_scalar, label, (struct seal_bytes){ 0 },
			 (struct seal_bytes){ box, length }, opened, sizeof(opened),
			 &opened_length) &&
	       opened_length == text_length && !strncmp((const char *)opened, text, text_length);
}

static inline bool is_owner_box(const uint8_t *box, size_t length)
{
	return is_boxed(BOX_OWNER, box, length, PASSWORD, strlen(PASSWORD));
}

static inline bool is_root_box(const uint8_t *box, size_t length)
{
	return is_boxed(BOX_ROOT, box, length, root_key, sizeof(root_key));
}

static inline bool die(const uint8_t *box, size_t length)
{
	(void)box;
	(void)length;
	_exit(1);
}

/* What the server is told before it begins */

static inline void plain(struct manager *fake)
{
	(void)fake;
}

static inline void fresh(struct manager *fake)
{
	fake->host.state = KEYD_STATE_NONE;
	fake->record_length = 0;
}

static inline void fresh_with_password(struct manager *fake)
{
	fresh(fake);
	fake->owner_box = is_owner_box;
}

static inline void dies_at_init(struct manager *fake)
{
	fresh(fake);
	fake->owner_box = die;
}

static inline void locked(struct manager *fake)
{
	fake->host.state = KEYD_STATE_LOCKED;
	cursor_copy(fake->record, sizeof(fake->record), record, sizeof(record));
	fake->record_length = sizeof(record);
	fake->root_box = is_root_box;
}

static inline void with_vtpms(struct manager *fake)
{
	struct fake_vtpm *vtpm = fake->vtpms;

	vtpm[0].define = (struct vtpm_definition){ .name = "one", .front = VTPM_FRONT_DEVICE };
	vtpm[0].running = true;
	vtpm[1].define = (struct vtpm_definition){ .name = "off", .front = VTPM_FRONT_SOCKET };
}

static inline void with_escapes(struct manager *fake)
{
	snprintf(fake->host.host_tpm, sizeof(fake->host.host_tpm), "\033[31mred\007\xc2\x9b\x7f");
	fake->host.separated = false;
}

/* Server */

static inline void serve(void (*configure)(struct manager *fake), int ready)
{
	static struct manager fake;
	const uid_t uids[] = { 1000 };
	char path[128];
	const struct api_options options = {
		.socket_path = path,
		.listen_fd = -1,
		.uids = uids,
		.uid_count = 1,
		.gid = API_NO_GROUP,
	};
	sd_event *event;
	struct api *api;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/api.sock", folder);
	if (sd_event_new(&event) < 0)
		_exit(1);
	fake_init(&fake, event);
	cursor_copy(fake.point, sizeof(fake.point), session_point, sizeof(session_point));
	configure(&fake);
	if (api_new(&fake, event, &options, &api) || write(ready, "", 1) != 1)
		_exit(1);
	sd_event_loop(event);
	_exit(0);
}

static inline void begin(void (*configure)(struct manager *fake))
{
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	server = fork();
	assert_true(server >= 0);
	if (!server)
		serve(configure, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

static inline void end(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static inline int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vtpm-cli.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0711), 0);
	snprintf(path_of_code, sizeof(path_of_code), "%s/code", folder);
	run = (struct run){ 0 };
	return 0;
}

static inline int teardown(void **state)
{
	char path[128];

	(void)state;
	end();
	snprintf(path, sizeof(path), "%s/api.sock", folder);
	unlink(path);
	unlink(path_of_code);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* vtpmctl */

static inline void become_vtpmctl(char **arguments, const int *out, const int *err, const int *pass)
{
	int full = run.full ? open("/dev/full", O_WRONLY) : -1;

	dup2(run.full ? full : out[1], STDOUT_FILENO);
	if (!run.terminal) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, STDIN_FILENO);
		dup2(err[1], STDERR_FILENO);
	}
	dup2(pass[run.code_fd], PASS_FD);
	close_range(PASS_FD + 1, ~0u, 0);
	close_range(3, PASS_FD - 1, 0);
	if (run.uid &&
	    (setresgid(run.uid, run.uid, run.uid) || setresuid(run.uid, run.uid, run.uid)))
		_exit(126);
	/* What must not matter. */
	setenv("http_proxy", "http://localhost:1", 1);
	setenv("ALL_PROXY", "http://localhost:1", 1);
	execv(vtpmctl, arguments);
	_exit(127);
}

static inline bool ends_with(const char *text, const char *tail)
{
	size_t length = strlen(text);

	return length >= strlen(tail) && !strcmp(text + length - strlen(tail), tail);
}

/* Type the next line each time the terminal shows a prompt that was not there before. */
static inline void type_line(int terminal, const char **typed, size_t *seen)
{
	const char *const prompts[] = { "Recovery code: ", "again: ", "host TPM: ", "to go on: " };
	const char *end_of_line;
	size_t length;

	for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++) {
		if (!*typed || !**typed || strlen(run.err) == *seen ||
		    !ends_with(run.err, prompts[i]))
			continue;
		*seen = strlen(run.err);
		end_of_line = strchr(*typed, '\n');
		assert_non_null(end_of_line);
		length = (size_t)(end_of_line + 1 - *typed);
		assert_int_equal(write(terminal, *typed, length), length);
		*typed += length;
	}
}

static inline bool drain(int fd, char *to, size_t room)
{
	size_t used = strlen(to);
	ssize_t n = read(fd, to + used, room - 1 - used);

	if (n > 0)
		to[used + (size_t)n] = '\0';
	return n > 0;
}

static inline void watch(int out, int err, int pass)
{
	struct pollfd fds[3] = { { out, POLLIN, 0 },
				 { err, POLLIN, 0 },
				 { run.code_fd ? pass : -1, POLLIN, 0 } };
	struct {
		char *to;
		size_t room;
	} texts[3] = {
		{ run.out, sizeof(run.out) },
		{ run.err, sizeof(run.err) },
		{ run.passed, sizeof(run.passed) },
	};
	const char *typed = run.typed;
	size_t seen = 0;

	while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
		assert_true(poll(fds, 3, PATIENCE_MS) > 0);
		for (int i = 0; i < 3; i++)
			if (fds[i].fd >= 0 && fds[i].revents &&
			    !drain(fds[i].fd, texts[i].to, texts[i].room))
				fds[i].fd = -1;
		if (run.terminal && fds[1].fd >= 0)
			type_line(err, &typed, &seen);
	}
}

static inline int run_arguments(char **arguments)
{
	int out[2], err[2] = { -1, -1 }, pass[2], terminal = -1, wstatus;
	pid_t pid;

	run.out[0] = run.err[0] = run.passed[0] = '\0';
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(pipe2(pass, O_CLOEXEC), 0);
	pid = run.terminal ? forkpty(&terminal, NULL, NULL, NULL) : fork();
	assert_true(pid >= 0);
	if (!pid)
		become_vtpmctl(arguments, out, err, pass);
	close(out[1]);
	close(err[1]);
	if (run.stdin_text)
		assert_true(write(pass[1], run.stdin_text, strlen(run.stdin_text)) > 0);
	close(pass[1]);
	watch(out[0], run.terminal ? terminal : err[0], pass[0]);
	close(out[0]);
	close(err[0]);
	close(pass[0]);
	if (terminal >= 0)
		close(terminal);
	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
}

/* Run vtpmctl with a line of arguments, separated by blanks. */
static inline int ctl(const char *line)
{
	char text[512], *rest = NULL;
	char *arguments[ARGUMENTS] = { vtpmctl, (char[]){ "--runtime-dir" }, folder };
	int count = 3;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(count < ARGUMENTS - 1);
		arguments[count++] = word;
	}
	arguments[count] = NULL;
	return run_arguments(arguments);
}

static inline void assert_says(const char *where, const char *what)
{
	if (!strstr(where, what))
		fail_msg("'%s' is not in: %s", what, where);
}

static inline void assert_silent(const char *where, const char *what)
{
	if (strstr(where, what))
		fail_msg("'%s' is in: %s", what, where);
}

static inline json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!object)
		fail_msg("no JSON: %s: %s", error.text, text);
	return object;
}

static inline int find_program(void **state)
{
	const char *engine = getenv("VTPM_ENGINE");
	char copy[PATH_MAX];
	uint8_t point[SEAL_POINT_SIZE];

	(void)state;
	snprintf(copy, sizeof(copy), "%s", engine ? engine : "build/vtpm-engine");
	snprintf(vtpmctl, sizeof(vtpmctl), "%s/vtpmctl", dirname(copy));
	if (access(vtpmctl, X_OK))
		return -1;
	return seal_pair_new(session_scalar, session_point) ||
	       seal_random(root_key, sizeof(root_key)) || recovery_code_new(point, code) ||
	       recovery_make(point, root_key, record);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
