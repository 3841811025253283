// SPDX-License-Identifier: GPL-2.0-only
/*
 * One frame that wants an answer: its memory. What happens to it is queue.c's.
 *
 * Commands and responses may hold secrets: freed requests are wiped.
 */
#include <linux/slab.h>

#include "request.h"

/**
 * vtpm_request_alloc() - make an IDLE request
 * @kind: &enum vtpm_frame_kind
 * @capacity: bytes of the largest command and response
 *
 * Return: a request with one reference, the caller's, or NULL.
 */
struct vtpm_request *vtpm_request_alloc(u16 kind, u32 capacity)
{
	struct vtpm_request *request;

	request = kzalloc(struct_size(request, data, capacity), GFP_KERNEL_ACCOUNT);
	if (!request)
		return NULL;

	refcount_set(&request->refs, 1);
	INIT_LIST_HEAD(&request->node);
	request->kind = kind;
	request->capacity = capacity;
	return request;
}

/**
 * vtpm_request_put() - drop a reference; the last one wipes and frees
 * @request: or NULL
 */
void vtpm_request_put(struct vtpm_request *request)
{
	if (!request || !refcount_dec_and_test(&request->refs))
		return;
	if (request->release)
		request->release(request);
	kfree_sensitive(request);
}
