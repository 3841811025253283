// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checkpoint: one whole unit at any moment, and nothing taken for one that is
 * not. Death in the middle of a publish is played by restoring the number that
 * the memory had before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/unit.h"

#define NUMBER_AT 16 /* struct unit_root: magic, version, size, number */

#define HEAD_AT	    4096
#define HEAD_SIZE   (200 + 16 + UNIT_ANSWER_MAX)
#define VOLATILE_AT (HEAD_AT + ((2 * HEAD_SIZE + 4095) & ~4095))
#define ENVELOPE_AT (VOLATILE_AT + 2 * UNIT_VOLATILE_MAX)
#define TABLES_AT   (ENVELOPE_AT + 2 * UNIT_ENVELOPE_MAX)
#define LOG_AT	    (TABLES_AT + 2 * UNIT_TABLES_MAX)
#define ENTRIES_AT  8 /* behind the word */
#define ENTRY_HEAD  (29 + 16)

static const uint8_t key_bytes[GCM_KEY_SIZE] = "a key that nobody will find here";
static const uint8_t uuid[ENVELOPE_UUID_SIZE] = { 2 };
static struct envelope_key key;
static int file;
static struct unit unit;
static const char *reason;

static int setup(void **state)
{
	(void)state;
	reason = NULL;
	file = memfd_create("checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return file < 0 || envelope_key_init(&key, key_bytes, uuid, 3, 4) ||
	       unit_map(&unit, file) || unit_set_key(&unit, &key, 7);
}

static int teardown(void **state)
{
	(void)state;
	unit_unmap(&unit);
	envelope_key_done(&key);
	close(file);
	return 0;
}

/* As the next engine does, which has a unit key of its own. */
static enum unit_state look_again(void)
{
	unit_unmap(&unit);
	assert_int_equal(unit_map(&unit, file), 0);
	assert_int_equal(unit_set_key(&unit, &key, 7), 0);
	return unit_check(&unit, &reason);
}

static int publish(uint64_t generation, const char *permanent, const char *rest, uint64_t id)
{
	struct unit_content content = {
		.generation = generation,
		.id = id,
		.permanent = (const uint8_t *)permanent,
		.permanent_length = permanent ? strlen(permanent) : 0,
		.volatile_state = (const uint8_t *)rest,
		.volatile_length = strlen(rest),
		.tables = (const uint8_t *)rest,
		.tables_length = strlen(rest),
		.answer = id ? (const uint8_t *)rest : NULL,
		.answer_length = id ? strlen(rest) : 0,
	};

	return unit_publish(&unit, &content);
}

static void expect(uint64_t generation, const char *permanent, const char *rest, uint64_t id)
{
	struct unit_label label = unit_label(&unit);
	struct unit_plain *plain = NULL;

	assert_true(label.instance == 7);
	assert_true(label.generation == generation);
	assert_true(unit.id == id);
	assert_int_equal(unit_open(&unit, &plain, &reason), 0);
	assert_int_equal(plain->permanent_length, strlen(permanent));
	assert_memory_equal(plain->permanent, permanent, strlen(permanent));
	assert_int_equal(plain->volatile_length, strlen(rest));
	assert_memory_equal(plain->volatile_state, rest, strlen(rest));
	assert_int_equal(plain->tables_length, strlen(rest));
	assert_memory_equal(plain->tables, rest, strlen(rest));
	assert_int_equal(plain->answer_length, id ? strlen(rest) : 0);
	if (id)
		assert_memory_equal(plain->answer, rest, strlen(rest));
	unit_close(&plain);
	assert_null(plain);
}

static int append(uint64_t id, const char *command, const char *text)
{
	const struct unit_entry entry = {
		.id = id,
		.client = id + 100,
		.locality = 3,
		.command = (const uint8_t *)command,
		.command_length = strlen(command),
		.answer = (const uint8_t *)text,
		.answer_length = strlen(text),
	};

	return unit_append(&unit, &entry);
}

static void expect_entry(struct cursor_in *in, uint64_t id, const char *command, const char *text)
{
	struct unit_entry entry;

	assert_true(unit_log_next(in, &entry));
	assert_true(entry.id == id && entry.client == id + 100 && entry.locality == 3);
	assert_int_equal(entry.command_length, strlen(command));
	assert_memory_equal(entry.command, command, strlen(command));
	assert_int_equal(entry.answer_length, strlen(text));
	assert_memory_equal(entry.answer, text, strlen(text));
}

/* The unit as it was published, and behind it so many of the entries "c1", "a1", "c2", ... */
static void expect_log(uint64_t first, unsigned int count)
{
	char command[] = "c0", text[] = "a0";
	struct unit_plain *plain = NULL;
	struct cursor_in in;

	assert_int_equal(unit_open(&unit, &plain, &reason), 0);
	in = cursor_in(plain->log, plain->log_length);
	for (uint64_t id = first; id < first + count; id++) {
		command[1] = text[1] = (char)('0' + id);
		expect_entry(&in, id, command, text);
	}
	assert_true(cursor_ended(&in));
	assert_true(plain->id == first + count - 1 && unit.id == plain->id);
	if (count) {
		assert_int_equal(plain->answer_length, 2);
		assert_memory_equal(plain->answer, text, 2);
	}
	unit_close(&plain);
}

static void test_unit_new_is_none(void **state)
{
	(void)state;
	assert_int_equal(look_again(), UNIT_NONE);
	assert_int_equal(publish(1, NULL, "v", 0), -EINVAL);
}

static void test_unit_publish_and_reopen(void **state)
{
	char rest[] = "volatile 0";

	(void)state;
	assert_int_equal(unit_check(&unit, &reason), UNIT_NONE);
	assert_int_equal(publish(1, "permanent one", "volatile 1", 0), 0);
	for (uint64_t id = 2; id < 9; id++) {
		rest[9] = (char)('0' + id);
		assert_int_equal(publish(1, NULL, rest, id), 0);
		assert_int_equal(look_again(), UNIT_WHOLE);
		assert_true(unit.id == id);
		expect(1, "permanent one", rest, id);
	}
	assert_int_equal(publish(2, "permanent two, longer", "volatile 9", 9), 0);
	assert_int_equal(publish(2, NULL, "volatile 10", 10), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(2, "permanent two, longer", "volatile 10", 10);
}

static void test_unit_death_before_flip(void **state)
{
	uint64_t number;

	(void)state;
	publish(1, "one", "v1", 1);
	publish(1, NULL, "v2", 2);
	assert_int_equal(pread(file, &number, 8, NUMBER_AT), 8);
	publish(2, "two", "v3", 3);
	assert_int_equal(pwrite(file, &number, 8, NUMBER_AT), 8);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(1, "one", "v2", 2);
}

static void test_unit_back(void **state)
{
	(void)state;
	assert_int_equal(unit_back(&unit), -ENOENT);
	publish(1, "one", "v1", 1);
	assert_int_equal(unit_back(&unit), -ENOENT);
	publish(2, "two", "v2", 2);
	assert_int_equal(unit_back(&unit), 0);
	expect(1, "one", "v1", 1);
	assert_true(unit.id == 1);
	assert_int_equal(unit_back(&unit), -ENOENT); /* one step, not more */
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(1, "one", "v1", 1);
	publish(2, "two again", "v3", 3);
	expect(2, "two again", "v3", 3);
}

static void test_unit_limits(void **state)
{
	static uint8_t large[UNIT_PERMANENT_MAX + 1];
	struct unit_content content = {
		.generation = 1,
		.permanent = large,
		.permanent_length = sizeof(large),
		.volatile_state = large,
		.volatile_length = UNIT_VOLATILE_MAX,
	};

	(void)state;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	content.permanent_length--;
	assert_int_equal(unit_publish(&unit, &content), 0);
	content.volatile_length++;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	content.volatile_length--;
	content.envelope_length = UNIT_ENVELOPE_MAX + 1;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	content.envelope_length = 0;
	content.id = 1;
	content.answer = large;
	content.answer_length = UNIT_ANSWER_MAX + 1;
	assert_int_equal(unit_publish(&unit, &content), -EFBIG);
	content.answer_length--;
	assert_int_equal(unit_publish(&unit, &content), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
}

/* A whole one is not broken because nobody can look at it. */
static void test_unit_without_memory_is_unread(void **state)
{
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(publish(1, "permanent", "rest", 5), 0);
	assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	assert_int_equal(unit_check(&unit, &reason), UNIT_UNREAD);
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
}

static void test_unit_foreign_memory_is_broken(void **state)
{
	(void)state;
	assert_int_equal(pwrite(file, "garbage", 7, 0), 7);
	assert_int_equal(look_again(), UNIT_BROKEN);
	assert_non_null(reason);
}

static void test_unit_wrong_size_is_broken(void **state)
{
	int other = memfd_create("short", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(other, 4096), 0);
	unit_unmap(&unit);
	assert_int_equal(unit_map(&unit, other), 0);
	assert_int_equal(unit_check(&unit, &reason), UNIT_BROKEN);
	close(other);
}

static void test_unit_size_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(file, 0), -1);
	assert_int_equal(errno, EPERM);
}

static void flip(off_t at, uint8_t bits)
{
	uint8_t byte;

	assert_int_equal(pread(file, &byte, 1, at), 1);
	byte ^= bits;
	assert_int_equal(pwrite(file, &byte, 1, at), 1);
}

static void expect_flips_are_seen(off_t at, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		for (unsigned int bits = 1; bits < 256; bits <<= 1) {
			reason = NULL;
			flip(at + (off_t)i, (uint8_t)bits);
			if (look_again() != UNIT_BROKEN || !reason)
				fail_msg("byte %zu behind %ld, bits %#x", i, (long)at, bits);
			flip(at + (off_t)i, (uint8_t)bits);
		}
	}
	assert_int_equal(look_again(), UNIT_WHOLE);
}

/* Whatever byte of the current unit is changed: BROKEN, never another unit. */
static void test_unit_every_flipped_byte_is_seen(void **state)
{
	(void)state;
	publish(1, "one", "volatile 1", 1);
	publish(1, NULL, "volatile 2", 2);
	publish(2, "permanent", "volatile 3", 3); /* odd: the second head; areas B, B, A */
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_flips_are_seen(0, 24);			      /* root */
	expect_flips_are_seen(HEAD_AT + HEAD_SIZE, 200 + 16); /* label, tag */
	expect_flips_are_seen(HEAD_AT + HEAD_SIZE + 216, 10); /* answer */
	expect_flips_are_seen(VOLATILE_AT + UNIT_VOLATILE_MAX, 10);
	expect_flips_are_seen(TABLES_AT + UNIT_TABLES_MAX, 10);
	expect_flips_are_seen(ENVELOPE_AT, ENVELOPE_OVERHEAD + 9);
	expect(2, "permanent", "volatile 3", 3);
}

static void test_unit_holds_nothing_plain(void **state)
{
	static uint8_t all[LOG_AT + 2 * sizeof(struct unit_log)];

	(void)state;
	for (uint64_t i = 1; i < 4; i++) {
		publish(i, "permanent secret", "volatile secret", i);
		append(7 + i, "command secret", "answer secret");
	}
	assert_int_equal(pread(file, all, sizeof(all), 0), sizeof(all));
	assert_null(memmem(all, sizeof(all), "secret", 6));
	assert_null(memmem(all, sizeof(all), key_bytes, sizeof(key_bytes)));
}

static void test_unit_of_another_key_is_broken(void **state)
{
	static const uint8_t other[GCM_KEY_SIZE] = { 9 };

	(void)state;
	publish(1, "one", "v1", 1);
	key.epoch++;
	assert_int_equal(look_again(), UNIT_BROKEN);
	key.epoch--;
	key.uuid[0]++;
	assert_int_equal(look_again(), UNIT_BROKEN);
	key.uuid[0]--;
	assert_int_equal(look_again(), UNIT_WHOLE);
	envelope_key_done(&key);
	assert_int_equal(envelope_key_init(&key, other, uuid, 3, 4), 0);
	assert_int_equal(look_again(), UNIT_BROKEN);
}

/* The number comes again after a step back, the nonce must not. */
static void test_unit_never_uses_a_nonce_twice(void **state)
{
	uint64_t nonce, last = 0;

	(void)state;
	publish(1, "one", "v", 1);
	for (int i = 0; i < 5; i++) {
		publish(2, "two", "v", 2);
		assert_int_equal(pread(file, &nonce, 8, HEAD_AT + 32), 8);
		assert_true(nonce > last);
		last = nonce;
		assert_int_equal(unit_back(&unit), 0);
	}
}

static void test_unit_keeps_the_envelope_it_is_given(void **state)
{
	uint8_t envelope[100];
	struct unit_content content = {
		.generation = 8,
		.envelope = envelope,
		.volatile_state = (const uint8_t *)"v",
		.volatile_length = 1,
		.tables = (const uint8_t *)"v",
		.tables_length = 1,
	};
	struct unit_label label;

	(void)state;
	assert_int_equal(envelope_seal(&key, ENVELOPE_PERMANENT, 8, "state", 5, envelope,
				       sizeof(envelope), &content.envelope_length),
			 0);
	assert_int_equal(unit_publish(&unit, &content), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect(8, "state", "v", 0);
	label = unit_label(&unit);
	assert_int_equal(label.envelope_length, content.envelope_length);
	assert_memory_equal(label.envelope, envelope, label.envelope_length);
}

static void test_unit_log_is_found_again(void **state)
{
	(void)state;
	publish(1, "one", "v1", 1);
	expect_log(2, 0);
	assert_int_equal(append(2, "c2", "a2"), 0);
	assert_true(unit.id == 2);
	assert_int_equal(append(3, "c3", "a3"), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_log(2, 2);
	/* its key was of the engine before */
	assert_int_equal(append(4, "c4", "a4"), UNIT_E_FULL);
	publish(1, NULL, "v5", 5);
	assert_int_equal(append(6, "c6", "a6"), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_log(6, 1);
}

/* A command without an id ran; there is no answer that anybody could ask for. */
static void test_unit_log_without_id(void **state)
{
	struct unit_plain *plain = NULL;

	(void)state;
	publish(1, "one", "v1", 1);
	assert_int_equal(append(0, "c", "a"), 0);
	assert_int_equal(look_again(), UNIT_WHOLE);
	assert_true(unit.id == 0);
	assert_int_equal(unit_open(&unit, &plain, &reason), 0);
	assert_int_equal(plain->answer_length, 0);
	assert_int_equal(plain->log_length, ENTRY_HEAD + 2);
	unit_close(&plain);
}

static void test_unit_log_has_a_limit(void **state)
{
	static char command[UNIT_LOG_SIZE + 1];
	unsigned int count = 0;

	(void)state;
	memset(command, 'c', sizeof(command) - 1);
	command[65] = 0;
	publish(1, "one", "v1", 1);
	while (!append(2, command, "nineteen bytes long"))
		count++;
	assert_int_equal(append(2, command, "nineteen bytes long"), UNIT_E_FULL);
	assert_int_equal(count, UNIT_LOG_SIZE / (ENTRY_HEAD + 65 + 19));
	assert_int_equal(look_again(), UNIT_WHOLE);
	publish(1, NULL, "v2", 3);
	assert_int_equal(append(4, command, "a"), 0);
	memset(command, 'c', sizeof(command) - 1);
	assert_int_equal(append(5, command, "a"), UNIT_E_FULL);
	assert_int_equal(look_again(), UNIT_WHOLE);
	assert_true(unit.id == 4);
}

static void test_unit_log_death_before_the_word(void **state)
{
	uint64_t word;

	(void)state;
	publish(1, "one", "v1", 1);
	publish(1, NULL, "v2", 2);
	append(3, "c3", "a3");
	assert_int_equal(pread(file, &word, 8, LOG_AT), 8);
	append(4, "c4", "a4");
	assert_int_equal(pwrite(file, &word, 8, LOG_AT), 8);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_log(3, 1);
}

static void test_unit_back_to_a_log(void **state)
{
	(void)state;
	publish(1, "one", "v1", 1);
	append(2, "c2", "a2");
	append(3, "c3", "a3");
	publish(2, "two", "v4", 4);
	assert_int_equal(unit_back(&unit), 0);
	expect_log(2, 2);
	assert_int_equal(append(5, "c5", "a5"), UNIT_E_FULL);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_log(2, 2);
}

static void test_unit_log_every_flipped_byte_is_seen(void **state)
{
	(void)state;
	publish(1, "one", "v1", 1);
	publish(1, NULL, "v2", 2); /* even: the first log */
	append(3, "c3", "a3");
	append(4, "c4", "a4");
	append(5, "c5", "a5");
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_flips_are_seen(LOG_AT, ENTRIES_AT + 3 * (ENTRY_HEAD + 4));
	expect_log(3, 3);
}

/* As the engine makes it: number, length, and what they add up to. */
static uint64_t word_of(uint64_t number, uint64_t length)
{
	uint64_t word = number | length << 32;

	return word | ~(word ^ word >> 16 ^ word >> 32) << 48;
}

/* Between two entries is where a death may have been; anywhere else is none. */
static void test_unit_log_cut_is_seen(void **state)
{
	uint64_t word;

	(void)state;
	publish(1, "one", "v1", 1);
	publish(1, NULL, "v2", 2);
	append(3, "c3", "a3");
	append(4, "c4", "a4");
	for (uint64_t length = 0; length < 3 * (ENTRY_HEAD + 4); length++) {
		bool whole = length % (ENTRY_HEAD + 4) == 0;

		word = word_of(2, length);
		assert_int_equal(pwrite(file, &word, 8, LOG_AT), 8);
		assert_int_equal(look_again(), whole ? UNIT_WHOLE : UNIT_BROKEN);
		if (whole)
			expect_log(3, (unsigned int)(length / (ENTRY_HEAD + 4)));
	}
	word = word_of(2, UNIT_LOG_SIZE + 1);
	assert_int_equal(pwrite(file, &word, 8, LOG_AT), 8);
	assert_int_equal(look_again(), UNIT_BROKEN);
	word = word_of(4, ENTRY_HEAD + 4);
	assert_int_equal(pwrite(file, &word, 8, LOG_AT), 8);
	assert_int_equal(look_again(), UNIT_BROKEN);
}

#define TWO_ENTRIES (2 * (ENTRY_HEAD + 4))

static void test_unit_log_moved_entries_are_seen(void **state)
{
	uint8_t entries[TWO_ENTRIES], swapped[TWO_ENTRIES], old[TWO_ENTRIES];
	const off_t at = LOG_AT + ENTRIES_AT;

	(void)state;
	publish(1, "one", "v1", 1);
	publish(1, NULL, "v2", 2);
	append(3, "c3", "a3");
	append(4, "c4", "a4");
	assert_int_equal(pread(file, old, TWO_ENTRIES, at), TWO_ENTRIES);
	publish(1, NULL, "v1", 1);
	publish(1, NULL, "v2", 2);
	append(3, "c3", "a3");
	append(4, "c4", "a4");
	assert_int_equal(pread(file, entries, TWO_ENTRIES, at), TWO_ENTRIES);

	/* of the unit that had this place before */
	assert_int_equal(pwrite(file, old, TWO_ENTRIES, at), TWO_ENTRIES);
	assert_int_equal(look_again(), UNIT_BROKEN);
	/* in the other order */
	cursor_copy(swapped, TWO_ENTRIES / 2, entries + TWO_ENTRIES / 2, TWO_ENTRIES / 2);
	cursor_copy(swapped + TWO_ENTRIES / 2, TWO_ENTRIES / 2, entries, TWO_ENTRIES / 2);
	assert_int_equal(pwrite(file, swapped, TWO_ENTRIES, at), TWO_ENTRIES);
	assert_int_equal(look_again(), UNIT_BROKEN);
	/* the same one twice */
	assert_int_equal(pwrite(file, entries, TWO_ENTRIES / 2, at), TWO_ENTRIES / 2);
	assert_int_equal(pwrite(file, entries, TWO_ENTRIES / 2, at + TWO_ENTRIES / 2),
			 TWO_ENTRIES / 2);
	assert_int_equal(look_again(), UNIT_BROKEN);
	assert_int_equal(pwrite(file, entries, TWO_ENTRIES, at), TWO_ENTRIES);
	assert_int_equal(look_again(), UNIT_WHOLE);
	expect_log(3, 2);
}

/* Neither has an entry the nonce of a unit, nor of another entry. */
static void test_unit_log_never_uses_a_nonce_twice(void **state)
{
	uint8_t last = 0, nonce;

	(void)state;
	for (off_t i = 0; i < 6; i++) {
		publish(1, "one", "v", 1);
		assert_int_equal(pread(file, &nonce, 1, HEAD_AT + (i + 1) % 2 * HEAD_SIZE + 32), 1);
		assert_int_equal(nonce, last + 1);
		append(2, "c2", "a2");
		/* big-endian there */
		assert_int_equal(pread(file, &last, 1,
				       LOG_AT + (i + 1) % 2 * (off_t)sizeof(struct unit_log) +
					       ENTRIES_AT + 7),
				 1);
		assert_int_equal(last, nonce + 1);
	}
}

/* As whoever wants to upgrade asks, while the engine of before goes on. */
static void test_unit_known(void **state)
{
	static const off_t fields[] = { 0, 8, 12 }; /* magic, version, size */
	uint8_t byte, other;

	(void)state;
	assert_int_equal(unit_is_known(file), 1);
	assert_int_equal(publish(1, "state", "rest", 1), 0);
	assert_int_equal(unit_is_known(file), 1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		assert_int_equal(pread(file, &byte, 1, fields[i]), 1);
		other = byte ^ 1;
		assert_int_equal(pwrite(file, &other, 1, fields[i]), 1);
		assert_int_equal(unit_is_known(file), 0);
		assert_int_equal(pwrite(file, &byte, 1, fields[i]), 1);
	}
	assert_int_equal(unit_is_known(file), 1);
	assert_int_equal(unit_is_known(-1), -EBADF);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_unit_known),
		UNIT(test_unit_new_is_none),
		UNIT(test_unit_publish_and_reopen),
		UNIT(test_unit_death_before_flip),
		UNIT(test_unit_back),
		UNIT(test_unit_limits),
		UNIT(test_unit_without_memory_is_unread),
		UNIT(test_unit_foreign_memory_is_broken),
		UNIT(test_unit_wrong_size_is_broken),
		UNIT(test_unit_size_is_sealed),
		UNIT(test_unit_every_flipped_byte_is_seen),
		UNIT(test_unit_holds_nothing_plain),
		UNIT(test_unit_of_another_key_is_broken),
		UNIT(test_unit_never_uses_a_nonce_twice),
		UNIT(test_unit_keeps_the_envelope_it_is_given),
		UNIT(test_unit_log_is_found_again),
		UNIT(test_unit_log_without_id),
		UNIT(test_unit_log_has_a_limit),
		UNIT(test_unit_log_death_before_the_word),
		UNIT(test_unit_back_to_a_log),
		UNIT(test_unit_log_every_flipped_byte_is_seen),
		UNIT(test_unit_log_cut_is_seen),
		UNIT(test_unit_log_moved_entries_are_seen),
		UNIT(test_unit_log_never_uses_a_nonce_twice),
	};

	return cmocka_run_group_tests_name("engine/unit", tests, NULL, NULL);
}
