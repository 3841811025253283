// SPDX-License-Identifier: BSD-3-Clause
/*
 * Little-endian by hand: the cursor writes big-endian ones alone, and only tests need more.
 */
#include "attest/test_log.h"

#include <stdlib.h>
#include <string.h>

/* Algorithms of the banks (TCG Algorithm Registry, 6.2) */
static const uint16_t ids[_ATTEST_BANK_MAX] = { 0x0004, 0x000b, 0x000c, 0x000d, 0x0012 };

static const uint8_t global[16] = { 0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
				    0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c };
static const uint8_t image[16] = { 0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
				   0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f };
static const uint8_t x509[16] = { 0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
				  0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72 };

static void put_le(struct cursor_out *out, uint64_t value, int bytes)
{
	for (; bytes--; value >>= 8)
		cursor_put_u8(out, (uint8_t)value);
}

void test_log_le16(struct test_log *log, uint16_t value)
{
	put_le(&log->out, value, 2);
}

void test_log_le32(struct test_log *log, uint32_t value)
{
	put_le(&log->out, value, 4);
}

void test_log_le64(struct test_log *log, uint64_t value)
{
	put_le(&log->out, value, 8);
}

static void put_spec_id(struct test_log *log)
{
	static const uint8_t zeros[20];
	unsigned int banks = (unsigned int)__builtin_popcount(log->banks);

	test_log_le32(log, 0);
	test_log_le32(log, EV_NO_ACTION);
	cursor_put_raw(&log->out, zeros, sizeof(zeros));
	test_log_le32(log, 29 + 4 * banks);
	cursor_put_raw(&log->out, "Spec ID Event03", 16);
	test_log_le32(log, 0);
	cursor_put_u32(&log->out, 0x00020002); /* 2.00, UINTN of 8 bytes */
	test_log_le32(log, banks);
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!(log->banks & 1u << bank))
			continue;
		test_log_le16(log, ids[bank]);
		test_log_le16(log, (uint16_t)hash_size(bank));
	}
	cursor_put_u8(&log->out, 0);
}

struct test_log *test_log_new(uint32_t banks)
{
	struct test_log *log = calloc(1, sizeof(*log));

	log->out = cursor_out(log->bytes, sizeof(log->bytes));
	log->hash = hash_new();
	log->agile = banks;
	log->banks = banks ? banks : 1u << ATTEST_SHA1;
	if (banks)
		put_spec_id(log);
	return log;
}

void test_log_free(struct test_log *log)
{
	hash_free(log->hash);
	free(log);
}

static void put_event(struct test_log *log, uint32_t pcr, uint32_t type,
		      const struct hash_part *measured, const void *data, size_t length)
{
	test_log_le32(log, pcr);
	test_log_le32(log, type);
	if (log->agile)
		test_log_le32(log, (uint32_t)__builtin_popcount(log->banks));
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		uint8_t digest[ATTEST_DIGEST_MAX] = { 0 };

		if (!(log->banks & 1u << bank))
			continue;
		if (measured)
			hash_parts(log->hash, bank, measured, 1, digest);
		if (log->agile)
			test_log_le16(log, ids[bank]);
		cursor_put_raw(&log->out, digest, hash_size(bank));
	}
	test_log_le32(log, (uint32_t)length);
	cursor_put_raw(&log->out, data, length);
}

void test_log_event(struct test_log *log, uint32_t pcr, uint32_t type, const void *measured,
		    size_t measured_length, const void *data, size_t length)
{
	const struct hash_part part = { measured, measured_length };

	put_event(log, pcr, type, &part, data, length);
}

void test_log_true(struct test_log *log, uint32_t pcr, uint32_t type, const void *data,
		   size_t length)
{
	test_log_event(log, pcr, type, data, length, data, length);
}

void test_log_text(struct test_log *log, uint32_t pcr, uint32_t type, const char *text)
{
	test_log_true(log, pcr, type, text, strlen(text));
}

void test_log_mute(struct test_log *log, uint32_t pcr, const void *data, size_t length)
{
	put_event(log, pcr, EV_NO_ACTION, NULL, data, length);
}

size_t test_log_variable_bytes(uint8_t *to, size_t room, bool is_image, const char *name,
			       const void *data, size_t length)
{
	struct cursor_out out = cursor_out(to, room);

	cursor_put_raw(&out, is_image ? image : global, sizeof(image));
	put_le(&out, strlen(name), 8);
	put_le(&out, length, 8);
	while (*name)
		put_le(&out, (uint8_t)*name++, 2);
	cursor_put_raw(&out, data, length);
	return out.used;
}

void test_log_variable(struct test_log *log, uint32_t type, bool is_image, const char *name,
		       const void *data, size_t length)
{
	uint8_t bytes[4096];
	size_t used = test_log_variable_bytes(bytes, sizeof(bytes), is_image, name, data, length);

	test_log_true(log, 7, type, bytes, used);
}

size_t test_log_sigdb_bytes(uint8_t *to, size_t room, const char *certificate)
{
	struct cursor_out out = cursor_out(to, room);
	size_t length = strlen(certificate);

	cursor_put_raw(&out, x509, sizeof(x509));
	put_le(&out, 28 + 16 + length, 4);
	put_le(&out, 0, 4);
	put_le(&out, 16 + length, 4);
	cursor_put_raw(&out, global, sizeof(global));
	cursor_put_raw(&out, certificate, length);
	return out.used;
}

void test_log_keys(struct test_log *log, int on)
{
	static const char *const names[] = { "PK", "KEK", "db" };
	const uint8_t value = (uint8_t)on;
	uint8_t bytes[256];
	size_t used = test_log_sigdb_bytes(bytes, sizeof(bytes), "a certificate of the maker");

	test_log_variable(log, EV_EFI_VARIABLE_DRIVER_CONFIG, false, "SecureBoot", &value,
			  on < 0 ? 0 : 1);
	for (size_t i = 0; i < 3; i++)
		test_log_variable(log, EV_EFI_VARIABLE_DRIVER_CONFIG, i == 2, names[i], bytes,
				  used);
	test_log_variable(log, EV_EFI_VARIABLE_DRIVER_CONFIG, true, "dbx", NULL, 0);
}

void test_log_separators(struct test_log *log, uint32_t without)
{
	static const uint8_t zeros[4];

	for (uint32_t pcr = 0; pcr < 8; pcr++)
		if (!(without & 1u << pcr))
			test_log_true(log, pcr, EV_SEPARATOR, zeros, sizeof(zeros));
}

void test_log_boot(struct test_log *log)
{
	static const char load[32] = "a load event", command[] = "grub_cmd: linux /vmlinuz";

	test_log_variable(log, EV_EFI_VARIABLE_AUTHORITY, true, "db", "owner, and certificate", 22);
	test_log_event(log, 4, EV_EFI_BOOT_SERVICES_APPLICATION, "shim", 4, load, sizeof(load));
	test_log_event(log, 14, EV_IPL, "list", 4, "MokList", 8);
	test_log_event(log, 8, EV_IPL, command + 10, sizeof(command) - 11, command,
		       sizeof(command));
	test_log_event(log, 9, EV_IPL, "a kernel", 8, "/vmlinuz", 9);
	test_log_text(log, 5, EV_EFI_ACTION, "Exit Boot Services Invocation");
	test_log_text(log, 5, EV_EFI_ACTION, "Exit Boot Services Returned with Success");
}

struct test_log *test_log_good(uint32_t banks, int on)
{
	struct test_log *log = test_log_new(banks);

	test_log_true(log, 0, EV_S_CRTM_VERSION, "1\0.\0000\0", 6);
	test_log_event(log, 0, EV_EFI_PLATFORM_FIRMWARE_BLOB, "code", 4, "where and how much", 16);
	test_log_keys(log, on);
	test_log_text(log, 4, EV_EFI_ACTION, "Calling EFI Application from Boot Option");
	test_log_separators(log, 0);
	test_log_boot(log);
	return log;
}

static void put_field(struct cursor_out *out, const void *bytes, size_t length)
{
	for (int i = 0; i < 4; i++)
		cursor_put_u8(out, (uint8_t)(length >> 8 * i));
	cursor_put_raw(out, bytes, length);
}

/* Of a file its digest is that of its name, so that each differs. */
static void file_digest(struct test_log *log, const char *path, const struct attest_pcrs *pcrs,
			uint8_t ret[ATTEST_DIGEST_MAX])
{
	struct hash_part parts[10] = { { path, strlen(path) } };
	size_t count = 1;

	if (!strcmp(path, "boot_aggregate"))
		for (count = 0; count < 10; count++)
			parts[count] = (struct hash_part){ pcrs->value[ATTEST_SHA256][count], 32 };
	hash_parts(log->hash, ATTEST_SHA256, parts, count, ret);
}

void test_log_ima(struct test_log *log, const char *path, struct attest_pcrs *pcrs)
{
	uint8_t bytes[512], digest[ATTEST_DIGEST_MAX], named[40];
	struct cursor_out data = cursor_out(bytes, sizeof(bytes));
	struct cursor_out name = cursor_out(named, sizeof(named));
	struct hash_part part = { bytes, 0 };

	file_digest(log, path, pcrs, digest);
	cursor_put_raw(&name, "sha256:", 8);
	cursor_put_raw(&name, digest, 32);
	put_field(&data, named, name.used);
	put_field(&data, path, strlen(path) + 1);
	put_field(&data, NULL, 0);
	part.length = data.used;
	hash_parts(log->hash, ATTEST_SHA1, &part, 1, digest);
	test_log_le32(log, 10);
	cursor_put_raw(&log->out, digest, 20);
	put_field(&log->out, "ima-sig", 7);
	put_field(&log->out, bytes, data.used);
	hash_parts(log->hash, ATTEST_SHA256, &part, 1, digest);
	hash_extend(log->hash, ATTEST_SHA256, pcrs->value[ATTEST_SHA256][10], digest);
}

void test_log_measure(const struct test_log *log, struct test_quote *quote)
{
	struct attest_verdict *verdict = calloc(1, sizeof(*verdict));
	struct eventlog parsed;

	if (!verdict || eventlog_parse(&parsed, log->bytes, log->out.used, verdict))
		abort();
	eventlog_replay(&parsed, quote->hash, &quote->values);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		quote->values.has[bank] = bank == ATTEST_SHA256 ? 0xffff : 0;
	quote->selection = (struct selection){ 1, { ATTEST_SHA256 }, { 0xffff } };
	eventlog_done(&parsed);
	free(verdict);
}
