// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked on the control channel of a stream link, done.
 *
 * libtpms has a TPM powered on all the time. That it is off is a word in the link's note,
 * which outlives this engine: commands are answered without the TPM then, and the
 * power-on that follows is a power cycle. So there is always a unit to resume from.
 *
 * A vTPM with firmware of its own is off until a monitor powers it on, as swtpm is before
 * CMD_INIT; another one is on, as it was without a monitor.
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ctrl/ctrl.h"

static struct ctrl ctrl;

/* A commit that failed for good leaves the TPM as it was. */
static int result(int r)
{
	return r == ENGINE_NOT_KEPT ? CTRL_FAIL : r;
}

static int on_stop(void *context)
{
	struct engine *engine = context;
	int r = 0;

	if (!ctrl.note->shut)
		r = engine_order_shutdown();
	if (!r)
		r = engine_publish(engine, 0, false);
	if (r == ENGINE_NOT_KEPT)
		log_line("the TPM is powered off without a shutdown: its state cannot be stored");
	return r == ENGINE_NOT_KEPT ? 0 : r;
}

static int on_init(void *context, bool goes_on)
{
	struct engine *engine = context;
	uint32_t min, max;

	ctrl.note->shut = 0;
	if (ctrl.note->buffer)
		tpmlib_buffer(ctrl.note->buffer, &min, &max);
	if (ctrl.note->loaded)
		return carry_begin(engine, ctrl.note->loaded);
	if (goes_on)
		return 0;
	return result(engine_cycle(engine));
}

static int on_established(void *context, bool *ret)
{
	(void)context;
	*ret = tpmlib_established();
	return 0;
}

/* What changed the TPM beside a command is in the next unit before it is answered. */
static int publish(struct engine *engine)
{
	struct link *link = &engine->link;
	struct cursor_out out = cursor_out(link->answer.response, sizeof(link->answer.response));

	engine->unsettled = true;
	cursor_put_u32(&out, CTRL_OK);
	link_respond(link, out.used);
	return result(engine_publish(engine, link->control_id, false));
}

static int on_reset_established(void *context, uint8_t locality)
{
	uint32_t refused = tpmlib_reset_established(locality);

	return refused ? (int)refused : publish(context);
}

static int on_hash(void *context, enum ctrl_hash part, const uint8_t *bytes, size_t length)
{
	struct engine *engine = context;
	uint32_t refused = 0;

	/* The engine before did it, and died before it could say so. */
	if (engine->link.control_id && engine->link.control_id == engine->unit.id)
		return 0;
	switch (part) {
	case CTRL_HASH_START:
		refused = tpmlib_hash_start();
		break;
	case CTRL_HASH_DATA:
		refused = tpmlib_hash_data(bytes, length);
		break;
	case CTRL_HASH_END:
		refused = tpmlib_hash_end();
		break;
	}
	return refused ? (int)refused : publish(engine);
}

static void on_buffer(void *context, uint32_t wanted, struct ctrl_buffer *ret)
{
	(void)context;
	ret->now = tpmlib_buffer(wanted, &ret->min, &ret->max);
}

static int on_info(void *context, uint64_t flags, struct cursor_out *out)
{
	char *text = tpmlib_info(flags);

	(void)context;
	if (!text)
		return CTRL_FAIL;
	cursor_put_raw(out, text, strlen(text) + 1);
	free(text);
	return 0;
}

static int on_data(void *context, int fd)
{
	struct engine *engine = context;

	/* The engine before took it, and died before it could say so. */
	if (ctrl.note->took && engine->link.client >= 0) {
		close(fd);
		return 0;
	}
	return link_take_client(&engine->link, fd) ? CTRL_IO_ERROR : 0;
}

/* What leaves as plain text was decided when the vTPM was made, not by who asks (as QEMU does). */
static int on_get_state(void *context, enum ctrl_state state, bool plain, struct cursor_out *out,
			bool *ret_sealed)
{
	(void)plain;
	return carry_out(context, state, out, ret_sealed);
}

/* swtpm_ioctl does not say that it is sealed. What is not does not open. */
static int on_set_state(void *context, enum ctrl_state state, bool sealed, const uint8_t *bytes,
			size_t length)
{
	(void)sealed;
	return carry_in(context, state, bytes, length);
}

static bool on_migrates(void *context)
{
	const struct engine *engine = context;

	return engine->carries || engine->plain_state;
}

static const struct ctrl_ops ops = {
	.init = on_init,
	.stop = on_stop,
	.established = on_established,
	.reset_established = on_reset_established,
	.hash = on_hash,
	.buffer = on_buffer,
	.info = on_info,
	.take_data = on_data,
	.get_state = on_get_state,
	.set_state = on_set_state,
	.migrates = on_migrates,
};

void engine_control_begin(struct engine *engine)
{
	struct ctrl_note *note = link_note(&engine->link);
	uint32_t min, max;

	if (!note || engine->link.control_fd < 0)
		return;
	ctrl.ops = &ops;
	ctrl.context = engine;
	ctrl.note = note;
	engine->link.ctrl = &ctrl;
	if (!engine->resumed)
		note->off = engine->firmware;
	if (note->buffer)
		tpmlib_buffer(note->buffer, &min, &max);
}

void engine_control_end(struct engine *engine)
{
	if (engine->link.ctrl)
		ctrl_drop(engine->link.ctrl);
}
