// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl on the host: a recovery code reaches its place and nothing else.
 */
#include "cli/test_cli.h"

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
	assert_int_equal(ctl("host unlock --recovery-code-fd 9 --plan-key none"), 2);
	assert_says(run.err, "add --bind");
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

static void protected(struct manager *fake)
{
	locked(fake);
	fake->host.state = KEYD_STATE_UNLOCKED;
}

static void test_cli_rollback(void **state)
{
	(void)state;
	begin(protected);
	run.stdin_text = code;
	assert_int_equal(ctl("host rollback --recovery-code-fd 9"), 2);
	assert_says(run.err, "--rollback strict or lazy");
	assert_int_equal(ctl("host rollback --rollback strict --recovery-code-fd 9"), 0);
	assert_string_equal(run.out, "rollback protection is strict now\n");
	assert_int_equal(ctl("host rollback --rollback lazy --window 90 --recovery-code-fd 9 "
			     "--json"),
			 0);
	assert_says(run.out, "\"rollback_window\": 90");
	assert_silent(run.out, code);
	assert_int_not_equal(ctl("host rollback --rollback off --recovery-code-fd 9"), 0);
	assert_says(run.err, "not switched off");
}

static void test_cli_rollback_of_nothing(void **state)
{
	(void)state;
	begin(fresh);
	run.stdin_text = code;
	assert_int_not_equal(ctl("host rollback --rollback lazy --recovery-code-fd 9"), 0);
	assert_says(run.err, "not initialised");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_migration_key),
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
		TEST(test_cli_rollback),
		TEST(test_cli_rollback_of_nothing),
		TEST(test_cli_unlock_terminal),
		TEST(test_cli_unlock_uninitialised),
	};

	return cmocka_run_group_tests(tests, find_program, NULL);
}
