// SPDX-License-Identifier: BSD-3-Clause
/*
 * An archive on a disk that fails, or loses its power, at any system call.
 *
 * One workload is run again and again, and each time the next call fails: once, or with all
 * that follow. What each job says is held against a model:
 *
 *	0		done, and from then on there, whatever happens
 *	EUCLEAN		one of two states, until the next job that succeeds
 *	another errno	nothing has changed
 *
 * Afterwards the archive is opened twice: as the system sees it, and as it is after
 * a cut of the power at the end of the workload. Both times the witness has to take it for the
 * newest, every vTPM has to be in a state that the model allows, bit by bit, and it
 * has to take the next commit.
 *
 * VTPM_TORTURE=SEED does not leave out calls.
 */
#include <errno.h>

#include "store/test_disk.h"
#include "store/test_witness.h"

#define VTPMS	3
#define SKIPPED 13 /* of so many calls the short form takes one */

enum { REOPEN = 100, TOGETHER };

static const struct {
	int kind;
	uint8_t who;
} workload[] = {
	{ ARCHIVE_PUT, 1 },    { ARCHIVE_PUT, 2 },    { ARCHIVE_COMMIT, 1 }, { ARCHIVE_CHANGE, 1 },
	{ TOGETHER, 0 },       { ARCHIVE_ANCHOR, 0 }, { ARCHIVE_REMOVE, 2 }, { REOPEN, 0 },
	{ ARCHIVE_COMMIT, 1 }, { ARCHIVE_PUT, 2 },    { TOGETHER, 0 },	     { ARCHIVE_LOAD, 1 },
};

/* What a vTPM may be: generation 0 is none; bit n of @doubts: or generation n. */
struct expected {
	uint64_t sure;
	uint64_t doubts;
};

struct trial {
	struct place *place;
	struct expected vtpms[VTPMS + 1];
	bool gone; /* it could not be opened again */
	char problem[512];
};

#define FAIL(trial, ...)                                                                     \
	do {                                                                                 \
		if (!(trial)->problem[0])                                                    \
			snprintf((trial)->problem, sizeof((trial)->problem), __VA_ARGS__); \
	} while (0)

static bool try_open(struct trial *trial, struct place *place)
{
	const struct archive_witness witness = {
		.witness = fake_witness,
		.seal = fake_seal,
		.anchor = fake_anchor,
	};
	char reason[256];
	int r = archive_open(place->path, reason, sizeof(reason), &place->archive);

	fake.asked = false;
	if (r && !reason[0])
		FAIL(trial, "it is not opened (%d), and nobody says why", r);
	if (!r)
		archive_set_witness(place->archive, &witness);
	return !r;
}

/* A job that cannot be told apart from a good one may lie only by an error. */
static void hold(struct trial *trial, int kind, uint8_t who, uint64_t generation, int error,
		 int wanted, bool broken)
{
	struct expected *vtpm = &trial->vtpms[who];

	if (error == wanted && wanted)
		return;
	if (error && !broken)
		FAIL(trial, "job %d of %u: error %d, want %d", kind, who, error, wanted);
	if (error == ENOENT || error == EEXIST || error == ESTALE || error == ENODATA)
		FAIL(trial, "job %d of %u: error %d although a call failed", kind, who, error);
	if (!error && wanted)
		FAIL(trial, "job %d of %u succeeds, want %d", kind, who, wanted);
	if (kind == ARCHIVE_LOAD || kind == ARCHIVE_CHANGE || kind == ARCHIVE_ANCHOR) {
		if (error == EUCLEAN && kind == ARCHIVE_LOAD)
			FAIL(trial, "a call failed, and %u is called damaged", who);
		return;
	}
	if (error == EUCLEAN) {
		vtpm->doubts |= 1ull << generation;
	} else if (!error) {
		vtpm->sure = generation;
		/* The log has one end: what was in doubt before it is settled. */
		for (uint8_t i = 1; i <= VTPMS; i++)
			trial->vtpms[i].doubts = 0;
	}
}

static uint64_t next_of(const struct trial *trial, int kind, uint8_t who, int *ret_wanted)
{
	uint64_t now = trial->vtpms[who].sure;

	*ret_wanted = 0;
	if (kind == ARCHIVE_PUT)
		*ret_wanted = now ? EEXIST : 0;
	else if (kind != ARCHIVE_ANCHOR)
		*ret_wanted = now ? 0 : ENOENT;
	return kind == ARCHIVE_REMOVE ? 0 : now + 1;
}

static struct archive_job *job_of(int kind, uint8_t who, uint64_t generation,
				  struct outcome *outcome)
{
	if (kind == ARCHIVE_PUT || kind == ARCHIVE_COMMIT)
		return make_sealed(kind, who, generation, generation % 2 ? 9000 : 300, outcome);
	return make(kind, who, generation, NULL, outcome);
}

/* Who is in doubt begins again with what is there, as an engine does. */
static bool settle(struct trial *trial, uint8_t who)
{
	struct expected *vtpm = &trial->vtpms[who];
	struct outcome outcome;

	if (!vtpm->doubts)
		return true;
	outcome = run(trial->place, ARCHIVE_LOAD, who, 0, NULL);
	if (outcome.error == EUCLEAN)
		FAIL(trial, "in doubt, and %u is called damaged", who);
	if (outcome.error && outcome.error != ENOENT)
		return false;
	vtpm->doubts |= 1ull << vtpm->sure;
	vtpm->sure = outcome.error ? 0 : outcome.generation;
	if (!(vtpm->doubts & 1ull << vtpm->sure))
		FAIL(trial, "in doubt, %u has another generation: %u", who,
		     (unsigned int)vtpm->sure);
	return true;
}

static void do_one(struct trial *trial, int kind, uint8_t who)
{
	struct outcome outcome = { 0 };
	uint64_t generation;
	int wanted;

	if (!settle(trial, who))
		return;
	generation = next_of(trial, kind, who, &wanted);
	archive_submit(trial->place->archive, job_of(kind, who, generation, &outcome));
	wait_for(trial->place, &outcome, 1);
	hold(trial, kind, who, generation, outcome.error, wanted,
	     disk.fired && (disk.forever || disk.calls >= disk.at));
}

/* Several at a time: each has its own outcome. */
static void do_together(struct trial *trial)
{
	static const int kinds[VTPMS + 1] = { 0, ARCHIVE_COMMIT, ARCHIVE_COMMIT, ARCHIVE_PUT };
	struct outcome outcomes[VTPMS + 1] = { 0 };
	uint64_t generations[VTPMS + 1];
	int wanted[VTPMS + 1];

	for (uint8_t who = 1; who <= VTPMS; who++)
		if (!settle(trial, who))
			return;
	for (uint8_t who = 1; who <= VTPMS; who++) {
		generations[who] = next_of(trial, kinds[who], who, &wanted[who]);
		archive_submit(trial->place->archive,
			       job_of(kinds[who], who, generations[who], &outcomes[who]));
	}
	for (uint8_t who = 1; who <= VTPMS; who++)
		wait_for(trial->place, &outcomes[who], 1);
	for (uint8_t who = 1; who <= VTPMS; who++)
		hold(trial, kinds[who], who, generations[who], outcomes[who].error, wanted[who],
		     disk.fired);
}

static void do_all(struct trial *trial)
{
	/* Nobody can be called back from a disk that has died for good. */
	trial->gone = !try_open(trial, trial->place) && !try_open(trial, trial->place);
	for (size_t i = 0; !trial->gone && i < sizeof(workload) / sizeof(workload[0]); i++) {
		if (workload[i].kind == TOGETHER) {
			do_together(trial);
		} else if (workload[i].kind == REOPEN) {
			close_it(trial->place);
			trial->gone = !try_open(trial, trial->place) &&
				      !try_open(trial, trial->place);
		} else {
			do_one(trial, workload[i].kind, workload[i].who);
		}
	}
	if (trial->gone && !disk.forever)
		FAIL(trial, "one failing call, and it cannot be opened any more");
}

static void see_witness(struct archive_job *job)
{
	struct outcome *outcome = job->context;

	outcome->count++;
	outcome->error = job->error;
	if (!job->error && (job->verdict != KEYD_VERDICT_NEWEST || job->finding_count))
		outcome->error = EKEYREJECTED;
}

static void check_one(struct trial *trial, struct place *place, uint8_t who, const char *when)
{
	const struct expected *vtpm = &trial->vtpms[who];
	struct outcome outcome = run(place, ARCHIVE_LOAD, who, 0, NULL);
	uint64_t found = outcome.error == ENOENT ? 0 : outcome.generation;

	if (outcome.error && outcome.error != ENOENT)
		FAIL(trial, "%s: %u cannot be loaded: %d", when, who, outcome.error);
	else if (found != vtpm->sure && !(vtpm->doubts & 1ull << found))
		FAIL(trial, "%s: %u has generation %u, want %u", when, who, (unsigned int)found,
		     (unsigned int)vtpm->sure);
	else if (found && !opens(outcome.bytes, outcome.length, who, found))
		FAIL(trial, "%s: what is there of %u does not open", when, who);
	else if (write_one(place, found ? ARCHIVE_COMMIT : ARCHIVE_PUT, who, found + 1).error)
		FAIL(trial, "%s: %u cannot be written any more", when, who);
}

static void check_place(struct trial *trial, struct place *place, const char *when)
{
	struct outcome outcome = { 0 };

	if (!try_open(trial, place)) {
		FAIL(trial, "%s: it is not opened", when);
		return;
	}
	archive_submit(place->archive, archive_job(ARCHIVE_WITNESS, see_witness, &outcome));
	wait_for(place, &outcome, 1);
	if (outcome.error)
		FAIL(trial, "%s: the witness: %d", when, outcome.error);
	for (uint8_t who = 1; !trial->problem[0] && who <= VTPMS; who++)
		check_one(trial, place, who, when);
	close_it(place);
}

/* Return: whether the call failed that was to fail */
static bool try_once(struct trial *trial, enum disk_fault fault, unsigned int at, bool forever,
		     bool lies)
{
	const char *torture = getenv("VTPM_TORTURE");
	unsigned int seed = at + (torture ? (unsigned int)strtoul(torture, NULL, 0) << 16 : 0);
	void *first, *second;
	uint64_t counter;
	bool fired;

	setup(&first);
	setup(&second);
	*trial = (struct trial){ .place = first };
	fake = (struct fake){ .counter = 5 };
	disk_begin();
	disk.lies = lies;
	disk_break(fault, at, forever);
	do_all(trial);
	fired = disk.fired;
	disk_cut(second, &seed);
	disk.fault = DISK_FINE;
	close_it(first);
	counter = fake.counter;
	check_place(trial, first, "afterwards");
	disk_begin();
	fake.counter = counter;
	check_place(trial, second, "after a cut");
	teardown(&first);
	teardown(&second);
	return fired;
}

static void sweep(enum disk_fault fault, bool forever)
{
	unsigned int step = getenv("VTPM_TORTURE") ? 1 : SKIPPED, at = 1;
	struct trial trial;

	while (try_once(&trial, fault, at, forever, false)) {
		if (trial.problem[0])
			fail_msg("call %u%s: %s", at, forever ? " and all after it" : "",
				 trial.problem);
		at += step;
	}
	assert_string_equal(trial.problem, "");
	assert_true(at > 50);
	print_message("%u calls, every %u. of them failed\n", at, step);
}

static void test_faults_eio(void **state)
{
	(void)state;
	sweep(DISK_EIO, false);
}

static void test_faults_eio_for_good(void **state)
{
	(void)state;
	sweep(DISK_EIO, true);
}

static void test_faults_enospc(void **state)
{
	(void)state;
	sweep(DISK_ENOSPC, false);
}

static void test_faults_enospc_for_good(void **state)
{
	(void)state;
	sweep(DISK_ENOSPC, true);
}

static void test_faults_short(void **state)
{
	(void)state;
	sweep(DISK_SHORT, false);
}

static void test_faults_short_for_good(void **state)
{
	(void)state;
	sweep(DISK_SHORT, true);
}

static void test_faults_torn(void **state)
{
	(void)state;
	sweep(DISK_TORN, false);
}

static void test_faults_torn_for_good(void **state)
{
	(void)state;
	sweep(DISK_TORN, true);
}

/* Without syncs a cut loses what was acknowledged, and this test would say so. */
static void test_faults_are_seen(void **state)
{
	struct trial trial;
	unsigned int seen = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		try_once(&trial, DISK_FINE, seed, false, true);
		seen += strstr(trial.problem, "after a cut") != NULL;
	}
	assert_int_equal(seen, 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults_eio),
		cmocka_unit_test(test_faults_eio_for_good),
		cmocka_unit_test(test_faults_enospc),
		cmocka_unit_test(test_faults_enospc_for_good),
		cmocka_unit_test(test_faults_short),
		cmocka_unit_test(test_faults_short_for_good),
		cmocka_unit_test(test_faults_torn),
		cmocka_unit_test(test_faults_torn_for_good),
		cmocka_unit_test(test_faults_are_seen),
	};

	for (int fd = 0; fd < DISK_OPEN; fd++)
		disk.opened[fd].name = DISK_OTHER;
	disk_stand_between();
	return cmocka_run_group_tests_name("store/faults", tests, NULL, NULL);
}
