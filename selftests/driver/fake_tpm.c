// SPDX-License-Identifier: GPL-2.0
/*
 * A TPM 2.0 that satisfies tpm_chip_register(): see fake_tpm.h. Numbers are
 * those of Part 2, 6.5.2 (commands), 6.12 (capabilities) and 6.13 (properties).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fake_tpm.h"

#define CC_SELF_TEST 0x143
#define CC_STARTUP 0x144
#define CC_SHUTDOWN 0x145
#define CC_GET_CAPABILITY 0x17a
#define CC_GET_RANDOM 0x17b
#define CC_PCR_READ 0x17e
#define CC_CONTEXT_LOAD 0x161
#define CC_CONTEXT_SAVE 0x162
#define CC_FLUSH_CONTEXT 0x165
#define CAP_COMMANDS 2
#define CAP_PCRS 5
#define CAP_PROPERTIES 6
#define PT_TOTAL_COMMANDS 0x129
#define ALG_SHA256 0x0b
#define RC_COMMAND_CODE 0x143
#define NULL_HANDLE 0x80000000

/* TPMA_CC (Part 2, 8.9): code, number of handles in, whether one comes out. */
#define CC_HANDLES(n) ((uint32_t)(n) << 25)
#define CC_RESULT (1u << 28)

static const uint32_t commands[] = {
	CC_SELF_TEST, CC_STARTUP, CC_SHUTDOWN, CC_GET_CAPABILITY, CC_GET_RANDOM, CC_PCR_READ,
	CC_FLUSH_CONTEXT, CC_CONTEXT_SAVE | CC_HANDLES(1), CC_CONTEXT_LOAD | CC_RESULT,
	TPM_CC_CREATE_PRIMARY | CC_HANDLES(1) | CC_RESULT,
};

/*
 * What a kernel with TCG_TPM2_HMAC asks for when it registers a chip: a P-256 key of the
 * null hierarchy. Its point is the curve's generator; the last 32 bytes are the SHA-256
 * of the public area, its name.
 */
static const uint8_t null_public[] = {
	0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x04, 0x72, 0x00, 0x00, 0x00, 0x06,
	0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20,
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
	0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x00, 0x20, 0x4f, 0xe3,
	0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f,
	0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6,
	0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

static const uint8_t null_digest[32] = {
	0x61, 0xa7, 0x23, 0x08, 0xdb, 0xf4, 0xf1, 0x90, 0xe4, 0x01, 0x30, 0xca,
	0x2f, 0x38, 0x43, 0x21, 0x88, 0x42, 0x27, 0x39, 0xba, 0x99, 0xd6, 0x4c,
	0x24, 0x24, 0x1e, 0xfd, 0xa8, 0xa7, 0xcb, 0x83,
};

static size_t respond(uint8_t *response, uint32_t code, const uint8_t *body, size_t size)
{
	return tpm_build(response, TPM_NO_SESSIONS, code, body, size);
}

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

/* TPM2_CreatePrimary (Part 3, 24.1), whatever was asked for. */
static size_t create_primary(uint8_t *response)
{
	static const uint8_t no_creation_data[] = { 0, 0, 0, 32 };
	static const uint8_t ticket[] = { 0x80, 0x21, 0x40, 0, 0, 0x07, 0, 0 };
	static const uint8_t name_head[] = { 0, 34, 0, ALG_SHA256 };
	static const uint8_t session[] = { 0, 0, 1, 0, 0 };
	uint8_t body[400] = { 0 }, *end = body + 8;

	put_u16(end, sizeof(null_public));
	end = put(end + 2, null_public, sizeof(null_public));
	end = put(end, no_creation_data, sizeof(no_creation_data)) + 32;
	end = put(end, ticket, sizeof(ticket));
	end = put(end, name_head, sizeof(name_head));
	end = put(end, null_digest, sizeof(null_digest));
	put_u32(body, NULL_HANDLE);
	put_u32(body + 4, end - (body + 8));
	end = put(end, session, sizeof(session));
	return tpm_build(response, TPM_SESSIONS, 0, body, end - body);
}

/* A context without contents: there is one key. */
static size_t context_save(uint8_t *response)
{
	uint8_t body[18 + 8] = { 0 };

	put_u32(body + 8, NULL_HANDLE);
	put_u32(body + 12, 0x40000007);
	put_u16(body + 16, 8);
	return respond(response, 0, body, sizeof(body));
}

static size_t get_capability(const uint8_t *command, size_t size, uint8_t *response)
{
	uint8_t body[256] = { 0 };
	uint32_t capability;
	unsigned int i;

	if (size < TPM_HEAD + 12)
		return respond(response, 0x95, NULL, 0);
	capability = get_u32(command + TPM_HEAD);
	put_u32(body + 1, capability);
	switch (capability) {
	case CAP_PROPERTIES:
		put_u32(body + 5, 1);
		put_u32(body + 9, get_u32(command + TPM_HEAD + 4));
		put_u32(body + 13, get_u32(command + TPM_HEAD + 4) == PT_TOTAL_COMMANDS ?
			ARRAY_LENGTH(commands) : 0);
		return respond(response, 0, body, 17);
	case CAP_COMMANDS:
		put_u32(body + 5, ARRAY_LENGTH(commands));
		for (i = 0; i < ARRAY_LENGTH(commands); i++)
			put_u32(body + 9 + 4 * i, commands[i]);
		return respond(response, 0, body, 9 + 4 * i);
	case CAP_PCRS:
		put_u32(body + 5, 1);
		put_u16(body + 9, ALG_SHA256);
		body[11] = 3;
		memset(body + 12, 0xff, 3);
		return respond(response, 0, body, 15);
	}
	return respond(response, 0, body, 9);
}

static size_t pcr_read(const uint8_t *command, size_t size, uint8_t *response)
{
	uint8_t body[4 + 10 + 4 + 2 + 32] = { 0 };

	if (size < TPM_HEAD + 10)
		return respond(response, 0x95, NULL, 0);
	memcpy(body + 4, command + TPM_HEAD, 10);
	put_u32(body + 14, 1);
	put_u16(body + 18, 32);
	memset(body + 20, 0xa5, 32);
	return respond(response, 0, body, sizeof(body));
}

size_t fake_tpm_run(const uint8_t *command, size_t size, uint8_t *response)
{
	uint8_t body[2 + 64];
	unsigned int count;

	if (size < TPM_HEAD)
		return respond(response, 0x95, NULL, 0);
	switch (tpm_code(command)) {
	case CC_SELF_TEST:
	case CC_STARTUP:
	case CC_SHUTDOWN:
	case CC_FLUSH_CONTEXT:
	case TPM_CC_SET_LOCALITY:
		return respond(response, 0, NULL, 0);
	case CC_GET_CAPABILITY:
		return get_capability(command, size, response);
	case TPM_CC_CREATE_PRIMARY:
		return create_primary(response);
	case CC_CONTEXT_SAVE:
		return context_save(response);
	case CC_CONTEXT_LOAD:
		put_u32(body, NULL_HANDLE);
		return respond(response, 0, body, 4);
	case CC_PCR_READ:
		return pcr_read(command, size, response);
	case CC_GET_RANDOM:
		count = size < TPM_HEAD + 2 ? 0 : command[TPM_HEAD] << 8 | command[TPM_HEAD + 1];
		count = count > 64 ? 64 : count;
		put_u16(body, count);
		memset(body + 2, 0x5a, count);
		return respond(response, 0, body, 2 + count);
	}
	return respond(response, RC_COMMAND_CODE, NULL, 0);
}

/* Serve until the file ends or @limit commands are answered (-1: no limit). */
int fake_tpm_serve_bare(int fd, int limit)
{
	uint8_t command[VTPM_COMMAND_SIZE], response[VTPM_COMMAND_SIZE];
	ssize_t size;

	while (limit < 0 || limit-- > 0) {
		size = read(fd, command, sizeof(command));
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		size = fake_tpm_run(command, size, response);
		if (write(fd, response, size) < 0 && errno == EPIPE)
			return -EPIPE;
	}
	return 0;
}

int fake_tpm_serve_framed(int fd, int limit)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	struct frame frame;
	int rc;

	while (limit < 0 || limit-- > 0) {
		rc = server_fetch_command(fd, &frame);
		if (rc == -EINTR)
			continue;
		if (rc < 0)
			return rc;
		rc = fake_tpm_run(frame.payload, rc - sizeof(frame.head), response);
		rc = server_answer(fd, frame.head.id, 0, response, rc);
		if (rc == -EPIPE)
			return rc;
	}
	return 0;
}
