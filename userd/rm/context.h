/* SPDX-License-Identifier: BSD-3-Clause */
/* Saved contexts: inside the room. */
#ifndef RM_CONTEXT_H
#define RM_CONTEXT_H

#include "rm/rm.h"

/** rm_digest() - SHA-256. Return: false where OpenSSL fails */
bool rm_digest(const void *bytes, size_t length, uint8_t to[RM_DIGEST_SIZE]);

/**
 * rm_context_keep() - keep a context
 * @context: what it held is dropped
 *
 * Return: false where there is no slot, or it is too large; @context is empty then.
 */
bool rm_context_keep(struct rm *rm, struct rm_context *context, const uint8_t *bytes,
		     size_t length);

/** rm_context_drop() - give a context up; an empty one is fine */
void rm_context_drop(struct rm *rm, struct rm_context *context);

/**
 * rm_context_fetch() - read a context
 * @to: room for RM_CONTEXT_SIZE bytes
 *
 * Return: false where the memory does not hold it any more.
 */
bool rm_context_fetch(const struct rm *rm, const struct rm_context *context, uint8_t *to);

#endif /* RM_CONTEXT_H */
