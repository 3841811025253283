// SPDX-License-Identifier: BSD-3-Clause
/*
 * The copy: it is one state of the store, commits go on while it is made, what is harmed never
 * takes the place of what is whole, and it can be put in the store's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "store/archive_inspect.h"
#include "store/copy.h"
#include "store/test_archive.h"

struct look {
	unsigned int count;
	unsigned int bad;
	uint64_t generations;
};

static void see(void *context, const struct archive_seen *seen)
{
	struct look *look = context;

	look->count++;
	look->bad += seen->problem[0] != '\0';
	look->generations += seen->generation;
}

static struct look look_at(const char *path)
{
	char reason[VTPM_REASON_SIZE];
	struct look look = { 0 };
	bool block;

	assert_int_equal(archive_inspect(path, see, &look, &block, reason, sizeof(reason)), 0);
	return look;
}

static const char *copy_of(const struct place *place)
{
	static char path[COPY_PATH_MAX + 16];

	assert_int_equal(copy_path(place->path, path, sizeof(path)), 0);
	return path;
}

static int make_copy(const struct place *place, char *reason)
{
	return copy_make(place->path, NULL, NULL, reason, VTPM_REASON_SIZE);
}

static void assert_no_remains(const struct place *place)
{
	char path[COPY_PATH_MAX + 16];
	struct stat about;

	for (int i = 0; i < 3; i++) {
		static const char *const ends[] = { ".new", "-wal", "-shm" };

		snprintf(path, sizeof(path), "%s%s", copy_of(place), ends[i]);
		assert_int_equal(stat(path, &about), -1);
	}
}

static void test_copy_whole(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	struct look look;
	time_t of;

	assert_int_equal(copy_age(place->path, &of), -ENOENT);
	assert_int_equal(make_copy(place, reason), -ENOENT);
	open_it(place);
	put_sealed(place, 1);
	put_sealed(place, 2);
	assert_int_equal(make_copy(place, reason), 0);
	look = look_at(copy_of(place));
	assert_int_equal(look.count, 2);
	assert_int_equal(look.bad, 0);
	assert_int_equal(copy_age(place->path, &of), 0);
	assert_in_range(time(NULL) - of, 0, 60);
	assert_no_remains(place);

	put_sealed(place, 3);
	assert_int_equal(look_at(copy_of(place)).count, 2);
	assert_int_equal(make_copy(place, reason), 0);
	assert_int_equal(look_at(copy_of(place)).count, 3);
}

struct writer {
	struct place *place;
	uint8_t who;
	unsigned int pauses;
};

static void write_more(void *context)
{
	struct writer *writer = context;

	writer->pauses++;
	if (writer->who < 40)
		put_sealed(writer->place, ++writer->who);
}

/* Commits end between any two pieces, and none of them is in the copy. */
static void test_copy_while_writing(void **state)
{
	static char large[200000];
	struct place *place = *state;
	struct writer writer = { place, 10, 0 };
	char reason[VTPM_REASON_SIZE];

	memset(large, 'x', sizeof(large) - 1);
	open_it(place);
	for (uint8_t who = 1; who <= 10; who++)
		assert_int_equal(run(place, ARCHIVE_PUT, who, 1, large).error, 0);
	assert_int_equal(copy_make(place->path, write_more, &writer, reason, sizeof(reason)), 0);
	assert_true(writer.pauses > 5);
	assert_true(writer.who > 15);
	assert_int_equal(look_at(copy_of(place)).count, 10);
	assert_int_equal(look_at(place->path).count, writer.who);
}

/* A vTPM that is harmed in the store keeps the copy as it is, until that is moved away. */
static void test_copy_harmed(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];

	open_it(place);
	put_sealed(place, 1);
	put_sealed(place, 2);
	assert_int_equal(make_copy(place, reason), 0);
	execute(place->path, "DELETE FROM envelope WHERE hex(uuid) LIKE '01%'");
	assert_int_equal(make_copy(place, reason), -EUCLEAN);
	assert_string_equal(reason, "1 vTPMs in it are not intact");
	assert_int_equal(look_at(copy_of(place)).bad, 0);
	assert_no_remains(place);
	assert_int_equal(unlink(copy_of(place)), 0);
	assert_int_equal(make_copy(place, reason), 0);
	assert_int_equal(look_at(copy_of(place)).bad, 1);
}

static void overwrite(const char *path, long offset, size_t length)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	while (length--)
		fputc(0x55, file);
	fclose(file);
}

/* A damaged file is never copied, whether there is a copy or not. */
static void test_copy_damaged(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	time_t of;

	open_it(place);
	put_sealed(place, 1);
	place->archive = archive_free(place->archive);
	overwrite(place->path, 4096, 8192);
	assert_true(make_copy(place, reason) < 0);
	assert_true(reason[0]);
	assert_int_equal(copy_age(place->path, &of), -ENOENT);
	assert_no_remains(place);
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = { "vtpm.db", "vtpm.db-wal", "vtpm.db-shm" };
	char path[COPY_PATH_MAX + 16];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

/* What was there is kept with its log, and what comes is the state of the copy. */
static void test_copy_use(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE], kept[COPY_PATH_MAX], path[COPY_PATH_MAX + 16];
	struct stat about;

	assert_int_equal(copy_use(place->path, kept, sizeof(kept), reason, sizeof(reason)),
			 -ENOENT);
	open_it(place);
	put_sealed(place, 1);
	assert_int_equal(make_copy(place, reason), 0);
	put_sealed(place, 2);
	place->archive = archive_free(place->archive);
	overwrite(place->path, 4096, 8192);
	snprintf(path, sizeof(path), "%s-wal", place->path);
	assert_int_equal(close(creat(path, 0600)), 0);

	assert_int_equal(copy_use(place->path, kept, sizeof(kept), reason, sizeof(reason)), 0);
	assert_int_equal(stat(path, &about), -1);
	snprintf(path, sizeof(path), "%s/vtpm.db-wal", kept);
	assert_int_equal(stat(path, &about), 0);
	snprintf(path, sizeof(path), "%s/vtpm.db", kept);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(look_at(place->path).count, 1);
	open_it(place);
	put_sealed(place, 3);
	remove_folder(kept);
}

/* Dead in the middle: there is no store, and a second call ends what the first began. */
static void test_copy_use_again(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE], kept[COPY_PATH_MAX];

	open_it(place);
	put_sealed(place, 1);
	assert_int_equal(make_copy(place, reason), 0);
	place->archive = archive_free(place->archive);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(copy_use(place->path, kept, sizeof(kept), reason, sizeof(reason)), 0);
	assert_int_equal(look_at(place->path).count, 1);
	remove_folder(kept);
}

/* An empty file is no store: a new one in it would soon be the copy, too. */
static void test_copy_is_alone(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];

	assert_false(copy_is_alone(place->path));
	open_it(place);
	put_sealed(place, 1);
	assert_int_equal(make_copy(place, reason), 0);
	place->archive = archive_free(place->archive);
	assert_false(copy_is_alone(place->path));
	assert_int_equal(truncate(place->path, 0), 0);
	assert_true(copy_is_alone(place->path));
	assert_int_equal(unlink(place->path), 0);
	assert_true(copy_is_alone(place->path));
}

/* A copy that is no store is not put anywhere. */
static void test_copy_use_damaged(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE], kept[COPY_PATH_MAX];

	open_it(place);
	put_sealed(place, 1);
	assert_int_equal(make_copy(place, reason), 0);
	place->archive = archive_free(place->archive);
	overwrite(copy_of(place), 4096, 8192);
	assert_int_equal(copy_use(place->path, kept, sizeof(kept), reason, sizeof(reason)),
			 -EUCLEAN);
	assert_int_equal(look_at(place->path).count, 1);
}

static const char *intruder;

/* Somebody who may write there is quick: a link to another folder takes the new one's place. */
int mkdir(const char *path, mode_t mode)
{
	int r = mkdirat(AT_FDCWD, path, mode);

	if (!r && intruder && (rmdir(path) || symlink(intruder, path)))
		abort();
	return r;
}

/* Nothing is put or given away behind a link, and no half of it stays. */
static void test_copy_use_link(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE], kept[COPY_PATH_MAX], path[COPY_PATH_MAX + 16];
	char elsewhere[] = "/tmp/vtpm-elsewhere-XXXXXX";
	struct stat about;

	open_it(place);
	put_sealed(place, 1);
	assert_int_equal(make_copy(place, reason), 0);
	place->archive = archive_free(place->archive);
	intruder = mkdtemp(elsewhere);
	assert_int_equal(copy_use(place->path, kept, sizeof(kept), reason, sizeof(reason)),
			 -ENOTDIR);
	intruder = NULL;
	assert_int_equal(rmdir(elsewhere), 0);
	assert_int_equal(look_at(place->path).count, 1);
	snprintf(path, sizeof(path), "%s.new", place->path);
	assert_int_equal(stat(path, &about), -1);
	assert_int_equal(unlink(kept), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_copy_whole),	   TEST(test_copy_while_writing), TEST(test_copy_harmed),
		TEST(test_copy_damaged),   TEST(test_copy_use),		  TEST(test_copy_use_again),
		TEST(test_copy_use_damaged), TEST(test_copy_use_link),
		TEST(test_copy_is_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
