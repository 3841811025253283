// SPDX-License-Identifier: BSD-3-Clause
/*
 * A host that is bound to a verifier: the real program at a host TPM played by swtpm. The test is
 * the verifier, and gives its share out without looking at the evidence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attest/credential.h"
#include "base/secret.h"
#include "keyd/test_keyd.h"
#include "seal/release.h"
#include "seal/root.h"
#include "wire/host_quote.h"

#define HOST  "4b0e6b6c-0d5e-4f0a-9c59-1d2f6f0a7b11"
#define OTHER "4b0e6b6c-0d5e-4f0a-9c59-1d2f6f0a7b12"
#define PCR16 "tpm2_pcrextend 16:sha256=%064x"

static const uint8_t share[SEAL_KEY_SIZE] = "32 bytes that the verifier keeps";
static const uint8_t wrong[SEAL_KEY_SIZE] = "32 bytes that the verifier keepS";

static struct test_keyd keyd;
static struct test_reply reply;

/* Who the host is, and the key that its last quote names. */
static uint8_t ak[512], ek[512], x[SEAL_X_SIZE];
static size_t ak_length, ek_length;

/* What the verifier gave out. */
static uint8_t box[RELEASE_BOX_SIZE];
static struct credential credential;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(test_init(&keyd, 0, 1u << 7 | 1u << 16, NULL, &reply), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static size_t take_blob(uint8_t *to, size_t room)
{
	size_t length;
	const uint8_t *from = ipc_get_blob(&reply.in, room, &length);

	cursor_copy(to, room, from, length);
	return length;
}

/* Return: errno of the answer. */
static int identify(void)
{
	uint8_t buffer[64], name[64];
	struct ipc_out out = test_begin(KEYD_HOST_AK, buffer, sizeof(buffer));

	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	if (reply.error)
		return reply.error;
	ak_length = take_blob(ak, sizeof(ak));
	take_blob(name, sizeof(name));
	ek_length = take_blob(ek, sizeof(ek));
	assert_true(ipc_ended(&reply.in));
	return 0;
}

/* Return: errno of the answer. */
static int quote(void)
{
	uint8_t buffer[128], frame[HOST_QUOTE_SIZE];
	struct ipc_out out = test_begin(KEYD_HOST_QUOTE, buffer, sizeof(buffer));
	struct host_quote about;

	cursor_put_u8(&out.body, HOST_QUOTE_SHARE);
	cursor_put_raw(&out.body, "a nonce of exactly 32 bytes.....", HOST_QUOTE_NONCE);
	cursor_put_u32(&out.body, 0xffffff);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	if (reply.error)
		return reply.error;
	assert_int_equal(take_blob(frame, sizeof(frame)), HOST_QUOTE_SIZE);
	assert_true(host_quote_get(frame, sizeof(frame), &about));
	assert_int_equal(about.purpose, HOST_QUOTE_SHARE);
	cursor_copy(x, sizeof(x), about.root, sizeof(about.root));
	return 0;
}

/* As verifier/release.c does it. */
static void release(const uint8_t *what, const char *host)
{
	uint8_t secret[SEAL_KEY_SIZE];
	struct public ek_public, ak_public;
	struct hash *hash = hash_new();
	struct public_name name;

	assert_true(public_parse(&ek_public, ek, ek_length));
	assert_true(public_parse(&ak_public, ak, ak_length));
	public_name(&ak_public, hash, &name);
	assert_int_equal(release_make(what, x, host, secret, box), 0);
	assert_int_equal(credential_make(&ek_public, &name,
					 (struct hash_part){ secret, sizeof(secret) }, hash,
					 &credential), 0);
	hash_free(hash);
}

/* The two structures of a credential follow each other; each begins with its size. */
static void put_released(struct ipc_out *out)
{
	const uint8_t *bytes = credential.bytes + CREDENTIAL_HEAD;
	size_t first = 2u + (size_t)(bytes[0] << 8 | bytes[1]);

	ipc_put_blob(out, bytes, first);
	ipc_put_blob(out, bytes + first, credential.size - CREDENTIAL_HEAD - first);
	ipc_put_blob(out, box, sizeof(box));
}

/* Return: errno of the answer. */
static int give(void)
{
	uint8_t buffer[2560];
	struct ipc_out out = test_begin(KEYD_SHARE, buffer, sizeof(buffer));

	put_released(&out);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_SHARE_DONE);
	assert_true(ipc_ended(&reply.in));
	return reply.error;
}

/* Return: errno of the answer. @host empty: to none. */
static int bind_by(const uint8_t code[SEAL_SCALAR_SIZE], const char *host)
{
	uint8_t buffer[3072], record[KEYD_BOX_MAX], session[SEAL_POINT_SIZE];
	uint8_t key[SEAL_KEY_SIZE], typed[BOX_OVERHEAD + SEAL_KEY_SIZE];
	struct ipc_out out = test_begin(KEYD_BIND, buffer, sizeof(buffer));
	int length = test_recovery(&keyd, record, session);

	assert_true(length > 0);
	if (recovery_open((struct seal_bytes){ record, (size_t)length }, code, key))
		cursor_copy(key, sizeof(key), code, sizeof(key));
	assert_int_equal(box_close(session, BOX_ROOT, (struct seal_bytes){ 0 },
				   (struct seal_bytes){ key, sizeof(key) }, typed), 0);
	ipc_put_blob(&out, typed, sizeof(typed));
	ipc_put_string(&out, host);
	if (*host) {
		put_released(&out);
	} else {
		for (int i = 0; i < 3; i++)
			ipc_put_blob(&out, NULL, 0);
	}
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_BIND_DONE);
	assert_true(ipc_ended(&reply.in));
	return reply.error;
}

static void assert_stands(enum keyd_state state, enum keyd_share how)
{
	struct test_status status;

	assert_int_equal(test_status(&keyd, &status), 0);
	assert_int_equal(status.state, state);
	assert_int_equal(status.share, how);
	assert_int_equal(!!strstr(status.reason, "waiting for the verifier's share"),
			 how == KEYD_SHARE_WAITED_FOR);
}

static void bind_host(void)
{
	assert_int_equal(identify(), 0);
	assert_int_equal(quote(), 0);
	release(share, HOST);
	assert_int_equal(bind_by(keyd.scalar, HOST), 0);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_BOUND);
}

static void start_anew(int number)
{
	test_keyd_stop(&keyd, number);
	test_keyd_start(&keyd);
}

static void assert_round_opens(void)
{
	assert_int_equal(quote(), 0);
	release(share, HOST);
	assert_int_equal(give(), 0);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_BOUND);
}

static void test_share_round(void **state)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX], before[512];
	size_t length, ak_before;

	(void)state;
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_NONE);
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	bind_host();
	ak_before = ak_length;
	cursor_copy(before, sizeof(before), ak, ak_length);
	/* killed, it has to ask anew: nothing of the share is on the disk */
	for (int i = 0; i < 2; i++) {
		start_anew(i ? SIGTERM : SIGKILL);
		assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_WAITED_FOR);
		assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply),
				 ENOKEY);
		assert_int_equal(test_retry(&keyd, &reply), EINPROGRESS);
		assert_int_equal(identify(), 0);
		assert_int_equal(ak_length, ak_before);
		assert_true(secret_equal(ak, before, ak_length));
		assert_round_opens();
		assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply),
				 0);
		assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	}
}

static void test_share_refuses(void **state)
{
	(void)state;
	assert_int_equal(identify(), 0);
	assert_int_equal(quote(), 0);
	release(share, HOST);
	assert_int_equal(give(), EINVAL);
	assert_non_null(strstr(reply.text, "bound to no verifier"));
	bind_host();
	start_anew(SIGTERM);
	assert_int_equal(quote(), 0);
	/* that of another host */
	release(wrong, HOST);
	assert_int_equal(give(), EKEYREJECTED);
	assert_non_null(strstr(reply.text, HOST));
	release(share, OTHER);
	assert_int_equal(give(), ESTALE);
	/* a byte changed, in either half */
	release(share, HOST);
	box[80] ^= 1;
	assert_int_equal(give(), ESTALE);
	box[80] ^= 1;
	credential.bytes[20] ^= 1;
	assert_int_equal(give(), EINVAL);
	assert_non_null(strstr(reply.text, "was not made for the host TPM"));
	credential.bytes[20] ^= 1;
	assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_WAITED_FOR);
	assert_int_equal(give(), 0);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_BOUND);
}

/* All that went over the wire once, again: to another run of keyd, and after another boot. */
static void test_share_replayed(void **state)
{
	(void)state;
	bind_host();
	start_anew(SIGTERM);
	assert_round_opens();
	start_anew(SIGKILL);
	assert_int_equal(give(), ESTALE);
	assert_non_null(strstr(reply.text, "not given to this run"));
	assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_WAITED_FOR);
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_stop(&keyd.swtpm);
	test_swtpm_start(&keyd.swtpm, TEST_STARTED);
	test_keyd_start(&keyd);
	assert_int_equal(give(), ESTALE);
	assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_WAITED_FOR);
	assert_round_opens();
}

/* What was given to one host does not open at the TPM of another one, who has all its files. */
static void test_share_another_tpm(void **state)
{
	uint8_t theirs[512];
	size_t length;

	(void)state;
	bind_host();
	start_anew(SIGTERM);
	assert_int_equal(identify(), 0);
	length = ek_length;
	cursor_copy(theirs, sizeof(theirs), ek, ek_length);
	test_keyd_done(&keyd);
	setup(NULL);
	bind_host();
	start_anew(SIGTERM);
	assert_int_equal(quote(), 0);
	ek_length = length;
	cursor_copy(ek, sizeof(ek), theirs, length);
	release(share, HOST);
	assert_int_equal(give(), EINVAL);
	assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_WAITED_FOR);
	assert_int_equal(identify(), 0);
	assert_round_opens();
}

/* In another configuration there is neither evidence nor a use for a share. */
static void test_share_other_pcrs(void **state)
{
	struct test_status status;
	char line[128];

	(void)state;
	bind_host();
	test_keyd_stop(&keyd, SIGTERM);
	snprintf(line, sizeof(line), PCR16, 1);
	assert_int_equal(test_tool(&keyd.swtpm, line, NULL), 0);
	test_keyd_start(&keyd);
	assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_BOUND);
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_non_null(strstr(status.reason, "PCR 16 has changed"));
	assert_int_equal(identify(), ENOKEY);
	assert_int_equal(quote(), ENOKEY);
	assert_int_equal(give(), ESTALE);
	/* the code opens it, and it can be bound anew */
	assert_int_equal(test_unlock(&keyd, 0, keyd.scalar, &reply), 0);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_BOUND);
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), EINVAL);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_BOUND);
	bind_host();
	start_anew(SIGTERM);
	assert_round_opens();
}

static void test_share_unbind(void **state)
{
	(void)state;
	assert_int_equal(bind_by(keyd.scalar, ""), EINVAL);
	bind_host();
	start_anew(SIGTERM);
	assert_int_equal(bind_by(keyd.point, ""), EKEYREJECTED);
	assert_stands(KEYD_STATE_LOCKED, KEYD_SHARE_WAITED_FOR);
	assert_int_equal(bind_by(keyd.scalar, ""), 0);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_NONE);
	start_anew(SIGTERM);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_NONE);
}

static void test_share_bind_refuses(void **state)
{
	(void)state;
	assert_int_equal(identify(), 0);
	assert_int_equal(quote(), 0);
	release(share, HOST);
	assert_int_equal(bind_by(keyd.point, HOST), EKEYREJECTED);
	assert_int_equal(bind_by(keyd.scalar, "host 1"), EINVAL);
	assert_non_null(strstr(reply.text, "is no id"));
	assert_int_equal(bind_by(keyd.scalar, OTHER), ESTALE);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_NONE);
	start_anew(SIGTERM);
	assert_stands(KEYD_STATE_UNLOCKED, KEYD_SHARE_NONE);
}

static void test_share_leaves_nothing(void **state)
{
	char before[2048], after[2048];

	(void)state;
	bind_host();
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, before, sizeof(before));
	test_keyd_start(&keyd);
	assert_int_equal(identify(), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(quote(), 0);
		release(wrong, HOST);
		assert_int_equal(give(), EKEYREJECTED);
	}
	assert_round_opens();
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, after, sizeof(after));
	assert_string_equal(before, after);
	test_keyd_start(&keyd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_share_round),
		CASE(test_share_refuses),
		CASE(test_share_replayed),
		CASE(test_share_another_tpm),
		CASE(test_share_other_pcrs),
		CASE(test_share_unbind),
		CASE(test_share_bind_refuses),
		CASE(test_share_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
