// SPDX-License-Identifier: BSD-3-Clause
/*
 * What needs no TPM: boxes, wrapped keys, recovery codes and the slots file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "seal/block.h"
#include "seal/box.h"
#include "seal/recovery.h"
#include "seal/slot.h"
#include "seal/test_swtpm.h"
#include "seal/wrap.h"

#define RECOVERY_FIXED "04106-1050R-3GG28-A1C60-T3GF2-08H44-RM2MB-1E60S-38DHR-78Y3W-GC248"

#define UUID  ((const uint8_t *)"0123456789abcdef")
#define OTHER ((const uint8_t *)"0123456789abcdeg")

static const struct seal_bytes none;
static uint8_t scalar[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE], root[SEAL_KEY_SIZE];
static struct reason reason;

/* RFC 5869, A.1, but for the label, which always ends with a NUL: so a case of our own. */
static void test_seal_derive(void **state)
{
	uint8_t one[48], two[48];
	const struct seal_bytes key = { root, sizeof(root) };

	(void)state;
	assert_int_equal(seal_derive(key, none, "a", none, one, sizeof(one)), 0);
	assert_int_equal(seal_derive(key, none, "a", none, two, sizeof(two)), 0);
	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(seal_derive(key, none, "b", none, two, sizeof(two)), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	/* label and context are kept apart */
	assert_int_equal(seal_derive(key, none, "a", (struct seal_bytes){ "b", 1 }, one, 48), 0);
	assert_int_equal(seal_derive(key, none, "ab", none, two, sizeof(two)), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_int_equal(seal_derive(key, none, "a", (struct seal_bytes){ one, 300 }, two, 48),
			 -EMSGSIZE);
}

static void test_seal_agree_refuses_bad_points(void **state)
{
	uint8_t bad[SEAL_POINT_SIZE], secret[SEAL_KEY_SIZE], zero[SEAL_SCALAR_SIZE] = { 0 };
	uint8_t order[SEAL_SCALAR_SIZE];

	(void)state;
	cursor_copy(bad, sizeof(bad), point, sizeof(point));
	assert_int_equal(seal_agree(scalar, bad, secret), 0);
	bad[40] ^= 1; /* off the curve */
	assert_int_equal(seal_agree(scalar, bad, secret), -EINVAL);
	bad[40] ^= 1;
	bad[0] = 2; /* a compressed one has another length */
	assert_int_equal(seal_agree(scalar, bad, secret), -EINVAL);
	bad[0] = 6 | (bad[64] & 1); /* the same point, in hybrid form */
	assert_int_equal(seal_agree(scalar, bad, secret), -EINVAL);
	assert_int_equal(seal_agree(zero, point, secret), -EINVAL);
	memset(order, 0xff, sizeof(order));
	assert_int_equal(seal_agree(order, point, secret), -EINVAL);
}

static void test_box_round_trip(void **state)
{
	uint8_t box[BOX_OVERHEAD + BOX_TEXT_MAX], text[BOX_TEXT_MAX], out[BOX_TEXT_MAX];
	const struct seal_bytes aad = { "aad", 3 };
	size_t length;

	(void)state;
	memset(text, 0x5a, sizeof(text));
	for (size_t n = 0; n <= BOX_TEXT_MAX; n += BOX_TEXT_MAX / 2) {
		const struct seal_bytes whole = { box, BOX_OVERHEAD + n };

		assert_int_equal(
			box_close(point, BOX_OWNER, aad, (struct seal_bytes){ text, n }, box), 0);
		assert_int_equal(box_open(scalar, BOX_OWNER, aad, whole, out, sizeof(out), &length),
				 0);
		assert_int_equal(length, n);
		assert_memory_equal(out, text, n);
		/* for another use, or with other circumstances, it is none */
		assert_int_equal(box_open(scalar, BOX_ROOT, aad, whole, out, sizeof(out), &length),
				 -EBADMSG);
		assert_int_equal(
			box_open(scalar, BOX_OWNER, none, whole, out, sizeof(out), &length),
			-EBADMSG);
	}
	assert_int_equal(box_open(scalar, BOX_OWNER, aad, (struct seal_bytes){ box, sizeof(box) },
				  out, 16, &length),
			 -EMSGSIZE);
	assert_int_equal(box_close(point, BOX_OWNER, aad,
				   (struct seal_bytes){ text, BOX_TEXT_MAX + 1 }, box),
			 -EMSGSIZE);
}

static void test_box_every_byte_counts(void **state)
{
	uint8_t box[BOX_OVERHEAD + 4], out[4], foreign[SEAL_SCALAR_SIZE], ignored[SEAL_POINT_SIZE];
	size_t length;

	(void)state;
	assert_int_equal(box_close(point, BOX_ROOT, none, (struct seal_bytes){ "text", 4 }, box),
			 0);
	for (size_t i = 0; i < sizeof(box); i++) {
		box[i] ^= 0x10;
		assert_int_equal(box_open(scalar, BOX_ROOT, none,
					  (struct seal_bytes){ box, sizeof(box) }, out, 4, &length),
				 -EBADMSG);
		box[i] ^= 0x10;
	}
	for (size_t i = 0; i < sizeof(box); i++)
		assert_int_equal(box_open(scalar, BOX_ROOT, none, (struct seal_bytes){ box, i },
					  out, 4, &length),
				 -EBADMSG);
	assert_int_equal(seal_pair_new(foreign, ignored), 0);
	assert_int_equal(box_open(foreign, BOX_ROOT, none, (struct seal_bytes){ box, sizeof(box) },
				  out, 4, &length),
			 -EBADMSG);
}

static void test_wrap_key(void **state)
{
	uint8_t wrapped[WRAP_SIZE], again[WRAP_SIZE], foreign[SEAL_KEY_SIZE] = { 7 };
	struct data_key key, out;

	(void)state;
	assert_int_equal(data_key_new(&key), 0);
	assert_int_not_equal(key.id, 0);
	assert_int_equal(wrap_key(root, true, UUID, &key, wrapped), 0);
	assert_int_equal(wrap_key(root, true, UUID, &key, again), 0);
	assert_memory_not_equal(wrapped, again, sizeof(wrapped));
	assert_int_equal(
		unwrap_key(root, true, UUID, (struct seal_bytes){ wrapped, WRAP_SIZE }, &out), 0);
	assert_int_equal(out.id, key.id);
	assert_memory_equal(out.key, key.key, sizeof(key.key));
	assert_false(out.plain);
	wrapped[0] = WRAP_PLAIN;
	assert_int_equal(
		unwrap_key(root, true, UUID, (struct seal_bytes){ wrapped, WRAP_SIZE }, &out),
		-EKEYREJECTED);
	wrapped[0] = WRAP_SEALED;
	key.plain = true;
	assert_int_equal(wrap_key(root, true, UUID, &key, again), 0);
	assert_int_equal(
		unwrap_key(root, true, UUID, (struct seal_bytes){ again, WRAP_SIZE }, &out), 0);
	assert_true(out.plain);
	assert_int_equal(
		unwrap_key(root, true, OTHER, (struct seal_bytes){ wrapped, WRAP_SIZE }, &out),
		-EKEYREJECTED);
	assert_int_equal(
		unwrap_key(foreign, true, UUID, (struct seal_bytes){ wrapped, WRAP_SIZE }, &out),
		-EKEYREJECTED);
	assert_int_equal(
		unwrap_key(root, false, UUID, (struct seal_bytes){ wrapped, WRAP_SIZE }, &out),
		-EKEYREJECTED);
	for (size_t i = 0; i < WRAP_SIZE; i++) {
		wrapped[i] ^= 1;
		assert_int_equal(unwrap_key(root, true, UUID,
					    (struct seal_bytes){ wrapped, WRAP_SIZE }, &out),
				 -EKEYREJECTED);
		wrapped[i] ^= 1;
		assert_int_equal(
			unwrap_key(root, true, UUID, (struct seal_bytes){ wrapped, i }, &out),
			-EKEYREJECTED);
	}
}

static void test_recovery_code_round_trip(void **state)
{
	char text[RECOVERY_TEXT_SIZE], loose[2 * RECOVERY_TEXT_SIZE];
	uint8_t public[SEAL_POINT_SIZE], private[SEAL_SCALAR_SIZE], derived[SEAL_POINT_SIZE];
	unsigned int group;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(recovery_code_new(public, text), 0);
		assert_int_equal(strlen(text), RECOVERY_TEXT_SIZE - 1);
		assert_int_equal(recovery_code_parse(text, private, &group), 0);
		assert_int_equal(seal_point_of(private, derived), 0);
		assert_memory_equal(public, derived, sizeof(public));
	}
	/* as somebody types it */
	for (const char *c = text; *c; c++) {
		if (*c == '-')
			continue;
		loose[n++] = *c == '0' ? 'o' : *c == '1' ? 'l' : (char)(*c >= 'A' ? *c + 32 : *c);
		if (n % 7 == 0)
			loose[n++] = ' ';
	}
	loose[n] = 0;
	assert_int_equal(recovery_code_parse(loose, derived, &group), 0);
	assert_memory_equal(private, derived, sizeof(private));
}

/* A code written down once, so that no later version reads it differently. */
static void test_recovery_code_stays(void **state)
{
	char text[RECOVERY_TEXT_SIZE];
	uint8_t fixed[SEAL_SCALAR_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(fixed); i++)
		fixed[i] = (uint8_t)(i + 1);
	recovery_code_format(fixed, text);
	assert_string_equal(text, RECOVERY_FIXED);
}

static void test_recovery_code_typos(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char text[RECOVERY_TEXT_SIZE], bad[RECOVERY_TEXT_SIZE];
	uint8_t public[SEAL_POINT_SIZE], private[SEAL_SCALAR_SIZE];
	unsigned int group, named = 0, all = 0;

	(void)state;
	assert_int_equal(recovery_code_new(public, text), 0);
	for (size_t i = 0; text[i]; i++) {
		const unsigned int wanted = (unsigned int)(i / 6) + 1;

		for (size_t d = 0; text[i] != '-' && d < 32; d++) {
			snprintf(bad, sizeof(bad), "%s", text);
			bad[i] = digits[d];
			if (bad[i] == text[i])
				continue;
			assert_int_equal(recovery_code_parse(bad, private, &group), -EBADMSG);
			assert_true(group == 0 || group == wanted);
			named += group == wanted;
			all++;
		}
		if (text[i] != '-' && text[i + 1] && text[i + 1] != '-' && text[i] != text[i + 1]) {
			snprintf(bad, sizeof(bad), "%s", text);
			bad[i] = text[i + 1];
			bad[i + 1] = text[i];
			assert_int_equal(recovery_code_parse(bad, private, &group), -EBADMSG);
		}
	}
	assert_true(named > all * 9 / 10);

	snprintf(bad, sizeof(bad), "%s", text);
	bad[13] = 'U'; /* no digit: it looks like V */
	assert_int_equal(recovery_code_parse(bad, private, &group), -EINVAL);
	assert_int_equal(group, 3);
	bad[12] = 0;
	assert_int_equal(recovery_code_parse(bad, private, &group), -EINVAL);
	assert_int_equal(group, 0);
	assert_int_equal(recovery_code_parse("", private, &group), -EINVAL);
}

static void test_recovery_record(void **state)
{
	uint8_t record[RECOVERY_RECORD_SIZE], out[SEAL_KEY_SIZE];
	uint8_t foreign[SEAL_SCALAR_SIZE], public[SEAL_POINT_SIZE];
	const struct seal_bytes whole = { record, sizeof(record) };

	(void)state;
	assert_int_equal(recovery_make(point, root, record), 0);
	assert_int_equal(recovery_open(whole, scalar, out), 0);
	assert_memory_equal(out, root, sizeof(out));
	assert_int_equal(seal_pair_new(foreign, public), 0);
	assert_int_equal(recovery_open(whole, foreign, out), -EKEYREJECTED);
	memset(foreign, 0, sizeof(foreign));
	assert_int_equal(recovery_open(whole, foreign, out), -EKEYREJECTED);
	assert_int_equal(recovery_open(none, scalar, out), -EKEYREJECTED);
	public[0] = 9;
	assert_int_equal(recovery_make(public, root, record), -EINVAL);
}

static void make_slots(struct slots *slots)
{
	struct slot slot = { .kind = SLOT_RECOVERY, .length = 3, .body = "abc" };

	*slots = (struct slots){ 0 };
	assert_int_equal(slots_check_value(root, KEYD_ROLLBACK_STRICT, slots->check), 0);
	assert_int_equal(slots_add(slots, &slot), 0);
	slot.kind = 77; /* of a later version: kept as it is */
	slot.length = SLOTS_BODY_MAX;
	assert_int_equal(slots_add(slots, &slot), 0);
}

static void test_slots_round_trip(void **state)
{
	uint8_t file[SLOTS_FILE_MAX], foreign[SEAL_KEY_SIZE] = { 1 };
	enum keyd_rollback mode;
	struct slots slots, read;
	size_t length;

	(void)state;
	make_slots(&slots);
	assert_int_equal(slots_format(&slots, file, &length), 0);
	assert_int_equal(slots_parse((struct seal_bytes){ file, length }, &read, &reason), 0);
	assert_memory_equal(&slots, &read, sizeof(slots));
	assert_int_equal(slots_match(&read, root, &mode), 0);
	assert_int_equal(mode, KEYD_ROLLBACK_STRICT);
	assert_int_equal(slots_match(&read, foreign, &mode), -EKEYREJECTED);
	assert_non_null(slots_find(&read, SLOT_RECOVERY));
	assert_null(slots_find(&read, SLOT_TPM2));
	slots_remove(&read, SLOT_RECOVERY);
	slots_remove(&read, SLOT_RECOVERY);
	assert_int_equal(read.count, 1);
	assert_int_equal(read.slot[0].kind, 77);
	for (unsigned int i = 1; i < SLOTS_MAX; i++)
		assert_int_equal(slots_add(&read, &slots.slot[0]), 0);
	assert_int_equal(slots_add(&read, &slots.slot[0]), -ENOSPC);
}

static void test_slots_every_byte_counts(void **state)
{
	uint8_t file[SLOTS_FILE_MAX];
	struct slots slots, read;
	size_t length;

	(void)state;
	make_slots(&slots);
	slots_remove(&slots, (enum slot_kind)77);
	assert_int_equal(slots_format(&slots, file, &length), 0);
	for (size_t i = 0; i < length; i++) {
		bool version = i == 8 || i == 9;

		file[i] ^= 0x20;
		reason.text[0] = 0;
		assert_int_equal(slots_parse((struct seal_bytes){ file, length }, &read, &reason),
				 version ? -EPROTONOSUPPORT : -EBADMSG);
		assert_non_null(strstr(reason.text, "keys/slots"));
		file[i] ^= 0x20;
		assert_int_equal(slots_parse((struct seal_bytes){ file, i }, &read, &reason),
				 -EBADMSG);
	}
	assert_int_equal(slots_parse((struct seal_bytes){ file, length + 1 }, &read, &reason),
			 -EBADMSG);
}

static void test_slots_check_tells_the_mode(void **state)
{
	struct slots slots = { 0 };
	enum keyd_rollback mode;

	(void)state;
	for (unsigned int i = 0; i < _KEYD_ROLLBACK_MAX; i++) {
		assert_int_equal(slots_check_value(root, (enum keyd_rollback)i, slots.check), 0);
		assert_int_equal(slots_match(&slots, root, &mode), 0);
		assert_int_equal(mode, i);
	}
}

/* A block is good with its key, TPM and counter alone, and not one bit of it can change. */
static void test_block(void **state)
{
	const TPM2B_NAME storage = { .size = 34, .name = "a" }, other = { .size = 34, .name = "b" };
	const struct block_place here = { root, &storage, HOST_COUNTER_FIRST };
	const struct block_place there[] = {
		{ (const uint8_t[SEAL_KEY_SIZE]){ 9 }, &storage, HOST_COUNTER_FIRST },
		{ root, &other, HOST_COUNTER_FIRST },
		{ root, &storage, HOST_COUNTER_FIRST + 1 },
	};
	struct block block = { .counter = 77, .root = "the root of a tree" }, out;
	uint8_t bytes[BLOCK_SIZE], again[BLOCK_SIZE];
	const struct seal_bytes whole = { bytes, sizeof(bytes) };

	(void)state;
	assert_int_equal(block_seal(&here, &block, bytes), 0);
	assert_int_equal(block_seal(&here, &block, again), 0);
	assert_memory_not_equal(bytes, again, sizeof(bytes));
	assert_int_equal(block_open(&here, whole, &out), 0);
	assert_memory_equal(&out, &block, sizeof(out));
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		assert_int_equal(block_open(&there[i], whole, &out), -EBADMSG);
	for (size_t i = 0; i < 8 * sizeof(bytes); i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(block_open(&here, whole, &out), -EBADMSG);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(block_open(&here, (struct seal_bytes){ bytes, i }, &out),
				 -EBADMSG);
}

static void test_slots_save(void **state)
{
	char dir[] = "/tmp/vtpm-slots-XXXXXX";
	struct slots slots, read;
	struct stat status;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(slots_load(fd, &read, &reason), -ENOENT);
	make_slots(&slots);
	assert_int_equal(slots_save(fd, &slots, &reason), 0);
	assert_int_equal(slots_load(fd, &read, &reason), 0);
	assert_memory_equal(&slots, &read, sizeof(slots));
	assert_int_equal(fstatat(fd, "slots", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	/* left over by a crash before the rename */
	assert_int_equal(renameat(fd, "slots", fd, "slots.new"), 0);
	assert_int_equal(slots_save(fd, &slots, &reason), 0);
	assert_int_equal(faccessat(fd, "slots.new", F_OK, 0), -1);
	/* no link is followed, neither to read nor to write */
	assert_int_equal(unlinkat(fd, "slots", 0), 0);
	assert_int_equal(symlinkat("/dev/zero", fd, "slots"), 0);
	assert_int_equal(slots_load(fd, &read, &reason), -ELOOP);
	close(fd);
	test_remove_tree(dir);
}

static void test_tpm2_slot(void **state)
{
	struct tpm2_slot slot = { .pcrs.mask = 1u << 0 | 1u << 23, .name.size = 34 }, read;
	struct slot body = { 0 };
	uint16_t length;

	(void)state;
	slot.sealed.public.publicArea.type = TPM2_ALG_KEYEDHASH;
	slot.sealed.public.publicArea.nameAlg = TPM2_ALG_SHA256;
	slot.sealed.public.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
	slot.sealed.private.size = 100;
	memset(slot.pcrs.value[23], 0x23, SEAL_HASH_SIZE);
	assert_int_equal(tpm2_slot_format(&slot, &body), 0);
	assert_int_equal(tpm2_slot_parse(&body, &read), 0);
	assert_int_equal(read.pcrs.mask, slot.pcrs.mask);
	assert_memory_equal(read.pcrs.value, slot.pcrs.value, sizeof(read.pcrs.value));
	assert_int_equal(read.name.size, 34);
	assert_int_equal(read.sealed.private.size, 100);
	for (length = body.length; body.length > 0;) {
		body.length--;
		assert_int_equal(tpm2_slot_parse(&body, &read), -EBADMSG);
	}
	body.length = (uint16_t)(length + 1);
	assert_int_equal(tpm2_slot_parse(&body, &read), -EBADMSG);
}

static int setup(void **state)
{
	(void)state;
	return seal_crypto_prepare() || seal_pair_new(scalar, point) ||
	       seal_random(root, sizeof(root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal_derive),
		cmocka_unit_test(test_seal_agree_refuses_bad_points),
		cmocka_unit_test(test_box_round_trip),
		cmocka_unit_test(test_box_every_byte_counts),
		cmocka_unit_test(test_wrap_key),
		cmocka_unit_test(test_recovery_code_round_trip),
		cmocka_unit_test(test_recovery_code_stays),
		cmocka_unit_test(test_recovery_code_typos),
		cmocka_unit_test(test_recovery_record),
		cmocka_unit_test(test_slots_round_trip),
		cmocka_unit_test(test_slots_every_byte_counts),
		cmocka_unit_test(test_slots_check_tells_the_mode),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_slots_save),
		cmocka_unit_test(test_tpm2_slot),
	};

	return cmocka_run_group_tests_name("seal", tests, setup, NULL);
}
