// SPDX-License-Identifier: GPL-2.0
/*
 * Calls to the driver: see ops.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "fake_tpm.h"
#include "inject.h"
#include "ops.h"

#define PAGE 4096

static int *server_of(struct world *world, const struct op *op)
{
	return &world->fds[op->slot % SLOTS];
}

static int *client_of(struct world *world, const struct op *op)
{
	return &world->fds[SLOTS + op->slot % SLOTS];
}

/* Put a file in a slot; what was there is closed, whoever uses it just then. */
static void keep(int *slot, int fd)
{
	int old = __atomic_exchange_n(slot, fd < 0 ? -1 : fd, __ATOMIC_SEQ_CST);

	if (old >= 0)
		close(old);
}

/* Where an argument lies: mostly in order, else half in a hole, or nowhere. */
static void *place(struct world *world, const struct op *op, void *bytes, size_t size)
{
	uint8_t *half = world->pages + PAGE - size / 2;

	switch (op->place % 32) {
	case 0:
		return NULL;
	case 1:
		return bad_address();
	case 2:
		memcpy(half, bytes, size / 2);
		return half;
	}
	return bytes;
}

static void name_of(const struct op *op, char *name)
{
	snprintf(name, VTPM_NAME_SIZE, "fuzz-%u", op->device % DEVICES);
	if (op->place % 64 == 63)
		name[op->a % VTPM_NAME_SIZE] = op->b;
}

/* The size member now and then says something else. */
static uint32_t size_of(const struct op *op, size_t size)
{
	return op->place % 32 == 31 ? op->b % 5000 : size;
}

static void run_create(struct world *world, const struct op *op)
{
	struct vtpm_create arg = {
		.size = size_of(op, sizeof(arg)),
		.front_end = op->device % DEVICES == DEVICES - 1 ? VTPM_FRONT_END_CHIP
						       : VTPM_FRONT_END_DEVICE,
		.detached_ms = 1 + op->a % 100,
		.running_ms = 1 + op->b % 100,
		.uuid = { 1, op->device % DEVICES },
	};

	if (arg.front_end == VTPM_FRONT_END_CHIP)
		arg.flags = VTPM_CREATE_ALLOW_DEFAULT | (op->a & VTPM_CREATE_HWRNG);
	if (op->place % 64 == 62) {
		arg.flags = op->a;
		arg.mode = op->b;
		arg.uid = op->a >> 16;
	}
	name_of(op, arg.name);
	ioctl(world->control, VTPM_IOC_CREATE, place(world, op, &arg, sizeof(arg)));
}

static void run_destroy(struct world *world, const struct op *op)
{
	struct vtpm_destroy arg = { .size = size_of(op, sizeof(arg)) };

	name_of(op, arg.name);
	ioctl(world->control, VTPM_IOC_DESTROY, place(world, op, &arg, sizeof(arg)));
}

static void run_attach(struct world *world, const struct op *op)
{
	const uint32_t keeps = VTPM_ATTACH_JOURNALS | VTPM_ATTACH_ASKS;
	uint64_t *instance = &world->instances[op->device % DEVICES];
	struct vtpm_attach arg = {
		.size = size_of(op, sizeof(arg)),
		.flags = op->a % 4 ? 1 << op->a % 2 | (op->a & keeps) : op->b,
		.instance = __atomic_load_n(instance, __ATOMIC_SEQ_CST),
	};
	struct vtpm_attach *at = place(world, op, &arg, sizeof(arg));

	name_of(op, arg.name);
	if (ioctl(world->control, VTPM_IOC_ATTACH, at) || at != &arg)
		return;
	__atomic_store_n(instance, arg.instance, __ATOMIC_SEQ_CST);
	fcntl(arg.fd, F_SETFL, O_NONBLOCK);
	keep(server_of(world, op), arg.fd);
}

static void run_detach(struct world *world, const struct op *op)
{
	struct vtpm_detach arg = { .size = size_of(op, sizeof(arg)) };

	name_of(op, arg.name);
	if (op->place % 8 == 7)
		snprintf(arg.name, sizeof(arg.name), "proxy-%u", op->a % 64);
	ioctl(world->control, VTPM_IOC_DETACH, place(world, op, &arg, sizeof(arg)));
}

static void run_info(struct world *world, const struct op *op)
{
	struct vtpm_info arg = { .size = size_of(op, sizeof(arg)) };

	name_of(op, arg.name);
	ioctl(world->control, VTPM_IOC_INFO, place(world, op, &arg, sizeof(arg)));
}

static void run_list(struct world *world, const struct op *op)
{
	struct vtpm_list_entry entries[8];
	struct vtpm_list arg = {
		.size = size_of(op, sizeof(arg)),
		.count = op->a % 9,
		.entries = (uintptr_t)place(world, op, entries, sizeof(entries)),
		.cursor = op->b % 4 ? 0 : op->b,
	};

	ioctl(world->control, VTPM_IOC_LIST, &arg);
}

static void run_new_proxy(struct world *world, const struct op *op)
{
	struct vtpm_proxy_new_dev arg = { .flags = op->a % 8 ? VTPM_PROXY_FLAG_TPM2 : op->b % 3 };

	if (ioctl(world->control, VTPM_PROXY_IOC_NEW_DEV, place(world, op, &arg, sizeof(arg))))
		return;
	fcntl(arg.fd, F_SETFL, O_NONBLOCK);
	keep(server_of(world, op), arg.fd);
}

/* Any call on any file. */
static void run_ioctl(struct world *world, const struct op *op)
{
	uint8_t bytes[256];
	uint32_t size = op->b % 300;
	int fd = op->place % 2 ? world->control : *server_of(world, op);

	memset(bytes, op->b >> 8, sizeof(bytes));
	memcpy(bytes, &size, sizeof(size));
	ioctl(fd, op->a % 4 ? _IO(VTPM_IOC_TYPE, op->a % 256) : op->a, bytes);
}

static void run_open(struct world *world, const struct op *op)
{
	struct vtpm_info info = { .size = sizeof(info) };
	char path[64];

	name_of(op, info.name);
	if (ioctl(world->control, VTPM_IOC_INFO, &info))
		return;
	if (info.front_end == VTPM_FRONT_END_CHIP)
		snprintf(path, sizeof(path), op->a % 2 ? "/dev/tpm%d" : "/dev/tpmrm%d", info.chip);
	else
		snprintf(path, sizeof(path), op->a % 4 ? "/dev/vtpmrm%u" : "/dev/vtpm%u",
			 info.index);
	keep(client_of(world, op), open(path, O_RDWR | O_CLOEXEC | (op->b % 4 ? O_NONBLOCK : 0)));
}

static void run_write(struct world *world, const struct op *op)
{
	static const uint32_t codes[] = {
		TPM_CC_GET_RANDOM, TPM_CC_GET_RANDOM, TPM_CC_PCR_EXTEND, TPM_CC_CREATE_PRIMARY,
		TPM_CC_SET_LOCALITY,
	};
	uint8_t command[VTPM_COMMAND_SIZE + 16] = { 0 };
	uint32_t code = op->a % 8 ? codes[op->a % ARRAY_LENGTH(codes)] : op->b;
	size_t size = tpm_command(command, code, op->b);

	if (op->place % 8 == 7) {
		size = op->b % (sizeof(command) + 1);
		put_u32(command + 2, op->a % 3 ? size : op->b);
	}
	if (write(*client_of(world, op), place(world, op, command, size), size) < 0)
		return;
}

static void run_read(struct world *world, const struct op *op)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	size_t size = op->a % 4 ? sizeof(response) : op->b % 20;

	if (read(*client_of(world, op), place(world, op, response, size), size) < 0)
		return;
}

static void run_poll(struct world *world, const struct op *op)
{
	struct pollfd fds[2] = {
		{ .fd = *server_of(world, op), .events = POLLIN | POLLOUT },
		{ .fd = *client_of(world, op), .events = POLLIN | POLLOUT },
	};

	poll(fds, 2, op->a % 4);
}

/* A server that does its duty: so commands come back, and chips are registered. */
static void run_serve(struct world *world, const struct op *op)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	int fd = *server_of(world, op), count = 1 + op->a % 8, rc;
	struct frame frame;
	size_t size;

	while (count--) {
		rc = server_fetch(fd, &frame);
		if (rc == -ENOTTY) {
			fake_tpm_serve_bare(fd, 1);
			continue;
		}
		if (rc < 0)
			return;
		__atomic_store_n(&world->ids[op->slot % SLOTS], frame.head.id, __ATOMIC_SEQ_CST);
		if (frame.head.kind != VTPM_FRAME_COMMAND) {
			server_answer(fd, frame.head.id, 0, NULL, 0);
			continue;
		}
		size = fake_tpm_run(frame.payload, rc - sizeof(frame.head), response);
		server_answer(fd, frame.head.id, 0, response, size);
	}
}

static void run_exchange(struct world *world, const struct op *op)
{
	static const uint32_t errors[] = { EINVAL, EPERM, EBUSY, ENOMEM, EIO, ECANCELED, ETIME };
	struct {
		struct vtpm_answer head;
		uint8_t response[64];
	} answer = { .head.id = __atomic_load_n(&world->ids[op->slot % SLOTS], __ATOMIC_SEQ_CST) };
	struct frame frame = { 0 };
	struct vtpm_exchange arg = { .size = size_of(op, sizeof(arg)) };
	size_t size = sizeof(answer.head);

	if (op->b % 4)
		size += tpm_build(answer.response, TPM_NO_SESSIONS, 0, NULL, 0);
	else
		answer.head.error = op->b % 8 ? errors[op->b / 8 % ARRAY_LENGTH(errors)] : 0;
	if (op->b % 16 == 15)
		answer.head.id += (int32_t)op->a;
	if (op->b % 16 == 14)
		size = op->a % sizeof(answer);
	answer.head.size = op->b % 32 == 13 ? op->a : size;
	if (op->a % 4) {
		arg.answer = (uintptr_t)place(world, op, &answer, size);
		arg.answer_size = size;
	}
	if (op->a % 3) {
		arg.frame = (uintptr_t)place(world, op, &frame, sizeof(frame));
		arg.frame_size = op->a % 32 == 31 ? op->b : sizeof(frame);
	}
	if (ioctl(*server_of(world, op), VTPM_IOC_EXCHANGE, &arg) > 0)
		__atomic_store_n(&world->ids[op->slot % SLOTS], frame.head.id, __ATOMIC_SEQ_CST);
}

static void run_server_read(struct world *world, const struct op *op)
{
	struct frame frame = { 0 };
	size_t size = op->a % 8 ? sizeof(frame) : op->b % sizeof(frame);

	if (read(*server_of(world, op), place(world, op, &frame, size), size) > 0)
		__atomic_store_n(&world->ids[op->slot % SLOTS], frame.head.id, __ATOMIC_SEQ_CST);
}

static void run_server_write(struct world *world, const struct op *op)
{
	uint8_t bytes[VTPM_COMMAND_SIZE + 64] = { 0 };
	size_t size = op->a % 4 ? tpm_build(bytes, TPM_NO_SESSIONS, 0, NULL, 0)
				: op->b % sizeof(bytes);

	if (write(*server_of(world, op), place(world, op, bytes, size), size) < 0)
		return;
}

static void run_wake(struct world *world, const struct op *op)
{
	ioctl(*server_of(world, op), VTPM_IOC_WAKE);
}

static void run_abandoned(struct world *world, const struct op *op)
{
	ioctl(*server_of(world, op), VTPM_IOC_ABANDONED);
}

static void run_locality(struct world *world, const struct op *op)
{
	struct vtpm_locality arg = { .size = size_of(op, sizeof(arg)), .locality = op->a % 6 };

	ioctl(*client_of(world, op), VTPM_IOC_LOCALITY, place(world, op, &arg, sizeof(arg)));
}

static void run_ask(struct world *world, const struct op *op)
{
	struct vtpm_ask arg = {
		.size = size_of(op, sizeof(arg)),
		.flags = op->a % 8 ? VTPM_ASK_DIGEST : op->b,
		.nonce = { op->a },
	};

	ioctl(*client_of(world, op), VTPM_IOC_ASK, place(world, op, &arg, sizeof(arg)));
}

static void run_proof(struct world *world, const struct op *op)
{
	uint8_t bytes[64];
	struct vtpm_proof arg = {
		.size = size_of(op, sizeof(arg)),
		.proof = (uintptr_t)place(world, op, bytes, sizeof(bytes)),
		.length = op->a % sizeof(bytes),
	};

	ioctl(*client_of(world, op), VTPM_IOC_PROOF, place(world, op, &arg, sizeof(arg)));
}

static void run_tell(struct world *world, const struct op *op)
{
	uint8_t bytes[64] = { 0 };
	struct vtpm_tell arg = {
		.size = size_of(op, sizeof(arg)),
		.instance = __atomic_load_n(&world->instances[op->device % DEVICES],
					    __ATOMIC_SEQ_CST),
		.id = op->a % 32,
		.error = op->b % 4 ? 0 : EIO,
	};

	if (!arg.error) {
		arg.proof = (uintptr_t)place(world, op, bytes, sizeof(bytes));
		arg.length = op->b % sizeof(bytes);
	}
	name_of(op, arg.name);
	ioctl(world->control, VTPM_IOC_TELL, place(world, op, &arg, sizeof(arg)));
}

static void run_blocking(struct world *world, const struct op *op)
{
	int fd = op->a % 2 ? *server_of(world, op) : *client_of(world, op);

	fcntl(fd, F_SETFL, op->b % 2 ? O_NONBLOCK : 0);
}

static void run_close(struct world *world, const struct op *op)
{
	keep(op->a % 2 ? server_of(world, op) : client_of(world, op), -1);
}

static void run_sysfs(struct world *world, const struct op *op)
{
	static const char *const files[] = {
		"name", "uuid", "state", "uevent", "cancel", "cancel",
	};
	struct vtpm_info info = { .size = sizeof(info) };
	char path[96], text[256];
	int fd;

	name_of(op, info.name);
	if (ioctl(world->control, VTPM_IOC_INFO, &info))
		return;
	if (info.front_end == VTPM_FRONT_END_CHIP)
		snprintf(path, sizeof(path), "/sys/class/tpm/tpm%d/pcr-sha256/0", info.chip);
	else
		snprintf(path, sizeof(path), "/sys/class/vtpm/vtpm%u/%s", info.index,
			 files[op->a % ARRAY_LENGTH(files)]);
	fd = open(path, (op->b % 2 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
	if (fd < 0)
		return;
	if ((op->b % 2 ? read(fd, text, sizeof(text)) : write(fd, "1\n", 2)) < 0)
		sleep_ms(1);
	close(fd);
}

#define KIND(name) { #name, run_##name }

static const struct {
	const char *name;
	void (*run)(struct world *world, const struct op *op);
} kinds[] = {
	KIND(create), KIND(destroy), KIND(attach), KIND(attach), KIND(detach), KIND(info),
	KIND(list), KIND(new_proxy), KIND(ioctl), KIND(open), KIND(open), KIND(write),
	KIND(write), KIND(write), KIND(read), KIND(read), KIND(poll), KIND(serve), KIND(serve),
	KIND(serve), KIND(exchange), KIND(exchange), KIND(server_read), KIND(server_write),
	KIND(wake), KIND(abandoned), KIND(locality), KIND(ask), KIND(proof),
	KIND(tell), KIND(blocking), KIND(close), KIND(sysfs),
};

const unsigned int op_kinds = ARRAY_LENGTH(kinds);

const char *op_name(const struct op *op)
{
	return kinds[op->kind % op_kinds].name;
}

void op_run(struct world *world, const struct op *op)
{
	if (op->fail)
		inject_arm(op->fail);
	kinds[op->kind % op_kinds].run(world, op);
	if (op->fail)
		inject_disarm();
}

/* A chip needs a dozen right answers to be registered: some server has to mean well. */
void world_serve_chip(struct world *world)
{
	const struct op op = { .device = DEVICES - 1, .place = 16, .a = 99, .b = 99 };
	struct vtpm_attach arg = { .size = sizeof(arg), .flags = VTPM_ATTACH_RESET };

	run_create(world, &op);
	name_of(&op, arg.name);
	if (ioctl(world->control, VTPM_IOC_ATTACH, &arg)) {
		sleep_ms(1);
		return;
	}
	fake_tpm_serve_framed(arg.fd, -1);
	close(arg.fd);
}

int world_init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	memset(world->fds, 0xff, sizeof(world->fds));
	world->control = control_open();
	world->pages = page_before_hole();
	if (world->control < 0)
		return world->control;
	return world->pages ? 0 : -ENOMEM;
}

void world_free(struct world *world)
{
	unsigned int i;

	for (i = 0; i < 2 * SLOTS; i++)
		keep(&world->fds[i], -1);
	close(world->control);
}
