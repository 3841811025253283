/* SPDX-License-Identifier: GPL-2.0-only */
/* One engine process after another, on the same state and checkpoint memory. */
#ifndef TORTURE_ENGINE_H
#define TORTURE_ENGINE_H

#include <sys/types.h>

#include <linux/vtpm.h>
#include <linux/types.h>

/**
 * struct engine - the present engine process and what outlives it
 * @program: path of vtpm-engine
 * @state_fd: the permanent store
 * @checkpoint_fd: the checkpoint memory
 * @instance: of the device
 * @manufacture: this engine may make a new TPM
 * @pid: of the process, 0 when there is none
 * @pidfd: of the process
 * @fd: our end of its link
 * @peer: a copy of its own end, to learn at its death what it had not read
 * @spawned: when it was started, nanoseconds
 */
struct engine {
	const char *program;
	int state_fd;
	int checkpoint_fd;
	u64 instance;
	bool manufacture;
	pid_t pid;
	int pidfd;
	int fd;
	int peer;
	u64 spawned;
};

/* A frame or an answer, with its payload. */
struct frame {
	struct vtpm_frame head;
	u8 payload[VTPM_COMMAND_SIZE];
};

struct answer {
	struct vtpm_answer head;
	u8 response[VTPM_COMMAND_SIZE];
};

void engine_spawn(struct engine *engine);
bool engine_dead(const struct engine *engine);
bool engine_send(struct engine *engine, const struct frame *frame);
bool engine_receive(struct engine *engine, struct answer *ret_answer);
bool engine_has_answer(const struct engine *engine);
bool engine_has_unread(const struct engine *engine);
u64 engine_unread(struct engine *engine);
void engine_kill(struct engine *engine);
int engine_reap(struct engine *engine);
void engine_forget(struct engine *engine);
int engine_leave(struct engine *engine);

#endif
