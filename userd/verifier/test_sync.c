// SPDX-License-Identifier: BSD-3-Clause
/* Who waits for the disk: released once, all of them, by a sync that came after them. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "verifier/sync.h"

#define WAITERS 200

static char folder[] = "/tmp/test_sync.XXXXXX", database[64], journal[80];
static int good, bad;

static void on_done(struct sync_waiter *waiter, bool is_good)
{
	waiter->done = NULL;
	__atomic_add_fetch(is_good ? &good : &bad, 1, __ATOMIC_SEQ_CST);
}

static struct sync *start(void)
{
	char reason[128] = "";
	struct sync *sync = NULL;

	good = bad = 0;
	if (sync_new(database, reason, sizeof(reason), &sync))
		fail_msg("%s", reason);
	return sync;
}

static void test_sync_wait_releases_all(void **state)
{
	static struct sync_waiter waiters[WAITERS];
	struct sync *sync;

	(void)state;
	fclose(fopen(journal, "w"));
	sync = start();
	for (size_t i = 0; i < WAITERS; i++) {
		waiters[i].done = on_done;
		sync_wait(sync, &waiters[i]);
	}
	sync_stop(sync);
	assert_int_equal(good, WAITERS);
	/* Later ones are released before sync_wait() returns. */
	waiters[0].done = on_done;
	sync_wait(sync, &waiters[0]);
	assert_int_equal(good, WAITERS + 1);
	assert_int_equal(bad, 0);
	sync_free(sync);
	unlink(journal);
}

/* A pipe cannot be synced. */
static void test_sync_wait_says_what_is_lost(void **state)
{
	struct sync_waiter one = { .done = on_done }, other = { .done = on_done };
	struct sync *sync;

	(void)state;
	assert_int_equal(mkfifo(journal, 0600), 0);
	sync = start();
	sync_wait(sync, &one);
	sync_stop(sync);
	sync_wait(sync, &other);
	assert_int_equal(good, 0);
	assert_int_equal(bad, 2);
	sync_free(sync);
	unlink(journal);
}

static void test_sync_new_without_journal(void **state)
{
	struct sync *sync = NULL;
	char reason[128] = "";

	(void)state;
	assert_int_equal(sync_new(database, reason, sizeof(reason), &sync), -EIO);
	assert_non_null(strstr(reason, "journal"));
	assert_null(sync);
	sync_free(NULL);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(database, sizeof(database), "%s/fleet.db", folder);
	snprintf(journal, sizeof(journal), "%s-wal", database);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_wait_releases_all),
		cmocka_unit_test(test_sync_wait_says_what_is_lost),
		cmocka_unit_test(test_sync_new_without_journal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
