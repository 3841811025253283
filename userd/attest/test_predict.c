// SPDX-License-Identifier: BSD-3-Clause
/*
 * Predictions are compared with the replay of a log in which the change really happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/authenticode.h"
#include "attest/predict.h"
#include "attest/test_log.h"

#define SHA256	   (1u << ATTEST_SHA256)
#define IMAGE_SIZE 0x400

static struct attest_verdict verdict;
static struct hash *hash;

/* The log of a boot, and the same with one thing changed. */
struct boot {
	const char *file;
	const uint8_t *image;
	size_t image_length;
	const char *dbx;
	const char *line;
	const char *firmware;
};

static void put_le(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/* Headers to 0x200, one section to 0x300, the rest behind it. */
static void make_image(uint8_t to[IMAGE_SIZE], uint8_t fill)
{
	memset(to, 0, IMAGE_SIZE);
	put_le(to, 0x5a4d, 2);
	put_le(to + 0x3c, 0x80, 4);
	put_le(to + 0x80, 0x4550, 4);
	put_le(to + 0x86, 1, 2);	   /* sections */
	put_le(to + 0x94, 240, 2);	   /* optional header */
	put_le(to + 0x98, 0x20b, 2);	   /* PE32+ */
	put_le(to + 0x98 + 60, 0x200, 4);  /* headers */
	put_le(to + 0x98 + 64, 0x1234, 4); /* checksum */
	put_le(to + 0x98 + 108, 16, 4);	   /* directories */
	put_le(to + 0x98 + 240 + 16, 0x100, 4);
	put_le(to + 0x98 + 240 + 20, 0x200, 4);
	memset(to + 0x200, fill, 0x100);
	memset(to + 0x300, fill + 1, 0x100);
}

static void measure_image(const uint8_t *image, size_t length, uint8_t ret[ATTEST_DIGEST_MAX])
{
	const size_t table = 0x98 + 112 + 32;
	const struct hash_part parts[] = {
		{ image, 0x98 + 64 },
		{ image + 0x98 + 68, table - 0x98 - 68 },
		{ image + table + 8, length - table - 8 },
	};

	hash_parts(hash, ATTEST_SHA256, parts, 3, ret);
}

static void test_authenticode(void **state)
{
	uint8_t image[IMAGE_SIZE], signed_image[IMAGE_SIZE + 8];
	uint8_t one[ATTEST_DIGEST_MAX], two[ATTEST_DIGEST_MAX];

	(void)state;
	make_image(image, 0x33);
	measure_image(image, sizeof(image), one);
	assert_true(authenticode(hash, ATTEST_SHA256, image, sizeof(image), two));
	assert_memory_equal(one, two, 32);
	/* neither checksum nor signature is in it */
	cursor_copy(signed_image, sizeof(signed_image), image, sizeof(image));
	put_le(signed_image + 0x98 + 64, 0x9999, 4);
	put_le(signed_image + 0x98 + 112 + 32, IMAGE_SIZE, 4);
	put_le(signed_image + 0x98 + 112 + 36, 8, 4);
	memset(signed_image + IMAGE_SIZE, 0x77, 8);
	assert_true(authenticode(hash, ATTEST_SHA256, signed_image, sizeof(signed_image), two));
	assert_memory_equal(one, two, 32);
	image[0x250] ^= 1;
	assert_true(authenticode(hash, ATTEST_SHA256, image, sizeof(image), two));
	assert_memory_not_equal(one, two, 32);
}

static void test_authenticode_refuses(void **state)
{
	uint8_t image[IMAGE_SIZE], digest[ATTEST_DIGEST_MAX];

	(void)state;
	make_image(image, 0x33);
	for (size_t length = 0; length < 0x300; length++)
		assert_false(authenticode(hash, ATTEST_SHA256, image, length, digest));
	put_le(image + 0x98 + 240 + 20, 0x100, 4); /* a section over the headers */
	assert_false(authenticode(hash, ATTEST_SHA256, image, sizeof(image), digest));
	make_image(image, 0x33);
	put_le(image + 0x98 + 240 + 16, 0xffffffff, 4);
	assert_false(authenticode(hash, ATTEST_SHA256, image, sizeof(image), digest));
	make_image(image, 0x33);
	put_le(image + 0x98 + 112 + 36, 0x80, 4); /* signatures that are not at the end */
	assert_false(authenticode(hash, ATTEST_SHA256, image, sizeof(image), digest));
	make_image(image, 0x33);
	put_le(image + 0x3c, 0xfffffff0, 4);
	assert_false(authenticode(hash, ATTEST_SHA256, image, sizeof(image), digest));
}

static void add_file(struct test_log *log, uint32_t pcr, uint32_t type, const char *measured,
		     const char *path)
{
	test_log_event(log, pcr, type, measured, strlen(measured), path, strlen(path) + 1);
}

/* The digest of an image is that of the bytes that are hashed, so the event measures those. */
static void add_image(struct test_log *log, const struct boot *boot)
{
	const size_t table = 0x98 + 112 + 32;
	uint8_t bytes[2 * IMAGE_SIZE];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	cursor_put_raw(&out, boot->image, 0x98 + 64);
	cursor_put_raw(&out, boot->image + 0x98 + 68, table - 0x98 - 68);
	cursor_put_raw(&out, boot->image + table + 8, boot->image_length - table - 8);
	assert_false(out.bad);
	test_log_event(log, 4, EV_EFI_BOOT_SERVICES_APPLICATION, bytes, out.used, "x", 1);
}

static struct test_log *log_of(const struct boot *boot)
{
	struct test_log *log = test_log_new(SHA256);
	char line[64];

	test_log_text(log, 0, EV_S_CRTM_VERSION, boot->firmware);
	test_log_variable(log, EV_EFI_VARIABLE_DRIVER_CONFIG, true, "dbx", boot->dbx,
			  strlen(boot->dbx));
	test_log_variable(log, EV_EFI_VARIABLE_DRIVER_CONFIG, true, "db", "other", 5);
	test_log_separators(log, 0);
	add_image(log, boot);
	snprintf(line, sizeof(line), "grub_cmd: linux %s", boot->line);
	test_log_event(log, 8, EV_IPL, line + 10, strlen(line + 10), line, strlen(line) + 1);
	snprintf(line, sizeof(line), "kernel_cmdline: %s", boot->line);
	test_log_event(log, 8, EV_IPL, boot->line, strlen(boot->line), line, strlen(line) + 1);
	add_file(log, 9, EV_IPL, boot->file, "/boot/initrd");
	return log;
}

static struct eventlog parsed(struct test_log *log)
{
	struct eventlog ret = { 0 };

	assert_false(log->out.bad);
	assert_int_equal(eventlog_parse(&ret, log->bytes, log->out.used, &verdict), 0);
	return ret;
}

static struct boot before(const uint8_t *image)
{
	return (struct boot){ .file = "initrd one",
			      .image = image,
			      .image_length = IMAGE_SIZE,
			      .dbx = "nothing",
			      .line = "root=/dev/vda1",
			      .firmware = "firmware 1" };
}

static void assert_same_pcrs(const struct predict *predict, const struct eventlog *wanted)
{
	struct attest_pcrs predicted, booted;

	predict_pcrs(predict, &predicted);
	eventlog_replay(wanted, hash, &booted);
	assert_int_equal(predicted.has[ATTEST_SHA256], booted.has[ATTEST_SHA256]);
	for (unsigned int pcr = 0; pcr < ATTEST_PCRS; pcr++)
		if (booted.has[ATTEST_SHA256] >> pcr & 1)
			assert_memory_equal(predicted.value[ATTEST_SHA256][pcr],
					    booted.value[ATTEST_SHA256][pcr], 32);
}

/* What is predicted is what a boot with all of @after gives, PCR by PCR. */
static void test_predict_all_at_once(void **state)
{
	uint8_t old[IMAGE_SIZE], new[IMAGE_SIZE];
	struct boot one, two;
	struct test_log *from, *to;
	struct eventlog log, wanted;
	struct attest_pcrs predicted, now;
	struct predict *predict = calloc(1, sizeof(*predict));

	(void)state;
	make_image(old, 0x10);
	make_image(new, 0x20);
	one = before(old);
	two = (struct boot){ "initrd two, longer", new, IMAGE_SIZE, "some hashes", "quiet",
			     "firmware 2" };
	from = log_of(&one);
	to = log_of(&two);
	log = parsed(from);
	wanted = parsed(to);
	*predict = (struct predict){ .log = &log, .hash = hash };
	predict_pcrs(predict, &now);
	assert_int_equal(predict_file(predict, (struct hash_part){ old, IMAGE_SIZE },
				      (struct hash_part){ new, IMAGE_SIZE }), 1);
	assert_int_equal(predict_file(predict,
				      (struct hash_part){ one.file, strlen(one.file) },
				      (struct hash_part){ two.file, strlen(two.file) }), 1);
	assert_int_equal(predict_variable(predict, "dbx",
					  (struct hash_part){ two.dbx, strlen(two.dbx) }), 1);
	assert_int_equal(predict_command_line(predict, two.line), 2);
	assert_true(predict_firmware(predict, &wanted) > 0);
	assert_same_pcrs(predict, &wanted);
	predict_pcrs(predict, &predicted);
	assert_memory_not_equal(predicted.value[ATTEST_SHA256][7], now.value[ATTEST_SHA256][7], 32);
	assert_memory_not_equal(predicted.value[ATTEST_SHA256][4], now.value[ATTEST_SHA256][4], 32);
	assert_memory_equal(predicted.value[ATTEST_SHA256][1], now.value[ATTEST_SHA256][1], 32);
	eventlog_done(&log);
	eventlog_done(&wanted);
	test_log_free(from);
	test_log_free(to);
	free(predict);
}

#define UKI_SECTIONS 3
#define UKI_SIZE     (0x200 + UKI_SECTIONS * 0x100)

static const char *const uki_names[] = { ".linux", ".cmdline", ".initrd" };

/* Sections of 0x100 bytes, of which their texts are used. */
static void make_uki(uint8_t to[UKI_SIZE], const char *const texts[UKI_SECTIONS])
{
	memset(to, 0, UKI_SIZE);
	make_image(to, 0);
	memset(to + 0x200, 0, UKI_SIZE - 0x200);
	put_le(to + 0x86, UKI_SECTIONS, 2);
	for (size_t i = 0; i < UKI_SECTIONS; i++) {
		uint8_t *section = to + 0x98 + 240 + 40 * i;

		cursor_copy(section, 8, uki_names[i], strlen(uki_names[i]));
		put_le(section + 8, strlen(texts[i]), 4);
		put_le(section + 16, 0x100, 4);
		put_le(section + 20, 0x200 + 0x100 * i, 4);
		cursor_copy(to + 0x200 + 0x100 * i, 0x100, texts[i], strlen(texts[i]));
	}
}

static size_t widen(const char *text, uint8_t to[128])
{
	size_t length = strlen(text) + 1;

	for (size_t i = 0; i < length; i++)
		put_le(to + 2 * i, (uint8_t)text[i], 2);
	return 2 * length;
}

/* As systemd-stub 252 and a kernel of 6.12 measure: the lab's logs are such. */
static struct test_log *log_of_uki(const uint8_t *image, const char *const texts[UKI_SECTIONS],
				   const char *passed)
{
	const struct boot boot = { .image = image, .image_length = UKI_SIZE };
	struct test_log *log = test_log_new(SHA256);
	uint8_t wide[128];
	size_t length;

	test_log_separators(log, 0);
	add_image(log, &boot);
	for (size_t i = 0; i < UKI_SECTIONS; i++) {
		length = widen(uki_names[i], wide);
		test_log_event(log, 11, EV_IPL, uki_names[i], strlen(uki_names[i]) + 1, wide,
			       length);
		test_log_event(log, 11, EV_IPL, texts[i], strlen(texts[i]), wide, length);
	}
	length = widen(passed ? passed : texts[1], wide);
	if (passed)
		test_log_event(log, 12, EV_IPL, wide, length, wide, length);
	test_log_event(log, 9, EV_EVENT_TAG, wide, length, "LOADED_IMAGE::LoadOptions", 26);
	test_log_event(log, 9, EV_EVENT_TAG, texts[2], strlen(texts[2]), "Linux initrd", 13);
	return log;
}

static void test_predict_uki(void **state)
{
	static const char *const one[] = { "kernel 1", "root=one", "initrd 1" };
	static const char *const two[] = { "kernel two", "quiet root=two", "another initrd" };
	uint8_t old[UKI_SIZE], new[UKI_SIZE];
	struct test_log *from, *to;
	struct eventlog log, wanted;
	struct predict *predict = calloc(1, sizeof(*predict));

	(void)state;
	make_uki(old, one);
	make_uki(new, two);
	from = log_of_uki(old, one, NULL);
	to = log_of_uki(new, two, NULL);
	log = parsed(from);
	wanted = parsed(to);
	*predict = (struct predict){ .log = &log, .hash = hash };
	/* the image, three sections, and two of them again */
	assert_int_equal(predict_file(predict, (struct hash_part){ old, UKI_SIZE },
				      (struct hash_part){ new, UKI_SIZE }), 6);
	assert_same_pcrs(predict, &wanted);
	eventlog_done(&log);
	/* a section that comes or goes */
	log = parsed(from);
	*predict = (struct predict){ .log = &log, .hash = hash };
	new[0x98 + 240 + 80 + 1] = 'x';
	assert_int_equal(predict_file(predict, (struct hash_part){ old, UKI_SIZE },
				      (struct hash_part){ new, UKI_SIZE }), -ENOTSUP);
	eventlog_done(&log);
	eventlog_done(&wanted);
	test_log_free(from);
	test_log_free(to);
	free(predict);
}

static void test_predict_passed_line(void **state)
{
	static const char *const texts[] = { "kernel 1", "unused", "initrd 1" };
	uint8_t image[UKI_SIZE];
	struct test_log *from, *to;
	struct eventlog log, wanted;
	struct predict *predict = calloc(1, sizeof(*predict));

	(void)state;
	make_uki(image, texts);
	from = log_of_uki(image, texts, "root=one");
	to = log_of_uki(image, texts, "root=two quiet");
	log = parsed(from);
	wanted = parsed(to);
	*predict = (struct predict){ .log = &log, .hash = hash };
	assert_int_equal(predict_command_line(predict, "root=two quiet"), 2);
	assert_same_pcrs(predict, &wanted);
	eventlog_done(&log);
	eventlog_done(&wanted);
	test_log_free(from);
	test_log_free(to);
	free(predict);
}

/* No bytes outside of the file are taken for a section's. */
static void test_sections_refused(void **state)
{
	static const char *const texts[] = { "kernel 1", "line", "initrd 1" };
	uint8_t image[UKI_SIZE];
	struct hash_part part = { image, UKI_SIZE }, found;

	(void)state;
	make_uki(image, texts);
	assert_true(authenticode_section(part, ".initrd", &found));
	assert_int_equal(found.length, 8);
	assert_memory_equal(found.at, "initrd 1", 8);
	assert_false(authenticode_section(part, ".init", &found));
	assert_false(authenticode_section(part, ".initrd.more", &found));
	put_le(image + 0x98 + 240 + 8, 0x101, 4); /* more than is stored */
	assert_false(authenticode_section(part, ".linux", &found));
	put_le(image + 0x98 + 240 + 48, 0, 4);
	assert_false(authenticode_section(part, ".cmdline", &found));
	put_le(image + 0x98 + 240 + 80 + 20, UKI_SIZE - 4, 4);
	assert_false(authenticode_section(part, ".initrd", &found));
	part.length = 0x98 + 240 + 50;
	assert_false(authenticode_section(part, ".initrd", &found));
}

static void test_predict_nothing_there(void **state)
{
	uint8_t image[IMAGE_SIZE];
	struct boot boot;
	struct test_log *from;
	struct eventlog log;
	struct predict *predict = calloc(1, sizeof(*predict));
	const struct hash_part other = { "not booted", 10 };

	(void)state;
	make_image(image, 0x10);
	boot = before(image);
	from = log_of(&boot);
	log = parsed(from);
	*predict = (struct predict){ .log = &log, .hash = hash };
	assert_int_equal(predict_file(predict, other, other), 0);
	assert_int_equal(predict_variable(predict, "KEK", other), 0);
	/* an image is followed by an image */
	assert_int_equal(predict_file(predict, (struct hash_part){ image, IMAGE_SIZE }, other),
			 -EBADMSG);
	eventlog_done(&log);
	test_log_free(from);
	free(predict);
}

/* What an event does not prove is not predicted from its text. */
static void test_predict_lies(void **state)
{
	struct test_log *from = test_log_new(SHA256);
	static const char line[] = "kernel_cmdline: quiet";
	struct eventlog log;
	struct predict *predict = calloc(1, sizeof(*predict));

	(void)state;
	test_log_event(from, 8, EV_IPL, "loud", 4, line, sizeof(line));
	log = parsed(from);
	*predict = (struct predict){ .log = &log, .hash = hash };
	assert_int_equal(predict_command_line(predict, "x"), -EBADMSG);
	eventlog_done(&log);
	test_log_free(from);
	free(predict);
}

static int setup(void **state)
{
	(void)state;
	hash = hash_new();
	return hash ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	hash_free(hash);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authenticode),
		cmocka_unit_test(test_authenticode_refuses),
		cmocka_unit_test(test_predict_all_at_once),
		cmocka_unit_test(test_predict_uki),
		cmocka_unit_test(test_predict_passed_line),
		cmocka_unit_test(test_sections_refused),
		cmocka_unit_test(test_predict_nothing_there),
		cmocka_unit_test(test_predict_lies),
	};

	return cmocka_run_group_tests_name("predict", tests, setup, teardown);
}
