// SPDX-License-Identifier: BSD-3-Clause
/*
 * The real program at a host TPM played by swtpm; this test plays manager, engine,
 * firmware and attacker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "keyd/test_keyd.h"
#include "wire/leaf.h"
#include "seal/root.h"

#define EXTEND_7                                                           \
	"tpm2_pcrextend 7:sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4" \
	"649b934ca495991b7852b855"

static struct test_keyd keyd;
static struct test_reply reply;
static struct test_status status;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void init(void)
{
	int r = test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply);

	if (r)
		fail_msg("init: %d %s", r, reply.text);
}

static void expect_state(unsigned int state, const char *reason)
{
	assert_int_equal(test_status(&keyd, &status), 0);
	if (status.state != state || (reason && !strstr(status.reason, reason)) ||
	    (!reason && status.reason[0]))
		fail_msg("state %u, reason '%s'", status.state, status.reason);
}

static void restart(void)
{
	assert_int_equal(test_keyd_stop(&keyd, SIGTERM), 0);
	test_keyd_start(&keyd);
}

/* From a new key to an engine that has it. */
static void expect_key(void)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	size_t length;

	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
}

static void test_keyd_none(void **state)
{
	(void)state;
	expect_state(KEYD_STATE_NONE, "vtpmctl host init");
	assert_int_equal(status.protection, KEYD_PROTECTION_NONE);
	assert_int_equal(status.separated, 0);
	assert_int_equal(status.pid, keyd.pid);
	assert_string_equal(status.tcti, keyd.swtpm.tcti);
}

static void test_keyd_init(void **state)
{
	(void)state;
	init();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	assert_int_equal(status.protection, KEYD_PROTECTION_TPM);
	assert_string_equal(status.policy, "sha256:7,14");
	assert_int_equal(status.name_length, 34);
	assert_true(strlen(status.host) > 4);
	expect_key();
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EEXIST);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	expect_key();
}

static void test_keyd_pcr_changed(void **state)
{
	(void)state;
	init();
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm, EXTEND_7, NULL), 0);
	test_keyd_start(&keyd);
	expect_state(KEYD_STATE_LOCKED, "PCR 7 has changed");
	assert_int_equal(test_retry(&keyd, &reply), EPERM);
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	expect_key();
}

static void test_keyd_handles_stay(void **state)
{
	char before[2048], after[2048];

	(void)state;
	init();
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, before, sizeof(before));
	for (int i = 0; i < 3; i++) {
		test_keyd_start(&keyd);
		expect_state(KEYD_STATE_UNLOCKED, NULL);
		expect_key();
		assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
		test_keyd_stop(&keyd, SIGTERM);
	}
	/* on the way out of what fails as well */
	assert_int_equal(test_tool(&keyd.swtpm, EXTEND_7, NULL), 0);
	test_keyd_start(&keyd);
	for (int i = 0; i < 10; i++)
		assert_int_equal(test_retry(&keyd, &reply), EPERM);
	assert_int_equal(test_unlock(&keyd, 0, keyd.scalar, &reply), 0);
	expect_key();
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, after, sizeof(after));
	assert_string_equal(before, after);
	assert_non_null(strstr(after, "0x81000001"));
	test_keyd_start(&keyd);
}

static void test_keyd_killed(void **state)
{
	(void)state;
	init();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(test_keyd_stop(&keyd, SIGKILL), 128 + SIGKILL);
		test_keyd_start(&keyd);
		expect_state(KEYD_STATE_UNLOCKED, NULL);
	}
}

static void test_keyd_other_tpm(void **state)
{
	struct test_swtpm other;

	(void)state;
	init();
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_new(&other, TEST_STARTED);
	keyd.tcti = other.tcti;
	test_keyd_start(&keyd);
	expect_state(KEYD_STATE_LOCKED, "has no storage key");
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(
		test_tool(&other, "tpm2_createprimary -Q -C o -G ecc -c /dev/shm/vtpm-test", NULL),
		0);
	assert_int_equal(test_tool(&other,
				   "tpm2_evictcontrol -Q -C o -c /dev/shm/vtpm-test 0x81000001",
				   NULL),
			 0);
	test_keyd_start(&keyd);
	expect_state(KEYD_STATE_LOCKED, "is another one");
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	/* and now the first TPM is the wrong one */
	test_keyd_stop(&keyd, SIGTERM);
	keyd.tcti = NULL;
	test_keyd_start(&keyd);
	expect_state(KEYD_STATE_LOCKED, "is another one");
	test_swtpm_done(&other);
	unlink("/dev/shm/vtpm-test");
}

static void test_keyd_wrong_code(void **state)
{
	uint8_t foreign[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE], buffer[512];
	uint8_t record[KEYD_BOX_MAX], box[BOX_OVERHEAD + SEAL_KEY_SIZE];
	struct ipc_out out = test_begin(KEYD_UNLOCK, buffer, sizeof(buffer));

	(void)state;
	init();
	assert_int_equal(seal_pair_new(foreign, point), 0);
	assert_int_equal(test_unlock(&keyd, 0, foreign, &reply), -EKEYREJECTED);
	/* a client that boxes something else */
	assert_int_equal(test_recovery(&keyd, record, point), RECOVERY_RECORD_SIZE);
	assert_int_equal(box_close(point, BOX_ROOT, (struct seal_bytes){ 0 },
				   (struct seal_bytes){ foreign, sizeof(foreign) }, box),
			 0);
	cursor_put_u32(&out.body, KEYD_UNLOCK_BIND);
	ipc_put_blob(&out, box, sizeof(box));
	ipc_put_blob(&out, NULL, 0);
	ipc_put_blob(&out, NULL, 0);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, EKEYREJECTED);
	assert_non_null(strstr(reply.text, "not the root key"));
	/* or to nobody */
	out = test_begin(KEYD_UNLOCK, buffer, sizeof(buffer));
	cursor_put_u32(&out.body, 0);
	ipc_put_blob(&out, record, sizeof(box));
	ipc_put_blob(&out, NULL, 0);
	ipc_put_blob(&out, NULL, 0);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, EKEYREJECTED);
	expect_state(KEYD_STATE_UNLOCKED, NULL);
}

static void test_keyd_owner_password(void **state)
{
	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm, "tpm2_changeauth -Q -c owner secret", NULL), 0);
	test_keyd_start(&keyd);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EACCES);
	assert_non_null(strstr(reply.text, "password"));
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, "wrong", &reply), EACCES);
	expect_state(KEYD_STATE_NONE, "vtpmctl host init");
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, "secret", &reply), 0);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
}

static void tool(const char *line)
{
	if (test_tool(&keyd.swtpm, line, NULL))
		fail_msg("%s", line);
}

/* A storage key without noDA, as some systems make it, is refused in lockout. */
static void test_keyd_lockout(void **state)
{
	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	tool("tpm2_createprimary -Q -C o -G ecc -c /dev/shm/vtpm-test -a fixedtpm|fixedparent|"
	     "sensitivedataorigin|userwithauth|restricted|decrypt");
	tool("tpm2_evictcontrol -Q -C o -c /dev/shm/vtpm-test 0x81000001");
	tool("tpm2_flushcontext -t");
	tool("tpm2_dictionarylockout -s -n 1 -t 1000 -l 1000");
	tool("tpm2_createprimary -Q -C o -G ecc -p right -c /dev/shm/vtpm-test");
	assert_int_not_equal(test_tool(&keyd.swtpm,
				       "tpm2_create -Q -C /dev/shm/vtpm-test -P wrong -u /dev/null "
				       "-r /dev/null",
				       NULL),
			     0);
	tool("tpm2_flushcontext -t");
	unlink("/dev/shm/vtpm-test");
	test_keyd_start(&keyd);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EBUSY);
	assert_non_null(strstr(reply.text, "lockout"));
	expect_state(KEYD_STATE_NONE, "vtpmctl host init");
	test_keyd_stop(&keyd, SIGTERM);
	tool("tpm2_dictionarylockout -c");
	test_keyd_start(&keyd);
	init();
}

static void test_keyd_not_a_storage_key(void **state)
{
	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	tool("tpm2_createprimary -Q -C o -G ecc:ecdsa -c /dev/shm/vtpm-test -a "
	     "fixedtpm|fixedparent|"
	     "sensitivedataorigin|userwithauth|sign");
	tool("tpm2_evictcontrol -Q -C o -c /dev/shm/vtpm-test 0x81000001");
	tool("tpm2_flushcontext -t");
	unlink("/dev/shm/vtpm-test");
	test_keyd_start(&keyd);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EIO);
	assert_non_null(strstr(reply.text, "no storage key"));
}

/* An RSA storage key that somebody else made is as good. */
static void test_keyd_rsa_storage_key(void **state)
{
	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	tool("tpm2_createprimary -Q -C o -G rsa -c /dev/shm/vtpm-test");
	tool("tpm2_evictcontrol -Q -C o -c /dev/shm/vtpm-test 0x81000001");
	tool("tpm2_flushcontext -t");
	unlink("/dev/shm/vtpm-test");
	test_keyd_start(&keyd);
	init();
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	expect_key();
}

static void test_keyd_not_started(void **state)
{
	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	test_swtpm_stop(&keyd.swtpm);
	test_swtpm_start(&keyd.swtpm, "not-need-init");
	test_keyd_start(&keyd);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EIO);
	assert_non_null(strstr(reply.text, "not started"));
}

static void test_keyd_no_hardware(void **state)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	test_keyd_stop(&keyd, SIGTERM);
	keyd.tcti = "swtpm:path=/nonexistent/socket";
	test_keyd_start(&keyd);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), ENODEV);
	assert_non_null(strstr(reply.text, "no host TPM at swtpm:path=/nonexistent/socket"));
	assert_int_equal(test_init(&keyd, KEYD_INIT_NO_HARDWARE, 0, NULL, &reply), 0);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	assert_int_equal(status.protection, KEYD_PROTECTION_NONE);
	assert_string_equal(status.policy, "");
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
	cursor_get_bytes(&reply.in.body, 4 + 4 + KEYD_DATA_KEY_SIZE);
	assert_int_equal(cursor_get_u32(&reply.in.body), 0);
	assert_int_equal(cursor_get_u32(&reply.in.body), 0);
	cursor_get_bytes(&reply.in.body, LEAF_KEY_SIZE);
	assert_true(ipc_ended(&reply.in));
	/* a TPM appears: bound to it, the unprotected slot is gone */
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), ENODEV);
	test_keyd_stop(&keyd, SIGTERM);
	keyd.tcti = NULL;
	test_keyd_start(&keyd);
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	assert_int_equal(status.protection, KEYD_PROTECTION_TPM);
}

static void test_keyd_bad_wishes(void **state)
{
	uint8_t point = keyd.point[0];

	(void)state;
	assert_int_equal(test_init(&keyd, 0, 0, NULL, &reply), EINVAL);
	assert_int_equal(test_init(&keyd, 0, 1u << 24, NULL, &reply), EINVAL);
	assert_int_equal(test_init(&keyd, 8, ROOT_PCRS_DEFAULT, NULL, &reply), EINVAL);
	keyd.point[0] = 1;
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EINVAL);
	keyd.point[0] = point;
	assert_int_equal(test_retry(&keyd, &reply), ENOENT);
	expect_state(KEYD_STATE_NONE, "vtpmctl host init");
	init();
}

static void test_keyd_tpm_goes_away(void **state)
{
	(void)state;
	init();
	for (int i = 0; i < 3; i++)
		expect_key();
	test_swtpm_stop(&keyd.swtpm);
	for (int i = 0; i < 80; i++) /* more than the pool has pieces */
		expect_key();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), ENODEV);
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	test_swtpm_start(&keyd.swtpm, TEST_STARTED);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
}

static void test_keyd_broken_slots(void **state)
{
	static uint8_t was[SLOTS_FILE_MAX], is[SLOTS_FILE_MAX];
	char path[96];
	ssize_t length;
	int fd;

	(void)state;
	init();
	test_keyd_stop(&keyd, SIGTERM);
	snprintf(path, sizeof(path), "%s/keys/slots", keyd.dir);
	fd = open(path, O_RDWR);
	length = pread(fd, was, sizeof(was), 0);
	assert_true(length > 300);
	for (ssize_t i = 0; i < length; i += length / 9) {
		uint8_t byte = was[i] ^ 4;

		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		test_keyd_start(&keyd);
		expect_state(KEYD_STATE_LOCKED, "keys/slots");
		assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EEXIST);
		assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply),
				 -EKEYREJECTED);
		test_keyd_stop(&keyd, SIGTERM);
		/* nothing was written over it */
		assert_int_equal(pread(fd, is, sizeof(is), 0), length);
		assert_int_equal(is[i], byte);
		assert_int_equal(pwrite(fd, &was[i], 1, i), 1);
	}
	close(fd);
	test_keyd_start(&keyd);
	expect_state(KEYD_STATE_UNLOCKED, NULL);
}

static void test_keyd_one_per_directory(void **state)
{
	struct test_keyd second = keyd;
	int child;

	(void)state;
	test_keyd_start(&second); /* connects to the first one's socket */
	assert_int_equal(waitpid(second.pid, &child, 0), second.pid);
	assert_true(WIFEXITED(child) && WEXITSTATUS(child) == 3);
	close(second.channel);
}

static void test_keyd_locked(void **state)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	size_t length;

	(void)state;
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), ENOKEY);
	init();
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	test_keyd_stop(&keyd, SIGTERM);
	tool(EXTEND_7);
	test_keyd_start(&keyd);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply),
			 ENOKEY);
	assert_non_null(strstr(reply.text, "PCR 7"));
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), EACCES);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_keyd_none),
		CASE(test_keyd_init),
		CASE(test_keyd_killed),
		CASE(test_keyd_pcr_changed),
		CASE(test_keyd_handles_stay),
		CASE(test_keyd_other_tpm),
		CASE(test_keyd_wrong_code),
		CASE(test_keyd_owner_password),
		CASE(test_keyd_lockout),
		CASE(test_keyd_not_a_storage_key),
		CASE(test_keyd_rsa_storage_key),
		CASE(test_keyd_not_started),
		CASE(test_keyd_no_hardware),
		CASE(test_keyd_bad_wishes),
		CASE(test_keyd_tpm_goes_away),
		CASE(test_keyd_broken_slots),
		CASE(test_keyd_one_per_directory),
		CASE(test_keyd_locked),
	};

	return cmocka_run_group_tests_name("keyd", tests, NULL, NULL);
}
