/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes as text in JSON: base64url without padding (RFC 4648, 5). Strict: what is read is
 * what would be written, so that there is one text for the same bytes.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** define BASE64_ROOM - characters that @length bytes become, the ending NUL included */
#define BASE64_ROOM(length) (((length) * 4 + 2) / 3 + 1)

/**
 * base64_write() - bytes to text
 * @bytes: they
 * @length: how many
 * @ret: room for BASE64_ROOM(@length) characters
 */
void base64_write(const void *bytes, size_t length, char *ret);

/**
 * base64_read() - text to bytes
 * @text: it
 * @length: characters of it
 * @ret: room for @room bytes; may be changed on failure
 *
 * Return: bytes; -EBADMSG (not such a text); -EMSGSIZE (more than @room bytes).
 */
ssize_t base64_read(const char *text, size_t length, uint8_t *ret, size_t room);

#endif /* BASE_BASE64_H */
