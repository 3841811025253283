// SPDX-License-Identifier: BSD-3-Clause
/*
 * The host's CA: the real program at a host TPM played by swtpm, asked as the manager and as
 * an engine; openssl, which knows nothing of it, judges the certificates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "base/secret.h"
#include "cert/authority.h"
#include "cert/cert.h"
#include "keyd/duty.h"
#include "keyd/issued.h"
#include "keyd/keyd.h"
#include "keyd/test_keyd.h"
#include "seal/root.h"

#define PCR_EXTEND                                         \
	"tpm2_pcrextend 7:sha256=e3b0c44298fc1c149afbf4c8" \
	"996fb92427ae41e4649b934ca495991b7852b855"

static struct test_keyd keyd;
static struct test_reply reply;

/* The last certificate. */
static uint8_t serial[KEYD_SERIAL_SIZE], der[CERT_DER_MAX];
static size_t der_length;
static uint32_t wait_ms;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	return 0;
}

static int setup_no_hardware(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(test_init(&keyd, KEYD_INIT_NO_HARDWARE, 0, NULL, &reply), 0);
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
	test_file_write(keyd.dir, base, bytes, length);
}

/* Run a tool; @ in its line stands for the folder of the files. Return: its exit status. */
static int tool(const char *line)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/out", keyd.dir);
	return test_tool_at(&keyd.swtpm, keyd.dir, line, path);
}

static size_t read_file(const char *base, char *to, size_t room)
{
	size_t n = test_file_read(keyd.dir, base, to, room - 1);

	to[n] = 0;
	return n;
}

/* What openssl wrote. Return: is @text in it? */
static bool said(const char *text)
{
	char all[8192];

	read_file("out", all, sizeof(all));
	return strstr(all, text);
}

/* One file behind the other. */
static void join(const char *one, const char *other, const char *ret)
{
	char all[8192];
	size_t n = read_file(one, all, sizeof(all));

	n += read_file(other, all + n, sizeof(all) - n);
	write_file(ret, all, n);
}

/* Public areas, as the templates of a vTPM make them. */

static const uint8_t policy[32] = { 0x83, 0x71 };

static size_t put_ecc(uint16_t hash, uint32_t attributes, uint16_t curve, uint8_t *to, size_t room)
{
	const char *name = curve == 3 ? "P-256" : "P-384";
	EVP_PKEY *key = EVP_EC_gen(name);
	size_t size = curve == 3 ? 32 : 48, length;
	struct cursor_out out = cursor_out(to, room);
	bool ek = attributes & 0x20000;
	uint8_t point[128];

	assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point), &length),
			 1);
	assert_int_equal(length, 1 + 2 * size);
	EVP_PKEY_free(key);
	cursor_put_u16(&out, 0x0023);
	cursor_put_u16(&out, hash);
	cursor_put_u32(&out, attributes);
	cursor_put_u16(&out, ek ? sizeof(policy) : 0);
	cursor_put_raw(&out, policy, ek ? sizeof(policy) : 0);
	cursor_put_u16(&out, ek ? 0x0006 : 0x0010);
	if (ek) {
		cursor_put_u16(&out, curve == 3 ? 128 : 256);
		cursor_put_u16(&out, 0x0043);
		cursor_put_u16(&out, 0x0010);
	} else {
		cursor_put_u16(&out, 0x0018);
		cursor_put_u16(&out, 0x000b);
	}
	cursor_put_u16(&out, curve);
	cursor_put_u16(&out, 0x0010);
	for (size_t i = 0; i < 2; i++) {
		cursor_put_u16(&out, (uint16_t)size);
		cursor_put_raw(&out, point + 1 + i * size, size);
	}
	assert_false(out.bad);
	return out.used;
}

static size_t put_rsa(uint8_t *to, size_t room)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIGNUM *modulus = NULL;
	struct cursor_out out = cursor_out(to, room);
	uint8_t bytes[256];

	assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &modulus), 1);
	BN_bn2bin(modulus, bytes);
	BN_free(modulus);
	EVP_PKEY_free(key);
	cursor_put_u16(&out, 0x0001);
	cursor_put_u16(&out, 0x000b);
	cursor_put_u32(&out, 0x000300b2);
	cursor_put_u16(&out, sizeof(policy));
	cursor_put_raw(&out, policy, sizeof(policy));
	cursor_put_u16(&out, 0x0006);
	cursor_put_u16(&out, 128);
	cursor_put_u16(&out, 0x0043);
	cursor_put_u16(&out, 0x0010);
	cursor_put_u16(&out, 2048);
	cursor_put_u32(&out, 0);
	cursor_put_u16(&out, sizeof(bytes));
	cursor_put_raw(&out, bytes, sizeof(bytes));
	assert_false(out.bad);
	return out.used;
}

static size_t put_area(enum keyd_cert_kind kind, uint8_t *to, size_t room)
{
	switch (kind) {
	case KEYD_CERT_EK_RSA_2048:
		return put_rsa(to, room);
	case KEYD_CERT_EK_P256:
		return put_ecc(0x000b, 0x000300b2, 3, to, room);
	case KEYD_CERT_EK_P384:
		return put_ecc(0x000c, 0x000300f2, 4, to, room);
	default:
		return put_ecc(0x000b, 0x00050472, 3, to, room);
	}
}

/* An engine that has its data key. Return: its connection. */
static int engine(void)
{
	uint8_t buffer[128], wrapped[KEYD_WRAPPED_MAX];
	struct ipc_out out = test_begin(KEYD_KEY, buffer, sizeof(buffer));
	size_t length;
	int channel;

	/* which unlocks the store for data keys */
	{
		uint8_t ask[64];
		struct ipc_out witness = test_begin(KEYD_WITNESS, ask, sizeof(ask));

		ipc_put_blob(&witness, NULL, 0);
		cursor_put_raw(&witness.body, KEYD_EMPTY_ROOT, KEYD_ROOT_SIZE);
		assert_int_equal(test_ask(&keyd, &witness, &reply), 0);
	}
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	channel = test_connect(&keyd);
	cursor_put_raw(&out.body, TEST_UUID, IPC_UUID_SIZE);
	cursor_put_raw(&out.body, TEST_TICKET, KEYD_TICKET_SIZE);
	assert_int_equal(test_ask_on(channel, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	return channel;
}

/* Return: &enum keyd_cert_state; -errno of the answer. */
static int ask_for(int channel, uint8_t kind, const uint8_t *area, size_t length)
{
	uint8_t buffer[1100];
	struct ipc_out out = test_begin(KEYD_CERTIFY, buffer, sizeof(buffer));
	const uint8_t *from;
	int state;

	cursor_put_u8(&out.body, kind);
	ipc_put_blob(&out, area, length);
	assert_int_equal(test_ask_on(channel, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_CERTIFIED);
	if (reply.error)
		return -reply.error;
	state = cursor_get_u8(&reply.in.body);
	if (state == KEYD_CERT_ISSUED) {
		cursor_get_raw(&reply.in.body, serial, sizeof(serial));
		from = ipc_get_blob(&reply.in, sizeof(der), &der_length);
		cursor_copy(der, sizeof(der), from, der_length);
	}
	if (state == KEYD_CERT_PENDING)
		wait_ms = cursor_get_u32(&reply.in.body);
	assert_true(ipc_ended(&reply.in));
	return state;
}

static int certify(int channel, enum keyd_cert_kind kind)
{
	uint8_t area[KEYD_PUBLIC_MAX];

	return ask_for(channel, (uint8_t)kind, area, put_area(kind, area, sizeof(area)));
}

/* Return: errno of the answer; the request is in the file "csr". */
static int ca_init(uint32_t flags, const char *name)
{
	uint8_t buffer[256];
	struct ipc_out out = test_begin(KEYD_CA_INIT, buffer, sizeof(buffer));
	const uint8_t *from;
	size_t length;

	cursor_put_u32(&out.body, flags);
	ipc_put_string(&out, name);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_CA_INIT_DONE);
	if (reply.error)
		return reply.error;
	from = ipc_get_blob(&reply.in, CERT_DER_MAX, &length);
	assert_true(ipc_ended(&reply.in));
	write_file("csr", from, length);
	return 0;
}

/* Bytes of the chain, which is in the file "chain". */
static size_t ca_show(size_t *ret_key, uint64_t *ret_issued)
{
	uint8_t buffer[16];
	struct ipc_out out = test_begin(KEYD_HOST_CA, buffer, sizeof(buffer));
	const uint8_t *from;
	size_t length;

	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	ipc_get_blob(&reply.in, 1024, ret_key);
	from = ipc_get_blob(&reply.in, KEYD_CHAIN_MAX, &length);
	*ret_issued = cursor_get_u64(&reply.in.body);
	assert_true(ipc_ended(&reply.in));
	write_file("chain", from, length);
	return length;
}

/* Return: errno of the answer. */
static int import(const char *base)
{
	uint8_t buffer[KEYD_CHAIN_MAX + 16], bytes[KEYD_CHAIN_MAX];
	struct ipc_out out = test_begin(KEYD_CA_IMPORT, buffer, sizeof(buffer));
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", keyd.dir, base);
	file = fopen(path, "r");
	assert_non_null(file);
	ipc_put_blob(&out, bytes, fread(bytes, 1, sizeof(bytes), file));
	fclose(file);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.in.op, KEYD_CA_IMPORTED);
	return reply.error;
}

static void test_ca_self(void **state)
{
	static const char *const said_of[_KEYD_CERT_KIND_MAX] = {
		[KEYD_CERT_EK_RSA_2048] = "Key Encipherment",
		[KEYD_CERT_EK_P256] = "Key Agreement",
		[KEYD_CERT_EK_P384] = "Key Agreement",
		[KEYD_CERT_IAK] = "Digital Signature",
	};
	int channel = engine();
	struct binding binding;
	uint64_t issued;
	size_t key;
	X509 *read;

	(void)state;
	assert_int_equal(certify(channel, KEYD_CERT_IAK), KEYD_CERT_NO_CA);
	assert_int_equal(ca_show(&key, &issued), 0);
	assert_int_equal(key, 0);
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host one"), 0);
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host one"), EEXIST);
	assert_true(ca_show(&key, &issued) > 0);
	assert_true(key > 0);
	assert_int_equal(tool("openssl x509 -inform der -in @/chain -out @/root.pem"), 0);
	for (enum keyd_cert_kind kind = 1; kind < _KEYD_CERT_KIND_MAX; kind++) {
		const uint8_t *at = der;

		assert_int_equal(certify(channel, kind), KEYD_CERT_ISSUED);
		write_file("cert", der, der_length);
		assert_int_equal(tool("openssl x509 -inform der -in @/cert -out @/cert.pem"), 0);
		assert_int_equal(
			tool("openssl verify -x509_strict -CAfile @/root.pem -no-CApath "
			     "@/cert.pem"),
			0);
		assert_int_equal(tool("openssl x509 -in @/cert.pem -noout -text"), 0);
		assert_true(said(said_of[kind]));
		assert_true(said(kind == KEYD_CERT_IAK ? "2.23.133.8.3" : "2.23.133.8.1"));
		assert_true(said("X509v3 Subject Alternative Name: critical"));
		assert_true(said("2.23.133.2.1=id:49424D00"));
		assert_true(said("Issuer: OU = vtpm host CA, CN = host one"));
		read = d2i_X509(NULL, &at, (long)der_length);
		assert_int_equal(binding_of(read, &binding), 0);
		X509_free(read);
		assert_memory_equal(binding.uuid, TEST_UUID, IPC_UUID_SIZE);
		assert_int_equal(binding.epoch, TEST_EPOCH);
		assert_int_equal(binding.protection, KEYD_PROTECTION_TPM);
		assert_int_equal(binding.rollback, keyd.mode);
	}
	ca_show(&key, &issued);
	assert_int_equal(issued, 4);
	close(channel);
}

static void test_ca_external(void **state)
{
	static const char extensions[] = "basicConstraints=critical,CA:TRUE,pathlen:0\n"
					 "keyUsage=critical,keyCertSign\n";
	uint64_t issued;
	size_t key;
	int channel;

	(void)state;
	assert_int_equal(ca_init(0, "host two"), 0);
	assert_int_equal(ca_show(&key, &issued), 0);
	assert_true(key > 0);
	assert_int_equal(tool("openssl req -inform der -in @/csr -verify -noout"), 0);
	assert_int_equal(tool("openssl req -x509 -newkey rsa:2048 -nodes -keyout @/up.key "
			      "-out @/up.pem -subj /CN=above -days 9"),
			 0);
	write_file("ext", extensions, sizeof(extensions) - 1);
	assert_int_equal(tool("openssl x509 -req -inform der -in @/csr -CA @/up.pem -CAkey "
			      "@/up.key -CAcreateserial -days 9 -extfile @/ext -out @/host.pem"),
			 0);
	assert_int_equal(tool("openssl x509 -req -inform der -in @/csr -CA @/up.pem -CAkey "
			      "@/up.key -CAcreateserial -days 9 -out @/leaf.pem"),
			 0);
	assert_int_equal(import("up.pem"), EKEYREJECTED);
	assert_int_equal(import("leaf.pem"), EPERM);
	assert_int_equal(import("csr"), EBADMSG);
	join("host.pem", "host.pem", "two.pem");
	assert_int_equal(import("two.pem"), EBADE);
	join("host.pem", "up.pem", "two.pem");
	assert_int_equal(import("two.pem"), 0);
	channel = engine();
	assert_int_equal(certify(channel, KEYD_CERT_EK_P256), KEYD_CERT_ISSUED);
	write_file("cert", der, der_length);
	assert_int_equal(tool("openssl x509 -inform der -in @/cert -out @/cert.pem"), 0);
	assert_int_equal(
		tool("openssl verify -CAfile @/up.pem -untrusted @/host.pem @/cert.pem"), 0);
	/* a new key: what certified the former one does not count */
	assert_int_equal(ca_init(KEYD_CA_NEW, "host two"), 0);
	assert_int_equal(certify(channel, KEYD_CERT_EK_P256), KEYD_CERT_NO_CA);
	assert_int_equal(import("two.pem"), EKEYREJECTED);
	close(channel);
}

static void test_ca_refuses(void **state)
{
	uint8_t area[KEYD_PUBLIC_MAX];
	int channel = engine();
	size_t length;

	(void)state;
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, ""), EINVAL);
	assert_int_equal(ca_init(8, "host"), EINVAL);
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host"), 0);
	/* a key of another kind, one that may sign anything, and what is none */
	length = put_area(KEYD_CERT_IAK, area, sizeof(area));
	assert_int_equal(ask_for(channel, KEYD_CERT_EK_P256, area, length), -EINVAL);
	assert_int_equal(ask_for(channel, 0, area, length), -EINVAL);
	assert_int_equal(ask_for(channel, _KEYD_CERT_KIND_MAX, area, length), -EINVAL);
	assert_int_equal(ask_for(channel, KEYD_CERT_IAK, area, length - 1), -EINVAL);
	assert_int_equal(ask_for(channel, KEYD_CERT_IAK, area, 0), -EINVAL);
	assert_int_equal(ask_for(channel, KEYD_CERT_IAK, area, length), KEYD_CERT_ISSUED);
	area[5] &= 0xfe; /* not restricted */
	assert_int_equal(ask_for(channel, KEYD_CERT_IAK, area, length), -EINVAL);
	/* off the curve */
	area[5] |= 1;
	area[length - 1] ^= 1;
	assert_int_equal(ask_for(channel, KEYD_CERT_IAK, area, length), -EINVAL);
	close(channel);
}

/* A manager is no engine, nor is an engine without a data key. */
static void test_ca_roles(void **state)
{
	uint8_t buffer[64];
	struct ipc_out out = test_begin(KEYD_CERTIFY, buffer, sizeof(buffer));
	int channel = test_connect(&keyd);

	(void)state;
	cursor_put_u8(&out.body, KEYD_CERT_IAK);
	ipc_put_blob(&out, NULL, 0);
	assert_int_equal(test_ask_on(channel, &out, &reply), -EPIPE);
	close(channel);
	channel = engine();
	assert_int_equal(test_ask(&keyd, &out, &reply), -EPIPE);
	out = test_begin(KEYD_HOST_CA, buffer, sizeof(buffer));
	assert_int_equal(test_ask_on(channel, &out, &reply), -EPIPE);
	close(channel);
	close(keyd.channel);
	keyd.channel = test_connect(&keyd);
}

/* The key signs in the configuration the root key opens in, and in no other. */
static void test_ca_configuration(void **state)
{
	int channel;

	(void)state;
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host"), 0);
	test_keyd_stop(&keyd, SIGTERM);
	test_keyd_start(&keyd);
	channel = engine();
	assert_int_equal(certify(channel, KEYD_CERT_IAK), KEYD_CERT_ISSUED);
	close(channel);
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm, PCR_EXTEND, NULL), 0);
	test_keyd_start(&keyd);
	/* the root key is there, by its recovery code, and does not help */
	assert_int_equal(test_unlock(&keyd, 0, keyd.scalar, &reply), 0);
	channel = engine();
	assert_int_equal(certify(channel, KEYD_CERT_IAK), -EPERM);
	/* bound to what is now, the host has no key yet */
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	assert_int_equal(certify(channel, KEYD_CERT_IAK), KEYD_CERT_NO_CA);
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host"), 0);
	assert_int_equal(certify(channel, KEYD_CERT_IAK), KEYD_CERT_ISSUED);
	close(channel);
}

static void test_ca_issued(void **state)
{
	uint8_t buffer[32], records[16 * ISSUED_SIZE];
	struct ipc_out out = test_begin(KEYD_ISSUED, buffer, sizeof(buffer));
	int channel = engine();
	const uint8_t *from;
	size_t length;
	char path[96];

	(void)state;
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host"), 0);
	assert_int_equal(certify(channel, KEYD_CERT_EK_P384), KEYD_CERT_ISSUED);
	assert_int_equal(certify(channel, KEYD_CERT_IAK), KEYD_CERT_ISSUED);
	/* half a record is as none */
	snprintf(path, sizeof(path), "%s/keys/issued", keyd.dir);
	assert_int_equal(truncate(path, ISSUED_SIZE + 20), 0);
	assert_int_equal(certify(channel, KEYD_CERT_EK_P256), KEYD_CERT_ISSUED);
	cursor_put_u64(&out.body, 0);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	assert_int_equal(cursor_get_u64(&reply.in.body), 2);
	from = ipc_get_blob(&reply.in, sizeof(records), &length);
	assert_int_equal(length, 2 * ISSUED_SIZE);
	assert_memory_equal(from + 8, TEST_UUID, IPC_UUID_SIZE);
	assert_int_equal(from[31], TEST_EPOCH);
	assert_int_equal(from[48], KEYD_CERT_EK_P384);
	from += ISSUED_SIZE;
	assert_memory_equal(from + 32, serial, sizeof(serial));
	assert_int_equal(from[48], KEYD_CERT_EK_P256);
	close(channel);
}

static void test_ca_no_hardware(void **state)
{
	int channel = engine();

	(void)state;
	assert_int_equal(ca_init(KEYD_CA_SELF_SIGNED, "host"), ENODEV);
	assert_int_equal(certify(channel, KEYD_CERT_IAK), KEYD_CERT_NO_CA);
	close(channel);
}

/* Signatures take a fifth of the time at most. */
static void test_duty(void **state)
{
	struct duty duty = { 0 };
	uint64_t now = 1000000000, used = 0, begin;

	(void)state;
	assert_int_equal(duty_wait(&duty, now), 0);
	duty_use(&duty, DUTY_BURST_USEC);
	begin = now;
	for (unsigned int i = 0; i < 1000; i++) {
		uint32_t ms = duty_wait(&duty, now);

		if (ms) {
			/* not a moment earlier */
			if (ms > 2)
				assert_int_not_equal(
					duty_wait(&duty, now + 1000 * (uint64_t)(ms - 2)), 0);
			now += 1000 * (uint64_t)ms;
			assert_int_equal(duty_wait(&duty, now), 0);
		}
		duty_use(&duty, 70000);
		used += 70000;
		now += 70000;
	}
	assert_true(used * DUTY_SHARE <= now - begin + DUTY_SHARE * 70000);
	assert_true(used * DUTY_SHARE * 100 >= (now - begin) * 95);
	/* a pause is worth a burst, not more */
	assert_int_equal(duty_wait(&duty, now + 86400000000ull), 0);
	duty_use(&duty, DUTY_BURST_USEC);
	assert_int_not_equal(duty_wait(&duty, now + 86400000000ull), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duty),
		cmocka_unit_test_setup_teardown(test_ca_self, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_external, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_issued, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_no_hardware, setup_no_hardware, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
