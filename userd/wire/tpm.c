// SPDX-License-Identifier: BSD-3-Clause
/*
 * Heads of commands and responses; see the header.
 */
#include "wire/tpm.h"

#include "base/cursor.h"

uint32_t tpm_command_parse(const uint8_t *bytes, size_t length, struct tpm_command *ret)
{
	struct cursor_in in = cursor_in(bytes, length);
	uint16_t tag = cursor_get_u16(&in);
	uint32_t size = cursor_get_u32(&in);
	uint32_t code = cursor_get_u32(&in);

	if (in.bad || size != length)
		return TPM_RC_COMMAND_SIZE;
	if (tag != TPM_ST_NO_SESSIONS && tag != TPM_ST_SESSIONS)
		return TPM_RC_BAD_TAG;

	*ret = (struct tpm_command){
		.bytes = bytes,
		.size = length,
		.tag = tag,
		.code = code,
	};
	return TPM_RC_SUCCESS;
}

size_t tpm_response_error(uint8_t *to, uint32_t rc)
{
	struct cursor_out out = cursor_out(to, TPM_HEAD_SIZE);

	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, TPM_HEAD_SIZE);
	cursor_put_u32(&out, rc);
	return out.used;
}

uint32_t tpm_response_code(const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);
	uint32_t size, code;

	cursor_get_u16(&in);
	size = cursor_get_u32(&in);
	code = cursor_get_u32(&in);
	if (in.bad || size != length)
		return TPM_RC_FAILURE;
	return code;
}
