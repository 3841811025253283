// SPDX-License-Identifier: BSD-3-Clause
/*
 * What was acknowledged before a power cut, or a kill, is there after it.
 *
 *	test_cut			as a unit test: load, killed at any moment; check
 *	test_cut load FOLDER DEVICE OFFSET
 *					commits without end; after each, DEVICE has at OFFSET
 *					which generations are acknowledged
 *	test_cut check FOLDER G1 G2 G3 G4
 *					is each there, or a newer one, and does it open?
 *
 * selftests/powercut runs the last two. What is written to the device past its cache comes
 * later than what it tells of: it may say too little, and never too much.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/test_witness.h"

#define VTPMS 4
#define BLOCK 4096

static const char magic[] = "acknowledged";

static void mark(int fd, off_t offset, const uint64_t generations[VTPMS])
{
	static uint8_t block[BLOCK] __attribute__((aligned(BLOCK)));
	struct cursor_out out = cursor_out(block, sizeof(block));

	cursor_put_raw(&out, magic, sizeof(magic) - 1);
	for (int i = 0; i < VTPMS; i++)
		cursor_put_u64(&out, generations[i]);
	if (pwrite(fd, block, sizeof(block), offset) != sizeof(block))
		_exit(2);
}

/* Some of them at a time, small and large; never returns. */
static void load(struct place *place, int fd, off_t offset)
{
	uint64_t generations[VTPMS] = { 0 };
	unsigned int seed = (unsigned int)getpid();
	struct outcome outcomes[VTPMS];

	for (int i = 0; i < VTPMS; i++)
		generations[i] = run(place, ARCHIVE_LOAD, (uint8_t)(i + 1), 0, NULL).generation;
	for (unsigned int who = 0;; who = (unsigned int)rand_r(&seed) % (1 << VTPMS)) {
		memset(outcomes, 0, sizeof(outcomes));
		for (unsigned int i = 0; i < VTPMS; i++)
			if (!generations[i] || who & 1u << i)
				archive_submit(place->archive,
					       make_sealed(generations[i] ? ARCHIVE_COMMIT
									  : ARCHIVE_PUT,
							   (uint8_t)(i + 1), generations[i] + 1,
							   (size_t)rand_r(&seed) %
								   ENVELOPE_TEST_MAX,
							   &outcomes[i]));
		for (unsigned int i = 0; i < VTPMS; i++) {
			if (generations[i] && !(who & 1u << i))
				continue;
			wait_for(place, &outcomes[i], 1);
			if (outcomes[i].error)
				_exit(3);
			generations[i]++;
		}
		mark(fd, offset, generations);
	}
}

/* Return: whether all is there; otherwise it is said. */
static bool check(const char *path, const uint64_t wanted[VTPMS])
{
	struct place place = { 0 };
	bool good = true;
	char reason[256];

	snprintf(place.path, sizeof(place.path), "%s", path);
	if (archive_open(place.path, reason, sizeof(reason), &place.archive)) {
		printf("the store is not opened: %s\n", reason);
		return false;
	}
	for (uint8_t i = 0; i < VTPMS; i++) {
		struct outcome outcome = run(&place, ARCHIVE_LOAD, i + 1, 0, NULL);

		if (outcome.error && (outcome.error != ENOENT || wanted[i])) {
			printf("vTPM %u: %s\n", i + 1u, strerror(outcome.error));
			good = false;
		} else if (!outcome.error && outcome.generation < wanted[i]) {
			printf("vTPM %u: generation %u, acknowledged was %u\n", i + 1u,
			       (unsigned int)outcome.generation, (unsigned int)wanted[i]);
			good = false;
		} else if (!outcome.error && !opens(outcome.bytes, outcome.length, i + 1,
						    outcome.generation)) {
			printf("vTPM %u: what is there does not open\n", i + 1u);
			good = false;
		}
	}
	archive_free(place.archive);
	return good;
}

static void test_cut_kill(void **state)
{
	struct place *place = *state;
	uint64_t generations[VTPMS] = { 0 };
	uint8_t block[BLOCK];
	char marks[128];
	int fd, status;
	pid_t pid;

	snprintf(marks, sizeof(marks), "%s.marks", place->path);
	fd = open(marks, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (unsigned int i = 0; i < 20; i++) {
		pid = fork();
		if (!pid) {
			open_it(place);
			load(place, fd, 0);
		}
		usleep(20000 + i * 3000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		if (pread(fd, block, sizeof(block), 0) == sizeof(block)) {
			struct cursor_in in = cursor_in(block + sizeof(magic) - 1, 8 * VTPMS);

			for (int k = 0; k < VTPMS; k++)
				generations[k] = cursor_get_u64(&in);
		}
		assert_true(check(place->path, generations));
	}
	assert_true(generations[0] > 20);
	generations[0] += 100;
	assert_false(check(place->path, generations));
	close(fd);
	unlink(marks);
}

static int main_load(const char *folder, const char *device, const char *offset)
{
	int fd = open(device, O_RDWR | O_DIRECT | O_CLOEXEC);
	struct place place = { 0 };

	snprintf(place.path, sizeof(place.path), "%s/vtpm.db", folder);
	if (fd < 0)
		return 1;
	open_it(&place);
	load(&place, fd, (off_t)strtoul(offset, NULL, 0));
	return 1;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cut_kill, setup, teardown),
	};
	uint64_t generations[VTPMS];
	char path[80];

	if (argc == 5 && !strcmp(argv[1], "load"))
		return main_load(argv[2], argv[3], argv[4]);
	if (argc == 3 + VTPMS && !strcmp(argv[1], "check")) {
		snprintf(path, sizeof(path), "%s/vtpm.db", argv[2]);
		for (int i = 0; i < VTPMS; i++)
			generations[i] = strtoul(argv[3 + i], NULL, 0);
		return !check(path, generations);
	}
	return cmocka_run_group_tests_name("store/cut", tests, NULL, NULL);
}
