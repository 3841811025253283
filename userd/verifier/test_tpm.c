// SPDX-License-Identifier: BSD-3-Clause
/* The verifier's library against swtpm and tpm2-tools: both have to agree with it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attest/credential.h"
#include "attest/quote.h"
#include "seal/test_swtpm.h"

static struct attest_verdict verdict;
static struct quote result;

static size_t load(const struct test_swtpm *swtpm, const char *name, uint8_t *to, size_t room)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", swtpm->dir, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, to, room);
	close(fd);
	assert_true(n > 0);
	return (size_t)n;
}

static void tool(const struct test_swtpm *swtpm, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void tool(const struct test_swtpm *swtpm, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (test_tool(swtpm, line, NULL))
		fail_msg("failed: %s", line);
}

static void one_quote(const struct test_swtpm *swtpm, struct hash *hash, const char *options,
		      const char *ak)
{
	static uint8_t bytes[5][4096];
	struct quote_evidence evidence = { .nonce = { "\xab\xcd\xef", 3 } };
	struct hash_part *parts[] = { &evidence.message, &evidence.signature, &evidence.pcrs,
				      &evidence.ak, &evidence.ek };
	const char *names[] = { "msg", "sig", "pcrs", ak, "ek.pub" };
	const char *d = swtpm->dir;

	tool(swtpm, "tpm2_quote -Q -c %s/ak.ctx -l sha256:0,1,2,10,16+sha1:10 -q abcdef -m %s/msg "
		    "-s %s/sig -o %s/pcrs %s", d, d, d, d, options);
	tool(swtpm, "tpm2_flushcontext -t");
	for (int i = 0; i < 5; i++)
		*parts[i] = (struct hash_part){ bytes[i], load(swtpm, names[i], bytes[i],
							       sizeof(bytes[i])) };
	verdict = (struct attest_verdict){ 0 };
	assert_int_equal(quote_check(&result, &evidence, hash, &verdict), 0);
	if (verdict.status != ATTEST_PASSED)
		fail_msg("%s: %s: %s", options, verdict.reasons[0].code, verdict.reasons[0].text);
	assert_int_equal(verdict.unchecked_count, 0);
	assert_int_equal(result.pcrs.has[ATTEST_SHA256], 0x10407);
	assert_int_equal(result.pcrs.has[ATTEST_SHA1], 0x400);
	assert_int_not_equal(result.pcrs.value[ATTEST_SHA256][16][0], 0);
}

/* What swtpm quotes passes here, and with tpm2_checkquote. */
static void test_tpm_quote(void **state)
{
	static const char *const kinds[][2] = { { "rsa", "rsassa" }, { "ecc", "ecdsa" } };
	struct hash *hash = hash_new();
	struct test_swtpm swtpm;
	const char *d = swtpm.dir;

	(void)state;
	test_swtpm_new(&swtpm, TEST_STARTED);
	tool(&swtpm, "tpm2_pcrextend 16:sha256=%064d", 7);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tool(&swtpm, "tpm2_createek -Q -c %s/ek.ctx -G %s -u %s/ek.pub", d, kinds[i][0], d);
		tool(&swtpm, "tpm2_flushcontext -t");
		tool(&swtpm, "tpm2_createak -Q -C %s/ek.ctx -c %s/ak.ctx -G %s -g sha256 -s %s -u "
			     "%s/ak.pub", d, d, kinds[i][0], kinds[i][1], d);
		tool(&swtpm, "tpm2_flushcontext -t");
		one_quote(&swtpm, hash, "-F values", "ak.pub");
		one_quote(&swtpm, hash, "-f plain", "ak.pub");
		one_quote(&swtpm, hash, "-F serialized", "ak.pub");
		tool(&swtpm, "tpm2_readpublic -Q -c %s/ak.ctx -f pem -o %s/ak.pem", d, d);
		tool(&swtpm, "tpm2_readpublic -Q -c %s/ak.ctx -f tpmt -o %s/ak.tpmt", d, d);
		tool(&swtpm, "tpm2_flushcontext -t");
		one_quote(&swtpm, hash, "-g sha256", "ak.tpmt");
		tool(&swtpm, "tpm2_checkquote -Q -u %s/ak.pem -m %s/msg -s %s/sig -f %s/pcrs -q "
			     "abcdef", d, d, d, d);
	}
	test_swtpm_done(&swtpm);
	hash_free(hash);
}

static void save(const struct test_swtpm *swtpm, const char *name, const void *bytes, size_t length)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", swtpm->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static int activate(const struct test_swtpm *swtpm)
{
	const char *d = swtpm->dir;
	char line[512];
	int status;

	tool(swtpm, "tpm2_startauthsession --policy-session -S %s/session", d);
	tool(swtpm, "tpm2_policysecret -Q -S %s/session -c e", d);
	snprintf(line, sizeof(line), "tpm2_activatecredential -Q -c %s/ak.ctx -C %s/ek.ctx -i "
		 "%s/blob -o %s/opened -P session:%s/session", d, d, d, d, d);
	status = test_tool(swtpm, line, NULL);
	tool(swtpm, "tpm2_flushcontext -t");
	tool(swtpm, "tpm2_flushcontext -l");
	return status;
}

/* What is made here opens in swtpm, for this key alone. */
static void test_tpm_credential(void **state)
{
	static const char secret[] = "thirty-two bytes, known to nobody";
	static const char *const kinds[][2] = { { "rsa", "rsassa" }, { "ecc", "ecdsa" } };
	struct hash *hash = hash_new();
	uint8_t bytes[2][1024], opened[64];
	struct credential credential;
	struct test_swtpm swtpm;
	struct public ek, ak;
	struct public_name name;
	const char *d = swtpm.dir;

	(void)state;
	test_swtpm_new(&swtpm, TEST_STARTED);
	for (size_t i = 0; i < 2; i++) {
		tool(&swtpm, "tpm2_createek -Q -c %s/ek.ctx -G %s -u %s/ek.pub", d, kinds[i][0], d);
		tool(&swtpm, "tpm2_flushcontext -t");
		tool(&swtpm, "tpm2_createak -Q -C %s/ek.ctx -c %s/ak.ctx -G %s -g sha256 -s %s -u "
			     "%s/ak.pub -n %s/ak.name", d, d, kinds[i][0], kinds[i][1], d, d);
		tool(&swtpm, "tpm2_flushcontext -t");
		assert_true(public_parse(&ek, bytes[0],
					 load(&swtpm, "ek.pub", bytes[0], sizeof(bytes[0]))));
		assert_true(public_parse(&ak, bytes[1],
					 load(&swtpm, "ak.pub", bytes[1], sizeof(bytes[1]))));
		public_name(&ak, hash, &name);
		assert_int_equal(load(&swtpm, "ak.name", opened, sizeof(opened)), name.size);
		assert_memory_equal(opened, name.bytes, name.size);
		assert_int_equal(credential_make(&ek, &name, (struct hash_part){ secret, 32 }, hash,
						 &credential), 0);
		save(&swtpm, "blob", credential.bytes, credential.size);
		assert_int_equal(activate(&swtpm), 0);
		assert_int_equal(load(&swtpm, "opened", opened, sizeof(opened)), 32);
		assert_memory_equal(opened, secret, 32);
		name.bytes[33] ^= 1;
		assert_int_equal(credential_make(&ek, &name, (struct hash_part){ secret, 32 }, hash,
						 &credential), 0);
		save(&swtpm, "blob", credential.bytes, credential.size);
		assert_int_not_equal(activate(&swtpm), 0);
		assert_int_equal(credential_make(&ak, &name, (struct hash_part){ secret, 32 }, hash,
						 &credential), -EINVAL);
		assert_int_equal(credential_make(&ek, &name, (struct hash_part){ secret, 33 }, hash,
						 &credential), -EINVAL);
	}
	test_swtpm_done(&swtpm);
	hash_free(hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tpm_quote),
		cmocka_unit_test(test_tpm_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
