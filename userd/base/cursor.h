/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounded cursors: the only way to touch bytes that come from, or go to,
 * somebody else.
 *
 * A reader walks over bytes it does not own, a writer fills a buffer it does
 * not own. Both carry a sticky error: the first access beyond the end marks the
 * cursor bad, every later one does nothing and reads zero. So a parser reads like
 * the table of the specification it follows, and asks once, at the end, whether
 * all of it was true. Integers are big-endian, as on the TPM's wire (Part 1, 4.1);
 * *_le*() read little-endian ones, as firmware and IMA write them in their logs, and
 * *_raw() moves bytes as they are.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct cursor_in - reader
 * @at: next byte
 * @left: bytes left
 * @bad: something was read beyond the end; stays so
 */
struct cursor_in {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/**
 * struct cursor_out - writer
 * @base: first byte of the buffer
 * @used: bytes written
 * @room: bytes of the buffer
 * @bad: something did not fit; stays so
 */
struct cursor_out {
	uint8_t *base;
	size_t used;
	size_t room;
	bool bad;
};

/**
 * cursor_in() - read @length bytes at @bytes
 */
struct cursor_in cursor_in(const void *bytes, size_t length);

uint8_t cursor_get_u8(struct cursor_in *in);
uint16_t cursor_get_u16(struct cursor_in *in);
uint32_t cursor_get_u32(struct cursor_in *in);
uint64_t cursor_get_u64(struct cursor_in *in);

uint16_t cursor_get_le16(struct cursor_in *in);
uint32_t cursor_get_le32(struct cursor_in *in);
uint64_t cursor_get_le64(struct cursor_in *in);

/**
 * cursor_get_bytes() - step over @length bytes
 *
 * Return: where they are, still owned by whoever owns the input; NULL when
 * there are fewer.
 */
const uint8_t *cursor_get_bytes(struct cursor_in *in, size_t length);

/**
 * cursor_get_raw() - copy the next @length bytes to @to; zeros if there are fewer
 */
void cursor_get_raw(struct cursor_in *in, void *to, size_t length);

/**
 * cursor_sub() - a reader of the next @length bytes; this one steps over them
 *
 * Where there are fewer both are bad.
 */
struct cursor_in cursor_sub(struct cursor_in *in, size_t length);

/**
 * cursor_ended() - was all of the input read, and nothing beyond?
 */
bool cursor_ended(const struct cursor_in *in);

/**
 * cursor_out() - write into @room bytes at @buffer
 */
struct cursor_out cursor_out(void *buffer, size_t room);

void cursor_put_u8(struct cursor_out *out, uint8_t value);
void cursor_put_u16(struct cursor_out *out, uint16_t value);
void cursor_put_u32(struct cursor_out *out, uint32_t value);
void cursor_put_u64(struct cursor_out *out, uint64_t value);
void cursor_put_raw(struct cursor_out *out, const void *from, size_t length);

/**
 * cursor_patch_u32() - overwrite four bytes written earlier, such as a size
 */
void cursor_patch_u32(struct cursor_out *out, size_t offset, uint32_t value);

/**
 * cursor_copy() - copy @length bytes from @from to a buffer of @room bytes
 *
 * Return: false, and nothing copied, where they do not fit.
 */
bool cursor_copy(void *to, size_t room, const void *from, size_t length);

/**
 * cursor_is_zero() - are these bytes all zero? Not in constant time.
 */
bool cursor_is_zero(const void *bytes, size_t length);

#endif /* BASE_CURSOR_H */
