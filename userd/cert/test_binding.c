// SPDX-License-Identifier: BSD-3-Clause
/*
 * The extension: what is written is read, and nothing else is. asn1parse of openssl says that
 * it is DER.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/x509.h>

#include "base/cursor.h"
#include "cert/binding.h"

static const uint64_t epochs[] = {
	0, 1, 127, 128, 255, 256, 32767, 32768, 1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX,
};

static struct binding numbered(uint64_t epoch)
{
	return (struct binding){
		.uuid = "0123456789abcde",
		.epoch = epoch,
		.protection = KEYD_PROTECTION_TPM,
		.rollback = KEYD_ROLLBACK_STRICT,
	};
}

static void test_binding_again(void **state)
{
	uint8_t bytes[BINDING_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
		struct binding binding = numbered(epochs[i]), read = { 0 };
		size_t length = binding_put(&binding, bytes);
		const uint8_t *at = bytes;
		ASN1_TYPE *type = d2i_ASN1_TYPE(NULL, &at, (long)length);

		assert_non_null(type);
		assert_int_equal(ASN1_TYPE_get(type), V_ASN1_SEQUENCE);
		assert_ptr_equal(at, bytes + length);
		ASN1_TYPE_free(type);
		assert_int_equal(binding_get(bytes, length, &read), 0);
		assert_memory_equal(read.uuid, binding.uuid, sizeof(read.uuid));
		assert_int_equal(read.epoch, epochs[i]);
		assert_int_equal(read.protection, binding.protection);
		assert_int_equal(read.rollback, binding.rollback);
	}
}

/* The number is the one that OpenSSL reads. */
static void test_binding_epoch(void **state)
{
	uint8_t bytes[BINDING_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
		struct binding binding = numbered(epochs[i]);
		const uint8_t *at = bytes + 2 + 3 + 18;
		ASN1_INTEGER *number;
		uint64_t value;

		binding_put(&binding, bytes);
		number = d2i_ASN1_INTEGER(NULL, &at, 11);
		assert_non_null(number);
		assert_int_equal(ASN1_INTEGER_get_uint64(&value, number), 1);
		assert_int_equal(value, epochs[i]);
		ASN1_INTEGER_free(number);
	}
}

/* Any change of a byte that is not a value's is refused, as is any other length. */
static void test_binding_strict(void **state)
{
	struct binding binding = numbered(1000), read;
	uint8_t bytes[BINDING_SIZE], other[BINDING_SIZE], again[BINDING_SIZE];
	size_t length = binding_put(&binding, bytes), good = 0;

	(void)state;
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(binding_get(bytes, cut, &read), -EBADMSG);
	bytes[length] = 0;
	assert_int_equal(binding_get(bytes, length + 1, &read), -EBADMSG);
	for (size_t i = 0; i < length; i++) {
		for (unsigned int value = 0; value < 256; value++) {
			cursor_copy(other, sizeof(other), bytes, length);
			other[i] = (uint8_t)value;
			if (binding_get(other, length, &read))
				continue;
			good++;
			assert_int_equal(binding_put(&read, again), length);
			assert_memory_equal(again, other, length);
		}
	}
	/* the one itself once a byte; else: a uuid's byte, an epoch's, 2 and 3 values */
	assert_true(good > 17 * 255 && good < 19 * 256 + length);
}

static void test_binding_zeros(void **state)
{
	/* an epoch with a zero before it, a negative one, and a length in two bytes */
	static const struct {
		const char *bytes;
		size_t length;
	} wrong[] = {
		{ "\x30\x1f\x02\x01\x01\x04\x10 0123456789abcde\x02\x02\x00\x01\x0a\x01\x01\x0a\x01"
		  "\x02", 33 },
		{ "\x30\x1e\x02\x01\x01\x04\x10 0123456789abcde\x02\x01\x81\x0a\x01\x01\x0a\x01"
		  "\x02", 32 },
		{ "\x30\x81\x1e\x02\x01\x01\x04\x10 0123456789abcde\x02\x01\x01\x0a\x01\x01\x0a\x01"
		  "\x02", 33 },
	};
	static const char right[] =
		"\x30\x1e\x02\x01\x01\x04\x10 0123456789abcde\x02\x01\x01\x0a\x01\x01\x0a\x01\x02";
	struct binding read;

	(void)state;
	assert_int_equal(binding_get(right, sizeof(right) - 1, &read), 0);
	assert_int_equal(read.epoch, 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(binding_get(wrong[i].bytes, wrong[i].length, &read), -EBADMSG);
}

static void test_binding_of(void **state)
{
	struct binding binding = numbered(7), read;
	X509 *certificate = X509_new();

	(void)state;
	assert_int_equal(binding_of(certificate, &read), -ENOENT);
	assert_int_equal(binding_add(&binding, certificate), 0);
	assert_int_equal(binding_of(certificate, &read), 0);
	assert_int_equal(read.epoch, 7);
	/* which of two counts? */
	assert_int_equal(binding_add(&binding, certificate), 0);
	assert_int_equal(binding_of(certificate, &read), -EBADMSG);
	X509_free(certificate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binding_again),  cmocka_unit_test(test_binding_epoch),
		cmocka_unit_test(test_binding_strict), cmocka_unit_test(test_binding_zeros),
		cmocka_unit_test(test_binding_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
