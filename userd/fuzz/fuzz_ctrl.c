// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the control channel: the input is what lies in the socket at one time, {length u16,
 * bytes} each, and a first byte that chooses how the TPM behind it fails.
 *
 * What must hold: what is measured is never more than there is; a request has one answer of
 * four bytes, of its success's length, or, of a state that is still coming, none; an operation
 * is called only in a state that allows it; nothing of a state stays behind in memory.
 */
#include <stdlib.h>

#include "ctrl/ctrl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctrl_note note;
static struct ctrl ctrl = { .note = &note };
static uint8_t response[CTRL_RESPONSE_MAX];
static int fails;
static bool migrates;

static int outcome(bool allowed)
{
	if (!allowed)
		abort();
	return fails;
}

static int on_init(void *context, bool goes_on)
{
	(void)context;
	return outcome(!goes_on || note.goes_on);
}

static int on_stop(void *context)
{
	(void)context;
	return outcome(!note.off);
}

static int on_established(void *context, bool *ret)
{
	(void)context;
	*ret = true;
	return outcome(!note.off);
}

static int on_reset(void *context, uint8_t locality)
{
	(void)context;
	return outcome(!note.off && locality <= 4);
}

static int on_hash(void *context, enum ctrl_hash part, const uint8_t *bytes, size_t length)
{
	static uint8_t copy[CTRL_REQUEST_MAX];

	(void)context;
	if (!cursor_copy(copy, sizeof(copy), bytes, length))
		abort();
	return outcome(!note.off && (part == CTRL_HASH_DATA || !length));
}

static void on_buffer(void *context, uint32_t wanted, struct ctrl_buffer *ret)
{
	(void)context;
	outcome(!wanted || note.off);
	*ret = (struct ctrl_buffer){ wanted, 1, 2 };
}

static int on_info(void *context, uint64_t flags, struct cursor_out *out)
{
	(void)context;
	for (uint64_t i = 0; i < flags % 5000; i++)
		cursor_put_u8(out, 'i');
	return outcome(true);
}

static int on_data(void *context, int fd)
{
	(void)context;
	return outcome(fd == 5);
}

static int on_get(void *context, enum ctrl_state state, bool plain, struct cursor_out *out,
		  bool *ret_sealed)
{
	(void)context;
	(void)plain;
	for (int i = 0; i < 100; i++)
		cursor_put_u8(out, 0xaa);
	*ret_sealed = true;
	return outcome(!note.off &&
		       (state == CTRL_STATE_PERMANENT || state == CTRL_STATE_VOLATILE));
}

static int on_set(void *context, enum ctrl_state state, bool sealed, const uint8_t *bytes,
		  size_t length)
{
	(void)context;
	(void)sealed;
	return outcome(note.off && migrates && length && bytes == ctrl.bytes &&
		       (state == CTRL_STATE_PERMANENT || state == CTRL_STATE_VOLATILE));
}

static bool on_migrates(void *context)
{
	(void)context;
	return migrates;
}

static const struct ctrl_ops ops = {
	.init = on_init,
	.stop = on_stop,
	.established = on_established,
	.reset_established = on_reset,
	.hash = on_hash,
	.buffer = on_buffer,
	.info = on_info,
	.take_data = on_data,
	.get_state = on_get,
	.set_state = on_set,
	.migrates = on_migrates,
};

static void check_answer(const struct cursor_out *out, int r, bool receiving)
{
	struct cursor_in in = cursor_in(response, out->used);
	uint32_t result = cursor_get_u32(&in);

	if (out->bad || (r && out->used))
		abort();
	if (r)
		return;
	if (receiving != !out->used)
		abort();
	if (out->used)
		ctrl_answered(&note);
	if (receiving != note.receiving)
		abort();
	if (result && out->used != 4 && out->used != 16)
		abort();
}

static void take(const uint8_t *bytes, size_t have)
{
	while (have) {
		struct cursor_out out = cursor_out(response, sizeof(response));
		size_t size = ctrl_size(&ctrl, bytes, have);
		int fd = ctrl_takes_fd(bytes, size) ? 5 : -1;
		int r;

		if (size > have)
			abort();
		if (!size)
			return;
		r = ctrl_run(&ctrl, bytes, size, &fd, &out);
		check_answer(&out, r, ctrl.receiving);
		bytes += size;
		have -= size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int failures[] = { 0, 0, 0, CTRL_FAIL, CTRL_RETRY, CTRL_DECRYPT_ERROR, -5, 0 };
	struct cursor_in in = cursor_in(data, size);
	uint8_t how = cursor_get_u8(&in);

	ctrl.ops = &ops;
	note = (struct ctrl_note){ .off = how & 1 };
	migrates = how & 2;
	fails = failures[how >> 2 & 7];
	while (!in.bad && in.left) {
		size_t length = cursor_get_u16(&in) % (CTRL_REQUEST_MAX + 1);

		if (length > in.left)
			length = in.left;
		take(cursor_get_bytes(&in, length), length);
	}
	ctrl_drop(&ctrl);
	if (!cursor_is_zero(ctrl.bytes, 4096))
		abort();
	return 0;
}
