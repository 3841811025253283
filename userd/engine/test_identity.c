// SPDX-License-Identifier: BSD-3-Clause
/*
 * The keys that a TPM is known by, and their certificates, against libtpms in this process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "engine/certificate.h"
#include "engine/engine.h"
#include "engine/identity.h"
#include "engine/order.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2, 7.4 */
#define CC_EVICT	    0x120
#define CC_UNDEFINE	    0x122
#define CC_CHANGE_AUTH	    0x129
#define CC_DEFINE	    0x12a
#define CC_CREATE	    0x131
#define CC_NV_WRITE	    0x137
#define CC_NV_READ	    0x14e
#define CC_READ_PUBLIC	    0x173
#define CC_NV_READ_PUBLIC   0x169
#define RH_OWNER	    0x40000001u
#define RH_ENDORSEMENT	    0x4000000bu
#define RH_PLATFORM	    0x4000000cu
#define RC_AUTH_UNAVAILABLE 0x12fu
#define RC_NV_LOCKED	    0x148u
#define RC_NV_AUTHORIZATION 0x149u

static const uint32_t handles[] = { 0, 0x81010001, 0x8101000a, 0x81010016, 0x81020001 };
static const uint32_t indexes[] = { 0, 0x01c00002, 0x01c0000a, 0x01c00016, 0x01c90100 };

static struct engine engine;

static int make_tpm(void **state)
{
	(void)state;
	engine = (struct engine){ .provisions = true };
	assert_int_equal(tpmlib_power_on(NULL, 0), 0);
	assert_int_equal(engine_manufacture(&engine, true), 0);
	assert_int_equal(engine_order_startup(), 0);
	return 0;
}

static int end_tpm(void **state)
{
	(void)state;
	tpmlib_power_off();
	return 0;
}

static struct order order;

static void begin(uint32_t code, uint32_t first, uint32_t second)
{
	order_begin(&order, TPM_ST_SESSIONS, code);
	cursor_put_u32(&order.out, first);
	if (second)
		cursor_put_u32(&order.out, second);
	order_put_password(&order);
}

static uint32_t ask(void)
{
	uint32_t rc;

	assert_int_equal(order_ask(&order, &rc), 0);
	return rc;
}

static uint32_t evict(uint32_t handle, uint32_t persistent)
{
	begin(CC_EVICT, RH_OWNER, handle);
	cursor_put_u32(&order.out, persistent);
	return ask();
}

/* A new primary key of the attestation key's template, in another hierarchy. */
static uint32_t make_other(uint32_t hierarchy)
{
	static const uint8_t template[] = { 0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x04, 0x72,
					    0x00, 0x00, 0x00, 0x10, 0x00, 0x18, 0x00, 0x0b,
					    0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00 };
	struct cursor_in in;

	begin(CC_CREATE, hierarchy, 0);
	cursor_put_u16(&order.out, 4);
	cursor_put_u32(&order.out, 0);
	cursor_put_u16(&order.out, sizeof(template));
	cursor_put_raw(&order.out, template, sizeof(template));
	cursor_put_u16(&order.out, 0);
	cursor_put_u32(&order.out, 0);
	assert_int_equal(ask(), 0);
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	return cursor_get_u32(&in);
}

static bool is_there(uint32_t handle, uint32_t code)
{
	order_begin(&order, TPM_ST_NO_SESSIONS, code);
	cursor_put_u32(&order.out, handle);
	return !ask();
}

static void test_identity_make_all(void **state)
{
	(void)state;
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		assert_true(is_there(handles[kind], CC_READ_PUBLIC));
}

/* A key that is not at its handle any more is the same one, made from its template. */
static void test_identity_read_removed(void **state)
{
	struct identity before, after;

	(void)state;
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++) {
		assert_int_equal(identity_read(kind, &before), 0);
		assert_int_equal(evict(handles[kind], handles[kind]), 0);
		assert_int_equal(identity_read(kind, &after), 0);
		assert_int_equal(before.length, after.length);
		assert_memory_equal(before.public, after.public, before.length);
		assert_false(is_there(handles[kind], CC_READ_PUBLIC));
	}
	/* Nothing is left in the TPM's three places. */
	assert_int_equal(make_other(RH_OWNER), 0x80000000);
}

/* Its template, but of the owner's hierarchy: that is another key, whatever its handle. */
static void test_identity_read_planted(void **state)
{
	struct identity before, after;
	uint32_t other = make_other(RH_OWNER);

	(void)state;
	assert_int_equal(identity_read(KEYD_CERT_IAK, &before), 0);
	assert_int_equal(evict(handles[KEYD_CERT_IAK], handles[KEYD_CERT_IAK]), 0);
	assert_int_equal(evict(other, handles[KEYD_CERT_IAK]), 0);
	assert_int_equal(identity_read(KEYD_CERT_IAK, &after), 0);
	assert_int_equal(before.length, after.length);
	assert_memory_equal(before.public, after.public, before.length);
}

static void test_identity_read_none(void **state)
{
	struct identity identity;

	(void)state;
	begin(CC_CHANGE_AUTH, RH_ENDORSEMENT, 0);
	cursor_put_u16(&order.out, 1);
	cursor_put_u8(&order.out, 'x');
	assert_int_equal(ask(), 0);
	assert_int_equal(identity_read(KEYD_CERT_IAK, &identity), 0);
	assert_int_equal(evict(handles[KEYD_CERT_IAK], handles[KEYD_CERT_IAK]), 0);
	assert_int_equal(identity_read(KEYD_CERT_IAK, &identity), IDENTITY_NONE);
}

static void assert_holds(uint32_t index, const uint8_t *bytes, size_t length)
{
	size_t piece;

	for (size_t at = 0; at < length; at += piece) {
		struct cursor_in in;

		piece = length - at < 512 ? length - at : 512;
		begin(CC_NV_READ, index, index);
		cursor_put_u16(&order.out, (uint16_t)piece);
		cursor_put_u16(&order.out, (uint16_t)at);
		assert_int_equal(ask(), 0);
		in = cursor_in(order.response, order.length);
		cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
		assert_int_equal(cursor_get_u16(&in), piece);
		assert_memory_equal(cursor_get_bytes(&in, piece), bytes + at, piece);
	}
	/* And not one byte more. */
	begin(CC_NV_READ, index, index);
	cursor_put_u16(&order.out, 1);
	cursor_put_u16(&order.out, (uint16_t)length);
	assert_int_not_equal(ask(), 0);
}

static void fill(uint8_t *bytes, size_t length, uint8_t seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(seed + i * 7);
}

/* Of every length at its edges; the next one replaces it. */
static void test_certificate_write(void **state)
{
	static const size_t lengths[] = { 1, 383, 384, 385, 900, CERTIFICATE_MAX };
	uint8_t der[CERTIFICATE_MAX + 1];

	(void)state;
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			fill(der, lengths[i], (uint8_t)(kind + i));
			assert_int_equal(certificate_write(kind, der, lengths[i]), 0);
			assert_holds(indexes[kind], der, lengths[i]);
		}
	}
	assert_int_equal(certificate_write(KEYD_CERT_IAK, der, sizeof(der)), CERTIFICATE_REFUSED);
}

static uint32_t nv_write(uint32_t who, uint32_t index)
{
	begin(CC_NV_WRITE, who, index);
	cursor_put_u16(&order.out, 1);
	cursor_put_u8(&order.out, 0);
	cursor_put_u16(&order.out, 0);
	return ask();
}

/* Neither the owner nor who knows its empty password changes it; locked, not even the platform. */
static void test_certificate_write_locked(void **state)
{
	uint32_t index = indexes[KEYD_CERT_EK_P256];
	uint8_t der[700];

	(void)state;
	fill(der, sizeof(der), 9);
	assert_int_equal(certificate_write(KEYD_CERT_EK_P256, der, sizeof(der)), 0);
	assert_int_equal(nv_write(RH_OWNER, index), RC_NV_LOCKED);
	assert_int_equal(nv_write(index, index), RC_AUTH_UNAVAILABLE);
	assert_int_equal(nv_write(RH_PLATFORM, index), RC_NV_LOCKED);
	begin(CC_UNDEFINE, RH_OWNER, index);
	assert_int_equal(ask(), RC_NV_AUTHORIZATION);
	/* It stays locked over a power cycle. */
	assert_int_equal(engine_order_shutdown(), 0);
	assert_int_equal(tpmlib_power_cycle(), 0);
	assert_int_equal(engine_order_startup(), 0);
	assert_int_equal(nv_write(RH_PLATFORM, index), RC_NV_LOCKED);
	assert_holds(index, der, sizeof(der));
}

/* What the owner put there stays. */
static void test_certificate_write_occupied(void **state)
{
	uint32_t index = indexes[KEYD_CERT_EK_RSA_2048];

	(void)state;
	begin(CC_DEFINE, RH_OWNER, 0);
	cursor_put_u16(&order.out, 0);
	cursor_put_u16(&order.out, 14);
	cursor_put_u32(&order.out, index);
	cursor_put_u16(&order.out, 0x000b);
	cursor_put_u32(&order.out, 0x00020002); /* ownerwrite, ownerread */
	cursor_put_u16(&order.out, 0);
	cursor_put_u16(&order.out, 5);
	assert_int_equal(ask(), 0);
	assert_int_equal(certificate_write(KEYD_CERT_EK_RSA_2048, (const uint8_t *)"x", 1),
			 CERTIFICATE_OCCUPIED);
	assert_true(is_there(index, CC_NV_READ_PUBLIC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity_make_all, make_tpm, end_tpm),
		cmocka_unit_test_setup_teardown(test_identity_read_removed, make_tpm, end_tpm),
		cmocka_unit_test_setup_teardown(test_identity_read_planted, make_tpm, end_tpm),
		cmocka_unit_test_setup_teardown(test_identity_read_none, make_tpm, end_tpm),
		cmocka_unit_test_setup_teardown(test_certificate_write, make_tpm, end_tpm),
		cmocka_unit_test_setup_teardown(test_certificate_write_locked, make_tpm, end_tpm),
		cmocka_unit_test_setup_teardown(test_certificate_write_occupied, make_tpm, end_tpm),
	};

	if (tpmlib_prepare())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
