/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An answer on its way: an operation, the asker's tag, an errno, a sentence, and where the
 * errno is 0 what stands beside the operation in wire/ipc_keyd.h.
 */
#ifndef KEYD_ANSWER_H
#define KEYD_ANSWER_H

#include "keyd/keyd.h"

struct answer {
	uint8_t bytes[KEYD_MESSAGE_MAX];
	struct ipc_out out;
};

/**
 * answer_begin() - write what all answers have
 * @error: 0 or -errno
 * @reason: its sentence; not looked at where @error is 0
 */
void answer_begin(struct answer *answer, uint32_t op, uint32_t tag, int error,
		  const struct reason *reason);

/** answer_finish() - send it, and wipe it. Return: as ipc_send() */
int answer_finish(struct keyd_peer *peer, struct answer *answer);

/** answer_plain() - one that has nothing more. Return: as ipc_send() */
int answer_plain(struct keyd_peer *peer, uint32_t op, uint32_t tag, int error,
		 const struct reason *reason);

#endif /* KEYD_ANSWER_H */
