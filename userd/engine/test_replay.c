// SPDX-License-Identifier: BSD-3-Clause
/*
 * That a unit with a log is the same TPM as the unit that would have been published.
 *
 * An engine in this process is given random commands that its log takes: PCR_Extend, PCR_Event
 * and PCR_Reset, of several clients, at all localities, in all banks, good and malformed. What
 * TPMLIB_GetState() says of a TPM that is put back from unit and log must be, byte for byte,
 * what it says of the one that ran them: while the clock stands still; and if it goes on,
 * of the one that is put back from a whole unit at that time. The one exception are two
 * numbers at the state's end, by which libtpms corrects its host's clock: it adds them up, and
 * how they share their sum tells when the unit was published. The resource manager's tables
 * must be the same.
 *
 * The clock is this file's. VTPM_REPLAY_ROUNDS asks for another number of sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

#define SEQUENCE_MAX 150

static struct engine engine;
static uint32_t seed = 1;
static unsigned int left, accepted, refused;
static uint64_t id;
static const char *reason;
static int checkpoint;
static uint64_t milliseconds = 1000;
static unsigned int tick; /* what each look at the clock takes */

/* libtpms asks this one. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	milliseconds += tick;
	*ret = (struct timespec){ .tv_sec = (time_t)(milliseconds / 1000),
				  .tv_nsec = (long)(milliseconds % 1000 * 1000000) };
	return 0;
}

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static void put_random(struct cursor_out *out, size_t length)
{
	while (length--)
		cursor_put_u8(out, (uint8_t)draw(256));
}

/* Part 2, 6.3 TPM_ALG_ID, and the size of its digest */
static const struct {
	uint16_t algorithm;
	uint8_t size;
} banks[] = { { 0x04, 20 }, { 0x0b, 32 }, { 0x0c, 48 }, { 0x0d, 64 }, { 0x12, 32 } };

/* Part 3, 22.2 */
static void put_digests(struct cursor_out *out)
{
	uint32_t count = draw(4);

	cursor_put_u32(out, count);
	while (count--) {
		/* the last one is of an algorithm that libtpms does not have */
		uint32_t bank = draw(100) ? draw(4) : 4;

		cursor_put_u16(out, banks[bank].algorithm);
		put_random(out, banks[bank].size);
	}
}

/* Part 3, 22.3 */
static void put_event(struct cursor_out *out)
{
	uint16_t size = (uint16_t)draw(60);

	cursor_put_u16(out, size);
	put_random(out, size);
}

static void put_password(struct cursor_out *out)
{
	uint16_t size = draw(20) ? 0 : 4;

	cursor_put_u32(out, 9u + size);
	cursor_put_u32(out, TPM_RS_PW);
	cursor_put_u16(out, 0);
	cursor_put_u8(out, (uint8_t)draw(2));
	cursor_put_u16(out, size);
	put_random(out, size);
}

static size_t put_command(uint8_t *to)
{
	static const uint32_t codes[] = { 0x182, 0x182, 0x13c, 0x13d };
	struct cursor_out out = cursor_out(to, VTPM_COMMAND_SIZE);
	uint32_t code = codes[draw(4)];
	bool open = !draw(30);

	cursor_put_u16(&out, open ? TPM_ST_NO_SESSIONS : TPM_ST_SESSIONS);
	cursor_put_u32(&out, 0);
	cursor_put_u32(&out, code);
	cursor_put_u32(&out, draw(50) ? draw(25) : 0x40000007);
	if (!open)
		put_password(&out);
	if (code == 0x182)
		put_digests(&out);
	if (code == 0x13c)
		put_event(&out);
	if (!draw(50))
		out.used -= draw(12);
	cursor_patch_u32(&out, 2, (uint32_t)out.used);
	return out.used;
}

static int exchange(struct link *link, bool answer, bool fetch)
{
	struct vtpm_frame *head = &link->frame.head;
	size_t length = link->answer.head.size - sizeof(link->answer.head);

	if (answer && tpm_response_code(link->answer.response, length))
		refused++;
	else if (answer)
		accepted++;
	if (!fetch || !left--)
		return -EPIPE;
	*head = (struct vtpm_frame){
		.kind = VTPM_FRAME_COMMAND,
		.node = draw(2) ? VTPM_NODE_RM : VTPM_NODE_RAW,
		.client = 1 + draw(3),
		.id = ++id,
		.locality = (uint8_t)draw(5),
	};
	head->size = (uint32_t)(sizeof(*head) + put_command(link->frame.body));
	return 0;
}

static const struct link_ops ops = { .name = "random", .exchange = exchange };

static int setup(void **state)
{
	static const uint8_t bytes[GCM_KEY_SIZE], uuid[ENVELOPE_UUID_SIZE];

	(void)state;
	engine = (struct engine){ .manufacture = true, .instance = 1, };
	engine.link.ops = &ops;
	engine.store = store_mem_new();
	checkpoint = memfd_create("checkpoint", MFD_CLOEXEC);
	tick = accepted = refused = 0;
	return !engine.store || checkpoint < 0 || tpmlib_prepare() ||
	       unit_map(&engine.unit, checkpoint) ||
	       envelope_key_init(&engine.key, bytes, uuid, 1, 1) || engine_start(&engine);
}

static int teardown(void **state)
{
	(void)state;
	tpmlib_power_off();
	unit_unmap(&engine.unit);
	envelope_key_done(&engine.key);
	store_free(engine.store);
	close(checkpoint);
	return 0;
}

static void serve(unsigned int commands)
{
	left = commands;
	assert_int_equal(engine_serve(&engine), -EPIPE);
}

static unsigned int rounds(void)
{
	const char *text = getenv("VTPM_REPLAY_ROUNDS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : 200;
}

/** struct world - all that must be equal */
struct world {
	struct tpmlib_blob tpm;
	uint8_t tables[RM_PACK_MAX];
	size_t tables_length;
};

static void look(struct world *ret)
{
	assert_int_equal(tpmlib_volatile(&ret->tpm), 0);
	ret->tables_length = rm_pack(&engine.rm, ret->tables, sizeof(ret->tables));
}

static void expect_equal(struct world *a, struct world *b)
{
	assert_int_equal(a->tpm.length, b->tpm.length);
	assert_memory_equal(a->tpm.bytes, b->tpm.bytes, a->tpm.length);
	assert_int_equal(a->tables_length, b->tables_length);
	assert_memory_equal(a->tables, b->tables, a->tables_length);
	tpmlib_blob_done(&a->tpm);
	tpmlib_blob_done(&b->tpm);
}

/* A whole unit, and a sequence behind it that its log has room for, most of the time. */
static void serve_some(void)
{
	engine.unsettled = true;
	serve(1);
	serve(1 + draw(SEQUENCE_MAX));
}

static void test_replay_is_what_ran(void **state)
{
	static struct world ran, replayed;
	uint64_t number = engine.unit.number, before = id;

	(void)state;
	for (unsigned int i = 0; i < rounds(); i++) {
		serve_some();
		look(&ran);
		assert_int_equal(engine_put_back(&engine), 0);
		assert_true(engine.unit.id == id);
		look(&replayed);
		expect_equal(&ran, &replayed);
	}
	/* no idle test: commands that did something, and most of them logged */
	assert_true(accepted > 10 * rounds() && refused > rounds());
	assert_true(engine.unit.number - number < (id - before) / 8);
}

/* Before the checksum of 20 bytes and 23 others; libtpms 0.9, volatile state version 4. */
#define CORRECTIONS_BACK (20 + 23 + 16)

static void add_up_corrections(struct world *world)
{
	size_t at = world->tpm.length - CORRECTIONS_BACK;
	struct cursor_in in = cursor_in(world->tpm.bytes + at, 16);
	struct cursor_out out = cursor_out(world->tpm.bytes + at, 16);
	uint64_t sum = cursor_get_u64(&in);

	sum += cursor_get_u64(&in);
	cursor_put_u64(&out, sum);
	cursor_put_u64(&out, 0);
	world->tpm.length -= 20;
}

/* With a command between, which sets what tells the time. */
static void put_back_and_look(struct world *ret)
{
	bool audits;

	assert_int_equal(engine_put_back(&engine), 0);
	assert_int_equal(engine_order_audits(&audits), 0);
	look(ret);
}

static void test_replay_is_the_whole_unit(void **state)
{
	const size_t size = (size_t)lseek(checkpoint, 0, SEEK_END);
	static struct world whole, replayed;
	uint8_t *copy = malloc(size);

	(void)state;
	assert_non_null(copy);
	tick = 7;
	for (unsigned int i = 0; i < rounds(); i++) {
		serve_some();
		assert_int_equal(pread(checkpoint, copy, size, 0), size);
		assert_int_equal(engine_publish(&engine, 0, false), 0);
		tick = 0;
		milliseconds += 100 + draw(5000);
		put_back_and_look(&whole);
		assert_int_equal(pwrite(checkpoint, copy, size, 0), size);
		assert_int_equal(unit_check(&engine.unit, &reason), UNIT_WHOLE);
		put_back_and_look(&replayed);
		add_up_corrections(&whole);
		add_up_corrections(&replayed);
		expect_equal(&whole, &replayed);
		tick = 7;
	}
	free(copy);
}

#define REPLAY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY(test_replay_is_what_ran),
		REPLAY(test_replay_is_the_whole_unit),
	};

	return cmocka_run_group_tests_name("engine/replay", tests, NULL, NULL);
}
