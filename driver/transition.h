/* SPDX-License-Identifier: GPL-2.0-only */
/* The steps a request makes from state to state. */
#ifndef _VTPM_TRANSITION_H
#define _VTPM_TRANSITION_H

#include "queue.h"

void vtpm_wake_server(struct vtpm_queue *queue);
void vtpm_arm(struct vtpm_queue *queue, u32 ms);
void vtpm_enqueue(struct vtpm_queue *queue, struct vtpm_request *request, bool first);
void vtpm_dequeue(struct vtpm_queue *queue, struct vtpm_request *request);
void vtpm_finish(struct vtpm_queue *queue, struct vtpm_request *request,
		 enum vtpm_request_state state, int error);
void vtpm_lose(struct vtpm_queue *queue, struct vtpm_request *request, int error);
void vtpm_remove(struct vtpm_queue *queue, struct vtpm_request *request, int error);
void vtpm_disown(struct vtpm_queue *queue, enum vtpm_request_state state, int error);

#endif /* _VTPM_TRANSITION_H */
