/* SPDX-License-Identifier: GPL-2.0-only */
/* When the patience of a request ends. */
#ifndef _VTPM_DEADLINE_H
#define _VTPM_DEADLINE_H

#include <linux/types.h>

struct vtpm_queue;
struct vtpm_request;

u64 vtpm_deadline(const struct vtpm_queue *queue, const struct vtpm_request *request, u32 longest);
u32 vtpm_longest_bound(const struct vtpm_queue *queue);
u64 vtpm_soonest_deadline(const struct vtpm_queue *queue);

#endif /* _VTPM_DEADLINE_H */
