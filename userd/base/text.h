/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings for people, in buffers of fixed size: what does not fit is cut, on purpose.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/**
 * text_cut() - copy a string, as much as there is room for
 * @to: buffer, always ended by a NUL
 * @room: bytes of it, not 0
 * @from: string
 */
void text_cut(char *to, size_t room, const char *from);

#endif /* BASE_TEXT_H */
