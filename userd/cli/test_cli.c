// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl on vTPMs: exit statuses are those of the manual, errors of --json are JSON, and a
 * name cannot drive the terminal.
 */
#include "cli/test_cli.h"

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
	const char *const commands[] = {
		"host init", "host show", "host unlock", "host rollback", "create",
		"host migration-key", "config", "wait", "remove", "start", "stop", "reset",
		"list", "show", "help"
	};
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

/* A signal at the prompt: the terminal echoes again, no file is left, and it dies of it. */

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_life),	       TEST(test_cli_json),
		TEST(test_cli_json_problem),   TEST(test_cli_config_cdi),
		TEST(test_cli_config_refused), TEST(test_cli_exit_statuses),
		TEST(test_cli_usage),	       TEST(test_cli_config),
		TEST(test_cli_help),	       TEST(test_cli_full_disk),
		TEST(test_cli_escapes),	       TEST(test_cli_unreachable),
		TEST(test_cli_forbidden),      TEST(test_cli_remove_terminal),
	};

	return cmocka_run_group_tests(tests, find_program, NULL);
}
