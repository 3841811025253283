// SPDX-License-Identifier: BSD-3-Clause
/*
 * A data key on its way: two real programs, each at a host TPM of its own, and a fleet's CA of
 * this test's above both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/secret.h"
#include "cert/authority.h"
#include "cert/draft.h"
#include "keyd/test_keyd.h"
#include "seal/root.h"
#include "wire/package.h"

#define DAY 86400
#define PCR_EXTEND                                         \
	"tpm2_pcrextend 7:sha256=e3b0c44298fc1c149afbf4c8" \
	"996fb92427ae41e4649b934ca495991b7852b855"

/* A host, and what others see of it. */
struct member {
	struct test_keyd keyd;
	uint8_t chain[KEYD_CHAIN_MAX];
	size_t chain_length;
};

static struct member here, there;
static struct test_reply reply;

static struct fleet {
	EVP_PKEY *key;
	X509 *certificate;
} fleet, other_fleet;

/* What KEYD_MOVE_SEAL is told besides the chain. */
struct wish {
	const char *expected;
	const char *about;
	const char *status;
	int64_t from, until;
	const struct fleet *by;
	bool forged;
	bool look;
};

static const struct wish good = {
	.expected = "",
	.about = "there",
	.status = "passed",
	.from = -10,
	.until = 300,
	.by = &fleet,
};

static uint8_t wrapped[KEYD_WRAPPED_MAX], head[PACKAGE_HEAD_MAX];
static size_t wrapped_length, head_length;

static void make_fleet(struct fleet *ret)
{
	struct draft_wish wish = { .name = "fleet", .until = time(NULL) + 10 * DAY };

	ret->key = EVP_EC_gen("P-256");
	wish.key = ret->key;
	ret->certificate = draft_new(&wish, NULL);
	assert_non_null(ret->certificate);
	assert_true(draft_extend(ret->certificate, NULL, NID_basic_constraints,
				 "critical,CA:TRUE,pathlen:1"));
	assert_true(draft_extend(ret->certificate, NULL, NID_key_usage, "critical,keyCertSign"));
	assert_true(draft_extend(ret->certificate, NULL, NID_subject_key_identifier, "hash"));
	assert_true(X509_sign(ret->certificate, ret->key, EVP_sha256()));
}

static void free_fleet(struct fleet *of)
{
	EVP_PKEY_free(of->key);
	X509_free(of->certificate);
}

static size_t put_der(X509 *certificate, uint8_t *to)
{
	return (size_t)i2d_X509(certificate, &to);
}

/* The host's CA, certified by a fleet's. */
static void join_fleet(struct member *member, const struct fleet *of, const char *name)
{
	uint8_t buffer[256], chain[KEYD_CHAIN_MAX + 16];
	struct ipc_out out = test_begin(KEYD_CA_INIT, buffer, sizeof(buffer));
	const uint8_t *from;
	struct draft_wish wish = {
		.name = name,
		.unit = AUTHORITY_UNIT,
		.issuer = of->certificate,
		.until = time(NULL) + 5 * DAY,
	};
	X509_REQ *request;
	X509 *certificate;
	size_t length;

	cursor_put_u32(&out.body, 0);
	ipc_put_string(&out, "some name");
	assert_int_equal(test_ask(&member->keyd, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	from = ipc_get_blob(&reply.in, 2048, &length);
	request = d2i_X509_REQ(NULL, &from, (long)length);
	assert_non_null(request);
	wish.key = X509_REQ_get0_pubkey(request);
	certificate = draft_new(&wish, NULL);
	assert_true(certificate && authority_extend(certificate, of->certificate));
	assert_true(X509_sign(certificate, of->key, EVP_sha256()));
	length = put_der(certificate, chain);
	length += put_der(of->certificate, chain + length);
	X509_free(certificate);
	X509_REQ_free(request);
	{
		uint8_t all[KEYD_CHAIN_MAX + 64];

		out = test_begin(KEYD_CA_IMPORT, all, sizeof(all));
		ipc_put_blob(&out, chain, length);
		assert_int_equal(test_ask(&member->keyd, &out, &reply), 0);
		assert_int_equal(reply.error, 0);
	}
}

static void witness(struct member *member)
{
	uint8_t ask[64];
	struct ipc_out out = test_begin(KEYD_WITNESS, ask, sizeof(ask));

	ipc_put_blob(&out, NULL, 0);
	cursor_put_raw(&out.body, KEYD_EMPTY_ROOT, KEYD_ROOT_SIZE);
	assert_int_equal(test_ask(&member->keyd, &out, &reply), 0);
}

static void begin(struct member *member, uint8_t mode)
{
	test_keyd_new(&member->keyd, TEST_STARTED);
	member->keyd.mode = mode;
	assert_int_equal(test_init(&member->keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	witness(member);
}

/* Return: errno of the answer. */
static int move_key(struct member *member)
{
	uint8_t buffer[16];
	struct ipc_out out = test_begin(KEYD_MOVE_KEY, buffer, sizeof(buffer));
	const uint8_t *from;

	assert_int_equal(test_ask(&member->keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_MOVE_KEY_IS);
	if (reply.error)
		return reply.error;
	from = ipc_get_blob(&reply.in, KEYD_CHAIN_MAX, &member->chain_length);
	cursor_copy(member->chain, sizeof(member->chain), from, member->chain_length);
	assert_true(ipc_ended(&reply.in));
	return 0;
}

static int setup(void **state)
{
	(void)state;
	make_fleet(&fleet);
	make_fleet(&other_fleet);
	begin(&here, KEYD_ROLLBACK_LAZY);
	begin(&there, KEYD_ROLLBACK_LAZY);
	join_fleet(&here, &fleet, "here");
	join_fleet(&there, &fleet, "there");
	assert_int_equal(move_key(&there), 0);
	assert_int_equal(test_new_key(&here.keyd, TEST_UUID, wrapped, &wrapped_length), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&here.keyd);
	test_keyd_done(&there.keyd);
	free_fleet(&fleet);
	free_fleet(&other_fleet);
	return 0;
}

static size_t verdict_of(const struct wish *wish, char *text, size_t room, uint8_t *signature,
			 size_t *ret_size)
{
	static const char words[] = "vtpm-verdict-v1";
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	time_t from = time(NULL) + wish->from, until = time(NULL) + wish->until;
	char first[32], last[32];
	size_t length;

	strftime(first, sizeof(first), "%Y-%m-%dT%H:%M:%SZ", gmtime(&from));
	strftime(last, sizeof(last), "%Y-%m-%dT%H:%M:%SZ", gmtime(&until));
	length = (size_t)snprintf(text, room,
				  "{\"format\":\"%s\",\"host\":\"%s\",\"ak_name\":\"000baa\","
				  "\"clock\":1,\"resets\":1,\"restarts\":0,\"status\":\"%s\","
				  "\"verified_at\":\"%s\",\"valid_until\":\"%s\","
				  "\"verified_by\":\"v\",\"policy\":null,\"ima_policy\":null}",
				  words, wish->about, wish->status, first, last);
	assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, wish->by->key), 1);
	EVP_DigestSignUpdate(context, words, sizeof(words));
	EVP_DigestSignUpdate(context, text, length);
	assert_int_equal(EVP_DigestSignFinal(context, signature, ret_size), 1);
	EVP_MD_CTX_free(context);
	if (wish->forged)
		text[length - 3] ^= 1;
	return length;
}

/* Return: errno of the answer; the package's head is in @head. */
static int seal_with(const struct member *to, const struct wish *wish, uint64_t epoch,
		     uint32_t flags)
{
	static const uint8_t digest[32] = { 0xab };
	uint8_t buffer[12288], signature[KEYD_SIGNATURE_MAX];
	struct ipc_out out = test_begin(KEYD_MOVE_SEAL, buffer, sizeof(buffer));
	size_t length, size = sizeof(signature);
	const uint8_t *from;
	char text[512], host[KEYD_CA_NAME_MAX];

	length = verdict_of(wish, text, sizeof(text), signature, &size);
	ipc_put_blob(&out, to->chain, to->chain_length);
	ipc_put_string(&out, wish->expected);
	ipc_put_blob(&out, text, length);
	ipc_put_blob(&out, signature, size);
	cursor_put_u8(&out.body, wish->look);
	cursor_put_raw(&out.body, TEST_UUID, IPC_UUID_SIZE);
	cursor_put_u64(&out.body, epoch);
	cursor_put_u64(&out.body, 40);
	cursor_put_raw(&out.body, digest, sizeof(digest));
	ipc_put_string(&out, "web1");
	cursor_put_u8(&out.body, 3);
	cursor_put_u32(&out.body, 0);
	cursor_put_u8(&out.body, (uint8_t)flags);
	cursor_put_u64(&out.body, 1);
	ipc_put_blob(&out, wrapped, wrapped_length);
	assert_int_equal(test_ask(&here.keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_MOVE_SEALED);
	if (reply.error)
		return reply.error;
	ipc_get_string(&reply.in, host, sizeof(host));
	assert_string_equal(host, "there");
	from = ipc_get_blob(&reply.in, PACKAGE_HEAD_MAX, &head_length);
	cursor_copy(head, sizeof(head), from, head_length);
	assert_true(ipc_ended(&reply.in));
	assert_int_equal(head_length == 0, wish->look);
	return 0;
}

static int seal(const struct member *to, const struct wish *wish)
{
	return seal_with(to, wish, 6, 0);
}

/* Return: errno of the answer. */
static int open_at(struct member *member, bool look, uint8_t *ret, size_t *ret_length)
{
	uint8_t buffer[PACKAGE_HEAD_MAX + 64];
	struct ipc_out out = test_begin(KEYD_MOVE_OPEN, buffer, sizeof(buffer));
	char host[KEYD_CA_NAME_MAX];
	const uint8_t *from;

	cursor_put_u8(&out.body, look);
	ipc_put_blob(&out, head, head_length);
	assert_int_equal(test_ask(&member->keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_MOVE_OPENED);
	if (reply.error)
		return reply.error;
	ipc_get_string(&reply.in, host, sizeof(host));
	assert_string_equal(host, "here");
	from = ipc_get_blob(&reply.in, KEYD_WRAPPED_MAX, ret_length);
	cursor_copy(ret, KEYD_WRAPPED_MAX, from, *ret_length);
	assert_true(ipc_ended(&reply.in));
	return 0;
}

/* What an engine gets of it: id, flags and key. */
static void key_of(struct member *member, const uint8_t *of, size_t length, uint8_t ret[40])
{
	assert_int_equal(test_grant(&member->keyd, TEST_UUID, TEST_TICKET, of, length, &reply), 0);
	assert_int_equal(test_key(&member->keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	cursor_get_raw(&reply.in.body, ret, 40);
}

static void test_move_opens(void **state)
{
	uint8_t arrived[KEYD_WRAPPED_MAX], before[40], after[40];
	struct wish look = good;
	struct package package;
	size_t length;

	(void)state;
	look.look = true;
	assert_int_equal(seal(&there, &look), 0);
	assert_int_equal(seal(&there, &good), 0);
	assert_true(package_get_head(head, head_length, &package));
	assert_string_equal(package.name, "web1");
	assert_int_equal(package.epoch, 6);
	assert_int_equal(open_at(&there, true, arrived, &length), 0);
	assert_int_equal(length, 0);
	assert_int_equal(open_at(&there, false, arrived, &length), 0);
	key_of(&here, wrapped, wrapped_length, before);
	key_of(&there, arrived, length, after);
	assert_memory_equal(before, after, sizeof(before));
	/* wrapped by another root key, and the same key in it */
	assert_int_equal(test_grant(&here.keyd, TEST_UUID, TEST_TICKET, arrived, length, &reply),
			 EKEYREJECTED);
	/* the key of the other host is made once; its certificate is another one each time */
	assert_int_equal(move_key(&there), 0);
	assert_int_equal(open_at(&there, false, arrived, &length), 0);
}

static void test_move_opens_nowhere_else(void **state)
{
	uint8_t arrived[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	assert_int_equal(seal(&there, &good), 0);
	assert_int_equal(open_at(&here, false, arrived, &length), EACCES);
	assert_int_equal(move_key(&here), 0);
	assert_int_equal(open_at(&here, false, arrived, &length), EACCES);
	assert_non_null(strstr(reply.text, "another host"));
}

/* Any byte of a head: nothing opens, and nothing is believed. */
static void test_move_open_changed(void **state)
{
	uint8_t arrived[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	assert_int_equal(seal(&there, &good), 0);
	for (size_t i = 0; i < head_length; i++) {
		head[i] ^= 0x20;
		assert_int_not_equal(open_at(&there, false, arrived, &length), 0);
		head[i] ^= 0x20;
	}
	head_length--;
	assert_int_equal(open_at(&there, false, arrived, &length), EBADMSG);
	head_length++;
	assert_int_equal(open_at(&there, false, arrived, &length), 0);
}

static void test_move_seal_refuses(void **state)
{
	static const struct {
		struct wish wish;
		int error;
		const char *says;
	} rows[] = {
		{ { "", "here", "passed", -10, 300, &fleet, false, false }, EACCES, "not about" },
		{ { "", "there", "failed", -10, 300, &fleet, false, false }, EPERM, "not passed" },
		{ { "", "there", "warning", -10, 300, &fleet, false, false }, EPERM, "not passed" },
		{ { "", "there", "passed", -600, -300, &fleet, false, false }, ETIME, "over" },
		{ { "", "there", "passed", 3600, 7200, &fleet, false, false }, ETIME, "over" },
		{ { "", "there", "passed", -10, 300, &other_fleet, false, false }, EACCES, "fleet's CA" },
		{ { "", "there", "passed", -10, 300, &fleet, true, false }, EACCES, "signed" },
		{ { "third", "there", "passed", -10, 300, &fleet, false, false }, EXDEV, "host third before" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(seal(&there, &rows[i].wish), rows[i].error);
		assert_non_null(strstr(reply.text, rows[i].says));
	}
	/* what its data key says, and what a store can hold */
	assert_int_equal(seal_with(&there, &good, 6, KEYD_KEY_PLAIN), EINVAL);
	assert_int_equal(seal_with(&there, &good, 1, 0), EINVAL);
	wrapped[5] ^= 1;
	assert_int_equal(seal(&there, &good), EKEYREJECTED);
	wrapped[5] ^= 1;
	assert_int_equal(seal(&there, &good), 0);
}

/* Chains that say nothing of another host of this fleet. */
static void test_move_seal_chain(void **state)
{
	static struct member chain;
	const uint8_t *at;
	X509 *leaf;

	(void)state;
	assert_int_equal(move_key(&here), 0);
	assert_int_equal(seal(&here, &good), EEXIST);
	/* without the key's certificate that of its CA is in its place */
	at = there.chain;
	leaf = d2i_X509(NULL, &at, (long)there.chain_length);
	X509_free(leaf);
	chain.chain_length = there.chain_length - (size_t)(at - there.chain);
	cursor_copy(chain.chain, sizeof(chain.chain), at, chain.chain_length);
	assert_int_not_equal(seal(&chain, &good), 0);
	/* a certificate of one host below the CA of the other */
	at = here.chain;
	leaf = d2i_X509(NULL, &at, (long)here.chain_length);
	X509_free(leaf);
	cursor_copy(chain.chain, sizeof(chain.chain), here.chain, (size_t)(at - here.chain));
	cursor_copy(chain.chain + (at - here.chain), 4096,
		    there.chain + (there.chain_length - chain.chain_length), chain.chain_length);
	chain.chain_length += (size_t)(at - here.chain);
	assert_int_equal(seal(&chain, &good), EBADE);
	chain.chain_length = 0;
	assert_int_equal(seal(&chain, &good), EBADMSG);
	/* of another fleet, though the names are the same */
	join_fleet(&there, &other_fleet, "there");
	assert_int_equal(move_key(&there), 0);
	assert_int_equal(seal(&there, &good), EXDEV);
	join_fleet(&there, &fleet, "there");
	assert_int_equal(move_key(&there), 0);
	assert_int_equal(seal(&there, &good), 0);
}

/* A package of a host whose fleet this one has left. */
static void test_move_open_stranger(void **state)
{
	uint8_t arrived[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	assert_int_equal(seal(&there, &good), 0);
	join_fleet(&there, &other_fleet, "there");
	assert_int_equal(open_at(&there, false, arrived, &length), EXDEV);
	join_fleet(&there, &fleet, "there");
	assert_int_equal(open_at(&there, false, arrived, &length), 0);
}

static void test_move_unprotected(void **state)
{
	static struct member off;

	(void)state;
	begin(&off, KEYD_ROLLBACK_OFF);
	assert_int_equal(move_key(&off), EINVAL);
	assert_non_null(strstr(reply.text, "rollback"));
	test_keyd_done(&off.keyd);
	begin(&off, KEYD_ROLLBACK_STRICT);
	assert_int_equal(move_key(&off), ENOENT);
	test_keyd_done(&off.keyd);
}

/* The last one: in another configuration the TPM opens nothing that was sent here. */
static void test_move_open_booted_otherwise(void **state)
{
	uint8_t arrived[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	assert_int_equal(seal(&there, &good), 0);
	assert_int_equal(test_tool(&there.keyd.swtpm, PCR_EXTEND, NULL), 0);
	assert_int_equal(open_at(&there, false, arrived, &length), EPERM);
	assert_non_null(strstr(reply.text, "PCR 7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_move_opens),
		cmocka_unit_test(test_move_opens_nowhere_else),
		cmocka_unit_test(test_move_open_changed),
		cmocka_unit_test(test_move_seal_refuses),
		cmocka_unit_test(test_move_seal_chain),
		cmocka_unit_test(test_move_open_stranger),
		cmocka_unit_test(test_move_unprotected),
		cmocka_unit_test(test_move_open_booted_otherwise),
	};

	return cmocka_run_group_tests_name("move", tests, setup, teardown);
}
