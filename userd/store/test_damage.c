// SPDX-License-Identifier: BSD-3-Clause
/*
 * A stored vTPM with any byte changed, or cut off at any place.
 *
 * The file of a closed archive is damaged, opened as the manager opens it, and each vTPM asked
 * for as the manager and the engine do it: the witness, LOAD, the envelope. For each vTPM
 * there are two good ends: it is refused, with a reason, or what it gives is bit by
 * bit what was stored. One that is there must never be called missing without a reason, so
 * that nobody makes it anew.
 *
 * Of a damaged byte's neighbours nothing is lost: what opens with one vTPM's envelope
 * changed are all the others.
 *
 * VTPM_TORTURE=SEED damages every byte, and cuts at every one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/test_witness.h"

#define VTPMS	3
#define SKIPPED 149 /* of so many bytes the short form takes one */

static uint8_t *file;
static size_t file_length;
static struct outcome stored[VTPMS + 1];

/* Nothing here has to outlive the test. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

struct tally {
	unsigned int tried, unharmed, refused;
};

static void write_file(const char *path, const uint8_t *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static int build(void **state)
{
	struct place *place;
	struct stat about;
	void *made;
	int fd;

	(void)state;
	fake = (struct fake){ .counter = 5 };
	setup(&made);
	place = made;
	open_witnessed(place);
	for (uint8_t who = 1; who <= VTPMS; who++) {
		stored[who] = (struct outcome){ 0 };
		archive_submit(place->archive,
			       make_sealed(ARCHIVE_PUT, who, 1, 700 * who, &stored[who]));
		wait_for(place, &stored[who], 1);
		assert_int_equal(stored[who].error, 0);
	}
	close_it(place);
	assert_int_equal(stat(place->path, &about), 0);
	file_length = (size_t)about.st_size;
	file = malloc(file_length);
	fd = open(place->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, file, file_length), file_length);
	close(fd);
	return teardown(&made);
}

static int done(void **state)
{
	(void)state;
	free(file);
	return 0;
}

static void note_witness(struct archive_job *job)
{
	uint64_t *named = job->context;

	*named = 1;
	if (job->error || job->verdict != KEYD_VERDICT_NEWEST)
		*named |= ~1ull;
	for (size_t i = 0; i < job->finding_count; i++)
		if (job->findings[i].uuid[0] <= VTPMS && job->findings[i].reason[0])
			*named |= 1ull << job->findings[i].uuid[0];
}

/* Who is refused by the witness: bit n for vTPM n. Bit 0: it has answered. */
static uint64_t ask_witness(struct place *place)
{
	struct pollfd ready = { .fd = archive_fd(place->archive), .events = POLLIN };
	uint64_t named = 0;

	archive_submit(place->archive, archive_job(ARCHIVE_WITNESS, note_witness, &named));
	while (!named) {
		assert_int_equal(poll(&ready, 1, 30000), 1);
		archive_dispatch(place->archive);
	}
	return named;
}

/* Return: whether the vTPM is what was stored; false: it is refused. All else fails. */
static bool is_unharmed(struct place *place, uint8_t who, uint64_t named)
{
	struct outcome found = run(place, ARCHIVE_LOAD, who, 0, NULL);
	bool same = !found.error && found.generation == 1 && found.length == stored[who].length &&
		    secret_equal(found.bytes, stored[who].bytes, found.length);

	if (named & 1ull << who)
		return false;
	/* Nobody has named it: then it is there, and whole or not to be opened. */
	assert_int_not_equal(found.error, ENOENT);
	if (!found.error && !same)
		assert_false(opens(found.bytes, found.length, who, found.generation));
	return same;
}

/* Return: how many of the vTPMs are unharmed */
static unsigned int look(const uint8_t *bytes, size_t length, struct tally *tally)
{
	struct place *place;
	unsigned int unharmed = 0;
	char reason[256] = "";
	uint64_t named;
	void *made;
	int r;

	fake = (struct fake){ .counter = fake.counter };
	setup(&made);
	place = made;
	write_file(place->path, bytes, length);
	r = archive_open(place->path, reason, sizeof(reason), &place->archive);
	tally->tried++;
	if (r) {
		assert_true(reason[0]);
	} else {
		place->archive = archive_free(place->archive);
		open_witnessed(place);
		named = ask_witness(place);
		for (uint8_t who = 1; who <= VTPMS; who++)
			unharmed += is_unharmed(place, who, named);
	}
	tally->unharmed += unharmed == VTPMS;
	tally->refused += unharmed < VTPMS;
	teardown(&made);
	return unharmed;
}

static size_t step(void)
{
	return getenv("VTPM_TORTURE") ? 1 : SKIPPED;
}

static void say(const struct tally *tally, const char *what)
{
	print_message("%u %s: %u unharmed, %u refused\n", tally->tried, what, tally->unharmed,
		      tally->refused);
}

static void test_damage_none(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	assert_int_equal(look(file, file_length, &tally), VTPMS);
}

static void test_damage_each_byte(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (size_t i = 0; i < file_length; i += step()) {
		file[i] ^= 0xff;
		look(file, file_length, &tally);
		file[i] ^= 0xff;
	}
	say(&tally, "bytes flipped");
	assert_true(tally.refused > tally.tried / 10);
	assert_true(tally.unharmed > 0);
}

/* One bit a byte, another one in each */
static void test_damage_each_bit(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (size_t i = 0; i < file_length; i += step()) {
		file[i] ^= (uint8_t)(1u << i % 8);
		look(file, file_length, &tally);
		file[i] ^= (uint8_t)(1u << i % 8);
	}
	say(&tally, "bits flipped");
	assert_true(tally.refused > tally.tried / 10);
}

/* But the one without a byte: that is a store that somebody took away, and has no vTPMs. */
static void test_damage_each_prefix(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (size_t i = 1; i < file_length; i += step())
		assert_int_not_equal(look(file, i, &tally), VTPMS);
	say(&tally, "prefixes");
	assert_int_equal(tally.refused, tally.tried);
}

/* In its envelope: that one is refused, in each case, and the others are as they were. */
static void test_damage_envelopes(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (uint8_t who = 1; who <= VTPMS; who++) {
		uint8_t *at = memmem(file, file_length, stored[who].bytes, stored[who].length);

		if (!at)
			continue;
		for (size_t i = 0; i < stored[who].length; i += step()) {
			at[i] ^= 1;
			assert_int_equal(look(file, file_length, &tally), VTPMS - 1);
			at[i] ^= 1;
		}
	}
	say(&tally, "bytes of envelopes flipped");
	assert_int_equal(tally.refused, tally.tried);
	assert_true(tally.tried > 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damage_none),
		cmocka_unit_test(test_damage_each_byte),
		cmocka_unit_test(test_damage_each_bit),
		cmocka_unit_test(test_damage_each_prefix),
		cmocka_unit_test(test_damage_envelopes),
	};

	return cmocka_run_group_tests_name("store/damage", tests, build, done);
}
