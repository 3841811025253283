// SPDX-License-Identifier: BSD-3-Clause
/*
 * The archive and its witness. What an attacker does is done with the file of the closed
 * archive.
 */
#include <errno.h>
#include <sys/stat.h>

#include "store/archive_inspect.h"
#include "store/test_witness.h"

struct judged {
	int count;
	int error;
	enum keyd_verdict verdict;
	uint8_t root[ARCHIVE_ROOT_SIZE];
	size_t found;
	struct archive_finding findings[4];
};

static void note_judged(struct archive_job *job)
{
	struct judged *judged = job->context;

	judged->count++;
	judged->error = job->error;
	judged->verdict = job->verdict;
	judged->found = job->finding_count;
	cursor_copy(judged->root, sizeof(judged->root), job->root, sizeof(job->root));
	for (size_t i = 0; i < job->finding_count && i < 4; i++)
		judged->findings[i] = job->findings[i];
}

static struct judged witness(struct place *place)
{
	struct pollfd ready = { .fd = archive_fd(place->archive), .events = POLLIN };
	struct judged judged = { 0 };

	archive_submit(place->archive, archive_job(ARCHIVE_WITNESS, note_judged, &judged));
	while (!judged.count) {
		assert_int_equal(poll(&ready, 1, 30000), 1);
		archive_dispatch(place->archive);
	}
	return judged;
}

static void expect_verdict(struct place *place, enum keyd_verdict verdict)
{
	struct judged judged = witness(place);

	assert_int_equal(judged.error, 0);
	assert_int_equal(judged.verdict, verdict);
	assert_int_equal(judged.found, 0);
}

static void expect_finding(struct place *place, uint8_t who, const char *reason)
{
	struct judged judged = witness(place);
	uint8_t uuid[16];

	memset(uuid, who, sizeof(uuid));
	assert_int_equal(judged.error, 0);
	assert_int_equal(judged.verdict, KEYD_VERDICT_NEWEST);
	assert_int_equal(judged.found, 1);
	assert_memory_equal(judged.findings[0].uuid, uuid, sizeof(uuid));
	assert_non_null(strstr(judged.findings[0].reason, reason));
}

static void put(struct place *place, uint8_t who)
{
	assert_int_equal(write_one(place, ARCHIVE_PUT, who, 1).error, 0);
}

static void commit(struct place *place, uint8_t who, uint64_t generation)
{
	assert_int_equal(write_one(place, ARCHIVE_COMMIT, who, generation).error, 0);
}

static void copy_to(const char *from, const char *to)
{
	char command[256];

	snprintf(command, sizeof(command), "VACUUM INTO '%s'", to);
	unlink(to);
	execute(from, command);
}

/* The file is an older copy of itself. */
static void put_back(struct place *place, const char *copy)
{
	close_it(place);
	copy_to(copy, place->path);
	unlink(copy);
	open_witnessed(place);
}

static int begin(void **state)
{
	fake = (struct fake){ .counter = 5 };
	return setup(state);
}

static void test_witness_none(void **state)
{
	struct place *place = *state;

	open_it(place);
	assert_int_equal(witness(place).error, EOPNOTSUPP);
	assert_int_equal(run(place, ARCHIVE_ANCHOR, 0, 0, NULL).error, EOPNOTSUPP);
	put(place, 1);
	assert_false(archive_is_dirty(place->archive));
}

static void test_witness_unprotected(void **state)
{
	struct place *place = *state;

	fake.unprotected = true;
	open_witnessed(place);
	put(place, 1);
	expect_verdict(place, KEYD_VERDICT_UNPROTECTED);
	commit(place, 1, 2);
	assert_int_equal(run(place, ARCHIVE_ANCHOR, 0, 0, NULL).error, 0);
	assert_int_equal(fake.seals + fake.anchors, 0);
}

/* Between two anchorings an older copy passes; beyond one it does not. */
static void test_witness_lazy(void **state)
{
	struct place *place = *state;
	char copy[128];

	snprintf(copy, sizeof(copy), "%s.copy", place->path);
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	assert_false(archive_is_dirty(place->archive));
	put(place, 1);
	assert_true(archive_is_dirty(place->archive));
	copy_to(place->path, copy);
	commit(place, 1, 2);
	assert_int_equal(fake.anchors, 0);
	put_back(place, copy);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	expect_verdict(place, KEYD_VERDICT_NEWEST);

	copy_to(place->path, copy);
	assert_int_equal(run(place, ARCHIVE_ANCHOR, 0, 0, NULL).error, 0);
	assert_false(archive_is_dirty(place->archive));
	assert_int_equal(fake.anchors, 1);
	assert_int_equal(run(place, ARCHIVE_ANCHOR, 0, 0, NULL).error, 0);
	assert_int_equal(fake.anchors, 1);
	close_it(place);
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	put_back(place, copy);
	expect_verdict(place, KEYD_VERDICT_OLD);
}

/* Each change is anchored before its job has finished. */
static void test_witness_strict(void **state)
{
	struct place *place = *state;
	char copy[128];

	snprintf(copy, sizeof(copy), "%s.copy", place->path);
	fake.strict = true;
	open_witnessed(place);
	put(place, 1);
	assert_int_equal(fake.anchors, 1);
	copy_to(place->path, copy);
	commit(place, 1, 2);
	assert_int_equal(fake.counter, 7);
	assert_false(archive_is_dirty(place->archive));
	put_back(place, copy);
	expect_verdict(place, KEYD_VERDICT_OLD);
}

/* A name or whether it shall run is not what the root is over. */
static void test_witness_change_seals_nothing(void **state)
{
	struct place *place = *state;

	open_witnessed(place);
	put(place, 1);
	assert_int_equal(fake.seals, 1);
	assert_int_equal(run(place, ARCHIVE_CHANGE, 1, 0, NULL).error, 0);
	assert_int_equal(run(place, ARCHIVE_LOAD, 1, 0, NULL).error, 0);
	assert_int_equal(write_one(place, ARCHIVE_COMMIT, 1, 9).error, ESTALE);
	assert_int_equal(fake.seals, 1);
	assert_int_equal(run(place, ARCHIVE_REMOVE, 1, 0, NULL).error, 0);
	assert_int_equal(fake.seals, 2);
}

/* Durable and not counted yet: the next one finds it, and goes on. */
static void test_witness_dies_before_anchor(void **state)
{
	struct place *place = *state;

	fake.strict = true;
	open_witnessed(place);
	put(place, 1);
	fake.dies = true;
	assert_int_equal(write_one(place, ARCHIVE_COMMIT, 1, 2).error, EUCLEAN);
	assert_int_equal(fake.counter, 6);
	fake.dies = false;
	close_it(place);
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	assert_int_equal(fake.counter, 7);
	commit(place, 1, 3);
	assert_int_equal(fake.counter, 8);
}

/* A witness that began anew knows nothing; it is asked, and what waits goes on. */
static void test_witness_begins_anew(void **state)
{
	struct place *place = *state;

	open_witnessed(place);
	put(place, 1);
	fake.asked = false;
	commit(place, 1, 2);
	fake.asked = false;
	assert_int_equal(run(place, ARCHIVE_ANCHOR, 0, 0, NULL).error, 0);
	assert_int_equal(fake.counter, 6);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
}

/* Nothing is written to a store that is not the newest, and what is there can be read. */
static void test_witness_refuses(void **state)
{
	struct place *place = *state;

	open_witnessed(place);
	put(place, 1);
	close_it(place);
	fake.missing = true;
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_MISSING);
	assert_int_equal(write_one(place, ARCHIVE_COMMIT, 1, 2).error, ENOKEY);
	assert_int_equal(write_one(place, ARCHIVE_PUT, 2, 1).error, ENOKEY);
	assert_int_equal(run(place, ARCHIVE_REMOVE, 1, 0, NULL).error, ENOKEY);
	assert_int_equal(run(place, ARCHIVE_CHANGE, 1, 0, NULL).error, 0);
	assert_int_equal(run(place, ARCHIVE_LOAD, 1, 0, NULL).generation, 1);
	fake.missing = false;
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	commit(place, 1, 2);
}

static void test_witness_accept(void **state)
{
	struct place *place = *state;
	struct outcome outcome = { 0 };
	struct archive_job *job;
	struct judged judged;
	uint8_t block[KEYD_BLOCK_MAX];

	open_witnessed(place);
	put(place, 1);
	put(place, 2);
	close_it(place);
	fake.counter = 9;
	open_witnessed(place);
	judged = witness(place);
	assert_int_equal(judged.verdict, KEYD_VERDICT_OLD);
	for (int i = 0; i < 3; i++) {
		job = make(ARCHIVE_ACCEPT, 0, 0, NULL, &outcome);
		if (i)
			archive_job_bytes(job, block, make_block(10, judged.root, block));
		cursor_copy(job->root, sizeof(job->root), judged.root, sizeof(judged.root));
		job->root[0] ^= i == 1;
		fake.asked = fake.ahead = true;
		archive_submit(place->archive, job);
		wait_for(place, &outcome, i + 1);
		assert_int_equal(outcome.error, i == 0 ? EINVAL : i == 1 ? ESTALE : 0);
	}
	assert_int_equal(fake.counter, 10);
	expect_verdict(place, KEYD_VERDICT_NEWEST);

	/* Each vTPM is in its next epoch: what an engine of the former one has comes too late. */
	outcome = run(place, ARCHIVE_LOAD, 1, 0, NULL);
	assert_int_equal(outcome.epoch, 2);
	assert_int_equal(outcome.sealed, 1);
	assert_int_equal(run(place, ARCHIVE_COMMIT, 1, 2, "late").error, ESTALE);
	for (uint64_t generation = 2; generation <= 3; generation++) {
		job = make(ARCHIVE_COMMIT, 1, generation, "anew", &outcome);
		job->define.epoch = 2;
		outcome.count = 0;
		archive_submit(place->archive, job);
		wait_for(place, &outcome, 1);
		assert_int_equal(outcome.error, 0);
	}
	outcome = run(place, ARCHIVE_LOAD, 1, 0, NULL);
	assert_int_equal(outcome.sealed, 2);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
}

/* Single rows: each attack is named, the other vTPM stays fine. */
static void test_witness_single_rows(void **state)
{
	static const struct {
		const char *sql;
		uint8_t who;
		const char *reason;
	} attacks[] = {
		{ "UPDATE envelope SET generation = 1, bytes = (SELECT bytes FROM old.envelope AS o"
		  " WHERE o.uuid = envelope.uuid) WHERE hex(uuid) LIKE '01%';"
		  "UPDATE vtpm SET generation = 1 WHERE hex(uuid) LIKE '01%'",
		  1, "(generation 1) is not the newest" },
		{ "UPDATE envelope SET bytes = (SELECT bytes FROM old.envelope WHERE hex(uuid) LIKE"
		  " '02%') WHERE hex(uuid) LIKE '01%'",
		  1, "that of another vTPM" },
		{ "DELETE FROM envelope WHERE hex(uuid) LIKE '02%'", 2,
		  "is missing from the store" },
		{ "UPDATE envelope SET bytes = zeroblob(99) WHERE hex(uuid) LIKE '02%'", 2,
		  "is none" },
		{ "DELETE FROM envelope WHERE hex(uuid) LIKE '02%';"
		  "DELETE FROM vtpm WHERE hex(uuid) LIKE '02%'",
		  2, "nobody removed it" },
		{ "INSERT INTO vtpm SELECT * FROM old.vtpm WHERE hex(uuid) LIKE '03%';"
		  "INSERT INTO envelope SELECT * FROM old.envelope WHERE hex(uuid) LIKE '03%'",
		  3, "removed before, or comes from another store" },
		{ "UPDATE vtpm SET key = x'00' WHERE hex(uuid) LIKE '01%'", 1,
		  "or it was changed" },
	};
	struct place *place = *state;
	char copy[128], good[128], sql[1024];

	snprintf(copy, sizeof(copy), "%s.copy", place->path);
	snprintf(good, sizeof(good), "%s.good", place->path);
	open_witnessed(place);
	for (uint8_t who = 1; who <= 3; who++)
		put(place, who);
	copy_to(place->path, copy);
	commit(place, 1, 2);
	assert_int_equal(run(place, ARCHIVE_REMOVE, 3, 0, NULL).error, 0);
	copy_to(place->path, good);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		close_it(place);
		copy_to(good, place->path);
		snprintf(sql, sizeof(sql), "PRAGMA foreign_keys = OFF; ATTACH '%s' AS old; %s",
			 copy, attacks[i].sql);
		execute(place->path, sql);
		open_witnessed(place);
		expect_finding(place, attacks[i].who, attacks[i].reason);
		/* The evidence stays, whatever else is written. */
		if (attacks[i].who == 1)
			assert_int_equal(run(place, ARCHIVE_CHANGE, 1, 0, NULL).error, 0);
		commit(place, attacks[i].who == 1 ? 2 : 1, attacks[i].who == 1 ? 2 : 3);
		expect_finding(place, attacks[i].who, attacks[i].reason);
	}
	unlink(copy);
	unlink(good);
}

/* Leaves that were changed, rows that were not: the rows are vouched for, nothing is lost. */
static void test_witness_leaves_changed(void **state)
{
	struct place *place = *state;

	open_witnessed(place);
	put(place, 1);
	put(place, 2);
	close_it(place);
	execute(place->path, "UPDATE leaf SET hash = zeroblob(32) WHERE hex(uuid) LIKE '01%'");
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	commit(place, 2, 2);
	close_it(place);
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
}

static void test_witness_block_lost(void **state)
{
	struct place *place = *state;

	open_witnessed(place);
	put(place, 1);
	close_it(place);
	execute(place->path, "DELETE FROM block");
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_FOREIGN);
}

#define BACK_TO_5 "DROP TABLE mark; PRAGMA user_version = 5;"
#define BACK_TO_4 BACK_TO_5 "DROP TABLE papers; PRAGMA user_version = 4;"
#define BACK_TO_3 BACK_TO_4 "ALTER TABLE vtpm DROP COLUMN plain_state; PRAGMA user_version = 3;"
#define BACK_TO_2 BACK_TO_3 "ALTER TABLE envelope DROP COLUMN digest; PRAGMA user_version = 2;"
#define BACK_TO_1 BACK_TO_2 "DROP TABLE leaf; DROP TABLE block; PRAGMA user_version = 1"

static void count_bad(void *context, const struct archive_seen *seen)
{
	unsigned int *bad = context;

	*bad += seen->problem[0] != '\0';
}

/* What an older one lacks comes, and nothing else changes: it is the newest store still. */
static void comes_from(struct place *place, const char *back)
{
	char reason[VTPM_REASON_SIZE];
	unsigned int bad = 0;
	bool block;

	open_witnessed(place);
	put_sealed(place, 1);
	close_it(place);
	execute(place->path, back);
	open_witnessed(place);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	assert_int_equal(archive_inspect(place->path, count_bad, &bad, &block, reason,
					 sizeof(reason)),
			 0);
	assert_int_equal(bad, 0);
}

static void test_witness_version_2(void **state)
{
	comes_from(*state, BACK_TO_2);
}

static void test_witness_version_3(void **state)
{
	comes_from(*state, BACK_TO_3);
}

static void test_witness_version_4(void **state)
{
	comes_from(*state, BACK_TO_4);
}

static void test_witness_version_5(void **state)
{
	comes_from(*state, BACK_TO_5);
}

static void test_witness_version_1(void **state)
{
	struct place *place = *state;
	char reason[256];

	open_it(place);
	close_it(place);
	execute(place->path, BACK_TO_1);
	open_witnessed(place);
	put(place, 1);
	expect_verdict(place, KEYD_VERDICT_NEWEST);
	close_it(place);
	execute(place->path, BACK_TO_1);
	assert_int_equal(archive_open(place->path, reason, sizeof(reason), &place->archive),
			 -EUCLEAN);
	assert_non_null(strstr(reason, "move the file away"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_witness_none),
		TEST(test_witness_unprotected),
		TEST(test_witness_lazy),
		TEST(test_witness_strict),
		TEST(test_witness_change_seals_nothing),
		TEST(test_witness_dies_before_anchor),
		TEST(test_witness_begins_anew),
		TEST(test_witness_refuses),
		TEST(test_witness_accept),
		TEST(test_witness_single_rows),
		TEST(test_witness_leaves_changed),
		TEST(test_witness_block_lost),
		TEST(test_witness_version_1),
		TEST(test_witness_version_2),
		TEST(test_witness_version_3),
		TEST(test_witness_version_4),
		TEST(test_witness_version_5),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
