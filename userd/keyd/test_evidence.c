// SPDX-License-Identifier: BSD-3-Clause
/*
 * Keys, quotes and credentials of a host: the real program at a host TPM played by swtpm;
 * tpm2-tools, which know nothing of it, judge what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <tss2/tss2_mu.h>

#include "base/secret.h"
#include "keyd/test_keyd.h"
#include "seal/root.h"
#include "wire/host_quote.h"

#define EXTEND                                              \
	"tpm2_pcrextend 16:sha256=e3b0c44298fc1c149afbf4c8" \
	"996fb92427ae41e4649b934ca495991b7852b855"

static struct test_keyd keyd;
static struct test_reply reply;

/* What KEYD_HOST_AK_IS and KEYD_HOST_QUOTE_IS said last, as files in the swtpm's folder. */
static uint8_t ak[512], ek[512], name[64], frame[HOST_QUOTE_SIZE];
static size_t ak_length, ek_length, name_length;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void write_file(const char *base, const void *bytes, size_t length)
{
	test_file_write(keyd.swtpm.dir, base, bytes, length);
}

static size_t read_file(const char *base, uint8_t *to, size_t room)
{
	return test_file_read(keyd.swtpm.dir, base, to, room);
}

/* Run a tool; @ in its line stands for the swtpm's folder. Return: its exit status. */
static int tool(const char *line)
{
	return test_tool_at(&keyd.swtpm, keyd.swtpm.dir, line, NULL);
}

static size_t take_blob(uint8_t *to, size_t room)
{
	size_t length;
	const uint8_t *from = ipc_get_blob(&reply.in, room, &length);

	cursor_copy(to, room, from, length);
	return length;
}

/* Return: errno of the answer. */
static int host_ak(void)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_HOST_AK, buffer, sizeof(buffer));

	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_HOST_AK_IS);
	if (reply.error)
		return reply.error;
	ak_length = take_blob(ak, sizeof(ak));
	name_length = take_blob(name, sizeof(name));
	ek_length = take_blob(ek, sizeof(ek));
	assert_true(ipc_ended(&reply.in));
	write_file("ak", ak, ak_length);
	write_file("ek", ek, ek_length);
	return 0;
}

/* As vtpmctl asks; message, signature and PCRs become files. Return: errno of the answer. */
static int quote(uint8_t purpose, const char *nonce, uint32_t pcrs)
{
	uint8_t buffer[128], bytes[1024];
	struct ipc_out out = test_begin(KEYD_HOST_QUOTE, buffer, sizeof(buffer));
	size_t length;

	cursor_put_u8(&out.body, purpose);
	cursor_put_raw(&out.body, nonce, HOST_QUOTE_NONCE);
	cursor_put_u32(&out.body, pcrs);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_HOST_QUOTE_IS);
	if (reply.error)
		return reply.error;
	assert_int_equal(take_blob(frame, sizeof(frame)), HOST_QUOTE_SIZE);
	length = take_blob(bytes, sizeof(bytes));
	write_file("message", bytes, length);
	length = take_blob(bytes, sizeof(bytes));
	write_file("signature", bytes, length);
	assert_int_equal(cursor_get_u32(&reply.in.body), pcrs);
	length = reply.in.body.left;
	assert_int_equal(length, 32 * (unsigned int)__builtin_popcount(pcrs));
	write_file("pcrs", cursor_get_bytes(&reply.in.body, length), length);
	assert_true(ipc_ended(&reply.in));
	return 0;
}

static const char nonce[] = "a nonce of exactly 32 bytes.....";

/* Is the message signed by the key, and about this frame? Return: exit status. */
static int check_quote(void)
{
	uint8_t digest[SEAL_HASH_SIZE];
	char line[256];
	size_t used;

	assert_int_equal(seal_hash((struct seal_bytes){ frame, sizeof(frame) }, digest), 0);
	used = (size_t)snprintf(line, sizeof(line),
				"tpm2_checkquote -u @/ak -m @/message -s @/signature -q ");
	for (size_t i = 0; i < sizeof(digest); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%02x", digest[i]);
	return tool(line);
}

static void test_evidence_key(void **state)
{
	/* restricted sign noda userwithauth sensitivedataorigin fixedparent fixedtpm */
	static const uint8_t head[] = { 0, 0x23, 0, 0x0b, 0, 0x05, 0x04, 0x72 };
	uint8_t first[512];
	size_t length;

	(void)state;
	assert_int_equal(host_ak(), 0);
	assert_true(secret_equal(ak + 2, head, sizeof(head)));
	assert_int_equal(name_length, 34);
	assert_int_equal(name[1], 0x0b);
	length = ak_length;
	cursor_copy(first, sizeof(first), ak, ak_length);
	/* it is made once */
	test_keyd_stop(&keyd, SIGKILL);
	test_keyd_start(&keyd);
	assert_int_equal(host_ak(), 0);
	assert_int_equal(ak_length, length);
	assert_true(secret_equal(ak, first, length));
}

static void test_evidence_quote(void **state)
{
	struct host_quote about;

	(void)state;
	assert_int_equal(host_ak(), 0);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 0xffffff), 0);
	assert_true(host_quote_get(frame, sizeof(frame), &about));
	assert_int_equal(about.purpose, HOST_QUOTE_HOST);
	assert_true(secret_equal(about.nonce, nonce, sizeof(about.nonce)));
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(check_quote(), 0);
	frame[20] ^= 1;
	assert_int_not_equal(check_quote(), 0);
	test_keyd_start(&keyd);
}

/* What it says of the boot is what a verifier reads in a quote of the same key. */
static void test_evidence_boot(void **state)
{
	uint8_t buffer[64], got[64], message[512];
	struct ipc_out out = test_begin(KEYD_HOST_BOOT, buffer, sizeof(buffer));
	TPMS_ATTEST said;
	size_t at = 0, length;

	(void)state;
	assert_int_equal(host_ak(), 0);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1), 0);
	length = read_file("message", message, sizeof(message));
	assert_int_equal(Tss2_MU_TPMS_ATTEST_Unmarshal(message, length, &at, &said), 0);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_HOST_BOOT_IS);
	assert_int_equal(reply.error, 0);
	assert_int_equal(take_blob(got, sizeof(got)), name_length);
	assert_true(secret_equal(got, name, name_length));
	assert_true(cursor_get_u64(&reply.in.body) >= said.clockInfo.clock);
	assert_int_equal(cursor_get_u32(&reply.in.body), said.clockInfo.resetCount);
	assert_int_equal(cursor_get_u32(&reply.in.body), said.clockInfo.restartCount);
	assert_true(ipc_ended(&reply.in));
}

/* The values are those of the quote: a TPM whose PCR was extended has another one. */
static void test_evidence_values(void **state)
{
	uint8_t before[32], after[32];

	(void)state;
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1u << 16), 0);
	read_file("pcrs", before, sizeof(before));
	assert_true(cursor_is_zero(before, sizeof(before)));
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(tool(EXTEND), 0);
	test_keyd_start(&keyd);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1u << 16), 0);
	read_file("pcrs", after, sizeof(after));
	assert_false(secret_equal(before, after, sizeof(after)));
}

static void test_evidence_refuses(void **state)
{
	(void)state;
	assert_int_equal(quote(HOST_QUOTE_DEEP, nonce, 1), EINVAL);
	assert_int_equal(quote(0, nonce, 1), EINVAL);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 0), EINVAL);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1u << 24), EINVAL);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1), 0);
}

/* What is seen is of the counter, once it was read; nobody else says it. */
static void test_evidence_epoch(void **state)
{
	uint8_t buffer[512];
	struct ipc_out out = test_begin(KEYD_WITNESS, buffer, sizeof(buffer));
	struct test_status status;
	struct host_quote about;

	(void)state;
	test_keyd_done(&keyd);
	test_keyd_new(&keyd, TEST_STARTED);
	keyd.mode = KEYD_ROLLBACK_STRICT;
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	ipc_put_blob(&out, NULL, 0);
	cursor_put_raw(&out.body, KEYD_EMPTY_ROOT, KEYD_ROOT_SIZE);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(test_status(&keyd, &status), 0);
	assert_true(status.counter > 0);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1), 0);
	assert_true(host_quote_get(frame, sizeof(frame), &about));
	assert_int_equal(about.epoch, status.counter);
}

/* Return: errno of the answer; what was in it stands in @ret. */
static int activate(const uint8_t *blob, size_t blob_length, const uint8_t *secret,
		    size_t secret_length, uint8_t ret[64], size_t *ret_length)
{
	uint8_t buffer[2048];
	struct ipc_out out = test_begin(KEYD_ACTIVATE, buffer, sizeof(buffer));

	ipc_put_blob(&out, blob, blob_length);
	ipc_put_blob(&out, secret, secret_length);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_ACTIVATED);
	if (reply.error)
		return reply.error;
	*ret_length = take_blob(ret, 64);
	assert_true(ipc_ended(&reply.in));
	return 0;
}

/* What tpm2_makecredential writes: a magic, a version, and both halves. */
static void make_credential(uint8_t file[2048], struct seal_bytes *ret_blob,
			    struct seal_bytes *ret_secret)
{
	char line[256];
	size_t used, length;
	uint16_t size;

	used = (size_t)snprintf(line, sizeof(line),
				"tpm2_makecredential -Q -u @/ek -s @/text -o @/made -n ");
	for (size_t i = 0; i < name_length; i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%02x", name[i]);
	write_file("text", "open sesame, for 32 bytes of it.", 32);
	assert_int_equal(tool(line), 0);
	length = read_file("made", file, 2048);
	size = (uint16_t)(file[8] << 8 | file[9]);
	*ret_blob = (struct seal_bytes){ file + 8, 2u + size };
	*ret_secret = (struct seal_bytes){ file + 10 + size, length - 10 - size };
}

static void test_evidence_activate(void **state)
{
	uint8_t file[2048], got[64];
	struct seal_bytes blob, secret;
	size_t length;

	(void)state;
	assert_int_equal(host_ak(), 0);
	test_keyd_stop(&keyd, SIGTERM);
	make_credential(file, &blob, &secret);
	test_keyd_start(&keyd);
	assert_int_equal(activate(blob.at, blob.length, secret.at, secret.length, got, &length), 0);
	assert_int_equal(length, 32);
	assert_true(secret_equal(got, "open sesame, for 32 bytes of it.", 32));
	/* one byte changed, one missing, and nothing at all */
	file[20] ^= 1;
	assert_int_equal(activate(blob.at, blob.length, secret.at, secret.length, got, &length),
			 EINVAL);
	file[20] ^= 1;
	assert_int_equal(activate(blob.at, blob.length, secret.at, secret.length - 1, got, &length),
			 EINVAL);
	assert_int_equal(activate(NULL, 0, NULL, 0, got, &length), EINVAL);
	assert_int_equal(activate(blob.at, blob.length, secret.at, secret.length, got, &length), 0);
}

/* A credential for another key of the same TPM does not open. */
static void test_evidence_activate_other_name(void **state)
{
	uint8_t file[2048], got[64];
	struct seal_bytes blob, secret;
	size_t length;

	(void)state;
	assert_int_equal(host_ak(), 0);
	name[5] ^= 1;
	test_keyd_stop(&keyd, SIGTERM);
	make_credential(file, &blob, &secret);
	test_keyd_start(&keyd);
	assert_int_equal(activate(blob.at, blob.length, secret.at, secret.length, got, &length),
			 EINVAL);
}

static uint32_t certificate(uint32_t after, uint8_t *to, size_t room, size_t *ret_length)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_CERTIFICATE, buffer, sizeof(buffer));
	uint32_t handle;

	cursor_put_u32(&out.body, after);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_CERTIFICATE_IS);
	assert_int_equal(reply.error, 0);
	handle = cursor_get_u32(&reply.in.body);
	*ret_length = take_blob(to, room);
	assert_true(ipc_ended(&reply.in));
	return handle;
}

#define DEFINE "tpm2_nvdefine -Q -C p -a ppwrite|authread|ownerread|no_da|platformcreate "

/* The right indices in their order, whole; and the endorsement key follows them. */
static void test_evidence_certificates(void **state)
{
	uint8_t large[1200], got[KEYD_CERTIFICATE_MAX];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)(i * 7);
	assert_int_equal(certificate(0, got, sizeof(got), &length), 0);
	assert_int_equal(host_ak(), 0);
	assert_int_equal(ek[3], 0x23);
	test_keyd_stop(&keyd, SIGTERM);
	write_file("large", large, sizeof(large));
	write_file("small", large, 9);
	assert_int_equal(tool(DEFINE "-s 1200 0x01c00002"), 0);
	assert_int_equal(tool("tpm2_nvwrite -Q -C p -i @/large 0x01c00002"), 0);
	assert_int_equal(tool(DEFINE "-s 9 0x01c00003"), 0);
	assert_int_equal(tool(DEFINE "-s 9 0x01c00016"), 0);
	assert_int_equal(tool(DEFINE "-s 9 0x01c00101"), 0);
	assert_int_equal(tool("tpm2_nvwrite -Q -C p -i @/small 0x01c00101"), 0);
	assert_int_equal(tool(DEFINE "-s 9 0x01c00200"), 0);
	test_keyd_start(&keyd);
	assert_int_equal(certificate(0, got, sizeof(got), &length), 0x01c00002);
	assert_int_equal(length, sizeof(large));
	assert_true(secret_equal(got, large, sizeof(large)));
	assert_int_equal(certificate(0x01c00002, got, sizeof(got), &length), 0x01c00016);
	assert_int_equal(length, 0);
	assert_int_equal(certificate(0x01c00016, got, sizeof(got), &length), 0x01c00101);
	assert_int_equal(length, 9);
	assert_int_equal(certificate(0x01c00101, got, sizeof(got), &length), 0);
	assert_int_equal(host_ak(), 0);
	assert_int_equal(ek[3], 0x01);
}

static void damage(size_t at)
{
	char path[96];
	uint8_t byte;
	int fd;

	snprintf(path, sizeof(path), "%s/keys/ak", keyd.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

/* A file that is not as it was written is never written over. */
static void test_evidence_file(void **state)
{
	static const struct {
		size_t at;
		int error;
	} cases[] = {
		{ 0, EBADMSG },
		{ 9, EPROTONOSUPPORT },
		{ 12, EBADMSG },
		{ 60, EBADMSG },
	};

	(void)state;
	assert_int_equal(host_ak(), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		damage(cases[i].at);
		assert_int_equal(host_ak(), cases[i].error);
		assert_int_equal(host_ak(), cases[i].error);
		assert_non_null(strstr(reply.text, "keys/ak"));
		damage(cases[i].at);
		assert_int_equal(host_ak(), 0);
	}
}

static void test_evidence_without_hardware(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(host_ak(), ENOKEY);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1), ENOKEY);
	assert_int_equal(test_init(&keyd, KEYD_INIT_NO_HARDWARE, 0, NULL, &reply), 0);
	assert_int_equal(host_ak(), ENODEV);
	assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 1), ENODEV);
}

/* Who loads the key, the owner included, does not use it without the root key. */
static void test_evidence_key_is_ours_alone(void **state)
{
	/* magic, version, length and Name of the storage key; then both halves, and an HMAC */
	enum { BEGIN = 8 + 2 + 2 + 34, END = 32 };
	uint8_t file[1024];
	char path[96];
	size_t length;
	int fd;

	(void)state;
	assert_int_equal(host_ak(), 0);
	test_keyd_stop(&keyd, SIGTERM);
	snprintf(path, sizeof(path), "%s/keys/ak", keyd.dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = (size_t)read(fd, file, sizeof(file));
	close(fd);
	assert_true(length < sizeof(file));
	write_file("public", file + BEGIN, ak_length);
	write_file("private", file + BEGIN + ak_length, length - BEGIN - ak_length - END);
	assert_int_equal(tool("tpm2_load -Q -C 0x81000001 -u @/public -r @/private -c @/ctx"), 0);
	assert_int_not_equal(tool("tpm2_quote -Q -c @/ctx -l sha256:0"), 0);
	test_keyd_start(&keyd);
}

static void test_evidence_leaves_nothing(void **state)
{
	char before[2048], after[2048];

	(void)state;
	assert_int_equal(host_ak(), 0);
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, before, sizeof(before));
	test_keyd_start(&keyd);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(host_ak(), 0);
		assert_int_equal(quote(HOST_QUOTE_HOST, nonce, 0xffffff), 0);
	}
	test_keyd_stop(&keyd, SIGTERM);
	test_handles(&keyd.swtpm, after, sizeof(after));
	assert_string_equal(before, after);
	test_keyd_start(&keyd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_evidence_key),
		CASE(test_evidence_quote),
		CASE(test_evidence_boot),
		CASE(test_evidence_values),
		CASE(test_evidence_refuses),
		CASE(test_evidence_epoch),
		CASE(test_evidence_activate),
		CASE(test_evidence_activate_other_name),
		CASE(test_evidence_certificates),
		CASE(test_evidence_file),
		CASE(test_evidence_without_hardware),
		CASE(test_evidence_key_is_ours_alone),
		CASE(test_evidence_leaves_nothing),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
