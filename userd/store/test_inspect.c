// SPDX-License-Identifier: BSD-3-Clause
/*
 * Inspection: what was done to a store is found, and not a byte of its folder changes.
 */
#include <errno.h>
#include <sys/stat.h>

#include "store/archive_inspect.h"
#include "store/test_witness.h"

struct look {
	unsigned int count;
	unsigned int bad;
	char problem[VTPM_REASON_SIZE];
	char name[VTPM_NAME_SIZE];
};

static void see(void *context, const struct archive_seen *seen)
{
	struct look *look = context;

	look->count++;
	look->bad += seen->problem[0] != '\0';
	if (seen->problem[0])
		snprintf(look->name, sizeof(look->name), "%s", seen->name);
	if (seen->problem[0])
		snprintf(look->problem, sizeof(look->problem), "%s", seen->problem);
}

/* Size and times of the file and of what may lie beside it. */
static void picture(const struct place *place, struct stat about[3])
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		memset(&about[i], 0, sizeof(about[i]));
		snprintf(path, sizeof(path), "%s%s", place->path, ends[i]);
		stat(path, &about[i]);
		about[i].st_atim = (struct timespec){ 0 };
		/* Of root, SQLite's log changes hands, from its owner to its owner. */
		about[i].st_ctim = (struct timespec){ 0 };
	}
}

static int inspect(const struct place *place, struct look *look, char *reason)
{
	struct stat before[3], after[3];
	bool block;
	int r;

	*look = (struct look){ 0 };
	picture(place, before);
	r = archive_inspect(place->path, see, look, &block, reason, VTPM_REASON_SIZE);
	picture(place, after);
	assert_memory_equal(before, after, sizeof(before));
	return r;
}

/* While it is open, and when it is not, with and without what a killed one leaves. */
static void test_inspect_intact(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	struct look look;

	open_it(place);
	put_sealed(place, 1);
	put_sealed(place, 2);
	assert_int_equal(inspect(place, &look, reason), 0);
	assert_int_equal(look.count, 2);
	assert_int_equal(look.bad, 0);
	place->archive = archive_free(place->archive);
	assert_int_equal(inspect(place, &look, reason), 0);
	assert_int_equal(look.count, 2);
	assert_int_equal(look.bad, 0);
}

static void test_inspect_finds(void **state)
{
	static const struct {
		const char *sql;
		const char *problem;
	} rows[] = {
		{ "DELETE FROM envelope WHERE hex(uuid) LIKE '01%'", "envelope is missing" },
		{ "UPDATE envelope SET bytes = zeroblob(99) WHERE hex(uuid) LIKE '01%'",
		  "is none" },
		{ "UPDATE envelope SET bytes = (SELECT bytes FROM envelope WHERE hex(uuid) LIKE"
		  " '02%') WHERE hex(uuid) LIKE '01%'",
		  "of another vTPM" },
		{ "UPDATE vtpm SET generation = 7 WHERE hex(uuid) LIKE '01%'",
		  "generation 1, its row 7" },
		{ "UPDATE envelope SET bytes = CAST(substr(bytes, 1, 69) || x'55' ||"
		  " substr(bytes, 71) AS BLOB) WHERE hex(uuid) LIKE '01%'",
		  "not what its digest says" },
		{ "UPDATE vtpm SET key = x'01' WHERE hex(uuid) LIKE '01%'", "not the newest one" },
		{ "DELETE FROM envelope WHERE hex(uuid) LIKE '01%';"
		  "DELETE FROM vtpm WHERE hex(uuid) LIKE '01%'",
		  "nobody removed it" },
	};
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	struct look look;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unlink(place->path);
		open_it(place);
		put_sealed(place, 1);
		put_sealed(place, 2);
		place->archive = archive_free(place->archive);
		execute(place->path, rows[i].sql);
		assert_int_equal(inspect(place, &look, reason), 0);
		assert_int_equal(look.count, 2);
		assert_int_equal(look.bad, 1);
		if (!strstr(look.problem, rows[i].problem))
			fail_msg("'%s' is not in: %s", rows[i].problem, look.problem);
	}
}

static void test_inspect_damaged(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	struct look look;
	FILE *file;

	assert_int_equal(inspect(place, &look, reason), -ENOENT);
	open_it(place);
	put_sealed(place, 1);
	place->archive = archive_free(place->archive);
	execute(place->path, "PRAGMA user_version = 1");
	assert_int_equal(inspect(place, &look, reason), -EUCLEAN);
	assert_non_null(strstr(reason, "no store of version " ARCHIVE_VERSION_TEXT));
	execute(place->path, "PRAGMA user_version = " ARCHIVE_VERSION_TEXT);
	file = fopen(place->path, "r+");
	assert_non_null(file);
	fseek(file, 4096, SEEK_SET);
	for (int i = 0; i < 8192; i++)
		fputc(0x55, file);
	fclose(file);
	assert_int_equal(inspect(place, &look, reason), -EUCLEAN);
	assert_int_equal(look.count, 0);
	assert_true(reason[0]);
}

/* Overwrite the page that is full of @mark. */
static void ruin_page(const char *path, char mark)
{
	char page[4096];
	FILE *file = fopen(path, "r+");
	bool found = false;

	assert_non_null(file);
	while (!found && fread(page, sizeof(page), 1, file) == 1)
		found = page[100] == mark && page[4000] == mark;
	assert_true(found);
	assert_int_equal(fseek(file, -(long)sizeof(page), SEEK_CUR), 0);
	for (size_t i = 0; i < sizeof(page); i++)
		fputc(0x55, file);
	fclose(file);
}

/* A page of one vTPM is damaged: it is named, and the others are looked at. */
static void test_inspect_damaged_page(void **state)
{
	static char large[20001];
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	struct look look;

	for (size_t i = 0; i < sizeof(large) - 1; i++)
		large[i] = 'y';
	open_it(place);
	put_sealed(place, 1);
	assert_int_equal(run(place, ARCHIVE_PUT, 2, 1, large).error, 0);
	put_sealed(place, 3);
	place->archive = archive_free(place->archive);
	ruin_page(place->path, 'y');
	assert_int_equal(inspect(place, &look, reason), -EUCLEAN);
	assert_non_null(strstr(reason, "the file is damaged"));
	assert_int_equal(look.count, 3);
	assert_int_equal(look.bad, 1);
	assert_string_equal(look.name, "vtpm2");
	assert_non_null(strstr(look.problem, "where it lies"));
}

static void see_uuid(void *context, const struct archive_seen *seen)
{
	(void)context;
	if (!seen->problem[0] || seen->generation)
		assert_int_equal(seen->uuid[0], 1);
}

/* A view in a table's place may say another thing each time, and a shorter one than before. */
static void test_inspect_view(void **state)
{
	struct place *place = *state;
	char reason[VTPM_REASON_SIZE];
	bool block;

	open_it(place);
	put_sealed(place, 1);
	place->archive = archive_free(place->archive);
	execute(place->path, "PRAGMA legacy_alter_table = ON;"
			     "ALTER TABLE vtpm RENAME TO hidden;"
			     "CREATE VIEW vtpm AS SELECT"
			     " CASE WHEN random() % 2 THEN uuid ELSE x'02' END AS uuid,"
			     " name, epoch, generation, quarantine, key FROM hidden");
	for (int i = 0; i < 200; i++)
		archive_inspect(place->path, see_uuid, NULL, &block, reason, sizeof(reason));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_inspect_intact),
		TEST(test_inspect_finds),
		TEST(test_inspect_damaged),
		TEST(test_inspect_damaged_page),
		TEST(test_inspect_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
