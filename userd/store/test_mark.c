// SPDX-License-Identifier: BSD-3-Clause
/*
 * vTPMs that leave and arrive: once, in one transaction, anchored with all others; and what
 * stays of it, though somebody takes it away.
 */
#include "store/test_witness.h"

#include "store/archive_inspect.h"

struct recalled {
	struct outcome outcome;
	struct archive_mark mark;
	char head[32];
	size_t head_length;
	uint8_t key[8];
	size_t key_length;
};

static int begin(void **state)
{
	fake = (struct fake){ .counter = 100 };
	return setup(state);
}

/* Ask the witness. */
static void ask(struct place *place)
{
	struct outcome outcome = { 0 };

	archive_submit(place->archive, archive_job(ARCHIVE_WITNESS, note, &outcome));
	wait_for(place, &outcome, 1);
	assert_int_equal(outcome.error, 0);
	assert_true(fake.asked);
}

static struct archive_job *moving(enum archive_kind kind, uint8_t who, uint64_t epoch,
				  uint64_t generation, struct outcome *outcome)
{
	struct archive_job *job = kind == ARCHIVE_ARRIVE ?
					  make_sealed(kind, who, generation, 5, outcome) :
					  make(kind, who, generation, NULL, outcome);

	job->define.epoch = epoch;
	job->define.key_length = 4;
	memset(job->define.key, 0x40 + who, 4);
	job->mark = (struct archive_mark){
		.way = kind == ARCHIVE_ARRIVE ? ARCHIVE_CAME : ARCHIVE_LEFT,
		.time = 5,
		.host = "other",
		.package = { who, (uint8_t)epoch },
	};
	return job;
}

/* Return: errno of the job. */
static int leave(struct place *place, uint8_t who, uint64_t epoch, uint64_t generation,
		 const char *head)
{
	struct outcome outcome = { 0 };
	struct archive_job *job = moving(ARCHIVE_LEAVE, who, epoch, generation, &outcome);

	job->mark.package[2] = (uint8_t)head[0];
	assert_int_equal(archive_job_head(job, head, strlen(head)), 0);
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 1);
	return outcome.error;
}

static int arrive(struct place *place, uint8_t who, uint64_t epoch)
{
	struct outcome outcome = { 0 };

	archive_submit(place->archive, moving(ARCHIVE_ARRIVE, who, epoch, 3, &outcome));
	wait_for(place, &outcome, 1);
	return outcome.error;
}

static void note_recalled(struct archive_job *job)
{
	struct recalled *recalled = job->context;

	note(job);
	recalled->mark = job->mark;
	recalled->head_length = job->head_length;
	cursor_copy(recalled->head, sizeof(recalled->head), job->head, job->head_length);
	recalled->key_length = job->define.key_length;
	cursor_copy(recalled->key, sizeof(recalled->key), job->define.key,
		    job->define.key_length);
}

static struct recalled recall(struct place *place, uint8_t who)
{
	struct recalled recalled = { 0 };
	struct archive_job *job = make(ARCHIVE_RECALL, who, 0, NULL, &recalled.outcome);

	job->done = note_recalled;
	archive_submit(place->archive, job);
	wait_for(place, &recalled.outcome, 1);
	return recalled;
}

static void count_bad(void *context, const struct archive_seen *seen)
{
	unsigned int *bad = context;

	*bad += seen->problem[0] != '\0';
}

static unsigned int bad_rows(const struct place *place)
{
	char reason[VTPM_REASON_SIZE];
	unsigned int bad = 0;
	bool block;

	assert_int_equal(archive_inspect(place->path, count_bad, &bad, &block, reason,
					 sizeof(reason)),
			 0);
	return bad;
}

static void look_key(void *context, const struct vtpm_definition *define, uint64_t generation)
{
	struct vtpm_definition *ret = context;

	(void)generation;
	*ret = *define;
}

static void look_mark(void *context, const struct archive_mark *mark)
{
	*(struct archive_mark *)context = *mark;
}

static void start(struct place *place)
{
	open_witnessed(place);
	ask(place);
}

static void test_mark_leave(void **state)
{
	struct place *place = *state;
	struct vtpm_definition define = { .key_length = 9 };
	struct archive_mark mark = { 0 };
	struct recalled recalled;

	start(place);
	assert_int_equal(write_one(place, ARCHIVE_PUT, 1, 3).error, 0);
	assert_int_equal(leave(place, 1, 3, 3, "head"), ESTALE);
	assert_int_equal(leave(place, 1, 2, 4, "head"), ESTALE);
	assert_int_equal(leave(place, 2, 2, 3, "head"), ENOENT);
	assert_int_equal(recall(place, 1).outcome.error, ENOENT);
	assert_int_equal(leave(place, 1, 2, 3, "head"), 0);
	recalled = recall(place, 1);
	assert_int_equal(recalled.outcome.error, 0);
	assert_memory_equal(recalled.head, "head", 4);
	assert_memory_equal(recalled.key, "AAAA", 4);
	assert_int_equal(recalled.outcome.generation, 3);
	assert_true(opens(recalled.outcome.bytes, recalled.outcome.length, 1, 3));
	assert_string_equal(recalled.mark.host, "other");
	/* the engine that may still have it writes nothing any more */
	assert_int_equal(write_one(place, ARCHIVE_COMMIT, 1, 4).error, ESTALE);
	/* another certificate of the same host: another head, and nothing else changes */
	assert_int_equal(leave(place, 1, 2, 3, "more"), 0);
	recalled = recall(place, 1);
	assert_memory_equal(recalled.head, "more", 4);
	assert_memory_equal(recalled.key, "AAAA", 4);
	close_it(place);
	assert_int_equal(bad_rows(place), 0);
	/* what is left to start has no key, and is marked */
	open_witnessed(place);
	assert_int_equal(archive_each(place->archive, look_key, &define), 0);
	assert_int_equal(define.key_length, 0);
	assert_int_equal(define.epoch, 2);
	assert_int_equal(archive_each_mark(place->archive, look_mark, &mark), 0);
	assert_int_equal(mark.way, ARCHIVE_LEFT);
	assert_int_equal(mark.epoch, 2);
	assert_int_equal(mark.package[2], 'm');
}

/* Erased: the state is gone, that it left is not; it comes back in a later epoch alone. */
static void test_mark_erased(void **state)
{
	struct place *place = *state;
	struct outcome loaded;

	start(place);
	assert_int_equal(write_one(place, ARCHIVE_PUT, 1, 3).error, 0);
	assert_int_equal(leave(place, 1, 2, 3, "head"), 0);
	assert_int_equal(arrive(place, 1, 3), EEXIST);
	assert_int_equal(write_one(place, ARCHIVE_REMOVE, 1, 0).error, 0);
	assert_int_equal(recall(place, 1).outcome.error, ENODATA);
	assert_int_equal(arrive(place, 1, 1), EINVAL);
	assert_int_equal(arrive(place, 1, 2), EALREADY);
	close_it(place);
	start(place);
	assert_int_equal(arrive(place, 1, 2), EALREADY);
	assert_int_equal(arrive(place, 1, 3), 0);
	assert_int_equal(recall(place, 1).outcome.error, ENODATA);
	/* for its engine: which epoch it has, and which one it was sealed in */
	loaded = run(place, ARCHIVE_LOAD, 1, 0, NULL);
	assert_int_equal(loaded.epoch, 3);
	assert_int_equal(loaded.sealed, 1);
	close_it(place);
	assert_int_equal(bad_rows(place), 0);
}

/* A package comes once, also when the vTPM that came is gone. */
static void test_mark_arrive(void **state)
{
	struct place *place = *state;

	start(place);
	assert_int_equal(arrive(place, 1, 2), 0);
	assert_int_equal(arrive(place, 1, 2), EALREADY);
	assert_int_equal(write_one(place, ARCHIVE_REMOVE, 1, 0).error, 0);
	assert_int_equal(arrive(place, 1, 2), EALREADY);
	close_it(place);
	assert_int_equal(bad_rows(place), 0);
	start(place);
	assert_int_equal(arrive(place, 1, 2), EALREADY);
	/* and goes on from here */
	assert_int_equal(arrive(place, 1, 3), 0);
	assert_int_equal(leave(place, 1, 4, 3, "head"), 0);
	assert_int_equal(arrive(place, 1, 4), EALREADY);
}

/* Who can write to the file takes the mark away, or exchanges it. */
static void changed(struct place *place, const char *how)
{
	start(place);
	assert_int_equal(arrive(place, 1, 2), 0);
	assert_int_equal(write_one(place, ARCHIVE_REMOVE, 1, 0).error, 0);
	close_it(place);
	execute(place->path, how);
	assert_int_equal(bad_rows(place), 1);
	start(place);
	assert_int_equal(arrive(place, 1, 2), EUCLEAN);
	assert_int_equal(arrive(place, 1, 3), EUCLEAN);
	/* of others nothing is lost */
	assert_int_equal(arrive(place, 2, 2), 0);
}

static void test_mark_taken_away(void **state)
{
	changed(*state, "DELETE FROM mark");
}

static void test_mark_changed(void **state)
{
	changed(*state, "UPDATE mark SET epoch = 1");
}

/* The row of before in the place of the one that left: found, as any older row is. */
static void test_mark_older_row(void **state)
{
	struct place *place = *state;

	start(place);
	assert_int_equal(write_one(place, ARCHIVE_PUT, 1, 3).error, 0);
	assert_int_equal(leave(place, 1, 2, 3, "head"), 0);
	close_it(place);
	execute(place->path, "UPDATE vtpm SET epoch = 1, key = x'41414141'");
	assert_int_equal(bad_rows(place), 1);
	execute(place->path, "UPDATE vtpm SET epoch = 2, key = x''");
	assert_int_equal(bad_rows(place), 0);
}

static void test_mark_is_sealed(void **state)
{
	struct place *place = *state;
	unsigned int seals;

	fake.strict = true;
	start(place);
	assert_int_equal(write_one(place, ARCHIVE_PUT, 1, 3).error, 0);
	seals = fake.anchors;
	assert_int_equal(leave(place, 1, 2, 3, "head"), 0);
	assert_int_equal(fake.anchors, seals + 1);
	assert_int_equal(leave(place, 1, 2, 3, "more"), 0);
	assert_int_equal(fake.anchors, seals + 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_mark_leave),	     TEST(test_mark_erased),  TEST(test_mark_arrive),
		TEST(test_mark_taken_away),  TEST(test_mark_changed), TEST(test_mark_older_row),
		TEST(test_mark_is_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
