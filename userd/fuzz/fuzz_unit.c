// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the opening of a checkpoint: root and heads are whatever the input says.
 * A unit that is found whole must open, and one more publish must be found again.
 *
 * Most inputs would die at the magic; with the first byte odd, the root is a
 * sound one and the rest of the input is the current unit's head. With its second bit set
 * the unit is sound, too, and the input is the entries of its log, whose word is sound.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_AT 4096
/* behind root, heads, and two each of volatile states, envelopes and tables */
#define LOG_AT (16384 + 2 * (UNIT_VOLATILE_MAX + UNIT_ENVELOPE_MAX + UNIT_TABLES_MAX))

static const uint8_t bytes[GCM_KEY_SIZE], uuid[ENVELOPE_UUID_SIZE];
static struct envelope_key key;

static int sound_memory(void)
{
	static const uint8_t byte = 1;
	struct unit_content content = {
		.generation = 1,
		.permanent = &byte,
		.permanent_length = 1,
		.volatile_state = &byte,
		.volatile_length = 1,
	};
	const struct unit_entry entry = {
		.id = 1,
		.command = &byte,
		.command_length = 1,
		.answer = &byte,
		.answer_length = 1,
	};
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct unit unit;

	/* twice: the first head is the current one then */
	if (fd < 0 || unit_map(&unit, fd) || unit_set_key(&unit, &key, 1) ||
	    unit_publish(&unit, &content) || unit_publish(&unit, &content) ||
	    unit_append(&unit, &entry) || unit_append(&unit, &entry))
		abort();
	unit_unmap(&unit);
	return fd;
}

static off_t place(uint8_t byte)
{
	if (byte & 2)
		return LOG_AT + (off_t)offsetof(struct unit_log, bytes);
	return byte & 1 ? HEAD_AT : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t byte = 2;
	struct unit_content content = {
		.generation = 1,
		.volatile_state = &byte,
		.volatile_length = 1,
	};
	struct unit_plain *plain = NULL;
	struct unit_entry entry;
	struct cursor_in in;
	const char *reason = NULL;
	struct unit unit;
	int fd;

	if (!size || size > 3 * HEAD_AT || (data[0] & 2 && size > UNIT_LOG_SIZE))
		return 0;
	if (!key.gcm.context && envelope_key_init(&key, bytes, uuid, 1, 1))
		abort();
	fd = sound_memory();
	if (pwrite(fd, data + 1, size - 1, place(data[0])) < 0 || unit_map(&unit, fd) ||
	    unit_set_key(&unit, &key, 1))
		abort();

	switch (unit_check(&unit, &reason)) {
	case UNIT_WHOLE:
		if (unit_open(&unit, &plain, &reason))
			abort();
		in = cursor_in(plain->log, plain->log_length);
		while (unit_log_next(&in, &entry))
			;
		if (!cursor_ended(&in))
			abort();
		unit_close(&plain);
		if (unit_publish(&unit, &content) || unit_check(&unit, &reason) != UNIT_WHOLE)
			abort();
		unit_back(&unit);
		break;
	case UNIT_BROKEN:
		if (!reason)
			abort();
		break;
	case UNIT_NONE:
	case UNIT_UNREAD:
		break;
	}
	unit_unmap(&unit);
	close(fd);
	return 0;
}
