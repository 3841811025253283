// SPDX-License-Identifier: BSD-3-Clause
/*
 * Requests, one row and one handler each; see the header.
 *
 * An error is four bytes, whatever the success would be, with one exception: GET_STATEBLOB
 * always has its 16, since QEMU 7.2 waits for them. A handler that answers more than its
 * result writes it itself and returns ANSWERED.
 */
#include "ctrl/ctrl.h"

#include <stdatomic.h>

#include <swtpm/tpm_ioctl.h>

#include "base/secret.h"

/* Later than the header that Debian 12 ships (swtpm 0.8) */
#define CMD_LOCK_STORAGE     0x13
#define PTM_CAP_LOCK_STORAGE (1 << 16)

#define HEAD	 4
#define LOCALITY 4 /* highest */
#define ANSWERED 0x10000

/* A state that is refused is read away up to this size. */
#define DISCARD_MAX (16u << 20)

#define CAPABILITIES                                                                             \
	(PTM_CAP_INIT | PTM_CAP_SHUTDOWN | PTM_CAP_GET_TPMESTABLISHED | PTM_CAP_SET_LOCALITY |   \
	 PTM_CAP_HASHING | PTM_CAP_CANCEL_TPM_CMD | PTM_CAP_STORE_VOLATILE |                     \
	 PTM_CAP_RESET_TPMESTABLISHED | PTM_CAP_STOP | PTM_CAP_GET_CONFIG | PTM_CAP_SET_DATAFD | \
	 PTM_CAP_SET_BUFFERSIZE | PTM_CAP_GET_INFO | PTM_CAP_LOCK_STORAGE)

struct call {
	struct ctrl *ctrl;
	struct cursor_in body;
	struct cursor_out *out;
	int *fd;
};

static int get_capability(struct call *call)
{
	uint64_t can = CAPABILITIES;

	/* Without them QEMU says at once that such a machine cannot be moved. */
	if (call->ctrl->ops->migrates(call->ctrl->context))
		can |= PTM_CAP_GET_STATEBLOB | PTM_CAP_SET_STATEBLOB;
	cursor_put_u64(call->out, can);
	return ANSWERED;
}

/* What is to go on must not be shut down first. */
static int stop(struct call *call)
{
	struct ctrl_note *note = call->ctrl->note;
	int r;

	if (note->off)
		return CTRL_OK;
	r = note->goes_on ? 0 : call->ctrl->ops->stop(call->ctrl->context);
	if (r >= 0)
		note->off = 1;
	return r;
}

static int init(struct call *call)
{
	struct ctrl_note *note = call->ctrl->note;
	uint32_t flags = cursor_get_u32(&call->body);
	int r = note->init == CTRL_NOTE_INIT_FAILED ? CTRL_FAIL : CTRL_OK;

	if (flags & ~(uint32_t)PTM_INIT_FLAG_DELETE_VOLATILE)
		return CTRL_BAD_PARAMETER;
	if (!note->init) {
		r = stop(call);
		if (!r)
			r = call->ctrl->ops->init(call->ctrl->context, note->goes_on);
		if (r < 0)
			return r;
		note->init = r ? CTRL_NOTE_INIT_FAILED : CTRL_NOTE_INIT_DONE;
		/* Before what tells a second one to do something else. */
		atomic_signal_fence(memory_order_release);
	}
	note->goes_on = 0;
	note->loaded = 0;
	note->off = r != 0;
	return r;
}

static int get_established(struct call *call)
{
	bool bit = false;
	int r = call->ctrl->ops->established(call->ctrl->context, &bit);

	if (r)
		return r;
	cursor_put_u32(call->out, CTRL_OK);
	cursor_put_u8(call->out, bit);
	cursor_put_raw(call->out, "\0\0", 3);
	return ANSWERED;
}

static int set_locality(struct call *call)
{
	uint8_t locality = cursor_get_u8(&call->body);

	if (locality > LOCALITY)
		return CTRL_BAD_LOCALITY;
	call->ctrl->note->locality = locality;
	return CTRL_OK;
}

static int hash(struct call *call, enum ctrl_hash part, const uint8_t *bytes, size_t length)
{
	return call->ctrl->ops->hash(call->ctrl->context, part, bytes, length);
}

static int hash_start(struct call *call)
{
	return hash(call, CTRL_HASH_START, NULL, 0);
}

static int hash_data(struct call *call)
{
	uint32_t length = cursor_get_u32(&call->body);

	if (length != call->body.left)
		return CTRL_BAD_PARAMETER;
	return hash(call, CTRL_HASH_DATA, call->body.at, length);
}

static int hash_end(struct call *call)
{
	return hash(call, CTRL_HASH_END, NULL, 0);
}

/* Where it is heard, no command runs; and storage is never given away. */
static int nothing(struct call *call)
{
	(void)call;
	return CTRL_OK;
}

static int store_volatile(struct call *call)
{
	call->ctrl->note->goes_on = 1;
	return CTRL_OK;
}

static int reset_established(struct call *call)
{
	uint8_t locality = cursor_get_u8(&call->body);

	if (locality > LOCALITY)
		return CTRL_BAD_LOCALITY;
	return call->ctrl->ops->reset_established(call->ctrl->context, locality);
}

static bool is_state(uint32_t type)
{
	return type == CTRL_STATE_PERMANENT || type == CTRL_STATE_VOLATILE;
}

static int get_state(struct call *call)
{
	struct ctrl *ctrl = call->ctrl;
	uint32_t flags = cursor_get_u32(&call->body);
	uint32_t type = cursor_get_u32(&call->body);
	uint32_t offset = cursor_get_u32(&call->body), total, left;
	struct cursor_out blob = cursor_out(ctrl->bytes, sizeof(ctrl->bytes));
	bool sealed = false;
	int r = CTRL_RETRY;

	if (is_state(type))
		r = ctrl->ops->get_state(ctrl->context, type, flags & PTM_STATE_FLAG_DECRYPTED,
					 &blob, &sealed);
	if (!r && blob.bad)
		r = CTRL_SIZE;
	total = r ? 0 : (uint32_t)blob.used;
	left = offset < total ? total - offset : 0;
	if (r >= 0) {
		cursor_put_u32(call->out, (uint32_t)r);
		cursor_put_u32(call->out, !r && sealed ? PTM_STATE_FLAG_ENCRYPTED : 0);
		cursor_put_u32(call->out, total);
		cursor_put_u32(call->out, left);
		cursor_put_raw(call->out, blob.base + total - left, left);
	}
	secret_wipe(blob.base, blob.used);
	return r < 0 ? r : ANSWERED;
}

static int refusal(const struct ctrl *ctrl, uint32_t type, uint32_t length)
{
	if (!ctrl->note->off)
		return CTRL_BAD_ORDINAL;
	if (!ctrl->ops->migrates(ctrl->context))
		return CTRL_KEY_NOT_FOUND;
	if (length > sizeof(ctrl->bytes))
		return CTRL_SIZE;
	return is_state(type) && length ? CTRL_OK : CTRL_BAD_PARAMETER;
}

/* The bytes come with it or later, and come all the same where they are not wanted. */
static int set_state(struct call *call)
{
	struct ctrl *ctrl = call->ctrl;
	uint32_t flags = cursor_get_u32(&call->body);
	uint32_t type = cursor_get_u32(&call->body);
	uint32_t length = cursor_get_u32(&call->body);

	ctrl->refusal = refusal(ctrl, type, length);
	if (!length || length > DISCARD_MAX)
		return ctrl->refusal;
	ctrl->receiving = true;
	ctrl->state = type;
	ctrl->sealed = flags & PTM_STATE_FLAG_ENCRYPTED;
	ctrl->want = length;
	ctrl->have = 0;
	ctrl->note->receiving = 1;
	return ANSWERED;
}

static int get_config(struct call *call)
{
	uint32_t flags = PTM_CONFIG_FLAG_FILE_KEY;

	if (call->ctrl->ops->migrates(call->ctrl->context))
		flags |= PTM_CONFIG_FLAG_MIGRATION_KEY;
	cursor_put_u32(call->out, CTRL_OK);
	cursor_put_u32(call->out, flags);
	return ANSWERED;
}

static int set_datafd(struct call *call)
{
	int r;

	if (*call->fd < 0)
		return CTRL_IO_ERROR;
	r = call->ctrl->ops->take_data(call->ctrl->context, *call->fd);
	if (!r)
		*call->fd = -1;
	return r;
}

static int set_buffersize(struct call *call)
{
	uint32_t wanted = cursor_get_u32(&call->body);
	struct ctrl_note *note = call->ctrl->note;
	struct ctrl_buffer buffer;

	if (wanted && !note->off)
		return CTRL_BAD_ORDINAL;
	call->ctrl->ops->buffer(call->ctrl->context, wanted, &buffer);
	if (wanted)
		note->buffer = buffer.now;
	cursor_put_u32(call->out, CTRL_OK);
	cursor_put_u32(call->out, buffer.now);
	cursor_put_u32(call->out, buffer.min);
	cursor_put_u32(call->out, buffer.max);
	return ANSWERED;
}

static int get_info(struct call *call)
{
	uint64_t flags = cursor_get_u64(&call->body);
	uint32_t offset = cursor_get_u32(&call->body), left;
	uint8_t text[PTM_GETINFO_SIZE];
	struct cursor_out info = cursor_out(text, sizeof(text));
	int r = call->ctrl->ops->info(call->ctrl->context, flags, &info);

	if (r)
		return r;
	if (info.bad)
		return CTRL_SIZE;
	left = offset < info.used ? (uint32_t)info.used - offset : 0;
	cursor_put_u32(call->out, CTRL_OK);
	cursor_put_u32(call->out, (uint32_t)info.used);
	cursor_put_u32(call->out, left);
	cursor_put_raw(call->out, text + info.used - left, left);
	return ANSWERED;
}

/* With more than the longest body it is an error, with less than the shortest not whole yet. */
static const struct row {
	uint32_t command;
	bool on; /* the TPM must be on */
	uint16_t least;
	uint16_t most;
	int (*run)(struct call *call);
} rows[] = {
	{ CMD_GET_CAPABILITY, false, 0, 0, get_capability },
	{ CMD_INIT, false, 4, 4, init },
	{ CMD_SHUTDOWN, false, 0, 0, stop },
	{ CMD_GET_TPMESTABLISHED, true, 0, 0, get_established },
	/* one byte, or the union that it is a member of */
	{ CMD_SET_LOCALITY, false, 1, 4, set_locality },
	{ CMD_HASH_START, true, 0, 0, hash_start },
	{ CMD_HASH_DATA, true, 4, CTRL_REQUEST_MAX - HEAD, hash_data },
	{ CMD_HASH_END, true, 0, 0, hash_end },
	{ CMD_CANCEL_TPM_CMD, true, 0, 0, nothing },
	{ CMD_STORE_VOLATILE, true, 0, 0, store_volatile },
	{ CMD_RESET_TPMESTABLISHED, true, 1, 4, reset_established },
	{ CMD_GET_STATEBLOB, true, 12, 12, get_state },
	{ CMD_SET_STATEBLOB, false, 12, 12, set_state },
	{ CMD_STOP, false, 0, 0, stop },
	{ CMD_GET_CONFIG, false, 0, 0, get_config },
	{ CMD_SET_DATAFD, false, 0, 0, set_datafd },
	{ CMD_SET_BUFFERSIZE, false, 4, 4, set_buffersize },
	{ CMD_GET_INFO, false, 12, 16, get_info },
	{ CMD_LOCK_STORAGE, false, 4, 4, nothing },
};

static const struct row *find(uint32_t command)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].command == command)
			return &rows[i];
	return NULL;
}

size_t ctrl_size(const struct ctrl *ctrl, const uint8_t *bytes, size_t have)
{
	struct cursor_in in = cursor_in(bytes, have);
	const struct row *row;
	size_t want = HEAD;

	if (ctrl->receiving)
		return have < ctrl->want - ctrl->have ? have : ctrl->want - ctrl->have;
	row = find(cursor_get_u32(&in));
	if (row)
		want += row->least;
	if (row && row->command == CMD_HASH_DATA) {
		uint32_t length = cursor_get_u32(&in);

		want += length <= CTRL_REQUEST_MAX - want ? length : 0;
	}
	if (in.bad || have < want)
		return 0;
	return row && row->command == CMD_SET_STATEBLOB ? want : have;
}

bool ctrl_takes_fd(const uint8_t *request, size_t length)
{
	struct cursor_in in = cursor_in(request, length);

	return cursor_get_u32(&in) == CMD_SET_DATAFD;
}

void ctrl_answered(struct ctrl_note *note)
{
	note->receiving = 0;
	note->took = 0;
	note->init = CTRL_NOTE_INIT_NONE;
}

static void forget(struct ctrl *ctrl)
{
	if (ctrl->have <= sizeof(ctrl->bytes))
		secret_wipe(ctrl->bytes, ctrl->have);
	ctrl->receiving = false;
	ctrl->want = 0;
	ctrl->have = 0;
}

void ctrl_drop(struct ctrl *ctrl)
{
	forget(ctrl);
	ctrl_answered(ctrl->note);
}

/* More of a state; with the last byte it is answered. */
static int receive(struct ctrl *ctrl, const uint8_t *bytes, size_t length)
{
	int r = ctrl->refusal;

	if (!r &&
	    !cursor_copy(ctrl->bytes + ctrl->have, sizeof(ctrl->bytes) - ctrl->have, bytes, length))
		return CTRL_FAIL;
	ctrl->have += length;
	if (ctrl->have < ctrl->want)
		return ANSWERED;
	if (!r)
		r = ctrl->ops->set_state(ctrl->context, ctrl->state, ctrl->sealed, ctrl->bytes,
					 ctrl->have);
	if (!r)
		ctrl->note->loaded |= (uint8_t)(1u << ctrl->state);
	forget(ctrl);
	return r;
}

static int execute(struct call *call)
{
	const struct row *row = find(cursor_get_u32(&call->body));
	const struct ctrl_note *note = call->ctrl->note;

	if (!row || (row->on && note->off))
		return CTRL_BAD_ORDINAL;
	if (call->body.left < row->least || call->body.left > row->most)
		return CTRL_BAD_PARAMETER;
	return row->run(call);
}

int ctrl_run(struct ctrl *ctrl, const uint8_t *request, size_t length, int *fd,
	     struct cursor_out *out)
{
	struct call call = {
		.ctrl = ctrl,
		.body = cursor_in(request, length),
		.out = out,
		.fd = fd,
	};
	int r = ctrl->receiving ? receive(ctrl, request, length) : execute(&call);

	if (r < 0)
		return r;
	if (r != ANSWERED)
		cursor_put_u32(out, (uint32_t)r);
	return 0;
}
