// SPDX-License-Identifier: BSD-3-Clause
/*
 * The real vtpmctl, asking the real API over a manager that only pretends, in a child
 * process. What must hold besides the obvious: a recovery code reaches its place and
 * nothing else, exit statuses are those of the manual, errors of --json are JSON.
 */
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

static bool is_boxed(const char *label, const uint8_t *box, size_t length, const void *text,
		     size_t text_length)
{
	uint8_t opened[BOX_TEXT_MAX];
	size_t opened_length;

	return !box_open(session_scalar, label, (struct seal_bytes){ 0 },
			 (struct seal_bytes){ box, length }, opened, sizeof(opened),
			 &opened_length) &&
	       opened_length == text_length && !strncmp((const char *)opened, text, text_length);
}

static bool is_owner_box(const uint8_t *box, size_t length)
{
	return is_boxed(BOX_OWNER, box, length, PASSWORD, strlen(PASSWORD));
}

static bool is_root_box(const uint8_t *box, size_t length)
{
	return is_boxed(BOX_ROOT, box, length, root_key, sizeof(root_key));
}

static bool die(const uint8_t *box, size_t length)
{
	(void)box;
	(void)length;
	_exit(1);
}

/* What the server is told before it begins */

static void plain(struct manager *fake)
{
	(void)fake;
}

static void fresh(struct manager *fake)
{
	fake->host.state = KEYD_STATE_NONE;
	fake->record_length = 0;
}

static void fresh_with_password(struct manager *fake)
{
	fresh(fake);
	fake->owner_box = is_owner_box;
}

static void dies_at_init(struct manager *fake)
{
	fresh(fake);
	fake->owner_box = die;
}

static void locked(struct manager *fake)
{
	fake->host.state = KEYD_STATE_LOCKED;
	cursor_copy(fake->record, sizeof(fake->record), record, sizeof(record));
	fake->record_length = sizeof(record);
	fake->root_box = is_root_box;
}

static void with_vtpms(struct manager *fake)
{
	struct fake_vtpm *vtpm = fake->vtpms;

	vtpm[0].define = (struct vtpm_definition){ .name = "one", .front = VTPM_FRONT_DEVICE };
	vtpm[0].running = true;
	vtpm[1].define = (struct vtpm_definition){ .name = "off", .front = VTPM_FRONT_SOCKET };
}

static void with_escapes(struct manager *fake)
{
	snprintf(fake->host.host_tpm, sizeof(fake->host.host_tpm), "\033[31mred\007\xc2\x9b\x7f");
	fake->host.separated = false;
}

/* Server */

static void serve(void (*configure)(struct manager *fake), int ready)
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

static void begin(void (*configure)(struct manager *fake))
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

static void end(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vtpm-cli.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0711), 0);
	snprintf(path_of_code, sizeof(path_of_code), "%s/code", folder);
	run = (struct run){ 0 };
	return 0;
}

static int teardown(void **state)
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

static void become_vtpmctl(char **arguments, const int *out, const int *err, const int *pass)
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

static bool ends_with(const char *text, const char *tail)
{
	size_t length = strlen(text);

	return length >= strlen(tail) && !strcmp(text + length - strlen(tail), tail);
}

/* Type the next line each time the terminal shows a prompt that was not there before. */
static void type_line(int terminal, const char **typed, size_t *seen)
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

static bool drain(int fd, char *to, size_t room)
{
	size_t used = strlen(to);
	ssize_t n = read(fd, to + used, room - 1 - used);

	if (n > 0)
		to[used + (size_t)n] = '\0';
	return n > 0;
}

static void watch(int out, int err, int pass)
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

static int run_arguments(char **arguments)
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
static int ctl(const char *line)
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

static void assert_says(const char *where, const char *what)
{
	if (!strstr(where, what))
		fail_msg("'%s' is not in: %s", what, where);
}

static void assert_silent(const char *where, const char *what)
{
	if (strstr(where, what))
		fail_msg("'%s' is in: %s", what, where);
}

static json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!object)
		fail_msg("no JSON: %s: %s", error.text, text);
	return object;
}

/* The commands */

static void test_cli_life(void **state)
{
	(void)state;
	begin(plain);
	assert_int_equal(ctl("create demo --mode 0660 --pcr-banks sha256,sha384"), 0);
	assert_string_equal(run.out, "demo is running: /dev/vtpm0 /dev/vtpmrm0\n");
	assert_string_equal(run.err, "");
	assert_int_equal(ctl("create sock --front-end=socket --no-start --owner 12345:54321"), 0);
	assert_string_equal(run.out, "sock is defined: /run/vtpm/sock.sock\n");
	assert_int_equal(ctl("start sock"), 0);
	assert_string_equal(run.out, "sock is running: /run/vtpm/sock.sock\n");
	assert_int_equal(ctl("reset sock"), 0);
	assert_int_equal(ctl("stop sock"), 0);
	assert_string_equal(run.out, "sock is defined: /run/vtpm/sock.sock\n");
	assert_int_equal(ctl("show sock"), 0);
	assert_says(run.out, "owner:           12345\n");
	assert_says(run.out, "group:           54321\n");
	assert_says(run.out, "protection:      hardware\n");
	assert_int_equal(ctl("wait demo"), 0);
	assert_int_equal(ctl("list"), 0);
	assert_says(
		run.out,
		"NAME  STATE    FRONT-END  DEVICE/SOCKET            PROTECTION  ROLLBACK  UUID");
	assert_says(run.out, "demo  running  device     /dev/vtpm0 /dev/vtpmrm0  hardware");
	assert_int_equal(ctl("remove demo --yes"), 0);
	assert_string_equal(run.out, "demo is removed\n");
	assert_int_equal(ctl("show demo"), 3);
}

static void test_cli_json(void **state)
{
	const char *const lines[] = {
		"--json create j",	 "create k --json --no-start",
		"list --json",		 "show j --json",
		"start j --json",	 "stop j --json",
		"host show --json",	 "--json reset j",
		"remove --json j --yes",
	};
	json_t *object;

	(void)state;
	begin(plain);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(ctl(lines[i]), 0);
		object = json_of(run.out);
		assert_true(json_is_object(object));
		json_decref(object);
		assert_string_equal(run.err, "");
	}
}

static void test_cli_json_problem(void **state)
{
	const char *const lines[] = { "show gone --json",  "--json fly",
				      "--json list --yes", "--json create",
				      "--json --wings",	   "--json wait x --timeout" };
	json_t *object;

	(void)state;
	begin(plain);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(ctl(lines[i]), i ? 2 : 3);
		assert_string_equal(run.out, "");
		object = json_of(run.err);
		assert_non_null(json_object_get(object, "type"));
		assert_non_null(json_object_get(object, "detail"));
		assert_non_null(json_object_get(object, "next"));
		json_decref(object);
	}
}

static void test_cli_config_cdi(void **state)
{
	json_t *spec, *device, *edits, *nodes, *mounts;

	(void)state;
	begin(plain);
	assert_int_equal(ctl("create web --mode 0640 --owner 12345:54321"), 0);
	assert_int_equal(ctl("config web --format cdi"), 0);
	spec = json_of(run.out);
	assert_string_equal(json_string_value(json_object_get(spec, "kind")), "vtpm.local/vtpm");
	device = json_array_get(json_object_get(spec, "devices"), 0);
	assert_string_equal(json_string_value(json_object_get(device, "name")), "web");
	edits = json_object_get(device, "containerEdits");
	nodes = json_object_get(edits, "deviceNodes");
	mounts = json_object_get(edits, "mounts");
	assert_int_equal(json_array_size(nodes), 2);
	assert_int_equal(json_array_size(mounts), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *node = json_array_get(nodes, i), *mount = json_array_get(mounts, i);
		const char *path = json_string_value(json_object_get(node, "path"));

		assert_string_equal(path, i ? "/dev/vtpmrm0" : "/dev/vtpm0");
		assert_null(json_object_get(node, "hostPath"));
		assert_int_equal(json_integer_value(json_object_get(node, "fileMode")), 0640);
		assert_int_equal(json_integer_value(json_object_get(node, "uid")), 12345);
		assert_int_equal(json_integer_value(json_object_get(node, "gid")), 54321);
		assert_string_equal(json_string_value(json_object_get(mount, "hostPath")), path);
		assert_string_equal(json_string_value(json_object_get(mount, "containerPath")),
				    i ? "/dev/tpmrm0" : "/dev/tpm0");
	}
	json_decref(spec);
}

static void test_cli_config_refused(void **state)
{
	(void)state;
	begin(plain);
	assert_int_equal(ctl("config web --format cdi"), 3);
	assert_int_equal(ctl("create web --front-end socket"), 0);
	assert_int_equal(ctl("config web --format cdi"), 4);
	assert_says(run.err, "'web' is behind the front end socket");
	assert_int_equal(ctl("config web"), 4);
	assert_says(run.err, "make one with --front-end vm");
	assert_int_equal(ctl("config web --format xml"), 2);
	assert_int_equal(ctl("create odd."), 0);
	assert_int_equal(ctl("config odd. --format cdi"), 2);
	assert_says(run.err, "'odd.' is no name of a CDI device");
}

static void test_cli_exit_statuses(void **state)
{
	const struct {
		const char *line;
		int status;
	} cases[] = {
		{ "start problem-invalid", 2 },
		{ "start problem-not-found", 3 },
		{ "create problem-exists", 4 },
		{ "start problem-forbidden", 11 },
		{ "reset problem-conflict", 4 },
		{ "start problem-locked", 5 },
		{ "create problem-uninitialised", 5 },
		{ "create problem-no-hardware", 8 },
		{ "start problem-auth", 6 },
		{ "start problem-host-tpm", 8 },
		{ "create problem-no-driver", 8 },
		{ "create problem-storage", 9 },
		{ "start problem-timeout", 10 },
		{ "wait problem-failed", 1 },
		{ "stop problem-internal", 1 },
		{ "remove problem-conflict --yes", 4 },
		{ "wait off --timeout 1", 10 },
		{ "show none", 3 },
		{ "help", 0 },
		{ "--version", 0 },
		{ "--help", 0 },
		{ "list", 0 },
	};

	(void)state;
	begin(with_vtpms);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ctl(cases[i].line) != cases[i].status)
			fail_msg("%s: not %d: %s", cases[i].line, cases[i].status, run.err);
		if (cases[i].status)
			assert_says(run.err, "\n  next: ");
	}
	assert_int_equal(ctl("start problem-locked"), 5);
	assert_string_equal(run.err, "vtpmctl: vTPM 'problem-locked' has problem 'locked'\n"
				     "  next: do as the test says\n");
}

static void test_cli_usage(void **state)
{
	const char *const lines[] = {
		"",
		"fly",
		"host",
		"host fly",
		"list one",
		"show",
		"show a b",
		"show a/b",
		"show ..%2f",
		"create a --timeout 1",
		"create a --front-end usb",
		"create a --mode rw",
		"create a --mode 07777",
		"create a --owner nobody-has-this-name",
		"create a --owner 12345",
		"create a --owner root:no-such-group",
		"create a --pcr-banks md5",
		"create a --pcr-banks ,",
		"wait a --timeout 0",
		"wait a --timeout -1",
		"wait a --timeout",
		"wait a --timeout 1s",
		"host init --pcrs 24",
		"host init --pcrs",
		"host init --recovery-code-fd 1",
		"host init --recovery-code-fd 2",
		"host init --recovery-code-fd 8",
		"host init --recovery-code-fd 9",
		"host init --recovery-code-fd 3 --recovery-code-file /nowhere/x",
		"host init --recovery-code-file /nowhere/x",
		"remove one",
		"help fly",
	};

	(void)state;
	begin(with_vtpms);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		/* the last but for two needs a host to be refused for its file only */
		if (strstr(lines[i], "/nowhere/x") && !strstr(lines[i], "-fd"))
			continue;
		if (ctl(lines[i]) != 2)
			fail_msg("'%s' is not refused: %s%s", lines[i], run.out, run.err);
		assert_says(run.err, "vtpmctl: ");
	}
	assert_int_equal(ctl("show one"), 0);
}

static bool is_migration_box(const uint8_t *box, size_t length)
{
	return is_boxed(BOX_MIGRATION, box, length, "0123456789abcdefghijklmnopqrstuv", 32);
}

static void wants_migration_key(struct manager *fake)
{
	fake->migration_box = is_migration_box;
}

static void test_cli_migration_key(void **state)
{
	(void)state;
	begin(wants_migration_key);
	assert_int_equal(ctl("host migration-key"), 2);
	assert_says(run.err, "no terminal");
	run.stdin_text = "303132333435363738396162636465666768696a6b6c6d6e6f7071727374757g";
	assert_int_equal(ctl("host migration-key --key-fd 9"), 2);
	assert_says(run.err, "64 hexadecimal digits");
	run.stdin_text = "303132333435363738396162636465666768696a6b6c6d6e6f70717273747500";
	assert_int_equal(ctl("host migration-key --key-fd 9"), 2);
	run.stdin_text = "303132333435363738396162636465666768696A6B6C6D6E6F70717273747576";
	assert_int_equal(ctl("host migration-key --key-fd 9"), 0);
	assert_says(run.out, "is kept");
	assert_silent(run.out, run.stdin_text);
}

static void with_a_machine(struct manager *fake)
{
	with_vtpms(fake);
	fake->vtpms[0].define.front = VTPM_FRONT_VM;
}

static void test_cli_config(void **state)
{
	(void)state;
	begin(with_a_machine);
	assert_int_equal(ctl("config one"), 0);
	assert_says(run.out, "-chardev socket,id=vtpm-control,path=/run/vtpm/one.sock.ctrl");
	assert_int_equal(ctl("config one --format libvirt"), 0);
	assert_says(run.out, "<source type='unix' mode='connect' path='/run/vtpm/one.sock.ctrl'/>");
	assert_int_equal(ctl("config one --json"), 0);
	assert_says(run.out, "\"control_socket\": \"/run/vtpm/one.sock.ctrl\"");
	assert_int_equal(ctl("config off"), 4);
	assert_says(run.err, "front end socket");
	assert_int_equal(ctl("config one --format xen"), 2);
	assert_int_equal(ctl("config none"), 3);
}

static void test_cli_help(void **state)
{
	const char *const commands[] = { "host init", "host show", "host unlock", "create",
					 "host migration-key", "config", "wait", "remove",
					 "start",     "stop",	   "reset",	  "list", "show", "help" };
	char line[64], list[64 * 1024];

	(void)state;
	assert_int_equal(ctl("help"), 0);
	snprintf(list, sizeof(list), "%s", run.out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_says(list, commands[i]);
		snprintf(line, sizeof(line), "help %s", commands[i]);
		assert_int_equal(ctl(line), 0);
		assert_says(run.out, "usage: vtpmctl ");
		snprintf(line, sizeof(line), "%s --help", commands[i]);
		assert_int_equal(ctl(line), 0);
		assert_says(run.out, "usage: vtpmctl ");
	}
	assert_int_equal(ctl("help reset"), 0);
	assert_says(run.out, "not a wipe");
}

static void test_cli_full_disk(void **state)
{
	(void)state;
	begin(plain);
	run.full = true;
	assert_int_equal(ctl("list"), 1);
	assert_says(run.err, "cannot be printed");
}

static void test_cli_escapes(void **state)
{
	(void)state;
	begin(with_escapes);
	assert_int_equal(ctl("host show"), 0);
	assert_says(run.out, "\\x1b[31mred\\x07\\xc2\\x9b\\x7f");
	assert_says(run.out, "warning:         all processes run as one user");
	for (const char *c = run.out; *c; c++)
		assert_true(*c == '\n' || (isascii(*c) && isprint(*c)));
}

static void test_cli_unreachable(void **state)
{
	char longer[300] = "list --runtime-dir /";

	(void)state;
	assert_int_equal(ctl("list"), 7);
	assert_says(run.err, "/api.sock: No such file or directory");
	assert_says(run.err, "systemctl start vtpmd");
	begin(plain);
	end();
	assert_int_equal(ctl("list"), 7);
	assert_says(run.err, "/api.sock: Connection refused");
	memset(longer + strlen(longer), 'x', 150);
	assert_int_equal(ctl(longer), 2);
	assert_says(run.err, "too long");
}

static void test_cli_forbidden(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	begin(plain);
	run.uid = 1000;
	if (ctl("list") == 127)
		skip(); /* the tree is where others may not look */
	assert_int_equal(ctl("list"), 0);
	run.uid = 1001;
	assert_int_equal(ctl("list"), 11);
	assert_says(run.err, "user 1001 may not manage the vTPMs of this host");
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(ctl("list"), 11);
	assert_says(run.err, "user 1001 may not use vtpmd's socket");
}

static void test_cli_remove_terminal(void **state)
{
	(void)state;
	begin(with_vtpms);
	run.terminal = true;
	run.typed = "no\n";
	assert_int_equal(ctl("remove one"), 2);
	assert_says(run.err, "All keys of vTPM one will be lost");
	run.typed = "one\n";
	assert_int_equal(ctl("remove one"), 0);
	assert_int_equal(ctl("show one"), 3);
}

/* The recovery code */

static void read_code(char *ret)
{
	uint8_t scalar[SEAL_SCALAR_SIZE];
	unsigned int group;
	struct stat stat_of;
	FILE *file = fopen(path_of_code, "re");

	assert_non_null(file);
	assert_non_null(fgets(ret, RECOVERY_TEXT_SIZE + 1, file));
	fclose(file);
	ret[strcspn(ret, "\n")] = '\0';
	assert_int_equal(recovery_code_parse(ret, scalar, &group), 0);
	assert_int_equal(stat(path_of_code, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
}

static const char *init_line(const char *more)
{
	static char line[256];

	snprintf(line, sizeof(line), "host init --recovery-code-file %s %s", path_of_code, more);
	return line;
}

static void test_cli_init_file(void **state)
{
	char found[RECOVERY_TEXT_SIZE + 1];

	(void)state;
	begin(fresh);
	assert_int_equal(ctl(init_line("--pcrs 7,14")), 0);
	assert_string_equal(run.out, "the host is unlocked; protection: hardware\n");
	read_code(found);
	assert_silent(run.out, found);
	assert_silent(run.err, found);
	unlink(path_of_code);
	assert_int_equal(ctl(init_line("")), 4);
	assert_int_equal(access(path_of_code, F_OK), -1);
}

static void test_cli_init_json(void **state)
{
	char found[RECOVERY_TEXT_SIZE + 1];
	json_t *object;

	(void)state;
	begin(fresh);
	assert_int_equal(ctl(init_line("--json --no-hardware")), 0);
	read_code(found);
	assert_silent(run.out, found);
	assert_string_equal(run.err, "");
	object = json_of(run.out);
	assert_string_equal(json_string_value(json_object_get(object, "protection")),
			    "not hardware protected");
	json_decref(object);
}

static void test_cli_init_fd(void **state)
{
	uint8_t scalar[SEAL_SCALAR_SIZE];
	unsigned int group;

	(void)state;
	begin(fresh);
	run.code_fd = true;
	assert_int_equal(ctl("host init --recovery-code-fd 9"), 0);
	assert_int_equal(strlen(run.passed), RECOVERY_TEXT_SIZE);
	run.passed[RECOVERY_TEXT_SIZE - 1] = '\0';
	assert_int_equal(recovery_code_parse(run.passed, scalar, &group), 0);
	assert_silent(run.out, run.passed);
	assert_silent(run.err, run.passed);
}

static void test_cli_init_nowhere(void **state)
{
	(void)state;
	begin(fresh);
	assert_int_equal(ctl("host init"), 2);
	assert_says(run.err, "no terminal to show the recovery code on; nothing was done");
	assert_int_equal(ctl("host init --recovery-code-file /nowhere/code"), 2);
	assert_says(run.err, "nothing was done");
	assert_int_equal(close(open(path_of_code, O_CREAT | O_WRONLY, 0644)), 0);
	assert_int_equal(ctl(init_line("")), 2);
	assert_says(run.err, "File exists");
	assert_int_equal(access(path_of_code, F_OK), 0);
	assert_int_equal(ctl("host show"), 0);
	assert_says(run.out, "state:           uninitialised\n");
}

static void test_cli_init_terminal(void **state)
{
	const char *at;

	(void)state;
	begin(fresh);
	run.terminal = true;
	assert_int_equal(ctl("host init --json"), 0);
	at = strstr(run.err, "Recovery code of this host:");
	assert_non_null(at);
	assert_null(strstr(at + 1, "Recovery code of this host:"));
	json_decref(json_of(run.out));
	assert_silent(run.out, "-");
}

static void test_cli_init_password(void **state)
{
	(void)state;
	begin(fresh_with_password);
	/* nobody to ask: the file goes again */
	assert_int_equal(ctl(init_line("")), 6);
	assert_int_equal(access(path_of_code, F_OK), -1);
	run.stdin_text = "wrong\n";
	assert_int_equal(ctl(init_line("--owner-password-fd 9")), 6);
	assert_int_equal(access(path_of_code, F_OK), -1);
	run.stdin_text = "\n";
	assert_int_equal(ctl(init_line("--owner-password-fd 9")), 2);
	run.stdin_text = PASSWORD "\n";
	assert_int_equal(ctl(init_line("--owner-password-fd 9")), 0);
	assert_int_equal(access(path_of_code, F_OK), 0);
}

static void test_cli_init_password_terminal(void **state)
{
	(void)state;
	begin(fresh_with_password);
	run.terminal = true;
	run.typed = "wrong\nworse\nbad\n";
	assert_int_equal(ctl("host init"), 6);
	assert_silent(run.err, "Recovery code");
	run.typed = "wrong\n" PASSWORD "\n";
	assert_int_equal(ctl("host init"), 0);
	assert_says(run.err, "Owner password of the host TPM: ");
	assert_says(run.err, "Recovery code of this host:");
	assert_silent(run.err, PASSWORD);
	assert_silent(run.out, PASSWORD);
}

/* A signal at the prompt: the terminal echoes again, no file is left, and it dies of it. */
static void test_cli_init_interrupted(void **state)
{
	(void)state;
	begin(fresh_with_password);
	run.terminal = true;
	run.typed = "\x03\n";
	assert_int_equal(ctl(init_line("")), 128 + SIGINT);
	assert_int_equal(access(path_of_code, F_OK), -1);
	run.terminal = false;
	assert_int_equal(ctl("host show"), 0);
	assert_says(run.out, "state:           uninitialised\n");
}

static void test_cli_init_unknown(void **state)
{
	char found[RECOVERY_TEXT_SIZE + 1];

	(void)state;
	begin(dies_at_init);
	assert_int_equal(ctl(init_line("")), 7);
	assert_says(run.err, "its answer did not come");
	read_code(found);
	end();
	begin(dies_at_init);
	run.terminal = true;
	assert_int_equal(ctl("host init"), 7);
	assert_says(run.err, "Recovery code of this host:");
	assert_says(run.err, "It is not known whether this host took it");
}

static void test_cli_unlock(void **state)
{
	char wrong[RECOVERY_TEXT_SIZE];
	uint8_t point[SEAL_POINT_SIZE];

	(void)state;
	begin(locked);
	assert_int_equal(ctl("host unlock"), 6);
	assert_says(run.err, "no terminal");
	run.stdin_text = "AAAAA-BBBBB";
	assert_int_equal(ctl("host unlock --recovery-code-fd 9"), 6);
	assert_says(run.err, "55 letters and digits");
	snprintf(wrong, sizeof(wrong), "%s", code);
	wrong[0] = wrong[0] == '2' ? '3' : '2';
	run.stdin_text = wrong;
	assert_int_equal(ctl("host unlock --recovery-code-fd 9"), 6);
	assert_says(run.err, "mistyped");
	assert_int_equal(recovery_code_new(point, wrong), 0);
	assert_int_equal(ctl("host unlock --recovery-code-fd 9"), 6);
	assert_says(run.err, "does not open this host");
	assert_silent(run.err, wrong);
	run.stdin_text = code;
	assert_int_equal(ctl("host unlock --recovery-code-fd 9 --bind"), 0);
	assert_string_equal(run.out, "the host is unlocked; protection: hardware\n");
	assert_silent(run.err, code);
}

static void old_store(struct manager *fake)
{
	locked(fake);
	fake->host.verdict = KEYD_VERDICT_OLD;
}

static void test_cli_unlock_accept(void **state)
{
	(void)state;
	begin(old_store);
	run.stdin_text = code;
	assert_int_equal(ctl("host unlock --recovery-code-fd 9 --json"), 0);
	assert_says(run.out, "\"store\": \"old\"");
	assert_int_equal(ctl("host unlock --recovery-code-fd 9 --accept-rollback --json"), 0);
	assert_says(run.out, "\"store\": \"newest\"");
	assert_silent(run.out, code);
	assert_silent(run.err, code);
	assert_int_equal(ctl("host show --accept-rollback"), 2);
}

static void without_spawn(struct manager *fake)
{
	fake->host.spawn_here = false;
}

static void with_spawn(struct manager *fake)
{
	fake->host.spawn_here = true;
}

static void test_cli_host_upgrade(void **state)
{
	(void)state;
	begin(with_spawn);
	assert_int_equal(ctl("host upgrade"), 0);
	assert_says(run.out, "has taken over");
	assert_int_equal(ctl("host upgrade --json"), 0);
	assert_says(run.out, "\"state\": \"unlocked\"");
	assert_int_equal(ctl("host upgrade web"), 2);
}

static void test_cli_host_upgrade_of_nothing(void **state)
{
	(void)state;
	begin(without_spawn);
	assert_int_not_equal(ctl("host upgrade"), 0);
	assert_says(run.err, "nothing to upgrade");
}

static void test_cli_init_rollback_values(void **state)
{
	(void)state;
	begin(fresh);
	assert_int_equal(ctl(init_line("--rollback sometimes")), 2);
	assert_int_equal(ctl(init_line("--window 59")), 2);
	assert_int_equal(ctl(init_line("--window 86401")), 2);
	assert_int_equal(ctl(init_line("--rollback strict --window 60")), 0);
}

static void test_cli_unlock_terminal(void **state)
{
	char typed[256];

	(void)state;
	begin(locked);
	run.terminal = true;
	snprintf(typed, sizeof(typed), "nonsense\n%s\n", code);
	run.typed = typed;
	assert_int_equal(ctl("host unlock"), 0);
	assert_says(run.err, "Recovery code: ");
	assert_says(run.err, "Recovery code, again: ");
	assert_silent(run.err, code);
	assert_silent(run.out, code);
}

static void test_cli_unlock_uninitialised(void **state)
{
	(void)state;
	begin(fresh);
	run.stdin_text = code;
	assert_int_equal(ctl("host unlock --recovery-code-fd 9"), 5);
	assert_says(run.err, "vtpmctl host init");
}

static int find_program(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_life),
		TEST(test_cli_json),
		TEST(test_cli_json_problem),
		TEST(test_cli_config_cdi),
		TEST(test_cli_config_refused),
		TEST(test_cli_exit_statuses),
		TEST(test_cli_usage),
		TEST(test_cli_migration_key), TEST(test_cli_config),
		TEST(test_cli_help),
		TEST(test_cli_full_disk),
		TEST(test_cli_escapes),
		TEST(test_cli_unreachable),
		TEST(test_cli_forbidden),
		TEST(test_cli_remove_terminal),
		TEST(test_cli_init_file),
		TEST(test_cli_init_json),
		TEST(test_cli_init_fd),
		TEST(test_cli_init_nowhere),
		TEST(test_cli_init_terminal),
		TEST(test_cli_init_password),
		TEST(test_cli_init_password_terminal),
		TEST(test_cli_init_interrupted),
		TEST(test_cli_init_unknown),
		TEST(test_cli_unlock),
		TEST(test_cli_host_upgrade),
		TEST(test_cli_host_upgrade_of_nothing),
		TEST(test_cli_unlock_accept),
		TEST(test_cli_init_rollback_values),
		TEST(test_cli_unlock_terminal),
		TEST(test_cli_unlock_uninitialised),
	};

	return cmocka_run_group_tests(tests, find_program, NULL);
}
