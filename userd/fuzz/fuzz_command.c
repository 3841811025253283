// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what looks at a command before libtpms does: head, table, sessions. What
 * must hold besides memory safety: nothing read-only is ever seen in a command
 * whose session area cannot be understood.
 *
 * With the first byte odd, the rest of the input is what follows a sound head:
 * the low byte of the command code, handles, sessions, parameters.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "wire/command.h"
#include "wire/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *data, size_t size)
{
	const struct command_attributes *attributes;
	struct tpm_command command;

	tpm_response_code(data, size);
	if (tpm_command_parse(data, size, &command) != TPM_RC_SUCCESS)
		return;
	if (command.size != size || command.bytes != data)
		abort();

	attributes = command_find(command.code);
	if (command_sessions(&command, attributes) == COMMAND_SESSIONS_NONE && !attributes &&
	    command.tag != TPM_ST_NO_SESSIONS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor_out out;
	uint8_t *bytes;

	if (size < 2)
		return 0;
	if (!(data[0] & 1)) {
		look(data + 1, size - 1);
		return 0;
	}

	/* On the heap and of the exact size, so that one byte too far is seen. */
	bytes = malloc(TPM_HEAD_SIZE + size - 2);
	if (!bytes)
		abort();
	out = cursor_out(bytes, TPM_HEAD_SIZE + size - 2);
	cursor_put_u16(&out, TPM_ST_SESSIONS);
	cursor_put_u32(&out, (uint32_t)out.room);
	cursor_put_u32(&out, 0x100u | data[1]);
	cursor_put_raw(&out, data + 2, size - 2);
	look(bytes, out.used);
	free(bytes);
	return 0;
}
