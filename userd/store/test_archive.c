// SPDX-License-Identifier: BSD-3-Clause
/*
 * The archive: what is acknowledged is there after a reopening, what is refused changed
 * nothing, and what is no archive stays as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/archive.h"
#include "store/test_archive.h"

static void test_archive_put_commit(void **state)
{
	struct place *place = *state;

	open_it(place);
	assert_int_equal(run(place, ARCHIVE_LOAD, 1, 0, NULL).error, ENOENT);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 2, "two").error, ENOENT);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, EEXIST);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 2, "two").error, 0);
	/* sent again: the same is fine, anything else is not */
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 2, "two").error, 0);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 2, "TWO").error, ESTALE);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 4, "four").error, ESTALE);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 1, "one").error, ESTALE);
	expect_state(place, 1, 2, "two");

	place->archive = archive_free(place->archive);
	open_it(place);
	expect_state(place, 1, 2, "two");
}

static void test_archive_epoch(void **state)
{
	struct place *place = *state;
	struct outcome outcome = { 0 };
	struct archive_job *job;

	open_it(place);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	job = make(ARCHIVE_COMMIT, 1, 2, "two", &outcome);
	job->define.epoch = 2;
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 1);
	assert_int_equal(outcome.error, ESTALE);
	expect_state(place, 1, 1, "one");
}

static int fork_to(struct place *place, uint64_t epoch, uint64_t generation, const char *bytes)
{
	struct outcome outcome = { 0 };
	struct archive_job *job = make(ARCHIVE_FORK, 1, generation, bytes, &outcome);

	job->define.epoch = epoch;
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 1);
	return outcome.error;
}

static void test_archive_fork(void **state)
{
	struct place *place = *state;
	struct outcome outcome;

	open_it(place);
	assert_int_equal(fork_to(place, 2, 2, "two"), ENOENT);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	assert_int_equal(fork_to(place, 3, 2, "two"), ESTALE);
	assert_int_equal(fork_to(place, 1, 2, "two"), ESTALE);
	assert_int_equal(fork_to(place, 2, 3, "three"), ESTALE); /* takes its epoch back */
	assert_int_equal(run(place, ARCHIVE_LOAD, 1, 0, NULL).epoch, 1);
	assert_int_equal(fork_to(place, 2, 2, "two"), 0);
	assert_int_equal(fork_to(place, 2, 2, "two"), 0);
	assert_int_equal(fork_to(place, 2, 2, "TWO"), ESTALE);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 3, "late").error, ESTALE);
	outcome = run(place, ARCHIVE_LOAD, 1, 0, NULL);
	assert_true(outcome.epoch == 2 && outcome.sealed == 2);
	expect_state(place, 1, 2, "two");
}

struct papers_seen {
	int count;
	char last[32];
};

static void see_papers(void *context, const uint8_t uuid[16], const uint8_t *bytes, size_t length)
{
	struct papers_seen *seen = context;

	(void)uuid;
	seen->count++;
	assert_true(length < sizeof(seen->last));
	cursor_copy(seen->last, sizeof(seen->last), bytes, length);
	seen->last[length] = '\0';
}

/* The record goes with its vTPM, and there is none of a vTPM that there is not. */
static void test_archive_papers(void **state)
{
	struct papers_seen seen = { 0 };
	struct place *place = *state;

	open_it(place);
	assert_int_equal(run(place, ARCHIVE_PAPERS, 1, 0, "none").error, ENOENT);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	assert_int_equal(run(place, ARCHIVE_PUT, 2, 1, "one").error, 0);
	assert_int_equal(run(place, ARCHIVE_PAPERS, 1, 0, "first").error, 0);
	assert_int_equal(run(place, ARCHIVE_PAPERS, 2, 0, "other").error, 0);
	assert_int_equal(run(place, ARCHIVE_PAPERS, 2, 0, "second").error, 0);
	assert_int_equal(run(place, ARCHIVE_REMOVE, 1, 0, NULL).error, 0);
	expect_state(place, 2, 1, "one");

	place->archive = archive_free(place->archive);
	open_it(place);
	assert_int_equal(archive_each_papers(place->archive, see_papers, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.last, "second");
}

/* One that fails in the middle of many does not touch the others. */
static void test_archive_many(void **state)
{
	struct place *place = *state;
	struct outcome fine = { 0 }, refused = { 0 };

	open_it(place);
	for (uint8_t who = 1; who <= 100; who++)
		archive_submit(place->archive, make(ARCHIVE_PUT, who, 1, "one", &fine));
	archive_submit(place->archive, make(ARCHIVE_PUT, 50, 1, "twice", &refused));
	for (uint8_t who = 1; who <= 100; who++)
		archive_submit(place->archive, make(ARCHIVE_COMMIT, who, 2, "two", &fine));
	wait_for(place, &fine, 200);
	wait_for(place, &refused, 1);
	assert_int_equal(fine.error, 0);
	assert_int_equal(refused.error, EEXIST);
	for (uint8_t who = 1; who <= 100; who++)
		expect_state(place, who, 2, "two");
}

struct seen {
	int count;
	struct vtpm_definition last;
	uint64_t generation;
};

static void see(void *context, const struct vtpm_definition *define, uint64_t generation)
{
	struct seen *seen = context;

	seen->count++;
	seen->last = *define;
	seen->generation = generation;
}

static void look_plain(void *context, const struct vtpm_definition *define, uint64_t generation)
{
	(void)generation;
	*(unsigned int *)context |= (unsigned int)define->plain_state << define->uuid[0];
}

static void test_archive_plain_state(void **state)
{
	struct place *place = *state;
	struct outcome outcome = { 0 };
	struct archive_job *job;
	unsigned int found = 0;

	open_it(place);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	assert_int_equal(run(place, ARCHIVE_PUT, 3, 1, "one").error, 0);
	job = make(ARCHIVE_PUT, 2, 1, "one", &outcome);
	job->define.plain_state = true;
	archive_submit(place->archive, job);
	job = make(ARCHIVE_CHANGE, 3, 0, NULL, &outcome);
	job->define.plain_state = true;
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 2);
	place->archive = archive_free(place->archive);
	open_it(place);
	assert_int_equal(archive_each(place->archive, look_plain, &found), 0);
	assert_int_equal(found, 1 << 2 | 1 << 3);
}

static void test_archive_each(void **state)
{
	struct vtpm_definition define = {
		.uuid = { 7 },
		.name = "web1",
		.front = VTPM_FRONT_CHIP,
		.uid = 4294967294,
		.gid = 3,
		.mode = 0660,
		.banks = 1u << 12,
		.epoch = 9,
		.wanted = true,
		.created = 1234567890,
		.quarantine = "because",
		.key = { 1, 0, 2 },
		.key_length = 3,
	};
	struct place *place = *state;
	struct outcome outcome = { 0 };
	struct archive_job *job;
	struct seen seen = { 0 };

	open_it(place);
	job = make(ARCHIVE_PUT, 0, 5, "five", &outcome);
	job->define = define;
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 1);
	define.wanted = false;
	job = make(ARCHIVE_CHANGE, 0, 0, NULL, &outcome);
	job->define = define;
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 2);
	assert_int_equal(outcome.error, 0);

	place->archive = archive_free(place->archive);
	open_it(place);
	assert_int_equal(archive_each(place->archive, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.generation, 5);
	assert_memory_equal(&seen.last, &define, sizeof(define));
}

/* Two spares have no name; two vTPMs cannot have the same one. */
static void test_archive_names(void **state)
{
	struct place *place = *state;
	struct outcome outcome = { 0 };
	struct archive_job *job;

	open_it(place);
	for (uint8_t who = 1; who <= 2; who++) {
		job = make(ARCHIVE_PUT, who, 1, "spare", &outcome);
		job->define.name[0] = 0;
		archive_submit(place->archive, job);
		wait_for(place, &outcome, who);
		assert_int_equal(outcome.error, 0);
	}
	for (uint8_t who = 1; who <= 2; who++) {
		job = make(ARCHIVE_CHANGE, who, 0, NULL, &outcome);
		snprintf(job->define.name, sizeof(job->define.name), "web1");
		archive_submit(place->archive, job);
		wait_for(place, &outcome, 2 + who);
		assert_int_equal(outcome.error, who == 1 ? 0 : EEXIST);
	}
}

static bool file_holds(const char *path, const char *text)
{
	size_t length = strlen(text);
	char *bytes = malloc(1 << 20);
	ssize_t n = 0;
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		n = read(fd, bytes, 1 << 20);
		close(fd);
	}
	for (ssize_t i = 0; i + (ssize_t)length <= n; i++) {
		if (secret_equal(bytes + i, text, length)) {
			free(bytes);
			return true;
		}
	}
	free(bytes);
	return false;
}

static void test_archive_remove_erases(void **state)
{
	struct place *place = *state;

	open_it(place);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "a-mark-to-look-for").error, 0);
	assert_int_equal(run(place, ARCHIVE_REMOVE, 1, 0, NULL).error, 0);
	assert_int_equal(run(place, ARCHIVE_REMOVE, 1, 0, NULL).error, ENOENT);
	assert_int_equal(run(place, ARCHIVE_LOAD, 1, 0, NULL).error, ENOENT);
	place->archive = archive_free(place->archive);
	assert_true(file_holds(place->path, "SQLite format 3"));
	assert_false(file_holds(place->path, "a-mark-to-look-for"));
}

static void expect_untouched(struct place *place, int error, const char *why)
{
	char reason[128];
	struct stat before, after;

	assert_int_equal(stat(place->path, &before), 0);
	assert_int_equal(archive_open(place->path, reason, sizeof(reason), &place->archive), error);
	assert_non_null(strstr(reason, why));
	assert_int_equal(stat(place->path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void test_archive_foreign(void **state)
{
	struct place *place = *state;
	int fd = open(place->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "this is a letter to my aunt, not a database\n", 44), 44);
	close(fd);
	expect_untouched(place, -EUCLEAN, "not a database");
	unlink(place->path);
	execute(place->path, "CREATE TABLE aunt (name TEXT)");
	expect_untouched(place, -EUCLEAN, "not one of vTPMs");
}

static void test_archive_newer(void **state)
{
	struct place *place = *state;

	open_it(place);
	place->archive = archive_free(place->archive);
	execute(place->path, "PRAGMA user_version = 7");
	expect_untouched(place, -EUCLEAN, "version 7");
}

/* A generation that the row says and the envelope is not there: said, not repaired. */
static void test_archive_missing_envelope(void **state)
{
	struct place *place = *state;

	open_it(place);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	place->archive = archive_free(place->archive);
	execute(place->path, "DELETE FROM envelope");
	open_it(place);
	assert_int_equal(run(place, ARCHIVE_LOAD, 1, 0, NULL).error, ENODATA);
}

/* A file that cannot grow any more: refused, and the state of before is still there. */
static void test_archive_cannot_grow(void **state)
{
	struct place *place = *state;
	struct rlimit before, small = { .rlim_cur = 65536 };
	struct outcome outcome;
	char *large = malloc(200001);

	memset(large, 'x', 200000);
	large[200000] = 0;
	signal(SIGXFSZ, SIG_IGN);
	open_it(place);
	assert_int_equal(run(place, ARCHIVE_PUT, 1, 1, "one").error, 0);
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	outcome = run(place, ARCHIVE_COMMIT, 1, 2, large);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(outcome.error == EIO || outcome.error == EUCLEAN || outcome.error == ENOSPC);
	expect_state(place, 1, 1, "one");
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 2, "two").error, 0);
	free(large);
}

/* What was acknowledged before a kill is there after it. */
static void test_archive_kill(void **state)
{
	struct place *place = *state;
	uint64_t acknowledged = 0, generation = 1;
	int pipe_fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (!pid) {
		open_it(place);
		run(place, ARCHIVE_PUT, 1, 1, "x");
		for (uint64_t i = 2;; i++) {
			if (run(place, ARCHIVE_COMMIT, 1, i, "x").error ||
			    write(pipe_fds[1], &i, sizeof(i)) != sizeof(i))
				_exit(1);
		}
	}
	close(pipe_fds[1]);
	while (acknowledged < 200 &&
	       read(pipe_fds[0], &generation, sizeof(generation)) == sizeof(generation))
		acknowledged = generation;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	while (read(pipe_fds[0], &generation, sizeof(generation)) == sizeof(generation))
		acknowledged = generation;
	close(pipe_fds[0]);
	open_it(place);
	assert_in_range(run(place, ARCHIVE_LOAD, 1, 0, NULL).generation, acknowledged,
			acknowledged + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_archive_put_commit),
		TEST(test_archive_epoch),
		TEST(test_archive_fork),
		TEST(test_archive_papers),
		TEST(test_archive_many),
		TEST(test_archive_plain_state),
		TEST(test_archive_each),
		TEST(test_archive_names),
		TEST(test_archive_remove_erases),
		TEST(test_archive_foreign),
		TEST(test_archive_newer),
		TEST(test_archive_missing_envelope),
		TEST(test_archive_cannot_grow),
		TEST(test_archive_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
