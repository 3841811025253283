/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A state in clear as swtpm (0.7 on) sends and takes it where it has no keys, big-endian:
 *
 *	version u8 (2) | least version u8 (1) | size of this head u16 (10) | flags u16 (4) |
 *	size of all u32 | tag u16 (4) length u32 { tag u16 (1) length u32 { state } }
 */
#ifndef CTRL_BLOB_H
#define CTRL_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/** blob_put() - write a state; @out is bad where there is no room */
void blob_put(struct cursor_out *out, const uint8_t *state, size_t length);

/** blob_get() - find the state. Return: the first of its bytes, in @bytes; NULL: it is no blob */
const uint8_t *blob_get(const uint8_t *bytes, size_t length, size_t *ret_length);

#endif /* CTRL_BLOB_H */
