/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the archive: one in a folder of its own, and jobs that are waited for.
 */
#ifndef STORE_TEST_ARCHIVE_H
#define STORE_TEST_ARCHIVE_H

#include <poll.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "store/archive.h"
#include "store/envelope.h"

struct place {
	char dir[64];
	char path[80];
	struct archive *archive;
};

static inline int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	snprintf(place->dir, sizeof(place->dir), "/tmp/vtpm-archive-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/vtpm.db", place->dir);
	*state = place;
	return 0;
}

static inline int teardown(void **state)
{
	static const char *const names[] = { "vtpm.db", "vtpm.db-wal", "vtpm.db-shm",
					     "vtpm.db.copy", "vtpm.db-journal" };
	struct place *place = *state;
	char path[128];

	archive_free(place->archive);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->dir, names[i]);
		unlink(path);
	}
	rmdir(place->dir);
	free(place);
	return 0;
}

static inline void open_it(struct place *place)
{
	char reason[128];

	assert_int_equal(archive_open(place->path, reason, sizeof(reason), &place->archive), 0);
}

struct outcome {
	int count;
	int error;
	uint64_t generation;
	uint64_t epoch;
	uint64_t sealed;
	uint8_t bytes[10000];
	size_t length;
};

static inline void note(struct archive_job *job)
{
	struct outcome *outcome = job->context;

	outcome->count++;
	outcome->error = job->error;
	outcome->generation = job->generation;
	outcome->epoch = job->define.epoch;
	outcome->sealed = job->sealed;
	outcome->length = job->length;
	if (job->bytes)
		cursor_copy(outcome->bytes, sizeof(outcome->bytes), job->bytes, job->length);
}

static inline void wait_for(struct place *place, const struct outcome *outcome, int count)
{
	struct pollfd ready = { .fd = archive_fd(place->archive), .events = POLLIN };

	while (outcome->count < count) {
		assert_int_equal(poll(&ready, 1, 30000), 1);
		archive_dispatch(place->archive);
	}
}

static inline struct archive_job *make(enum archive_kind kind, uint8_t who, uint64_t generation,
				       const char *bytes, struct outcome *outcome)
{
	struct archive_job *job = archive_job(kind, note, outcome);

	memset(job->define.uuid, who, sizeof(job->define.uuid));
	snprintf(job->define.name, sizeof(job->define.name), "vtpm%u", who);
	job->define.front = VTPM_FRONT_SOCKET;
	job->define.epoch = 1;
	job->generation = generation;
	if (bytes)
		assert_int_equal(archive_job_bytes(job, bytes, strlen(bytes)), 0);
	return job;
}

static inline struct outcome run(struct place *place, enum archive_kind kind, uint8_t who,
				 uint64_t generation, const char *bytes)
{
	struct outcome outcome = { 0 };

	archive_submit(place->archive, make(kind, who, generation, bytes, &outcome));
	wait_for(place, &outcome, 1);
	return outcome;
}

/* One with an envelope that is one, of generation 1. */
static inline void put_sealed(struct place *place, uint8_t who)
{
	struct outcome outcome = { 0 };
	struct archive_job *job = make(ARCHIVE_PUT, who, 1, NULL, &outcome);
	uint8_t key[GCM_KEY_SIZE] = { who }, bytes[200];
	struct envelope_key data_key;
	size_t length;

	assert_int_equal(envelope_key_init(&data_key, key, job->define.uuid, 1, 1), 0);
	assert_int_equal(envelope_seal(&data_key, ENVELOPE_PERMANENT, 1, "state", 5, bytes,
				       sizeof(bytes), &length),
			 0);
	envelope_key_done(&data_key);
	assert_int_equal(archive_job_bytes(job, bytes, length), 0);
	archive_submit(place->archive, job);
	wait_for(place, &outcome, 1);
	assert_int_equal(outcome.error, 0);
}

static inline void expect_state(struct place *place, uint8_t who, uint64_t generation,
				const char *bytes)
{
	struct outcome outcome = run(place, ARCHIVE_LOAD, who, 0, NULL);

	assert_int_equal(outcome.error, 0);
	assert_int_equal(outcome.generation, generation);
	assert_int_equal(outcome.length, strlen(bytes));
	assert_memory_equal(outcome.bytes, bytes, outcome.length);
}

static inline void execute(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

#endif /* STORE_TEST_ARCHIVE_H */
