// SPDX-License-Identifier: BSD-3-Clause
/*
 * P-256 in OpenSSL's fast form and in its generic one: the same results. CURVE_OPERATIONS says
 * how many random scalars are compared (100).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdbool.h>
#include <stdlib.h>

#include "engine/curve.h"

#define P256_P "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF"
#define P256_A "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFC"
#define P256_B "5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B"
#define P256_X "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
#define P256_Y "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
#define P256_N "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

typedef EC_GROUP *new_curve_fn(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx);

static BIGNUM *number(const char *hex)
{
	BIGNUM *ret = NULL;

	assert_true(BN_hex2bn(&ret, hex) > 0);
	return ret;
}

/* A group made the way libtpms makes it: from numbers, the generator set afterwards. */
static EC_GROUP *group_by(new_curve_fn *new_curve, const char *b_hex)
{
	BIGNUM *p = number(P256_P), *a = number(P256_A), *b = number(b_hex);
	BIGNUM *x = number(P256_X), *y = number(P256_Y), *n = number(P256_N);
	EC_GROUP *group = new_curve(p, a, b, NULL);
	EC_POINT *generator;

	assert_non_null(group);
	generator = EC_POINT_new(group);
	if (EC_POINT_set_affine_coordinates(group, generator, x, y, NULL))
		assert_int_equal(1, EC_GROUP_set_generator(group, generator, n, BN_value_one()));
	EC_POINT_free(generator);
	BN_free(p);
	BN_free(a);
	BN_free(b);
	BN_free(x);
	BN_free(y);
	BN_free(n);
	return group;
}

static new_curve_fn *of_openssl(void)
{
	return (new_curve_fn *)dlsym(RTLD_NEXT, "EC_GROUP_new_curve_GFp");
}

static EC_POINT *multiple(const EC_GROUP *group, const BIGNUM *of_generator, const EC_POINT *point,
			  const BIGNUM *of_point)
{
	EC_POINT *ret = EC_POINT_new(group);

	assert_int_equal(1, EC_POINT_mul(group, ret, of_generator, point, of_point, NULL));
	return ret;
}

static void assert_same(const EC_GROUP *group, const EC_POINT *point, const EC_GROUP *other_group,
			const EC_POINT *other_point)
{
	char *one = EC_POINT_point2hex(group, point, POINT_CONVERSION_UNCOMPRESSED, NULL);
	char *two = EC_POINT_point2hex(other_group, other_point, POINT_CONVERSION_UNCOMPRESSED,
				       NULL);

	assert_string_equal(one, two);
	OPENSSL_free(one);
	OPENSSL_free(two);
}

static void assert_multiple(const EC_GROUP *group, const char *scalar, const char *expected)
{
	BIGNUM *k = number(scalar);
	EC_POINT *point = multiple(group, k, NULL, NULL);
	char *hex = EC_POINT_point2hex(group, point, POINT_CONVERSION_COMPRESSED, NULL);

	assert_string_equal(hex, expected);
	OPENSSL_free(hex);
	EC_POINT_free(point);
	BN_free(k);
}

/* libtpms finds the program's definition: the named curve for its numbers. */
static void test_curve_is_known(void **state)
{
	EC_GROUP *group;

	(void)state;
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "EC_GROUP_new_curve_GFp"), EC_GROUP_new_curve_GFp);
	assert_ptr_not_equal(of_openssl(), EC_GROUP_new_curve_GFp);
	group = group_by(EC_GROUP_new_curve_GFp, P256_B);
	assert_int_equal(EC_GROUP_get_curve_name(group), NID_X9_62_prime256v1);
	EC_GROUP_free(group);
	group = group_by(of_openssl(), P256_B);
	assert_int_equal(EC_GROUP_get_curve_name(group), NID_undef);
	EC_GROUP_free(group);
}

/* One number differs: OpenSSL's generic group. */
static void test_curve_other_numbers(void **state)
{
	static const char other_b[] =
		"5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604C";
	EC_GROUP *group = group_by(EC_GROUP_new_curve_GFp, other_b);

	(void)state;
	assert_int_equal(EC_GROUP_get_curve_name(group), NID_undef);
	EC_GROUP_free(group);
}

/* Multiples of the generator that others published (NIST's and SECG's test values). */
static void test_curve_known_answers(void **state)
{
	EC_GROUP *group = group_by(EC_GROUP_new_curve_GFp, P256_B);

	(void)state;
	assert_multiple(group, "01", "03" P256_X);
	assert_multiple(group, "02",
			"037CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978");
	assert_multiple(group, "03",
			"025ECBE4D1A6330A44C8F7EF951D4BF165E6C6B721EFADA985FB41661BC6E7FD6C");
	/* n - 1 is the generator's mirror image, n is infinity. */
	assert_multiple(group, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550",
			"02" P256_X);
	assert_multiple(group, P256_N, "00");
	EC_GROUP_free(group);
}

/* kG, kP and kG + jP, for random k and j, and P the result of before. */
static void test_curve_differential(void **state)
{
	const char *wanted = getenv("CURVE_OPERATIONS");
	unsigned long count = wanted ? strtoul(wanted, NULL, 10) : 100;
	EC_GROUP *fast = group_by(EC_GROUP_new_curve_GFp, P256_B);
	EC_GROUP *slow = group_by(of_openssl(), P256_B);
	EC_POINT *p = EC_POINT_dup(EC_GROUP_get0_generator(fast), fast);
	EC_POINT *q = EC_POINT_dup(EC_GROUP_get0_generator(slow), slow);
	BIGNUM *n = number(P256_N), *k = BN_new(), *j = BN_new();

	(void)state;
	assert_int_not_equal(count, 0);
	for (unsigned long i = 0; i < count; i++) {
		bool generator = i % 3 != 1, point = i % 3 != 0;
		EC_POINT *next, *other;

		assert_int_equal(1, BN_rand_range(k, n));
		assert_int_equal(1, BN_rand_range(j, n));
		next = multiple(fast, generator ? k : NULL, point ? p : NULL, point ? j : NULL);
		other = multiple(slow, generator ? k : NULL, point ? q : NULL, point ? j : NULL);
		assert_same(fast, next, slow, other);
		EC_POINT_free(p);
		EC_POINT_free(q);
		p = next;
		q = other;
	}
	print_message("%lu results compared\n", count);
	EC_POINT_free(p);
	EC_POINT_free(q);
	BN_free(n);
	BN_free(k);
	BN_free(j);
	EC_GROUP_free(fast);
	EC_GROUP_free(slow);
}

static int prepare(void **state)
{
	(void)state;
	return curve_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curve_is_known),
		cmocka_unit_test(test_curve_other_numbers),
		cmocka_unit_test(test_curve_known_answers),
		cmocka_unit_test(test_curve_differential),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
