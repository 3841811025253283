// SPDX-License-Identifier: BSD-3-Clause
/*
 * Papers: which state they are in, what is asked for anew, and what an engine or a file can say
 * that is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager/paper.h"

#define NOW   1000
#define RSA   (1u << KEYD_CERT_EK_RSA_2048)
#define P256  (1u << KEYD_CERT_EK_P256)
#define IAK   (1u << KEYD_CERT_IAK)
#define EPOCH 3

static struct papers *papers;
static uint8_t bytes[16384];

static int begin(void **state)
{
	(void)state;
	papers = calloc(1, sizeof(*papers));
	return papers ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	papers = papers_free(papers);
	return 0;
}

/* ENGINE_CERTIFIED, as its body is read */
static struct {
	struct ipc_out out;
	struct ipc_in in;
} message;

static void say(uint64_t epoch, uint32_t looked)
{
	message.out = ipc_out(ENGINE_CERTIFIED, bytes, sizeof(bytes));
	cursor_put_u64(&message.out.body, epoch);
	cursor_put_u32(&message.out.body, looked);
}

static void say_key(const char *key, enum engine_cert_source source, const char *der, int64_t until,
		    const char *why)
{
	ipc_put_blob(&message.out, key, strlen(key));
	cursor_put_u8(&message.out.body, (uint8_t)source);
	ipc_put_blob(&message.out, der, strlen(der));
	cursor_put_u64(&message.out.body, (uint64_t)until);
	ipc_put_string(&message.out, why);
}

static int learn(size_t length)
{
	message.in = (struct ipc_in){ .body = cursor_in(bytes + 4, length - 4) };
	return papers_learn(papers, EPOCH, &message.in);
}

static int learn_all(void)
{
	return learn(message.out.body.used);
}

static void hold(uint64_t epoch, int64_t until)
{
	say(epoch, PAPER_ALL);
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		say_key("key", ENGINE_CERT_HOST, "der", until, "");
	assert_int_equal(learn_all(), 0);
}

static enum paper_state state_of(int kind)
{
	return paper_state(&papers->of[kind], EPOCH, NOW);
}

static void test_papers_state(void **state)
{
	(void)state;
	assert_int_equal(papers_state(NULL, EPOCH, NOW), PAPER_PENDING);
	assert_int_equal(papers_wanted(NULL, EPOCH, NOW), PAPER_ALL);
	assert_int_equal(papers_state(papers, EPOCH, NOW), PAPER_PENDING);
	assert_int_equal(papers_wanted(papers, EPOCH, NOW), PAPER_ALL);
	hold(EPOCH, NOW);
	assert_int_equal(papers_state(papers, EPOCH, NOW), PAPER_ISSUED);
	assert_int_equal(papers_wanted(papers, EPOCH, NOW), 0);
	assert_int_equal(papers_state(papers, EPOCH, NOW + 1), PAPER_EXPIRED);
	assert_int_equal(papers_wanted(papers, EPOCH, NOW + 1), PAPER_ALL);
	assert_int_equal(papers_state(papers, EPOCH + 1, NOW), PAPER_STALE);
	assert_int_equal(papers_wanted(papers, EPOCH + 1, NOW), PAPER_ALL);
	/* One that is worse is what is shown of all. */
	paper_set(&papers->of[KEYD_CERT_IAK].der, NULL, 0);
	assert_int_equal(papers_state(papers, EPOCH + 1, NOW), PAPER_PENDING);
	assert_int_equal(papers_wanted(papers, EPOCH, NOW), IAK);
}

static void test_papers_learn_pending(void **state)
{
	(void)state;
	hold(EPOCH - 1, NOW);
	assert_int_equal(state_of(KEYD_CERT_IAK), PAPER_STALE);
	/* No new one came: the former one is in the TPM still. */
	say(EPOCH, IAK | RSA | P256);
	say_key("key", ENGINE_CERT_NONE, "", 0, "this host has no CA yet");
	say_key("key", ENGINE_CERT_LOST, "", 0, "the TPM has no room for it");
	say_key("other", ENGINE_CERT_NONE, "", 0, "busy");
	assert_int_equal(learn_all(), 0);
	assert_int_equal(state_of(KEYD_CERT_EK_RSA_2048), PAPER_STALE);
	assert_string_equal(papers->of[KEYD_CERT_EK_RSA_2048].sentence, "this host has no CA yet");
	assert_int_equal(state_of(KEYD_CERT_EK_P256), PAPER_PENDING);
	/* What was of another key is no certificate of this one. */
	assert_int_equal(state_of(KEYD_CERT_IAK), PAPER_PENDING);
	assert_int_equal(state_of(KEYD_CERT_EK_P384), PAPER_STALE);
}

static void test_papers_own(void **state)
{
	struct paper *paper = &papers->of[KEYD_CERT_IAK];

	(void)state;
	hold(EPOCH, NOW);
	assert_int_equal(paper_set(&paper->own, "mine", 4), 0);
	assert_int_equal(papers_wanted(papers, EPOCH, NOW), IAK);
	/* Written, it is wished for no more; it has no epoch, and nobody replaces it unasked. */
	say(EPOCH, IAK);
	say_key("key", ENGINE_CERT_OWN, "mine", NOW - 1, "");
	assert_int_equal(learn_all(), 0);
	assert_int_equal(paper->own.length, 0);
	assert_int_equal(paper_state(paper, EPOCH + 1, NOW - 1), PAPER_ISSUED);
	assert_int_equal(paper_state(paper, EPOCH, NOW), PAPER_EXPIRED);
	assert_int_equal(papers_wanted(papers, EPOCH, NOW), 0);
	paper->renew = true;
	assert_int_equal(papers_wanted(papers, EPOCH, NOW), IAK);
	/* One that came while the former one was written is still to come. */
	assert_int_equal(paper_set(&paper->own, "newer", 5), 0);
	assert_int_equal(learn_all(), 0);
	assert_int_equal(paper->own.length, 5);
	assert_false(paper->renew);
}

static void test_papers_learn_nonsense(void **state)
{
	size_t whole;

	(void)state;
	hold(EPOCH, NOW);
	say(EPOCH + 1, 0);
	assert_int_equal(learn_all(), -EPROTO);
	say(EPOCH, 1);
	say_key("key", ENGINE_CERT_NONE, "", 0, "");
	assert_int_equal(learn_all(), -EPROTO);
	say(EPOCH, PAPER_ALL + RSA);
	assert_int_equal(learn_all(), -EPROTO);
	say(EPOCH, IAK);
	say_key("key", ENGINE_CERT_NONE, "der", 0, "");
	assert_int_equal(learn_all(), -EPROTO);
	say(EPOCH, IAK);
	say_key("key", ENGINE_CERT_HOST, "", 0, "");
	assert_int_equal(learn_all(), -EPROTO);
	say(EPOCH, IAK);
	say_key("key", _ENGINE_CERT_SOURCE_MAX, "", 0, "");
	assert_int_equal(learn_all(), -EPROTO);
	say(EPOCH, IAK | RSA);
	say_key("xxx", ENGINE_CERT_HOST, "xxx", 0, "");
	say_key("xxx", ENGINE_CERT_HOST, "xxx", 0, "");
	whole = message.out.body.used;
	for (size_t cut = 4; cut < whole; cut++)
		assert_int_equal(learn(cut), -EPROTO);
	assert_int_equal(learn(whole + 1), -EPROTO);
	/* None of it has changed anything. */
	assert_int_equal(papers_state(papers, EPOCH, NOW), PAPER_ISSUED);
	assert_memory_equal(papers->of[KEYD_CERT_IAK].public.at, "key", 3);
}

static void test_papers_pack(void **state)
{
	struct papers *again;
	uint8_t *packed;
	size_t length;

	(void)state;
	hold(EPOCH, NOW);
	assert_int_equal(paper_set(&papers->of[KEYD_CERT_EK_P256].own, "mine", 4), 0);
	papers->of[KEYD_CERT_EK_P384].renew = true;
	assert_int_equal(papers_pack(papers, &packed, &length), 0);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(papers_unpack(packed, cut, &again), -EBADMSG);
	assert_int_equal(papers_unpack(packed, length, &again), 0);
	assert_int_equal(papers_state(again, EPOCH, NOW), PAPER_ISSUED);
	assert_int_equal(papers_wanted(again, EPOCH, NOW), P256 | 1u << KEYD_CERT_EK_P384);
	assert_memory_equal(again->of[KEYD_CERT_EK_P256].own.at, "mine", 4);
	papers_free(again);
	packed[4] = _ENGINE_CERT_SOURCE_MAX;
	assert_int_equal(papers_unpack(packed, length, &again), -EBADMSG);
	packed[4] = ENGINE_CERT_HOST;
	packed[3] ^= 1; /* the version */
	assert_int_equal(papers_unpack(packed, length, &again), -EBADMSG);
	free(packed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(test_papers_state), TEST(test_papers_learn_pending),
		TEST(test_papers_own),	 TEST(test_papers_learn_nonsense),
		TEST(test_papers_pack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
