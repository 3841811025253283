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
#define CC_FLUSH_CONTEXT 0x165
#define CAP_COMMANDS 2
#define CAP_PCRS 5
#define CAP_PROPERTIES 6
#define PT_TOTAL_COMMANDS 0x129
#define ALG_SHA256 0x0b
#define RC_COMMAND_CODE 0x143

/* TPMA_CC: what is in bits 15..0 is the code, no handles. */
static const uint32_t commands[] = {
	CC_SELF_TEST, CC_STARTUP, CC_SHUTDOWN, CC_GET_CAPABILITY, CC_GET_RANDOM, CC_PCR_READ,
	CC_FLUSH_CONTEXT,
};

static size_t respond(uint8_t *response, uint32_t code, const uint8_t *body, size_t size)
{
	return tpm_build(response, TPM_NO_SESSIONS, code, body, size);
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
