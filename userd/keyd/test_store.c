// SPDX-License-Identifier: BSD-3-Clause
/*
 * Is a store the newest? The real program at a host TPM played by swtpm; this test plays
 * a manager whose store is one root and one block, and whoever puts an older one back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "keyd/test_keyd.h"
#include "seal/host_counter.h"
#include "seal/root.h"

#define UNDEFINE "tpm2_nvundefine -Q -C o 0x01807670"

/* A store: what it has durable. */
struct store {
	uint8_t root[KEYD_ROOT_SIZE];
	uint8_t block[KEYD_BLOCK_MAX];
	size_t length;
};

static struct test_keyd keyd;
static struct test_reply reply;
static struct test_status status;
static struct store store;

/* What KEYD_WITNESS_IS said last. */
static unsigned int verdict;
static uint64_t in_block, in_tpm;

static void init_with(uint8_t mode)
{
	int r;

	keyd.mode = mode;
	r = test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply);
	if (r)
		fail_msg("init: %d %s", r, reply.text);
}

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	store = (struct store){ .length = 0 };
	init_with(KEYD_ROLLBACK_STRICT);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void restart(int number)
{
	test_keyd_stop(&keyd, number);
	test_keyd_start(&keyd);
}

/* Return: errno of the answer. */
static int witness(const struct store *of)
{
	uint8_t buffer[512];
	struct ipc_out out = test_begin(KEYD_WITNESS, buffer, sizeof(buffer));

	ipc_put_blob(&out, of->block, of->length);
	cursor_put_raw(&out.body, of->root, sizeof(of->root));
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_WITNESS_IS);
	if (reply.error)
		return reply.error;
	verdict = cursor_get_u8(&reply.in.body);
	in_block = cursor_get_u64(&reply.in.body);
	in_tpm = cursor_get_u64(&reply.in.body);
	assert_true(ipc_ended(&reply.in));
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_int_equal(status.verdict, verdict);
	assert_int_equal(status.counter, in_tpm);
	return 0;
}

static void expect(const struct store *of, unsigned int wanted)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	size_t length;
	bool good = wanted == KEYD_VERDICT_NEWEST || wanted == KEYD_VERDICT_UNPROTECTED;
	int r = witness(of);

	if (r || verdict != wanted)
		fail_msg("errno %d %s, verdict %u, not %u", r, reply.text, verdict, wanted);
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), good ? 0 : ESTALE);
}

static int seal(uint8_t ahead, char root, struct store *ret)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_SEAL_ROOT, buffer, sizeof(buffer));
	struct store sealed = { .root = { (uint8_t)root } };
	const uint8_t *from;

	cursor_put_u8(&out.body, ahead);
	cursor_put_raw(&out.body, sealed.root, sizeof(sealed.root));
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_SEALED_ROOT);
	if (reply.error)
		return reply.error;
	from = ipc_get_blob(&reply.in, KEYD_BLOCK_MAX, &sealed.length);
	assert_true(ipc_ended(&reply.in));
	cursor_copy(sealed.block, sizeof(sealed.block), from, sealed.length);
	*ret = sealed;
	return 0;
}

static int anchor(void)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_ANCHOR, buffer, sizeof(buffer));

	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_ANCHORED);
	if (!reply.error) {
		in_tpm = cursor_get_u64(&reply.in.body);
		assert_true(ipc_ended(&reply.in));
	}
	return reply.error;
}

/* A commit as it is made in strict mode. */
static void commit(char root)
{
	assert_int_equal(seal(1, root, &store), 0);
	assert_int_equal(anchor(), 0);
}

static int accept_with(uint32_t flags, const uint8_t scalar[SEAL_SCALAR_SIZE], const char *password,
		       const struct store *of, struct store *ret)
{
	uint8_t buffer[2048], record[KEYD_BOX_MAX], session[SEAL_POINT_SIZE];
	uint8_t key[SEAL_KEY_SIZE], box[BOX_OVERHEAD + SEAL_KEY_SIZE], owner[512];
	struct ipc_out out = test_begin(KEYD_ACCEPT, buffer, sizeof(buffer));
	int length = test_recovery(&keyd, record, session);
	const struct seal_bytes none = { 0 };
	const uint8_t *from;

	assert_true(length > 0);
	assert_int_equal(recovery_open((struct seal_bytes){ record, (size_t)length }, scalar, key),
			 0);
	assert_int_equal(
		box_close(session, BOX_ROOT, none, (struct seal_bytes){ key, sizeof(key) }, box),
		0);
	cursor_put_u32(&out.body, flags);
	ipc_put_blob(&out, box, sizeof(box));
	if (password)
		assert_int_equal(box_close(session, BOX_OWNER, none,
					   (struct seal_bytes){ password, strlen(password) },
					   owner),
				 0);
	ipc_put_blob(&out, owner, password ? BOX_OVERHEAD + strlen(password) : 0);
	cursor_put_raw(&out.body, of->root, sizeof(of->root));
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_ACCEPTED);
	if (reply.error)
		return reply.error;
	from = ipc_get_blob(&reply.in, KEYD_BLOCK_MAX, &ret->length);
	assert_true(ipc_ended(&reply.in) && ret->length);
	cursor_copy(ret->block, sizeof(ret->block), from, ret->length);
	return 0;
}

/* All of it: accepted, anchored, and the newest after a restart. */
static void accept_store(uint32_t flags, struct store *of)
{
	int r = accept_with(flags, keyd.scalar, NULL, of, of);

	if (r)
		fail_msg("%d %s", r, reply.text);
	assert_int_equal(anchor(), 0);
	restart(SIGTERM);
	expect(of, KEYD_VERDICT_NEWEST);
}

static void test_store_is_asked_for(void **state)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX] = { 1 };
	size_t length;

	(void)state;
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_int_equal(status.mode, KEYD_ROLLBACK_STRICT);
	assert_int_equal(status.verdict, KEYD_VERDICT_UNASKED);
	assert_int_equal(status.window, 600);
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), ESTALE);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, 20, &reply), ESTALE);
	assert_int_equal(seal(0, 'a', &store), ESTALE);
	assert_int_equal(anchor(), ESTALE);
	expect(&store, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_block, 0);
	assert_true(in_tpm > 0);
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	/* the verdict ends with keyd */
	restart(SIGTERM);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply),
			 ESTALE);
}

static void test_store_counts(void **state)
{
	uint64_t first;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	first = in_tpm;
	assert_int_equal(anchor(), EINVAL);
	commit('a');
	assert_int_equal(in_tpm, first + 1);
	assert_int_equal(anchor(), EINVAL);
	/* a later block that is not ahead takes the place of one that is */
	assert_int_equal(seal(1, 'b', &store), 0);
	assert_int_equal(seal(0, 'c', &store), 0);
	assert_int_equal(anchor(), EINVAL);
	expect(&store, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_block, first + 1);
	assert_int_equal(in_tpm, first + 1);
	restart(SIGKILL);
	expect(&store, KEYD_VERDICT_NEWEST);
}

static void test_store_old(void **state)
{
	struct store old, worse;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	worse = store;
	worse.root[0] = 'x';
	expect(&worse, KEYD_VERDICT_FOREIGN);
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	old = store;
	commit('b');
	expect(&old, KEYD_VERDICT_OLD);
	assert_int_equal(in_block + 1, in_tpm);
	assert_int_equal(seal(0, 'c', &worse), ESTALE);
	restart(SIGTERM);
	expect(&old, KEYD_VERDICT_OLD);
	expect(&store, KEYD_VERDICT_NEWEST);
	/* the right block over another root */
	worse = store;
	worse.root[0] = 'a';
	expect(&worse, KEYD_VERDICT_DIFFERENT);
	/* who accepts the old one, makes an old one of the newest */
	expect(&old, KEYD_VERDICT_OLD);
	worse = store;
	accept_store(KEYD_ACCEPT_ROLLBACK, &old);
	expect(&worse, KEYD_VERDICT_OLD);
}

/* Between sealing and counting a machine may stop anywhere. */
static void test_store_stops_between(void **state)
{
	struct store before, after;
	uint64_t first;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	first = in_tpm;
	before = store;
	assert_int_equal(seal(1, 'b', &after), 0);
	restart(SIGKILL);
	/* it was not stored */
	expect(&before, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_tpm, first);
	restart(SIGKILL);
	/* it was stored, but not counted: done now, once */
	expect(&after, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_tpm, first + 1);
	assert_int_equal(anchor(), EINVAL);
	expect(&after, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_tpm, first + 1);
	expect(&before, KEYD_VERDICT_OLD);
	/* one that is ahead but not what it says does not make it count */
	expect(&after, KEYD_VERDICT_NEWEST);
	assert_int_equal(seal(1, 'c', &before), 0);
	restart(SIGKILL);
	before.root[0] = 'd';
	expect(&before, KEYD_VERDICT_DIFFERENT);
	expect(&after, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_tpm, first + 1);
}

static void test_store_flipped_block(void **state)
{
	struct store flipped;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	flipped = store;
	for (size_t i = 0; i < 8 * store.length; i++) {
		flipped.block[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(witness(&flipped), 0);
		assert_int_equal(verdict, KEYD_VERDICT_FOREIGN);
		flipped.block[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < store.length; i++) {
		flipped.length = i;
		assert_int_equal(witness(&flipped), 0);
		assert_int_equal(verdict, KEYD_VERDICT_FOREIGN);
	}
	expect(&store, KEYD_VERDICT_NEWEST);
}

static void remove_file(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/keys/%s", keyd.dir, name);
	assert_int_equal(unlink(path), 0);
}

static void swap_file(const char *name, uint8_t bytes[4096], size_t *length)
{
	char path[96];
	uint8_t was[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/keys/%s", keyd.dir, name);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	n = pread(fd, was, sizeof(was), 0);
	assert_true(n >= 0);
	if (*length)
		assert_true(!ftruncate(fd, 0) && pwrite(fd, bytes, *length, 0) == (ssize_t)*length);
	cursor_copy(bytes, sizeof(was), was, (size_t)n);
	*length = (size_t)n;
	close(fd);
}

/* A host that lost the file does not become one that never had it. */
static void test_store_anchor_file(void **state)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX], file[4096];
	size_t length, size = 0;
	uint64_t counter;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	counter = in_tpm;
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	swap_file("anchor", file, &size);
	for (int i = 0; i < 2; i++) {
		test_keyd_stop(&keyd, SIGTERM);
		if (i) {
			file[10] ^= 3; /* strict becomes lazy */
			swap_file("anchor", file, &size);
		} else {
			remove_file("anchor");
		}
		test_keyd_start(&keyd);
		expect(&store, KEYD_VERDICT_MISSING);
		assert_int_equal(status.state, KEYD_STATE_UNLOCKED);
		assert_int_equal(status.mode, KEYD_ROLLBACK_STRICT);
		assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply),
				 ESTALE);
		/* the counter is still there, and the one that is used again */
		accept_store(KEYD_ACCEPT_MOVE, &store);
		assert_int_equal(in_tpm, ++counter);
		assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply),
				 0);
	}
}

static void test_store_counter_removed(void **state)
{
	struct store old;
	uint64_t counter;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	old = store;
	commit('b');
	counter = in_tpm;
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm, UNDEFINE, NULL), 0);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_MISSING);
	assert_int_equal(in_tpm, 0);
	/* the owner's own at its place is not ours, though it looks the same */
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm,
				   "tpm2_nvdefine -Q 0x01807670 -C o -s 8 -p secret "
				   "-a authread|authwrite|nt=counter|no_da",
				   NULL),
			 0);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_MISSING);
	accept_store(KEYD_ACCEPT_MOVE, &store);
	assert_true(in_tpm > counter + 1);
	expect(&old, KEYD_VERDICT_FOREIGN); /* another handle, another key */
}

/* The counter is back, but not where it was: its TPM was reset behind our back. */
static void test_store_ahead(void **state)
{
	struct test_swtpm *swtpm = &keyd.swtpm;
	char line[256];

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_stop(swtpm);
	snprintf(line, sizeof(line), "cp %s/tpm2-00.permall %s/saved", swtpm->dir, swtpm->dir);
	assert_int_equal(test_tool(swtpm, line, NULL), 0);
	test_swtpm_start(swtpm, TEST_STARTED);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_NEWEST);
	for (char c = 'a'; c < 'e'; c++)
		commit(c);
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_stop(swtpm);
	snprintf(line, sizeof(line), "cp %s/saved %s/tpm2-00.permall", swtpm->dir, swtpm->dir);
	assert_int_equal(test_tool(swtpm, line, NULL), 0);
	test_swtpm_start(swtpm, TEST_STARTED);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_AHEAD);
	assert_true(in_block > in_tpm + 1);
	accept_store(KEYD_ACCEPT_ROLLBACK, &store);
}

static void test_store_other_tpm(void **state)
{
	struct test_swtpm other;
	struct store old;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	old = store;
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_new(&other, TEST_STARTED);
	keyd.tcti = other.tcti;
	test_keyd_start(&keyd);
	assert_int_equal(witness(&store), ENOKEY);
	assert_int_equal(test_unlock(&keyd, 0, keyd.scalar, &reply), 0);
	expect(&store, KEYD_VERDICT_MISSING);
	assert_int_equal(accept_with(KEYD_ACCEPT_MOVE, keyd.scalar, NULL, &store, &old), ENODEV);
	assert_non_null(strstr(reply.text, "--bind"));
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	expect(&store, KEYD_VERDICT_MISSING);
	old = store;
	accept_store(KEYD_ACCEPT_MOVE, &store);
	/* same root key, same handle; but a block of the first TPM is none here */
	expect(&old, KEYD_VERDICT_FOREIGN);
	test_keyd_stop(&keyd, SIGTERM);
	keyd.tcti = NULL;
	test_keyd_start(&keyd);
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	expect(&store, KEYD_VERDICT_FOREIGN);
	expect(&old, KEYD_VERDICT_NEWEST); /* two TPMs, two copies: said in the documentation */
	test_swtpm_done(&other);
}

static void test_store_accept_asks_for_the_code(void **state)
{
	uint8_t foreign[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE], buffer[512];
	struct ipc_out out = test_begin(KEYD_ACCEPT, buffer, sizeof(buffer));

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	assert_int_equal(accept_with(0, keyd.scalar, NULL, &store, &store), EINVAL);
	assert_int_equal(accept_with(4, keyd.scalar, NULL, &store, &store), EINVAL);
	assert_int_equal(seal_pair_new(foreign, point), 0);
	cursor_put_u32(&out.body, KEYD_ACCEPT_ROLLBACK);
	ipc_put_blob(&out, foreign, sizeof(foreign));
	ipc_put_blob(&out, NULL, 0);
	cursor_put_raw(&out.body, store.root, sizeof(store.root));
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, EKEYREJECTED);
	assert_int_equal(anchor(), EINVAL);
	expect(&store, KEYD_VERDICT_NEWEST);
}

static void test_store_owner_password(void **state)
{
	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm, UNDEFINE, NULL), 0);
	assert_int_equal(test_tool(&keyd.swtpm, "tpm2_changeauth -Q -c owner secret", NULL), 0);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_MISSING);
	assert_int_equal(accept_with(KEYD_ACCEPT_MOVE, keyd.scalar, NULL, &store, &store), EACCES);
	assert_int_equal(accept_with(KEYD_ACCEPT_MOVE, keyd.scalar, "Secret", &store, &store),
			 EACCES);
	assert_int_equal(accept_with(KEYD_ACCEPT_MOVE, keyd.scalar, "secret", &store, &store), 0);
	assert_int_equal(anchor(), 0);
	restart(SIGTERM);
	expect(&store, KEYD_VERDICT_NEWEST);
}

/* What was witnessed stays so, and a block that may have been counted for binds. */
static void test_store_tpm_goes_away(void **state)
{
	struct store before, after;
	uint64_t counter;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	counter = in_tpm;
	before = store;
	test_swtpm_stop(&keyd.swtpm);
	assert_int_equal(seal(1, 'b', &store), 0);
	assert_int_equal(anchor(), ENODEV);
	assert_int_equal(anchor(), ENODEV);
	assert_int_equal(seal(0, 'c', &after), 0);
	expect(&after, KEYD_VERDICT_NEWEST);
	expect(&before, KEYD_VERDICT_OLD);
	expect(&after, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_block, counter + 1);
	test_swtpm_start(&keyd.swtpm, TEST_STARTED);
	restart(SIGKILL);
	expect(&after, KEYD_VERDICT_NEWEST);
	assert_int_equal(in_tpm, counter + 1);
	expect(&before, KEYD_VERDICT_OLD);
	/* without one that was ever asked there is no verdict */
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_stop(&keyd.swtpm);
	test_keyd_start(&keyd);
	assert_int_not_equal(test_unlock(&keyd, 0, keyd.scalar, &reply), ENODEV);
	assert_int_equal(witness(&after), ENODEV);
	assert_int_equal(seal(0, 'd', &after), ESTALE);
	test_swtpm_start(&keyd.swtpm, TEST_STARTED);
}

/* Return: errno of the answer. */
static int change(const uint8_t *wrong, uint8_t mode, uint32_t window)
{
	uint8_t buffer[1024], record[KEYD_BOX_MAX], session[SEAL_POINT_SIZE];
	uint8_t key[SEAL_KEY_SIZE], box[BOX_OVERHEAD + SEAL_KEY_SIZE];
	struct ipc_out out = test_begin(KEYD_ROLLBACK, buffer, sizeof(buffer));
	int length = test_recovery(&keyd, record, session);

	assert_true(length > 0);
	assert_int_equal(recovery_open((struct seal_bytes){ record, (size_t)length }, keyd.scalar,
				       key),
			 0);
	assert_int_equal(box_close(session, BOX_ROOT, (struct seal_bytes){ 0 },
				   (struct seal_bytes){ wrong ? wrong : key, sizeof(key) }, box),
			 0);
	ipc_put_blob(&out, box, sizeof(box));
	cursor_put_u8(&out.body, mode);
	cursor_put_u32(&out.body, window);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_ROLLBACK_SET);
	return (int)reply.error;
}

static void test_store_unprotected(void **state)
{
	static const struct {
		uint32_t flags, window;
		uint8_t mode;
		int error;
	} wishes[] = {
		{ 0, 0, 3, EINVAL },
		{ 0, 59, KEYD_ROLLBACK_LAZY, EINVAL },
		{ 0, 86401, KEYD_ROLLBACK_LAZY, EINVAL },
		{ KEYD_INIT_NO_HARDWARE, 0, KEYD_ROLLBACK_STRICT, EINVAL },
		{ KEYD_INIT_NO_HARDWARE, 0, KEYD_ROLLBACK_LAZY, 0 },
		{ 0, 0, KEYD_ROLLBACK_OFF, 0 },
	};

	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		if (!i || !wishes[i - 1].error)
			remove_file("slots");
		test_keyd_start(&keyd);
		keyd.mode = wishes[i].mode;
		keyd.window = wishes[i].window;
		assert_int_equal(test_init(&keyd, wishes[i].flags, ROOT_PCRS_DEFAULT, NULL, &reply),
				 wishes[i].error);
		if (!wishes[i].error) {
			store = (struct store){ .root = { 'a' } };
			expect(&store, KEYD_VERDICT_UNPROTECTED);
			assert_int_equal(status.mode, KEYD_ROLLBACK_OFF);
			assert_int_equal(seal(1, 'b', &store), 0);
			assert_int_equal(store.length, 0);
			assert_int_equal(anchor(), EINVAL);
			assert_int_equal(
				accept_with(KEYD_ACCEPT_MOVE, keyd.scalar, NULL, &store, &store),
				EINVAL);
			assert_int_equal(change(NULL, KEYD_ROLLBACK_STRICT, 0), EINVAL);
		}
		test_keyd_stop(&keyd, SIGTERM);
	}
	test_keyd_start(&keyd);
}

static void expect_mode(uint8_t mode, uint32_t window)
{
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_int_equal(status.mode, mode);
	assert_int_equal(status.window, window);
}

static void test_store_change(void **state)
{
	static const uint8_t wrong[SEAL_KEY_SIZE] = { 1 };

	(void)state;
	assert_int_equal(change(NULL, KEYD_ROLLBACK_LAZY, 0), ESTALE);
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	assert_int_equal(change(wrong, KEYD_ROLLBACK_LAZY, 0), EKEYREJECTED);
	assert_int_equal(change(NULL, KEYD_ROLLBACK_OFF, 0), EINVAL);
	assert_int_equal(change(NULL, _KEYD_ROLLBACK_MAX, 0), EINVAL);
	assert_int_equal(change(NULL, KEYD_ROLLBACK_LAZY, ANCHOR_WINDOW_MIN - 1), EINVAL);
	expect_mode(KEYD_ROLLBACK_STRICT, ANCHOR_WINDOW);
	assert_int_equal(change(NULL, KEYD_ROLLBACK_LAZY, 90), 0);
	for (int i = 0; i < 2; i++) {
		expect_mode(KEYD_ROLLBACK_LAZY, 90);
		expect(&store, KEYD_VERDICT_NEWEST);
		restart(SIGKILL);
	}
	expect(&store, KEYD_VERDICT_NEWEST);
	assert_int_equal(change(NULL, KEYD_ROLLBACK_STRICT, 0), 0);
	restart(SIGKILL);
	expect(&store, KEYD_VERDICT_NEWEST);
	expect_mode(KEYD_ROLLBACK_STRICT, 90);
	commit('b');
	expect(&store, KEYD_VERDICT_NEWEST);
}

/* Between the two files, in both directions: strict. The one way that no change leaves: nothing. */
static void test_store_change_stops_between(void **state)
{
	uint8_t anchors[4096], slots[4096];
	size_t anchor_size = 0, slots_size = 0;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	commit('a');
	swap_file("anchor", anchors, &anchor_size);
	swap_file("slots", slots, &slots_size);
	assert_int_equal(change(NULL, KEYD_ROLLBACK_LAZY, 90), 0);
	test_keyd_stop(&keyd, SIGKILL);
	swap_file("slots", slots, &slots_size);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_NEWEST);
	expect_mode(KEYD_ROLLBACK_STRICT, 90);
	commit('b');
	test_keyd_stop(&keyd, SIGTERM);
	swap_file("slots", slots, &slots_size);
	swap_file("anchor", anchors, &anchor_size);
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_MISSING);
}

/* As long as nobody unlocks, what the file says is shown. */
static void test_store_locked(void **state)
{
	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(
		test_tool(&keyd.swtpm,
			  "tpm2_pcrextend 7:sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4"
			  "649b934ca495991b7852b855",
			  NULL),
		0);
	test_keyd_start(&keyd);
	assert_int_equal(witness(&store), ENOKEY);
	assert_int_equal(seal(0, 'a', &store), ENOKEY);
	assert_int_equal(anchor(), ENOKEY);
	assert_int_equal(accept_with(KEYD_ACCEPT_MOVE, keyd.scalar, NULL, &store, &store), ENOKEY);
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_int_equal(status.mode, KEYD_ROLLBACK_STRICT);
	assert_int_equal(status.verdict, KEYD_VERDICT_UNASKED);
	/* unlocked by a person at the same TPM: the counter is there */
	assert_int_equal(test_unlock(&keyd, 0, keyd.scalar, &reply), 0);
	expect(&store, KEYD_VERDICT_NEWEST);
}

#define COMMITS 200

static void test_store_many(void **state)
{
	struct timespec begin, end;
	char before[2048], after[2048];
	uint64_t first;

	(void)state;
	expect(&store, KEYD_VERDICT_NEWEST);
	first = in_tpm;
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, before, sizeof(before));
	test_keyd_start(&keyd);
	expect(&store, KEYD_VERDICT_NEWEST);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < COMMITS; i++)
		commit((char)i);
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("seal and anchor: %ld us\n", ((end.tv_sec - begin.tv_sec) * 1000000 +
						    (end.tv_nsec - begin.tv_nsec) / 1000) /
							   COMMITS);
	assert_int_equal(in_tpm, first + COMMITS);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < COMMITS; i++)
		assert_int_equal(seal(0, (char)i, &store), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("seal: %ld us\n", ((end.tv_sec - begin.tv_sec) * 1000000 +
					 (end.tv_nsec - begin.tv_nsec) / 1000) /
						COMMITS);
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, after, sizeof(after));
	assert_string_equal(before, after);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_store_is_asked_for),
		CASE(test_store_counts),
		CASE(test_store_old),
		CASE(test_store_stops_between),
		CASE(test_store_flipped_block),
		CASE(test_store_anchor_file),
		CASE(test_store_counter_removed),
		CASE(test_store_ahead),
		CASE(test_store_other_tpm),
		CASE(test_store_accept_asks_for_the_code),
		CASE(test_store_owner_password),
		CASE(test_store_tpm_goes_away),
		CASE(test_store_unprotected),
		CASE(test_store_change),
		CASE(test_store_change_stops_between),
		CASE(test_store_locked),
		CASE(test_store_many),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
